"""From directions back to paths: follow them, and write CIGARs.

All back ends note the same directions, cell by cell, and one function reads them; so their paths are equal, too.
"""

# ruff: noqa: PLR0917 - numba takes arrays one by one

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.align.lanes import ABOVE, DIAGONAL, LEFT, MORE_ABOVE, MORE_LEFT
from genolab.align.sequences import GLOBAL, LOCAL, Integers, Job
from genolab.compiled import compiled

_CELL, _GAP_LEFT, _GAP_ABOVE = 0, LEFT, ABOVE  # where a path is: in a cell, or within a gap
_ROW, _COLUMN, _STATE, _SCORE, _STEPS = range(5)  # columns of `Traceback.at`
_EQUAL, _OTHER, _INSERTED, _DELETED = (ord(letter) for letter in "=XID")


class Paths(NamedTuple):
    """One alignment a pair, all ``(n,)`` int64; positions are -1 where no path was wanted; `columns` count gaps."""

    score: Integers
    query_start: Integers
    query_end: Integers
    target_start: Integers
    target_end: Integers
    cigar: list[str]
    matches: Integers
    columns: Integers


def scores_only(score: Integers) -> Paths:
    """Return alignments of which only the scores are known."""
    unknown = np.full(len(score), -1, dtype=np.int64)
    return Paths(score, unknown, unknown, unknown, unknown, [""] * len(score), unknown, unknown)


def in_order(order: Integers, parts: list[Paths], n: int) -> Paths:
    """Return the alignments of parts in the order of the pairs; `order` has the pairs' numbers, part by part."""
    whole = scores_only(np.zeros(n, dtype=np.int64))
    cigars = [""] * n
    for at, cigar in zip(order.tolist(), (cigar for part in parts for cigar in part.cigar), strict=True):
        cigars[at] = cigar
    arrays = {}
    for name in whole._fields:
        if name != "cigar":
            arrays[name] = np.empty(n, dtype=np.int64)
            arrays[name][order] = np.concatenate([np.empty(0, dtype=np.int64), *(getattr(p, name) for p in parts)])
    return whole._replace(cigar=cigars, **arrays)


class Traceback:
    """Paths of some pairs, followed back from their ends, ``(2, n)``: row and column, counted from 1."""

    def __init__(self, job: Job, score: Integers, ends: Integers) -> None:
        self.job, self.score, self.ends = job, score, ends
        n = len(score)
        self.at = np.zeros((n, 5), dtype=np.int64)
        self.at[:, _ROW], self.at[:, _COLUMN], self.at[:, _SCORE] = ends[0], ends[1], score
        self.first = np.zeros(n + 1, dtype=np.int64)  # of each pair's steps
        np.cumsum(ends.sum(axis=0), out=self.first[1:])
        self.steps = np.empty(self.first[-1], dtype=np.uint8)

    def follow(self, directions: NDArray[np.uint8], first_row: int) -> None:
        """Go on through the directions of the rows from `first_row`, ``(rows, n columns, lanes)``."""
        job = self.job
        _follow(
            directions, first_row, job.mode == LOCAL, job.scoring.table.scores, job.scoring.gap_open,
            job.scoring.gap_extend, job.queries.codes, job.queries.first, job.targets.codes, job.targets.first,
            self.at, self.first, self.steps,
        )  # fmt: skip

    def paths(self) -> Paths:
        """Return the paths, which have come to their beginnings."""
        if self.job.mode == GLOBAL:
            _follow_border(self.at, self.first, self.steps)
        text, first, matches = _cigars(self.at, self.first, self.steps)
        letters = text.tobytes().decode("ascii")
        cigars = [letters[start:end] for start, end in zip(first[:-1].tolist(), first[1:].tolist(), strict=True)]
        rows, columns = self.at[:, _ROW], self.at[:, _COLUMN]
        return Paths(self.score, rows, self.ends[0], columns, self.ends[1], cigars, matches, self.at[:, _STEPS])


@compiled
def _follow(
    directions, first_row, local, scores, gap_open, gap_extend, query, query_first, target, target_first, at, first,
    steps,
):  # fmt: skip
    """Follow directions back until the rows end. A local path begins where its score is used up."""
    for pair in range(len(at)):
        row, column, state, score, step = at[pair]
        while row > first_row and column > 0 and not (local and state == _CELL and score == 0):
            direction = directions[row - first_row - 1, column - 1, pair]
            if state == _CELL:
                state = direction & 3
                if state == DIAGONAL:
                    one, other = query[query_first[pair] + row - 1], target[target_first[pair] + column - 1]
                    steps[first[pair] + step] = _EQUAL if one == other else _OTHER
                    score -= scores[one, other]
                    row, column, step = row - 1, column - 1, step + 1
                    continue
            elif direction & (MORE_LEFT if state == _GAP_LEFT else MORE_ABOVE):
                score += gap_extend
            else:
                score += gap_open
                state = _CELL
                continue
            steps[first[pair] + step] = _DELETED if state == _GAP_LEFT else _INSERTED
            row, column, step = row - (state == _GAP_ABOVE), column - (state == _GAP_LEFT), step + 1
        at[pair, _ROW], at[pair, _COLUMN], at[pair, _STATE], at[pair, _SCORE] = row, column, state, score
        at[pair, _STEPS] = step


@compiled
def _follow_border(at, first, steps):
    """Follow the border to the corner."""
    for pair in range(len(at)):
        while at[pair, _ROW] > 0 or at[pair, _COLUMN] > 0:
            inserted = at[pair, _ROW] > 0
            steps[first[pair] + at[pair, _STEPS]] = _INSERTED if inserted else _DELETED
            at[pair, _ROW if inserted else _COLUMN] -= 1
            at[pair, _STEPS] += 1


@compiled
def _cigars(at, first, steps):
    """Return all CIGARs as ASCII one after the other, where each begins, and the matches of each."""
    text = np.empty(2 * len(steps) + 24, dtype=np.uint8)  # a run of k steps takes at most 2 k letters
    starts, matches, size = np.zeros(len(at) + 1, dtype=np.int64), np.zeros(len(at), dtype=np.int64), 0
    for pair in range(len(at)):
        step = at[pair, _STEPS] - 1
        while step >= 0:
            kind, run = steps[first[pair] + step], 0
            while step >= 0 and steps[first[pair] + step] == kind:
                run, step = run + 1, step - 1
            matches[pair] += run if kind == _EQUAL else 0
            size = _write_run(text, size, run, kind)
        starts[pair + 1] = size
    return text[:size], starts, matches


@compiled
def _write_run(text, size, run, kind):
    """Write a run, such as 12=, and return where the next one goes."""
    end, rest = size, run
    while rest > 0:
        end, rest = end + 1, rest // 10
    for place in range(end - 1, size - 1, -1):
        text[place], run = 48 + run % 10, run // 10
    text[end] = kind
    return end + 1
