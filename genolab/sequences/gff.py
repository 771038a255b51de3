"""Genes to GFF3, so that any genome browser shows them, and `genolab.data.read` reads them back as they were."""

from pathlib import Path
from typing import Final
from urllib.parse import quote

import pandas as pd

from genolab.sequences.annotation import features

_PLAIN: Final = (
    " !\"#$'()*+-./:<>?@[]^_`{|}~"  # all that GFF3 leaves as it is; ; = & , % and control characters are not
)
_FIXED: Final = ("chromosome", "start", "end", "strand", "kind", "parent", "phase", "score", "source", "name")


def to_gff3(genes: pd.DataFrame, path: str | Path, *, source: str = "genolab") -> Path:
    """Write features as GFF3.

    Parameters
    ----------
    genes
        Features in the form of an annotated genome's ``obs``, such as `decode` gives: ``chromosome start end strand
        kind parent``, and ``phase`` and ``score`` where they are known. The index names them; further columns become
        attributes.
    path
        The file; what was there is replaced.
    source
        What found them, for features without a ``source`` of their own.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    KeyError
        A column is missing.
    ValueError
        A name stands for two features.
    """
    table = features(genes)
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        raise ValueError(f"a name stands for one feature, {twice!r} for {(table.index == twice).sum()}: rename them")
    extra = [name for name in table.columns if name not in _FIXED]
    lines = ["##gff-version 3"]
    records = (dict(zip(table.columns, values, strict=True)) for values in table.itertuples(index=False, name=None))
    lines += [_line(str(name), row, extra, source) for name, row in zip(table.index, records, strict=True)]
    place = Path(path)
    place.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


def _line(name: str, row: dict[str, object], extra: list[str], source: str) -> str:
    attributes = {"ID": name, "Name": row.get("name"), "Parent": row["parent"]} | {key: row[key] for key in extra}
    told = ";".join(f"{_text(key)}={_text(value)}" for key, value in attributes.items() if _known(value))
    score, phase = row.get("score"), row.get("phase")
    values = [
        _column(row["chromosome"]),
        _column(row.get("source") or source),
        _column(row["kind"]),
        f"{int(str(row['start'])) + 1}",  # GFF3 counts from 1, and its ends are included
        f"{row['end']}",
        f"{score:.6g}" if isinstance(score, float) and score == score else ".",  # noqa: PLR0124 - NaN isn't itself
        str(row["strand"]),
        str(phase) if phase in {0, 1, 2} else ".",
        told,
    ]
    return "\t".join(values)


def _known(value: object) -> bool:
    return not (value is None or value == "" or (isinstance(value, float) and value != value))  # noqa: PLR0124


def _text(value: object) -> str:
    return quote(str(value), safe=_PLAIN)


def _column(value: object) -> str:
    return quote(str(value), safe=".:^*$@!+_?-|")
