"""From probabilities of tags to genes: the likeliest row of whole genes, as a table of features."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from genolab.config import check, control
from genolab.genes.hmm import machine
from genolab.genes.signals import Signals
from genolab.genes.viterbi import best_path
from genolab.sequences.annotation import GENE_COLUMNS, NO_PHASE, TAGS

_CODING: Final = [number for number, tag in enumerate(TAGS) if tag.startswith("coding")]
_INTRON: Final = [number for number, tag in enumerate(TAGS) if tag.startswith("intron")]
_PIECE: Final = 2_000_000  # bases that are searched at once
_CALM: Final = 501  # bases over which a place to cut is judged
_SMALLEST: Final = 1e-6  # a probability of 0 would forbid what the grammar allows


@dataclass(frozen=True)
class Grammar:
    """What speaks for a gene, and what it must pay.

    The defaults were chosen on yeast's chromosome II: each quarter of it tagged by a tagger trained on the others.

    Attributes
    ----------
    evidence
        Share of the log probabilities that counts: neighbouring bases repeat each other's evidence.
    open_bonus
        Evidence of each coding base, in nats, for the mere fact that the frame stays open, as chance would close it.
    gene_cost, intron_cost, trna_cost
        Evidence that a gene, an intron or a tRNA must have over what else could stand there, in nats.
    intron_base_cost
        What each base of an intron costs more, in nats: long ones are rare.
    least_intron, least_trna
        Fewest bases of an intron and of a tRNA.
    start_weight, splice_weight
        How often the learned weights of start codons, and of the ends of introns, count.
    """

    evidence: float = control(0.03, low=0, high=1, help="Share of the log probabilities that counts.")
    open_bonus: float = control(0.02, low=0, high=1, help="Evidence of a frame that stays open.", unit="nats a base")
    gene_cost: float = control(13.0, low=0, high=10_000, help="Evidence that a gene must have.", unit="nats")
    intron_cost: float = control(15.0, low=0, high=10_000, help="Evidence that an intron must have.", unit="nats")
    intron_base_cost: float = control(0.015, low=0, high=1, help="Cost of each base of an intron.", unit="nats")
    trna_cost: float = control(6.0, low=0, high=10_000, help="Evidence that a tRNA must have.", unit="nats")
    least_intron: int = control(40, low=4, high=10_000, help="Fewest bases of an intron.", unit="bases")
    least_trna: int = control(60, low=1, high=1_000, help="Fewest bases of a tRNA.", unit="bases")
    start_weight: float = control(3.0, low=0, high=100, help="How often the odds of a start codon count.")
    splice_weight: float = control(3.0, low=0, high=100, help="How often the odds of an intron's ends count.")

    def __post_init__(self) -> None:
        check(self)


def decode(
    probabilities: ArrayLike,
    sequence: str,
    *,
    chromosome: str = "sequence",
    signals: Signals | None = None,
    grammar: Grammar | None = None,
    start: int = 0,
) -> pd.DataFrame:
    """Find the likeliest row of whole genes, introns and tRNAs on both strands, by Viterbi's algorithm.

    Every gene begins with a start codon, ends with a stop codon, keeps its frame across introns that begin and end with
    the splice consensus, and has no other stop codon in its frame. Genes don't overlap, and those that the sequence's
    ends cut off aren't found. The search holds about 250 bytes a base, so what is longer than two megabases is searched
    in pieces, cut where the tags are surest that there is no gene.

    Parameters
    ----------
    probabilities
        ``(length, n_tags)``, in the order of `genolab.sequences.TAGS`, as `genolab.genes.tag` gives them.
    sequence
        The bases' letters, + strand.
    chromosome
        Name for the table.
    signals
        What coding parts begin and end with; ATG, GT and AG unless learned by `Signals.learn`.
    grammar
        What a gene must pay; see `Grammar`.
    start
        Place of the first base on the chromosome.

    Returns
    -------
    DataFrame
        One row a feature (``gene``, its ``CDS`` parts, ``tRNA``), in the form of an annotated genome's ``obs``:
        ``chromosome start end strand kind parent phase score``. The score is the mean probability, over the feature's
        bases, of the tags that it gave them.

    Raises
    ------
    ValueError
        The probabilities don't fit the sequence, or aren't finite.
    """
    scores = _checked(probabilities, sequence)
    rules, sites = grammar or Grammar(), signals or Signals()
    edges = _quiet_places(scores[:, 0], _PIECE)
    parts = [_tags(scores[a:b], sequence[a:b], sites, rules) for a, b in itertools.pairwise(edges)]
    return _table(np.concatenate(parts), scores, chromosome, start)


def _tags(scores: NDArray[np.float32], sequence: str, sites: Signals, rules: Grammar) -> NDArray[np.int64]:
    """Return the tag of every base, ``(length,)``, on the best path."""
    told = scores.copy()
    told[:, _INTRON] += scores[:, :1]  # as to bases, an intron is like what lies between genes: its ends set it apart
    values = np.log(np.maximum(told, _SMALLEST)) * np.float32(rules.evidence)
    values[:, _CODING] += np.float32(rules.open_bonus)
    values[:, _INTRON] -= np.float32(rules.intron_base_cost)
    costs = np.array([0.0, rules.gene_cost, rules.intron_cost, rules.trna_cost])
    states = machine(rules.least_intron, rules.least_trna)
    path = best_path(states, values, sites.gains(sequence, rules.start_weight, rules.splice_weight), costs)
    return states.tag[path]


def _quiet_places(intergenic: NDArray[np.float32], piece: int) -> list[int]:
    """Return where to cut a long sequence: where the last third of each piece is surest to be intergenic."""
    edges = [0]
    while len(intergenic) - edges[-1] > piece:
        first = edges[-1] + piece * 2 // 3
        calm = np.convolve(intergenic[first : edges[-1] + piece], np.ones(_CALM), mode="same")
        edges.append(first + int(calm.argmax()))
    return [*edges, len(intergenic)]


def _checked(probabilities: ArrayLike, sequence: str) -> NDArray[np.float32]:
    scores = np.ascontiguousarray(probabilities, dtype=np.float32)
    if scores.shape != (len(sequence), len(TAGS)):
        raise ValueError(
            f"there must be {len(TAGS)} probabilities for each of the sequence's {len(sequence):,} bases, got the "
            f"shape {scores.shape}: pass what gl.genes.tag gave for this sequence"
        )
    if not np.isfinite(scores).all():
        raise ValueError("probabilities must be finite, and some are NaN or infinite: look at the tagger's loss")
    return scores


class _Part(NamedTuple):
    """Neighbouring bases of one kind, on one strand."""

    start: int
    end: int
    kind: str
    strand: str


def _parts(tags: NDArray[np.int64]) -> Iterator[_Part]:
    """Walk the parts that are coding, intron or tRNA; what is intergenic is left out."""
    bare = [tag.rstrip("012") for tag in TAGS]  # "coding+", "intron-": the codon position makes no part of its own
    kinds = sorted(set(bare))
    kind = np.array([kinds.index(name) for name in bare])[tags]
    edges = [0, *(np.flatnonzero(np.diff(kind)) + 1).tolist(), len(tags)]
    for start, end in itertools.pairwise(edges):
        name = kinds[kind[start]]
        if name != TAGS[0]:
            yield _Part(start, end, name[:-1], name[-1])


def _genes(parts: Iterator[_Part]) -> Iterator[list[_Part]]:
    """Put together what touches: a gene's coding parts and introns; a tRNA stands alone."""
    gene: list[_Part] = []
    for part in parts:
        if gene and (part.start != gene[-1].end or "tRNA" in {part.kind, gene[-1].kind}):
            yield gene
            gene = []
        gene.append(part)
    if gene:
        yield gene


