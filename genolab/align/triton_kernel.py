"""The kernel of `triton_backend`: a module of its own, since Triton is there on GPUs only."""

# ruff: noqa: PLR0917 - Triton takes arrays one by one

import triton
import triton.language as tl

from genolab.align import lanes, sequences

GLOBAL, LOCAL, SEMIGLOBAL = (tl.constexpr(mode) for mode in (sequences.GLOBAL, sequences.LOCAL, sequences.SEMIGLOBAL))
LEFT, ABOVE = tl.constexpr(lanes.LEFT), tl.constexpr(lanes.ABOVE)
MORE_LEFT, MORE_ABOVE = tl.constexpr(lanes.MORE_LEFT), tl.constexpr(lanes.MORE_ABOVE)
LOWEST = tl.constexpr(-(2**31))


@triton.jit
def fill(
    query, query_first, query_length, target, target_first, target_length, table, carried, output, directions,
    pairs, rows, columns, match, mismatch, gap_open, gap_extend, n_codes,
    PLAIN: tl.constexpr, MODE: tl.constexpr, TRACE: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    """Fill the matrix of one pair, and find where its best alignment ends.

    Parameters
    ----------
    query, query_first, query_length, target, target_first, target_length, table
        See `Sequences` and `Table`; the table isn't read if `PLAIN`.
    carried
        ``(pairs, 2, columns)`` int32, to work in: the last row of a strip, and gaps going on below it.
    output
        ``(3, pairs)`` int32: score, and row and column of the end, counted from 1.
    directions
        ``(pairs, rows, columns)`` uint8; not written unless `TRACE`.
    """
    pair = tl.program_id(0)
    lane = tl.arange(0, LANES)
    m, n = tl.load(query_length + pair).to(tl.int32), tl.load(target_length + pair).to(tl.int32)
    query += tl.load(query_first + pair)
    target += tl.load(target_first + pair)
    last_value = carried + pair.to(tl.int64) * 2 * columns
    last_below = last_value + columns
    directions += pair.to(tl.int64) * rows * columns
    # Local alignments may be nothing at all, worth 0, at the corner
    best = tl.full((LANES,), 0 if MODE == LOCAL else LOWEST, tl.int32)
    best_row, best_column = tl.zeros((LANES,), tl.int32), tl.zeros((LANES,), tl.int32)
    for strip in range(0, m, LANES):
        row = strip + lane
        letter = tl.load(query + row, mask=row < m, other=0).to(tl.int32)
        corner = _border(row, gap_open, gap_extend, MODE)  # the value left above the cell to come
        value = _border(row + 1, gap_open, gap_extend, MODE)
        right, below = value - gap_open, value - gap_open
        for step in range(n + LANES - 1):
            column = step - lane
            inside = (column >= 0) & (column < n) & (row < m)
            score = _score(letter, target + column, inside, table, n_codes, match, mismatch, PLAIN)
            upper, above = _from_above(
                value, below, last_value, last_below, lane, column, inside, strip, gap_open, gap_extend, MODE
            )
            cell, direction, new_right, new_below = _cell(corner + score, right, above, gap_open, gap_extend, MODE)
            if TRACE:
                tl.store(directions + row.to(tl.int64) * columns + column, direction.to(tl.uint8), mask=inside)
            corner, value = tl.where(inside, upper, corner), tl.where(inside, cell, value)
            right, below = tl.where(inside, new_right, right), tl.where(inside, new_below, below)
            better = inside & _may_end(row + 1 == m, column + 1 == n, MODE) & (cell > best)
            best = tl.where(better, cell, best)
            best_row, best_column = tl.where(better, row + 1, best_row), tl.where(better, column + 1, best_column)
            carry = inside & (lane == LANES - 1)
            tl.store(last_value + column, value, mask=carry)
            tl.store(last_below + column, below, mask=carry)
        tl.debug_barrier()  # the next strip reads what another thread has carried
    _report(output + pair, pairs, best, best_row, best_column, n)


@triton.jit
def _border(place, gap_open, gap_extend, MODE: tl.constexpr):
    """Return the values of cells before the first row or column: what a gap up to there costs."""
    value = place * 0
    if MODE == GLOBAL:
        value = tl.where(place > 0, -(gap_open + (place - 1) * gap_extend), 0)
    return value


@triton.jit
def _score(letter, target, inside, table, n_codes, match, mismatch, PLAIN: tl.constexpr):
    other = tl.load(target, mask=inside, other=0).to(tl.int32)
    if PLAIN:
        score = tl.where(letter == other, match, mismatch)
    else:
        score = tl.load(table + letter * n_codes + other, mask=inside, other=0)
    return score


@triton.jit
def _cell(value, left, above, gap_open, gap_extend, MODE: tl.constexpr):
    """Return a cell's value, where it comes from, and what gaps are worth that go on to the right of it and below."""
    direction = tl.where(left > value, LEFT, 0)
    value = tl.maximum(left, value)
    direction = tl.where(above > value, ABOVE, direction)
    value = tl.maximum(above, value)
    if MODE == LOCAL:
        value = tl.maximum(value, 0)
    opened, left, above = value - gap_open, left - gap_extend, above - gap_extend
    direction += tl.where(left > opened, MORE_LEFT, 0) + tl.where(above > opened, MORE_ABOVE, 0)
    return value, direction, tl.maximum(opened, left), tl.maximum(opened, above)


@triton.jit
def _may_end(last_row, last_column, MODE: tl.constexpr):
    ending = last_row | last_column
    if MODE == GLOBAL:
        ending = last_row & last_column
    if MODE == LOCAL:
        ending = last_row | ~last_row
    return ending


@triton.jit
def _from_above(
    value, below, last_value, last_below, lane, column, inside, strip, gap_open, gap_extend, MODE: tl.constexpr
):
    """Return the values above the cells, and of gaps that come down from there: the lane before had them a step ago."""
    before = tl.maximum(lane - 1, 0)
    upper, above = tl.gather(value, before, axis=0), tl.gather(below, before, axis=0)
    # The first lane has the strip before above it, or the border
    edge = _border(column + 1, gap_open, gap_extend, MODE)
    carried = inside & (lane == 0) & (strip > 0)
    first = tl.load(last_value + column, mask=carried, other=0)
    first_above = tl.load(last_below + column, mask=carried, other=0)
    first = tl.where(strip > 0, first, edge)
    first_above = tl.where(strip > 0, first_above, edge - gap_open)
    return tl.where(lane == 0, first, upper), tl.where(lane == 0, first_above, above)


@triton.jit
def _report(output, pairs, best, row, column, n):
    """Write the best of all lanes; of equals, the one that ends first in the query, then in the target."""
    score = tl.max(best, axis=0)
    place = row.to(tl.int64) * (n + 1) + column
    first = tl.min(tl.where(best == score, place, 2**62), axis=0)
    tl.store(output, score)
    tl.store(output + pairs, (first // (n + 1)).to(tl.int32))
    tl.store(output + 2 * pairs, (first % (n + 1)).to(tl.int32))
