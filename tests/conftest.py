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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The longest first: they compute while browser tests wait, and none is left for the end.
    items.sort(key=lambda item: "notebooks" not in item.path.parts)
