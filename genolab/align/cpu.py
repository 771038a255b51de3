"""The back end for processors: packs of pairs through the lanes, in bounded memory."""

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.align.lanes import LANES, NOTHING, PLACES, VALUES, fill, first_band
from genolab.align.sequences import GLOBAL, LOCAL, Integers, Job, Sequences, packs, score_bound
from genolab.align.trace import Paths, Traceback, in_order, scores_only
from genolab.align.wave import solve_pair
from genolab.compiled import compiled
from genolab.waiting import bar

Numbers = NDArray[Any]  # int16 or int32, by bound

MEMORY: Final = 64_000_000  # bytes of directions that a pack may hold at a time
FEW: Final = 3  # pairs that are quicker one by one than in lanes most of which are empty
LANES_GAIN: Final = 8  # cells that lanes fill in the time of one in which a pair is alone, at least
CALL: Final = 50_000  # cells that could be filled while a pair alone is called for, about


class _Pack(NamedTuple):
    """Pairs in lanes, as `lanes.fill` takes them."""

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
    with bar("Aligning", n, unit="pairs") as shown:
        for pairs in packs(job, LANES):
            some = job.take(pairs)
            order.append(pairs)
            if _is_better_alone(some):
                parts += [_solve_alone(some.take(pair)) for pair in np.arange(len(pairs))[:, None]]
            else:
                needed = _directions_size(some) if job.trace else 0
                memory = memory if len(memory) >= needed else np.empty(needed, dtype=np.uint8)
                parts.append(_solve_pack(some, memory))
            shown.update(len(pairs))
    return in_order(np.concatenate(order), parts, n)


def _is_better_alone(job: Job) -> bool:
    """Return whether pairs are aligned sooner one by one: few, some so long that others idle, or short of memory."""
    m, n = job.queries.length, job.targets.length
    in_lanes = LANES * int(m.max()) * int(n.max()) // LANES_GAIN
    alone = int((m * n).sum()) + CALL * len(m)
    return len(m) < FEW or in_lanes > alone or (job.trace and _directions_size(job) > 2 * MEMORY)


def _solve_alone(job: Job) -> Paths:
    score_dtype(job)  # refuses what 32 bits don't hold
    return solve_pair(job, cost_array(job, np.dtype(np.int32)))


def _directions_size(job: Job) -> int:
    """Return the bytes that the directions of a pack take at a time."""
    rows, columns = int(job.queries.length.max()), int(job.targets.length.max())
    return _block_size(rows, columns) * columns * LANES


def _solve_pack(job: Job, memory: NDArray[np.uint8]) -> Paths:
    pack, n = _pack(job), len(job.queries.first)
    rows, columns = len(pack.query), len(pack.target)
    band, ends = first_band(pack.costs, columns, pack.query.dtype), _initial_ends(pack, job.mode)

    def filled(band: Numbers, block: tuple[int, int], seek: int, *, trace: bool = False) -> NDArray[np.uint8]:
        shape = (block[1] - block[0], columns, LANES) if trace else (0, 0, 0)
        directions = memory[: math.prod(shape)].reshape(shape)
        fill(*pack, job.mode, band, ends, block, seek, directions)
        return directions

    if not job.trace:
        filled(band, (0, rows), VALUES)
        return scores_only(ends[:n].astype(np.int64))
    size = _block_size(rows, columns)
    blocks = [(first, min(first + size, rows)) for first in range(0, rows, size)]
    saved = []
    for block in blocks[:-1]:
        saved.append(band.copy())
        filled(band, block, PLACES)
    directions = filled(band, blocks[-1], PLACES, trace=True)
    score, *places = ends.reshape(3, LANES)[:, :n].astype(np.int64)
    path = Traceback(job, score, np.stack(places))
    path.follow(directions, blocks[-1][0])
    for block, before in zip(blocks[-2::-1], saved[::-1], strict=True):
        path.follow(filled(before, block, NOTHING, trace=True), block[0])
    return path.paths()


def _block_size(rows: int, columns: int) -> int:
    # The band before each block is saved; if these bands took more memory than the directions, blocks get longer
    return min(rows, max(1, MEMORY // (columns * LANES), math.isqrt(8 * rows)))


def _pack(job: Job) -> _Pack:
    """Interleave pairs; scores are 16 bits wide if every number that can come up fits, else 32."""
    kind = score_dtype(job)
    table = job.scoring.table
    lengths = np.zeros((2, LANES), dtype=np.int64)
    lengths[:, : len(job.queries.length)] = job.queries.length, job.targets.length
    return _Pack(
        _interleaved(job.queries, table.pad, kind),
        _interleaved(job.targets, table.pad + table.plain, kind),  # two paddings must not match each other
        lengths,
        cost_array(job, kind),
        np.empty((0, 0), dtype=kind) if table.plain else table.scores.astype(kind),
    )


def cost_array(job: Job, kind: np.dtype[Any]) -> Numbers:
    """Return match, mismatch, gap costs, the least value of a cell, and gap costs along the border."""
    scoring = job.scoring
    border = (scoring.gap_open, scoring.gap_extend) if job.mode == GLOBAL else (0, 0)
    floor = 0 if job.mode == LOCAL else np.iinfo(kind).min
    return np.array((scoring.match, scoring.mismatch, scoring.gap_open, scoring.gap_extend, floor, *border), dtype=kind)


def score_dtype(job: Job) -> np.dtype[Any]:
    """Return the narrower of int16 and int32 that holds every number which can come up."""
    bound = score_bound(job)
    if bound > np.iinfo(np.int32).max:
        raise ValueError(
            f"scores up to {bound:,} could come up, more than 32 bits hold; take smaller scores or shorter sequences"
        )
    return np.dtype(np.int16 if bound <= np.iinfo(np.int16).max else np.int32)


def _interleaved(sequences: Sequences, pad: int, kind: np.dtype[Any]) -> Numbers:
    codes = np.full((int(sequences.length.max()), LANES), pad, dtype=kind)
    _interleave(sequences.codes, sequences.first, sequences.length, codes)
    return codes


@compiled
def _interleave(codes, first, length, out):
    for lane in range(len(first)):
        for place in range(length[lane]):
            out[place, lane] = codes[first[lane] + place]


def _initial_ends(pack: _Pack, mode: int) -> Numbers:
    """Return the best values before the first row: 0 at the corner for local alignments, else below all."""
    ends = np.zeros(3 * LANES, dtype=pack.query.dtype)
    if mode != LOCAL:
        ends[:LANES] = np.iinfo(ends.dtype).min
    return ends
