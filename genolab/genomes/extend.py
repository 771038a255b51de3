"""Chains to alignments: bases between matches are aligned, ends go on as far as they are alike, circles are closed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genolab.genomes import columns as col
from genolab.genomes.chains import Chain
from genolab.genomes.columns import Columns

Bytes = NDArray[np.uint8]
Pairs = Sequence[tuple[Bytes, Bytes]]

_WINDOW: Final = 400  # bases by which an end is tried at a time
_LOOSE: Final = 10  # bases by which a match beside a gap is shortened, so that the gap finds its place
_KEPT: Final = 5  # bases that stay of a match
_JUDGED: Final = 150  # bases between matches from which on it is asked whether they are alike at all
_ALIKE: Final = -0.5  # score a base; unrelated DNA, end to end, has under -0.8, and DNA 30 % apart over -0.3


@dataclass(frozen=True)
class Strand:
    """Letters of a chromosome as a strand reads them; on a circle twice, so that stretches go on over the origin."""

    chromosome: str
    letters: Bytes
    round: int

    @property
    def end(self) -> int:
        """One past the last base that an alignment may reach."""
        return len(self.letters)


@dataclass(frozen=True)
class Block:
    """One alignment of two stretches without a break.

    Attributes
    ----------
    a, b
        The strands; b's is read in its own direction.
    strand
        ``"+"`` or ``"-"``: b's.
    a_start, b_start
        First bases, as the strands are read; on a circle within its length, while the ends may lie beyond.
    columns
        See `genolab.genomes.columns`.
    """

    a: Strand
    b: Strand
    strand: str
    a_start: int
    b_start: int
    columns: Columns

    @property
    def a_end(self) -> int:
        """One past the last base in a."""
        return self.a_start + col.spans(self.columns)[0]

    @property
    def b_end(self) -> int:
        """One past the last base in b, as its strand is read."""
        return self.b_start + col.spans(self.columns)[1]

    @property
    def score(self) -> int:
        """The alignment's score."""
        return int(col.gains(self.columns).sum())

    def part(self, first: int, end: int) -> "Block":
        """Return columns ``[first, end)`` as a block."""
        a, b = col.spans(self.columns[:first])
        starts = [
            at - strand.round if strand.round and at >= strand.round else at
            for at, strand in ((self.a_start + a, self.a), (self.b_start + b, self.b))
        ]
        return replace(self, a_start=starts[0], b_start=starts[1], columns=self.columns[first:end])


@dataclass(frozen=True)
class Found:
    """A chain, and the strands on which it was found."""

    a: Strand
    b: Strand
    strand: str
    chain: Chain


def aligned_bases(block: Block) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the bases of a and of b that lie under each other, as the strands are read; on circles they go on."""
    in_a, in_b = col.places(block.columns)
    both = block.columns < col.INSERTED
    return in_a[both] + block.a_start, in_b[both] + block.b_start


Aligner = Callable[[Pairs], list[Columns]]


def filled(found: Sequence[Found], align: Aligner) -> list[Block]:
    """Return the blocks of chains: a chain breaks where the bases between two matches aren't alike."""
    found = [replace(one, chain=_loosened(one.chain)) for one in found]
    gaps = [_gaps(one) for one in found]
    parts = iter(_between(gaps, align))
    blocks: list[Block] = []
    for one, pairs in zip(found, gaps, strict=True):
        blocks += _laid(one, [next(parts) for _ in pairs])
    return _extended(_extended(blocks, align, forward=True), align, forward=False)


