"""Many pairs at once, one in each lane of the processor's vector registers, compiled by numba.

Gotoh's recurrences (1982) run over rows and columns, and each of their numbers is one of every lane's (inter-sequence
vectorisation, Rognes 2011, as in SWIPE): no lane waits for another. Only one row of every matrix is held.

Gaps are carried one step ahead: a cell leaves behind what a gap would be worth that goes on to the right of it, or
below it. So no cell begins as minus infinity, and nothing can overflow that `sequences.score_bound` doesn't bound.
"""

# ruff: noqa: PLR0917 - numba takes arrays one by one

from typing import Final

import numpy as np

from genolab.align.sequences import GLOBAL, LOCAL
from genolab.align.vectors import WIDTH, load, maximum, splat, store, where_equal, where_greater
from genolab.compiled import compiled

LANES: Final = 32  # two vectors: the more lanes, the fewer packs, and the more that are empty where pairs are few

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
    """Fill one row of every lane: values, and where the best one is."""
    scores = np.empty_like(target) if len(table) else target[:0]
    if len(table):
        _score_by_table(query[row], target, table, scores)
    for lane in range(0, LANES, WIDTH):
        if len(directions):
            _steps_and_directions(query, target, scores, costs, band, row, lane, directions[at])
        else:
            _steps(query, target, scores, costs, band, row, lane)
        if mode == LOCAL and seek != NOTHING:
            _keep_best(band, ends, row + 1, lane)
    _start_next_row(band, border(costs, row + 1))


@compiled
def _two_rows(query, target, costs, band, ends, row):
    narrow = band.dtype.type
    match, mismatch, gap_open, gap_extend = splat(costs[0]), splat(costs[1]), splat(costs[2]), splat(costs[3])
    floor = splat(costs[4])
    for lane in range(0, LANES, WIDTH):
        upper_codes, lower_codes = load(query, row * LANES + lane), load(query, (row + 1) * LANES + lane)
        upper_corner, lower_corner = load(band, lane), splat(narrow(border(costs, row + 1)))
        upper_right = lower_corner - gap_open
        lower_right = splat(narrow(border(costs, row + 2))) - gap_open
        best = load(ends, lane)
        for column in range(len(target)):
            cell = (column + 1) * 2 * LANES + lane
            codes, above = load(target, column * LANES + lane), load(band, cell + LANES)
            upper = upper_corner + where_equal(upper_codes, codes, match, mismatch)
            upper = maximum(maximum(upper, floor), maximum(upper_right, above))
            opened = upper - gap_open
            upper_corner, upper_right = load(band, cell), maximum(opened, upper_right - gap_extend)
            above = maximum(opened, above - gap_extend)
            lower = lower_corner + where_equal(lower_codes, codes, match, mismatch)
            lower = maximum(maximum(lower, floor), maximum(lower_right, above))
            opened = lower - gap_open
            lower_corner, lower_right = upper, maximum(opened, lower_right - gap_extend)
            store(band, cell, lower)
            store(band, cell + LANES, maximum(opened, above - gap_extend))
            best = maximum(best, maximum(upper, lower))
        if costs[4] == 0:  # only local alignments end anywhere
            store(ends, lane, best)
    _start_next_row(band, border(costs, row + 2))


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
def _start_next_row(band, value):
    for lane in range(LANES):
        band[0, lane] = value


@compiled
def _score_by_table(query, target, table, scores):
    for column in range(len(target)):
        letters, here = target[column], scores[column]
        for lane in range(len(here)):
            here[lane] = table[query[lane], letters[lane]]


@compiled
def _steps(query, target, scores, costs, band, row, lane):
    """Fill the cells of a row in some lanes; `scores` are those of its letters, if match and mismatch don't do."""
    match, mismatch, gap_open, gap_extend = splat(costs[0]), splat(costs[1]), splat(costs[2]), splat(costs[3])
    floor, by_table, own = splat(costs[4]), len(scores) > 0, load(query, row * LANES + lane)
    corner, right = load(band, lane), splat(band.dtype.type(border(costs, row + 1))) - gap_open
    for column in range(len(target)):
        cell, at = (column + 1) * 2 * LANES + lane, column * LANES + lane
        above = load(band, cell + LANES)
        score = load(scores, at) if by_table else where_equal(own, load(target, at), match, mismatch)
        value = maximum(maximum(corner + score, floor), maximum(right, above))
        opened = value - gap_open
        corner, right = load(band, cell), maximum(opened, right - gap_extend)
        store(band, cell, value)
        store(band, cell + LANES, maximum(opened, above - gap_extend))


@compiled
def _steps_and_directions(query, target, scores, costs, band, row, lane, directions):
    """Do as `_steps` does, and note where values came from. Of equals: diagonal, left, above; a new gap, an old one."""
    narrow = band.dtype.type
    match, mismatch, gap_open, gap_extend = splat(costs[0]), splat(costs[1]), splat(costs[2]), splat(costs[3])
    floor, by_table, own = splat(costs[4]), len(scores) > 0, load(query, row * LANES + lane)
    corner, right = load(band, lane), splat(narrow(border(costs, row + 1))) - gap_open
    diagonal, from_left, from_above = splat(narrow(DIAGONAL)), splat(narrow(LEFT)), splat(narrow(ABOVE))
    more_left, more_above, new = splat(narrow(MORE_LEFT)), splat(narrow(MORE_ABOVE)), splat(narrow(0))
    for column in range(len(target)):
        cell, at = (column + 1) * 2 * LANES + lane, column * LANES + lane
        above = load(band, cell + LANES)
        score = load(scores, at) if by_table else where_equal(own, load(target, at), match, mismatch)
        value = corner + score
        way = where_greater(right, value, from_left, diagonal)
        value = maximum(right, value)
        way = where_greater(above, value, from_above, way)
        value = maximum(maximum(above, value), floor)
        opened, right, above = value - gap_open, right - gap_extend, above - gap_extend
        way = way | where_greater(right, opened, more_left, new) | where_greater(above, opened, more_above, new)
        corner, right = load(band, cell), maximum(opened, right)
        store(band, cell, value)
        store(band, cell + LANES, maximum(opened, above))
        store(directions, at, way)


@compiled
def _keep_best(band, ends, row, lane):
    """Keep the best values of a row and the first places where they are."""
    narrow = band.dtype.type
    own, one, place = splat(narrow(row)), splat(narrow(1)), splat(narrow(1))
    best, rows, places = load(ends, lane), load(ends, LANES + lane), load(ends, 2 * LANES + lane)
    for column in range(1, len(band)):
        value = load(band, column * 2 * LANES + lane)
        rows, places = where_greater(value, best, own, rows), where_greater(value, best, place, places)
        best, place = maximum(best, value), place + one
    store(ends, lane, best)
    store(ends, LANES + lane, rows)
    store(ends, 2 * LANES + lane, places)


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
