"""Matches in a row: chains that are collinear in both genomes, on one strand, and go on over the origins of circles.

The score of a chain is made like that of minimap2 (Li 2018, doi:10.1093/bioinformatics/bty191): bases matched, less a
cost for each change of the diagonal. On a circle every match is there twice, a second time one round later; both copies
are the same match, so a chain that comes round to where it began ends there.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from genolab.genomes.seeds import Matches

Ints = NDArray[np.int64]

_REACH: Final = 200  # matches looked back for the one before; minimap2 looks back 25 to 5,000
_SKEW: Final = 0.12  # what a base of a change of the diagonal costs
_FAR: Final = 0.002  # what a base between matches costs, so that nearer ones are preferred


class Chain(NamedTuple):
    """Matches in a row that don't overlap: first bases in a and b, lengths; both strands' places as they are read.

    On a circle the first match begins within the circle's length, and later ones may lie beyond it.
    """

    a: Ints
    b: Ints
    length: Ints
    score: float


def chains(matches: Matches, rounds: tuple[int, int], *, max_gap: int, min_score: float) -> Iterator[Chain]:
    """Walk the chains of two chromosomes on one strand, best first; no match is in two.

    Parameters
    ----------
    matches
        Exact matches.
    rounds
        Bases of a's and b's circle; 0 where the chromosome is none.
    max_gap
        Most bases, in either genome, from one match to the next.
    min_score
        The lowest score of a chain.
    """
    unrolled, identity = _unrolled(matches, rounds)
    if len(identity) == 0:
        return
    score, before = _linked(*unrolled, max_gap, _REACH, _SKEW, _FAR)
    used = np.zeros(len(matches.a), dtype=np.bool_)
    found = []
    for end in np.argsort(-score, kind="stable"):
        if score[end] < min_score:
            break
        if used[identity[end]]:
            continue
        row, total = _walked(end, _lowest(unrolled, end, rounds), unrolled, score, before, identity, used)
        if total >= min_score:
            found.append(_chain(unrolled, row, rounds, total))
    yield from sorted(found, key=lambda chain: -chain.score)


def _unrolled(matches: Matches, rounds: tuple[int, int]) -> tuple[Matches, Ints]:
    """Repeat the matches of circles one round later; return them by their places in a, and which match each is."""
    x, y, length = matches
    length = np.minimum(length, min((size for size in rounds if size), default=np.iinfo(np.int64).max))
    identity = np.arange(len(x))
    if rounds[0]:
        x, y, length, identity = (
            np.concatenate([x, x + rounds[0]]),
            np.tile(y, 2),
            np.tile(length, 2),
            np.tile(identity, 2),
        )
    if rounds[1]:
        x, y, length, identity = (
            np.tile(x, 2),
            np.concatenate([y, y + rounds[1]]),
            np.tile(length, 2),
            np.tile(identity, 2),
        )
    order = np.lexsort((y, x))
    return Matches(x[order], y[order], length[order]), identity[order]


def _lowest(matches: Matches, end: int, rounds: tuple[int, int]) -> tuple[int, int]:
    """Return the places in a and b that lie one round before a match's end; 0 where there is no circle."""
    a, b, length = (int(values[end]) for values in matches)
    return (a + length - rounds[0] if rounds[0] else 0), (b + length - rounds[1] if rounds[1] else 0)


def _chain(matches: Matches, row: Ints, rounds: tuple[int, int], score: float) -> Chain:
    """Return a chain without overlaps, its first match within the circles."""
    x, y, length = (values[row] for values in matches)
    overlap = np.zeros(len(x), dtype=np.int64)
    overlap[1:] = np.maximum(0, np.maximum(x[:-1] + length[:-1] - x[1:], y[:-1] + length[:-1] - y[1:]))
    x, y, length = x + overlap, y + overlap, length - overlap
    back = [values[0] // size * size if size else 0 for values, size in zip((x, y), rounds, strict=True)]
    return Chain(x - back[0], y - back[1], length, score)


@numba.njit(cache=True)
def _linked(x, y, length, max_gap, reach, skew, far):  # type: ignore[no-untyped-def]  # noqa: PLR0917 - numba's
    """Return the best score of a chain that ends with each match, and the match before it there, or -1."""
    score, before = length.astype(np.float64), np.full(len(x), -1)
    for at in range(len(x)):
        for other in range(at - 1, max(-1, at - 1 - reach), -1):
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
            turn = abs(dx - dy)
            cost = skew * turn + (0.5 * np.log2(turn + 1.0)) + far * max(0, near - length[other])
            value = score[other] + new - cost
            if value > score[at]:
                score[at], before[at] = value, other
    return score, before


@numba.njit(cache=True)
def _walked(end, lowest, matches, score, before, identity, used):  # type: ignore[no-untyped-def]  # noqa: PLR0917 - numba's
    """Walk back from a chain's last match to where it is best begun; return its matches and its score.

    The walk ends at a match that is used, and at places below the `lowest` in a and b, once round from the end. A chain
    need not begin there: what joins it to an earlier stretch may cost more than it gains.
    """
    row, best, count = [end][:0], 0.0, 0
    at = end
    while at >= 0 and not used[identity[at]] and matches.a[at] >= lowest[0] and matches.b[at] >= lowest[1]:
        row.append(at)
        value = score[end] - score[at] + matches.length[at]
        if value > best:
            best, count = value, len(row)
        at = before[at]
    chosen = np.array(row[:count][::-1], dtype=np.int64)
    used[identity[chosen]] = True
    return chosen, best
