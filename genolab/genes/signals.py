"""What marks the ends of coding parts: start codons, donors and acceptors, as fixed words or as learned weights."""

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

_A, _G, _T, _UNKNOWN = 0, 2, 3, 4


def known_genes(genes: Known, sequences: Mapping[str, str]) -> list[Gene]:
    """Return the genes on the chromosomes of `sequences`, of genes or of a table of features."""
    some = coding_genes(genes) if isinstance(genes, AnnData | pd.DataFrame) else genes
    return [gene for gene in some if gene.chromosome in sequences]


class Site(NamedTuple):
    """A kind of place in a sequence: a word that must be there, and weights of the bases round it.

    Attributes
    ----------
    words
        What must be there, one of them; all of one length.
    before
        Bases that the weights cover in front of the word.
    weights
        ``(width, 4)`` log-odds of each base over its background, nats; no rows: any surroundings are as good.
    """

    words: tuple[str, ...]
    before: int = 0
    weights: NDArray[np.float32] = np.zeros((0, 4), dtype=np.float32)

    def scores(self, bases: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return the log-odds of a word that begins at each of ``(length,)`` bases, minus infinity where none does."""
        found = np.zeros(len(bases), dtype=bool)
        for word in self.words:
            found |= _begins(bases, strand_codes(word)[0])
        scores = np.where(found, np.float32(0), np.float32(-np.inf))
        at = np.flatnonzero(found)
        for place, odds in enumerate(self.weights):
            where = at + place - self.before
            inside = (where >= 0) & (where < len(bases))
            padded = np.append(odds, np.float32(0))  # an unknown base says nothing
            scores[at[inside]] += padded[bases[where[inside]]]
        return scores


def _begins(bases: NDArray[np.int8], word: NDArray[np.int8]) -> NDArray[np.bool_]:
    found = np.zeros(len(bases), dtype=bool)
    last = len(bases) - len(word) + 1
    if last > 0:
        found[:last] = np.all([bases[k : last + k] == base for k, base in enumerate(word)], axis=0)
    return found


_START, _DONOR, _ACCEPTOR, _BRANCH = Site(("ATG",)), Site(("GT",)), Site(("AG",)), Site(("A",))
_BRANCH_WORD: Final = (5, 1)  # bases of a branch point in front of its A, and behind it
_BRANCH_FROM, _BRANCH_TO = 60, 8  # bases in front of an intron's end, between which its branch point lies


@dataclass(frozen=True)
class Signals:
    """What coding parts begin and end with.

    Left to themselves they are fixed words: ATG, GT and AG. `learn` adds, from known genes, how much likelier the bases
    round such a word are at a true place than elsewhere, as a position weight matrix (Staden 1984), and what introns
    have in common in front of their end: the branch point, which is far more telling than the end itself.

    Attributes
    ----------
    start
        Start codons, by their first base. For bacteria: ``Site(("ATG", "GTG", "TTG"))``.
    donor
        First bases of introns.
    acceptor
        Last bases of introns, by the first of them.
    branch
        The branch point, an A that lies 8 to 60 bases in front of an intron's end. Without weights it isn't asked for.
    first
        Log-odds of the first start codon that an open frame has, and of a later one.
    """

    start: Site = _START
    donor: Site = _DONOR
    acceptor: Site = _ACCEPTOR
    branch: Site = _BRANCH
    first: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def learn(cls, genes: Known, sequences: Mapping[str, str]) -> Self:
        """Learn the surroundings of the sites from known genes.

        Parameters
        ----------
        genes
            An annotated genome, a table of features, or genes as `genolab.sequences.annotation.coding_genes` gives
            them; only those on the chromosomes in `sequences` are used.
        sequences
            Chromosome to its letters, + strand.

        Returns
        -------
        Signals
            With weights for each kind of site that at least ten of the genes have; a kind with fewer stays a word.
        """
        known = known_genes(genes, sequences)
        codes = {name: strand_codes(letters) for name, letters in sequences.items()}
        spans = [(gene, _own(gene, gene.start, gene.end, codes)) for gene in known]
        introns = [(gene, _own(gene, *intron, codes)) for gene in known for intron in gene.introns]
        plain = cls()
        return cls(
            _learnt(plain.start, codes, [(gene, first) for gene, (first, _) in spans], 9, 3),
            _learnt(plain.donor, codes, [(gene, first) for gene, (first, _) in introns], 2, 5),
            _learnt(plain.acceptor, codes, [(gene, last - 2) for gene, (_, last) in introns], 6, 1),
            _learnt(plain.branch, codes, _branch_points(introns, codes), *_BRANCH_WORD),
            _first_or_later(plain.start, codes, [(gene, first) for gene, (first, _) in spans]),
        )

    def gains(self, sequence: str, start_weight: float = 1.0, splice_weight: float = 1.0) -> NDArray[np.float32]:
        """Return what states gain for what they ask of a sequence, ``(15, 2, length)``; see `viterbi.best_path`.

        The weights say how often the learned odds of start codons, and of the ends of introns, count.
        """
        weights = np.float32(start_weight), np.float32(splice_weight)
        return np.stack([self._gains(bases, *weights) for bases in strand_codes(sequence)], axis=1)

    def _gains(self, bases: NDArray[np.int8], start_weight: np.float32, weight: np.float32) -> NDArray[np.float32]:
        """Return the gains on one strand, ``(15, length)``; what is asked for stands at the base that asks."""
        start = self.start.scores(bases)
        start = _weighted(start + np.where(_is_first(bases, np.isfinite(start)), *self.first), start_weight)
        donor = _weighted(_likely(self.donor.scores(bases)), weight)
        acceptor = self.acceptor.scores(bases)
        accepted = _moved(acceptor, len(self.acceptor.words[0])) + self._branched(bases)  # the base behind the intron
        accepted = _weighted(_likely(accepted), weight)
        parted = _moved(donor, -1)  # the base in front of it
        first, second = bases, _moved(bases, 1)
        stop_begins = _is_stop(bases, _moved(bases, -1), _moved(bases, -2))
        after_t = (second == _T) & (first == _A), (second == _T) & (first == _G)
        gains = np.empty((15, len(bases)), dtype=np.float32)
        gains[hmm.FREE] = 0
        gains[hmm.START] = start
        gains[hmm.STOP] = _where(stop_begins)
        gains[hmm.NO_STOP] = _where(~_is_stop(_moved(bases, 2), second, first))
        gains[hmm.T_DONOR] = _where(first == _T) + parted
        gains[hmm.OTHER_DONOR] = _where(first != _T) + parted
        gains[hmm.TA_DONOR], gains[hmm.TG_DONOR] = (_where(pair) + parted for pair in after_t)
        gains[hmm.OTHER_PAIR_DONOR] = _where(~(after_t[0] | after_t[1])) + parted
        gains[hmm.DONOR] = parted
        gains[hmm.ACCEPTED] = accepted
        gains[hmm.NO_STOP_AFTER_T] = _where(~_is_stop(np.full_like(bases, _T), second, first))
        gains[hmm.NO_STOP_AFTER_TA] = _where((first != _A) & (first != _G)) + accepted
        gains[hmm.NO_STOP_AFTER_TG] = _where(first != _A) + accepted
        gains[hmm.ACCEPTOR] = _moved(accepted, -1)
        return gains

    def _branched(self, bases: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return what each base gains, as the first behind an intron, for a branch point somewhere in front of it."""
        if not len(self.branch.weights):
            return np.zeros(len(bases), dtype=np.float32)
        odds = np.exp(self.branch.scores(bases).astype(np.float64))
        summed = np.concatenate([np.zeros(_BRANCH_FROM + 1), np.cumsum(odds)])  # up to _BRANCH_FROM bases before
        low, high = summed[: len(bases)], summed[_BRANCH_FROM - _BRANCH_TO : len(bases) + _BRANCH_FROM - _BRANCH_TO]
        mean = (high - low) / (_BRANCH_FROM - _BRANCH_TO)  # the place is any of them
        gain: NDArray[np.float32] = np.log(np.maximum(mean, _LEAST_ODDS)).astype(np.float32)
        return gain


def _likely(odds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Leave out what is likelier to be there by chance; a genome has far more such places than introns."""
    return np.where(odds >= 0, odds, np.float32(-np.inf))


def _weighted(odds: NDArray[Any], weight: np.float32) -> NDArray[np.float32]:
    """Return the odds times a weight, which may be 0."""
    there = np.isfinite(odds)
    return np.where(there, weight * np.where(there, odds, 0), -np.inf).astype(np.float32)


def _moved(values: NDArray[_Kind], by: int) -> NDArray[_Kind]:
    """Return, for each base, the value `by` bases before it; beyond the ends there is nothing."""
    empty = values.dtype.type(-np.inf) if values.dtype.kind == "f" else values.dtype.type(_UNKNOWN)
    moved = np.full_like(values, empty)
    if by >= 0:
        moved[by:] = values[: max(0, len(values) - by)]
    else:
        moved[:by] = values[-by:]
    return moved


def _is_stop(first: NDArray[np.int8], second: NDArray[np.int8], third: NDArray[np.int8]) -> NDArray[np.bool_]:
    """TAA, TAG or TGA."""
    found: NDArray[np.bool_] = (first == _T) & np.where(
        second == _A, (third == _A) | (third == _G), (second == _G) & (third == _A)
    )
    return found


def _where(there: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(there, np.float32(0), np.float32(-np.inf))


_FEWEST: Final = 10
_LEAST_ODDS: Final = 1e-2
_Codes = Mapping[str, NDArray[np.int8]]


def _own(gene: Gene, start: int, end: int, codes: _Codes) -> tuple[int, int]:
    """Return where a part of a gene lies as the gene's own strand is read."""
    length = codes[gene.chromosome].shape[1]
    return (start, end) if gene.strand == "+" else (length - end, length - start)


def _branch_points(introns: Sequence[tuple[Gene, tuple[int, int]]], codes: _Codes) -> list[tuple[Gene, int]]:
    """Return where each intron has what most resembles the word that most of them have in front of their ends."""
    places = [
        (gene, at)
        for gene, (first, last) in introns
        for at in range(max(first + 6, last - _BRANCH_FROM), last - _BRANCH_TO)
        if codes[gene.chromosome]["+-".index(gene.strand), at] == _A
    ]
    if not places:
        return []
    strands = [codes[gene.chromosome]["+-".index(gene.strand)] for gene, _ in places]
    cut = np.stack(
        [bases[at - _BRANCH_WORD[0] : at + 1 + _BRANCH_WORD[1]] for bases, (_, at) in zip(strands, places, strict=True)]
    )
    owner = np.unique([f"{gene.name}{gene.start}" for gene, _ in places], return_inverse=True)[1]
    words, number = np.unique(cut, axis=0, return_inverse=True)
    held = np.unique(np.stack([number.ravel(), owner.ravel()]), axis=1)[0]  # each word once an intron
    common = words[np.bincount(held).argmax()]
    alike = (cut == common).sum(axis=1)
    best = [max(np.flatnonzero(owner == one), key=lambda at: alike[at]) for one in range(owner.max() + 1)]
    return [places[at] for at in best]


def _is_first(bases: NDArray[np.int8], starts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which start codons are the first behind a stop codon in their frame."""
    stops = _is_stop(bases, _moved(bases, -1), _moved(bases, -2))
    first = np.zeros(len(bases), dtype=bool)
    for frame in range(3):
        count = np.cumsum(starts[frame::3])
        before = np.maximum.accumulate(np.where(stops[frame::3], count, 0)) if len(count) else count
        first[frame::3] = starts[frame::3] & (count - before == 1)
    return first


def _first_or_later(site: Site, codes: _Codes, places: Sequence[tuple[Gene, int]]) -> tuple[float, float]:
    """Return the log-odds of genes to begin at the first start codon of an open frame, and at a later one."""
    first, starts = {}, {}
    for name, both in codes.items():
        for strand, bases in zip("+-", both, strict=True):
            starts[name, strand] = np.isfinite(site.scores(bases))
            first[name, strand] = _is_first(bases, starts[name, strand])
    if len(places) < _FEWEST:
        return 0.0, 0.0
    true = np.mean([first[gene.chromosome, gene.strand][at] for gene, at in places])
    true = np.clip(true, 1 / len(places), 1 - 1 / len(places))
    share = sum(some.sum() for some in first.values()) / max(1, sum(some.sum() for some in starts.values()))
    share = np.clip(share, 0.01, 0.99)
    return float(np.log(true / share)), float(np.log((1 - true) / (1 - share)))


def _learnt(site: Site, codes: _Codes, places: Sequence[tuple[Gene, int]], before: int, after: int) -> Site:
    """Return the site with weights from `before` bases in front of its word to `after` behind its end."""
    width = before + len(site.words[0]) + after
    cut = (_cut(codes[gene.chromosome], gene.strand, base - before, width) for gene, base in places)
    rows = [row for row in cut if row is not None]
    if len(rows) < _FEWEST:
        return site
    bases = np.concatenate([both.ravel() for both in codes.values()])
    background = np.bincount(bases[bases != _UNKNOWN], minlength=4) / (bases != _UNKNOWN).sum()
    counts = np.stack([np.bincount(column, minlength=5)[:4] for column in np.stack(rows).T])
    share = (counts + background) / (counts.sum(axis=1, keepdims=True) + 1)  # one row more, as the background has it
    weights = np.log(share / background).astype(np.float32)
    weights[before : before + len(site.words[0])] = 0  # the word itself is asked for already
    return Site(site.words, before, weights)


def _cut(bases: NDArray[np.int8], strand: str, first: int, width: int) -> NDArray[np.int8] | None:
    inside = first >= 0 and first + width <= bases.shape[1]
    return bases["+-".index(strand), first : first + width] if inside else None
