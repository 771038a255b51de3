"""One pair at a time, for the few and the long: cells of an anti-diagonal at once, compiled by numba.

The lanes hold rows of one matrix, each one column behind the row above it, so that none waits for another (Wozniak
1997). `ROWS` rows make a strip; the last row of a strip goes into a band, with which the next one begins. For a path,
the bands are kept, and the directions are made again, strip by strip on the way back. Values are 32 bits wide.
"""

# ruff: noqa: PLR0917 - numba takes arrays one by one

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from genolab.align.lanes import ABOVE, DIAGONAL, LEFT, MORE_ABOVE, MORE_LEFT, border
from genolab.align.sequences import GLOBAL, LOCAL, SEMIGLOBAL, Job
from genolab.align.trace import Paths, Traceback, scores_only
from genolab.compiled import compiled

ROWS: Final = 256  # what is held of so many rows fits into the nearest cache

_LOWEST: Final = np.iinfo(np.int32).min

# What lies in the memory to work in: one array, or the compiler would have to fear that one overlaps another
_WIDTH: Final = ROWS + 16
_VALUE, _BELOW, _CORNER, _RIGHT, _SCORES, _CODES, _BEST, _PLACE = (_WIDTH * part for part in range(8))


def solve_pair(job: Job, costs: NDArray[Any]) -> Paths:
    """Align the one pair of a job; `costs` as in `lanes`, 32 bits wide."""
    table, n = job.scoring.table, int(job.targets.length[0])
    query, target = (some.codes[some.first[0] :][: some.length[0]].astype(np.int32) for some in job[:2])
    scores = np.empty((0, 0), dtype=np.int32) if table.plain else table.scores
    firsts = range(0, len(query), ROWS)
    bands = np.empty((len(firsts) + 1 if job.trace else 2, n + 1, 2), dtype=np.int32)
    _first_band(costs, bands[0])
    best = np.array([0 if job.mode == LOCAL else _LOWEST, 0, 0], dtype=np.int64)

    def fill(strip: int, directions: NDArray[np.uint8]) -> None:
        before, after = bands[strip % len(bands)], bands[(strip + 1) % len(bands)]
        _fill(query, target, costs, scores, before, after, firsts[strip], job.mode, best, directions)

    for strip in range(len(firsts)):
        fill(strip, np.empty((0, ROWS), dtype=np.uint8))
    if not job.trace:
        return scores_only(best[:1])
    path = Traceback(job, best[:1], best[1:, None])
    memory = np.empty((n + ROWS, ROWS), dtype=np.uint8)
    # In memory, the cell of a strip's row and column lies at (row + column, ROWS - 1 - row)
    upright = np.lib.stride_tricks.as_strided(memory.reshape(-1)[ROWS - 1 :], (ROWS, n, 1), (ROWS - 1, ROWS, 1))
    for strip in reversed(range(-(-int(best[1]) // ROWS))):
        fill(strip, memory)
        path.follow(upright, firsts[strip])
    return path.paths()


@compiled
def _first_band(costs, band):
    """Fill the band above the first row: each column's value, and that of a gap going on below it."""
    for column in range(len(band)):
        band[column, 0] = border(costs, column)
        band[column, 1] = band[column, 0] - costs[2]


@compiled
def _fill(query, target, costs, scores, before, after, first, mode, best, directions):
    """Fill a strip, whose first row is `first`; `costs` and `scores` are costs and table of `lanes.fill`.

    `before` and `after`, ``(n + 1, 2)``, are the bands above the strip and of its last row. `best` is the best value so
    far, and row and column where it ends, counted from 1; filling again doesn't change it. `directions` are ``(n +
    rows, ROWS)`` uint8, or of length 0 where none are wanted.
    """
    m, n, rows = len(query), len(target), min(ROWS, len(query) - first)
    work, unwanted = np.empty(8 * _WIDTH, dtype=np.int32), np.empty(ROWS, dtype=np.uint8)
    _start_rows(work, query, costs, first, rows)
    after[0, 0] = border(costs, first + rows)
    after[0, 1] = after[0, 0] - costs[2]
    for step in range(n + rows - 1):
        shift = step - ROWS + 1  # the column of a lane, less its number
        if step < n:
            work[_VALUE + ROWS], work[_BELOW + ROWS] = before[step + 1, 0], before[step + 1, 1]
        low, high = max(ROWS - rows, -shift), min(ROWS, n - shift)
        _score_pairs(work[low:], target[low + shift : high + shift], costs, scores)
        direction = directions[step] if len(directions) else unwanted
        _step(work[low:], costs, low + shift + 1, direction[low:high])
        last = ROWS - rows  # the lane of the last row, if it has begun
        if last + shift >= 0:
            after[last + shift + 1, 0], after[last + shift + 1, 1] = work[_VALUE + last], work[_BELOW + last]
        row = first + ROWS - high + 1  # which has come to the last column, if any has
        if mode == SEMIGLOBAL and high + shift == n and row < m and work[_VALUE + high - 1] > best[0]:
            best[0], best[1], best[2] = work[_VALUE + high - 1], row, n
    if mode == LOCAL:
        _note_rows(work, first, rows, best)
    elif first + rows == m:
        _note_last_row(after, m, n if mode == GLOBAL else 1, best)


@compiled
def _start_rows(work, query, costs, first, rows):
    """Start at the left ends of a strip's rows. The last lane has the first row."""
    for row in range(rows):
        lane, value = ROWS - 1 - row, border(costs, first + row + 1)
        work[_CODES + lane] = query[first + row]
        work[_VALUE + lane], work[_BELOW + lane] = value, value - costs[2]
        work[_CORNER + lane], work[_RIGHT + lane] = border(costs, first + row), value - costs[2]
        work[_BEST + lane], work[_PLACE + lane] = _LOWEST, 0


@compiled
def _score_pairs(work, letters, costs, scores):
    match, mismatch = costs[0], costs[1]
    if len(scores):
        for lane in range(len(letters)):
            work[_SCORES + lane] = scores[work[_CODES + lane], letters[lane]]
    else:
        for lane in range(len(letters)):
            work[_SCORES + lane] = match if work[_CODES + lane] == letters[lane] else mismatch


@compiled
def _step(work, costs, column, directions):
    """Fill an anti-diagonal, whose first cell lies in `column`; of equals, choose as `lanes` does.

    The row above is the next lane, which is read before it is overwritten.
    """
    narrow = np.int32
    gap_open, gap_extend, floor = costs[2], costs[3], costs[4]
    for lane in range(len(directions)):
        left, above = work[_RIGHT + lane], work[_BELOW + lane + 1]
        value, way = narrow(work[_CORNER + lane] + work[_SCORES + lane]), narrow(DIAGONAL)
        way = narrow(LEFT) if left > value else way
        value = max(left, value)
        way = narrow(ABOVE) if above > value else way
        value = max(above, value, floor)
        opened, left, above = narrow(value - gap_open), narrow(left - gap_extend), narrow(above - gap_extend)
        way = narrow(way | (narrow(MORE_LEFT) if left > opened else narrow(0)))
        way = narrow(way | (narrow(MORE_ABOVE) if above > opened else narrow(0)))
        work[_CORNER + lane] = work[_VALUE + lane + 1]
        work[_RIGHT + lane] = max(opened, left)
        work[_VALUE + lane] = value
        work[_BELOW + lane] = max(opened, above)
        best, place = work[_BEST + lane], work[_PLACE + lane]
        work[_BEST + lane] = max(best, value)
        work[_PLACE + lane] = narrow(column + lane) if value > best else place
        directions[lane] = way


@compiled
def _note_rows(work, first, rows, best):
    for row in range(rows):
        lane = ROWS - 1 - row
        if work[_BEST + lane] > best[0]:
            best[0], best[1], best[2] = work[_BEST + lane], first + row + 1, work[_PLACE + lane]


@compiled
def _note_last_row(band, m, column, best):
    while column < len(band):
        if band[column, 0] > best[0]:
            best[0], best[1], best[2] = band[column, 0], m, column
        column += 1
