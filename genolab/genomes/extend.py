"""From chains to blocks: bases between anchors are aligned, ends are extended, circles are closed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple

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

    @cached_property
    def a_end(self) -> int:
        """One past the last base in a."""
        return self.a_start + col.base_counts(self.columns)[0]

    @cached_property
    def b_end(self) -> int:
        """One past the last base in b, as its strand is read."""
        return self.b_start + col.base_counts(self.columns)[1]

    @property
    def b_span(self) -> tuple[int, int]:
        """First base and end in b on its + strand; on a circle the end may lie beyond its length."""
        start, end = self.b_start, self.b_end
        first = self.b.to_forward(end - 1 if self.strand == "-" else start)
        return first, first + end - start

    @cached_property
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
    flipped = [_flip(block) for block in _extend(blocks)]
    extended = [_flip(block) for block in _extend(flipped)]
    return [_turn_to_origin(block) if _is_round(block) else block for block in extended]


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


def _extend(blocks: Sequence[Block]) -> list[Block]:
    """Extend the ends of blocks, window by window, as long as the score grows.

    An end that comes to an anchor of a block, on its diagonal, goes no further: what follows is aligned already, and
    the two are joined. So the work grows with the genomes, however many blocks they are in.
    """
    anchors = _AnchorIndex(blocks)
    ends = [_End(block, anchors) for block in blocks]
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
    return _join([end.block() for end in ends], {number: end.met for number, end in enumerate(ends) if end.met})


def _flip(block: Block) -> Block:
    """Return a block on strands that are read backwards, so that its start is its end."""
    a, b = (replace(strand, bases=strand.bases[::-1]) for strand in (block.a, block.b))
    flipped = replace(block, a=a, b=b)
    return flipped.begun(len(a.bases) - block.a_end, len(b.bases) - block.b_end, block.columns[::-1])


class _Place(NamedTuple):
    """A column of a block, by their numbers."""

    block: int
    column: int


class _AnchorIndex:
    """Blocks by the bases that they pair: of each stretch of equal bases, the pair in its middle."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        pairs, places = defaultdict(list), defaultdict(list)
        for number, block in enumerate(blocks):
            first, end = col.runs(block.columns)
            is_anchor = (block.columns[first] == col.EQUAL) & (end - first >= _MIN_ANCHOR)
            middle = (first + end)[is_anchor] // 2
            in_a, in_b = block.positions()
            pairs[_strands(block)].append(_pair_numbers(block, in_a[middle], in_b[middle]))
            places[_strands(block)].append(np.stack([np.full(len(middle), number), middle], axis=1))
        self._sorted = {}
        for strands, parts in pairs.items():
            pair, place = np.concatenate(parts), np.concatenate(places[strands])
            order = np.argsort(pair, kind="stable")
            self._sorted[strands] = np.append(pair[order], np.iinfo(np.int64).max), place[order]

    def first_met(self, block: Block, a_start: int, b_start: int, columns: Columns) -> tuple[int, _Place] | None:
        """Return the first of some columns, of the strands of a block, that is an anchor's, and where that is."""
        in_a, in_b = col.offsets(columns)
        equal = np.flatnonzero(columns == col.EQUAL)
        wanted = _pair_numbers(block, in_a[equal] + a_start, in_b[equal] + b_start)
        pairs, places = self._sorted[_strands(block)]
        at = np.searchsorted(pairs, wanted)
        met = np.flatnonzero(pairs[at] == wanted)[:1]
        return (int(equal[met[0]]), _Place(*places[at[met[0]]].tolist())) if len(met) else None


def _strands(block: Block) -> tuple[str, str, Direction]:
    return block.a.chromosome, block.b.chromosome, block.strand


def _pair_numbers(block: Block, in_a: Integers, in_b: Integers) -> Integers:
    """Return a number for each pair of positions, the same each time round a circle."""
    return in_a % block.a.size * block.b.size + in_b % block.b.size


