"""From probabilities of tags to the most probable genes, as a table of features."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from genolab.config import check, control
from genolab.genes.hmm import best_path, gene_model
from genolab.genes.signals import Signals
from genolab.sequences.annotation import GENE_COLUMNS, NO_PHASE, TAGS

_CODING: Final = [number for number, tag in enumerate(TAGS) if tag.startswith("coding")]
_INTRON: Final = [number for number, tag in enumerate(TAGS) if tag.startswith("intron")]
_PIECE: Final = 2_000_000  # bases that are decoded at once
_SMOOTHING: Final = 501  # bases over which the probability to be intergenic is averaged for a cut
_MIN_PROBABILITY: Final = 1e-6  # a probability of 0 would forbid what the grammar allows


@dataclass(frozen=True)
class Grammar:
    """Weights, penalties and least lengths of the decoder; all scores are in nats.

    The defaults were chosen on yeast's chromosome II: each quarter of it tagged by a tagger trained on the others.
    """

    emission_weight: float = control(
        0.03, low=0, high=1, help="Share of the log probabilities that counts: neighbouring bases repeat each other's."
    )
    coding_bonus: float = control(
        0.02,
        low=0,
        high=1,
        unit="nats a base",
        help="Score of each coding base, as a frame that stays open is evidence.",
    )
    gene_penalty: float = control(13.0, low=0, high=10_000, unit="nats", help="Score that a gene must exceed.")
    intron_penalty: float = control(15.0, low=0, high=10_000, unit="nats", help="Score that an intron must exceed.")
    intron_base_penalty: float = control(
        0.015, low=0, high=1, unit="nats", help="Penalty of each base of an intron: long ones are rare."
    )
    trna_penalty: float = control(6.0, low=0, high=10_000, unit="nats", help="Score that a tRNA must exceed.")
    min_intron: int = control(40, low=4, high=10_000, unit="bases", help="Fewest bases of an intron.")
    min_trna: int = control(60, low=1, high=1_000, unit="bases", help="Fewest bases of a tRNA.")
    start_weight: float = control(3.0, low=0, high=100, help="Weight of the log-odds of start codons.")
    splice_weight: float = control(3.0, low=0, high=100, help="Weight of the log-odds of the ends of introns.")

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
    """Return the most probable genes, introns and tRNAs on both strands, by the Viterbi algorithm.

    Every gene begins with a start codon, ends with a stop codon, keeps its frame across introns that begin and end with
    the splice consensus, and has no other stop codon in its frame. Genes don't overlap, and those that the sequence's
    ends cut off aren't predicted. The search takes about 250 bytes a base, so what is longer than two megabases is
    decoded in pieces, cut where the probability to be intergenic is highest.

    Parameters
    ----------
    probabilities
        ``(length, n_tags)``, in the order of `genolab.sequences.TAGS`, from `genolab.genes.tag`.
    sequence
        The bases, + strand; `chromosome` and `start` are its name in the table and the position of its first base.
    signals
        What coding parts begin and end with; ATG, GT and AG unless learned by `Signals.learn`.

    Returns
    -------
    DataFrame
        A row a feature (``gene``, its ``CDS`` parts, ``tRNA``): ``chromosome start end strand kind parent phase
        score``, as ``obs`` of an annotated genome. The score is the mean probability of the decoded tags of its bases.
    """
    scores = _checked(probabilities, sequence)
    grammar, signals = grammar or Grammar(), signals or Signals()
    edges = _cuts(scores[:, 0], _PIECE)
    parts = [_best_tags(scores[a:b], sequence[a:b], signals, grammar) for a, b in itertools.pairwise(edges)]
    return _table(np.concatenate(parts), scores, chromosome, start)


def _best_tags(scores: NDArray[np.float32], sequence: str, signals: Signals, grammar: Grammar) -> NDArray[np.int64]:
    """Return the tag of every base, ``(length,)``, on the best path."""
    scores = scores.copy()
    scores[:, _INTRON] += scores[:, :1]  # an intron's bases are like intergenic ones: its ends distinguish it
    emissions = np.log(np.maximum(scores, _MIN_PROBABILITY)) * np.float32(grammar.emission_weight)
    emissions[:, _CODING] += np.float32(grammar.coding_bonus)
    emissions[:, _INTRON] -= np.float32(grammar.intron_base_penalty)
    penalties = np.array([0.0, grammar.gene_penalty, grammar.intron_penalty, grammar.trna_penalty])
    model = gene_model(grammar.min_intron, grammar.min_trna)
    constraints = signals.constraint_scores(sequence, grammar.start_weight, grammar.splice_weight)
    return model.tag[best_path(model, emissions, constraints, penalties)]


def _cuts(intergenic: NDArray[np.float32], piece: int) -> list[int]:
    """Return where to cut a long sequence: in the last third of each piece, where it is most probably intergenic."""
    edges = [0]
    while len(intergenic) - edges[-1] > piece:
        first = edges[-1] + piece * 2 // 3
        smooth = np.convolve(intergenic[first : edges[-1] + piece], np.ones(_SMOOTHING), mode="same")
        edges.append(first + int(smooth.argmax()))
    return [*edges, len(intergenic)]


def _checked(probabilities: ArrayLike, sequence: str) -> NDArray[np.float32]:
    scores = np.ascontiguousarray(probabilities, dtype=np.float32)
    if scores.shape != (len(sequence), len(TAGS)):
        raise ValueError(
            f"there must be {len(TAGS)} probabilities for each of the sequence's {len(sequence):,} bases, got the "
            f"shape {scores.shape}: pass those of gl.genes.tag for this sequence"
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
    """Give the parts that are coding, intron or tRNA."""
    names = [tag.rstrip("012") for tag in TAGS]  # "coding+", "intron-": the codon position makes no part of its own
    kinds = sorted(set(names))
    kind = np.array([kinds.index(name) for name in names])[tags]
    edges = [0, *(np.flatnonzero(np.diff(kind)) + 1).tolist(), len(tags)]
    for start, end in itertools.pairwise(edges):
        name = kinds[kind[start]]
        if name != TAGS[0]:
            yield _Part(start, end, name[:-1], name[-1])


def _genes(parts: Iterator[_Part]) -> Iterator[list[_Part]]:
    """Group the parts that touch into genes; a tRNA stands alone."""
    gene: list[_Part] = []
    for part in parts:
        if gene and (part.start != gene[-1].end or "tRNA" in {part.kind, gene[-1].kind}):
            yield gene
            gene = []
        gene.append(part)
    if gene:
        yield gene


def _table(tags: NDArray[np.int64], scores: NDArray[np.float32], chromosome: str, start: int) -> pd.DataFrame:
    """Return the features of the decoded tags."""
    summed = np.concatenate([[0.0], np.cumsum(scores[np.arange(len(tags)), tags], dtype=np.float64)])
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
        for number, (feature, parent, phase, first, end) in enumerate(spans):
            score = round(float((summed[end] - summed[first]) / (end - first)), 4)
            rows.append((chromosome, first + start, end + start, parts[0].strand, feature, parent, phase, score))
            names.append(name if number == 0 else f"{name}.CDS{number}")
    return pd.DataFrame(rows, columns=list(GENE_COLUMNS), index=pd.Index(names, dtype=object))


def _phased(exons: Sequence[_Part]) -> list[tuple[int, _Part]]:
    """Return coding parts with their phase: the bases before the part's first whole codon, as the gene is read."""
    forward = not exons or exons[0].strand == "+"
    in_order = exons if forward else exons[::-1]
    before = np.cumsum([0, *(exon.end - exon.start for exon in in_order)])[:-1]
    phased = [(-int(n) % 3, exon) for n, exon in zip(before, in_order, strict=True)]
    return phased if forward else phased[::-1]
