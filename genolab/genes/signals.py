"""What marks the ends of coding parts: start codons, donors and acceptors, as a consensus or with learned weights."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self, TypeAlias, TypeVar

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from genolab.genes import hmm
from genolab.sequences.annotation import Gene, coding_genes
from genolab.sequences.orfs import strand_codes

Known: TypeAlias = Iterable[Gene] | AnnData | pd.DataFrame
_Kind = TypeVar("_Kind", np.int8, np.float32)
_Codes = Mapping[str, NDArray[np.int8]]  # by chromosome, (2, length): each strand as it is read
_Positions = Sequence[tuple[Gene, int]]  # on the gene's own strand

_A, _G, _T, _UNKNOWN = 0, 2, 3, 4
_MIN_SITES: Final = 10
_MIN_ODDS: Final = 1e-2
_BRANCH_MOTIF: Final = (5, 1)  # bases of a branch point before its A, and after it
_BRANCH_FROM, _BRANCH_TO = 60, 8  # bases before an intron's end, between which its branch point lies


def known_genes(genes: Known, sequences: Mapping[str, str]) -> list[Gene]:
    """Return the genes within `sequences`, of genes or of a table of features; none that goes over an origin."""
    genes = coding_genes(genes) if isinstance(genes, AnnData | pd.DataFrame) else genes
    return [gene for gene in genes if gene.end <= len(sequences.get(gene.chromosome, ""))]


class Site(NamedTuple):
    """A kind of site in a sequence: a consensus that must be there, and weights of the bases round it."""

    consensus: tuple[str, ...]  # one of these must be there; all of one length
    upstream: int = 0  # bases that the weights cover before the consensus
    weights: NDArray[np.float32] = np.zeros((0, 4), dtype=np.float32)  # (width, 4) log-odds over the background, nats

    def scores(self, bases: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return the log-odds of a site that begins at each of ``(length,)`` bases, minus infinity where none does."""
        is_site = np.any([_begins(bases, strand_codes(one)[0]) for one in self.consensus], axis=0)
        scores = _allowed(is_site)
        at = np.flatnonzero(is_site)
        for column, odds in enumerate(self.weights):
            where = at + column - self.upstream
            inside = (where >= 0) & (where < len(bases))
            padded = np.append(odds, np.float32(0))  # an unknown base says nothing
            scores[at[inside]] += padded[bases[where[inside]]]
        return scores


_START, _DONOR, _ACCEPTOR, _BRANCH = Site(("ATG",)), Site(("GT",)), Site(("AG",)), Site(("A",))


