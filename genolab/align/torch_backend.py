"""The readable reference: Gotoh's recurrences in plain torch, on any device, anti-diagonal by anti-diagonal.

The cells of an anti-diagonal don't depend on each other. Each tensor holds one of them for all pairs, ``(m + 1, n
pairs)``: row i is the cell in row i of the matrix, whichever column that is. Ends and ties are as in `lanes`.
"""

from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from genolab.align.batches import Filled, device_of, solve
from genolab.align.lanes import ABOVE, DIAGONAL, LEFT, MORE_ABOVE, MORE_LEFT
from genolab.align.sequences import GLOBAL, LOCAL, SEMIGLOBAL, Job, Sequences
from genolab.align.trace import Paths

MEMORY: Final = 256_000_000  # bytes of directions that a batch may hold
_LOWEST: Final = -(2**31)


class _Diagonal(NamedTuple):
    """One anti-diagonal: its values, and those of gaps that go on to the right of its cells, or below them."""

    value: Tensor
    right: Tensor
    below: Tensor


class _Best(NamedTuple):
    """Of every row, the best value so far, and the first column where it is."""

    value: Tensor
    column: Tensor


def solve_torch(job: Job, device: str | None) -> Paths:
    """Align all pairs of a job on a device; the processor by default."""
    where = device_of(device or "cpu")
    try:
        torch.empty(0, device=where)
    except (AssertionError, RuntimeError) as error:  # torch without CUDA asserts
        raise ValueError(
            f"the device must be there, but {device!r} isn't: take device='cpu' ({str(error).splitlines()[0]})"
        ) from None
    return solve(job, lambda some: _fill(some, where), MEMORY)


@torch.no_grad()
def _fill(job: Job, device: torch.device) -> Filled:
    table = job.scoring.table
    query, target = (_interleaved(some, table.pad, device) for some in (job.queries, job.targets))  # (m, b), (n, b)
    scores = torch.from_numpy(table.scores).to(device)
    m, n, b = len(query), len(target), query.shape[1]
    before, last = _border(job, 0, m, b, device), _border(job, 1, m, b, device)
    best = _Best(torch.full_like(last.value, _LOWEST), torch.zeros_like(last.value))
    if job.mode == LOCAL:
        best.value[0] = 0  # nothing at all, at the corner
    directions = torch.empty((m, n, b) if job.trace else 0, dtype=torch.uint8, device=device)
    for diagonal in range(2, m + n + 1):
        rows = torch.arange(max(1, diagonal - n), min(m, diagonal - 1) + 1, device=device)
        pair_scores = scores[query[rows - 1].long(), target[diagonal - rows - 1].long()]
        new = _border(job, diagonal, m, b, device)
        direction = _step(job, before, last, new, rows=rows, pair_scores=pair_scores)
        if job.trace:
            directions[rows - 1, diagonal - rows - 1] = direction
        _keep_best(job, new.value[rows], rows, diagonal - rows, best)
        before, last = last, new
    row = best.value.argmax(dim=0)  # the first of equals
    score, column = best.value.gather(0, row[None])[0], best.column.gather(0, row[None])[0]
    ends = torch.stack([row, column]).cpu().numpy().astype(np.int64)
    return Filled(score.cpu().numpy().astype(np.int64), ends, directions.cpu().numpy() if job.trace else None)


def _interleaved(sequences: Sequences, pad: int, device: torch.device) -> Tensor:
    codes = np.full((int(sequences.length.max()), len(sequences.length)), pad, dtype=np.uint8)
    for pair, (first, length) in enumerate(zip(sequences.first, sequences.length, strict=True)):
        codes[:length, pair] = sequences.codes[first : first + length]
    return torch.from_numpy(codes).to(device)


def _border(job: Job, diagonal: int, m: int, pairs: int, device: torch.device) -> _Diagonal:
    """Return an anti-diagonal that has only the border, above the first row and before the first column."""
    scoring = job.scoring
    gap = scoring.gap_open + (diagonal - 1) * scoring.gap_extend
    value = torch.full((m + 1, pairs), -gap if job.mode == GLOBAL and diagonal > 0 else 0, device=device).int()
    return _Diagonal(value, value - scoring.gap_open, value - scoring.gap_open)


def _step(job: Job, before: _Diagonal, last: _Diagonal, new: _Diagonal, *, rows: Tensor, pair_scores: Tensor) -> Tensor:
    """Fill the cells of the new anti-diagonal in these rows, and return where their values come from."""
    scoring = job.scoring
    diagonal, left, above = before.value[rows - 1] + pair_scores, last.right[rows], last.below[rows - 1]
    value, direction = diagonal, torch.full_like(diagonal, DIAGONAL)
    direction = torch.where(left > value, LEFT, direction)
    value = torch.maximum(left, value)
    direction = torch.where(above > value, ABOVE, direction)
    value = torch.maximum(above, value)
    if job.mode == LOCAL:
        value = value.clamp(min=0)
    opened, left, above = value - scoring.gap_open, left - scoring.gap_extend, above - scoring.gap_extend
    direction = direction + MORE_LEFT * (left > opened) + MORE_ABOVE * (above > opened)
    for whole, part in zip(new, (value, torch.maximum(opened, left), torch.maximum(opened, above)), strict=True):
        whole[rows] = part
    return direction.to(torch.uint8)


def _keep_best(job: Job, value: Tensor, rows: Tensor, columns: Tensor, best: _Best) -> None:
    """Keep each row's best value of those where an alignment may end, and the first column where it is."""
    m, n = (torch.from_numpy(some.length).to(value.device) for some in (job.queries, job.targets))
    row, column = rows[:, None], columns[:, None]
    allowed = (row <= m) & (column <= n)
    if job.mode == GLOBAL:
        allowed = (row == m) & (column == n)
    elif job.mode == SEMIGLOBAL:
        allowed &= (row == m) | (column == n)
    better = allowed & (value > best.value[rows])
    best.value[rows] = torch.where(better, value, best.value[rows])
    best.column[rows] = torch.where(better, column.int(), best.column[rows])
