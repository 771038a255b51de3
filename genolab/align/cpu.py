"""The back end for processors: packs of pairs through the lanes, in bounded memory."""

import math
from typing import Any, Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from genolab.align.lanes import LANES, NOTHING, PLACES, VALUES, fill, top
from genolab.align.sequences import GLOBAL, LOCAL, Integers, Job, Sequences, lowest, packs
from genolab.align.trace import Paths, Walk, scores_alone
from genolab.align.wave import solve_pair

Numbers = NDArray[Any]  # int16 or int32, by bound

MEMORY: Final = 64_000_000  # bytes of directions that a pack may hold at a time
FEW: Final = 8  # pairs that are quicker one by one than in lanes most of which are empty
LANES_GAIN: Final = 3  # cells that lanes fill in the time of one in which a pair is alone, about
CALL: Final = 50_000  # cells that could be filled while a pair alone is called for, about


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
    memory = np.empty(0, dtype=np.uint8)  # of directions, used over and over: new pages cost more than what they hold
    for pairs in packs(job, LANES):
        some = job.take(pairs)
        order.append(pairs)
        if _better_alone(some):
            parts += [_solve_alone(some.take(pair)) for pair in np.arange(len(pairs))[:, None]]
            continue
        needed = _room(some) if job.trace else 0
        memory = memory if len(memory) >= needed else np.empty(needed, dtype=np.uint8)
        parts.append(_solve_pack(some, memory))
    return joined(np.concatenate(order), parts, n)


def _better_alone(job: Job) -> bool:
    """Return whether pairs are aligned sooner one by one: they are few, or some so long that the other lanes idle.

    So are pairs whose directions are too many for the memory of a pack.
    """
    m, n = job.queries.length, job.targets.length
    in_lanes = LANES * int(m.max()) * int(n.max()) // LANES_GAIN
    alone = int((m * n).sum()) + CALL * len(m)
    return len(m) < FEW or in_lanes > alone or (job.trace and _room(job) > 2 * MEMORY)


def _solve_alone(job: Job) -> Paths:
    """Align one pair."""
    width(job)  # refuses what 32 bits don't hold
    return solve_pair(job, costs_of(job, np.dtype(np.int32)))


def _room(job: Job) -> int:
    """Return the bytes that the directions of a pack take at a time."""
    rows, columns = int(job.queries.length.max()), int(job.targets.length.max())
    return _block_size(rows, columns) * columns * LANES


def _solve_pack(job: Job, memory: NDArray[np.uint8]) -> Paths:
    """Align up to `LANES` pairs."""
    pack, n = _pack(job), len(job.queries.first)
    rows, columns = len(pack.query), len(pack.target)
    band, ends = top(pack.costs, columns, pack.query.dtype), _no_ends(pack, job.mode)

    def filled(band: Numbers, block: tuple[int, int], seek: int, *, say: bool = False) -> NDArray[np.uint8]:
        shape = (block[1] - block[0], columns, LANES) if say else (0, 0, 0)
        directions = memory[: math.prod(shape)].reshape(shape)
        fill(*pack, job.mode, band, ends, block, seek, directions)
        return directions

    if not job.trace:
        filled(band, (0, rows), VALUES)
        return scores_alone(ends[:n].astype(np.int64))
    size = _block_size(rows, columns)
    blocks = [(first, min(first + size, rows)) for first in range(0, rows, size)]
    saved = []
    for block in blocks[:-1]:
        saved.append(band.copy())
        filled(band, block, PLACES)
    directions = filled(band, blocks[-1], PLACES, say=True)
    found = ends.reshape(3, LANES)[:, :n].astype(np.int64)
    walk = Walk(job, found[0], found[1:])
    walk.back(directions, blocks[-1][0])
    for block, before in zip(blocks[-2::-1], saved[::-1], strict=True):
        walk.back(filled(before, block, NOTHING, say=True), block[0])
    return walk.paths()


def _block_size(rows: int, columns: int) -> int:
    """Return how many rows' directions fit into memory, at best all.

    Before every block of so many rows but the last, the band is saved, to come back to. If there are so many blocks
    that this takes more than the directions do, they get longer.
    """
    return min(rows, max(1, MEMORY // (columns * LANES), math.isqrt(8 * rows)))


def _pack(job: Job) -> _Pack:
    """Lay pairs into lanes; scores are 16 bits wide if every number that can come up fits, else 32."""
    kind = width(job)
    table = job.scoring.table
    lengths = np.zeros((2, LANES), dtype=np.int64)
    lengths[:, : len(job.queries.length)] = job.queries.length, job.targets.length
    return _Pack(
        _laid(job.queries, table.pad, kind),
        _laid(job.targets, table.pad + table.plain, kind),  # two fillings must not match each other
        lengths,
        costs_of(job, kind),
        np.empty((0, 0), dtype=kind) if table.plain else table.scores.astype(kind),
    )


def costs_of(job: Job, kind: np.dtype[Any]) -> Numbers:
    """Return match, mismatch, gap costs, the least value of a cell, and gap costs along the border."""
    scoring = job.scoring
    border = (scoring.gap_open, scoring.gap_extend) if job.mode == GLOBAL else (0, 0)
    floor = 0 if job.mode == LOCAL else np.iinfo(kind).min
    return np.array((scoring.match, scoring.mismatch, scoring.gap_open, scoring.gap_extend, floor, *border), dtype=kind)


def width(job: Job) -> np.dtype[Any]:
    """Return the narrowest of int16 and int32 that holds every number which can come up.

    Raises
    ------
    ValueError
        Neither does.
    """
    bound = lowest(job)
    if bound > np.iinfo(np.int32).max:
        raise ValueError(
            f"scores up to {bound:,} could come up, more than 32 bits hold; take smaller scores or shorter sequences"
        )
    return np.dtype(np.int16 if bound <= np.iinfo(np.int16).max else np.int32)


def _laid(sequences: Sequences, pad: int, kind: np.dtype[Any]) -> Numbers:
    """Return codes place by lane, filled up with `pad`."""
    laid = np.full((int(sequences.length.max()), LANES), pad, dtype=kind)
    _lay(sequences.codes, sequences.first, sequences.length, laid)
    return laid


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
