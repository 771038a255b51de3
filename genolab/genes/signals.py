"""What marks the ends of coding parts: start codons, donors and acceptors, as fixed words or as learned weights."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from genolab.data.tags import Gene
from genolab.genes import machine

_Kind = TypeVar("_Kind", np.int8, np.float32)

_A, _G, _T, _UNKNOWN = 0, 2, 3, 4
_COMPLEMENT: Final = np.array([3, 2, 1, 0, 4], dtype=np.int8)
_CODE: Final = np.full(256, 4, dtype=np.int8)
for _number, _letters in enumerate(("Aa", "Cc", "Gg", "TtUu")):
    _CODE[[ord(letter) for letter in _letters]] = _number


def base_codes(sequence: str) -> NDArray[np.int8]:
    """Return a sequence and its reverse complement as numbers, ``(2, length)``: A C G T as 0 to 3, anything else 4."""
    forward = _CODE[np.frombuffer(sequence.encode("latin-1", "replace"), dtype=np.uint8)]
    return np.stack([forward, _COMPLEMENT[forward[::-1]]])


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

    def scores(self, bases: NDArray[np.int8], weight: np.float32) -> NDArray[np.float32]:
        """Return the weighted log-odds of a word that begins at each of ``(length,)`` bases, else minus infinity."""
        found = np.zeros(len(bases), dtype=bool)
        for word in self.words:
            found |= _begins(bases, base_codes(word)[0])
        scores = np.where(found, np.float32(0), np.float32(-np.inf))
        at = np.flatnonzero(found)
        for place, odds in enumerate(self.weights):
            where = at + place - self.before
            inside = (where >= 0) & (where < len(bases))
            padded = weight * np.append(odds, np.float32(0))  # an unknown base says nothing
            scores[at[inside]] += padded[bases[where[inside]]]
        return scores


def _begins(bases: NDArray[np.int8], word: NDArray[np.int8]) -> NDArray[np.bool_]:
    found = np.zeros(len(bases), dtype=bool)
    last = len(bases) - len(word) + 1
    if last > 0:
        found[:last] = np.all([bases[k : last + k] == base for k, base in enumerate(word)], axis=0)
    return found


_START, _DONOR, _ACCEPTOR = Site(("ATG",)), Site(("GT",)), Site(("AG",))


@dataclass(frozen=True)
class Signals:
    """What coding parts begin and end with.

    Left to themselves they are fixed words: ATG, GT and AG. `learn` adds, from known genes, how much likelier the bases
    round such a word are at a true place than elsewhere, as a position weight matrix (Staden 1984).

    Attributes
    ----------
    start
        Start codons, by their first base. For bacteria: ``Site(("ATG", "GTG", "TTG"))``.
    donor
        First bases of introns.
    acceptor
        Last bases of introns, by the first of them.
    """

    start: Site = _START
    donor: Site = _DONOR
    acceptor: Site = _ACCEPTOR

    @classmethod
    def learn(cls, genes: Iterable[Gene], sequences: Mapping[str, str]) -> Self:
        """Learn the surroundings of the sites from known genes, such as `genolab.data.coding_genes` gives.

        Parameters
        ----------
        genes
            Known genes; only those of the chromosomes in `sequences` are used.
        sequences
            Chromosome to its letters, + strand.

        Returns
        -------
        Signals
            With weights for each kind of site that at least ten of the genes have; a kind with fewer stays a word.
        """
        known = [gene for gene in genes if gene.chromosome in sequences]
        codes = {name: base_codes(letters) for name, letters in sequences.items()}
        spans = [(gene, _own(gene, gene.start, gene.end, codes)) for gene in known]
        introns = [(gene, _own(gene, *intron, codes)) for gene in known for intron in gene.introns]
        plain = cls()
        return cls(
            _learnt(plain.start, codes, [(gene, first) for gene, (first, _) in spans], 12, 6),
            _learnt(plain.donor, codes, [(gene, first) for gene, (first, _) in introns], 3, 6),
            _learnt(plain.acceptor, codes, [(gene, last - 2) for gene, (_, last) in introns], 18, 3),
        )

    def gains(self, sequence: str, *, weight: float = 1.0) -> NDArray[np.float32]:
        """Return what states gain for what they ask of a sequence, ``(15, 2, length)``; see `viterbi.best_path`.

        `weight` is the share of the learned weights that counts.
        """
        return np.stack([self._gains(bases, np.float32(weight)) for bases in base_codes(sequence)], axis=1)

    def _gains(self, bases: NDArray[np.int8], weight: np.float32) -> NDArray[np.float32]:
        """Return the gains on one strand, ``(15, length)``; what is asked for stands at the base that asks."""
        start, donor, acceptor = (site.scores(bases, weight) for site in (self.start, self.donor, self.acceptor))
        accepted = _moved(acceptor, len(self.acceptor.words[0]))  # the base behind the intron
        parted = _moved(donor, -1)  # the base in front of it
        first, second = bases, _moved(bases, 1)
        stop_begins = _is_stop(bases, _moved(bases, -1), _moved(bases, -2))
        after_t = (second == _T) & (first == _A), (second == _T) & (first == _G)
        gains = np.empty((15, len(bases)), dtype=np.float32)
        gains[machine.FREE] = 0
        gains[machine.START] = start
        gains[machine.STOP] = _where(stop_begins)
        gains[machine.NO_STOP] = _where(~_is_stop(_moved(bases, 2), second, first))
        gains[machine.T_DONOR] = _where(first == _T) + parted
        gains[machine.OTHER_DONOR] = _where(first != _T) + parted
        gains[machine.TA_DONOR], gains[machine.TG_DONOR] = (_where(pair) + parted for pair in after_t)
        gains[machine.OTHER_PAIR_DONOR] = _where(~(after_t[0] | after_t[1])) + parted
        gains[machine.DONOR] = parted
        gains[machine.ACCEPTED] = accepted
        gains[machine.NO_STOP_AFTER_T] = _where(~_is_stop(np.full_like(bases, _T), second, first))
        gains[machine.NO_STOP_AFTER_TA] = _where((first != _A) & (first != _G)) + accepted
        gains[machine.NO_STOP_AFTER_TG] = _where(first != _A) + accepted
        gains[machine.ACCEPTOR] = _moved(accepted, -1)
        return gains


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
_Codes = Mapping[str, NDArray[np.int8]]


def _own(gene: Gene, start: int, end: int, codes: _Codes) -> tuple[int, int]:
    """Return where a part of a gene lies as the gene's own strand is read."""
    length = codes[gene.chromosome].shape[1]
    return (start, end) if gene.strand == "+" else (length - end, length - start)


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
    share = (counts + 4 * background) / (counts.sum(axis=1, keepdims=True) + 4)
    weights = np.log(share / background).astype(np.float32)
    weights[before : before + len(site.words[0])] = 0  # the word itself is asked for already
    return Site(site.words, before, weights)


def _cut(bases: NDArray[np.int8], strand: str, first: int, width: int) -> NDArray[np.int8] | None:
    inside = first >= 0 and first + width <= bases.shape[1]
    return bases["+-".index(strand), first : first + width] if inside else None
