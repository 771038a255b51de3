"""What all tests share: one compute thread, a data cache of their own, and a file for the figures that they measure."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

RESULTS = Path(__file__).parent / "RESULTS.json"
Figures = dict[str, float]

_FIGURES: pytest.StashKey[Figures] = pytest.StashKey()
_CACHE: pytest.StashKey["tempfile.TemporaryDirectory[str]"] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    # Before torch is imported. Many small products on two threads are slower than on one, and browser tests run beside.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # The person's own cache is neither used nor filled, so that the tests see what a fresh machine sees.
    config.stash[_CACHE] = tempfile.TemporaryDirectory(prefix="genolab-cache-")
    os.environ["GENOLAB_CACHE"] = config.stash[_CACHE].name


def pytest_unconfigure(config: pytest.Config) -> None:
    if figures := config.stash.get(_FIGURES, None):
        RESULTS.write_text(json.dumps(dict(sorted(figures.items())), indent=2) + "\n", encoding="utf-8")
    config.stash[_CACHE].cleanup()


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str, float], None]:
    """Keep a measured figure under a key; RESULTS.json has all of them when the tests end."""

    def keep(key: str, value: float) -> None:
        request.config.stash.setdefault(_FIGURES, {})[key] = round(value, 4)

    return keep
