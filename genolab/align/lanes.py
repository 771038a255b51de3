"""Many pairs at once, one in each lane of the processor's vector registers, compiled by numba.

Gotoh's recurrences (1982) run over rows and columns, and the innermost loop over `LANES` pairs (inter-sequence
vectorisation, Rognes 2011, as in SWIPE): no lane waits for another, so the compiler turns that loop into vector
instructions. Only one row of every matrix is held.

Gaps are carried one step ahead: a cell leaves behind what a gap would be worth that goes on to the right of it, or
below it. So no cell begins as minus infinity, and nothing can overflow that `sequences.lowest` doesn't bound.
"""

# ruff: noqa: PLR0917 - numba takes arrays one by one

from typing import Final

import numba
import numpy as np

from genolab.align.sequences import GLOBAL, LOCAL

LANES: Final = 64

VALUES, PLACES, NOTHING = range(3)  # what to note of where the best alignment ends

# Where a cell's value comes from: two bits. The others say that a gap to the right of it, or below it, was there before
DIAGONAL, LEFT, ABOVE, MORE_LEFT, MORE_ABOVE = 0, 1, 2, 4, 8


@numba.njit(cache=True)
def fill(query, target, lengths, costs, table, mode, band, ends, rows, seek, directions):  # type: ignore[no-untyped-def]
    """Fill rows ``rows[0]`` to ``rows[1]`` of all lanes' matrices.

    Parameters
    ----------
    query, target
        Codes, place by lane, flat, ``(m * LANES,)`` and ``(n * LANES,)``, of the type of the scores.
    lengths
        ``(2, LANES)``: letters of query and target; 0 for a lane that stays empty.
    costs
        As `costs_of` gives them.
    table
        Scores by codes, ``(k, k)``; ``(0, 0)`` where match and mismatch are enough.
    mode
        `GLOBAL`, `LOCAL` or `SEMIGLOBAL`.
    band
        ``((n + 1) * 2 * LANES,)``: of the row before the first, each column's values, and those of gaps going on below
        it; afterwards those of the last row.
    ends
        ``(3 * LANES,)``: the best values so far, and the rows and columns where they end, counted from 1.
    seek
        What to note there: `VALUES`, `PLACES` as well, or `NOTHING`.
    directions
        ``(rows, n, LANES)`` uint8, or of size 0 where none are wanted.
    """
    state = np.zeros(3 * LANES, dtype=band.dtype)  # values left above, gaps going on to the right, gains
    flat = directions.reshape(-1)
    n = len(target) // LANES
    for row in range(rows[0], rows[1]):
        _begin(band, state, costs, row)
        for column in range(n):
            if len(table):
                _look_up(query, target, table, row, column, state)
            else:
                _compare(query, target, costs, row, column, state)
            if len(flat):
                _step_and_say(band, state, costs, column, flat, ((row - rows[0]) * n + column) * LANES)
            else:
                _step(band, state, costs, column)
            if mode == LOCAL and seek == VALUES:
                _keep_best(band, ends, column)
            elif mode == LOCAL and seek == PLACES:
                _keep_place(band, ends, row, column)
        if mode != LOCAL and seek != NOTHING:
            _note_ends(band, ends, lengths, mode, row + 1)


@numba.njit(cache=True)
def top(costs, n, kind):  # type: ignore[no-untyped-def]
    """Return the band of the row above the first."""
    band = np.empty((n + 1) * 2 * LANES, dtype=kind)
    for column in range(n + 1):
        value = _border(costs, column)
        band[column * 2 * LANES : (column * 2 + 1) * LANES] = value
        band[(column * 2 + 1) * LANES : (column * 2 + 2) * LANES] = value - costs[2]
    return band


@numba.njit(cache=True)
def _border(costs, place):  # type: ignore[no-untyped-def]
    """Return the value of a cell before the first row or column: what a gap up to there costs."""
    return 0 if place == 0 else -(costs[5] + (place - 1) * costs[6])


@numba.njit(cache=True)
def _begin(band, state, costs, row):  # type: ignore[no-untyped-def]
    """Set out at the left end of a row."""
    value = _border(costs, row + 1)
    for lane in range(LANES):
        state[lane] = band[lane]
        state[LANES + lane] = value - costs[2]
        band[lane] = value


