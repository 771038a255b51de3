"""How well functions are predicted: protein-centric as in CAFA, term by term, and as labels.

CAFA's figures (Radivojac et al. 2013, doi:10.1038/nmeth.2340; Clark and Radivojac 2013, doi:10.1093/bioinformatics/
btt228) are computed for each namespace, over the genes with a known term there.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from genolab.data.dataset import AnnDataset
from genolab.data.signature import places
from genolab.evaluate.bootstrap import intervals
from genolab.evaluate.predictions import Predictions, collect_predictions
from genolab.function.ontology.graph import Ontology
from genolab.models.baseline import target_of
from genolab.waiting import progress

Array = NDArray[np.float64]

_THRESHOLDS: Final = np.arange(1, 100) / 100
_COLUMNS: Final = ["model", "metric", "namespace", "value", "low", "high"]


def evaluate(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    train: AnnDataset | None = None,
    threshold: float | Mapping[str, float] = 0.5,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare predicted functions with the known ones of a test set.

    Parameters
    ----------
    models
        Name to a model with ``predict(batch)``, or to its probabilities ``(n, n_terms)``. Put a baseline among them.
    test
        Genes that no model was trained on. ``uns["namespaces"]`` of the AnnData names the namespace of each term,
        ``uns["parents"]`` the hierarchy; without them there is one namespace, or no hierarchy.
    train
        Genes from which the information content of terms is computed, for Smin; ``None``: the test genes.
    threshold
        Of the probabilities, for F1 and Hamming loss; a number, or one a model. Not to be chosen on the test genes.
    n_boot, seed
        Resamplings of the genes for the intervals; 0: no intervals.

    Returns
    -------
    DataFrame
        Tidy: ``model``, ``metric``, ``namespace`` (``"all"`` for all terms at once), ``value``, ``low``, ``high``
        (95 % interval). ``fmax``: the best F1, over thresholds of 0.01 to 0.99, of mean precision (of genes with a
        prediction) and mean recall. ``smin``: the least distance of remaining uncertainty and misinformation from 0, in
        bits; lower is better. ``micro_f1``, ``macro_f1``, ``hamming`` (loss), ``average_precision`` (label ranking) and
        ``ranking_loss`` are scikit-learn's, without an interval.
    """
    predictions = collect_predictions(models, test)
    truth, parents = predictions.truth, test.adata.uns.get("parents")
    bits = information_accretion(truth if train is None else _truth(train, test), parents)
    rows: list[tuple[Any, ...]] = []
    for space, columns in _spaces(test, truth.shape[1]).items():
        known = np.flatnonzero(truth[:, columns].any(axis=1))
        if len(known) == 0:
            raise ValueError(f"no gene of the test set has a term of {space!r}: leave these terms out")
        at = np.ix_(known, columns)
        for name, scores in predictions.probabilities.items():
            counts = _Counts.of(truth[at], scores[at], bits[columns])
            figures = intervals(counts.figures, len(known), n_boot=n_boot, seed=seed, width=len(_THRESHOLDS))
            rows += [(name, metric, space, *interval) for metric, interval in figures.items()]
    return pd.DataFrame(rows + _as_labels(predictions, threshold), columns=_COLUMNS)


def by_term(models: Mapping[str, Any], test: AnnDataset) -> pd.DataFrame:
    """Return the area under each term's precision-recall curve, by the depth of the term.

    Columns ``model``, ``term`` (as ``uns["terms"]`` names it, else its column), ``namespace``, ``depth`` (1 without
    parents, else one more than the deepest parent), ``genes`` (with the term), ``auprc`` (average precision; NaN where
    no gene or every gene has the term) and ``chance`` (the share of genes with the term, which a random ranking
    reaches).
    """
    from sklearn.metrics import average_precision_score

    predictions = collect_predictions(models, test)
    truth = predictions.truth
    n_genes, n_terms = truth.shape
    with_term = truth.sum(axis=0)
    names = [str(name) for name in test.adata.uns.get("terms", range(n_terms))]
    space_of = {int(at): space for space, columns in _spaces(test, n_terms).items() for at in columns}
    depth = depths(n_terms, test.adata.uns.get("parents"))
    rows = []
    for name, scores in predictions.probabilities.items():
        for at in progress(range(n_terms), f"Terms, {name}"):
            mixed = 0 < with_term[at] < n_genes
            area = float(average_precision_score(truth[:, at], scores[:, at])) if mixed else float("nan")
            rows.append((name, names[at], space_of[at], depth[at], with_term[at], area))
    table = pd.DataFrame(rows, columns=["model", "term", "namespace", "depth", "genes", "auprc"])
    return table.assign(chance=table["genes"] / n_genes)


