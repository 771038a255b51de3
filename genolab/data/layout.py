"""How a table of text is laid out: its separator, its row of names, and what stands before it.

>>> frame = read_frame("screen.tsv")  # any table with names in its first row
>>> find_layout("screen.tsv").separator
"""

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from genolab.data.text import open_text

if TYPE_CHECKING:
    import pandas as pd

_NAMES: Final = {"\t": "tab", ";": "semicolon", ",": "comma", " ": "space"}  # where several fit, the first wins
_ROWS: Final = 20  # that are looked at
_SEP_LINE: Final = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's own first line
_DECIMAL_COMMA: Final = re.compile(r"\s*[-+]?\d*,\d+(e[-+]?\d+)?\s*", re.IGNORECASE)
_THOUSANDS: Final = re.compile(r"\s*[-+]?[1-9]\d{0,2}(,\d{3})+\s*")
_LARGEST: Final = 3.4028235e38  # of float32


class Layout(NamedTuple):
    """What the first lines of a table show."""

    separator: str
    header: list[str]  # as many as a row has fields; the corner is "" where it isn't there
    n_before: int  # lines before the first row of data


class _Fit(NamedTuple):
    """How well a separator fits, compared field by field."""

    share: float  # of the rows that have as many fields as the header
    has_corner: bool  # whether the header has a name for the first column too
    n_numbers: int


def find_layout(path: str | Path, *, separator: str | None = None) -> Layout:
    """Find the separator under which the lines of a table agree, and its row of names.

    Of tab, semicolon, comma and space it is the one under which most rows have as many fields as the row of names; the
    first of its names may be missing (as R writes it). Lines before it that begin with ``#`` are comments; the last of
    them is the row of names where it has a name for each field and no other line does. Excel's ``sep=;`` is heeded.
    """
    path = Path(path).expanduser()
    if separator is not None and len(separator) != 1:
        raise ValueError(f"separator must be one character, such as '\\t' or ';', got {separator!r}")
    before: list[str] = []
    with open_text(path) as opened:
        rows: list[str] = []
        for line in opened:
            if line.strip() and not line.startswith("#") and not _SEP_LINE.fullmatch(line):
                rows = [line, *islice(opened, _ROWS)]
                break
            before.append(line)
    named = next((match[1] for line in before if (match := _SEP_LINE.fullmatch(line))), None)
    return _layout(path, before, [row for row in rows if row.strip("\r\n")], separator or named)


def _layout(path: Path, before: Sequence[str], lines: Sequence[str], separator: str | None) -> Layout:
    candidates = [separator] if separator else list(_NAMES)
    marked = before[-1].lstrip("#") if before and before[-1].startswith("#") else ""
    best = _best(marked, lines, candidates)
    if best and best[0][:2] == (1.0, True) and (not marked.startswith(" ") or _all_numbers(lines[0], best[1])):
        return Layout(best[1], _names(marked, best[1]), len(before))
    best = _best(lines[0], lines[1:], candidates) if lines else None
    if best is None:
        raise ValueError(_no_table(path, lines, candidates))
    names = _names(lines[0], best[1])
    return Layout(best[1], names if best[0].has_corner else ["", *names], len(before) + 1)


def _best(header: str, rows: Sequence[str], candidates: Sequence[str]) -> tuple[_Fit, str] | None:
    fits = [(fit, one) for one in candidates if (fit := _fit(header, rows, one))]
    return max(fits, key=lambda pair: pair[0], default=None)


def _fit(header: str, rows: Sequence[str], separator: str) -> _Fit | None:
    width, table = len(_fields(header, separator)), _split(rows, separator)
    if width < 2 or not table:
        return None
    shares = [sum(len(row) == width + more for row in table) / len(table) for more in (0, 1)]
    marks = "." if separator == "," else ".,"
    numbers = sum(any(is_number(cell, mark) for mark in marks) for row in table for cell in row[1:])
    return _Fit(max(shares), shares[0] >= shares[1], numbers) if max(shares) else None


def _fields(line: str, separator: str) -> list[str]:
    return next(iter(_split([line], separator)), [])


def _names(line: str, separator: str) -> list[str]:
    return [name.strip() for name in _fields(line, separator)]


def _split(lines: Sequence[str], separator: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=separator))
    except csv.Error:  # a quote that is never closed, or a line that ends within a field
        return [line.rstrip("\r\n").split(separator) for line in lines]


def _all_numbers(line: str, separator: str) -> bool:
    return all(map(is_number, _fields(line, separator)[1:]))


def is_number(text: str, decimal: str = ".") -> bool:
    """Return whether a field is a finite number of float32, with a point or a comma before its fraction."""
    if decimal == ",":
        text = text.replace(".", "x").replace(",", ".")
    try:
        return abs(float(text)) <= _LARGEST
    except ValueError:
        return False


def fields_of(path: Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's line in the file, from 1, and its fields."""
    with open_text(path) as opened:
        for _ in range(layout.n_before):
            opened.readline()
        reader = csv.reader(opened, delimiter=layout.separator)
        for row in reader:
            if row:
                yield layout.n_before + reader.line_num, row


def has_decimal_commas(path: Path, layout: Layout, notes: Collection[int] = ()) -> bool:
    """Return whether numbers have a comma before their fraction, and not one that groups thousands; slow.

    Columns of `notes` aren't looked at. Between semicolons a comma is never one of thousands.
    """
    if layout.separator == ",":
        return False
    cells = (cell for _, row in fields_of(path, layout) for at, cell in enumerate(row) if at and at not in notes)
    with_comma = filter(_DECIMAL_COMMA.fullmatch, cells)
    return any(layout.separator == ";" or not _THOUSANDS.fullmatch(cell) for cell in with_comma)


def _no_table(path: Path, lines: Sequence[str], candidates: Sequence[str]) -> str:
    separator = max(candidates, key=lines[0].count) if lines else ","
    counts = [len(_fields(line, separator)) for line in lines[:2]]
    under = f"split at each {_NAMES.get(separator, separator)}, its first lines have {counts} fields"
    return (
        f"{path} is no table: it needs a first row of names and rows of as many fields, separated by tab, semicolon, "
        f"comma or space; {under if counts else 'it has no lines'}. If it is separated otherwise, pass separator."
    )


def read_frame(path: str | Path, *, separator: str | None = None) -> "pd.DataFrame":
    """Read a table with names in its first row, whatever its columns hold; see `find_layout`.

    ``attrs["separator"]`` is what was found: between semicolons, numbers have decimal commas.
    """
    import pandas as pd

    path = Path(path).expanduser()
    layout = find_layout(path, separator=separator)
    with open_text(path) as opened:
        for _ in range(layout.n_before):
            opened.readline()
        options: dict[str, Any] = {"sep": layout.separator, "header": None, "names": range(len(layout.header))}
        try:
            frame: pd.DataFrame = pd.read_csv(opened, index_col=False, low_memory=False, **options)
        except pd.errors.ParserError as error:
            raise ValueError(_too_long(path, layout) or f"{path}: {error}") from error
    frame = frame.set_axis([name or f"Unnamed: {at}" for at, name in enumerate(layout.header)], axis=1)
    frame.attrs["separator"] = layout.separator
    return frame


def _too_long(path: Path, layout: Layout) -> str | None:
    """Describe the first row that has more fields than there are names."""
    width = len(layout.header)
    wrong = next(((number, row) for number, row in fields_of(path, layout) if len(row) > width), None)
    return wrong and f"{path}: line {wrong[0]} has {len(wrong[1])} fields, and those before it {width}"
