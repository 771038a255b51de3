"""From chains to blocks: bases between anchors are aligned, ends are extended, circles are closed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genolab.align import align
from genolab.genomes import columns as col
from genolab.genomes.chains import Chain
from genolab.genomes.columns import Columns
from genolab.genomes.genome import Direction, Strand
from genolab.genomes.seeds import Anchors

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Pair = tuple[Bytes, Bytes]

_WINDOW: Final = 400  # bases by which an end is extended at a time
_MAX_SKIP: Final = 200  # windows of equal bases that are compared at a time
_TRIM: Final = 10  # bases by which an anchor beside a gap is trimmed, so that the gap finds its place
_MIN_ANCHOR: Final = 5  # bases that stay of an anchor
_MIN_COMPARED: Final = 150  # bases between anchors from which on they must be similar for a block to go on
# Score a base: unrelated DNA, end to end, has under -0.8, DNA that differs by 30 % over -0.3
_MIN_SIMILARITY: Final = -0.5


@dataclass(frozen=True, eq=False)
class Block:
    """One alignment of two stretches without a break.

    Starts and ends are positions of the strands `a` and `b`, b's in its own direction; on a circle the starts lie
    within its length, while the ends may lie beyond. `columns` are ``(n,)`` uint8: 0 equal bases, 1 other bases, 2 a
    base of b that a hasn't, 3 a base of a that b hasn't.
    """

    a: Strand
    b: Strand
    a_start: int
    b_start: int
    columns: Columns

    @property
    def strand(self) -> Direction:
        """``"+"`` or ``"-"``: b's."""
        return self.b.direction

    @property
    def a_end(self) -> int:
        """One past the last base in a."""
        return self.a_start + col.base_counts(self.columns)[0]

    @property
    def b_end(self) -> int:
        """One past the last base in b, as its strand is read."""
        return self.b_start + col.base_counts(self.columns)[1]

    @property
    def b_span(self) -> tuple[int, int]:
        """First base and end in b on its + strand; on a circle the end may lie beyond its length."""
        start, end = self.b_start, self.b_end
        first = self.b.to_forward(end - 1 if self.strand == "-" else start)
        return first, first + end - start

    @property
    def score(self) -> int:
        """By 2 for an equal base, -4 for an unequal one, -8 and -1 for a gap's first and next ones."""
        return int(col.column_scores(self.columns).sum())

    @property
    def identity(self) -> float:
        """Share of equal columns, gaps counted."""
        return float((self.columns == col.EQUAL).mean())

    def positions(self) -> tuple[Integers, Integers]:
        """Return the positions of a and b at each column, as the strands are read; in a gap, that of the next base."""
        in_a, in_b = col.offsets(self.columns)
        return in_a + self.a_start, in_b + self.b_start

    def part(self, first: int, end: int) -> "Block":
        """Return columns ``[first, end)`` as a block."""
        a, b = col.base_counts(self.columns[:first])
        return self.begun(self.a_start + a, self.b_start + b, self.columns[first:end])

    def begun(self, a_start: int, b_start: int, columns: Columns) -> "Block":
        """Return the block with other columns, from other first bases on."""
        return replace(self, a_start=self.a.wrap(a_start), b_start=self.b.wrap(b_start), columns=columns)

    def left_aligned(self) -> "Block":
        """Return the block with its gaps to the left of mismatches."""
        a, b = self.a.bases[self.a_start : self.a_end], self.b.bases[self.b_start : self.b_end]
        return replace(self, columns=col.left_align(self.columns, a, b))


def aligned_bases(block: Block) -> tuple[Integers, Integers]:
    """Return the positions of aligned bases in a and b, as the strands are read; on circles they go on."""
    in_a, in_b = block.positions()
    both = block.columns < col.INSERTION
    return in_a[both], in_b[both]


def to_blocks(chains: Sequence[Chain]) -> list[Block]:
    """Return the blocks of chains: a chain is split where the bases between two anchors aren't similar."""
    chains = [_trim(chain) for chain in chains]
    gaps = [_gaps(chain) for chain in chains]
    aligned = iter(_align_gaps([pair for pairs in gaps for pair in pairs]))
    blocks: list[Block] = []
    for chain, pairs in zip(chains, gaps, strict=True):
        blocks += _concatenate(chain, [next(aligned) for _ in pairs])
    return _extend(_extend(blocks, forward=True), forward=False)


