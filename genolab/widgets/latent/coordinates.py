"""What an explorer reads of an AnnData, checked: coordinates, masks, and what may be chosen."""

from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray

from genolab.checks import meant


def read_coordinates(adata: AnnData, basis: str | None) -> NDArray[Any] | None:
    """Return the coordinates that `basis` names, as they are; ``None`` for no basis."""
    if basis is None:
        return None
    if basis not in adata.obsm:
        raise KeyError(
            f"{basis!r} is not in obsm of this AnnData; obsm has {sorted(adata.obsm)}. To watch a run before there are "
            f"coordinates, pass basis=None{meant(basis, adata.obsm)}"
        )
    stored = adata.obsm[basis]
    values = stored.toarray() if hasattr(stored, "toarray") else np.asarray(stored)
    return checked_coordinates(values, adata, f"obsm[{basis!r}]")


def checked_coordinates(values: NDArray[Any], adata: AnnData, what: str) -> NDArray[Any]:
    """Return `values` if they are finite numbers, two or more a row; `what` names them in the error."""
    if values.ndim != 2 or values.shape[1] < 2 or not np.issubdtype(values.dtype, np.number):
        raise ValueError(
            f"coordinates are numbers, (n_obs, 2 or more); {what} has shape {values.shape} and type {values.dtype}"
        )
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        rows = ", ".join(map(repr, adata.obs_names[bad[:3]]))
        raise ValueError(
            f"every coordinate must be a finite number; {what} has NaN or infinity in {len(bad):,} of {len(values):,} "
            f"rows (the first: {rows}): leave them out with adata[np.isfinite(coordinates).all(axis=1)]"
        )
    return values


def checked_mask(mask: ArrayLike, adata: AnnData) -> NDArray[np.bool_]:
    """Return a copy of `mask` if it is one boolean a row, in the order of the rows."""
    if isinstance(mask, pd.Series) and not mask.index.equals(adata.obs_names):
        raise ValueError(
            "the selection is a Series whose index is not the AnnData's obs_names in their order: "
            "reindex it, mask.reindex(adata.obs_names), or pass mask.to_numpy()"
        )
    values = np.asarray(mask)
    if values.shape != (adata.n_obs,) or values.dtype != np.bool_:
        raise ValueError(
            f"a selection is one true or false a row, ({adata.n_obs:,},) booleans; got shape {values.shape} and type "
            f"{values.dtype}. From names: np.isin(adata.obs_names, names)"
        )
    return values.copy()


def unpacked_mask(bits: bytes | memoryview, n: int) -> NDArray[np.bool_]:
    """Return `n` booleans from a bitmask, the lowest bit first, as a browser sends it."""
    packed = np.frombuffer(bits, dtype=np.uint8)
    if len(packed) != -(-n // 8):
        raise ValueError(f"a selection of {n:,} rows has {-(-n // 8):,} bytes; {len(packed):,} came: select again")
    return np.unpackbits(packed, count=n, bitorder="little").view(np.bool_)


def choices(adata: AnnData) -> dict[str, Any]:
    """Name what can be shown: columns, and bases with their number of dimensions."""
    shapes: dict[str, tuple[int, ...]] = {key: getattr(value, "shape", ()) for key, value in adata.obsm.items()}
    bases = [[key, shape[1]] for key, shape in shapes.items() if len(shape) == 2 and shape[1] > 1]
    return {"columns": [str(name) for name in adata.obs.columns], "bases": bases}
