"""The back end for NVIDIA GPUs: one fused Triton kernel, one program a pair, the wavefront on the chip.

A program lays `LANES` rows of the matrix across its threads. Each row is one column behind the row above it, so that
all cells of a step lie on an anti-diagonal and none waits for another; a row hands its values to the row below through
the chip's own exchange (`tl.gather`). Only the last of these rows goes to memory, for the strip of rows that follows.
Ends and ties are as in `lanes`, and so are the directions, which the same function reads.
"""

import importlib.util
import os
from contextlib import nullcontext
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from genolab.align.batches import Filled, device_of, solve
from genolab.align.sequences import Job
from genolab.align.trace import Paths

MEMORY: Final = 1_000_000_000  # bytes of directions that a batch may hold
LANES: Final = 128  # rows in the air: four a thread of one warp, so that no warp waits for another


def solve_triton(job: Job, device: str | None) -> Paths:
    """Align all pairs of a job on an NVIDIA GPU."""
    where = device_of(device or "cuda")
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"  # Triton's own way to run kernels on the processor
    if importlib.util.find_spec("triton") is None:
        raise ValueError("the triton back end needs Triton, which comes with torch for CUDA; take numba or torch here")
    if not interpreted and (where.type != "cuda" or not torch.cuda.is_available()):
        raise ValueError(
            f"the triton back end needs an NVIDIA GPU, but the device is {where} and CUDA is "
            f"{'there' if torch.cuda.is_available() else 'not there'}; take numba or torch here"
        )
    where = torch.device("cpu") if interpreted else where
    codes = [_on(some.codes, where) for some in job[:2]]  # once: every batch is of the same sequences
    return solve(job, lambda some: _fill(some, codes, where), MEMORY)


def _fill(job: Job, codes: list[torch.Tensor], device: torch.device) -> Filled:
    from genolab.align.triton_kernel import fill

    scoring, table, pairs = job.scoring, job.scoring.table, len(job.queries.length)
    query, target = (
        (letters, _on(some.first, device), _on(some.length, device))
        for letters, some in zip(codes, job[:2], strict=True)
    )
    rows, columns = int(job.queries.length.max()), int(job.targets.length.max())
    carried = torch.empty((pairs, 2, columns), dtype=torch.int32, device=device)
    best = torch.empty((3, pairs), dtype=torch.int32, device=device)
    directions = torch.empty((pairs, rows, columns) if job.trace else (0, 0, 0), dtype=torch.uint8, device=device)
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        fill[pairs,](
            *query, *target, _on(table.scores, device), carried, best, directions, pairs, rows, columns,
            scoring.match, scoring.mismatch, scoring.gap_open, scoring.gap_extend, len(table.scores), PLAIN=table.plain,
            MODE=job.mode, TRACE=job.trace, LANES=LANES, num_warps=1,
        )  # fmt: skip
    score, *ends = best.cpu().numpy().astype(np.int64)
    by_cell = directions.permute(1, 2, 0).contiguous().cpu().numpy() if job.trace else None
    return Filled(score, np.stack(ends), by_cell)


def _on(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)
