"""From directions back to paths: walk them, and write CIGARs.

All back ends note the same directions, cell by cell, and one walker reads them; so their paths are equal, too.
"""

# ruff: noqa: PLR0917 - numba takes arrays one by one

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from genolab.align.lanes import ABOVE, DIAGONAL, LEFT, MORE_ABOVE, MORE_LEFT
from genolab.align.sequences import GLOBAL, LOCAL, Integers, Job

_CELL, _GAP_LEFT, _GAP_ABOVE = 0, LEFT, ABOVE  # what the walker stands in
_ROW, _COLUMN, _WITHIN, _WORTH, _STEPS = range(5)  # columns of `Walk.at`
_EQUAL, _OTHER, _INSERTED, _DELETED = (ord(letter) for letter in "=XID")


class Paths(NamedTuple):
    """Alignments found, one a pair.

    Attributes
    ----------
    score
        ``(n,)`` int64.
    query_start, query_end, target_start, target_end
        The aligned parts, ``(n,)`` int64; -1 where no path was wanted.
    cigar
        As SAM writes it, with = X I D.
    matches, columns
        Pairs of equal letters, and all letters and gaps under each other, ``(n,)`` int64.
    """

    score: Integers
    query_start: Integers
    query_end: Integers
    target_start: Integers
    target_end: Integers
    cigar: list[str]
    matches: Integers
    columns: Integers


def scores_alone(score: Integers) -> Paths:
    """Return alignments of which only the scores are known."""
    unknown = np.full(len(score), -1, dtype=np.int64)
    return Paths(score, unknown, unknown, unknown, unknown, [""] * len(score), unknown, unknown)


class Walk:
    """Paths of some pairs, on the way back from their ends.

    Parameters
    ----------
    job
        The pairs.
    score
        Their scores, ``(n,)``.
    ends
        ``(2, n)``: row and column where each path ends, counted from 1.
    """

    def __init__(self, job: Job, score: Integers, ends: Integers) -> None:
        self.job, self.score, self.ends = job, score, ends
        n = len(score)
        self.at = np.zeros((n, 5), dtype=np.int64)
        self.at[:, _ROW], self.at[:, _COLUMN], self.at[:, _WORTH] = ends[0], ends[1], score
        self.first = np.zeros(n + 1, dtype=np.int64)  # of each pair's steps
        np.cumsum(ends.sum(axis=0), out=self.first[1:])
        self.steps = np.empty(self.first[-1], dtype=np.uint8)

    def back(self, directions: NDArray[np.uint8], first_row: int) -> None:
        """Walk on through the directions of the rows from `first_row`, ``(rows, n columns, lanes)``."""
        job = self.job
        _walk(
            directions, first_row, job.mode == LOCAL, job.scoring.table.scores, job.scoring.gap_open,
            job.scoring.gap_extend, job.queries.codes, job.queries.first, job.targets.codes, job.targets.first,
            self.at, self.first, self.steps,
        )  # fmt: skip

    def paths(self) -> Paths:
        """Return the paths, which have come to their beginnings."""
        if self.job.mode == GLOBAL:
            _go_home(self.at, self.first, self.steps)
        text, first, matches = _write(self.at, self.first, self.steps)
        letters = text.tobytes().decode("ascii")
        cigars = [letters[one:other] for one, other in zip(first[:-1].tolist(), first[1:].tolist(), strict=True)]
        rows, columns = self.at[:, _ROW], self.at[:, _COLUMN]
        return Paths(self.score, rows, self.ends[0], columns, self.ends[1], cigars, matches, self.at[:, _STEPS])


@numba.njit(cache=True)
def _walk(  # type: ignore[no-untyped-def]
    directions, first_row, local, scores, gap_open, gap_extend, query, query_first, target, target_first, at, first,
    steps,
):  # fmt: skip
    """Walk back until the rows end. A local path begins where what it is worth is used up."""
    for pair in range(len(at)):
        row, column, within, worth, step = at[pair]
        while row > first_row and column > 0 and not (local and within == _CELL and worth == 0):
            come = directions[row - first_row - 1, column - 1, pair]
            if within == _CELL:
                within = come & 3
                if within == DIAGONAL:
                    one, other = query[query_first[pair] + row - 1], target[target_first[pair] + column - 1]
                    steps[first[pair] + step] = _EQUAL if one == other else _OTHER
                    worth -= scores[one, other]
                    row, column, step = row - 1, column - 1, step + 1
                    continue
            elif come & (MORE_LEFT if within == _GAP_LEFT else MORE_ABOVE):
                worth += gap_extend
            else:
                worth += gap_open
                within = _CELL
                continue
            steps[first[pair] + step] = _DELETED if within == _GAP_LEFT else _INSERTED
            row, column, step = row - (within == _GAP_ABOVE), column - (within == _GAP_LEFT), step + 1
        at[pair, _ROW], at[pair, _COLUMN], at[pair, _WITHIN], at[pair, _WORTH] = row, column, within, worth
        at[pair, _STEPS] = step


@numba.njit(cache=True)
def _go_home(at, first, steps):  # type: ignore[no-untyped-def]
    """Walk along the border to the corner."""
    for pair in range(len(at)):
        while at[pair, _ROW] > 0 or at[pair, _COLUMN] > 0:
            inserted = at[pair, _ROW] > 0
            steps[first[pair] + at[pair, _STEPS]] = _INSERTED if inserted else _DELETED
            at[pair, _ROW if inserted else _COLUMN] -= 1
            at[pair, _STEPS] += 1


@numba.njit(cache=True)
def _write(at, first, steps):  # type: ignore[no-untyped-def]
    """Return all CIGARs as ASCII behind one another, where each begins, and the matches of each."""
    text = np.empty(2 * len(steps) + 24, dtype=np.uint8)  # a run of k steps takes at most 2 k letters
    starts, matches, size = np.zeros(len(at) + 1, dtype=np.int64), np.zeros(len(at), dtype=np.int64), 0
    for pair in range(len(at)):
        step = at[pair, _STEPS] - 1
        while step >= 0:
            what, run = steps[first[pair] + step], 0
            while step >= 0 and steps[first[pair] + step] == what:
                run, step = run + 1, step - 1
            matches[pair] += run if what == _EQUAL else 0
            size = _write_run(text, size, run, what)
        starts[pair + 1] = size
    return text[:size], starts, matches


@numba.njit(cache=True)
def _write_run(text, size, run, what):  # type: ignore[no-untyped-def]
    """Write a run, such as 12=, and return where the next one goes."""
    end, rest = size, run
    while rest > 0:
        end, rest = end + 1, rest // 10
    for place in range(end - 1, size - 1, -1):
        text[place], run = 48 + run % 10, run // 10
    text[end] = what
    return end + 1
