"""The back end for processors: packs of pairs through the lanes, in bounded memory."""

import math
from typing import Any, Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from genolab.align.lanes import LANES, NOTHING, PLACES, VALUES, fill, top
from genolab.align.sequences import GLOBAL, LOCAL, Integers, Job, Sequences, lowest, packs
from genolab.align.trace import Paths, Walk

Numbers = NDArray[Any]  # int16 or int32, by bound

MEMORY: Final = 64_000_000  # bytes of directions that a pack may hold at a time


class _Pack(NamedTuple):
    """Pairs laid into lanes, as `lanes.fill` takes them."""

    query: Numbers
    target: Numbers
    lengths: Integers
    costs: Numbers
    table: Numbers


def solve(job: Job) -> Paths:
    """Align all pairs of a job."""
    n = len(job.queries.first)
    order, parts = [np.empty(0, dtype=np.int64)], []
    for pairs in packs(job, LANES):
        order.append(pairs)
        parts.append(_solve_pack(job.take(pairs)))
    return joined(np.concatenate(order), parts, n)


def _solve_pack(job: Job) -> Paths:
    """Align up to `LANES` pairs."""
    pack = _pack(job)
    n = len(job.queries.first)
    band, ends = top(pack.costs, len(pack.target) // LANES, pack.query.dtype), _no_ends(pack, job.mode)
    rows, columns = len(pack.query) // LANES, len(pack.target) // LANES
    if not job.trace:
        _fill(pack, job, band, ends, (0, rows), VALUES)
        return scores_alone(ends[:n].astype(np.int64))
    blocks = _blocks(rows, columns)
    saved = []
    for block in blocks[:-1]:
        saved.append(band.copy())
        _fill(pack, job, band, ends, block, PLACES)
    directions = _fill(pack, job, band, ends, blocks[-1], PLACES, say=True)
    found = ends.reshape(3, LANES)[:, :n].astype(np.int64)
    walk = Walk(job, found[0], found[1:])
    walk.back(directions, blocks[-1][0])
    for block, before in zip(blocks[-2::-1], saved[::-1], strict=True):
        walk.back(_fill(pack, job, before, ends, block, NOTHING, say=True), block[0])
    return walk.paths()


def _fill(  # noqa: PLR0917 - handed on as they are
    pack: _Pack, job: Job, band: Numbers, ends: Numbers, rows: tuple[int, int], seek: int, *, say: bool = False
) -> NDArray[np.uint8]:
    """Fill a block of rows, and return its directions if they are wanted."""
    directions = np.empty((rows[1] - rows[0], len(pack.target) // LANES, LANES) if say else (0, 0, 0), dtype=np.uint8)
    fill(*pack, job.mode, band, ends, rows, seek, directions)
    return directions


def _blocks(rows: int, columns: int) -> list[tuple[int, int]]:
    """Cut rows into blocks whose directions fit into memory, at best a single one.

    Before every block but the last, the band is saved, to come back to. If there are so many blocks that this takes
    more than the directions do, they get longer.
    """
    size = max(1, MEMORY // (columns * LANES), math.isqrt(8 * rows))
    return [(first, min(first + size, rows)) for first in range(0, rows, size)]


def _pack(job: Job) -> _Pack:
    """Lay pairs into lanes; scores are 16 bits wide if every number that can come up fits, else 32."""
    bound = lowest(job)
    if bound > np.iinfo(np.int32).max:
        raise ValueError(
            f"scores up to {bound:,} could come up, more than 32 bits hold; take smaller scores or shorter sequences"
        )
    kind: np.dtype[Any] = np.dtype(np.int16 if bound <= np.iinfo(np.int16).max else np.int32)
    scoring, table = job.scoring, job.scoring.table
    border = (scoring.gap_open, scoring.gap_extend) if job.mode == GLOBAL else (0, 0)
    floor = 0 if job.mode == LOCAL else np.iinfo(kind).min
    costs = (scoring.match, scoring.mismatch, scoring.gap_open, scoring.gap_extend, floor, *border)
    lengths = np.zeros((2, LANES), dtype=np.int64)
    lengths[:, : len(job.queries.length)] = job.queries.length, job.targets.length
    return _Pack(
        _laid(job.queries, table.pad, kind),
        _laid(job.targets, table.pad + table.plain, kind),  # two fillings must not match each other
        lengths,
        np.array(costs, dtype=kind),
        np.empty((0, 0), dtype=kind) if table.plain else table.scores.astype(kind),
    )


def _laid(sequences: Sequences, pad: int, kind: np.dtype[Any]) -> Numbers:
    """Return codes place by lane, flat, filled up with `pad`."""
    laid = np.full((int(sequences.length.max()), LANES), pad, dtype=kind)
    _lay(sequences.codes, sequences.first, sequences.length, laid)
    return laid.reshape(-1)


@numba.njit(cache=True)
def _lay(codes, first, length, laid):  # type: ignore[no-untyped-def]
    for lane in range(len(first)):
        for place in range(length[lane]):
            laid[place, lane] = codes[first[lane] + place]


def _no_ends(pack: _Pack, mode: int) -> Numbers:
    """Return best values of nothing: 0 at the corner for local alignments, else below all."""
    ends = np.zeros(3 * LANES, dtype=pack.query.dtype)
    if mode != LOCAL:
        ends[:LANES] = np.iinfo(ends.dtype).min
    return ends


def scores_alone(score: Integers) -> Paths:
    """Return alignments of which only the scores are known."""
    unknown = np.full(len(score), -1, dtype=np.int64)
    return Paths(score, unknown, unknown, unknown, unknown, [""] * len(score), unknown, unknown)


def joined(order: Integers, parts: list[Paths], n: int) -> Paths:
    """Return the alignments of packs in the order of the pairs; `order` has the pairs' numbers, pack by pack."""
    whole = scores_alone(np.zeros(n, dtype=np.int64))
    cigars = [""] * n
    for at, cigar in zip(order.tolist(), (cigar for part in parts for cigar in part.cigar), strict=True):
        cigars[at] = cigar
    arrays = {}
    for name in whole._fields:
        if name != "cigar":
            arrays[name] = np.empty(n, dtype=np.int64)
            arrays[name][order] = np.concatenate([np.empty(0, dtype=np.int64), *(getattr(p, name) for p in parts)])
    return whole._replace(cigar=cigars, **arrays)
