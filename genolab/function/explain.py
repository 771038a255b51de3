"""Why a function is predicted: near neighbours, residues, and which term follows from which."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray
from torch import nn

from genolab.checks import check_key, meant
from genolab.infer.lend import to_numpy
from genolab.sequences.protein import RESIDUES

if TYPE_CHECKING:
    from genolab.function.ontology.graph import Ontology

Array = NDArray[np.float32]

_TOLERANCE: Final = 1e-4  # a term follows from a narrower one whose probability is at most this much lower
_UNKNOWN: Final = 1 + RESIDUES.index("X")


class Explanation(NamedTuple):
    """The terms of one gene, with their evidence."""

    gene: str
    # A row a term, by its id: name, namespace, depth, probability; known, whether the gene is known to have it;
    # follows_from, the narrower term whose probability it has by the true-path rule ("" where it has its own);
    # neighbours, the share of the nearest training genes that have it (NaN without any).
    terms: pd.DataFrame
    neighbours: pd.DataFrame  # the nearest training genes, the nearest first: gene, row, distance


def explain_terms(
    adata: AnnData,
    gene: str | int,
    probabilities: ArrayLike,
    *,
    ontology: "Ontology | None" = None,
    basis: str | None = None,
    training: ArrayLike | None = None,
    n_neighbours: int = 8,
) -> Explanation:
    """Return for each term of a gene its probability, the term it follows from, and how many near neighbours have it.

    Parameters
    ----------
    adata, gene
        Genes with ``uns["terms"]`` and, where they are known, ``obsm["terms"]``, 0 and 1; a name or row number.
    probabilities
        ``(n_obs, n_terms)``, as a model predicts them.
    ontology
        By default that of the AnnData, see `genolab.function.Ontology.of`.
    basis
        Key of ``obsm`` with the latent space of the neighbours; ``None``: no neighbours.
    training
        ``(n_obs,)`` booleans: the training genes, among which neighbours are sought; ``None``: all.
    """
    from genolab.function.ontology.graph import Ontology

    graph = Ontology.of(adata) if ontology is None else ontology
    ids = [str(term) for term in adata.uns["terms"]]
    row = row_of(adata, gene)
    scores = np.asarray(probabilities)
    if scores.shape != (adata.n_obs, len(ids)):
        raise ValueError(
            f"probabilities are one a gene and term, ({adata.n_obs:,}, {len(ids):,}), got the shape {scores.shape}"
        )
    near = _neighbours(adata, row, basis, training, n_neighbours)
    known = _known(adata, [row], len(ids))[0]
    share = _known(adata, near["row"].to_numpy(), len(ids)).mean(axis=0) if len(near) else np.full(len(ids), np.nan)
    table = pd.DataFrame(
        {
            "name": [graph.names[graph.current(term)] for term in ids],
            "namespace": [graph.namespace[graph.current(term)] for term in ids],
            "depth": [graph.depth[graph.current(term)] for term in ids],
            "probability": scores[row].astype(float),
            "known": known > 0,
            "follows_from": _sources(graph, ids, scores[row]),
            "neighbours": share,
        },
        index=pd.Index(ids, name="term"),
    )
    return Explanation(str(adata.obs_names[row]), table, near)


def row_of(adata: AnnData, gene: str | int) -> int:
    """Return the number of a gene's row."""
    if isinstance(gene, str) and gene in adata.obs_names:
        row = adata.obs_names.get_loc(gene)
        if isinstance(row, int):
            return row
        raise KeyError(f"{gene!r} names several rows: make names unique by adata.obs_names_make_unique()")
    if isinstance(gene, int | np.integer) and 0 <= gene < adata.n_obs:
        return int(gene)
    near = meant(gene, adata.obs_names)
    raise KeyError(f"{gene!r} is no gene of this AnnData: pass one of obs_names, such as {adata.obs_names[0]!r}{near}")


def _known(adata: AnnData, rows: Any, n_terms: int) -> NDArray[np.float64]:
    if "terms" not in adata.obsm:
        return np.zeros((len(rows), n_terms))
    terms = adata.obsm["terms"][rows]
    return np.asarray(terms.toarray() if hasattr(terms, "toarray") else terms, dtype=np.float64)