@dataclass(frozen=True)
class Signals:
    """What coding parts begin and end with.

    By default these are ATG, GT and AG. `learn` adds, from known genes, how much likelier the bases round a true site
    are than elsewhere, as a position weight matrix (Staden 1984), and the branch point of introns, which is far more
    informative than their end itself.

    For bacteria, ``start=Site(("ATG", "GTG", "TTG"))``.
    """

    start: Site = _START  # start codons, by their first base
    donor: Site = _DONOR  # first bases of introns
    acceptor: Site = _ACCEPTOR  # last bases of introns, by the first of them
    branch: Site = _BRANCH  # an A 8 to 60 bases before an intron's end; without weights it isn't required
    first: tuple[float, float] = (0.0, 0.0)  # log-odds of the first start codon of an open frame, and of a later one

    @classmethod
    def learn(cls, genes: Known, sequences: Mapping[str, str]) -> Self:
        """Learn the surroundings of the sites from known genes.

        Kinds of site that fewer than ten of the genes have stay a consensus alone. `genes` are an annotated genome, a
        table of features, or genes from `genolab.sequences.coding_genes`; only those on the chromosomes in `sequences`
        are used, which is chromosome to its bases, + strand.
        """
        known = known_genes(genes, sequences)
        codes = {name: strand_codes(sequence) for name, sequence in sequences.items()}
        starts = [(gene, _on_strand(gene, gene.start, gene.end, codes)[0]) for gene in known]
        introns = [(gene, _on_strand(gene, *intron, codes)) for gene in known for intron in gene.introns]
        donors = [(gene, first) for gene, (first, _) in introns]
        acceptors = [(gene, last - 2) for gene, (_, last) in introns]
        return cls(
            _learned(_START, codes, starts, 9, 3),
            _learned(_DONOR, codes, donors, 2, 5),
            _learned(_ACCEPTOR, codes, acceptors, 6, 1),
            _learned(_BRANCH, codes, _branch_points(introns, codes), *_BRANCH_MOTIF),
            _first_or_later(_START, codes, starts),
        )

    def constraint_scores(
        self, sequence: str, start_weight: float = 1.0, splice_weight: float = 1.0
    ) -> NDArray[np.float32]:
        """Return the scores of states for their constraints, ``(15, 2, length)``; see `genolab.genes.hmm.best_path`.

        The weights multiply the learned log-odds of start codons, and of the ends of introns.
        """
        weights = np.float32(start_weight), np.float32(splice_weight)
        return np.stack([self._of_strand(bases, *weights) for bases in strand_codes(sequence)], axis=1)

    def _of_strand(self, bases: NDArray[np.int8], start_weight: np.float32, weight: np.float32) -> NDArray[np.float32]:
        """Return the scores on one strand, ``(15, length)``, at the base whose state has the constraint."""
        start = self.start.scores(bases)
        start = _weighted(start + np.where(_is_first(bases, np.isfinite(start)), *self.first), start_weight)
        donor = _shifted(_weighted(_likely(self.donor.scores(bases)), weight), -1)  # at the base before the intron
        accepted = _shifted(self.acceptor.scores(bases), len(self.acceptor.consensus[0]))  # at the base after it
        accepted = _weighted(_likely(accepted + self._branch_scores(bases)), weight)
        last, before = bases, _shifted(bases, 1)
        ta, tg = (before == _T) & (last == _A), (before == _T) & (last == _G)
        scores = np.empty((15, len(bases)), dtype=np.float32)
        scores[hmm.FREE] = 0
        scores[hmm.START] = start
        scores[hmm.STOP] = _allowed(_is_stop(bases, _shifted(bases, -1), _shifted(bases, -2)))
        scores[hmm.NO_STOP] = _allowed(~_is_stop(_shifted(bases, 2), before, last))
        scores[hmm.T_DONOR] = _allowed(last == _T) + donor
        scores[hmm.OTHER_DONOR] = _allowed(last != _T) + donor
        scores[hmm.TA_DONOR], scores[hmm.TG_DONOR] = _allowed(ta) + donor, _allowed(tg) + donor
        scores[hmm.OTHER_PAIR_DONOR] = _allowed(~(ta | tg)) + donor
        scores[hmm.DONOR] = donor
        scores[hmm.ACCEPTED] = accepted
        scores[hmm.NO_STOP_AFTER_T] = _allowed(~_is_stop(np.full_like(bases, _T), before, last))
        scores[hmm.NO_STOP_AFTER_TA] = _allowed((last != _A) & (last != _G)) + accepted
        scores[hmm.NO_STOP_AFTER_TG] = _allowed(last != _A) + accepted
        scores[hmm.ACCEPTOR] = _shifted(accepted, -1)
        return scores

    def _branch_scores(self, bases: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return the score of each base, as the first after an intron, for a branch point somewhere before it."""
        if not len(self.branch.weights):
            return np.zeros(len(bases), dtype=np.float32)
        odds = np.exp(self.branch.scores(bases).astype(np.float64))
        summed = np.concatenate([np.zeros(_BRANCH_FROM + 1), np.cumsum(odds)])  # up to _BRANCH_FROM bases before
        low, high = summed[: len(bases)], summed[_BRANCH_FROM - _BRANCH_TO : len(bases) + _BRANCH_FROM - _BRANCH_TO]
        mean = (high - low) / (_BRANCH_FROM - _BRANCH_TO)  # over the positions, each as likely
        score: NDArray[np.float32] = np.log(np.maximum(mean, _MIN_ODDS)).astype(np.float32)
        return score


def _begins(bases: NDArray[np.int8], motif: NDArray[np.int8]) -> NDArray[np.bool_]:
    begins = np.zeros(len(bases), dtype=bool)
    n = len(bases) - len(motif) + 1
    if n > 0:
        begins[:n] = np.all([bases[k : n + k] == base for k, base in enumerate(motif)], axis=0)
    return begins


def _allowed(where: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(where, np.float32(0), np.float32(-np.inf))


def _likely(odds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Leave out what is likelier to be there by chance; a genome has far more such positions than introns."""
    return np.where(odds >= 0, odds, np.float32(-np.inf))


def _weighted(odds: NDArray[Any], weight: np.float32) -> NDArray[np.float32]:
    """Return the odds times a weight, which may be 0."""
    finite = np.isfinite(odds)
    return np.where(finite, weight * np.where(finite, odds, 0), -np.inf).astype(np.float32)


def _shifted(values: NDArray[_Kind], by: int) -> NDArray[_Kind]:
    """Return, for each base, the value `by` bases before it; beyond the ends there is nothing."""
    empty = values.dtype.type(-np.inf) if values.dtype.kind == "f" else values.dtype.type(_UNKNOWN)
    shifted = np.full_like(values, empty)
    if by >= 0:
        shifted[by:] = values[: len(values) - by]
    else:
        shifted[:by] = values[-by:]
    return shifted


def _is_stop(first: NDArray[np.int8], second: NDArray[np.int8], third: NDArray[np.int8]) -> NDArray[np.bool_]:
    """TAA, TAG or TGA."""
    taa_tag = (second == _A) & ((third == _A) | (third == _G))
    is_stop: NDArray[np.bool_] = (first == _T) & (taa_tag | ((second == _G) & (third == _A)))
    return is_stop


def _is_first(bases: NDArray[np.int8], starts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which start codons are the first after a stop codon in their frame."""
    stops = _is_stop(bases, _shifted(bases, -1), _shifted(bases, -2))
    first = np.zeros(len(bases), dtype=bool)
    for frame in range(3):
        count = np.cumsum(starts[frame::3])
        before = np.maximum.accumulate(np.where(stops[frame::3], count, 0)) if len(count) else count
        first[frame::3] = starts[frame::3] & (count - before == 1)
    return first


# ---- learning ----


def _on_strand(gene: Gene, start: int, end: int, codes: _Codes) -> tuple[int, int]:
    """Return a part of a gene as positions on the gene's own strand."""
    length = codes[gene.chromosome].shape[1]
    return (start, end) if gene.strand == "+" else (length - end, length - start)


def _strand_of(gene: Gene, codes: _Codes) -> NDArray[np.int8]:
    strand: NDArray[np.int8] = codes[gene.chromosome]["+-".index(gene.strand)]
    return strand


def _learned(site: Site, codes: _Codes, positions: _Positions, upstream: int, downstream: int) -> Site:
    """Return the site with weights from `upstream` bases before its consensus to `downstream` after it."""
    width = upstream + len(site.consensus[0]) + downstream
    cuts = [(_strand_of(gene, codes), at - upstream) for gene, at in positions]
    rows = [bases[at : at + width] for bases, at in cuts if at >= 0 and at + width <= len(bases)]
    if len(rows) < _MIN_SITES:
        return site
    bases = np.concatenate([both.ravel() for both in codes.values()])
    background = np.bincount(bases[bases != _UNKNOWN], minlength=4) / (bases != _UNKNOWN).sum()
    counts = np.stack([np.bincount(column, minlength=5)[:4] for column in np.stack(rows).T])
    frequencies = (counts + background) / (counts.sum(axis=1, keepdims=True) + 1)  # a pseudocount of one row
    weights = np.log(frequencies / background).astype(np.float32)
    weights[upstream : upstream + len(site.consensus[0])] = 0  # the consensus itself is required already
    return Site(site.consensus, upstream, weights)


def _branch_points(introns: Sequence[tuple[Gene, tuple[int, int]]], codes: _Codes) -> list[tuple[Gene, int]]:
    """Return where each intron has what most resembles the motif that most of them have before their ends."""
    positions = [
        (gene, at)
        for gene, (first, last) in introns
        for at in range(max(first + 6, last - _BRANCH_FROM), last - _BRANCH_TO)
        if _strand_of(gene, codes)[at] == _A
    ]
    if not positions:
        return []
    before, after = _BRANCH_MOTIF
    motifs = np.stack([_strand_of(gene, codes)[at - before : at + 1 + after] for gene, at in positions])
    intron = np.unique([f"{gene.name}{gene.start}" for gene, _ in positions], return_inverse=True)[1]
    distinct, number = np.unique(motifs, axis=0, return_inverse=True)
    in_introns = np.unique(np.stack([number.ravel(), intron.ravel()]), axis=1)[0]  # each motif once an intron
    common = distinct[np.bincount(in_introns).argmax()]
    similarity = (motifs == common).sum(axis=1)
    best = [max(np.flatnonzero(intron == one), key=lambda at: similarity[at]) for one in range(intron.max() + 1)]
    return [positions[at] for at in best]


def _first_or_later(site: Site, codes: _Codes, positions: _Positions) -> tuple[float, float]:
    """Return the log-odds of genes to begin at the first start codon of an open frame, and at a later one."""
    if len(positions) < _MIN_SITES:
        return 0.0, 0.0
    first, n_starts = {}, 0
    for name, both in codes.items():
        for strand, bases in zip("+-", both, strict=True):
            starts = np.isfinite(site.scores(bases))
            first[name, strand], n_starts = _is_first(bases, starts), n_starts + starts.sum()
    true = np.mean([first[gene.chromosome, gene.strand][at] for gene, at in positions])
    true = np.clip(true, 1 / len(positions), 1 - 1 / len(positions))
    share = np.clip(sum(some.sum() for some in first.values()) / max(1, n_starts), 0.01, 0.99)
    return float(np.log(true / share)), float(np.log((1 - true) / (1 - share)))
