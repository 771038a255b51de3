"""What a `CompoundTable` shows of rows: which match a query, their cells as text, and the card of one."""

import re
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.checks import check_columns
from genolab.drugs.tooltip import smiles_column, structure
from genolab.widgets.latent.tooltip import Part, text
from genolab.widgets.shared.static import shorten

_COMPARISON: Final = re.compile(r"^\s*(?P<column>.+?)\s*(?P<sign><=|>=|<|>|=)\s*(?P<value>[^<>=]+?)\s*$")
_WIDTH, _HEIGHT = 250, 180  # pixels of a structure
NO_VALUE: Final = "\u2013"
_HIDDEN: Final = 0.01  # of the numbers may read as zero
_MAX_LENGTH: Final = 80  # characters of a value that the card shows


def matches(table: pd.DataFrame, query: str) -> NDArray[np.bool_]:
    """Return which rows hold all parts of a query, divided by commas: words anywhere in a row, or comparisons."""
    keep = np.ones(len(table), dtype=np.bool_)
    for part in filter(None, (part.strip() for part in query.split(","))):
        comparison = _COMPARISON.match(part)
        keep &= _compared(table, **comparison.groupdict()) if comparison else _holding(table, part)
    return keep


def _compared(table: pd.DataFrame, column: str, sign: str, value: str) -> NDArray[np.bool_]:
    check_columns(table, column)
    cells = table[column]
    if not pd.api.types.is_numeric_dtype(cells):
        if sign != "=":
            raise ValueError(f"{column!r} holds text, which is compared by =, such as {column} = {value}")
        return (cells.astype(str) == value).to_numpy()
    try:
        number = float(value)
    except ValueError as error:
        raise ValueError(f"{column!r} holds numbers, and {value!r} is none") from error
    compare = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "=": np.equal}[sign]
    holds: NDArray[np.bool_] = compare(cells.to_numpy(dtype=np.float64, na_value=np.nan), number)
    return holds


def _holding(table: pd.DataFrame, words: str) -> NDArray[np.bool_]:
    """Return which rows have the words anywhere, in any case."""
    keep = np.zeros(len(table), dtype=np.bool_)
    for name in table:
        keep |= table[name].astype(str).str.contains(words, case=False, regex=False).to_numpy()
    return keep


def number_format(column: "pd.Series[Any]") -> str:
    """Return the format of a column's numbers: the same decimals for all, four digits for the largest.

    Where decimals would turn small numbers into zeros, such as p-values, each has its own four digits.
    """
    if not pd.api.types.is_float_dtype(column):
        return ""
    sizes = np.abs(column.to_numpy(dtype=np.float64, na_value=np.nan))
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    if len(sizes) == 0 or (sizes == np.rint(sizes)).all():
        return ".0f"
    decimals = max(0, 3 - int(np.floor(np.log10(sizes.max()))))
    hidden = np.mean(sizes < 0.5 * 10.0**-decimals)
    return ".4g" if hidden > _HIDDEN else f".{decimals}f"


def written(cells: "pd.Series[Any]", form: str) -> list[str]:
    """Return cells as text: numbers in a format of `number_format`, a dash where nothing is known."""
    return [_written(value, form) or NO_VALUE for value in cells]


def _written(value: Any, form: str = ".4g") -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    return f"{value:{form or '.4g'}}" if isinstance(value, float | np.floating) else str(value)


def drawn(table: pd.DataFrame, row: int) -> list[Part]:
    """Return the card of a row: the structure, where there is one, and every value."""
    values = table.iloc[row]
    written = [(str(name), _written(value)) for name, value in values.items()]
    lines = [text(f"{name}: {shorten(value, _MAX_LENGTH)}") for name, value in written if value]
    column = smiles_column(table)
    smiles = "" if column is None else str(values[column])
    return [*(structure(smiles, width=_WIDTH, height=_HEIGHT) if smiles else ()), *lines]
