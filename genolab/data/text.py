"""Text as it comes: in any of the usual encodings, and packed with gzip or bgzip, known by its first bytes.

What reads text reads it through `open_text`, or as bytes through `open_utf8`.
"""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, TextIO, cast

from genolab.checks import warn

_MAGIC: Final = b"\x1f\x8b"
_SUFFIX: Final = re.compile(r"\.(gz|gzip|bgz|bgzf)$", re.IGNORECASE)
_AT_ONCE: Final = 1 << 16  # bytes

# Byte order marks; that of UTF-16 begins that of UTF-32. Excel begins its files of UTF-8 with one, too.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNPACK: Final = "unpack it, and read what is in it"
_DOWNLOAD: Final = "its address led to a page, not to the file: download it again"
_NO_TEXT: Final = (  # first bytes, what begins with them, and what to do
    (rb"\x1f\x8b", "packed with gzip twice", "unpack it once"),
    (rb"PK\x03\x04", "an Excel workbook or a zip archive", "save the sheet as tab-separated text, or unpack it"),
    (rb"\xd0\xcf\x11\xe0", "an Excel workbook", "save the sheet as tab-separated text"),
    (rb"BZh\d1AY", "packed with bzip2", _UNPACK),
    (rb"\xfd7zXZ", "packed with xz", _UNPACK),
    (rb"\x28\xb5\x2f\xfd", "packed with zstd", _UNPACK),
    (rb"\x89HDF", "an HDF5 file", "give it the suffix .h5ad or .h5 if it is one of these"),
    (rb"PAR1", "a Parquet file", "save it as .csv"),
    (rb"%PDF-", "a PDF", "ask for the data as text"),
    (rb"BAM\x01|CRAM", "a file of aligned reads", "count them per gene first, and read that table"),
    (rb"version https://git-lfs", "a pointer of Git LFS, not the file itself", "fetch it with git lfs pull"),
    (rb"(?i)\s*<(!doctype html|html)", "a web page", _DOWNLOAD),
)
# Bytes that are no UTF-8 are decoded as these; they stand for what they are in Windows' Latin-1, but for five.
_ESCAPED: Final = re.compile("[\udc80-\udcff]")
_NO_LATIN: Final = re.compile("[\udc81\udc8d\udc8f\udc90\udc9d]")
_LATIN: Final = {0xDC00 + byte: bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0x100)}
_WORD: Final = re.compile(r"[^\s;,\"]{0,20}[\udc80-\udcff]+[^\s;,\"]{0,20}")


def is_gzipped(path: Path) -> bool:
    """Tell whether a file is packed with gzip."""
    return _start(path).startswith(_MAGIC)


def is_plain(path: Path) -> bool:
    """Tell whether a file's bytes can be read as they are: it isn't packed, and has no byte order mark."""
    return not _start(path).startswith((_MAGIC, *(mark for mark, _ in _MARKS)))


def _start(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(4)


def unpacked_name(path: Path) -> str:
    """Return a file's name without the suffix of its packing, ``.gz`` or ``.bgz``."""
    return _SUFFIX.sub("", path.name)


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
def open_utf8(path: Path) -> Iterator[BinaryIO]:
    """Open a text file for reading it as bytes of UTF-8, unpacked and without a byte order mark.

    UTF-16 and UTF-32 are known by their mark. Bytes that aren't UTF-8 are read as Latin-1, with a warning that shows
    one. What is no text is a `ValueError` that says what it is; other errors are as of `open_unpacked`.
    """
    with open_unpacked(path) as opened, io.BufferedReader(_Utf8(opened, path), _AT_ONCE) as text:
        yield cast("BinaryIO", text)


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a text file for reading, line ends as they are; all else is as of `open_utf8`."""
    with open_utf8(path) as opened:
        yield io.TextIOWrapper(opened, encoding="utf-8", newline="")


def read_unpacked(path: Path) -> bytes:
    """Return the content of a file, unpacked; errors as of `open_unpacked`."""
    with open_unpacked(path) as opened:
        return opened.read()


def read_utf8(path: Path) -> bytes:
    """Return a text file as bytes of UTF-8; see `open_utf8`."""
    with open_utf8(path) as opened:
        return opened.read()


class _Utf8(io.RawIOBase):
    """A text file as UTF-8, decoded and encoded part by part."""

    def __init__(self, opened: BinaryIO, path: Path) -> None:
        start = opened.read(_AT_ONCE)
        _check_text(start, path)
        self._opened, self._path = opened, path
        self._next: bytes | None = start
        self._ready = memoryview(b"")
        self._is_told = False
        encoding = next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8")
        self._is_utf8 = encoding.startswith("utf-8")
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape" if self._is_utf8 else "strict")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # as io calls it
        while not self._ready and self._next is not None:
            self._ready = memoryview(self._decoded(self._next))
            self._next = self._opened.read(_AT_ONCE) if self._next else None
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def _decoded(self, part: bytes) -> bytes:
        if self._is_utf8 and b"\0" in part:
            raise ValueError(
                f"{self._path} holds bytes of the value 0, which no text has: it is another kind of file, was damaged, "
                "or is UTF-16 without a byte order mark; save it as UTF-8"
            )
        try:
            text = self._decoder.decode(part, final=not part)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{self._path} can't be read as {error.encoding} ({error.reason}), which its byte order mark says it "
                "is: it was cut short or damaged; copy it again, or save it as UTF-8"
            ) from error
        return (text if text.isascii() else self._without_escapes(text)).encode()

    def _without_escapes(self, text: str) -> str:
        """Return text with Latin-1's letters for the bytes that weren't UTF-8."""
        if _ESCAPED.search(text) is None:
            return text
        if _NO_LATIN.search(text):
            raise ValueError(
                f"{self._path} is neither UTF-8 nor Latin-1: it is in another encoding, was damaged, or is no text; "
                "save it as UTF-8"
            )
        if not self._is_told and (word := _WORD.search(text)):
            self._is_told = True
            warn(
                f"{self._path.name} isn't UTF-8: its bytes beyond ASCII were read as Latin-1 (Windows-1252), such as "
                f"{word[0].translate(_LATIN)!r}; if that is wrong, save it as UTF-8"
            )
        return text.translate(_LATIN)


def _check_text(start: bytes, path: Path) -> None:
    for pattern, what, fix in _NO_TEXT:
        if re.match(pattern, start):
            raise ValueError(f"{path} is {what}, where text was expected: {fix}")
