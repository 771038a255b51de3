"""Regions of a genome from BED, GFF3 and GTF: one table, 0-based and half-open, whatever the file counts from.

Every row has ``chromosome start end strand kind parent name``; all else that a file says becomes a column under the
name that it has there. The index has the features' names, unique. Files are read by parts, so that three million lines
of GTF need little more memory than their table.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.checks import warn
from genolab.data.faults import check_there, reads
from genolab.data.quiet import ignore_anndata_warnings
from genolab.data.text import open_text, unpacked_name

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
_GTF_QUOTED: Final = re.compile(r'\s*([^\s;"]+)\s+"([^"]*)"\s*')
_SEMICOLON: Final = "\0"  # stands for one within quotes
_GTF_LIKE: Final = re.compile(r"\s*[^\s;=\"]+\s+[^\s=]")  # a key, white space and a value; GFF3 has a = between them
_LINES: Final = 60_000  # read at once

_TEXTS: Final = ("id", "parent", "name")  # which the table holds as text; all others as sorted categories
_SAME: Final = ("chromosome", "kind", "strand")  # what the parts of a feature have in common

# What warnings say of a number of lines.
_SPACED: Final = "lines without the tabs of GFF3 and GTF were split at white space"
_NO_BASE: Final = "regions without a base are left out"
_NAMELESS: Final = "coding parts (CDS) without ID and Parent count each as a gene of its own"


class Annotation(NamedTuple):
    """The regions of a file, one a row; the lengths of chromosomes that it states; and those that it calls circular."""

    regions: pd.DataFrame
    lengths: Mapping[str, int]
    circular: tuple[str, ...]
    has_sequence: bool = False  # in a section ##FASTA of its own


@dataclass
class _Directives:
    """What lines that begin with ## say."""

    lengths: dict[str, int] = field(default_factory=dict)
    has_sequence: bool = False


@reads("regions of a genome")
def read_regions(path: str | Path) -> Annotation:
    """Read regions of a ``.bed .narrowPeak .broadPeak .gff3 .gff`` (GFF3) or ``.gtf`` file, gzipped or not.

    - BED: columns 4 to 12 become ``name score strand thick_start ...``; ``kind`` is ``region``.
    - GFF3: ``ID`` becomes the index, ``Name`` and ``Parent`` the columns ``name`` and ``parent``, every other attribute
      a column; ``%2C`` and the like are decoded, several values of one attribute are joined by commas. A feature with
      several parents is a row for each. The strand ``?`` (it has one, but which isn't known) reads as ``.``.
    - GTF: ``parent`` of a transcript is its gene, of everything else its transcript. GTF keeps the stop codon out of
      the coding parts and GFF3 has it in: here it is in.
    - ``phase`` is 0, 1 or 2, and -1 where there is none.
    - Whether a ``.gff`` or ``.gtf`` file has attributes of GFF3 or of GTF is seen in its first line that has some.
    - Lines of one ``ID`` without a ``Parent`` are parts of one feature: the column ``ID`` names it.
    - A feature over the origin of a circular chromosome is one row, whose end lies beyond the chromosome's length,
      whether it is written as one line or as two.

    Regions without a base are left out with a warning. A line that doesn't fit the format is a `ValueError` that names
    line and file.
    """
    path = Path(path).expanduser()
    kind = Path(unpacked_name(path).lower()).suffix
    kind = ".gff3" if kind == ".gff" else kind
    if kind not in _FIELDS:
        raise ValueError(f"regions come as .bed, .narrowPeak, .broadPeak, .gff3, .gff or .gtf, got {path.name}")
    check_there(path)
    stated = _Directives()
    notes: Counter[str] = Counter()
    parts: list[Columns] = []
    for lines in _batches(path, stated):
        columns = _parsed(lines, kind, path, notes)
        kind = kind if parts else _attribute_format(columns.get("attributes", ()), kind)
        if len(columns["start"]):
            parts.append(_packed(_with_attributes(columns, kind, notes)))
    for note, count in notes.items():
        warn(f"{path.name}: {note} ({count:,})")
    if not parts:
        raise ValueError(f"{path} holds no region: it has no line with a base but comments")
    columns = _joined(parts)
    if kind == ".gff3":
        columns["ID"] = _shared_ids(columns)
    table = _table(_with_stop_codons(columns) if kind == ".gtf" else columns)
    lengths, circular = _landmarks(table)
    lengths |= stated.lengths
    table = join_over_origins(table, {name: lengths[name] for name in circular})
    return Annotation(table, lengths, circular, stated.has_sequence)


