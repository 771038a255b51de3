"""How well functions are predicted: as CAFA judges it, gene by gene and term by term, and by labels.

CAFA's measures (Radivojac et al. 2013, doi:10.1038/nmeth.2340; Clark and Radivojac 2013, doi:10.1093/bioinformatics/
btt228) take each ontology apart. A gene counts where something of it is known. Intervals come from drawing genes anew,
the same draws for every model.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from genolab.data.dataset import AnnDataset
from genolab.evaluate.bootstrap import percentile_interval
from genolab.evaluate.classification import Predictions, collect_predictions
from genolab.function.model import implications

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
    """Hold models of gene function against what is known of the genes of a test set.

    Parameters
    ----------
    models
        Name to a model with ``predict(batch)``, or to its probabilities ``(n, n_terms)``. Put a baseline among them.
    test
        Genes that no model has learned from; the target holds zeros and ones. ``uns["namespaces"]`` of the AnnData
        says which ontology each term is of, ``uns["parents"]`` what implies what; without them there is one ontology,
        or no hierarchy.
    train
        Genes by which the information of the terms is measured, for Smin; ``None``: the test genes.
    threshold
        From which probability on a gene is said to have a term, for F1 and Hamming loss; a number, or one a model.
        It must not be chosen on the test genes.
    n_boot
        Resamplings of the genes behind the intervals; 0: no intervals.
    seed
        Of the resamplings.

    Returns
    -------
    DataFrame
        Tidy: ``model``, ``metric``, ``namespace`` (``"all"`` for all terms at once), ``value``, ``low``, ``high``
        (95 % interval). ``fmax``: the best harmonic mean, over thresholds of 0.01 to 0.99, of mean precision (of genes
        with a prediction) and mean recall. ``smin``: the least distance, in bits, from perfect by information missed
        and information falsely told; lower is better. ``micro_f1``, ``macro_f1``, ``hamming`` (loss),
        ``average_precision`` (label ranking) and ``ranking_loss`` are scikit-learn's, without an interval.

    Raises
    ------
    ValueError
        There is no target, no gene has a term of a namespace, or probabilities have another shape or aren't finite.
    """
    judged = collect_predictions(models, test)
    spaces = _spaces(test, judged.truth.shape[1])
    bits = information(judged.truth if train is None else judge_truth(train), test.adata.uns.get("parents"))
    rows: list[tuple[Any, ...]] = []
    for space, columns in spaces.items():
        known = np.flatnonzero(judged.truth[:, columns].any(axis=1))
        if len(known) == 0:
            raise ValueError(f"no gene of the test set has a term of {space!r}: leave these terms out")
        truth = judged.truth[np.ix_(known, columns)]
        for name, scores in judged.probabilities.items():
            sums = _Sums.of(truth, scores[np.ix_(known, columns)], bits[columns])
            rows += [(name, metric, space, *found) for metric, found in sums.intervals(n_boot, seed)]
    rows += _of_labels(judged, threshold)
    return pd.DataFrame(rows, columns=_COLUMNS)


def by_term(models: Mapping[str, Any], test: AnnDataset) -> pd.DataFrame:
    """Return the area under each term's precision-recall curve, and how deep the term stands.

    Arguments are those of `function`.

    Returns
    -------
    DataFrame
        ``model``, ``term`` (as ``uns["terms"]`` names it, else its column), ``namespace``, ``depth`` (1 for what has no
        parent among the terms, else one more than the deepest parent), ``genes`` (that have the term), ``auprc``
        (average precision; NaN where no gene or every gene has it) and ``chance`` (their share, the area of a guess).
    """
    judged = collect_predictions(models, test)
    n_terms = judged.truth.shape[1]
    names = [str(name) for name in test.adata.uns.get("terms", range(n_terms))]
    space_of = {int(at): space for space, columns in _spaces(test, n_terms).items() for at in columns}
    depth, genes = depths(n_terms, test.adata.uns.get("parents")), judged.truth.sum(axis=0)
    rows = [
        (name, names[at], space_of[at], depth[at], genes[at], _area(judged.truth[:, at], scores[:, at]))
        for name, scores in judged.probabilities.items()
        for at in range(n_terms)
    ]
    table = pd.DataFrame(rows, columns=["model", "term", "namespace", "depth", "genes", "auprc"])
    return table.assign(chance=table["genes"] / len(judged.truth))


def depths(n_terms: int, parents: ArrayLike | None) -> NDArray[np.int64]:
    """Return how deep each term stands, ``(n_terms,)``: 1 without parents, else one more than its deepest parent."""
    pairs = implications(n_terms, parents)  # refuses cycles
    order = np.argsort(np.bincount(pairs[:, 0], minlength=n_terms), kind="stable")  # what implies least comes first
    above: dict[int, list[int]] = {}
    for child, parent in np.asarray([] if parents is None else parents, dtype=np.int64).reshape(-1, 2).tolist():
        above.setdefault(child, []).append(parent)
    found = np.ones(n_terms, dtype=np.int64)
    for term in order.tolist():
        found[term] = 1 + max((found[parent] for parent in above.get(term, [])), default=0)
    return found


def information(truth: NDArray[np.bool_], parents: ArrayLike | None) -> Array:
    """Return what a term tells beyond its parents, in bits, ``(n_terms,)``: -log2 P(term | all its parents).

    A count of one is added to genes with and genes in all, so that a term which no gene has isn't infinite news.
    """
    n_terms = truth.shape[1]
    pairs = np.asarray([] if parents is None else parents, dtype=np.int64).reshape(-1, 2)
    found = np.empty(n_terms)
    for term in range(n_terms):
        above = truth[:, pairs[pairs[:, 0] == term, 1]].all(axis=1)
        found[term] = np.log2((above.sum() + 1) / (truth[above, term].sum() + 1))
    return found


def judge_truth(dataset: AnnDataset) -> NDArray[np.bool_]:
    """Return what is known of the genes of a dataset, ``(n, n_terms)``."""
    n_terms = len(dataset.batch([0]).target.reshape(-1))  # type: ignore[union-attr]  # judge saw that there is one
    return collect_predictions({"none": np.zeros((len(dataset), n_terms))}, dataset).truth


def _spaces(test: AnnDataset, n_terms: int) -> dict[str, NDArray[np.int64]]:
    """Return the columns of each namespace."""
    named = test.adata.uns.get("namespaces")
    if named is None:
        return {"all": np.arange(n_terms)}
    given = np.asarray(named, dtype=str)
    return {space: np.flatnonzero(given == space) for space in dict.fromkeys(given.tolist())}


def _area(truth: NDArray[np.bool_], scores: Array) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth, scores)) if 0 < truth.sum() < len(truth) else float("nan")


class _Sums(NamedTuple):
    """What each gene adds at each threshold, all ``(n, thresholds)``.

    Precision (0 without a prediction), whether there is a prediction, recall, and bits missed and falsely told.
    """

    precision: Array
    told: Array
    recall: Array
    missed: Array
    false: Array

    @classmethod
    def of(cls, truth: NDArray[np.bool_], scores: Array, bits: Array) -> "_Sums":
        own = truth.sum(axis=1)
        columns = []
        for threshold in _THRESHOLDS:
            called = scores >= threshold
            right, count = (called & truth).sum(axis=1), called.sum(axis=1)
            missed, false = (truth & ~called) @ bits, (called & ~truth) @ bits
            columns.append((right / np.maximum(count, 1), count > 0, right / own, missed, false))
        return cls(*(np.stack(part, axis=1).astype(np.float64) for part in zip(*columns, strict=True)))

    def figures(self, weights: Array) -> dict[str, Array]:
        """Return Fmax and Smin, each ``(b,)``, for how often each gene counts, ``(b, n)``."""
        n = weights.sum(axis=1, keepdims=True)
        precision = weights @ self.precision / np.maximum(weights @ self.told, 1e-12)
        recall = weights @ self.recall / n
        both = np.maximum(precision + recall, 1e-12)
        distance = np.hypot(weights @ self.missed / n, weights @ self.false / n)
        return {"fmax": (2 * precision * recall / both).max(axis=1), "smin": distance.min(axis=1)}

    def intervals(self, n_boot: int, seed: int) -> Iterator[tuple[str, tuple[float, float, float]]]:
        """Give each figure with its interval."""
        n = len(self.recall)
        drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_boot).astype(np.float64)
        again = self.figures(drawn) if n_boot else {}
        for metric, value in self.figures(np.ones((1, n))).items():
            yield metric, percentile_interval(float(value[0]), again.get(metric, np.empty(0)))


def _of_labels(judged: Predictions, threshold: float | Mapping[str, float]) -> list[tuple[Any, ...]]:
    from sklearn import metrics

    rows: list[tuple[Any, ...]] = []
    for name, scores in judged.probabilities.items():
        called = scores >= (threshold[name] if isinstance(threshold, Mapping) else threshold)
        found = {
            "micro_f1": metrics.f1_score(judged.truth, called, average="micro", zero_division=0),
            "macro_f1": metrics.f1_score(judged.truth, called, average="macro", zero_division=0),
            "hamming": metrics.hamming_loss(judged.truth, called),
            "average_precision": metrics.label_ranking_average_precision_score(judged.truth, scores),
            "ranking_loss": metrics.label_ranking_loss(judged.truth, scores),
        }
        rows += [(name, metric, "all", float(value), np.nan, np.nan) for metric, value in found.items()]
    return rows