def _loosened(chain: Chain) -> Chain:
    """Shorten matches beside gaps: one may have run past where the gap truly is, over bases equal by chance."""
    x, y, length, score = chain
    gap = np.diff(x - y) != 0
    spare = np.maximum(0, (length - _KEPT) // 2)
    before = np.append(False, gap) * np.minimum(_LOOSE, spare)
    behind = np.append(gap, False) * np.minimum(_LOOSE, spare)
    return Chain(x + before, y + before, length - before - behind, score)


def _gaps(found: Found) -> list[tuple[Bytes, Bytes]]:
    """Return the letters between the matches of a chain; of a circle also what lies between the last and the first."""
    x, y, length, _ = found.chain
    a, b = found.a.letters, found.b.letters
    pairs = [
        (a[low:high], b[first:end])
        for low, high, first, end in zip(
            (x + length)[:-1].tolist(), x[1:].tolist(), (y + length)[:-1].tolist(), y[1:].tolist(), strict=True
        )
    ]
    return [*pairs, _closing(found)] if _comes_round(found) else pairs


def _closing(found: Found) -> tuple[Bytes, Bytes]:
    x, y, length, _ = found.chain
    ends = x[-1] + length[-1], y[-1] + length[-1]
    rest = found.a.round - (ends[0] - x[0]), found.b.round - (ends[1] - y[0])
    return tuple(
        np.take(strand.letters[: strand.round], np.arange(end, end + some), mode="wrap")
        for strand, end, some in zip((found.a, found.b), ends, rest, strict=True)
    )  # type: ignore[return-value]  # a tuple of two


def _comes_round(found: Found) -> bool:
    """Say whether a chain goes all but round both circles: less than a twentieth is left."""
    x, y, length, _ = found.chain
    sizes = found.a.round, found.b.round
    spans = int(x[-1] + length[-1] - x[0]), int(y[-1] + length[-1] - y[0])
    return all(size and 0 <= size - span < max(size / 20, 2_000) for size, span in zip(sizes, spans, strict=True))


def _between(gaps: Sequence[Pairs], align: Aligner) -> list[Columns]:
    """Align what lies between matches. Most of it is one base or a bare gap, and needs no aligner."""
    pairs = [pair for some in gaps for pair in some]
    hard = [number for number, pair in enumerate(pairs) if _is_hard(*pair)]
    found = dict(zip(hard, align([pairs[number] for number in hard]), strict=True))
    return [found[number] if number in found else _easy(*pair) for number, pair in enumerate(pairs)]


def _is_hard(a: Bytes, b: Bytes) -> bool:
    if min(len(a), len(b)) == 0 or max(len(a), len(b)) == 1:
        return False
    # Of as many letters, some unknown: nothing speaks for a gap, but an N costs more than one to go on
    return len(a) != len(b) or not (col.unknown(a) | col.unknown(b)).any()


def _easy(a: Bytes, b: Bytes) -> Columns:
    if len(a) == len(b):
        return col.of_letters(a, b)
    return np.full(max(len(a), len(b)), col.DELETED if len(a) else col.INSERTED, dtype=np.uint8)


def _laid(found: Found, between: list[Columns]) -> list[Block]:
    """Lay a chain's matches and what is between them in a row, which breaks where that isn't alike."""
    x, y, length, _ = found.chain
    round_ = len(between) == len(x)
    if round_ and _alike(between[-1]) and all(map(_alike, between)):
        matches = [np.zeros(size, dtype=np.uint8) for size in length]
        row = col.joined([part for pair in zip(matches, between, strict=True) for part in pair])
        return [_turned(Block(found.a, found.b, found.strand, int(x[0]), int(y[0]), row))]
    blocks, first = [], 0
    for last in range(len(x)):
        if last + 1 == len(x) or not _alike(between[last]):
            parts = [np.zeros(length[first], dtype=np.uint8)]
            for number in range(first + 1, last + 1):
                parts += [between[number - 1], np.zeros(length[number], dtype=np.uint8)]
            blocks.append(Block(found.a, found.b, found.strand, int(x[first]), int(y[first]), col.joined(parts)))
            first = last + 1
    return [block.part(0, len(block.columns)) for block in blocks]


def _alike(between: Columns) -> bool:
    """Say whether bases between matches look related: by their score, gaps that the lengths ask for aside."""
    a, b = col.spans(between)
    if min(a, b) < _JUDGED:
        return True
    score = int(col.gains(between).sum()) - col.EXTEND * abs(a - b)
    return score >= _ALIKE * min(a, b)


def _turned(block: Block) -> Block:
    """Turn a block that goes round two circles so that it begins at a's origin, or at the first equal column behind."""
    a, b = (
        start + places for start, places in zip((block.a_start, block.b_start), col.places(block.columns), strict=True)
    )
    first = int(np.flatnonzero((block.columns == col.SAME) & (a >= block.a.round))[:1].sum())
    turned = np.roll(block.columns, -first)
    return replace(block, a_start=int(a[first]) % block.a.round, b_start=int(b[first]) % block.b.round, columns=turned)


def _extended(blocks: list[Block], align: Aligner, *, forward: bool) -> list[Block]:
    """Let the ends of blocks go on, window by window, as long as the score grows."""
    blocks = list(blocks)
    growing = list(range(len(blocks)))
    while growing:
        pairs = [_ahead(blocks[number], forward=forward) for number in growing]
        growing = [number for number, pair in zip(growing, pairs, strict=True) if min(map(len, pair))]
        pairs = [pair for pair in pairs if min(map(len, pair))]
        grown = []
        for number, columns, pair in zip(growing, align(pairs) if pairs else [], pairs, strict=True):
            kept = _prefix(columns)
            blocks[number] = _grown(blocks[number], kept, forward=forward)
            if 2 * max(col.spans(kept)) > min(map(len, pair)):
                grown.append(number)
        growing = grown
    return blocks


def _ahead(block: Block, *, forward: bool) -> tuple[Bytes, Bytes]:
    """Return the letters that a block could go on with, the nearest first, of about the same number on both sides."""
    left_a, left_b = _room(block, forward=forward)
    some = min(left_a, left_b, _WINDOW)
    size_a, size_b = min(left_a, some + some // 8), min(left_b, some + some // 8)
    if forward:
        return block.a.letters[block.a_end :][:size_a], block.b.letters[block.b_end :][:size_b]
    return (
        _behind(block.a, block.a_start, size_a)[::-1],
        _behind(block.b, block.b_start, size_b)[::-1],
    )


def _behind(strand: Strand, start: int, size: int) -> Bytes:
    return (
        np.take(strand.letters, np.arange(start - size, start) + strand.round, mode="wrap")
        if strand.round
        else strand.letters[start - size : start]
    )


def _room(block: Block, *, forward: bool) -> tuple[int, int]:
    """Return how many bases of a and of b a block could still take up: to a chromosome's end, or round a circle."""
    ends = ((block.a, block.a_start, block.a_end), (block.b, block.b_start, block.b_end))
    return tuple(
        strand.round - (end - start) if strand.round else (strand.end - end if forward else start)
        for strand, start, end in ends
    )  # type: ignore[return-value]  # a tuple of two


def _prefix(columns: Columns) -> Columns:
    """Return the columns up to where the score is highest."""
    total = np.cumsum(col.gains(columns))
    best = int(np.argmax(total)) if len(total) else 0
    return columns[: best + 1] if len(total) and total[best] > 0 else columns[:0]


def _grown(block: Block, more: Columns, *, forward: bool) -> Block:
    if forward:
        return replace(block, columns=col.joined([block.columns, more]))
    a, b = col.spans(more)
    starts = [
        start + strand.round if strand.round and start < 0 else start
        for start, strand in ((block.a_start - a, block.a), (block.b_start - b, block.b))
    ]
    return replace(block, a_start=starts[0], b_start=starts[1], columns=col.joined([more[::-1], block.columns]))
