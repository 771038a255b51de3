"""FASTA: names and sequences, and any part of any chromosome without reading the rest.

A file of up to 64 MB is held in memory, a byte a base. A larger one stays on disk: pyfaidx makes its index once, and
parts are read by it. A gzipped file (or bgzip) can't be entered in the middle, so a large one is unpacked into the
cache at its first use. The name of a sequence is the first word of its header.
"""

import functools
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from genolab.checks import warn
from genolab.data.cache import cache_folder
from genolab.data.gzipped import is_gzipped, open_utf8, read_utf8

Bytes = NDArray[np.uint8]

# Files up to this size, packed or not, are held in memory: all bacteria and yeasts, and single chromosomes.
_IN_MEMORY: Final = 64_000_000


class Record(NamedTuple):
    """One sequence of a FASTA file: its name, the rest of its header, and itself as ASCII ``(length,)`` uint8."""

    name: str
    description: str
    sequence: Bytes

    def __str__(self) -> str:
        return self.sequence.tobytes().decode("ascii", "replace")


class Fasta(Protocol):
    """Chromosomes, of which any part can be had."""

    path: Path
    lengths: dict[str, int]
    descriptions: dict[str, str]

    def fetch(self, name: str, start: int, end: int) -> Bytes:
        """Return ``[start, end)``, which lies within the chromosome, as ASCII ``(end - start,)``."""


class MemoryFasta:
    """Chromosomes in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records = {record.name: record for record in read_records(path)}
        self.lengths = {name: len(record.sequence) for name, record in self.records.items()}
        self.descriptions = {name: record.description for name, record in self.records.items()}

    def fetch(self, name: str, start: int, end: int) -> Bytes:  # noqa: D102 - see Fasta
        return self.records[name].sequence[start:end]


class IndexedFasta:
    """Chromosomes on disk, by the index of pyfaidx (``.fai``), which is made once.

    The index lies beside the file, or in the cache where that folder can't be written. Reads don't move a file
    position, so that threads and forked workers may share one object.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._index = _index_of(path)
        self._file = path.open("rb", buffering=0)
        self.lengths = {name: int(entry.rlen) for name, entry in self._index.items()}
        self.descriptions: dict[str, str] = {}  # an index holds names alone

    def fetch(self, name: str, start: int, end: int) -> Bytes:  # noqa: D102 - see Fasta
        entry = self._index[name]
        first, last = (entry.offset + at // entry.lenc * entry.lenb + at % entry.lenc for at in (start, end))
        raw = os.pread(self._file.fileno(), last - first, first)
        return np.frombuffer(raw.translate(None, b"\r\n"), dtype=np.uint8)

    def __reduce__(self) -> tuple[type, tuple[Path]]:
        return IndexedFasta, (self.path,)


def open_fasta(path: str | Path) -> Fasta:
    """Open a FASTA file, gzipped or not; a file that is open already, and unchanged, is not read again."""
    path = Path(path).expanduser().resolve()
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no FASTA file {path}; a genome remembers where its FASTA was: if that was moved, set "
            "uns['genome']['fasta'] to its new place"
        )
    state = path.stat()
    return _open(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=4)
def _open(path: Path, changed: int, size: int) -> Fasta:
    """Open a file; its time of change and size are part of the key, so that a changed file is read again."""
    del changed
    if size <= _IN_MEMORY:
        return MemoryFasta(path)
    return IndexedFasta(_unpacked(path) if is_gzipped(path) else path)


def _own_name(path: Path) -> str:
    """Return a name in the cache for what is made of a file: it changes when the file is moved or changed."""
    state = path.stat()
    key = f"{path}\n{state.st_mtime_ns}\n{state.st_size}"
    return f"{hashlib.sha256(key.encode()).hexdigest()[:16]}-{path.name}"


def _unpacked(path: Path) -> Path:
    """Return the file unpacked in the cache, once; any number of processes may ask."""
    from filelock import FileLock

    target = cache_folder() / "unpacked" / f"{_own_name(path)}.fa"
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not target.is_file():
            warn(
                f"{path.name} is packed and large, so it is unpacked once into {target.parent}; to spare the space, "
                f"unpack it yourself and read that (gunzip {path.name})"
            )
            part = target.with_suffix(".part")
            try:
                with open_utf8(path) as packed, part.open("wb") as plain:
                    shutil.copyfileobj(packed, plain, 1 << 20)
            except ValueError:
                part.unlink(missing_ok=True)
                raise
            part.replace(target)
    return target


def _index_of(path: Path) -> Mapping[str, "_Entry"]:
    try:
        import pyfaidx
    except ImportError:
        raise ImportError(
            f"{path.name} is too large to hold in memory, and reading parts of it needs pyfaidx, which isn't "
            "installed: pip install 'genolab[sequence]'"
        ) from None
    from filelock import FileLock

    beside = path.with_name(path.name + ".fai")
    made = cache_folder() / "indexes" / f"{_own_name(path)}.fai"
    made.parent.mkdir(parents=True, exist_ok=True)
    writable = beside.is_file() or os.access(path.parent, os.W_OK)
    try:
        with FileLock(made.with_suffix(".lock")), pyfaidx.Faidx(str(path), str(beside if writable else made)) as opened:
            index: Mapping[str, _Entry] = dict(opened.index)
    except pyfaidx.FastaIndexingError as error:
        raise ValueError(
            f"{path} can't be indexed: {error} A large FASTA needs lines of one length within a sequence: rewrite it, "
            "for example with `seqkit seq -w 60`"
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: every sequence needs a name of its own; {error}: rename one of them") from error
    if empty := [name for name, entry in index.items() if entry.rlen == 0]:
        raise ValueError(f"{path}: a sequence needs at least one base; {empty[0]!r} has none")
    return index


class _Entry(Protocol):
    """A line of the index: bases, where they begin in the file, and bases and bytes a line."""

    rlen: int
    offset: int
    lenc: int
    lenb: int


def read_records(path: Path) -> list[Record]:
    """Read all sequences of a FASTA file, gzipped or not; each needs a name of its own."""
    records = list(parse_fasta(read_utf8(path), path))
    if not records:
        raise ValueError(f"{path} holds no sequence: a FASTA has '>name' on a line, and the sequence on the next ones")
    seen: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        if record.name in seen:
            raise ValueError(
                f"{path}: every sequence needs a name of its own (the header's first word); {record.name!r} is the "
                f"name of sequences {seen[record.name]} and {number}: rename one of them"
            )
        seen[record.name] = number
    return records


def parse_fasta(content: bytes, path: Path) -> Iterator[Record]:
    """Yield the sequences of a FASTA text; their names may repeat. `path` is for error messages."""
    head, *parts = (b"\n" + content).split(b"\n>")
    if stray := [line for line in head.split(b"\n") if line.strip() and not line.startswith(b";")]:
        raise ValueError(f"{path} is no FASTA: it begins with {stray[0][:40]!r}, not with '>' and a name")
    for number, part in enumerate(parts, start=1):
        header, _, lines = part.partition(b"\n")
        name, _, description = header.decode("utf-8", "replace").strip().partition(" ")
        if not name:
            raise ValueError(f"{path}: sequence {number} has no name: write one behind its '>'")
        sequence = np.frombuffer(lines.translate(None, b"\r\n\t "), dtype=np.uint8)
        if len(sequence) == 0:
            raise ValueError(f"{path}: a sequence needs at least one base; {name!r} (sequence {number}) has none")
        yield Record(name, description.strip(), sequence)
