"""Pick a gene and see its predicted functions and why; pick a term and see its genes.

Python keeps the state and makes of it one picture, `_view`, that the browser draws; the browser sends what was clicked
and typed, and Python answers with the next picture.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import traitlets as t
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray

from genolab.checks import check_known
from genolab.function.browser.layout import lay_out
from genolab.function.browser.static import StaticView
from genolab.function.explain import Explanation, explain_terms, row_of
from genolab.function.ontology.graph import Ontology
from genolab.sequences.protein import decode_protein
from genolab.widgets.shared.base import NotebookWidget
from genolab.widgets.shared.name_search import NameSearch

if TYPE_CHECKING:
    from genolab.widgets.latent.widget import LatentExplorer

Residues = Callable[[int, int], ArrayLike]

_MOST: Final = 28  # terms that have room
_GENES: Final = 40  # genes of a term that are listed


class FunctionBrowser(NotebookWidget):
    """Browse genes and their predicted functions on the graph of an ontology, with the evidence for each.

    Pick a gene: its likeliest terms stand on the graph, broader ones left; a term that is clicked shows from which
    narrower one it follows, how many of the nearest training genes have it, and which residues contribute to it. Pick a
    term: its likeliest genes are listed, and selected in a latent explorer that is linked.

    Parameters
    ----------
    adata
        Genes, with ``uns["terms"]``, and ``obsm["terms"]`` where terms are known; not changed.
    probabilities
        ``(n_obs, n_terms)``, as a model predicts them.
    ontology
        What implies what, and names; ``None``: what the AnnData brings along, see `genolab.function.Ontology.of`.
    basis
        Key of ``obsm`` with the latent space in which neighbours are sought; ``None``: no neighbours.
    training
        ``(n_obs,)`` booleans: genes that the model learned from, among which neighbours are sought; ``None``: all.
    residues
        Called with a gene's and a term's number for ``(length,)`` contributions of its residues, as
        `genolab.function.residue_scores` makes them; ``None``: none are shown.
    explorer
        A `LatentExplorer` of the same genes. A term's genes are selected in it, and the first gene of a selection made
        in it is shown here.
    threshold
        Terms at least this probable are shown, and genes at least this probable are a term's.

    Attributes
    ----------
    gene, term
        What is shown: a name and an id; set them to change it.
    namespace
        Only terms of this namespace; ``""``: all.
    threshold
        See above.

    Examples
    --------
    >>> browser = FunctionBrowser(proteins, probabilities, basis="X_function", explorer=explorer)
    >>> browser  # click a term, then, in the next cell:
    >>> proteins[browser.genes]
    """

    gene = t.Unicode().tag(sync=True)
    term = t.Unicode().tag(sync=True)
    namespace = t.Unicode("").tag(sync=True)
    threshold = t.Float(0.2).tag(sync=True)

    _view = t.Dict().tag(sync=True)
    _spaces = t.List(t.Unicode()).tag(sync=True)

    def __init__(
        self,
        adata: AnnData,
        probabilities: ArrayLike,
        *,
        ontology: Ontology | None = None,
        basis: str | None = None,
        training: ArrayLike | None = None,
        residues: Residues | None = None,
        explorer: "LatentExplorer | None" = None,
        threshold: float = 0.2,
    ) -> None:
        self._ontology = Ontology.of(adata) if ontology is None else ontology
        self._terms = [self._ontology.current(str(term)) for term in adata.uns["terms"]]
        self._adata, self._scores = adata, _checked(probabilities, adata)
        self._basis, self._training, self._residues = basis, training, residues
        self._names = NameSearch().add("", adata.obs_names)
        self._explorer = explorer
        gene = str(adata.obs_names[0])
        self._explanation = self._explain(gene)
        super().__init__(gene=gene, term=self._likeliest("", threshold), threshold=threshold)
        self._spaces = sorted({self._ontology.namespace[term] for term in self._terms} - {""})
        self._is_settling = self._is_selecting = False
        self._show()
        self.observe(self._update, ["gene", "term", "namespace", "threshold"])
        if explorer is not None:
            self._link(explorer)

    # ---- in Python ---------------------------------------------------------------------------

    @property
    def genes(self) -> NDArray[np.bool_]:
        """The genes that are predicted to have the term, ``(n_obs,)`` booleans: ``adata[browser.genes]``."""
        has_term: NDArray[np.bool_] = self._scores[:, self._terms.index(self.term)] >= self.threshold
        return has_term

    @property
    def explanation(self) -> Explanation:
        """All that is known of the gene, as tables; see `genolab.function.explain_terms`."""
        return self._explanation

    def png(self) -> bytes:
        """Draw what is shown, as a PNG."""
        return StaticView(self._view).png()

    def __repr__(self) -> str:
        at = self._terms.index(self.term)
        probability = self._scores[row_of(self._adata, self.gene), at]
        return f"FunctionBrowser: {self.gene}, {self._ontology.names[self.term]}, {100 * probability:.0f} %"

    # ---- the picture --------------------------------------------------------------------------------------------

    def _explain(self, gene: str) -> Explanation:
        return explain_terms(
            self._adata, gene, self._scores, ontology=self._ontology, basis=self._basis, training=self._training
        )

    def _likeliest(self, namespace: str, threshold: float) -> str:
        """Return the deepest of the gene's terms that are likely, the likeliest of these."""
        table = self._explanation.terms.set_axis(self._terms)
        table = table[table["namespace"] == namespace] if namespace else table
        likely = table[table["probability"] >= max(threshold, 0.5)]
        if likely.empty:
            return str(table["probability"].idxmax())
        return str(likely.sort_values(["depth", "probability"], ascending=False).index[0])

    def _shown(self) -> tuple[list[str], int]:
        """Return the terms to be shown, and how many there are: likely or known ones, and the one that was picked."""
        table = self._explanation.terms.set_axis(self._terms)
        if self.namespace:
            table = table[table["namespace"] == self.namespace]
        wanted = table[(table["probability"] >= self.threshold) | table["known"]]
        order = wanted.sort_values(["probability", "depth"], ascending=[False, True]).index.tolist()
        picked = [self.term, *self._ontology.ancestors(self.term)] if self.term in table.index else []
        chosen = dict.fromkeys([term for term in picked if term in table.index] + order)
        shown = list(chosen)[: max(_MOST, len(picked))]
        return shown, len(chosen)

    def _show(self) -> None:
        """Make the picture anew and publish it."""
        shown, n_all = self._shown()
        layout, table = lay_out(self._ontology, shown), self._explanation.terms.set_axis(self._terms)
        columns, rows = layout.size
        nodes = [
            {
                **_node(term, table.loc[term]),
                "column": layout.column[term],
                "row": layout.row[term],
            }
            for term in sorted(shown, key=lambda term: (layout.column[term], layout.row[term]))
        ]
        view = {
            "gene": self.gene,
            "about": self._about(),
            "nodes": nodes,
            "links": [list(link) for link in layout.links],
            "columns": columns,
            "rows": rows,
            "nAll": n_all,
            "hasKnown": "terms" in self._adata.obsm,
            "isLinked": self._explorer is not None,
            "term": self._evidence(table),
        }
        self._publish(_view=view)

    def _about(self) -> str:
        """Describe the gene by ``obs``, in one line."""
        row = self._adata.obs.iloc[row_of(self._adata, self.gene)]
        parts = [f"{name} {row[name]}" for name in row.index[:4] if str(row[name]) not in {"", self.gene}]
        return ", ".join(parts)

    def _evidence(self, table: Any) -> dict[str, Any]:
        """Return the evidence for the term that was picked, and its likeliest genes."""
        at = self._terms.index(self.term)
        row = table.loc[self.term]
        source = row["follows_from"]
        near = self._explanation.neighbours
        return {
            **_node(self.term, row),
            "follows": _node(self._ontology.current(source), table.loc[self._ontology.current(source)])
            if source
            else None,
            "implies": [_node(one, table.loc[one]) for one in self._ontology.parents[self.term] if one in table.index],
            "neighbours": [
                {"gene": gene, "distance": float(distance), "has": bool(has)}
                for gene, distance, has in zip(near["gene"], near["distance"], self._have(near["row"], at), strict=True)
            ],
            "genes": self._genes_of(at),
            "nGenes": int((self._scores[:, at] >= self.threshold).sum()),
            "residues": self._residue_track(at),
        }

    def _have(self, rows: ArrayLike, at: int) -> NDArray[np.bool_]:
        """Return which genes are known to have a term."""
        if "terms" not in self._adata.obsm:
            return np.zeros(np.shape(rows), dtype=np.bool_)
        column = self._adata.obsm["terms"][:, [at]]
        has = np.asarray(column.toarray() if hasattr(column, "toarray") else column)[:, 0] > 0
        known: NDArray[np.bool_] = has[np.asarray(rows, dtype=np.int64)]
        return known

    def _genes_of(self, at: int) -> list[dict[str, Any]]:
        best = np.argsort(-self._scores[:, at], kind="stable")[:_GENES]
        return [
            {"gene": str(self._adata.obs_names[row]), "probability": float(self._scores[row, at]), "known": bool(has)}
            for row, has in zip(best, self._have(best, at), strict=True)
        ]

    def _residue_track(self, at: int) -> dict[str, Any] | None:
        """Return the gene's residues and their contributions."""
        if self._residues is None or "sequence" not in self._adata.obsm:
            return None
        row = row_of(self._adata, self.gene)
        (sequence,) = decode_protein(self._adata.obsm["sequence"][row])
        scores = np.asarray(self._residues(row, at), dtype=np.float64)[: len(sequence)]
        return {"sequence": sequence, "scores": np.round(scores, 5).tolist()}

    # ---- changes -------------------------------------------------------------------------------------------

    @t.validate("gene")
    def _check_gene(self, proposal: Any) -> str:
        return str(self._adata.obs_names[row_of(self._adata, proposal["value"])])

    @t.validate("term")
    def _check_term(self, proposal: Any) -> str:
        term = self._ontology.current(proposal["value"])
        if term not in self._terms:
            raise KeyError(f"{term!r} is none of the terms that were predicted: uns['terms'] has {len(self._terms):,}")
        return term

    @t.validate("namespace")
    def _check_namespace(self, proposal: Any) -> str:
        check_known("namespaces", [proposal["value"]], ("", *self._spaces))
        return str(proposal["value"])

    @t.validate("threshold")
    def _check_threshold(self, proposal: Any) -> float:
        if not 0 <= proposal["value"] <= 1:
            raise ValueError(f"threshold is a probability, 0 to 1, got {proposal['value']}")
        return float(proposal["value"])

    def _update(self, change: Any) -> None:
        """Take up what was set, here or by a message."""
        if self._is_settling:
            return
        if change["name"] == "gene":
            self._explanation = self._explain(self.gene)
        self._settle(change["name"])
        self._show()
        if change["name"] in ("term", "threshold"):
            self._select()

    def _settle(self, name: str) -> None:
        """Pick another term where the namespace has changed."""
        if name == "namespace" and self.namespace not in ("", self._ontology.namespace[self.term]):
            self._is_settling = True
            self.term = self._likeliest(self.namespace, self.threshold)
            self._is_settling = False

    def _link(self, explorer: "LatentExplorer") -> None:
        if len(explorer.selection) != self._adata.n_obs:
            raise ValueError(
                f"the explorer must show the same genes, {self._adata.n_obs:,}; it shows {len(explorer.selection):,}"
            )
        explorer.observe(self._show_selected, ["n_selected", "_mask"])

    def _select(self) -> None:
        """Select the term's genes in the explorer."""
        if self._explorer is not None:
            self._is_selecting = True
            self._explorer.select(self.genes)
            self._is_selecting = False

    def _show_selected(self, _: Any) -> None:
        """Show the first of the genes that were selected by hand, the likeliest to have the term."""
        chosen = np.flatnonzero([] if self._explorer is None else self._explorer.selection)
        if self._is_selecting or len(chosen) == 0:
            return
        best = chosen[self._scores[chosen, self._terms.index(self.term)].argmax()]
        self.gene = str(self._adata.obs_names[best])

    def _handle(self, kind: str, content: dict[str, Any]) -> dict[str, Any] | None:
        if kind == "find":
            return self._names.answer(content["text"])
        if kind == "select":
            self._select()
        for name in ("gene", "namespace", "term", "threshold"):
            if name in content:
                setattr(self, name, content[name])
        return None


def _node(term: str, row: Any) -> dict[str, Any]:
    share = float(row["neighbours"])
    return {
        "id": term,
        "name": str(row["name"]),
        "namespace": str(row["namespace"]),
        "probability": round(float(row["probability"]), 4),
        "known": bool(row["known"]),
        "share": None if np.isnan(share) else share,
    }


def _checked(probabilities: ArrayLike, adata: AnnData) -> NDArray[np.float32]:
    if "terms" not in adata.uns:
        raise KeyError(f"a FunctionBrowser needs uns['terms'], the terms' ids; uns has {sorted(adata.uns)}")
    values = np.asarray(probabilities, dtype=np.float32)
    wanted = (adata.n_obs, len(adata.uns["terms"]))
    if values.shape != wanted:
        raise ValueError(f"probabilities are one a gene and term, {wanted}, got the shape {values.shape}")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("probabilities lie in 0 to 1, and some don't: pass what predict gives, not logits")
    return values
