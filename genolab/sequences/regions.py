"""Regions of a genome from BED, GFF3 and GTF: one table, 0-based and half-open, whatever the file counts from.

Every row has ``chromosome start end strand kind parent name``; all else that a file says becomes a column under the
name that it has there. The index has the features' names, unique.
"""

import gzip
import re
import warnings
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anndata import AnnData

Row = dict[str, Any]

STRANDS = ("+", "-", ".")
COLUMNS = ("chromosome", "start", "end", "strand", "kind", "parent", "name")

_BED = ("score", "strand", "thick_start", "thick_end", "rgb", "block_count", "block_sizes", "block_starts")
_PEAK = ("score", "strand", "signal", "p_value", "q_value", "summit")
_NUMBERS = ("score", "signal", "p_value", "q_value", "summit")
_CATEGORIES = ("chromosome", "strand", "kind", "source")
_GTF_ATTRIBUTE = re.compile(r'([^\s;"]+)\s+(?:"([^"]*)"|([^\s;"]+))')


class Annotation(NamedTuple):
    """What a file of regions says.

    Attributes
    ----------
    regions
        One row a region.
    lengths
        Chromosome to length, of those whose length the file states.
    circular
        Chromosomes that it calls circular.
    """

    regions: pd.DataFrame
    lengths: Mapping[str, int]
    circular: tuple[str, ...]


class _Line(NamedTuple):
    """A line of a file, and what an error says of where it is."""

    fields: list[str]
    where: str


def read_regions(path: str | Path) -> Annotation:
    """Read regions; the suffix picks the format.

    It is ``.bed``, ``.narrowPeak``, ``.broadPeak``, ``.gff3``, ``.gff`` (read as GFF3) or ``.gtf``; files may be packed
    with gzip. Counting is 0-based and half-open: GFF3 and GTF are converted.

    - BED: columns 4 to 12 become ``name score strand thick_start ...``; ``kind`` is ``region``.
    - GFF3: ``ID`` becomes the index, ``Name`` and ``Parent`` the columns ``name`` and ``parent``, every other
      attribute a column; ``%2C`` and the like are decoded, several values of one attribute are joined by commas. A
      feature with several parents is a row for each. The strand ``?`` (it has one, but which isn't known) reads as
      ``.``.
    - GTF: ``parent`` of a transcript is its gene, of everything else its transcript. GTF keeps the stop codon out of
      the coding parts and GFF3 has it in: here it is in.
    - ``phase`` is 0, 1 or 2, and -1 where there is none.

    Raises
    ------
    FileNotFoundError
        Nothing is there.
    ValueError
        The suffix is unknown; there is no region; a line has too few columns, no whole number where a place belongs,
        ends before it begins, or another strand than ``+ - .``. The message names line and file.
    """
    path = Path(path).expanduser()
    kind = regions_kind(path)
    stated: dict[str, int] = {}
    rows = [_READERS[kind](line) for line in _lines(path, stated)]
    if not rows:
        raise ValueError(f"{path} holds no region: it has no line but comments")
    table = _table(_with_stop_codons(rows) if kind == ".gtf" else rows)
    return _with_lengths(table, stated)


def _with_lengths(table: pd.DataFrame, stated: dict[str, int]) -> Annotation:
    """Find the chromosomes' lengths: from features that are whole chromosomes, and as the file states them."""
    whole = table[(table["kind"] == "chromosome") & (table["start"] == 0)]
    lengths = {str(name): int(end) for name, end in zip(whole["chromosome"], whole["end"], strict=True)}
    circular = table.get("Is_circular", pd.Series("", index=table.index)).str.lower() == "true"
    return Annotation(table, lengths | stated, tuple(table["chromosome"][circular].astype(str).unique()))


def regions_kind(path: Path) -> str:
    """Return the format by the suffix: ``.bed``, ``.narrowpeak``, ``.broadpeak``, ``.gff3`` or ``.gtf``.

    Raises
    ------
    ValueError
        The suffix is none of them.
    """
    kind = Path(path.name.lower().removesuffix(".gz")).suffix
    kind = ".gff3" if kind == ".gff" else kind
    if kind not in _READERS:
        raise ValueError(f"regions come as .bed, .narrowPeak, .broadPeak, .gff3, .gff or .gtf, got {path.name}")
    return kind


def _lines(path: Path, stated: dict[str, int]) -> Iterator[_Line]:
    """Walk the lines that hold a region; ``##sequence-region`` fills `stated`, ``##FASTA`` ends the annotation."""
    for number, text in enumerate(_text(path).splitlines(), start=1):
        if text.startswith(("##FASTA", ">")):
            return
        if text.startswith("##sequence-region"):
            words = text.split()
            if len(words) == 4 and words[3].isdigit():
                stated[unquote(words[1])] = int(words[3])
        if text.strip() and not text.startswith(("#", "track ", "browser ")):
            yield _Line(text.split("\t") if "\t" in text else text.split(), f"line {number:,} of {path}")


