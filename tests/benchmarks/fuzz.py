"""Broken files of every kind that genolab reads: each is read, or refused in genolab's own words.

    .venv/bin/python tests/benchmarks/fuzz.py [--quick] [--seed 0] [--reader NAME [--mutant NUMBER]]

A mutant is a small real file that was cut, doubled, flipped in bytes, given other line ends, encodings or separators,
huge fields, absurd shapes and indices ... (see `mutants.py`). A number and the seed make it again: with `--mutant` one
alone is read, and all of its error is shown. Each is read in a process of its own that has 1.5 GB of memory and 5 s of
the processor.

read     it gave something; of these
  empty    nothing was in it, though the file has lines of data
  other    the mutant means what the file meant (line ends, a byte order mark, gzip ...), and was read otherwise
refused  a ValueError, KeyError, OSError, TypeError, ImportError or NotImplementedError that a `raise` of genolab raised
         and that names the file
foreign  any other error: another package's, or one that doesn't name the file
crashed  the process died, or ran out of its time

Times are those of the processor, so that a busy machine does no harm. At last a GTF of 3 million lines, as many as the
human one has, is made from the shipped yeast genes and read. The last line is JSON.
"""

import argparse
import contextlib
import gzip
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import unittest.mock
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.mutants import mutate
from benchmarks.readers import READERS, Reader, gene_block

import genolab

PACKAGE = str(Path(genolab.__file__).parent)
OWN = (ValueError, KeyError, OSError, TypeError, ImportError, NotImplementedError)
MEMORY = 1_500_000_000  # bytes that reading a small file may take
SECONDS = 5  # of the processor, after which a mutant counts as crashed
LINES = 3_000_000  # of the human GTF


class Outcome(NamedTuple):
    """What became of one mutant."""

    number: int
    kind: str  # read, empty, other, refused, foreign, crashed
    what: str  # how the file was changed
    detail: str = ""  # the error, and where it was raised
    seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="200 mutants a reader, not 2,000")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", choices=tuple(READERS))
    parser.add_argument("--mutant", type=int, help="one alone, with its whole error")
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--gtf", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.gtf:
        print(json.dumps(read_gtf(options.gtf)))
    elif options.mutant is not None:
        show(options.reader, options.seed, options.mutant)
    elif options.worker:
        for outcome in outcomes(options.reader, options.seed, options.count):
            print(json.dumps(outcome), flush=True)
    else:
        names = [options.reader] if options.reader else list(READERS)
        figures = fuzz(names, options.seed, options.count or (200 if options.quick else 2_000))
        print(json.dumps(figures | ({} if options.reader else human_gtf())))


# ---- one mutant ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def seeded(name: str) -> Iterator[tuple[Reader, list[Path], Path]]:
    """Make a reader's good files, each in a folder of its own, and a folder for their mutants."""
    with tempfile.TemporaryDirectory() as home, unittest.mock.patch.dict(os.environ, GENOLAB_CACHE=f"{home}/cache"):
        targets = READERS[name].make(Path(home) / "seeds")
        yield READERS[name], targets, Path(home)


def mutant(name: str, seed: int, number: int, targets: list[Path], home: Path) -> tuple[Path, Path, Any]:
    """Write a mutant; return the good file, its mutant, and what was changed."""
    import random

    chance = random.Random(f"{seed}/{name}/{number}")
    good = chance.choice(targets)
    folder = home / "mutants" / str(number)
    shutil.copytree(good.parent, folder)
    return good, folder / good.name, mutate(folder, chance)


def judge(reader: Reader, good: Path, path: Path, change: Any) -> tuple[str, str]:
    """Read a mutant and return what became of it, and its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            observed = reader.read(path)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
            return classify(error, good.parent)
        if change.same and observed != (expected := reader.read(good)):
            return "other", f"{expected} became {observed}"
    return ("empty", "") if observed[0] == 0 and has_data(path) else ("read", "")


def classify(error: Exception, folder: Path) -> tuple[str, str]:
    """Tell an error of genolab's own, which names a file of the folder, from another's."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    names = {path.name for path in folder.rglob("*")}
    raised = last.filename.startswith(PACKAGE) and (last.line or "").startswith("raise ")
    own = raised and isinstance(error, OWN) and any(name in str(error) for name in names)
    within = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(PACKAGE)]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in [last, *within[::-1]][:3])
    return "refused" if own else "foreign", f"{type(error).__name__}: {str(error)[:150]!r} at {places}"


def has_data(path: Path) -> bool:
    """Return whether a file has a line that is no comment; a folder or a binary file counts as having one."""
    if path.is_dir():
        return True
    content = path.read_bytes()
    with contextlib.suppress(OSError, EOFError, zlib.error):
        content = gzip.decompress(content)
    return any(line.strip(b"\0 \t\r\n;,") and line[:1] not in b"#!" for line in content.splitlines()[1:])


def show(name: str, seed: int, number: int) -> None:
    with seeded(name) as (reader, targets, home):
        good, path, change = mutant(name, seed, number, targets, home)
        kept = Path(tempfile.mkdtemp(prefix=f"{name}-{number}-")) / good.parent.name
        shutil.copytree(path.parent, kept)
        print(f"{kept / path.name}: {change.what}")
        print(*judge(reader, good, path, change))
        print(reader.read(path))


# ---- many of them -------------------------------------------------------------------------------------------------


def outcomes(name: str, seed: int, count: int) -> Iterator[Outcome]:
    """Read each mutant in a child of this process, which has imported and compiled all that the reader needs."""
    with seeded(name) as (reader, targets, home):
        for good in targets:
            try:
                reader.read(good)
            except ImportError as error:
                print(f"{name}: {error}")
                return
        for number in range(count):
            yield in_child(reader, name, seed, number, targets, home)
            shutil.rmtree(home / "mutants", ignore_errors=True)


