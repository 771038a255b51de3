"""Measure, run all notebooks and all tests on one device, in six minutes at most: see run.sh."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pandas as pd
import torch

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
LIMIT: Final = 350  # seconds
MEASURED: Final = 0.55  # of the time, by when the figures are to be there
# The longest first. The others take their turn as these end.
ORDER: Final = ("09", "04", "10", "05", "02", "08", "07", "03", "06", "01", "00")
PATHS: Final = sorted((ROOT / "notebooks").glob("*.ipynb"), key=lambda path: ORDER.index(path.name[:2]))


class Job:
    """A command whose output goes to a file; what isn't done in time is ended."""

    def __init__(self, name: str, *command: str, environment: dict[str, str]) -> None:
        self.name, self.began = name, time.monotonic()
        self.path = ROOT / "build" / "gpu" / f"{name}.txt"
        self.log = self.path.with_suffix(".log")
        with self.path.open("w") as output, self.log.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environment, stdout=output, stderr=errors
            )

    def wait(self, until: float) -> bool:
        """Return whether it came to its end by then; else end it."""
        try:
            self.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        return True

    def reports(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines() if line.startswith("{")]

    def last_words(self) -> str:
        return "\n".join((self.path.read_text() + self.log.read_text()).strip().splitlines()[-15:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda (default), or cpu, to try the script itself")
    parser.add_argument("--cut", action="store_true", help="small sizes: nothing is measured that means anything")
    parser.add_argument("--whole", action="store_true", help="notebooks with all their epochs: takes longer")
    parser.add_argument("--notebooks", default="0,1", help="what the names of those to run begin with: 07,09")
    parser.add_argument("--limit", type=int, default=LIMIT, help="seconds in all")
    options = parser.parse_args()
    if options.device != "cpu" and not torch.cuda.is_available():
        sys.exit("there is no GPU here: tests/gpu/run.sh --device cpu --cut shows that the script works")
    results = everything(options)
    target = Path(os.environ.get("OUT", ROOT)) / "RESULTS-gpu.json"
    target.write_text(json.dumps(results, indent=1) + "\n")
    show(results)
    sys.exit(int(bool(results["failed"])))


def everything(options: argparse.Namespace) -> dict[str, Any]:
    """First the figures, alone on the machine; then notebooks and tests side by side."""
    (ROOT / "build" / "gpu").mkdir(parents=True, exist_ok=True)
    device, began = options.device, time.monotonic()
    until = began + options.limit
    one_thread = os.environ | {"OMP_NUM_THREADS": "1", "GENOLAB_DEVICE": device}
    card = "none, on the CPU" if device == "cpu" else torch.cuda.get_device_name()
    results: dict[str, Any] = {"card": card, "torch": torch.__version__, "cut": options.cut, "failed": []}
    sizes = ["--cut"] * options.cut
    measure = Job("measure", str(HERE / "measure.py"), device, *sizes, environment=dict(os.environ))
    done = measure.wait(began + MEASURED * options.limit)
    results["figures"] = measure.reports()
    if not done or measure.process.returncode:
        results["failed"].append(f"measure, after {len(results['figures'])} parts: {measure.last_words()}")
    tests = Job("tests", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE),
                environment=one_thread | {"GENOLAB_TEST_DEVICE": device})  # fmt: skip
    paths = [path for path in PATHS if path.name.startswith(tuple(options.notebooks.split(",")))]
    length = ["--whole"] * options.whole
    results["notebooks"] = run_notebooks(paths, length, one_thread, until - 5)
    results["failed"] += [f"{one['notebook']}: {one['failed']}" for one in results["notebooks"] if "failed" in one]
    if not tests.wait(until) or tests.process.returncode:
        results["failed"].append(f"tests: {tests.last_words()}")
    results["tests"] = tests.last_words().splitlines()[-1:]
    results["seconds"] = round(time.monotonic() - began)
    return results


def run_notebooks(
    paths: list[Path], options: list[str], environment: dict[str, str], until: float
) -> list[dict[str, Any]]:
    """Run notebooks, as many at a time as there are cores but two."""
    waiting, running, reports = list(paths), [], []
    while waiting or running:
        while waiting and len(running) < max(1, (os.cpu_count() or 2) - 2):
            path = waiting.pop(0)
            running.append(Job(path.stem, str(HERE / "notebook.py"), str(path), *options, environment=environment))
        time.sleep(0.2)
        late = time.monotonic() > until
        for job in [job for job in running if late or job.process.poll() is not None]:
            running.remove(job)
            in_time = job.wait(0)
            report = next(iter(job.reports()), {"notebook": job.name, "failed": job.last_words()})
            reports.append(report if in_time else {"notebook": job.name, "failed": "not done in time"})
        if late:
            reports += [{"notebook": path.stem, "failed": "there was no time for it"} for path in waiting]
            waiting = []
    return reports


def show(results: dict[str, Any]) -> None:
    print(f"{results['card']}, torch {results['torch']}, {results['seconds']} s" + ", CUT" * results["cut"])
    for table in ("figures", "notebooks"):
        print("\n" + pd.DataFrame(results[table]).fillna("").to_string(index=False))
    print("\n" + "\n".join(results["tests"]))
    for failure in results["failed"]:
        print(f"\nFAILED {failure}")


if __name__ == "__main__":
    main()