def _landmarks(table: pd.DataFrame) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the lengths of the chromosomes that are features themselves, and those that are circular."""
    is_circular = table["Is_circular"].astype(str).str.lower() == "true" if "Is_circular" in table else False
    whole = table[((table["kind"] == "chromosome") | is_circular) & (table["start"] == 0)]
    lengths = {str(name): int(end) for name, end in zip(whole["chromosome"], whole["end"], strict=True)}
    circular = dict.fromkeys(map(str, table["chromosome"][is_circular])) if "Is_circular" in table else ()
    return lengths, tuple(name for name in circular if name in lengths)


def join_over_origins(table: pd.DataFrame, sizes: Mapping[str, int]) -> pd.DataFrame:
    """Make one row of a feature that is written as two lines, before and after the origin of a circle."""
    if not sizes or not {"kind", "parent"}.issubset(table.columns):
        return table
    on = table["chromosome"].astype(str)
    size = on.map(sizes)
    before = np.flatnonzero((table["end"] == size) & (table["start"] > 0))
    after = np.flatnonzero((table["end"] < size) & (table["start"] == 0))
    feature = np.where(table["parent"] == "", table.get("ID", ""), table["parent"])
    keys = list(zip(on, table["kind"], table["strand"], feature, strict=True)) if len(before) and len(after) else []
    first = {keys[row]: row for row in before if feature[row]}
    pairs = [(first[keys[row]], row) for row in after if keys[row] in first] if keys else []
    if not pairs:
        return _shift_beyond_origins(table, sizes)
    columns = {name: table[name].to_numpy(copy=True) for name in ("end", "phase") if name in table}
    names = table.index.to_numpy(copy=True)
    for row, rest in pairs:
        columns["end"][row] += columns["end"][rest]
        names[row] = names[min(row, rest)]
        if "phase" in columns and table["strand"].iloc[row] == "-":  # whose first base is in the part after the origin
            columns["phase"][row] = columns["phase"][rest]
    keep = np.delete(np.arange(len(table)), [rest for _, rest in pairs])
    return _shift_beyond_origins(table.assign(**columns).set_axis(names, axis=0).iloc[keep], sizes)


def _shift_beyond_origins(table: pd.DataFrame, sizes: Mapping[str, int]) -> pd.DataFrame:
    """Count the parts of a feature that lie after the origin of a circle on from those before it.

    The widest gap between two parts is then no intron: it is wider than that over the origin, and than half the circle.
    """
    feature = np.where(table["parent"] == "", table.get("ID", ""), table["parent"])
    is_part = table["chromosome"].isin(list(sizes)) & table["kind"].isin(["CDS", "exon"]) & (feature != "")
    keys = pd.DataFrame({"feature": feature, **{name: table[name].astype(str) for name in _SAME}})[is_part]
    keys = keys.assign(row=np.flatnonzero(is_part))[keys.duplicated(keep=False)]
    moves = np.zeros(len(table), dtype=np.int64)
    for (on, *_), group in keys.groupby([*_SAME, "feature"]):
        rows, size = group["row"].to_numpy(), sizes[on]
        rows = rows[np.argsort(table["start"].to_numpy()[rows], kind="stable")]
        start, end = (table[name].to_numpy()[rows] for name in ("start", "end"))
        gaps, over = start[1:] - end[:-1], start[0] + size - end[-1]
        widest = int(gaps.argmax())
        if gaps[widest] > over and (end[-1] > size or gaps[widest] > size / 2):
            moves[rows[: widest + 1]] = size
    return table.assign(start=table["start"] + moves, end=table["end"] + moves) if moves.any() else table


def _batches(path: Path, stated: _Directives) -> Iterator[dict[int, str]]:
    """Yield lines with a region by their numbers; ``##sequence-region`` fills `stated`, ``##FASTA`` ends them."""
    with open_text(path) as opened:
        first, is_over = 1, False
        while not is_over and (lines := list(itertools.islice(opened, _LINES))):
            batch = dict(enumerate([line.rstrip("\r\n") for line in lines], start=first))
            is_over = _leave_out_comments(batch, stated)
            first += len(lines)
            if batch:
                yield batch


