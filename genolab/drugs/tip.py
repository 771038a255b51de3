"""What the explorer's tip shows of a row that is a compound: its structure, and what was measured."""

from typing import Any, Final

import numpy as np
import pandas as pd
from anndata import AnnData

from genolab.widgets.latent.tooltip import Part, picture, text

_WIDTH, _HEIGHT = 240, 170  # pixels of a structure
_MAX_SMILES: Final = 60  # characters under a structure
_SHOWN: Final = ("compound", "context", "response")  # columns of obs that stand under a structure


def compound_tip(adata: AnnData, _coordinates: Any) -> "StructureHover | None":
    """Return the tip of rows that are compounds with a known structure; of other rows ``None``."""
    return StructureHover(adata) if "pair" not in adata.obsm and _has_structures(adata) else None


def response_tip(adata: AnnData, _coordinates: Any) -> "StructureHover | None":
    """Return the tip of rows that are compounds in contexts; of other rows ``None``."""
    return StructureHover(adata) if "pair" in adata.obsm and _has_structures(adata) else None


class StructureHover:
    """The structure of a row's compound, drawn by RDKit, with its name and what was measured of it."""

    def __init__(self, adata: AnnData) -> None:
        self._adata = adata

    def __call__(self, row: int) -> list[Part]:
        """Return the parts of a row's tip; of a molecule that RDKit refuses, the SMILES as text."""
        from genolab.drugs import compounds  # loads RDKit, which an explorer else does without

        obs = self._adata.obs
        shown = [text(f"{name}: {_written(obs[name].iloc[row])}") for name in _SHOWN if name in obs]
        smiles = self._smiles(row)
        try:
            drawn = compounds.draw(smiles, width=_WIDTH, height=_HEIGHT).encode()
        except (ValueError, ImportError) as reason:
            return [text(smiles or "no structure is known"), text(str(reason)), *shown]
        caption = smiles if len(smiles) <= _MAX_SMILES else smiles[: _MAX_SMILES - 1] + "…"
        return [picture(drawn, caption=caption, height=_HEIGHT), *shown]

    def _smiles(self, row: int) -> str:
        table = _compounds(self._adata)
        assert table is not None  # `_has_structures` has looked
        name = _smiles_column(table)
        at = row if table is self._adata.obs else int(self._adata.obsm["pair"][row, 0])
        return str(table[name].iloc[at])


def _has_structures(adata: AnnData) -> bool:
    table = _compounds(adata)
    return table is not None and _smiles_column(table) is not None


def _compounds(adata: AnnData) -> pd.DataFrame | None:
    """Return the table with the rows' structures: that of the pairs, or the rows' own."""
    table = adata.uns.get("compounds")
    if "pair" in adata.obsm and isinstance(table, pd.DataFrame):
        return table
    return adata.obs if _smiles_column(adata.obs) is not None else None


def _smiles_column(table: pd.DataFrame) -> str | None:
    return next((name for name in ("canonical", "smiles") if name in table), None)


def _written(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)
