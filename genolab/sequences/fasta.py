"""FASTA: names and sequences, and any part of any chromosome without reading the rest.

A file of up to 64 MB is held in memory, a byte a base. A larger one stays on disk: where its sequences lie is looked up
once, and parts are read from there. A gzipped file (or bgzip) can't be entered in the middle, so a large one is
unpacked into the cache at its first use.

The name of a sequence is the first word of its header. Names that occur again get -1, -2 ..., and sequences without a
base are left out, either with a warning.
"""

import functools
import hashlib
import mmap
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.checks import listing, meant_file, warn
from genolab.data.cache import cache_folder
from genolab.data.faults import reads
from genolab.data.quiet import ignore_anndata_warnings
from genolab.data.text import is_plain, open_utf8, read_utf8

Bytes = NDArray[np.uint8]

# Files up to this size, packed or not, are held in memory: all bacteria and yeasts, and single chromosomes.
_IN_MEMORY: Final = 64_000_000
_GFF3: Final = b"##gff-version"  # which may hold its sequences, too, in a section of its own
_SECTION: Final = b"\n##FASTA"
_HEAD: Final = 1 << 16  # bytes looked at where no sequence begins
_LOOK_AT: Final = 1 << 22  # bytes checked at once
_OTHER_FORMATS: Final = {  # by how files begin
    b"@": "FASTQ",
    b"LOCUS ": "GenBank's format",
    b"ID  ": "EMBL's or UniProt's format",
    b"CLUSTAL": "an alignment of Clustal",
    b"##gff": "GFF3",
    b"track ": "a track of regions",
}


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


class Place(NamedTuple):
    """Where a sequence lies in a file, whose lines are of one length."""

    length: int  # bases
    offset: int  # the first base, bytes
    width: int  # bases a line
    step: int  # bytes a line, its end among them
    description: str


class IndexedFasta:
    """Chromosomes on disk. Reads don't move a file position, so threads and forked workers may share one object."""

    def __init__(self, path: Path, places: Mapping[str, Place] | None = None) -> None:
        self.path = path
        self._places = _index(path) if places is None else places
        self._file = path.open("rb", buffering=0)
        self.lengths = {name: place.length for name, place in self._places.items()}
        self.descriptions = {name: place.description for name, place in self._places.items()}

    def fetch(self, name: str, start: int, end: int) -> Bytes:  # noqa: D102 - see Fasta
        at = self._places[name]
        first, last = (at.offset + base // at.width * at.step + base % at.width for base in (start, end))
        raw = os.pread(self._file.fileno(), last - first, first)
        return np.frombuffer(raw.translate(None, b"\r\n"), dtype=np.uint8)

    def __reduce__(self) -> tuple[type, tuple[Path, Mapping[str, Place]]]:
        return IndexedFasta, (self.path, self._places)


@reads("FASTA")
def open_fasta(path: str | Path) -> Fasta:
    """Open a FASTA file, gzipped or not; a file that is open already, and unchanged, is not read again."""
    path = Path(path).expanduser().resolve()
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no FASTA file {path}; a genome remembers where its FASTA was: if that was moved, set "
            f"uns['genome']['fasta'] to its new place{meant_file(path)}"
        )
    state = path.stat()
    return _open(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=4)
def _open(path: Path, changed: int, size: int) -> Fasta:
    """Open a file; its time of change and size are part of the key, so that a changed file is read again."""
    del changed
    if size <= _IN_MEMORY:
        return MemoryFasta(path)
    return IndexedFasta(path if is_plain(path) else _unpacked(path))


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
                f"{path.name} is large, and packed or not plain UTF-8, so it is unpacked once into {target.parent}; to "
                f"spare the space, unpack it yourself and read that (gunzip {path.name})"
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


def _index(path: Path) -> dict[str, Place]:
    """Look up where the sequences of a file lie."""
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        section = max(0, content.find(_SECTION)) if content[: len(_GFF3)] == _GFF3 else 0
        before = -1 if content[:1] == b">" else content.find(b"\n>", section)  # the last byte before the first one
        has_any = content[before + 1 : before + 2] == b">"
        _check_head(b"" if section else content[: before + 1 if has_any else _HEAD], path)
        found = list(_places(content, before + 1, path)) if has_any else []
    if empty := [name for name, place in found if place.length == 0]:
        _warn_of_empty(path, empty)
    found = [(name, place) for name, place in found if place.length]
    _check_any(found, path)
    names = _unique([name for name, _ in found], path)
    return {name: place for name, (_, place) in zip(names, found, strict=True)}