def _table(tags: NDArray[np.int64], scores: NDArray[np.float32], chromosome: str, start: int) -> pd.DataFrame:
    """Return the features that the tags tell of."""
    given = np.concatenate([[0.0], np.cumsum(scores[np.arange(len(tags)), tags], dtype=np.float64)])
    rows: list[tuple[object, ...]] = []
    names: list[str] = []
    counts = {"gene": 0, "tRNA": 0}
    for parts in _genes(_parts(tags)):
        kind = "tRNA" if parts[0].kind == "tRNA" else "gene"
        counts[kind] += 1
        name = f"{chromosome}.{kind}{counts[kind]}"
        exons = [part for part in parts if part.kind == "coding"]
        spans = [(kind, "", NO_PHASE, parts[0].start, parts[-1].end)]
        spans += [("CDS", name, phase, exon.start, exon.end) for phase, exon in _phased(exons)]
        for number, (what, parent, phase, first, end) in enumerate(spans):
            score = round(float((given[end] - given[first]) / (end - first)), 4)
            rows.append((chromosome, first + start, end + start, parts[0].strand, what, parent, phase, score))
            names.append(name if number == 0 else f"{name}.CDS{number}")
    return pd.DataFrame(rows, columns=list(GENE_COLUMNS), index=pd.Index(names, dtype=object))


def _phased(exons: Sequence[_Part]) -> list[tuple[int, _Part]]:
    """Return coding parts with their phase: the bases before the part's first whole codon, as the gene is read."""
    read = exons if not exons or exons[0].strand == "+" else exons[::-1]
    before = np.cumsum([0, *(exon.end - exon.start for exon in read)])[:-1]
    phased = [(-int(done) % 3, exon) for done, exon in zip(before, read, strict=True)]
    return phased if read is exons else phased[::-1]
