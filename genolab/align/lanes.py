"""Many pairs at once, one in each lane of the processor's vector registers, compiled by numba.

Gotoh's recurrences (1982) run over rows and columns, and the innermost loop over `LANES` pairs (inter-sequence
vectorisation, Rognes 2011, as in SWIPE): no lane waits for another, so the compiler turns that loop into vector
instructions. Only one row of every matrix is held.

Gaps are carried one step ahead: a cell leaves behind what a gap would be worth that goes on to the right of it, or
below it. So no cell begins as minus infinity, and nothing can overflow that `sequences.score_bound` doesn't bound.
"""

# ruff: noqa: PLR0917 - numba takes arrays one by one

from typing import Final

import numpy as np

from genolab.align.sequences import GLOBAL, LOCAL
from genolab.compiled import compiled

LANES: Final = 32  # 16-bit numbers that fill one 512-bit register, or two of 256 bits

VALUES, PLACES, NOTHING = range(3)  # what to note of where the best alignment ends

# Where a cell's value comes from: two bits. The others say that a gap to the right of it, or below it, was there before
DIAGONAL, LEFT, ABOVE, MORE_LEFT, MORE_ABOVE = 0, 1, 2, 4, 8


@compiled
def fill(query, target, lengths, costs, table, mode, band, ends, rows, seek, directions):
    """Fill rows ``rows[0]`` to ``rows[1]`` of all lanes' matrices.

    Parameters
    ----------
    query, target
        Codes, place by lane, ``(m, LANES)`` and ``(n, LANES)``, of the type of the scores.
    lengths
        ``(2, LANES)``: letters of query and target; 0 for a lane that stays empty.
    costs, table
        See `cpu.cost_array`; scores by codes, ``(k, k)``, or ``(0, 0)`` where match and mismatch are enough.
    band
        ``(n + 1, 2 * LANES)``: of the row before the first, each column's values, and those of gaps going on below it;
        afterwards those of the last row.
    ends
        ``(3 * LANES,)``: the best values so far, and the rows and columns where they end, counted from 1.
    seek
        What to note there: `VALUES`, `PLACES` as well, or `NOTHING`.
    directions
        ``(rows, n, LANES)`` uint8, or of size 0 where none are wanted.
    """
    # Two rows at once take half of the time, but don't show where an alignment ends in the upper one
    quick = len(table) == len(directions) == 0 and (mode == GLOBAL or (mode == LOCAL and seek != PLACES))
    row = rows[0]
    while row < rows[1]:
        if quick and row + 1 < rows[1] and not (mode == GLOBAL and _has_length(lengths, row + 1)):
            _two_rows(query, target, costs, band, ends, row)
            row += 2
        else:
            _one_row(query, target, costs, table, mode, band, ends, row, seek, directions, row - rows[0])
            row += 1
        if mode != LOCAL and seek != NOTHING:
            _note_ends(band, ends, lengths, mode, row)


@compiled
def _has_length(lengths, row):
    for lane in range(LANES):  # noqa: SIM110 - numba knows no any() of a generator
        if lengths[0, lane] == row:
            return True
    return False


@compiled
def _one_row(query, target, costs, table, mode, band, ends, row, seek, directions, at):
    """Fill one row of every lane: scores of its letters, values, and where the best one is."""
    state = np.zeros(2 * LANES, dtype=band.dtype)  # values left above, gaps going on to the right
    _start_row(band, state, costs, row)
    scores = np.empty_like(target)
    if len(table):
        _score_by_table(query[row], target, table, scores)
    else:
        _score_matches(query[row], target, costs, scores)
    if len(directions):
        _steps_and_directions(band, state, scores, costs, directions[at])
    else:
        _steps(band, state, scores, costs)
    if mode == LOCAL and seek == VALUES:
        _keep_best(band, ends)
    elif mode == LOCAL and seek == PLACES:
        _keep_places(band, ends, row + 1)


@compiled
def _two_rows(query, target, costs, band, ends, row):
    # Of the upper row: values left above, gaps going on, codes; the same of the lower row; the best values of all
    state = np.zeros(7 * LANES, dtype=band.dtype)
    for lane in range(LANES):
        state[2 * LANES + lane], state[5 * LANES + lane] = query[row, lane], query[row + 1, lane]
        state[6 * LANES + lane] = ends[lane]
    _start_row(band, state, costs, row)
    _start_row(band, state[3 * LANES :], costs, row + 1)
    for column in range(len(target)):
        _two_steps(band[column + 1], state, target[column], costs)
    if costs[4] == 0:  # only local alignments end anywhere
        for lane in range(LANES):
            ends[lane] = state[6 * LANES + lane]


@compiled
def first_band(costs, n, kind):
    """Return the band of the row above the first."""
    band = np.empty((n + 1, 2 * LANES), dtype=kind)
    for column in range(n + 1):
        value = border(costs, column)
        for lane in range(LANES):
            band[column, lane], band[column, LANES + lane] = value, value - costs[2]
    return band


@compiled
def border(costs, place):
    """Return the value of a cell before the first row or column: what a gap up to there costs."""
    return 0 if place == 0 else -(costs[5] + (place - 1) * costs[6])


