"""Find a gene by its id in ``var_names`` or its symbol in a column of ``var``, in ``X`` or in ``.raw``.

>>> gene = find_gene(cells, "CD3D")  # also where var_names are Ensembl ids, or only .raw has it
>>> values = gene_values(cells, gene)
"""

from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy.sparse import issparse

from genolab.checks import check_key, listing, meant, warn

_SYMBOL_COLUMNS: Final = (
    *("feature_name", "gene_symbols", "gene_symbol", "gene_names", "gene_name", "symbols", "symbol"),
    *("hgnc_symbol", "mgi_symbol", "gene_short_name", "external_gene_name"),
)


class Gene(NamedTuple):
    """One gene of an AnnData.

    Attributes
    ----------
    label
        Its symbol, followed by its id where other genes have the same symbol; its id where it has no symbol.
    layer
        Where its values are: a layer, or ``None``: ``X`` or, if `is_raw`, ``.raw``.
    column
        Its place there.
    """

    id: str
    label: str
    layer: str | None
    is_raw: bool
    column: int

    @property
    def source(self) -> str:
        """Where its values are, in words."""
        return ".raw" if self.is_raw else self.layer or "X"


def symbols_of(var: pd.DataFrame) -> "pd.Series[str]":
    """Return each gene's symbol from the column of `var` that holds symbols; ``""`` where there is none."""
    columns = {str(name).lower(): name for name in var.columns}
    for name in _SYMBOL_COLUMNS:
        if name in columns:
            values = pd.Series(var[columns[name]]).astype(object)
            symbols = values.where(values.map(lambda value: isinstance(value, str)), "").str.strip()
            if (symbols != "").any():
                return symbols
    return pd.Series("", index=var.index, dtype=object)


def gene_table(adata: AnnData, *, layer: str | None = None) -> pd.DataFrame:
    """Return one row a gene: its ``id``, ``symbol`` and ``label``, and where it is, ``is_raw`` and ``column``.

    Genes that only ``.raw`` has come last, and not where a `layer` is asked for, which has none of them.
    """
    tables = [] if layer is None and adata.X is None else [_rows(adata.var, is_raw=False)]
    if layer is None and adata.raw is not None:
        tables.append(_rows(adata.raw.var, is_raw=True))
    if not tables:
        raise KeyError(
            f"a gene's values are taken from X, which is empty here: pass layer=, one of {list(adata.layers)}"
        )
    table = tables[0]
    if len(tables) > 1:
        table = pd.concat([table, tables[1][~tables[1]["id"].isin(table["id"])]], ignore_index=True)
    ids, symbols = table["id"], table["symbol"]
    is_shared = symbols.duplicated(keep=False) | symbols.isin(ids)
    named = symbols.where(~is_shared, symbols + " (" + ids + ")")
    table["label"] = ids.where((symbols == "") | (symbols == ids), named)
    return table


def _rows(var: pd.DataFrame, *, is_raw: bool) -> pd.DataFrame:
    ids = var.index.astype(str).astype(object)
    symbols = symbols_of(var).to_numpy()
    return pd.DataFrame({"id": ids, "symbol": symbols, "is_raw": is_raw, "column": np.arange(len(var))})


def find_gene(adata: AnnData, name: str, *, layer: str | None = None) -> Gene:
    """Find a gene by its id, label or symbol, in ``X`` or `layer`, or else in ``.raw``.

    Raises
    ------
    KeyError
        No gene has the name, or several have it as their symbol.
    """
    if layer is not None:
        check_key(adata, "layers", layer)
    table = gene_table(adata, layer=layer)
    found = next((rows for by in ("id", "label", "symbol") if len(rows := table[table[by] == name])), None)
    if found is None or name == "":
        raise KeyError(_unknown(adata, name, table))
    ids = found["id"].drop_duplicates()
    if len(ids) > 1:
        raise KeyError(f"{name!r} is the symbol of {len(ids)} genes: name one by its id, {listing(map(repr, ids))}")
    if len(found) > 1:
        warn(
            f"{len(found)} genes are named {name!r}, and the first is taken: tell them apart by var_names_make_unique()"
        )
    row = found.iloc[0]
    return Gene(row["id"], row["label"], layer, bool(row["is_raw"]), int(row["column"]))


def _unknown(adata: AnnData, name: str, table: pd.DataFrame) -> str:
    known = [*adata.obs.columns, *table["label"], *table["id"]]
    hint = meant(name, known) or f"; obs has {list(adata.obs.columns)}"
    return f"{name!r} is neither a column of obs nor a gene (var_names, or symbols in var){hint}"


def gene_values(adata: AnnData, gene: Gene) -> NDArray[np.float64]:
    """Return ``(n_obs,)`` values of one gene, whatever kind of matrix holds them."""
    held: Any = adata.X if gene.layer is None else adata.layers[gene.layer]
    if gene.is_raw:
        held = adata.raw.X
    column = held[:, [gene.column]]
    dense = column.toarray() if issparse(column) else column
    values: NDArray[np.float64] = np.asarray(dense, dtype=np.float64).ravel()
    return np.where(np.ma.getmaskarray(dense).ravel(), np.nan, values) if np.ma.isMaskedArray(dense) else values