def _join(blocks: Sequence[Block], met: Mapping[int, _Place]) -> list[Block]:
    """Join blocks with those that they came to: of several, the best, if it is better than what was there before.

    What was there becomes a block of its own.
    """
    before: dict[int, int] = {}  # block to the one that it follows
    for number in sorted(met, key=lambda number: blocks[number].score):
        other, column = met[number]
        if not _is_round(blocks[other]) and blocks[number].score >= blocks[other].part(0, column).score:
            before[other] = number
    first = {other: met[number].column for other, number in before.items()}  # column, of a block that follows
    joined = [blocks[other].part(0, column) for other, column in first.items() if column]
    for row in _rows(before, len(blocks)):
        start = blocks[row[0]].part(first.get(row[0], 0), len(blocks[row[0]].columns))
        columns = np.concatenate([blocks[number].columns[first.get(number, 0) :] for number in row])
        joined.append(_once_round(replace(start, columns=columns)))
    return joined


def _rows(before: Mapping[int, int], n: int) -> Iterator[list[int]]:
    """Yield the numbers of blocks that follow each other, the first one's first; rings begin anywhere."""
    after = {number: other for other, number in before.items()}
    left = dict.fromkeys(sorted(range(n), key=before.__contains__))
    while left:
        number: int | None = next(iter(left))
        row = []
        while number is not None and number in left:
            row.append(number)
            del left[number]
            number = after.get(number)
        yield row


def _is_round(block: Block) -> bool:
    """Return whether a block goes all round two circles."""
    return (block.a_end - block.a_start, block.b_end - block.b_start) == (block.a.circle, block.b.circle)


def _once_round(block: Block) -> Block:
    """Return a block as far as it goes round a circle once, and up to its last equal column."""
    if _is_round(block):
        return block
    n = len(block.columns)
    starts = (block.a, block.a_start), (block.b, block.b_start)
    for (strand, start), at in zip(starts, block.positions(), strict=True):
        n = int(np.searchsorted(at[:n], start + strand.circle)) if strand.circle else n
    return block.part(0, int(np.flatnonzero(block.columns[:n] == col.EQUAL)[-1]) + 1)


class _End:
    """The end of a block, while it is extended; `met` is the anchor to which it has come."""

    def __init__(self, block: Block, anchors: _AnchorIndex) -> None:
        self._block, self._anchors = block, anchors
        self._a, self._b = block.a_end, block.b_end
        self._more: list[Columns] = []
        self.met: _Place | None = None

    def room(self) -> tuple[int, int]:
        """Return how many bases of a and b are left: to an anchor, to the chromosome's end, or once round a circle."""
        block = self._block
        sides = (block.a, block.a_start, self._a), (block.b, block.b_start, self._b)
        a, b = (
            0 if self.met else strand.circle - (end - start) if strand.circle else len(strand.bases) - end
            for strand, start, end in sides
        )
        return a, b

    def ahead(self) -> Pair:
        """Return the bases of the next window, about as many on both sides."""
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
        """Add columns, up to the first anchor among them."""
        if met := self._anchors.first_met(self._block, self._a, self._b, columns):
            end, self.met = met
            columns = columns[:end]
        a, b = col.base_counts(columns)
        self._more.append(columns)
        self._a, self._b = self._a + a, self._b + b

    def block(self) -> Block:
        """Return the extended block."""
        return replace(self._block, columns=np.concatenate([self._block.columns, *self._more]))

    def _bases(self, size_a: int, size_b: int) -> Pair:
        return self._block.a.bases[self._a :][:size_a], self._block.b.bases[self._b :][:size_b]


def _best_prefix(columns: Columns) -> Columns:
    total = np.cumsum(col.column_scores(columns))
    best = int(np.argmax(total)) if len(total) else 0
    return columns[: best + 1] if len(total) and total[best] > 0 else columns[:0]
