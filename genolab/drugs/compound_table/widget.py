"""A table of compounds to sort, filter and pick from, with the structure of the one that is looked at.

Python keeps the state and sends one page of rows, `_view`, so that a library of any size will do; the browser sends
what was clicked and typed, and Python answers with the next page.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import traitlets as t
from anndata import AnnData
from numpy.typing import NDArray

from genolab.checks import check_columns
from genolab.drugs.compound_table.rows import NO_VALUE, drawn, matches, number_format, written
from genolab.drugs.compound_table.static import page_png
from genolab.widgets.shared.base import NotebookWidget

if TYPE_CHECKING:
    from genolab.widgets.latent.widget import LatentExplorer

_LABELS: Final = ("name", "compound")  # columns that name a row, the first that is there
_UNSHOWN: Final = ("smiles", "canonical", "scaffold", "removed", "reason", "pick")  # the card has them


class CompoundTable(NotebookWidget):
    """Sort, filter and pick compounds, and see the structure of the one that is looked at.

    Parameters
    ----------
    table
        A row a compound: what `genolab.drugs.rank` returns, or any DataFrame; or an AnnData whose ``obs`` it is. It is
        read, and changed by `save_picks` and its button alone. Structures are drawn of ``canonical`` or ``smiles``.
    columns
        Those that are shown, in this order; ``None``: all but texts as long as SMILES.
    explorer
        A `LatentExplorer` that shows these compounds: the table can be narrowed to what is selected in it, and the
        picks be selected there.
    key
        Column whose values are the explorer's row names; ``None``: the explorer has the same rows in the same order.
    picks
        Column with the order of picking, above 0 where a row is picked, as `rank` gives it; where there is none,
        nothing is picked at first.
    rows
        Rows a page.

    Attributes
    ----------
    sort, ascending
        Column by which rows are sorted, ``""`` for their own order; set them to change it.
    query
        Rows that are shown: words that they hold anywhere, and comparisons such as ``score > 7, similarity < 0.4``.
    selected_only
        Whether only what is selected in the explorer is shown.
    n_picked
        Observe it to follow the picks.

    Examples
    --------
    >>> table = CompoundTable(ranked, explorer=explorer, key="name")
    >>> table  # tick some rows, then, in the next cell:
    >>> gl.drugs.to_sdf(table.picked, "shortlist.sdf")
    """

    sort = t.Unicode("").tag(sync=True)
    ascending = t.Bool(True).tag(sync=True)
    query = t.Unicode("").tag(sync=True)
    selected_only = t.Bool(False).tag(sync=True)
    n_picked = t.Int(0, read_only=True).tag(sync=True)

    _view = t.Dict().tag(sync=True)

    def __init__(
        self,
        table: "pd.DataFrame | AnnData",
        *,
        columns: Sequence[str] | None = None,
        explorer: "LatentExplorer | None" = None,
        key: str | None = None,
        picks: str = "pick",
        rows: int = 12,
    ) -> None:
        self._table = table.obs if isinstance(table, AnnData) else table
        if not all(isinstance(name, str) for name in self._table):
            raise ValueError("columns are named by texts: table.rename(columns=str)")
        if self._table.empty:
            raise ValueError("a CompoundTable needs at least one row and one column; this table has none")
        if rows < 1:
            raise ValueError(f"rows a page are at least 1, got {rows}")
        shown = [name for name in self._table if name not in _UNSHOWN] if columns is None else list(columns)
        self._columns = {self._column(name): number_format(self._table[name]) for name in shown}
        self._label = next((name for name in _LABELS if name in self._table), None)
        self._explorer, self._rows_of = explorer, _rows_of(self._table, explorer, key)
        self._picks = _picked(self._table, picks)
        # Columns that picks were read from or written to: these alone may be written over.
        self._own = {picks} if _holds_picks(self._table, picks) else set()
        self._size, self._first = rows, 0
        self._order: NDArray[np.int64] = np.arange(len(self._table))
        super().__init__()
        self.set_trait("n_picked", len(self._picks))
        self._find()
        self.observe(self._find, ["sort", "ascending", "query", "selected_only"])
        if explorer is not None:
            explorer.observe(self._update_selection, ["_mask"])

    # ---- in Python ---------------------------------------------------------------------------

    @property
    def picks(self) -> list[Any]:
        """Labels of the picked rows, ``table.index``, in the order of picking; assign labels to pick those."""
        return list(self._table.index[self._picks])

    @picks.setter
    def picks(self, labels: Iterable[Any]) -> None:
        wanted = list(labels)
        if not self._table.index.is_unique:
            raise ValueError(
                "picks are labels of the table's index, which must be unique: table.reset_index(drop=True)"
            )
        rows = self._table.index.get_indexer_for(pd.Index(wanted))
        if missing := [label for label, row in zip(wanted, rows, strict=True) if row < 0]:
            raise KeyError(f"picks are labels of the table's index; {missing[:5]} aren't")
        self._picks = list(dict.fromkeys(rows.tolist()))
        self._show()

    @property
    def picked(self) -> pd.DataFrame:
        """The picked rows of the table, in the order of picking."""
        return self._table.iloc[self._picks]

    @property
    def shown(self) -> pd.DataFrame:
        """The rows that the query leaves, as sorted; all pages."""
        return self._table.iloc[self._order]

    def save_picks(self, name: str = "pick") -> None:
        """Write the picks into the table, as a column of numbers: 1, 2 ... in the order of picking, else 0.

        A column that the picks weren't read from or written to before is kept, with a ``ValueError``.
        """
        name = name.strip()
        if not name or (name in self._table and name not in self._own):
            raise ValueError(f"picks go into a column of their own, and {name!r} is {'taken' if name else 'empty'}")
        numbers = np.zeros(len(self._table), dtype=np.int64)
        numbers[self._picks] = np.arange(1, len(self._picks) + 1)
        self._table[name] = numbers
        self._own.add(name)
        self._show(f"Saved {len(self._picks):,} picks as the column {name!r}.")

    def to_csv(self, path: str | Path) -> None:
        """Write the picked rows into a CSV file."""
        self.picked.to_csv(path, index=False)

    def png(self) -> bytes:
        """Draw the page that is shown, as a PNG."""
        return page_png(self._view)

    def __repr__(self) -> str:
        return f"CompoundTable: {len(self._order):,} of {len(self._table):,} compounds shown, {self.n_picked:,} picked"

    # ---- the page -----------------------------------------------------------------------------------------------

    def _column(self, name: Any) -> str:
        check_columns(self._table, name)
        return str(name)

    def _find(self, _: Any = None) -> None:
        """Take up another order or query, from the first page on."""
        keep = matches(self._table, self.query)
        if self.selected_only and self._explorer is not None:
            selection = self._explorer.selection
            keep &= np.where(self._rows_of >= 0, selection[self._rows_of], False)
        rows = np.flatnonzero(keep)
        if self.sort:
            column = self._table[self.sort].iloc[rows].reset_index(drop=True)
            kind = column if pd.api.types.is_numeric_dtype(column) else column.astype(str).where(column.notna())
            rows = rows[kind.sort_values(ascending=self.ascending, kind="stable", na_position="last").index]
        self._order, self._first = rows, 0
        self._show()

    def _show(self, message: str = "") -> None:
        """Make the page anew and publish it."""
        page = self._order[self._first : self._first + self._size]
        cells = {name: written(self._table[name].iloc[page], form) for name, form in self._columns.items()}
        rows = [
            {"row": int(row), "label": self._named(row), "picked": int(row) in self._picks, "cells": list(values)}
            for row, values in zip(page, zip(*cells.values(), strict=True), strict=True)
        ]
        view = {
            "columns": [{"name": n, "isNumber": pd.api.types.is_numeric_dtype(self._table[n])} for n in self._columns],
            "rows": rows,
            "first": self._first,
            "size": self._size,
            "nShown": len(self._order),
            "nAll": len(self._table),
            "sort": self.sort,
            "ascending": self.ascending,
            "isLinked": self._explorer is not None,
            "note": self._note() if any(NO_VALUE in of_column for of_column in cells.values()) else "",
        }
        self._publish(_view=view, n_picked=len(self._picks), message=message, _is_error=False)

    def _note(self) -> str:
        """Say why there are cells without a value."""
        n = self._table.attrs.get("n_described", len(self._table))
        beyond = f": the best {n:,} alone were described, by rank(..., describe={n})" if n < len(self._table) else ""
        return f"{NO_VALUE} no value{beyond}"

    def _named(self, row: int) -> str:
        return str(self._table.index[row] if self._label is None else self._table[self._label].iloc[row])

    # ---- changes -------------------------------------------------------------------------------------------

    @t.validate("sort")
    def _check_sort(self, proposal: Any) -> str:
        return self._column(proposal["value"]) if proposal["value"] else ""

    @t.validate("query")
    def _check_query(self, proposal: Any) -> str:
        matches(self._table.head(0), proposal["value"])  # or an error that says what is wrong with it
        return str(proposal["value"])

    def _update_selection(self, _: Any) -> None:
        if self.selected_only:
            self._find()

    def _select_picks(self) -> None:
        """Select the picks in the explorer."""
        if self._explorer is None:
            return
        mask = np.zeros(len(self._explorer.selection), dtype=np.bool_)
        there = self._rows_of[self._picks]
        mask[there[there >= 0]] = True
        self._explorer.select(mask)
        lost = int((there < 0).sum())
        self._show(f"{lost:,} of the picks {'is' if lost == 1 else 'are'} not in the explorer." if lost else "")

    def _pick(self, row: int, on: bool) -> None:
        self._picks = [one for one in self._picks if one != row] + [row] * on
        self._show()

    def _turn(self, first: int) -> None:
        """Show another page."""
        last = max(0, len(self._order) - 1) // self._size * self._size
        self._first = int(np.clip(first, 0, last)) // self._size * self._size
        self._show()

    def _handle(self, kind: str, content: dict[str, Any]) -> list[Any] | None:
        match kind:
            case "describe":
                return drawn(self._table, int(content["row"]))
            case "set":
                with self.hold_sync():  # one page, whatever changes
                    for name in ("query", "sort", "ascending", "selected_only"):
                        if name in content:
                            setattr(self, name, content[name])
            case "page":
                self._turn(int(content["first"]))
            case "pick":
                self._pick(int(content["row"]), bool(content["on"]))
            case "clear":
                self._picks = []
                self._show()
            case "explore":
                self._select_picks()
            case "save":
                self.save_picks(str(content["name"]))
        return None


def _holds_picks(table: pd.DataFrame, column: str) -> bool:
    return column in table and pd.api.types.is_numeric_dtype(table[column])


def _picked(table: pd.DataFrame, column: str) -> list[int]:
    """Return the rows that are picked already, in their order."""
    if not _holds_picks(table, column):
        return []
    numbers = table[column].fillna(0).to_numpy()
    rows = np.flatnonzero(numbers > 0)
    return [int(row) for row in rows[np.argsort(numbers[rows], kind="stable")]]


def _rows_of(table: pd.DataFrame, explorer: "LatentExplorer | None", key: str | None) -> NDArray[np.int64]:
    """Return the explorer's row of each row of the table, -1 where there is none."""
    if explorer is None:
        return np.full(len(table), -1)
    names = explorer.row_names
    if key is None:
        if len(names) != len(table):
            raise ValueError(
                f"the explorer shows {len(names):,} rows and the table has {len(table):,}: name the column that holds "
                "the explorer's row names by key="
            )
        return np.arange(len(table))
    check_columns(table, key)
    first = np.flatnonzero(~names.duplicated())
    rows = names[first].get_indexer(pd.Index(table[key].astype(str)))
    if (rows < 0).all():
        raise ValueError(f"no value of {key!r} is a row of the explorer, such as {names[0]!r}")
    return np.where(rows >= 0, first[rows], -1)