def depths(n_terms: int, parents: ArrayLike | None) -> NDArray[np.int64]:
    """Return the depth of each term, ``(n_terms,)``: 1 without parents, else one more than its deepest parent."""
    broader: dict[str, list[str]] = {str(term): [] for term in range(n_terms)}
    for child, parent in np.asarray([] if parents is None else parents, dtype=np.int64).reshape(-1, 2):
        broader[str(child)].append(str(parent))
    depth = Ontology({term: tuple(above) for term, above in broader.items()}).depth
    return np.array([1 + depth[str(term)] for term in range(n_terms)])


def information_accretion(truth: NDArray[np.bool_], parents: ArrayLike | None) -> Array:
    """Return what each term adds to its parents, in bits, ``(n_terms,)``: -log2 P(term | all its parents).

    A count of one is added, so that a term without genes has a finite value.
    """
    pairs = np.asarray([] if parents is None else parents, dtype=np.int64).reshape(-1, 2)
    bits = np.empty(truth.shape[1])
    for term in range(len(bits)):
        has_parents = truth[:, pairs[pairs[:, 0] == term, 1]].all(axis=1)
        bits[term] = np.log2((has_parents.sum() + 1) / (truth[has_parents, term].sum() + 1))
    return bits


def _truth(train: AnnDataset, test: AnnDataset) -> NDArray[np.bool_]:
    """Return which terms the training genes have, in the order of the test set's."""
    truth = np.concatenate([target_of(batch) for batch in train.batches(4096)]) > 0
    own, wanted = train.signature.outputs, test.signature.outputs
    order = (
        places(wanted, own, "the terms of train", "Pass the train part of the same data") if own and wanted else None
    )
    return truth if order is None else truth[:, order]


def _spaces(test: AnnDataset, n_terms: int) -> dict[str, NDArray[np.int64]]:
    """Return the columns of each namespace."""
    named = test.adata.uns.get("namespaces")
    if named is None:
        return {"all": np.arange(n_terms)}
    given = np.asarray(named, dtype=str)
    return {space: np.flatnonzero(given == space) for space in dict.fromkeys(given.tolist())}


class _Counts(NamedTuple):
    """Of each gene at each threshold, ``(n, thresholds)``."""

    precision: Array  # 0 without a prediction
    predicted: Array  # whether there is a prediction
    recall: Array
    missing: Array  # remaining uncertainty, bits
    wrong: Array  # misinformation, bits

    @classmethod
    def of(cls, truth: NDArray[np.bool_], scores: Array, bits: Array) -> "_Counts":
        known = truth.sum(axis=1)
        columns = []
        for threshold in _THRESHOLDS:
            called = scores >= threshold
            hits, count = (called & truth).sum(axis=1), called.sum(axis=1)
            missing, wrong = (truth & ~called) @ bits, (called & ~truth) @ bits
            columns.append((hits / np.maximum(count, 1), count > 0, hits / known, missing, wrong))
        return cls(*(np.stack(part, axis=1).astype(np.float64) for part in zip(*columns, strict=True)))

    def figures(self, weights: Array) -> dict[str, Array]:
        """Return Fmax and Smin, ``(b,)`` each, of resamplings ``(b, n)``."""
        n = weights.sum(axis=1, keepdims=True)
        precision = weights @ self.precision / np.maximum(weights @ self.predicted, 1e-12)
        recall = weights @ self.recall / n
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        distance = np.hypot(weights @ self.missing / n, weights @ self.wrong / n)
        return {"fmax": f1.max(axis=1), "smin": distance.min(axis=1)}


def _as_labels(predictions: Predictions, threshold: float | Mapping[str, float]) -> list[tuple[Any, ...]]:
    from sklearn import metrics

    truth = predictions.truth
    rows: list[tuple[Any, ...]] = []
    for name, scores in predictions.probabilities.items():
        called = scores >= (threshold[name] if isinstance(threshold, Mapping) else threshold)
        figures = {
            "micro_f1": metrics.f1_score(truth, called, average="micro", zero_division=0),
            "macro_f1": metrics.f1_score(truth, called, average="macro", zero_division=0),
            "hamming": metrics.hamming_loss(truth, called),
            "average_precision": metrics.label_ranking_average_precision_score(truth, scores),
            "ranking_loss": metrics.label_ranking_loss(truth, scores),
        }
        rows += [(name, metric, "all", float(value), np.nan, np.nan) for metric, value in figures.items()]
    return rows
