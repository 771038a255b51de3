"""The explorer's tooltip for rows that are compounds: the structure, and what was measured."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from anndata import AnnData

from genolab.widgets.latent.tooltip import Hover, Part, picture, text
from genolab.widgets.shared.static import shorten

_WIDTH, _HEIGHT = 240, 170  # pixels of a structure
_MAX_SMILES: Final = 60  # characters under a structure
_SHOWN: Final = ("compound", "context", "response")  # columns of obs that stand under a structure


def compound_tooltip(adata: AnnData, _coordinates: Any) -> Hover | None:
    """Return the tooltip of rows that are compounds with a known structure; of other rows ``None``."""
    return None if "pair" in adata.obsm else _structure_tooltip(adata, adata.obs, range(adata.n_obs))


def response_tooltip(adata: AnnData, _coordinates: Any) -> Hover | None:
    """Return the tooltip of rows that are compounds in contexts; of other rows ``None``."""
    if "pair" not in adata.obsm:
        return None
    table = adata.uns.get("compounds")
    if not isinstance(table, pd.DataFrame):
        return _structure_tooltip(adata, adata.obs, range(adata.n_obs))
    return _structure_tooltip(adata, table, adata.obsm["pair"][:, 0])


def smiles_column(table: pd.DataFrame) -> str | None:
    """Return the name of the column that has the structures, if there is one."""
    return next((name for name in ("canonical", "smiles") if name in table), None)


def structure(smiles: str, *, width: int, height: int, caption: str = "") -> list[Part]:
    """Return a molecule's picture, drawn by RDKit; or as text why there is none."""
    from genolab.drugs import compounds  # loads RDKit, which an explorer seldom needs

    try:
        return [picture(compounds.draw(smiles, width=width, height=height).encode(), caption=caption, height=height)]
    except (ValueError, ImportError) as reason:
        return [text(str(reason))]


def _structure_tooltip(adata: AnnData, table: pd.DataFrame, rows: Sequence[int]) -> Hover | None:
    """Return the tooltip of rows whose compounds are `rows` of a table, with what was measured of each."""
    column = smiles_column(table)
    if column is None:
        return None

    def parts(row: int) -> list[Part]:
        smiles = str(table[column].iloc[rows[row]])
        values = [(name, adata.obs[name].iloc[row]) for name in _SHOWN if name in adata.obs]
        written = [f"{name}: {v:.3g}" if isinstance(v, float | np.floating) else f"{name}: {v}" for name, v in values]
        drawn = structure(smiles, width=_WIDTH, height=_HEIGHT, caption=shorten(smiles, _MAX_SMILES))
        refused = [text(smiles or "no structure is known")] if drawn[0]["kind"] == "text" else []
        return [*refused, *drawn, *map(text, written)]

    return parts