def _leave_out_comments(lines: dict[int, str], stated: _Directives) -> bool:
    """Take lines without a region out; return whether a FASTA section begins, which goes with them."""
    for number in [number for number, line in lines.items() if line[:1] in "#>tb \t"]:  # few of millions
        line = lines[number]
        if line.startswith(("##FASTA", ">")):
            stated.has_sequence = line[0] == "#"
            for rest in range(number, max(lines) + 1):
                del lines[rest]
            return True
        parts = line.split()
        if line.startswith("##sequence-region") and len(parts) == 4 and parts[3].isdigit():
            stated.lengths[unquote(parts[1])] = int(parts[3])
        if not parts or line.startswith(("#", "track ", "browser ")):
            del lines[number]
    return False


def _parsed(lines: dict[int, str], kind: str, path: Path, notes: Counter[str]) -> Columns:
    """Return the columns of some lines, checked, attributes as they are; absent text is ``""``."""
    names, is_bed = _FIELDS[kind], _FIELDS[kind] is not _GFF

    def where(row: int) -> str:
        return f"line {list(lines)[row]:,} of {path}"

    columns: Columns = dict(zip(names, _split(list(lines.values()), is_bed=is_bed, where=where), strict=False))
    if not is_bed and (spaced := [line for line in lines.values() if "\t" not in line]):
        notes[_SPACED] += len(spaced)
    strand = columns.setdefault("strand", np.full(len(lines), "", dtype=object))
    strand[(strand == "") if is_bed else (strand == "?")] = "."
    columns |= _positions(columns, first=0 if is_bed else 1, where=where)
    _check_among("strand", strand, STRANDS, where)
    if not is_bed:
        _check_among("phase", columns["phase"], ("0", "1", "2", "."), where)
    holds = columns["start"] < columns["end"]
    if not holds.all():
        notes[_NO_BASE] += int((~holds).sum())
        columns = {key: column[holds] for key, column in columns.items()}
    return columns


def _split(lines: list[str], *, is_bed: bool, where: Callable[[int], str]) -> Iterator[Objects]:
    """Yield the columns of lines; the last ones of BED may be missing, and attributes go to the end of the line."""
    widths = {line.count("\t") + 1 for line in lines}
    width = max(widths)
    if len(widths) == 1 and (width == len(_GFF) or (is_bed and width >= 3)):  # a list a line would take thrice the time
        fields = "\t".join(lines).split("\t")
    else:
        rows = [line.split("\t" if "\t" in line else None, -1 if is_bed else len(_GFF) - 1) for line in lines]
        for row, some in enumerate(rows):
            if is_bed and len(some) < 3:
                raise ValueError(f"{where(row)} has {len(some)} columns; BED has at least chromosome, start and end")
            if not is_bed and len(some) < 9:
                raise ValueError(
                    f"{where(row)} has {len(some)} columns; GFF3 and GTF have 9, with tabs between them: "
                    f"{' '.join(some)[:60]!r}"
                )
        width = max(map(len, rows))
        fields = [text for some in rows for text in some + [""] * (width - len(some))]
    for column in range(width):
        yield np.array(fields[column::width], dtype=object)