def _text(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file of regions {path}")
    content = path.read_bytes()
    try:
        return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} can't be read as text ({error}): it was cut short or damaged; copy it again"
        ) from error


def _bed_row(line: _Line, more: tuple[str, ...]) -> Row:
    if len(line.fields) < 3:
        raise ValueError(f"{line.where} has {len(line.fields)} columns; BED has at least chromosome, start and end")
    row: Row = dict(zip(("chromosome", "start", "end", "name", *more), line.fields, strict=False))
    name = row.get("name", ".")
    row |= {"id": "", "kind": "region", "parent": "", "name": "" if name == "." else name}
    return row | _place(line, row["start"], row["end"], first=0) | {"strand": _strand(line, row.get("strand", "."))}


def _gff_row(line: _Line, attributes: Row) -> Row:
    """Read the eight columns that GFF3 and GTF share."""
    chromosome, source, kind, start, end, score, strand, phase = line.fields[:8]
    if phase not in {"0", "1", "2", "."}:
        raise ValueError(f"{line.where}: a phase is 0, 1, 2 or '.', got {phase!r}")
    row: Row = {"chromosome": unquote(chromosome), "kind": kind, "parent": "", "name": "", "source": source}
    row |= _place(line, start, end, first=1) | {"strand": _strand(line, "." if strand == "?" else strand)}
    row |= {"score": "" if score == "." else score, "phase": -1 if phase == "." else int(phase)}
    # An attribute with the name of a column keeps its value under another.
    return row | {f"attribute_{key}" if key in row else key: value for key, value in attributes.items()}


def _gff3_row(line: _Line) -> Row:
    pairs = [pair.strip().split("=", 1) for pair in _ninth(line).split(";") if "=" in pair]
    found: Row = {key: value for key, value in pairs if key != "Parent"}
    parents = [unquote(name) for key, value in pairs if key == "Parent" for name in value.split(",")]
    row = _gff_row(line, {key: unquote(value) for key, value in found.items() if key not in {"ID", "Name"}})
    return row | {"id": unquote(found.get("ID", "")), "name": unquote(found.get("Name", "")), "parent": parents or [""]}


def _gtf_row(line: _Line) -> Row:
    found: Row = {}
    for key, quoted, bare in _GTF_ATTRIBUTE.findall(_ninth(line)):
        found[key] = f"{found[key]},{quoted or bare}" if key in found else quoted or bare
    row = _gff_row(line, found)
    gene, transcript = found.get("gene_id", ""), found.get("transcript_id", "")
    own, parent = {"gene": (gene, ""), "transcript": (transcript, gene)}.get(row["kind"], ("", transcript or gene))
    return row | {"id": own, "parent": parent, "name": found.get("gene_name", "")}


def _ninth(line: _Line) -> str:
    if len(line.fields) < 9:
        raise ValueError(
            f"{line.where} has {len(line.fields)} columns; GFF3 and GTF have 9, with tabs between them: "
            f"{' '.join(line.fields)[:60]!r}"
        )
    return line.fields[8]


_READERS: dict[str, Callable[[_Line], Row]] = {
    ".bed": lambda line: _bed_row(line, _BED),
    ".narrowpeak": lambda line: _bed_row(line, _PEAK),
    ".broadpeak": lambda line: _bed_row(line, _PEAK[:-1]),
    ".gff3": _gff3_row,
    ".gtf": _gtf_row,
}


def _place(line: _Line, start: str, end: str, *, first: int) -> Row:
    """Return start and end, 0-based and half-open, of a format that counts from `first`."""
    try:
        low, high = int(start) - first, int(end)
    except ValueError:
        raise ValueError(f"{line.where}: start and end are whole numbers, got {start!r} and {end!r}") from None
    if not 0 <= low < high:
        raise ValueError(
            f"{line.where}: a region begins at {first} or later and holds at least one base, got {start} to {end}"
        )
    return {"start": low, "end": high}


def _strand(line: _Line, strand: str) -> str:
    if strand not in STRANDS:
        raise ValueError(f"{line.where}: a strand is '+', '-' or '.', got {strand!r}")
    return strand


def _with_stop_codons(rows: list[Row]) -> list[Row]:
    """Give the coding parts of each transcript their stop codon, which GTF keeps apart."""
    coding: dict[str, list[Row]] = {}
    for row in rows:
        if row["kind"] == "CDS":
            coding.setdefault(row["parent"], []).append(row)
    for stop in [row for row in rows if row["kind"] == "stop_codon"]:
        parts = coding.get(stop["parent"], [])
        if any(part["start"] <= stop["start"] and stop["end"] <= part["end"] for part in parts):
            continue
        for part in parts:
            if part["end"] == stop["start"] or part["start"] == stop["end"]:
                part["start"], part["end"] = min(part["start"], stop["start"]), max(part["end"], stop["end"])
                break
        else:  # an intron lies between: what is left of the codon is a coding part of its own
            rows.append(stop | {"kind": "CDS"})
    return rows


