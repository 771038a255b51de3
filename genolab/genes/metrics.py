"""How well genes were predicted: at the level of bases, exons, 5' ends, 3' ends and whole genes, beside baselines.

The levels are those of Burset & Guigo (1996), whose specificity is here called precision, and sensitivity recall.

Intervals come from the bootstrap over loci: a locus is a stretch in which annotated genes or those of any of the models
overlap. The resamples are the same for every model, so that a locus easy for two adds nothing to their difference.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from anndata import AnnData

from genolab.checks import check_known
from genolab.evaluate.bootstrap import Array, intervals
from genolab.sequences.annotation import Gene, coding_genes

# Coding bases; coding parts with both ends; first bases of start codons; last of stop codons; whole genes: by strand
LEVELS: Final = ("base", "exon", "start", "stop", "gene")

_Items = set[tuple[object, ...]]


def evaluate(
    predicted: Mapping[str, AnnData | pd.DataFrame],
    annotated: AnnData | pd.DataFrame,
    *,
    chromosomes: Sequence[str] | None = None,
    baseline: str | None = None,
    ignore: Iterable[Gene] = (),
    levels: Sequence[str] = LEVELS,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare gene finders with annotated genes, at five levels.

    Parameters
    ----------
    predicted
        Name to features, such as `genolab.genes.decode` or `genolab.genes.open_reading_frames` returns.
    annotated
        The truth: its `genolab.sequences.coding_genes`, so dubious ones are none.
    chromosomes
        By default all that the annotation has genes on.
    baseline
        Name of one in `predicted`: the others' gains over it are added, as the metric ``f1_gain``, with intervals.
    ignore
        Genes that count neither for nor against, such as `genolab.sequences.dubious_genes`: predicted genes that
        overlap one on its strand, and no annotated gene there, are left out.
    levels
        Out of `LEVELS`; bases take longest.

    Returns
    -------
    DataFrame
        Tidy, as `genolab.evaluate.table`, with the metrics precision, recall, f1 and f1_gain; ``class`` is a level.

    Examples
    --------
    >>> evaluate({"network": genes, "reading frames": orfs}, genome, chromosomes=["chrI"], baseline="reading frames")
    """
    if baseline is not None:
        check_known("methods compared", [baseline], predicted)
    check_known("levels", levels, LEVELS)
    truth = _on(coding_genes(annotated), chromosomes)
    if not predicted or not truth:
        on = "any chromosome" if chromosomes is None else chromosomes
        missing = f"annotated genes on {on}" if predicted else "predicted genes"
        raise ValueError(f"to compare, there must be annotated genes and a table of predicted ones; got no {missing}")
    on = sorted({gene.chromosome for gene in truth}) if chromosomes is None else list(chromosomes)
    genes = {name: _counted(_on(coding_genes(table), on), truth, list(ignore)) for name, table in predicted.items()}
    locus_of = _loci([*truth, *(gene for some in genes.values() for gene in some)])
    return _table(truth, genes, locus_of, levels=levels, baseline=baseline, n_boot=n_boot, seed=seed)