def _attribute_format(attributes: Iterable[str], kind: str) -> str:
    """Return ``.gff3`` or ``.gtf`` by the first attributes that show which they are, else `kind`."""
    for text in attributes:
        if _GTF_LIKE.match(text) and ('"' in text or "=" not in text):
            return ".gtf"
        if "=" in text:
            return ".gff3"
    return kind


def _with_attributes(columns: Columns, kind: str, notes: Counter[str]) -> Columns:
    """Return the columns with ``id``, ``parent`` and all attributes of a format."""
    empty = np.full(len(columns["start"]), "", dtype=object)
    if "attributes" not in columns:
        name = columns.get("name", empty)
        kinds = np.full(len(empty), "region", dtype=object)
        return columns | {"id": empty, "kind": kinds, "parent": empty, "name": np.where(name == ".", "", name)}
    columns["phase"] = np.where(columns["phase"] == ".", "-1", columns["phase"]).astype(np.int64)
    columns["score"][columns["score"] == "."] = ""
    code, chromosomes = pd.factorize(columns["chromosome"])
    columns["chromosome"] = np.array([unquote(name) for name in chromosomes], dtype=object)[code]
    attributes = columns.pop("attributes")
    columns = (_with_gff3_attributes if kind == ".gff3" else _with_gtf_attributes)(columns, attributes)
    nameless = (columns["kind"] == "CDS") & (columns["id"] == "") & (columns["parent"] == "")
    if nameless.any():
        notes[_NAMELESS] += int(nameless.sum())
    return columns


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
            f"{where(row)}: start and end are whole numbers, got {texts[0][row]!r} and {texts[1][row]!r}; a header "
            "begins with #"
        ) from None
    start -= first
    for row in np.flatnonzero((start < 0) | (start > end))[:1]:
        raise ValueError(
            f"{where(row)}: a region begins at {first} or later and ends where it begins or after that, on either "
            f"strand, got {texts[0][row]} to {texts[1][row]}; over the origin of a circular chromosome its end goes on "
            "beyond the chromosome's length"
        )
    return {"start": start, "end": end}


