"""Chains of anchors: collinear in both genomes, on one strand, and across the origins of circular chromosomes.

Chains score as in minimap2 (Li 2018, doi:10.1093/bioinformatics/bty191): bases matched, less a cost for each change of
the diagonal. On a circle every anchor is there twice, the second time one circle later; both copies are the same
anchor, so a chain that comes round to where it began ends there.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.compiled import compiled
from genolab.genomes.genome import Strand
from genolab.genomes.seeds import Anchors

Integers = NDArray[np.int64]

_LOOK_BACK: Final = 200  # anchors; minimap2 looks back 25 to 5,000
_DIAGONAL_COST: Final = 0.12  # of a base of a change of the diagonal
_DISTANCE_COST: Final = 0.002  # of a base between anchors, so that nearer ones are preferred


class Chain(NamedTuple):
    """Anchors in a row that don't overlap, and the strands on which they lie.

    On a circle the first anchor begins within the first time round, and later ones may lie beyond it.
    """

    a: Strand
    b: Strand
    anchors: Anchors
    score: float


def chain_anchors(anchors: Anchors, a: Strand, b: Strand, *, max_gap: int, min_score: float) -> Iterator[Chain]:
    """Yield the chains of two strands, best first; no anchor is in two; `max_gap` is the most bases between two."""
    circles = a.circle, b.circle
    unrolled, identity = _unroll(anchors, circles)
    if len(identity) == 0:
        return
    score, previous = _link(*unrolled, max_gap)
    used = np.zeros(len(anchors.a), dtype=np.bool_)
    chains = []
    for end in np.argsort(-score, kind="stable"):
        if score[end] < min_score:
            break
        if used[identity[end]]:
            continue
        row, total = _trace_back(end, _lowest(unrolled, end, circles), unrolled, score, previous, identity, used)
        if total >= min_score:
            chains.append(Chain(a, b, within_circle(_without_overlaps(unrolled, row), a, b), total))
    yield from sorted(chains, key=lambda chain: -chain.score)


def within_circle(anchors: Anchors, a: Strand, b: Strand) -> Anchors:
    """Return anchors the first of which begins within the first time round."""
    x, y, length = anchors
    return Anchors(x - x[0] + a.wrap(x[0]), y - y[0] + b.wrap(y[0]), length)


def _unroll(anchors: Anchors, circles: tuple[int, int]) -> tuple[Anchors, Integers]:
    """Repeat the anchors of circles one circle later; return them in the order of a, and which anchor each is."""
    x, y, length = anchors
    length = np.minimum(length, min((size for size in circles if size), default=np.iinfo(np.int64).max))
    turns_a, turns_b = ((0, size) if size else (0,) for size in circles)
    shifts = [(in_a, in_b) for in_b in turns_b for in_a in turns_a]
    x, y = (np.concatenate([at + shift[side] for shift in shifts]) for side, at in enumerate((x, y)))
    length, identity = np.tile(length, len(shifts)), np.tile(np.arange(len(anchors.a)), len(shifts))
    order = np.lexsort((y, x))
    return Anchors(x[order], y[order], length[order]), identity[order]


def _lowest(anchors: Anchors, end: int, circles: tuple[int, int]) -> tuple[int, int]:
    """Return the positions in a and b one circle before an anchor's end; 0 where there is no circle."""
    a, b, length = (int(values[end]) for values in anchors)
    return (a + length - circles[0] if circles[0] else 0), (b + length - circles[1] if circles[1] else 0)


def _without_overlaps(anchors: Anchors, row: Integers) -> Anchors:
    x, y, length = (values[row] for values in anchors)
    overlap = np.zeros(len(x), dtype=np.int64)
    overlap[1:] = np.maximum(0, np.maximum(x[:-1] + length[:-1] - x[1:], y[:-1] + length[:-1] - y[1:]))
    return Anchors(x + overlap, y + overlap, length - overlap)


@compiled
def _link(x, y, length, max_gap):
    """Return the best score of a chain that ends with each anchor, and the anchor before it there, or -1."""
    score, previous = length.astype(np.float64), np.full(len(x), -1)
    for at in range(len(x)):
        for other in range(at - 1, max(-1, at - 1 - _LOOK_BACK), -1):
            dx, dy = x[at] - x[other], y[at] - y[other]
            if dx - length[other] > max_gap:
                if dx > 4 * max_gap:
                    break
                continue
            if dx <= 0 or dy <= 0 or dy - length[other] > max_gap:
                continue
            near = min(dx, dy)
            new = min(length[at], near + length[at] - length[other])
            if new <= 0:
                continue
            shift = abs(dx - dy)
            cost = _DIAGONAL_COST * shift + (0.5 * np.log2(shift + 1.0)) + _DISTANCE_COST * max(0, near - length[other])
            value = score[other] + new - cost
            if value > score[at]:
                score[at], previous[at] = value, other
    return score, previous


@compiled
def _trace_back(end, lowest, anchors, score, previous, identity, used):  # noqa: PLR0917 - numba's
    """Follow a chain from its last anchor to where it is best begun; return its anchors and its score.

    It ends at an anchor that is used, and at positions below the `lowest` in a and b, one circle before the end. A
    chain need not begin there: what joins it to an earlier stretch may cost more than that adds.
    """
    row, best, count = [end][:0], 0.0, 0
    at = end
    while at >= 0 and not used[identity[at]] and anchors.a[at] >= lowest[0] and anchors.b[at] >= lowest[1]:
        row.append(at)
        value = score[end] - score[at] + anchors.length[at]
        if value > best:
            best, count = value, len(row)
        at = previous[at]
    chosen = np.array(row[:count][::-1], dtype=np.int64)
    used[identity[chosen]] = True
    return chosen, best
