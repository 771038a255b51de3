"""Files that may be packed with gzip or bgzip: known by their first bytes, whatever they are called."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

_MAGIC = b"\x1f\x8b"


def is_gzipped(path: Path) -> bool:
    """Tell whether a file is packed with gzip."""
    with path.open("rb") as opened:
        return opened.read(2) == _MAGIC


@contextmanager
def open_unpacked(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading its bytes, unpacked; what can't be unpacked is a `ValueError`."""
    try:
        with gzip.open(path, "rb") if is_gzipped(path) else path.open("rb") as opened:
            yield cast("BinaryIO", opened)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path} can't be unpacked ({error}): it was cut short or damaged; fetch or copy it again"
        ) from error


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a file for reading its text, unpacked, line ends as they are; errors as of `open_unpacked`."""
    with open_unpacked(path) as opened:  # -sig: Excel begins its files with a byte-order mark
        yield io.TextIOWrapper(opened, encoding="utf-8-sig", newline="")


def read_unpacked(path: Path) -> bytes:
    """Return the content of a file, unpacked; errors as of `open_unpacked`."""
    with open_unpacked(path) as opened:
        return opened.read()
