"""Regions of a genome from BED, GFF3 and GTF: one table, 0-based and half-open, whatever the file counts from.

Every row has ``chromosome start end strand kind parent name``; all else that a file says becomes a column under the
name that it has there. The index has the features' names, unique. Files are read by parts, so that three million lines
of GTF need little more memory than their table.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from genolab.checks import warn
from genolab.data.gzipped import open_text, unpacked_name

if TYPE_CHECKING:
    from anndata import AnnData

Objects = NDArray[np.object_]
Columns = dict[str, Any]  # arrays; texts as objects, or packed as categories

STRANDS: Final = ("+", "-", ".")
COLUMNS: Final = ("chromosome", "start", "end", "strand", "kind", "parent", "name")

_GFF: Final = ("chromosome", "source", "kind", "start", "end", "score", "strand", "phase", "attributes")
_BED: Final = ("chromosome", "start", "end", "name", "score", "strand")
_FIELDS: Final = {
    ".bed": (*_BED, "thick_start", "thick_end", "rgb", "block_count", "block_sizes", "block_starts"),
    ".narrowpeak": (*_BED, "signal", "p_value", "q_value", "summit"),
    ".broadpeak": (*_BED, "signal", "p_value", "q_value"),
    ".gff3": _GFF,
    ".gtf": _GFF,
}
_NUMBERS: Final = ("score", "signal", "p_value", "q_value", "summit")
_GTF_ATTRIBUTE: Final = re.compile(r'([^\s;"]+)\s+(?:"([^"]*)"|([^\s;"]+))')
_LINES: Final = 20_000  # read at once


class Annotation(NamedTuple):
    """The regions of a file, one a row; the lengths of chromosomes that it states; and those that it calls circular."""

    regions: pd.DataFrame
    lengths: Mapping[str, int]
    circular: tuple[str, ...]


def read_regions(path: str | Path) -> Annotation:
    """Read regions of a ``.bed .narrowPeak .broadPeak .gff3 .gff`` (GFF3) or ``.gtf`` file, gzipped or not.

    - BED: columns 4 to 12 become ``name score strand thick_start ...``; ``kind`` is ``region``.
    - GFF3: ``ID`` becomes the index, ``Name`` and ``Parent`` the columns ``name`` and ``parent``, every other attribute
      a column; ``%2C`` and the like are decoded, several values of one attribute are joined by commas. A feature with
      several parents is a row for each. The strand ``?`` (it has one, but which isn't known) reads as ``.``.
    - GTF: ``parent`` of a transcript is its gene, of everything else its transcript. GTF keeps the stop codon out of
      the coding parts and GFF3 has it in: here it is in.
    - ``phase`` is 0, 1 or 2, and -1 where there is none.

    A line that doesn't fit the format is a `ValueError` that names line and file.
    """
    path = Path(path).expanduser()
    kind = Path(unpacked_name(path).lower()).suffix
    kind = ".gff3" if kind == ".gff" else kind
    if kind not in _FIELDS:
        raise ValueError(f"regions come as .bed, .narrowPeak, .broadPeak, .gff3, .gff or .gtf, got {path.name}")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file of regions {path}")
    stated: dict[str, int] = {}
    parts = [_packed(_parsed(lines, kind, path)) for lines in _batches(path, stated)]
    if not parts:
        raise ValueError(f"{path} holds no region: it has no line but comments")
    columns = _joined(parts)
    table = _table(_with_stop_codons(columns) if kind == ".gtf" else columns)
    whole = table[(table["kind"] == "chromosome") & (table["start"] == 0)]
    lengths = {str(name): int(end) for name, end in zip(whole["chromosome"], whole["end"], strict=True)}
    circular = table["chromosome"][table["Is_circular"].str.lower() == "true"] if "Is_circular" in table else ()
    return Annotation(table, lengths | stated, tuple(dict.fromkeys(map(str, circular))))


def _batches(path: Path, stated: dict[str, int]) -> Iterator[list[tuple[int, str]]]:
    """Yield numbered lines with a region; ``##sequence-region`` fills `stated`, ``##FASTA`` ends the annotation."""
    with open_text(path) as opened:
        lines = _region_lines(opened, stated)
        while batch := list(itertools.islice(lines, _LINES)):
            yield batch


def _region_lines(lines: Iterator[str], stated: dict[str, int]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        if line[0] in "#>tb \t\r\n":  # it may be none: looked at no closer than needed, for there are millions
            if line.startswith(("##FASTA", ">")):
                return
            if line.startswith("##sequence-region"):
                parts = line.split()
                if len(parts) == 4 and parts[3].isdigit():
                    stated[unquote(parts[1])] = int(parts[3])
            if line.startswith(("#", "track ", "browser ")) or line.isspace():
                continue
        yield number, line.rstrip("\r\n")


def _parsed(lines: list[tuple[int, str]], kind: str, path: Path) -> Columns:
    """Return the columns of some lines, checked, with ``id``, ``parent`` and all attributes; absent text is ``""``."""
    names, is_bed = _FIELDS[kind], _FIELDS[kind] is not _GFF
    rows = [line.split("\t") if "\t" in line else line.split() for _, line in lines]

    def where(row: int) -> str:
        return f"line {lines[row][0]:,} of {path}"

    for row, fields in enumerate(rows):
        if is_bed and len(fields) < 3:
            raise ValueError(f"{where(row)} has {len(fields)} columns; BED has at least chromosome, start and end")
        if not is_bed and len(fields) < 9:
            raise ValueError(
                f"{where(row)} has {len(fields)} columns; GFF3 and GTF have 9, with tabs between them: "
                f"{' '.join(fields)[:60]!r}"
            )
    columns: Columns = {
        name: np.array(texts, dtype=object)
        for name, texts in zip(names, itertools.zip_longest(*rows, fillvalue=""), strict=False)
    }
    empty = np.full(len(rows), "", dtype=object)
    strand = columns.get("strand", empty.copy())
    strand[(strand == "") if is_bed else (strand == "?")] = "."
    columns |= _positions(columns, first=0 if is_bed else 1, where=where) | {"strand": strand}
    _check_among("strand", strand, STRANDS, where)
    if is_bed:
        name = columns.get("name", empty)
        kind_column = np.full(len(rows), "region", dtype=object)
        return columns | {"id": empty, "kind": kind_column, "parent": empty, "name": np.where(name == ".", "", name)}
    _check_among("phase", columns["phase"], ("0", "1", "2", "."), where)
    columns["phase"] = np.where(columns["phase"] == ".", "-1", columns["phase"]).astype(np.int64)
    columns["score"][columns["score"] == "."] = ""
    code, chromosomes = pd.factorize(columns["chromosome"])
    columns["chromosome"] = np.array([unquote(name) for name in chromosomes], dtype=object)[code]
    attributes = columns.pop("attributes")
    return _with_gff3_attributes(columns, attributes) if kind == ".gff3" else _with_gtf_attributes(columns, attributes)


def _check_among(what: str, texts: Objects, known: Sequence[str], where: Callable[[int], str]) -> None:
    for row in np.flatnonzero(~pd.Series(texts).isin(known))[:1]:
        listed = f"{', '.join(map(repr, known[:-1]))} or {known[-1]!r}" if what == "strand" else "0, 1, 2 or '.'"
        raise ValueError(f"{where(row)}: a {what} is {listed}, got {texts[row]!r}")


def _positions(columns: Columns, *, first: int, where: Callable[[int], str]) -> Columns:
    """Return start and end, 0-based and half-open, of a format that counts from `first`."""
    texts = columns["start"], columns["end"]
    try:
        start, end = (text.astype(np.int64) for text in texts)
    except ValueError:
        row = next(row for row, pair in enumerate(zip(*texts, strict=True)) if not all(map(_is_whole, pair)))
        raise ValueError(
            f"{where(row)}: start and end are whole numbers, got {texts[0][row]!r} and {texts[1][row]!r}"
        ) from None
    start -= first
    for row in np.flatnonzero((start < 0) | (start >= end))[:1]:
        raise ValueError(
            f"{where(row)}: a region begins at {first} or later and holds at least one base, got {texts[0][row]} to "
            f"{texts[1][row]}"
        )
    return {"start": start, "end": end}


def _is_whole(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _gff3_attribute(text: str) -> tuple[str, str]:
    key, _, value = text.strip().partition("=")
    return key, value if key == "Parent" else unquote(value)  # a comma between parents is no part of a name


def _with_gff3_attributes(columns: Columns, attributes: Objects) -> Columns:
    values: dict[str, list[str]] = defaultdict(lambda: [""] * len(attributes))
    parents: list[list[str]] = []
    for row, text in enumerate(attributes):
        parents.append([])
        for key, value in (_gff3_attribute(pair) for pair in text.split(";") if "=" in pair):
            if key == "Parent":
                parents[-1] += map(unquote, value.split(","))
            else:
                values[key][row] = value
    own: Columns = {
        name: np.array(values.pop(key, [""] * len(attributes)), dtype=np.object_)
        for name, key in (("id", "ID"), ("name", "Name"))
    }
    columns = _with_attributes(columns | own | {"parent": own["id"]}, values)
    rows = np.repeat(np.arange(len(parents)), [max(1, len(some)) for some in parents])
    columns = {key: column[rows] for key, column in columns.items()}
    return columns | {"parent": np.array([name for some in parents for name in some or [""]], dtype=object)}


class _GtfAttributes(dict[str, tuple[str, str]]):
    """What lies between two semicolons, to key and value: most of it repeats from line to line.

    The key is empty where there is nothing, and a quote where this is no single attribute (a semicolon within quotes).
    """

    def __missing__(self, text: str) -> tuple[str, str]:
        pairs = _GTF_ATTRIBUTE.findall(text)
        whole = len(pairs) == 1 and text.count('"') % 2 == 0
        self[text] = (pairs[0][0], pairs[0][1] or pairs[0][2]) if whole else ('"' if text.strip() else "", "-")
        return self[text]


def _with_gtf_attributes(columns: Columns, attributes: Objects) -> Columns:
    code, texts = pd.factorize(attributes)  # an exon and its coding part have the same ones, as a rule
    values: dict[str, list[str]] = defaultdict(lambda: [""] * len(texts))

    def fill(row: int, pairs: Iterable[tuple[str, str]]) -> None:
        for key, value in pairs:
            column = values[key]
            column[row] = f"{column[row]},{value}" if column[row] else value

    known = _GtfAttributes()
    for row, text in enumerate(texts):
        fill(row, map(known.__getitem__, text.split(";")))
    for row in np.flatnonzero(values.pop('"', [])).tolist():
        for column in values.values():
            column[row] = ""
        fill(row, ((key, quoted or bare) for key, quoted, bare in _GTF_ATTRIBUTE.findall(texts[row])))
    values.pop("", None)
    own = {key: np.array(column, dtype=object)[code] for key, column in values.items()}
    empty, kind = np.full(len(code), "", dtype=object), columns["kind"]
    gene, transcript, name = (own.get(key, empty) for key in ("gene_id", "transcript_id", "gene_name"))
    parent = np.where(kind == "transcript", gene, np.where(transcript == "", gene, transcript))
    parent[kind == "gene"] = ""
    names = np.where(kind == "gene", gene, np.where(kind == "transcript", transcript, ""))
    return _with_attributes(columns | {"id": names, "parent": parent, "name": name}, own)


def _with_attributes(columns: Columns, values: Mapping[str, Any]) -> Columns:
    """Add attributes as columns; one with the name of a column keeps its values under another."""
    named = {f"attribute_{key}" if key in columns else key: column for key, column in values.items()}
    return columns | {key: np.array(column, dtype=object) for key, column in named.items()}


def _packed(columns: Columns) -> Columns:
    """Hold texts as categories: each text once, and two bytes a row."""
    return {key: pd.Categorical(values) if values.dtype == object else values for key, values in columns.items()}


def _joined(parts: list[Columns]) -> Columns:
    """Join columns of parts, which are used up, so that no more than one column is there twice."""
    sizes = [len(part["start"]) for part in parts]

    def join(key: str) -> Any:
        empty = (pd.Categorical.from_codes(np.zeros(n, dtype=np.int8), pd.Index([""])) for n in sizes)
        values = [part.pop(key, absent) for part, absent in zip(parts, empty, strict=True)]
        is_text = isinstance(values[0], pd.Categorical)
        return union_categoricals(values, sort_categories=True) if is_text else np.concatenate(values)

    return {key: join(key) for key in dict.fromkeys(key for part in parts for key in part)}


def _with_stop_codons(columns: Columns) -> Columns:
    """Give the coding parts of each transcript their stop codon, which GTF keeps apart."""
    start, end, parent = columns["start"], columns["end"], columns["parent"].codes
    coding = np.flatnonzero(columns["kind"] == "CDS")
    coding = coding[np.argsort(parent[coding], kind="stable")]
    edges = np.searchsorted(parent[coding], np.arange(parent.max() + 2))
    extra = []
    for stop in np.flatnonzero(columns["kind"] == "stop_codon").tolist():
        first, last = start[stop], end[stop]
        parts = coding[edges[parent[stop]] : edges[parent[stop] + 1]]
        if ((start[parts] <= first) & (last <= end[parts])).any():
            continue
        touching = parts[(end[parts] == first) | (start[parts] == last)]
        if len(touching) == 0:  # an intron lies between: what is left of the codon is a coding part of its own
            extra.append(stop)
        else:
            part = touching[0]
            start[part], end[part] = min(start[part], first), max(end[part], last)
    if extra:
        rows = np.concatenate([np.arange(len(start)), extra])
        columns = {key: columns.pop(key)[rows] for key in list(columns)}
        kind = np.asarray(columns["kind"])
        kind[len(start) :] = "CDS"
        columns["kind"] = pd.Categorical(kind)
    return columns


def _table(columns: Columns) -> pd.DataFrame:
    """Make the table of columns, which are used up: numbers, categories, names as text, no empty columns."""
    index = _unique_names(columns)
    table: dict[str, Any] = {}
    for name in (*COLUMNS, *(name for name in columns if name not in {*COLUMNS, "id"})):
        values = columns.pop(name)
        if name in COLUMNS or (values != (-1 if name == "phase" else "")).any():
            table[name] = _final(name, values)
    return pd.DataFrame(table, index=index, copy=False)


def _final(name: str, values: Any) -> Any:
    if name in _NUMBERS:
        return pd.to_numeric(values.categories, errors="coerce").to_numpy()[values.codes]
    return np.asarray(values) if name in {"parent", "name"} else values


def _unique_names(columns: Columns) -> "pd.Index[str]":
    """Return the features' names; those that occur again get -1, -2 ..."""
    from anndata.utils import make_index_unique

    names = _names(columns)
    codes = pd.factorize(names)[0]
    again = pd.Series(codes).groupby(codes, sort=False).cumcount().to_numpy()
    for row in np.flatnonzero(again):
        names[row] = f"{names[row]}-{again[row]}"
    index: pd.Index[str] = pd.Index(names)
    # Where a name with a number is the name of another feature, the next free number is looked for.
    return index if index.is_unique else make_index_unique(pd.Index(_names(columns)))


def _names(columns: Columns) -> NDArray[Any]:
    """Name features by their ID, else by what they are of which parent, else by their name, else by their position."""
    names, parent, kind = (np.array(columns[key], dtype=object) for key in ("id", "parent", "kind"))
    for row in np.flatnonzero(names == ""):
        if parent[row]:
            names[row] = f"{parent[row]}.{kind[row]}"
        else:
            position = f"{columns['chromosome'][row]}:{columns['start'][row]}-{columns['end'][row]}"
            names[row] = columns["name"][row] or position
    return names


def as_regions(regions: "str | Path | pd.DataFrame | AnnData") -> Annotation:
    """Return regions from a file, a table such as an annotated genome's ``obs``, or the genome itself, checked."""
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
    """Return the regions on chromosomes of the given lengths, and refuse those that don't fit them.

    On `circular` chromosomes a region may go on beyond the end. Regions on others than the given chromosomes are left
    out with a warning; if none is left, if the file states another length, or if a region goes beyond an end, it's an
    error.
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
        warn(f"{(~known).sum():,} of {len(known):,} regions are left out: the FASTA has no {_some(left_out)}")


def _some(names: Sequence[str]) -> str:
    return str(list(names[:5]))[:-1] + (f", ... {len(names):,} in all]" if len(names) > 5 else "]")
