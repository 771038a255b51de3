"""What all tests share: one compute thread, a data cache of their own, and a file for the figures that they measure."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
Figures = dict[str, float]

_CACHE: pytest.StashKey["tempfile.TemporaryDirectory[str]"] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    # Before torch is imported. Many small products on two threads are slower than on one, and browser tests run beside.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # The person's own cache is neither used nor filled, so that the tests see what a fresh machine sees.
    config.stash[_CACHE] = tempfile.TemporaryDirectory(prefix="genolab-cache-")
    os.environ["GENOLAB_CACHE"] = config.stash[_CACHE].name
    if not hasattr(config, "workerinput"):  # a worker's reports come to the main process, which alone writes
        config.pluginmanager.register(_Figures())


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_CACHE].cleanup()


class _Figures:
    """Writes the figures that tests keep, also from worker processes, beside those of earlier runs."""

    def __init__(self) -> None:
        self.found: dict[Path, Figures] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            for key, value in report.user_properties:
                folder = HERE / "browser" if "browser" in Path(report.nodeid).parts else HERE
                self.found.setdefault(folder / "RESULTS.json", {})[key] = value

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        for path, figures in self.found.items():
            before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            path.write_text(json.dumps(dict(sorted((before | figures).items())), indent=2) + "\n", encoding="utf-8")


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str, float], None]:
    """Keep a measured figure under a key; RESULTS.json, here or in browser/, has them when the tests end."""

    def keep(key: str, value: float) -> None:
        request.node.user_properties.append((key, round(value, 4)))

    return keep
