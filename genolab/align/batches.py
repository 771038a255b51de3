"""What the back ends for devices share: pairs in batches whose directions fit into memory."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from genolab.align import cpu
from genolab.align.sequences import Integers, Job, packs
from genolab.align.trace import Paths, Traceback, in_order, scores_only
from genolab.waiting import bar


class Filled(NamedTuple):
    """The filled matrices of a batch."""

    score: Integers  # (n,)
    ends: Integers  # (2, n): row and column where each path ends, counted from 1
    directions: NDArray[np.uint8] | None  # (rows, columns, n); None where no paths are wanted


def device_of(name: str) -> torch.device:
    """Return a device by its name."""
    try:
        return torch.device(name)
    except (RuntimeError, TypeError):
        raise ValueError(f"device is one that torch knows, such as 'cpu', 'cuda' or 'cuda:0', got {name!r}") from None


def solve(job: Job, fill: Callable[[Job], Filled], memory: int) -> Paths:
    """Align all pairs of a job, `fill` filling their matrices.

    A pair whose directions alone are more than `memory` bytes is aligned on the processor, with the same path: there,
    directions are made again, block by block.
    """
    cells = job.queries.length * job.targets.length
    is_large = (cells > memory) & job.trace
    large, others = np.flatnonzero(is_large), np.flatnonzero(~is_large)
    order, parts = [large], [cpu.solve(job.take(large))] if len(large) else []
    rest = job.take(others)
    with bar("Aligning", len(others), unit="pairs") as shown:
        for pairs in packs(rest, _batch_size(rest, memory)):
            order.append(others[pairs])
            parts.append(_paths(rest.take(pairs), fill))
            shown.update(len(pairs))
    return in_order(np.concatenate(order), parts, len(cells))


def _batch_size(job: Job, memory: int) -> int:
    """Return how many pairs fit into memory at a time: their directions, or a few numbers a letter."""
    m, n = (int(some.length.max(initial=1)) for some in job[:2])
    return max(1, memory // (m * n if job.trace else 64 * (m + n)))


def _paths(job: Job, fill: Callable[[Job], Filled]) -> Paths:
    cpu.score_dtype(job)  # refuses what 32 bits don't hold
    filled = fill(job)
    if filled.directions is None:
        return scores_only(filled.score)
    path = Traceback(job, filled.score, filled.ends)
    path.follow(filled.directions, 0)
    return path.paths()