def _table(rows: list[Row]) -> pd.DataFrame:
    """Make the table: numbers and categories where they belong, no empty columns, a name for every row."""
    from anndata.utils import make_index_unique

    table = pd.DataFrame(rows).explode("parent", ignore_index=True).fillna("")
    table.index = make_index_unique(_names(table))
    others = [name for name in table if name not in {*COLUMNS, "id"} and not table[name].isin(["", -1]).all()]
    table = table[[*COLUMNS, *others]].copy()
    for name in set(_NUMBERS) & set(others):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    for name in set(_CATEGORIES) & set(table):
        table[name] = pd.Categorical(table[name])
    return table


def _names(table: pd.DataFrame) -> "pd.Index[str]":
    """Name features by their ID, else by what they are of which parent, else by their name, else by their place."""
    place = table["chromosome"] + ":" + table["start"].astype(str) + "-" + table["end"].astype(str)
    named = table["name"].where(table["name"] != "", place)
    part = (table["parent"] + "." + table["kind"]).where(table["parent"] != "", named)
    names: pd.Index[str] = pd.Index(table["id"].where(table["id"] != "", part).to_numpy())
    return names


def as_regions(regions: "str | Path | pd.DataFrame | AnnData") -> Annotation:
    """Return regions from a file, from a table such as an annotated genome's ``obs``, or from the genome itself.

    Raises
    ------
    KeyError
        A table has no ``chromosome``, ``start`` or ``end``.
    ValueError
        A strand of a table is none of ``+ - .``, or a region holds no base; errors of `read_regions`.
    """
    if isinstance(regions, str | Path):
        return read_regions(regions)
    table = regions if isinstance(regions, pd.DataFrame) else regions.obs
    if missing := [name for name in ("chromosome", "start", "end") if name not in table]:
        raise KeyError(f"regions have the columns chromosome, start and end; {missing} of them are not in {[*table]}")
    table = table if "strand" in table else table.assign(strand=".")
    wrong = table.index[~table["strand"].isin(STRANDS)]
    if len(wrong):
        raise ValueError(f"a strand is '+', '-' or '.', got {table['strand'][wrong[0]]!r} for region {wrong[0]!r}")
    wrong = table.index[~(table["start"] < table["end"])]
    if len(wrong):
        start, end = table["start"][wrong[0]], table["end"][wrong[0]]
        raise ValueError(f"a region holds at least one base, got {start} to {end} for region {wrong[0]!r}")
    return Annotation(table, {}, ())


def check_within(annotation: Annotation, lengths: Mapping[str, int], circular: Collection[str] = ()) -> pd.DataFrame:
    """Return the regions that lie on the given chromosomes, and refuse those that don't fit them.

    Parameters
    ----------
    annotation
        Regions, and the lengths that their file states.
    lengths
        Chromosome to length, of the sequences.
    circular
        Chromosomes on which a region may go on beyond the end.

    Raises
    ------
    ValueError
        No region lies on a known chromosome; a chromosome has another length; a region goes beyond the end of one.
    """
    table = annotation.regions
    on = table["chromosome"].astype(str)
    known = on.isin(list(lengths)).to_numpy()
    _check_names(on, known, lengths)
    for name, length in annotation.lengths.items():
        if name in lengths and lengths[name] != length:
            raise ValueError(
                f"regions and sequences must be of one assembly: {name!r} has {length:,} bases for the regions and "
                f"{lengths[name]:,} in the FASTA"
            )
    table, on = table[known], on[known]
    round_ = on.isin([*circular, *annotation.circular]).to_numpy()
    end = on.map(lengths).to_numpy(dtype=np.int64)
    beyond = np.flatnonzero(np.where(round_, table["start"] >= end, table["end"] > end) | (table["start"] < 0))
    if len(beyond):
        row = table.iloc[beyond[0]]
        raise ValueError(
            f"regions lie within their chromosome: {table.index[beyond[0]]!r} is {row['start']:,} to {row['end']:,} of "
            f"{row['chromosome']!r}, which has {end[beyond[0]]:,} bases ({len(beyond):,} such regions): "
            "are both files of one assembly?"
        )
    return table


def _check_names(on: "pd.Series[str]", known: NDArray[np.bool_], lengths: Mapping[str, int]) -> None:
    here, there = list(on.unique()), list(lengths)
    if not known.any():
        turned = {f"chr{name}" for name in here} | {name.removeprefix("chr") for name in here}
        hint = " They differ in 'chr'." if turned & set(there) else ""
        raise ValueError(
            f"regions are on chromosomes of the FASTA; theirs are {_some(here)}, the FASTA's {_some(there)}.{hint} "
            "Read the regions alone, gl.data.read(file).obs, rename their chromosomes, and give that table"
        )
    if not known.all():
        left_out = sorted(set(here) - set(there))
        warnings.warn(
            f"{(~known).sum():,} of {len(known):,} regions are left out: the FASTA has no {_some(left_out)}",
            stacklevel=5,
        )


def _some(names: Sequence[str]) -> str:
    return str(list(names[:5]))[:-1] + (f", ... {len(names):,} in all]" if len(names) > 5 else "]")