@numba.njit(cache=True)
def _compare(query, target, costs, row, column, state):  # type: ignore[no-untyped-def]
    """Say what the letters under each other gain: a match or a mismatch."""
    match, mismatch = costs[0], costs[1]
    for lane in range(LANES):
        same = query[row * LANES + lane] == target[column * LANES + lane]
        state[2 * LANES + lane] = match if same else mismatch


@numba.njit(cache=True)
def _look_up(query, target, table, row, column, state):  # type: ignore[no-untyped-def]
    """Say what the letters under each other gain, by the table."""
    for lane in range(LANES):
        state[2 * LANES + lane] = table[query[row * LANES + lane], target[column * LANES + lane]]


@numba.njit(cache=True)
def _step(band, state, costs, column):  # type: ignore[no-untyped-def]
    """Fill one cell of every lane. Each number is cut back to the lanes' width, or the compiler would widen them."""
    cut = band.dtype.type
    gap_open, gap_extend, floor = costs[2], costs[3], costs[4]
    here = (column + 1) * 2 * LANES
    for lane in range(LANES):
        left, above = state[LANES + lane], band[here + LANES + lane]
        value = max(cut(state[lane] + state[2 * LANES + lane]), floor, left, above)
        opened = cut(value - gap_open)
        state[lane] = band[here + lane]
        state[LANES + lane] = max(opened, cut(left - gap_extend))
        band[here + lane] = value
        band[here + LANES + lane] = max(opened, cut(above - gap_extend))


@numba.njit(cache=True)
def _step_and_say(band, state, costs, column, directions, at):  # type: ignore[no-untyped-def]
    """Do as `_step` does, and say where values came from. Of equals: diagonal, left, above; a new gap, an old one."""
    cut = band.dtype.type
    gap_open, gap_extend, floor = costs[2], costs[3], costs[4]
    here = (column + 1) * 2 * LANES
    for lane in range(LANES):
        left, above = state[LANES + lane], band[here + LANES + lane]
        value, come = cut(state[lane] + state[2 * LANES + lane]), cut(DIAGONAL)
        come = cut(LEFT) if left > value else come
        value = max(left, value)
        come = cut(ABOVE) if above > value else come
        value = max(above, value, floor)
        opened, left, above = cut(value - gap_open), cut(left - gap_extend), cut(above - gap_extend)
        come = cut(come | (cut(MORE_LEFT) if left > opened else cut(0)))
        come = cut(come | (cut(MORE_ABOVE) if above > opened else cut(0)))
        state[lane] = band[here + lane]
        state[LANES + lane] = max(opened, left)
        band[here + lane] = value
        band[here + LANES + lane] = max(opened, above)
        directions[at + lane] = come


@numba.njit(cache=True)
def _keep_best(band, ends, column):  # type: ignore[no-untyped-def]
    """Keep the best values of all cells."""
    for lane in range(LANES):
        ends[lane] = max(ends[lane], band[(column + 1) * 2 * LANES + lane])


@numba.njit(cache=True)
def _keep_place(band, ends, row, column):  # type: ignore[no-untyped-def]
    """Keep the best values of all cells and the first places where they are."""
    cut = band.dtype.type
    for lane in range(LANES):
        value = band[(column + 1) * 2 * LANES + lane]
        better = value > ends[lane]
        ends[lane] = value if better else ends[lane]
        ends[LANES + lane] = cut(row + 1) if better else ends[LANES + lane]
        ends[2 * LANES + lane] = cut(column + 1) if better else ends[2 * LANES + lane]


@numba.njit(cache=True)
def _note_ends(band, ends, lengths, mode, row):  # type: ignore[no-untyped-def]
    """Note the values at the end of the target, or of the query, as far as an alignment may end there."""
    for lane in range(LANES):
        m, n = lengths[0, lane], lengths[1, lane]
        if row > m or (mode == GLOBAL and row < m):
            continue
        for column in range(1 if row == m and mode != GLOBAL else n, n + 1):
            value = band[column * 2 * LANES + lane]
            if value > ends[lane]:
                ends[lane], ends[LANES + lane], ends[2 * LANES + lane] = value, row, column