def in_child(reader: Reader, name: str, seed: int, number: int, targets: list[Path], home: Path) -> Outcome:
    good, path, change = mutant(name, seed, number, targets, home)
    receive, send = os.pipe()
    if (child := os.fork()) == 0:
        with contextlib.suppress(BaseException):
            limit = resident() + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            signal.setitimer(signal.ITIMER_PROF, SECONDS)  # no handler: it ends the process, whatever that is doing
            signal.alarm(60 * SECONDS)  # should it wait without working
            os.write(send, json.dumps(judge(reader, good, path, change)).encode())
            os._exit(0)
        os._exit(99)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        answer = pipe.read()
    _, status, usage = os.wait4(child, 0)
    kind, detail = json.loads(answer) if status == 0 else ("crashed", f"ended with {ending(status)}")
    return Outcome(number, kind, change.what, detail, usage.ru_utime + usage.ru_stime)


def resident() -> int:
    """Return the bytes of address space that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def ending(status: int) -> str:
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"status {status >> 8}"


def fuzz(names: list[str], seed: int, count: int) -> dict[str, Any]:
    """Run two workers at a time, print a line a reader and each distinct fault, and return the figures."""
    kinds = ("read", "empty", "other", "refused", "foreign", "crashed")
    print(f"{'reader':<16}" + "".join(f"{kind:>9}" for kind in kinds) + f"{'slowest, s':>12}", flush=True)
    total: Counter[str] = Counter()
    slowest = 0.0
    with ThreadPoolExecutor(2) as pool:
        jobs = {name: pool.submit(run_worker, name, seed, count) for name in names}
        for name, job in jobs.items():
            if not (found := job.result()):
                continue
            counts = Counter(outcome.kind for outcome in found)
            counts["crashed"] += count - len(found)  # the worker itself died
            last = max(found, key=lambda outcome: outcome.seconds)
            slowest = max(slowest, last.seconds)
            total += counts
            counts["read"] += counts["empty"] + counts["other"]
            print(f"{name:<16}" + "".join(f"{counts[kind]:>9,}" for kind in kinds) + f"{last.seconds:>12.2f}")
            faults(found)
            if last.seconds > 1:
                print(f"    slow: {last.seconds:.1f} s, mutant {last.number} ({last.what})")
            sys.stdout.flush()
    return {
        "fuzz_foreign": total["foreign"],
        "fuzz_crashes": total["crashed"],
        "fuzz_slowest_s": round(slowest, 2),
    }


def faults(found: list[Outcome]) -> None:
    """Print what went wrong, each kind once, with how often and the first mutant that shows it."""
    first: dict[str, Outcome] = {}
    often: Counter[str] = Counter()
    for outcome in found:
        if outcome.kind in ("read", "refused"):
            continue
        key = f"{outcome.kind} {outcome.what.partition(':')[0]}"
        if outcome.kind == "foreign":
            key = f"{outcome.detail.partition(':')[0]} {outcome.detail.rpartition(' at ')[2]}"
        first.setdefault(key, outcome)
        often[key] += 1
    for key, outcome in first.items():
        print(f"    {often[key]} {outcome.kind}: mutant {outcome.number} ({outcome.what}) {outcome.detail}")


def run_worker(name: str, seed: int, count: int) -> list[Outcome]:
    command = [sys.executable, __file__, "--worker", "--reader", name, "--seed", str(seed), "--count", str(count)]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=one_thread)
    found = [Outcome(*json.loads(line)) for line in done.stdout.splitlines() if line.startswith("[")]
    if done.stdout and not found:
        print(f"left out: {done.stdout.strip()}")
    elif not found:
        raise SystemExit(f"the worker of {name} didn't start:\n{done.stderr[-2_000:]}")
    return found


# ---- a large file -------------------------------------------------------------------------------------------------


def human_gtf() -> dict[str, float]:
    """Read a GTF of as many lines as the human one in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "human_sized.gtf"
        write_gtf(path)
        size = path.stat().st_size / 1e9
        done = subprocess.run([sys.executable, __file__, "--gtf", path], stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    print(f"a GTF of {LINES:,} lines, {size:.2f} GB: {figures['gtf_seconds']} s, peak {figures['gtf_peak_gb']} GB")
    return figures


def write_gtf(path: Path) -> None:
    """Write the genes of yeast again and again, further along chromosomes, under names of their own."""
    from genolab.paths import shipped
    from genolab.sequences.regions import read_regions

    genes = read_regions(shipped("data") / "yeast_chr1_2.gff3.gz").regions
    genes = genes[genes["kind"] == "gene"]
    spans = list(
        zip(genes.index, genes["start"], genes["end"], genes["strand"].astype(str).replace(".", "+"), strict=True)
    )
    written = copy = 0
    with path.open("w", encoding="utf-8") as opened:
        while written < LINES:
            for name, start, end, strand in spans:
                block = gene_block(f"{name}.{copy}", start + copy % 100 * 1_000_000, end - start, strand, copy % 25)
                opened.writelines(block[: LINES - written])
                written = min(LINES, written + len(block))
            copy += 1


def read_gtf(path: Path) -> dict[str, float]:
    start = time.perf_counter()
    adata = genolab.data.read(path)
    seconds = time.perf_counter() - start
    assert adata.n_obs == LINES
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"gtf_seconds": round(seconds, 1), "gtf_peak_gb": round(peak, 2)}


if __name__ == "__main__":
    main()
