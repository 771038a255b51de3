"""Why a gene is said to have a function: its neighbours, its residues, and which term follows from which."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray
from torch import nn

if TYPE_CHECKING:
    from genolab.function.ontology.graph import Ontology

Array = NDArray[np.float32]

_SAME: Final = 1e-4  # by how much less than a term's probability a narrower one's may be, to be what it follows from


class Explanation(NamedTuple):
    """What speaks for the terms of one gene.

    Attributes
    ----------
    gene
        Its name.
    terms
        A row a term, by its id, in the ontology's order: ``name``, ``namespace``, ``depth``, ``probability``;
        ``known``, whether the gene is known to have it; ``follows_from``, the narrower term whose probability it has by
        the true-path rule, ``""`` where it speaks for itself; ``neighbours``, the share of the nearest training genes
        that have it, NaN without any.
    neighbours
        The nearest training genes, the nearest first: ``gene``, ``row`` (its number), ``distance``.
    """

    gene: str
    terms: pd.DataFrame
    neighbours: pd.DataFrame


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
    """Tell for each term of a gene how probable it is, from which it follows, and which known genes nearby have it.

    Parameters
    ----------
    adata
        Genes with ``uns["terms"]`` and, where they are known, ``obsm["terms"]``, 0 and 1; not changed.
    gene
        Its name or number.
    probabilities
        ``(n_obs, n_terms)``, as a model predicts them.
    ontology
        What implies what; ``None``: what the AnnData brings along, see `genolab.function.Ontology.of`.
    basis
        Key of ``obsm`` with the latent space in which neighbours are sought; ``None``: none are.
    training
        ``(n_obs,)`` booleans: the genes that the model learned from, among which neighbours are sought; ``None``: all.
        The gene itself is none of its neighbours.
    n_neighbours
        How many.

    Raises
    ------
    KeyError
        There is no such gene or basis, or a term is none of the ontology's.
    ValueError
        The shapes don't fit.
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
    """Return the number of a gene's row.

    Raises
    ------
    KeyError
        There is no such gene.
    """
    if isinstance(gene, str) and gene in adata.obs_names:
        found = adata.obs_names.get_loc(gene)
        if isinstance(found, int):
            return found
        raise KeyError(f"{gene!r} names several rows: make names unique by adata.obs_names_make_unique()")
    if isinstance(gene, int | np.integer) and 0 <= gene < adata.n_obs:
        return int(gene)
    raise KeyError(f"{gene!r} is no gene of this AnnData: pass one of obs_names, such as {adata.obs_names[0]!r}")


def _known(adata: AnnData, rows: Any, n_terms: int) -> NDArray[np.float64]:
    if "terms" not in adata.obsm:
        return np.zeros((len(rows), n_terms))
    found = adata.obsm["terms"][rows]
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=np.float64)


def _neighbours(adata: AnnData, row: int, basis: str | None, training: ArrayLike | None, n: int) -> pd.DataFrame:
    nobody = pd.DataFrame({"gene": [], "row": np.array([], dtype=np.int64), "distance": []})
    if basis is None:
        return nobody
    if basis not in adata.obsm:
        raise KeyError(f"{basis!r} is not in obsm of this AnnData; obsm has {sorted(adata.obsm)}")
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
    """Return for each term the likeliest directly narrower one, if the term is no likelier than that."""
    place = {graph.current(term): at for at, term in enumerate(ids)}
    found = []
    for term, at in place.items():
        below = [place[child] for child in graph.children[term] if child in place]
        best = max(below, key=lambda one: scores[one], default=None)
        found.append(ids[best] if best is not None and scores[best] >= scores[at] - _SAME else "")
    return found


def residue_scores(
    model: "nn.Module | Callable[[torch.Tensor], torch.Tensor]",
    sequence: ArrayLike,
    *,
    target: int,
    unknown: int,
    width: int = 9,
    batch_size: int = 256,
) -> Array:
    """Return how much each residue of a protein speaks for a term, by hiding it.

    A window of residues is replaced by unknown ones, and what the model's output falls by is shared among them
    (occlusion; Zeiler and Fergus 2014). Every residue gets the mean of the windows that cover it. Proteins of the same
    fold differ in most single residues, so that hiding one alone tells little.

    Parameters
    ----------
    model
        A module with ``logits(x)``, or a callable, from ``(n, length)`` uint8 codes to ``(n, n_terms)``. A copy of a
        module computes.
    sequence
        ``(length,)`` uint8, 0 behind the end.
    target
        The term's number.
    unknown
        The code of an unknown residue, X.
    width
        Residues hidden at once.
    batch_size
        Proteins that the model reads at a time.

    Returns
    -------
    ``(length,)`` float32
        In units of the output before the sigmoid; 0 behind the end.

    Raises
    ------
    ValueError
        The sequence isn't one row of codes with a residue, or `width` is below 1.
    """
    codes = np.asarray(sequence, dtype=np.uint8)
    if codes.ndim != 1 or not codes.any() or width < 1:
        raise ValueError(
            f"residues are one row of codes, (length,), some of them not 0, hidden 1 or more at a time; got the shape "
            f"{codes.shape} and width={width}"
        )
    n = int(np.flatnonzero(codes)[-1]) + 1
    starts = np.arange(1 - width, n)
    place = np.arange(len(codes))
    hidden = (place >= starts[:, None]) & (place < starts[:, None] + width) & (codes > 0)  # (n_windows, length)
    rows = np.concatenate([codes[None], np.where(hidden, np.uint8(unknown), codes)])
    values = _asked(model, rows, target, batch_size)
    lost = (values[0] - values[1:]) / hidden.sum(axis=1)
    score: Array = (lost @ hidden / np.maximum(hidden.sum(axis=0), 1)).astype(np.float32)
    return score


def _asked(model: Any, rows: NDArray[np.uint8], target: int, batch_size: int) -> NDArray[np.float64]:
    """Return the target's outputs for all rows."""
    from genolab.infer.scorer import Scorer

    scorer = Scorer(model, target) if isinstance(model, nn.Module) else None
    parts = []
    with torch.no_grad():
        for at in range(0, len(rows), batch_size):
            x = torch.from_numpy(rows[at : at + batch_size])
            parts.append(model(x)[:, target] if scorer is None else scorer(x.to(scorer.device))[:, 0])
    found: NDArray[np.float64] = torch.cat(parts).double().cpu().numpy()
    return found