def exact_matches(
    predicted: Mapping[str, AnnData | pd.DataFrame],
    annotated: AnnData | pd.DataFrame,
    *,
    chromosomes: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return which annotated genes each gene finder predicts exactly, both ends and all introns.

    Arguments are those of `evaluate`. A row is a gene: ``strand start end bases exons``, bases being the coding ones,
    and a column of truth values for each name in `predicted`.
    """
    truth = _on(coding_genes(annotated), chromosomes)
    rows = [(gene.strand, gene.start, gene.end, gene.length, len(gene.exons)) for gene in truth]
    index = pd.Index([gene.name for gene in truth], name="gene")
    table = pd.DataFrame(rows, columns=["strand", "start", "end", "bases", "exons"], index=index)
    for name, features in predicted.items():
        items = set().union(*(_items(gene, "gene") for gene in coding_genes(features)))
        table[name] = [_items(gene, "gene") <= items for gene in truth]
    return table


def _on(genes: Iterable[Gene], chromosomes: Sequence[str] | None) -> list[Gene]:
    return [gene for gene in genes if chromosomes is None or gene.chromosome in chromosomes]


def _counted(genes: list[Gene], truth: list[Gene], ignore: list[Gene]) -> list[Gene]:
    """Leave out genes that overlap ignored ones and none of the truth."""
    if not ignore:
        return genes
    return [gene for gene in genes if not _overlaps(gene, ignore) or _overlaps(gene, truth)]


def _overlaps(gene: Gene, others: list[Gene]) -> bool:
    strand = (gene.chromosome, gene.strand)
    return any((o.chromosome, o.strand) == strand and o.start < gene.end and gene.start < o.end for o in others)


def _loci(genes: list[Gene]) -> Callable[[Gene], int]:
    """Return a function from a gene to its locus: the number of the stretch of overlapping genes that it lies in."""
    number, chromosome, end = -1, "", -1
    locus: dict[tuple[str, int], int] = {}
    for gene in sorted(genes, key=lambda gene: (gene.chromosome, gene.start)):
        if gene.chromosome != chromosome or gene.start >= end:
            number, chromosome, end = number + 1, gene.chromosome, -1
        end = max(end, gene.end)
        locus[gene.chromosome, gene.start] = number
    return lambda gene: locus[gene.chromosome, gene.start]


def _items(gene: Gene, level: str) -> _Items:
    """Return what of a gene is compared at a level."""
    place = (gene.chromosome, gene.strand)
    if level == "base":
        return {(*place, base) for start, end in gene.exons for base in range(start, end)}
    if level == "exon":
        return {(*place, *exon) for exon in gene.exons}
    if level == "gene":
        return {(*place, gene.exons)}
    first = (level == "start") == (gene.strand == "+")
    return {(*place, gene.start if first else gene.end - 1)}


def _table(
    truth: list[Gene],
    predicted: Mapping[str, list[Gene]],
    locus_of: Callable[[Gene], int],
    *,
    levels: Sequence[str],
    baseline: str | None,
    n_boot: int,
    seed: int,
) -> pd.DataFrame:
    n_loci = 1 + max(locus_of(gene) for genes in (truth, *predicted.values()) for gene in genes)
    counts = {}
    for level in levels:
        annotated = _by_locus(truth, level, locus_of)
        for name, genes in predicted.items():
            counts[name, level] = _counts(annotated, _by_locus(genes, level, locus_of), n_loci)

    def figures(weights: Array) -> dict[tuple[str, str, str], Array]:
        metrics = {key: _metrics(weights @ each) for key, each in counts.items()}
        for name, level in counts:
            if baseline not in {None, name}:
                metrics[name, level]["f1_gain"] = metrics[name, level]["f1"] - metrics[str(baseline), level]["f1"]
        return {(name, metric, level): one for (name, level), some in metrics.items() for metric, one in some.items()}

    rows = [(*key, *interval) for key, interval in intervals(figures, n_loci, n_boot=n_boot, seed=seed).items()]
    return pd.DataFrame(rows, columns=["model", "metric", "class", "value", "low", "high"])


def _by_locus(genes: list[Gene], level: str, locus_of: Callable[[Gene], int]) -> dict[int, _Items]:
    items: dict[int, _Items] = {}
    for gene in genes:
        items.setdefault(locus_of(gene), set()).update(_items(gene, level))
    return items


def _counts(true: dict[int, _Items], predicted: dict[int, _Items], n_loci: int) -> Array:
    """Return the true positives, predicted and annotated items of each locus, ``(loci, 3)``."""
    counts = np.zeros((n_loci, 3))
    for locus in {*true, *predicted}:
        annotated, ours = true.get(locus, set()), predicted.get(locus, set())
        counts[locus] = len(annotated & ours), len(ours), len(annotated)
    return counts


def _metrics(sums: Array) -> dict[str, Array]:
    """Return precision, recall and F1, ``(b,)`` each, from sums ``(b, 3)``; 0 where there is nothing to divide by."""
    right, predicted, annotated = sums.T
    return {
        "precision": np.divide(right, predicted, out=np.zeros_like(right), where=predicted > 0),
        "recall": np.divide(right, annotated, out=np.zeros_like(right), where=annotated > 0),
        "f1": np.divide(2 * right, predicted + annotated, out=np.zeros_like(right), where=predicted + annotated > 0),
    }