def _neighbours(adata: AnnData, row: int, basis: str | None, training: ArrayLike | None, n: int) -> pd.DataFrame:
    none = pd.DataFrame({"gene": [], "row": np.array([], dtype=np.int64), "distance": []})
    if basis is None:
        return none
    check_key(adata, "obsm", basis)
    among = np.ones(adata.n_obs, dtype=np.bool_) if training is None else np.array(training, dtype=np.bool_)
    if among.shape != (adata.n_obs,):
        raise ValueError(f"training has one boolean a gene, ({adata.n_obs:,},), got the shape {among.shape}")
    among[row] = False
    space = np.asarray(adata.obsm[basis], dtype=np.float64)
    distance = np.where(among, np.linalg.norm(space - space[row], axis=1), np.inf)
    nearest = np.argsort(distance, kind="stable")[: min(n, int(among.sum()))]
    names = adata.obs_names[nearest].astype(str)
    return pd.DataFrame({"gene": names, "row": nearest, "distance": distance[nearest]})


def _sources(graph: "Ontology", ids: Sequence[str], scores: NDArray[Any]) -> list[str]:
    """Return for each term the most probable directly narrower one, if the term is no more probable than that."""
    position = {graph.current(term): at for at, term in enumerate(ids)}
    sources = []
    for term, at in position.items():
        narrower = [position[child] for child in graph.children[term] if child in position]
        best = max(narrower, key=lambda one: scores[one], default=None)
        sources.append(ids[best] if best is not None and scores[best] >= scores[at] - _TOLERANCE else "")
    return sources


def residue_scores(
    model: "nn.Module | Callable[[torch.Tensor], torch.Tensor]",
    sequence: ArrayLike,
    *,
    target: int,
    width: int = 9,
    batch_size: int = 256,
) -> Array:
    """Return the contribution of each residue to a term by occlusion (Zeiler and Fergus 2014), ``(length,)`` float32.

    Windows of `width` residues are masked, as if each were an X, and the fall of the logit is shared among them; a
    residue has the mean over the windows that cover it. Masking single residues shows little, since homologs differ in
    most of them.

    `model` is a module with ``logits(x)``, or a callable, from ``(n, length)`` uint8 codes to ``(n, n_terms)``;
    `sequence` is ``(length,)`` uint8, as from `genolab.sequences.encode_protein`; `target` is the column of the term.
    """
    codes = to_numpy(sequence, np.uint8)
    if codes.ndim != 1 or not codes.any() or width < 1:
        raise ValueError(
            f"residues are one row of codes, (length,), some of them not 0, masked 1 or more at a time; got the shape "
            f"{codes.shape} and width={width}"
        )
    n = int(np.flatnonzero(codes)[-1]) + 1
    starts = np.arange(1 - width, n)
    at = np.arange(len(codes))
    masked = (at >= starts[:, None]) & (at < starts[:, None] + width) & (codes > 0)  # (n_windows, length)
    rows = np.concatenate([codes[None], np.where(masked, _UNKNOWN, codes)])
    values = _outputs(model, rows, target, batch_size)
    fall = (values[0] - values[1:]) / masked.sum(axis=1)
    score: Array = (fall @ masked / np.maximum(masked.sum(axis=0), 1)).astype(np.float32)
    return score


def _outputs(model: Any, rows: NDArray[np.uint8], target: int, batch_size: int) -> NDArray[np.float64]:
    from genolab.infer.scorer import Scorer

    scorer = Scorer(model, target) if isinstance(model, nn.Module) else None
    parts = []
    with torch.no_grad():
        for at in range(0, len(rows), batch_size):
            x = torch.from_numpy(rows[at : at + batch_size])
            parts.append(model(x)[:, target] if scorer is None else scorer(x.to(scorer.device))[:, 0])
    outputs: NDArray[np.float64] = to_numpy(torch.cat(parts), np.float64)
    return outputs