def _places(content: mmap.mmap, at: int, path: Path) -> Iterator[tuple[str, Place]]:
    """Yield names and places of the sequences, the first of which begins at a byte."""
    size, number = len(content), 0
    while at < size:
        number += 1
        next_one = content.find(b"\n>", at)
        end = size if next_one < 0 else next_one + 1
        line_end = content.find(b"\n", at, end)
        start = end if line_end < 0 else line_end + 1
        name, description = _name(content[at + 1 : start], number, path)
        place = _place(content, start, end, description)
        if place is None:
            raise ValueError(
                f"{path}: in a large FASTA all lines of a sequence have one length, without blanks; those of {name!r} "
                "don't: rewrite it, for example with `seqkit seq -w 60`"
            )
        yield name, place
        at = end


def _place(content: mmap.mmap, start: int, end: int, description: str) -> Place | None:
    """Return the place of a sequence whose lines begin and end at these bytes; None where they aren't of one length."""
    while end > start and content[end - 1] in b"\r\n":
        end -= 1
    line_end = content.find(b"\n", start, end)
    if line_end < 0:
        step, width = end - start + 1, end - start
    else:
        step = line_end + 1 - start
        width = step - 2 if content[line_end - 1 : line_end] == b"\r" else step - 1
    lines, rest = divmod(end - start, step)
    if end > start and not (0 < rest <= width and _is_regular(content, start, end, width, step)):
        return None
    return Place(lines * width + rest, start, width, step, description)


def _is_regular(content: mmap.mmap, start: int, end: int, width: int, step: int) -> bool:
    """Tell whether white space is at the ends of lines, and nowhere else."""
    at_once = max(1, _LOOK_AT // step) * step
    for low in range(start, end, at_once):
        part = np.frombuffer(content[low : min(end, low + at_once)], dtype=np.uint8)
        ends = part[: len(part) // step * step].reshape(-1, step)[:, width:]
        if (ends[:, -1] != ord("\n")).any() or (ends > ord(" ")).any() or (part <= ord(" ")).sum() != ends.size:
            return False
    return True


def read_records(path: Path) -> list[Record]:
    """Read all sequences of a FASTA file, gzipped or not.

    Names that occur again get -1, -2 ...; sequences without a base are left out; either with a warning.
    """
    records = list(parse_fasta(read_utf8(path), path))
    if empty := [record.name for record in records if len(record.sequence) == 0]:
        _warn_of_empty(path, empty)
        records = [record for record in records if len(record.sequence)]
    _check_any(records, path)
    names = _unique([record.name for record in records], path)
    return [record._replace(name=name) for name, record in zip(names, records, strict=True)]


def _check_any(records: Sequence[object], path: Path) -> None:
    if not records:
        raise ValueError(f"{path} holds no sequence: a FASTA has '>name' on a line, and the sequence on the next ones")


def _warn_of_empty(path: Path, names: list[str]) -> None:
    warn(f"{path.name}: sequences without a base are left out ({len(names):,}: {listing(names)})")


def _unique(names: list[str], path: Path) -> list[str]:
    """Return names with -1, -2 ... at those that occur again, and warn of these."""
    from anndata.utils import make_index_unique

    index = pd.Index(names)
    if index.is_unique:
        return names
    again = index[index.duplicated()].unique()
    warn(
        f"{path.name}: names that stand for several sequences were made unique with -1, -2 ... at the end "
        f"({len(again):,}: {listing(again)})"
    )
    with ignore_anndata_warnings():
        return [str(name) for name in make_index_unique(index)]


def parse_fasta(content: bytes, path: Path) -> Iterator[Record]:
    """Yield the sequences of a FASTA text, or of the section ``##FASTA`` of a GFF3 text, as they are.

    Names may repeat, and sequences may hold no base. `path` is for error messages.
    """
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if content.startswith(_GFF3):
        content = content.partition(_SECTION)[2] or content
    head, *parts = (b"\n" + content).split(b"\n>")
    _check_head(head, path)
    for number, part in enumerate(parts, start=1):
        header, _, lines = part.partition(b"\n")
        sequence = np.frombuffer(lines.translate(None, b"\n\t "), dtype=np.uint8)
        yield Record(*_name(header, number, path), sequence)


def _name(header: bytes, number: int, path: Path) -> tuple[str, str]:
    """Return the name and the description in a header, without its '>'."""
    name, *description = header.decode("utf-8", "replace").split(None, 1) or [""]
    if not name:
        raise ValueError(f"{path}: sequence {number} has no name: write one behind its '>'")
    return name, description[0].strip() if description else ""


def _check_head(head: bytes, path: Path) -> None:
    """Refuse what is no comment before the first sequence."""
    if stray := [line for line in head.splitlines() if line.strip() and not line.startswith(b";")]:
        raise ValueError(f"{path} is no FASTA: {_not_fasta(stray[0])}")


def _not_fasta(line: bytes) -> str:
    """Describe what the first line of a file shows that should be a FASTA."""
    for start, what in _OTHER_FORMATS.items():
        if line.startswith(start):
            return f"it begins as {what} does; convert it to FASTA"
    return f"it begins with {line[:40]!r}, not with '>' and a name"