def _trim(chain: Chain) -> Chain:
    """Trim anchors beside gaps: one may have gone past where the gap truly is, over bases equal by chance."""
    x, y, length = chain.anchors
    is_gap = np.diff(x - y) != 0
    trimmed = np.minimum(_TRIM, np.maximum(0, (length - _MIN_ANCHOR) // 2))
    before, after = np.append(False, is_gap) * trimmed, np.append(is_gap, False) * trimmed
    return chain._replace(anchors=Anchors(x + before, y + before, length - before - after))


def _gaps(chain: Chain) -> list[Pair]:
    """Return the bases between the anchors of a chain; of a circle also those between the last and the first."""
    x, y, length = chain.anchors
    a, b = chain.a.bases, chain.b.bases
    ends = (x + length)[:-1].tolist(), x[1:].tolist(), (y + length)[:-1].tolist(), y[1:].tolist()
    pairs = [(a[a_from:a_to], b[b_from:b_to]) for a_from, a_to, b_from, b_to in zip(*ends, strict=True)]
    return [*pairs, _closing_gap(chain)] if _closes_circle(chain) else pairs


def _span(chain: Chain) -> tuple[int, int]:
    x, y, length = chain.anchors
    return int(x[-1] + length[-1] - x[0]), int(y[-1] + length[-1] - y[0])


def _closes_circle(chain: Chain) -> bool:
    """Return whether a chain goes nearly all round both circles: less than a twentieth is left."""
    sizes = chain.a.circle, chain.b.circle
    return all(
        size and 0 <= size - span < max(size / 20, 2_000) for size, span in zip(sizes, _span(chain), strict=True)
    )


def _closing_gap(chain: Chain) -> Pair:
    starts = chain.anchors.a[0], chain.anchors.b[0]
    a, b = (
        np.take(strand.bases[: strand.circle], np.arange(start + span, start + strand.circle), mode="wrap")
        for strand, start, span in zip((chain.a, chain.b), starts, _span(chain), strict=True)
    )
    return a, b


def _align_gaps(pairs: Sequence[Pair]) -> list[Columns]:
    """Align what lies between anchors. Most of it is one base or a bare gap, and needs no aligner."""
    hard = [number for number, pair in enumerate(pairs) if _is_hard(*pair)]
    aligned = dict(zip(hard, _align_pairs([pairs[number] for number in hard]), strict=True))
    return [aligned[number] if number in aligned else _easy(*pair) for number, pair in enumerate(pairs)]


def _align_pairs(pairs: Sequence[Pair]) -> list[Columns]:
    if not pairs:
        return []
    a, b = ([bases.tobytes().decode("ascii") for bases in side] for side in zip(*pairs, strict=True))
    return [col.from_cigar(cigar) for cigar in align(b, a, scoring=col.SCORING).cigar]


def _is_hard(a: Bytes, b: Bytes) -> bool:
    if min(len(a), len(b)) == 0 or max(len(a), len(b)) == 1:
        return False
    # Of as many bases, some unknown: there is no evidence for a gap, but an N costs more than a gap's next base
    return len(a) != len(b) or not (col.is_ambiguous(a) | col.is_ambiguous(b)).any()


def _easy(a: Bytes, b: Bytes) -> Columns:
    if len(a) == len(b):
        return col.compare_bases(a, b)
    return np.full(max(len(a), len(b)), col.DELETION if len(a) else col.INSERTION, dtype=np.uint8)


def _concatenate(chain: Chain, between: list[Columns]) -> list[Block]:
    """Join a chain's anchors and what is between them, split where that isn't similar."""
    x, y, length = (values.tolist() for values in chain.anchors)
    anchors = [np.zeros(size, dtype=np.uint8) for size in length]
    is_similar = [_is_similar(columns) for columns in between]
    if len(between) == len(x) and all(is_similar):
        columns = np.concatenate([part for pair in zip(anchors, between, strict=True) for part in pair])
        return [_turn_to_origin(Block(chain.a, chain.b, x[0], y[0], columns))]
    blocks, first = [], 0
    for last in range(len(x)):
        if last + 1 == len(x) or not is_similar[last]:
            inner = zip(between[first:last], anchors[first + 1 : last + 1], strict=True)
            columns = np.concatenate([anchors[first], *(part for pair in inner for part in pair)])
            blocks.append(Block(chain.a, chain.b, chain.a.wrap(x[first]), chain.b.wrap(y[first]), columns))
            first = last + 1
    return blocks


def _is_similar(between: Columns) -> bool:
    """Return whether bases between anchors look related: by their score, gaps that the lengths ask for aside."""
    a, b = col.base_counts(between)
    if min(a, b) < _MIN_COMPARED:
        return True
    score = int(col.column_scores(between).sum()) + col.SCORING.gap_extend * abs(a - b)
    return score >= _MIN_SIMILARITY * min(a, b)


def _turn_to_origin(block: Block) -> Block:
    """Turn a block round two circles so that it begins at a's origin, or at the first equal column after it."""
    a, b = block.positions()
    first = int(np.flatnonzero((block.columns == col.EQUAL) & (a >= block.a.circle))[:1].sum())
    return block.begun(int(a[first]), int(b[first]), np.roll(block.columns, -first))


def _extend(blocks: Sequence[Block], *, forward: bool) -> list[Block]:
    """Extend the ends of blocks, window by window, as long as the score grows."""
    ends = [_End(block, forward=forward) for block in blocks]
    growing = ends
    while growing:
        for end in growing:
            end.skip_equal()
        ahead = [(end, end.ahead()) for end in growing if min(end.room()) > 0]
        growing = []
        for (end, pair), columns in zip(ahead, _align_pairs([pair for _, pair in ahead]), strict=True):
            kept = _best_prefix(columns)
            end.grow(kept)
            if 2 * max(col.base_counts(kept)) > min(map(len, pair)):
                growing.append(end)
    return [end.block() for end in ends]


class _End:
    """The end of a block, or its start if not `forward`, while it is extended."""

    def __init__(self, block: Block, *, forward: bool) -> None:
        self._block, self._forward = block, forward
        self._a, self._b = (block.a_start, block.a_end), (block.b_start, block.b_end)
        self._more: list[Columns] = []

    def room(self) -> tuple[int, int]:
        """Return how many bases of a and b are left: to the chromosome's end, or once round a circle."""
        sides = ((self._block.a, *self._a), (self._block.b, *self._b))
        a, b = (
            strand.circle - (end - start) if strand.circle else (len(strand.bases) - end if self._forward else start)
            for strand, start, end in sides
        )
        return a, b

    def ahead(self) -> Pair:
        """Return the bases of the next window, the nearest first, about as many on both sides."""
        some = min(*self.room(), _WINDOW)
        a, b = (min(left, some + some // 8) for left in self.room())
        return self._bases(a, b)

    def skip_equal(self) -> None:
        """Grow by all whole windows ahead whose bases are equal: they need no aligner."""
        window = _WINDOW + _WINDOW // 8
        size = window
        while True:
            size = max(0, min(size, *self.room())) // window * window
            equal = col.compare_bases(*self._bases(size, size)) == col.EQUAL
            n_equal = size if equal.all() else int(np.argmin(equal)) // window * window
            self.grow(np.full(n_equal, col.EQUAL, dtype=np.uint8))
            if n_equal < size or size == 0:
                return
            size = _MAX_SKIP * window

    def grow(self, columns: Columns) -> None:
        """Add columns, the nearest first."""
        a, b = col.base_counts(columns)
        self._more.append(columns)
        if self._forward:
            self._a, self._b = (self._a[0], self._a[1] + a), (self._b[0], self._b[1] + b)
        else:
            self._a, self._b = (self._a[0] - a, self._a[1]), (self._b[0] - b, self._b[1])

    def block(self) -> Block:
        """Return the extended block."""
        more = np.concatenate([*self._more, np.zeros(0, dtype=np.uint8)])
        own = self._block.columns
        columns = np.concatenate([own, more] if self._forward else [more[::-1], own])
        return self._block.begun(self._a[0], self._b[0], columns)

    def _bases(self, size_a: int, size_b: int) -> Pair:
        if self._forward:
            return self._block.a.bases[self._a[1] :][:size_a], self._block.b.bases[self._b[1] :][:size_b]
        return _before(self._block.a, self._a[0], size_a), _before(self._block.b, self._b[0], size_b)


def _before(strand: Strand, start: int, size: int) -> Bytes:
    """Return the bases before a position, the nearest first."""
    if strand.circle and start < size:
        return np.take(strand.bases, np.arange(start - 1, start - size - 1, -1), mode="wrap")
    return strand.bases[start - size : start][::-1]


def _best_prefix(columns: Columns) -> Columns:
    total = np.cumsum(col.column_scores(columns))
    best = int(np.argmax(total)) if len(total) else 0
    return columns[: best + 1] if len(total) and total[best] > 0 else columns[:0]
