"""Align pairs of sequences on the CPU or a GPU."""

from collections.abc import Iterable
from typing import Final, Literal

import numpy as np

from genolab.align.result import Alignments
from genolab.align.scoring import Scoring
from genolab.align.sequences import GLOBAL, MODES, Integers, Job, Mode, read_pairs, texts
from genolab.align.trace import Paths, in_order, scores_only
from genolab.checks import check_one_of

Backend = Literal["auto", "numba", "torch", "triton"]
BACKENDS: Final = ("auto", "numba", "torch", "triton")


def align(
    queries: str | Iterable[str],
    targets: str | Iterable[str],
    *,
    mode: Mode = "global",
    scoring: Scoring | None = None,
    traceback: bool = True,
    backend: Backend = "auto",
    device: str | None = None,
) -> Alignments:
    """Align queries with targets, pair by pair, at the best score that there is.

    Parameters
    ----------
    queries, targets
        As many of one as of the other; a single text is aligned with all of the other side. Lower case (soft masking)
        is the same as upper case.
    mode
        ``"global"``: both from end to end (Needleman & Wunsch). ``"local"``: the best parts of both (Smith &
        Waterman). ``"semiglobal"``: gaps at either end of either sequence are free, as for reads that overlap, but
        both sequences take part, so that the score may be negative.
    scoring
        By default DNA: match 2, mismatch -3, gaps 5 and 2 for each further base.
    traceback
        Whether paths are wanted; scores alone take a fraction of the time.
    backend
        ``"numba"`` on the processor, ``"torch"`` on any device (the readable reference), ``"triton"`` on an NVIDIA
        GPU. ``"auto"`` is triton if `device` is a GPU, else numba. All give the same alignments.
    device
        For torch and triton, such as ``"cuda"``; by default the processor for torch, ``"cuda"`` for triton.

    Returns
    -------
    Alignments
        Of equal scores, the alignment that ends first in the query, then in the target; on the way back from there,
        aligned letters before gaps.

    Notes
    -----
    Empty sequences are legal: a global alignment with one is a single gap; a local or semi-global one has no
    columns and scores 0. Scores never saturate: they are 16 bits wide where every number that can come up fits,
    else 32.

    Directions, of which paths are made, take up to 128 MB on the processor; pairs that would need more are aligned one
    by one, in about ``m * n / 32 + 300 * n`` bytes for m and n letters. torch and triton hold 256 MB and 1 GB of them;
    a single pair that needs more is aligned on the processor.

    Examples
    --------
    >>> alignments = align("ACGTTACG", "ACGTACG")
    >>> int(alignments.score[0]), alignments.cigar[0]
    (9, '3=1I4=')
    """
    queries, targets = texts(queries, "query"), texts(targets, "target")
    scoring = Scoring() if scoring is None else scoring
    _check(mode, backend, scoring)
    pairs = read_pairs(queries, targets, scoring)
    paths = _solve(Job(*pairs, MODES.index(mode), scoring, traceback), backend, device)
    n = len(paths.score)
    with np.errstate(invalid="ignore", divide="ignore"):
        identity = np.where(paths.columns > 0, paths.matches / paths.columns, np.nan)
    query_texts, target_texts = ([some] * n if isinstance(some, str) else some for some in (queries, targets))
    return Alignments(*paths[:6], identity, query_texts, target_texts)


def _check(mode: str, backend: str, scoring: object) -> None:
    check_one_of("mode", mode, MODES)
    check_one_of("backend", backend, BACKENDS)
    if not isinstance(scoring, Scoring):
        raise TypeError(
            f"scoring is a gl.align.Scoring, such as Scoring(matrix='blosum62', gap_open=11, gap_extend=1), "
            f"got {scoring!r}"
        )


def _solve(job: Job, backend: Backend, device: str | None) -> Paths:
    """Align pairs with an empty sequence here, and the others by a back end."""
    full = (job.queries.length > 0) & (job.targets.length > 0)
    empty, others = np.flatnonzero(~full), np.flatnonzero(full)
    parts = [_align_empty(job.take(empty)), _run_backend(job.take(others), backend, device)]
    return in_order(np.concatenate([empty, others]), parts, len(full))


def _run_backend(job: Job, backend: Backend, device: str | None) -> Paths:
    """Align pairs by a back end; each loads when it is first used."""
    on_gpu = device is not None and device.startswith("cuda")
    chosen = ("triton" if on_gpu else "numba") if backend == "auto" else backend
    if chosen == "numba":
        from genolab.align.cpu import solve

        if device not in {None, "cpu"}:
            raise ValueError(f"numba computes on the processor, but the device wanted is {device!r}; take torch there")
        return solve(job)
    if chosen == "torch":
        from genolab.align.torch_backend import solve_torch

        return solve_torch(job, device)
    from genolab.align.triton_backend import solve_triton

    return solve_triton(job, device)


def _align_empty(job: Job) -> Paths:
    """Align pairs of which one sequence, at least, is empty: a gap, or nothing at all."""
    m, n = job.queries.length, job.targets.length
    gap = (m + n) * (job.mode == GLOBAL)
    score: Integers = np.where(gap > 0, -(job.scoring.gap_open + (gap - 1) * job.scoring.gap_extend), 0)
    if not job.trace:
        return scores_only(score)
    zero = np.zeros_like(gap)
    ends = (m, n) if job.mode == GLOBAL else (zero, zero)
    cigars = [f"{size}{'I' if query else 'D'}" if size else "" for size, query in zip(gap, m, strict=True)]
    return Paths(score, zero, ends[0], zero, ends[1], cigars, zero, gap)
