"""What all tests share: one compute thread, and a data cache of their own."""

import os
import tempfile

import pytest

_CACHE: pytest.StashKey["tempfile.TemporaryDirectory[str]"] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    # Before torch is imported. Many small products on two threads are slower than on one, and browser tests run beside.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # The person's own cache is neither used nor filled, so that the tests see what a fresh machine sees.
    config.stash[_CACHE] = tempfile.TemporaryDirectory(prefix="genolab-cache-")
    os.environ["GENOLAB_CACHE"] = config.stash[_CACHE].name


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_CACHE].cleanup()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Notebooks compute for minutes while browser tests mostly wait: each worker, whose tests stand together here,
    # begins with its share of the notebooks, so that none of them is left for the end.
    n_workers = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    long = [item for item in items if item.name.startswith("test_a_notebook_runs")]
    rest = [item for item in items if item not in long]
    size = len(items) // n_workers
    items.clear()
    for worker in range(n_workers):
        own = long[worker::n_workers]
        end = size - len(own) if worker < n_workers - 1 else len(rest)
        items += own + rest[:end]
        rest = rest[end:]
