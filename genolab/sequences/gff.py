"""Features to GFF3, so that any genome browser shows them, and `genolab.data.read` reads them back as they were."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pandas as pd

from genolab.sequences.annotation import check_features

_COLUMN_SAFE: Final = ".:^*$@!+_?-|"  # what the specification leaves as it is in the first columns
_ATTRIBUTE_SAFE: Final = "!\"#$'()*+-./:<>?@[]^_`{|}~"  # and in the ninth: all but ; = & , % and control characters
_FIXED: Final = ("chromosome", "start", "end", "strand", "kind", "parent", "phase", "score", "source", "name", "ID")


def to_gff3(genes: pd.DataFrame, path: str | Path, *, source: str = "genolab") -> Path:
    """Write features as GFF3, replacing the file.

    `genes` are features in the form of an annotated genome's ``obs``, such as `genolab.genes.decode` returns:
    ``chromosome start end strand kind parent``, and ``phase`` and ``score`` where they are known. The index names them,
    each once; further columns become attributes. `source` is what predicted them, for features without a ``source`` of
    their own.
    """
    table = check_features(genes)
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        raise ValueError(f"a name stands for one feature, {twice!r} for {(table.index == twice).sum()}: rename them")
    return write_gff3(table, path, source=source)


def write_gff3(
    table: pd.DataFrame, path: str | Path, *, source: str = "genolab", lengths: Mapping[str, int] | None = None
) -> Path:
    """Write features as GFF3; rows of one name are the parts of one feature, as the specification has it.

    As `to_gff3`, but ``parent`` may be missing. An attribute that is a tuple is written as its parts with spaces
    between them, as ``Target`` is (name, start, end, strand). `lengths` of chromosomes are written as
    ``##sequence-region``.
    """
    extra = [name for name in table.columns if name not in _FIXED]
    lines = ["##gff-version 3"]
    lines += [f"##sequence-region {_column(name)} 1 {length}" for name, length in (lengths or {}).items()]
    records = (dict(zip(table.columns, values, strict=True)) for values in table.itertuples(index=False, name=None))
    lines += [_line(str(name), row, extra, source) for name, row in zip(table.index, records, strict=True)]
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _line(name: str, row: dict[str, Any], extra: list[str], source: str) -> str:
    attributes = {"ID": row.get("ID") or name, "Name": row.get("name"), "Parent": row.get("parent")} | {
        key: row[key] for key in extra
    }
    given = {key: value for key, value in attributes.items() if not _is_missing(value)}
    score, phase = row.get("score"), row.get("phase")
    values = [
        _column(row["chromosome"]),
        _column(row.get("source") or source),
        _column(row["kind"]),
        f"{int(row['start']) + 1}",  # GFF3 counts from 1, and its ends are included
        f"{row['end']}",
        "." if _is_missing(score) else f"{score:.6g}" if isinstance(score, float) else str(score),
        str(row["strand"]),
        str(phase) if phase in {0, 1, 2} else ".",
        ";".join(f"{_attribute(key)}={_attribute(value)}" for key, value in given.items()),
    ]
    return "\t".join(values)


def _is_missing(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN


def _attribute(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(quote(str(part), safe=_ATTRIBUTE_SAFE) for part in value)
    return quote(str(value), safe=f" {_ATTRIBUTE_SAFE}")


def _column(value: object) -> str:
    return quote(str(value), safe=_COLUMN_SAFE)