@compiled
def _start_row(band, state, costs, row):
    value = border(costs, row + 1)
    for lane in range(LANES):
        state[lane] = band[0, lane]
        state[LANES + lane] = value - costs[2]
        band[0, lane] = value


@compiled
def _score_matches(query, target, costs, scores):
    match, mismatch = costs[0], costs[1]
    for column in range(len(target)):
        letters, here = target[column], scores[column]
        for lane in range(len(here)):  # a length that the compiler can't see, or it unrolls instead of vectorising
            here[lane] = match if query[lane] == letters[lane] else mismatch


@compiled
def _score_by_table(query, target, table, scores):
    for column in range(len(target)):
        letters, here = target[column], scores[column]
        for lane in range(len(here)):
            here[lane] = table[query[lane], letters[lane]]


@compiled
def _steps(band, state, scores, costs):
    """Fill the cells of a row. Each number is cut back to the lanes' width, or the compiler would widen them."""
    narrow = band.dtype.type
    gap_open, gap_extend, floor = costs[2], costs[3], costs[4]
    for column in range(len(scores)):
        cell, score = band[column + 1], scores[column]
        for lane in range(LANES):
            left, above = state[LANES + lane], cell[LANES + lane]
            value = max(narrow(state[lane] + score[lane]), floor, left, above)
            opened = narrow(value - gap_open)
            state[lane] = cell[lane]
            state[LANES + lane] = max(opened, narrow(left - gap_extend))
            cell[lane] = value
            cell[LANES + lane] = max(opened, narrow(above - gap_extend))


@compiled
def _steps_and_directions(band, state, scores, costs, directions):
    """Do as `_steps` does, and note where values came from. Of equals: diagonal, left, above; a new gap, an old one."""
    narrow = band.dtype.type
    gap_open, gap_extend, floor = costs[2], costs[3], costs[4]
    for column in range(len(scores)):
        cell, score, direction = band[column + 1], scores[column], directions[column]
        for lane in range(LANES):
            left, above = state[LANES + lane], cell[LANES + lane]
            value, way = narrow(state[lane] + score[lane]), narrow(DIAGONAL)
            way = narrow(LEFT) if left > value else way
            value = max(left, value)
            way = narrow(ABOVE) if above > value else way
            value = max(above, value, floor)
            opened, left, above = narrow(value - gap_open), narrow(left - gap_extend), narrow(above - gap_extend)
            way = narrow(way | (narrow(MORE_LEFT) if left > opened else narrow(0)))
            way = narrow(way | (narrow(MORE_ABOVE) if above > opened else narrow(0)))
            state[lane] = cell[lane]
            state[LANES + lane] = max(opened, left)
            cell[lane] = value
            cell[LANES + lane] = max(opened, above)
            direction[lane] = way


@compiled
def _two_steps(cell, state, target, costs):
    """Fill two cells of every lane, one below the other."""
    narrow = cell.dtype.type
    match, mismatch, gap_open, gap_extend, floor = costs[0], costs[1], costs[2], costs[3], costs[4]
    for lane in range(LANES):
        letter, left, above = target[lane], state[LANES + lane], cell[LANES + lane]
        score = match if state[2 * LANES + lane] == letter else mismatch
        upper = max(narrow(state[lane] + score), floor, left, above)
        opened = narrow(upper - gap_open)
        state[lane] = cell[lane]
        state[LANES + lane] = max(opened, narrow(left - gap_extend))
        left, above = state[4 * LANES + lane], max(opened, narrow(above - gap_extend))
        score = match if state[5 * LANES + lane] == letter else mismatch
        lower = max(narrow(state[3 * LANES + lane] + score), floor, left, above)
        opened = narrow(lower - gap_open)
        state[3 * LANES + lane] = upper
        state[4 * LANES + lane] = max(opened, narrow(left - gap_extend))
        cell[lane] = lower
        cell[LANES + lane] = max(opened, narrow(above - gap_extend))
        state[6 * LANES + lane] = max(state[6 * LANES + lane], upper, lower)


@compiled
def _keep_best(band, ends):
    for column in range(1, len(band)):
        cell = band[column]
        for lane in range(len(cell) // 2):
            ends[lane] = max(ends[lane], cell[lane])


@compiled
def _keep_places(band, ends, row):
    """Keep the best values of a row and the first places where they are."""
    row = band.dtype.type(row)
    for column in range(1, len(band)):
        cell, place = band[column], band.dtype.type(column)
        for lane in range(LANES):
            better = cell[lane] > ends[lane]
            ends[lane] = cell[lane] if better else ends[lane]
            ends[LANES + lane] = row if better else ends[LANES + lane]
            ends[2 * LANES + lane] = place if better else ends[2 * LANES + lane]


@compiled
def _note_ends(band, ends, lengths, mode, row):
    """Note the values at the end of the target, or of the query, as far as an alignment may end there."""
    for lane in range(LANES):
        m, n = lengths[0, lane], lengths[1, lane]
        if row > m or (mode == GLOBAL and row < m):
            continue
        for column in range(1 if row == m and mode != GLOBAL else n, n + 1):
            value = band[column, lane]
            if value > ends[lane]:
                ends[lane], ends[LANES + lane], ends[2 * LANES + lane] = value, row, column
