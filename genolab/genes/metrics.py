"""How well genes were found: at the level of bases, exons, 5' ends, 3' ends and whole genes, beside the baselines.

The levels are those of Burset & Guigo (1996), which gene finders are compared by: at each, precision (their
specificity) is the share of what was found that is so, and recall (sensitivity) the share of what is so that was found.

Intervals come from drawing loci anew: a locus is a stretch in which annotated genes or those of any of the models
overlap, so that what hangs together stays together, and the draws are the same for every model. The gain of a model
over the baseline is drawn in the same way, so that a locus easy for both adds nothing to its uncertainty.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from genolab.evaluate.bootstrap import percentile_interval
from genolab.sequences.annotation import Gene, coding_genes

LEVELS: Final = ("base", "exon", "start", "stop", "gene")
"""What is compared: coding bases, coding parts with both ends, first bases of start codons, last of stop codons, genes
with all of their coding parts; always by strand."""

_FIGURES: Final = ("precision", "recall", "f1")
_Places = set[tuple[object, ...]]


def evaluate(
    found: Mapping[str, AnnData | pd.DataFrame],
    annotated: AnnData | pd.DataFrame,
    *,
    chromosomes: Sequence[str] | None = None,
    baseline: str | None = None,
    ignore: Iterable[Gene] = (),
    levels: Sequence[str] = LEVELS,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare gene finders by what is annotated.

    Parameters
    ----------
    found
        Name to features, such as `genolab.genes.decoding` or `genolab.genes.open_reading_frames` gives them.
    annotated
        The truth; its genes are what `genolab.sequences.annotation.coding_genes` says, so dubious ones are none.
    chromosomes
        Only these; by default all that the annotation has genes on.
    baseline
        Name of one in `found`: the others' gains over it are added, as the metrics ``f1_gain``, with their intervals.
    ignore
        Genes that count for nothing, such as `genolab.sequences.annotation.dubious_genes`: whatever was found on the
        strand of one, and shares a base with it but with no annotated gene there, is left out.
    levels
        Out of `LEVELS`; bases take longest.
    n_boot
        Drawings of the loci behind the intervals; 0: no intervals.
    seed
        Of the drawings.

    Returns
    -------
    DataFrame
        Tidy, as `genolab.evaluate.table`: ``model``, ``metric`` (precision, recall, f1, f1_gain), ``class`` (one of
        `LEVELS`), ``value``, ``low``, ``high``.

    Raises
    ------
    KeyError
        The baseline isn't among those found, or a level is unknown.
    ValueError
        Nothing was given, or there is no annotated gene to find.

    Examples
    --------
    >>> evaluate({"network": found, "reading frames": orfs}, genome, chromosomes=["chrI"], baseline="reading frames")
    """
    if baseline is not None and baseline not in found:
        raise KeyError(f"the baseline must be among those compared; {baseline!r} isn't in {list(found)}")
    if unknown := set(levels) - set(LEVELS):
        raise KeyError(f"levels are {', '.join(LEVELS)}; got {sorted(unknown)}")
    truth = _of(coding_genes(annotated), chromosomes)
    if not found or not truth:
        what = (
            "genes found"
            if not found
            else f"annotated genes on {'any chromosome' if chromosomes is None else chromosomes}"
        )
        raise ValueError(f"to compare, there must be annotated genes and a table of genes found; there are no {what}")
    on = sorted({gene.chromosome for gene in truth}) if chromosomes is None else list(chromosomes)
    said = {name: _counted(_of(coding_genes(table), on), truth, list(ignore)) for name, table in found.items()}
    locus_of = _loci([*truth, *(gene for some in said.values() for gene in some)])
    return _figures(truth, said, locus_of, levels=levels, baseline=baseline, n_boot=n_boot, seed=seed)


def _of(some: Iterable[Gene], chromosomes: Sequence[str] | None) -> list[Gene]:
    return [gene for gene in some if chromosomes is None or gene.chromosome in chromosomes]


