"""Silence for what anndata warns of and a user can't change."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ignore_anndata_warnings() -> Iterator[None]:
    """Hide what anndata says of old formats, which are read, and of repeated names, which `read` says for all."""
    with warnings.catch_warnings():
        for category in (FutureWarning, PendingDeprecationWarning):
            warnings.simplefilter("ignore", category=category)
        warnings.filterwarnings("ignore", message=".*names are not unique")
        warnings.filterwarnings("ignore", message="Suffix used .* to deduplicate")
        yield