def _is_whole(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _gff3_attribute(text: str) -> tuple[str, str]:
    key, _, value = map(str.strip, text.partition("="))
    return key, value if key == "Parent" else unquote(value)  # a comma between parents is no part of a name


def _gtf_attribute(text: str) -> tuple[str, str]:
    """Return key and value; the key is a quote where this is no single attribute, and empty where there is none."""
    if alone := _GTF_QUOTED.fullmatch(text):
        return alone[1], alone[2].replace(_SEMICOLON, ";")
    if '"' not in text:  # a value goes on to the semicolon
        key, *value = text.split(None, 1) or [""]
        return (key, value[0].strip()) if value else ("", key)
    pairs = _GTF_ATTRIBUTE.findall(text)
    whole = len(pairs) == 1 and text.count('"') % 2 == 0
    return (pairs[0][0], pairs[0][1] or pairs[0][2]) if whole else ('"', text)


def _attribute_columns(lines: Objects, pair: Callable[[str], tuple[str, str]]) -> Columns:
    """Return the values of each key as categories, ``""`` in lines without it; commas join several, each once.

    What lies between two semicolons repeats from line to line, so a `pair` of key and value is made once of each text.
    """
    code, texts = pd.factorize(np.array(";".join(lines).split(";"), dtype=object))
    line = np.repeat(np.arange(len(lines)), [text.count(";") + 1 for text in lines])
    pairs = [("", ""), *map(pair, texts)]
    value, values = pd.factorize(np.array([value for _, value in pairs], dtype=object))  # 0 is ""
    key, keys = pd.factorize(np.array([key for key, _ in pairs], dtype=object))
    value, key = value[1:][code], key[1:][code]
    columns = {}
    for number, name in enumerate(keys):
        at = np.flatnonzero((key == number) & (value > 0))
        columns[name] = _column(values, value[at], line[at], len(lines))
    return columns


def _column(texts: Objects, text: Any, line: Any, n: int) -> "pd.Categorical[str]":
    """Return a column of `n` lines, which has some texts in some of its lines, in ascending order."""
    column = np.zeros(n, dtype=np.int64)
    column[line] = text
    code, used = pd.factorize(column)
    packed = pd.Categorical.from_codes(code, pd.Index(texts[used]))
    if (np.diff(line) > 0).all():
        return packed
    is_new = ~pd.Series(line * len(texts) + text).duplicated().to_numpy()
    line, text = line[is_new], text[is_new]
    rank = np.arange(len(line)) - np.searchsorted(line, line)
    joined = np.array(packed, dtype=object)
    joined[line[rank == 0]] = texts[text[rank == 0]]
    for again in range(1, rank.max() + 1):
        joined[line[rank == again]] += "," + texts[text[rank == again]]
    return _pack(joined)


def _with_gff3_attributes(columns: Columns, attributes: Objects) -> Columns:
    values, none = _attribute_columns(attributes, _gff3_attribute), np.full(len(attributes), "", dtype=object)
    names = (("id", "ID"), ("name", "Name"), ("parent", "Parent"))
    own = {name: np.asarray(values.pop(key, none)) for name, key in names}
    parents = [[unquote(name) for name in text.split(",") if name] or [""] for text in own["parent"]]
    rows = np.repeat(np.arange(len(parents)), [len(some) for some in parents])
    columns = {key: column[rows] for key, column in _beside(columns | own, values).items()}
    return columns | {"parent": np.array([*itertools.chain.from_iterable(parents)], dtype=object)}


def _with_gtf_attributes(columns: Columns, attributes: Objects) -> Columns:
    code, lines = pd.factorize(attributes)  # an exon and its coding part have the same ones, as a rule
    own = _attribute_columns(lines, _gtf_attribute)
    if '"' in own:
        for row in np.flatnonzero(own['"'] != ""):
            pairs = (pair[0] for pair in _GTF_ATTRIBUTE.finditer(lines[row]))
            lines[row] = ";".join(pair.replace(";", _SEMICOLON) for pair in pairs)
        own = _attribute_columns(lines, _gtf_attribute)
    own = {key: column[code] for key, column in own.items()}
    empty, kind = np.full(len(code), "", dtype=object), columns["kind"]
    bare = np.asarray(own.pop("", empty))  # Augustus names genes so
    gene, transcript, name = (np.asarray(own.get(key, empty)) for key in ("gene_id", "transcript_id", "gene_name"))
    is_gene, is_transcript = kind == "gene", kind == "transcript"
    gene = np.where(is_gene & (gene == ""), bare, gene)
    transcript = np.where(is_transcript & (transcript == ""), bare, transcript)
    parent = np.where(is_transcript | (transcript == ""), gene, transcript)
    parent[is_gene] = ""
    names = np.where(is_gene, gene, np.where(is_transcript, transcript, ""))
    return _beside(columns | {"id": names, "parent": parent, "name": name}, own)


def _beside(columns: Columns, values: Mapping[str, Any]) -> Columns:
    """Add attributes as columns; one with the name of a column keeps its values under another."""
    named = {f"attribute_{key}" if key in columns else key: column for key, column in values.items()}
    return columns | named


def _packed(columns: Columns) -> Columns:
    """Hold texts as categories: each text once, and two bytes a row."""
    return {key: _pack(values) if values.dtype == object else values for key, values in columns.items()}


def _pack(texts: Objects) -> "pd.Categorical[str]":
    code, used = pd.factorize(texts)
    return pd.Categorical.from_codes(code, pd.Index(used))


def _joined(parts: list[Columns]) -> Columns:
    """Join columns of parts, which are used up, so that no more than one column is there twice."""
    sizes = [len(part["start"]) for part in parts]

    def join(key: str) -> Any:
        empty = (pd.Categorical.from_codes(np.zeros(n, dtype=np.int8), pd.Index([""])) for n in sizes)
        values = [part.pop(key, absent) for part, absent in zip(parts, empty, strict=True)]
        if isinstance(values[0], pd.Categorical):
            return _joined_texts(values, sort=key not in _TEXTS)
        return np.concatenate(values)

    return {key: join(key) for key in dict.fromkeys(key for part in parts for key in part)}


def _joined_texts(parts: "list[pd.Categorical[str]]", *, sort: bool) -> "pd.Categorical[str]":
    """Join categories as pandas' `union_categoricals` does, but look at each text once."""
    code, used = pd.factorize(np.concatenate([part.categories for part in parts]), sort=sort)
    ends = np.cumsum([len(part.categories) for part in parts])
    of_part = np.split(code.astype(np.min_scalar_type(-len(used))), ends[:-1])
    codes = np.concatenate([new[part.codes] for new, part in zip(of_part, parts, strict=True)])
    return pd.Categorical.from_codes(codes, pd.Index(used))


def _with_stop_codons(columns: Columns) -> Columns:
    """Give the coding parts of each transcript their stop codon, which GTF keeps apart."""
    start, end = columns["start"], columns["end"]
    # A transcript may lie on two chromosomes (X and Y share regions), and one name may stand for all unknown ones.
    place = columns["parent"].codes.astype(np.int64)
    for other in (columns["chromosome"], columns.get("gene_id")):
        if other is not None:
            place = pd.factorize(place * len(other.categories) + other.codes)[0]
    coding = np.flatnonzero(columns["kind"] == "CDS")
    coding = coding[np.argsort(place[coding], kind="stable")]
    edges = np.searchsorted(place[coding], np.arange(place.max() + 2))
    extra = []
    for stop in np.flatnonzero((columns["kind"] == "stop_codon") & (columns["parent"] != "")).tolist():
        first, last = start[stop], end[stop]
        parts = coding[edges[place[stop]] : edges[place[stop] + 1]]
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
    return np.asarray(values) if name in _TEXTS else values


def _shared_ids(columns: Columns) -> "pd.Categorical[str]":
    """Return the IDs of features without a parent that are written in several lines, else ``""``."""
    ids = pd.Series(np.where(columns["parent"] == "", np.asarray(columns["id"], dtype=object), ""))
    return pd.Categorical(ids.where(ids.duplicated(keep=False), ""))


def _unique_names(columns: Columns) -> "pd.Index[str]":
    """Return the features' names; those that occur again get -1, -2 ..."""
    from anndata.utils import make_index_unique

    names = _names(columns)
    codes = pd.factorize(names)[0]
    again = pd.Series(codes).groupby(codes, sort=False).cumcount().to_numpy()
    rows = np.flatnonzero(again)
    names[rows] = [f"{name}-{number}" for name, number in zip(names[rows], again[rows].tolist(), strict=True)]
    index: pd.Index[str] = pd.Index(names)
    # Where a name with a number is the name of another feature, the next free number is looked for.
    with ignore_anndata_warnings():
        return index if index.is_unique else make_index_unique(pd.Index(_names(columns)))


def _names(columns: Columns) -> NDArray[Any]:
    """Name features by their ID, else by what they are of which parent, else by their name, else by their position."""
    names, parent, kind, name = (np.array(columns[key], dtype=object) for key in ("id", "parent", "kind", "name"))
    is_part = (names == "") & (parent != "")
    names[is_part] = parent[is_part] + "." + kind[is_part]
    names = np.where(names == "", name, names)
    for row in np.flatnonzero(names == ""):
        names[row] = f"{columns['chromosome'][row]}:{columns['start'][row]}-{columns['end'][row]}"
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
    beyond = np.flatnonzero(np.where(round_, table["end"] > 2 * end, table["end"] > end) | (table["start"] < 0))
    if len(beyond):
        row = table.iloc[beyond[0]]
        raise ValueError(
            f"regions lie within their chromosome: {table.index[beyond[0]]!r} is {row['start']:,} to {row['end']:,} of "
            f"{row['chromosome']!r}, which has {end[beyond[0]]:,} bases ({len(beyond):,} such regions): "
            "are both files of one assembly? A circular chromosome is one that the GFF3 has as a feature with "
            "Is_circular=true"
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