def _counted(some: list[Gene], truth: list[Gene], ignore: list[Gene]) -> list[Gene]:
    """Leave out what only overlaps genes that count for nothing."""
    if not ignore:
        return some
    return [gene for gene in some if not _meets(gene, ignore) or _meets(gene, truth)]


def _meets(gene: Gene, others: list[Gene]) -> bool:
    place = (gene.chromosome, gene.strand)
    return any((o.chromosome, o.strand) == place and o.start < gene.end and gene.start < o.end for o in others)


def _loci(some: list[Gene]) -> Callable[[Gene], int]:
    """Return a function from a gene to its locus: the number of the stretch of overlapping genes that it lies in."""
    order = sorted(some, key=lambda gene: (gene.chromosome, gene.start))
    number, chromosome, end = -1, "", -1
    locus: dict[tuple[str, int], int] = {}
    for gene in order:
        if gene.chromosome != chromosome or gene.start >= end:
            number, chromosome, end = number + 1, gene.chromosome, -1
        end = max(end, gene.end)
        locus[gene.chromosome, gene.start] = number
    return lambda gene: locus[gene.chromosome, gene.start]


def _places(gene: Gene, level: str) -> _Places:
    """Return what a gene has to show at a level."""
    where = (gene.chromosome, gene.strand)
    if level == "base":
        return {(*where, base) for start, end in gene.exons for base in range(start, end)}
    if level == "exon":
        return {(*where, *exon) for exon in gene.exons}
    if level == "gene":
        return {(*where, gene.exons)}
    first = (level == "start") == (gene.strand == "+")
    return {(*where, gene.start if first else gene.end - 1)}


def _figures(
    truth: list[Gene],
    said: Mapping[str, list[Gene]],
    locus_of: Callable[[Gene], int],
    *,
    levels: Sequence[str],
    baseline: str | None,
    n_boot: int,
    seed: int,
) -> pd.DataFrame:
    n_loci = 1 + max(locus_of(gene) for some in (truth, *said.values()) for gene in some)
    drawn = np.random.default_rng(seed).multinomial(n_loci, np.full(n_loci, 1 / n_loci), size=n_boot)
    weights = np.vstack([np.ones((1, n_loci)), drawn])  # (1 + n_boot, loci): first each locus once
    rows = []
    for level in levels:
        true = _by_locus(truth, level, locus_of)
        scores = {
            name: weights @ _counts(true, _by_locus(some, level, locus_of), n_loci) for name, some in said.items()
        }
        rated = {name: _rates(sums) for name, sums in scores.items()}
        for name, rates in rated.items():
            rows += [(name, metric, level, *_interval(rates[metric])) for metric in _FIGURES]
            if baseline not in {None, name}:
                rows.append((name, "f1_gain", level, *_interval(rates["f1"] - rated[str(baseline)]["f1"])))
    return pd.DataFrame(rows, columns=["model", "metric", "class", "value", "low", "high"])


def _by_locus(some: list[Gene], level: str, locus_of: Callable[[Gene], int]) -> dict[int, _Places]:
    places: dict[int, _Places] = {}
    for gene in some:
        places.setdefault(locus_of(gene), set()).update(_places(gene, level))
    return places


def _counts(true: dict[int, _Places], said: dict[int, _Places], n_loci: int) -> NDArray[np.float64]:
    """Return for each locus how many were found rightly, found, and are there, ``(loci, 3)``."""
    counts = np.zeros((n_loci, 3))
    for locus in {*true, *said}:
        there, found = true.get(locus, set()), said.get(locus, set())
        counts[locus] = len(there & found), len(found), len(there)
    return counts


def _rates(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return precision, recall and F1, ``(b,)`` each, from sums ``(b, 3)``; 0 where nothing was found."""
    right, found, there = sums.T
    return {
        "precision": np.divide(right, found, out=np.zeros_like(right), where=found > 0),
        "recall": np.divide(right, there, out=np.zeros_like(right), where=there > 0),
        "f1": np.divide(2 * right, found + there, out=np.zeros_like(right), where=found + there > 0),
    }


def _interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return tuple(percentile_interval(float(values[0]), values[1:]))  # type: ignore[return-value]  # an Interval is a tuple of three
