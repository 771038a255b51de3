"""What gives points their colour: a column of `obs`, or a gene, as the small codes that a browser draws from."""

import re
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from genolab import palette
from genolab.checks import check_key
from genolab.data.gene_names import find_gene, gene_values

Kind = Literal["none", "categories", "numbers"]
Codes = NDArray[np.uint8] | NDArray[np.uint16]

MAX_CATEGORIES: Final = 1000
"""A column with more different values than this names rows, it doesn't group them."""

_MAX_CLUSTERS: Final = 20  # whole numbers with so few different values are cluster numbers, not measurements
_LEVELS: Final = 65534  # steps of a colour scale in 16 bits; one more code stands for "no value"


@dataclass(frozen=True, eq=False)
class Colouring:
    """How `n` points are coloured.

    Attributes
    ----------
    name, source
        The column, or the gene by its symbol where it has one; ``None`` for one colour throughout. Where the values are
        from, in words.
    codes
        ``(n,)`` uint8 or uint16: the number of the category, or the step between `low` and `high`; the type's
        largest value stands for "no value". Empty for kind ``"none"``.
    labels, counts
        The categories and how many points each has.
    n_missing
        Points without a (finite) value.
    n_zero
        Points at zero, which are drawn pale; counted for a gene, most of whose values are zeros.
    low, high, top
        Ends of the colour scale, and the largest value, which lies above `high` where a few outliers would take up most
        of the scale.
    values
        ``(n,)`` float64, the numbers themselves; ``None`` for categories.
    """

    name: str | None
    kind: Kind
    source: str
    codes: Codes
    labels: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    n_missing: int = 0
    n_zero: int = 0
    low: float = 0.0
    high: float = 0.0
    top: float = 0.0
    values: NDArray[np.float64] | None = None

    @property
    def missing(self) -> int:
        """The code that stands for "no value"."""
        return int(np.iinfo(self.codes.dtype).max)

    def legend(self) -> dict[str, Any]:
        """Return all but the codes, as JSON can hold it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "source": self.source,
            "labels": self.labels,
            "counts": self.counts,
            "colours": palette.colours(len(self.labels)),
            "nMissing": self.n_missing,
            "nZero": self.n_zero,
            "missing": self.missing,
            "low": self.low,
            "high": self.high,
            "top": self.top,
        }

    def value(self, row: int) -> str | float | None:
        """Return what one point has: a label, a number, or ``None``."""
        if self.kind == "none" or self.codes[row] == self.missing:
            return None
        return self.labels[self.codes[row]] if self.values is None else float(self.values[row])


def colour_by(adata: AnnData, name: str | None, *, layer: str | None = None) -> Colouring:
    """Colour the rows of `adata` by a column of `obs` or, where no column has that name, by a gene.

    Text, booleans, categories, and whole numbers with at most 20 different values are categories; other numbers get a
    colour scale. A gene is named by its id or symbol; its values are from `layer`, or from ``X`` or else ``.raw``.
    """
    if layer is not None:
        check_key(adata, "layers", layer)
    if name is None:
        return Colouring(None, "none", "", np.empty(0, dtype=np.uint8))
    if name in adata.obs.columns:
        return _by_column(name, adata.obs[name])
    gene = find_gene(adata, name, layer=layer)
    values = gene_values(adata, gene)
    colouring = _by_numbers(gene.label, values, f"gene, from {gene.source}")
    return replace(colouring, n_zero=int((values == 0).sum())) if colouring.low == 0 < colouring.high else colouring


def _by_column(name: str, column: "pd.Series[Any]") -> Colouring:
    if column.ndim == 2:
        raise ValueError(f"obs has {column.shape[1]} columns named {name!r}: rename all but one")
    kind = pd.api.types
    column = column.infer_objects()  # numbers that are held as objects
    is_number = kind.is_numeric_dtype(column) and not (kind.is_bool_dtype(column) or kind.is_complex_dtype(column))
    if not is_number or (kind.is_integer_dtype(column) and column.nunique() <= _MAX_CLUSTERS):
        return _by_categories(name, column)
    return _by_numbers(name, column.to_numpy(dtype=np.float64, na_value=np.nan), "column of obs")


def _by_categories(name: str, column: "pd.Series[Any]") -> Colouring:
    groups = _categorical(column).cat
    n_groups = len(groups.categories)
    if n_groups > MAX_CATEGORIES:
        raise ValueError(
            f"a legend holds at most {MAX_CATEGORIES:,} categories; obs[{name!r}] has {n_groups:,}: "
            "colour by a coarser column"
        )
    signed = groups.codes.to_numpy()
    # -1, "no value", becomes the largest code of the narrowest type that holds all
    codes: Codes = signed.astype(np.uint8) if n_groups < np.iinfo(np.uint8).max else signed.astype(np.uint16)
    counts = np.bincount(signed[signed >= 0], minlength=n_groups)
    return Colouring(
        name,
        "categories",
        "column of obs",
        codes,
        labels=tuple(map(str, groups.categories)),
        counts=tuple(map(int, counts)),
        n_missing=int((signed < 0).sum()),
    )


def _categorical(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Keep the order of categories; put other text in the order of the numbers in it, "type 2" before "type 10"."""
    groups = column.astype("category")
    values = groups.cat.categories
    is_text = not isinstance(column.dtype, pd.CategoricalDtype) and all(isinstance(value, str) for value in values)
    return groups.cat.reorder_categories(sorted(values, key=_natural_order)) if is_text else groups


def _natural_order(label: str) -> list[tuple[int, float, str]]:
    parts = re.split(r"(\d+)", label)
    return [(0, float(part), "") if part.isdecimal() else (1, 0.0, part) for part in parts if part]


def _by_numbers(name: str, values: NDArray[np.float64], source: str) -> Colouring:
    known = np.isfinite(values)
    codes = np.full(len(values), _LEVELS + 1, dtype=np.uint16)
    if not known.any():
        return Colouring(name, "numbers", source, codes, n_missing=len(values), values=values)
    low, high, top = _scale(values[known])
    step = (np.clip(values[known], low, high) - low) / ((high - low) or 1.0)
    codes[known] = np.rint(step * _LEVELS).astype(np.uint16)
    n_missing = int((~known).sum())
    return Colouring(name, "numbers", source, codes, n_missing=n_missing, low=low, high=high, top=top, values=values)


def _scale(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return low, high and top: the whole range, unless 0.5 % of the points would take more than half of it."""
    low, top = float(values.min()), float(values.max())
    most = float(np.quantile(values, 0.995))
    return low, most if most > low and top - low > 2 * (most - low) else top, top
