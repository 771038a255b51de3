"""Alignment and the comparison of genomes measured: exact beside parasail, how fast beside it, and how right.

    .venv/bin/python tests/benchmarks/alignment.py [--quick] [--only PART]

Speeds are CPU seconds of one thread, as ratios to parasail's in the same run; of each, the median of runs by turns.
parasail computes with its striped kernels, 16 bits wide, one pair after another, its path asked for as a CIGAR.
`--quick` takes fewer pairs and fewer runs. Every part prints its table; the last line is JSON. A figure that can't be
had on a machine, such as that of a GPU where there is none, isn't in it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

import genome_comparison
import llvmlite.binding
import numpy as np
import pandas as pd
import parasail
import torch
from alignment_truth import AMINO_ACIDS, PARASAIL, SCORINGS, parasail_matrix, parasail_scores, random_pairs, rescored

import genolab as gl
from genolab.align import Scoring

CELLS = 1_000 * 500 * 500
MODES = ("local", "global", "semiglobal")
# A processor, as LLVM calls it, and what is asked of the one that runs its code.
PROCESSORS = {
    "haswell": ("avx2",),
    "skylake-avx512": ("avx512bw", "avx512vl", "avx512dq"),
    "icelake-server": ("avx512bw", "avx512vl", "avx512dq", "avx512vbmi2", "avx512vnni"),
    "znver3": ("avx2", "vaes", "clzero"),
    "host": (),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer pairs, fewer runs")
    parser.add_argument("--only", choices=tuple(PARTS), help="one part of it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, float] = {}
    for name, part in PARTS.items():
        if options.only in {None, name}:
            figures |= part(quick=options.quick)
    print(json.dumps({name: round(float(value), 4) for name, value in figures.items()}))


# ---- exactness --------------------------------------------------------------------------------------------------


def exactness(*, quick: bool) -> dict[str, float]:
    """Align random pairs of 0 to 2,000 letters in all modes and with several scorings; count what differs."""
    n = 1_000 if quick else 10_000
    kinds = [(mode, scoring) for mode in MODES for scoring in SCORINGS]
    rows = []
    for number, (mode, scoring) in enumerate(kinds):
        letters = AMINO_ACIDS if scoring.alphabet == "protein" else "ACGT"
        size = n * (number + 1) // len(kinds) - n * number // len(kinds)
        queries, targets = random_pairs(size, 2_000, letters, seed=number)
        found = gl.align.align(queries, targets, mode=mode, scoring=scoring)
        alone = gl.align.align(queries, targets, mode=mode, scoring=scoring, traceback=False)
        wanted = parasail_scores(queries, targets, mode, scoring)
        again = np.array([rescored(one, scoring) for one in found])
        wrong = [found.score != wanted, alone.score != wanted, again != wanted]
        name = scoring.matrix or f"{scoring.match} {scoring.mismatch}"
        rows.append((mode, name, size, *(int(some.sum()) for some in wrong), int(np.any(wrong, axis=0).sum())))
    columns = ["mode", "scoring", "pairs", "score", "score alone", "path's worth", "any"]
    table = pd.DataFrame(rows, columns=columns)
    print(f"\n{n:,} random pairs of 0 to 2,000 letters: how many differ from parasail (scan, 32 bits wide)")
    print(table.to_string(index=False))
    return {"score_mismatches": table["any"].sum()}


# ---- speed ------------------------------------------------------------------------------------------------------


def speed(*, quick: bool) -> dict[str, float]:
    """Align 1,000 pairs of 500 bases at 10 % divergence."""
    queries, targets = equal_pairs()
    rows = []
    for mode in MODES:
        for traceback in (False, True):
            ours, theirs = by_turns(
                lambda mode=mode, traceback=traceback: gl.align.align(queries, targets, mode=mode, traceback=traceback),
                lambda mode=mode, traceback=traceback: by_parasail(queries, targets, mode, traceback=traceback),
                3 if quick else 9,
            )
            speeds = (CELLS / ours / 1e9, CELLS / theirs / 1e9)
            rows.append((mode, "with path" if traceback else "score alone", *speeds, theirs / ours))
    table = pd.DataFrame(rows, columns=["mode", "what", "genolab, GCUPS", "parasail, GCUPS", "ratio"])
    print("\n1,000 pairs x 500 bases, one thread; GCUPS: billions of cells a second")
    print(table.round(2).to_string(index=False))
    least = table.groupby("what")["ratio"].min()
    return {"score_vs_parasail": least["score alone"], "trace_vs_parasail": least["with path"]}


def speed_by_processor(*, quick: bool) -> dict[str, float]:
    """Measure the speed of scores with code for several processors, each in a process and a cache of its own."""
    host = llvmlite.binding.get_host_cpu_features()
    figures = {}
    for target, needed in PROCESSORS.items():
        if lacking := [feature for feature in needed if not host.get(feature)]:
            print(f"\n{target} left out: this processor lacks {', '.join(lacking)}")
            continue
        chosen = {} if target == "host" else {"NUMBA_CPU_NAME": target, "NUMBA_CPU_FEATURES": ""}
        command = [sys.executable, __file__, "--only", "speed", *["--quick"][:quick]]
        with tempfile.TemporaryDirectory() as folder:
            environment = os.environ | chosen | {"NUMBA_CACHE_DIR": folder}
            printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        print(f"\ncode for {target}:\n{printed.rpartition(chr(10) + '{')[0].strip()}")
        name = f"score_vs_parasail_{target.replace('-', '_')}"
        figures[name] = json.loads(printed.splitlines()[-1])["score_vs_parasail"]
    return figures


def equal_pairs() -> tuple[list[str], list[str]]:
    random = np.random.default_rng(0)
    bases = np.frombuffer(b"ACGT", dtype=np.uint8)
    targets = random.choice(bases, (1_000, 500))
    queries = np.where(random.random(targets.shape) < 0.1, random.choice(bases, targets.shape), targets)
    return [row.tobytes().decode() for row in queries], [row.tobytes().decode() for row in targets]


def by_parasail(queries: Sequence[str], targets: Sequence[str], mode: str, *, traceback: bool) -> list[object]:
    """Align by parasail, one pair after another."""
    scoring = Scoring()
    matrix, kind = parasail_matrix(scoring), f"{PARASAIL[mode]}_{'trace_' if traceback else ''}striped_16"
    one = getattr(parasail, kind)
    found = (one(*pair, scoring.gap_open, scoring.gap_extend, matrix) for pair in zip(queries, targets, strict=True))
    return [result.cigar.decode if traceback else result.score for result in found]


def by_turns(one: Callable[[], object], other: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the median CPU seconds of two functions that run by turns, after a first run of each."""
    one(), other()
    pairs = [(seconds(one), seconds(other)) for _ in range(runs)]
    ours, theirs = zip(*pairs, strict=True)
    return statistics.median(ours), statistics.median(theirs)


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def long_pair(*, quick: bool) -> dict[str, float]:
    """Align one pair of 16,500 bases from end to end, as of mitochondria."""
    random = np.random.default_rng(0)
    bases = np.frombuffer(b"ACGT", dtype=np.uint8)
    target = random.choice(bases, 16_500)
    query = np.where(random.random(len(target)) < 0.2, random.choice(bases, len(target)), target)
    texts = query.tobytes().decode(), target.tobytes().decode()
    scoring = Scoring()
    theirs = parasail.nw_trace_striped_32
    ours, other = by_turns(
        lambda: gl.align.align(*texts),
        lambda: theirs(*texts, scoring.gap_open, scoring.gap_extend, parasail_matrix(scoring)).cigar.decode,
        1 if quick else 5,
    )
    print(f"\none pair of 16,500 bases with its path: {ours:.2f} s, parasail {other:.2f} s")
    return {"long_pair_vs_parasail": other / ours}


def gpu(*, quick: bool) -> dict[str, float]:
    """Score pairs of 2,000 bases on the GPU, if there is one: from texts to scores, copies to the GPU included."""
    if not torch.cuda.is_available():
        print("\nno GPU here: gpu_gcups isn't measured")
        return {}
    some = [[text * 4 for text in side] for side in equal_pairs()]
    queries, targets = (side * (2 if quick else 20) for side in some)
    taken = []
    for _ in range(4):
        began = time.perf_counter()
        found = gl.align.align(queries, targets, mode="local", traceback=False, device="cuda")
        taken.append(time.perf_counter() - began)
    wanted = gl.align.align(*some, mode="local", traceback=False)
    assert np.array_equal(found.score[:1_000], wanted.score)
    gcups = len(queries) * 2_000 * 2_000 / min(taken[1:]) / 1e9
    print(f"\n{len(queries):,} pairs x 2,000 bases on {torch.cuda.get_device_name()}: {gcups:.0f} GCUPS")
    return {"gpu_gcups": gcups}


PARTS = {
    "exactness": exactness,
    "speed": speed,
    "processors": speed_by_processor,
    "long": long_pair,
    "gpu": gpu,
    **genome_comparison.PARTS,
}

if __name__ == "__main__":
    main()
