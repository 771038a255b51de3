"""Raw counts: where they are in an AnnData, whether they are counts, and the quality of each cell."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

Mask = NDArray[np.bool_]

_BLOCK_ROWS: Final = 8192  # values are checked by blocks of rows, so that the check needs little memory of its own


def counts_of(adata: AnnData) -> Any:
    """Return the raw counts, checked: ``layers["counts"]``, or else ``X``.

    Returns
    -------
    numpy.ndarray or scipy.sparse.csr_matrix
        ``(n_obs, n_vars)`` whole numbers of at least 0. Shares memory with `adata` where that is possible.
    """
    if 0 in adata.shape:
        raise ValueError(f"there must be cells and genes, got {adata.n_obs:,} cells x {adata.n_vars:,} genes")
    where = "layers['counts']" if "counts" in adata.layers else "X"
    matrix = adata.layers.get("counts", adata.X)
    if matrix is None:
        raise ValueError(f"counts are looked for in layers['counts'] and X; X is empty, layers has {layers_of(adata)}")
    counts = in_memory(matrix)
    check_counts(counts, where, adata)
    return counts


def quality(adata: AnnData) -> pd.DataFrame:
    """Measure each cell's quality from its counts; nothing is filtered and `adata` is not changed.

    Returns
    -------
    DataFrame
        Indexed as ``obs``, with scanpy's names: ``n_genes_by_counts``, ``total_counts``, and, where there are
        mitochondrial genes (named ``MT-...`` or ``mt-...``, or marked in a boolean column ``var["mt"]``),
        ``total_counts_mt`` and ``pct_counts_mt`` in percent (NaN for a cell without counts).
    """
    return quality_of(adata, counts_of(adata))


def quality_of(adata: AnnData, counts: Any) -> pd.DataFrame:
    """Return `quality` for counts that were checked already."""
    import scanpy as sc

    var = pd.DataFrame({"mt": _mitochondrial(adata)}, index=adata.var_names)
    light = AnnData(without_stored_zeros(counts), obs=pd.DataFrame(index=adata.obs_names), var=var)
    among = ["mt"] if var["mt"].any() else []
    metrics, _ = sc.pp.calculate_qc_metrics(light, qc_vars=among, percent_top=None, log1p=False)
    return pd.DataFrame(metrics)


def in_memory(matrix: Any) -> Any:
    """Return a matrix as a numpy array or as CSR without repeated entries, itself where it is that already."""
    if hasattr(matrix, "to_memory"):  # a sparse matrix in a file
        matrix = matrix.to_memory()
    if not sparse.issparse(matrix):
        return np.asarray(matrix)
    csr = sparse.csr_matrix(matrix)
    if not csr.has_canonical_format:
        csr = csr.copy()  # the arrays may be the user's
        csr.sum_duplicates()
    return csr


def without_stored_zeros(matrix: Any) -> Any:
    """Return a matrix for scanpy, copied where scanpy would remove stored zeros from the user's own."""
    return matrix.copy() if sparse.issparse(matrix) and not matrix.data.all() else matrix


def layers_of(adata: AnnData) -> list[str]:
    """Name the layers, for a message."""
    return sorted(adata.layers.keys())


def check_counts(matrix: Any, where: str, adata: AnnData) -> None:
    """Raise ValueError, with the first value that is no count, its cell and its gene, unless all are counts."""
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"counts are numbers, and {where} holds values of type {matrix.dtype}")
    for first in range(0, matrix.shape[0], _BLOCK_ROWS):
        block = matrix[first : first + _BLOCK_ROWS]
        values = block.data if sparse.issparse(block) else block.ravel()
        for what, wrong in _faults(values):
            if wrong.any():
                at = int(wrong.argmax())
                row, gene = _position(block, at)
                raise ValueError(
                    f"counts are whole numbers of at least 0, and {where} holds {what}, first {values[at]:g} in cell "
                    f"{adata.obs_names[first + row]!r}, gene {adata.var_names[gene]!r}: put the raw counts in "
                    f"layers['counts']; layers has {layers_of(adata)}"
                )


def _faults(values: NDArray[Any]) -> Iterator[tuple[str, Mask]]:
    if values.dtype.kind == "f":
        yield "NaN or infinity", ~np.isfinite(values)
    if values.dtype.kind in "if":
        yield "negative values", values < 0
    if values.dtype.kind == "f":
        yield "fractions", values != np.floor(values)


def _position(block: Any, at: int) -> tuple[int, int]:
    """Return row and column of the `at`-th stored value."""
    if sparse.issparse(block):
        return int(np.searchsorted(block.indptr, at, side="right")) - 1, int(block.indices[at])
    row, column = np.unravel_index(at, block.shape)
    return int(row), int(column)


def _mitochondrial(adata: AnnData) -> Mask:
    if "mt" in adata.var and pd.api.types.is_bool_dtype(adata.var["mt"]):
        marked: Mask = adata.var["mt"].to_numpy(dtype=bool)
        return marked
    named: Mask = np.asarray(adata.var_names.str.upper().str.startswith("MT-"), dtype=bool)
    return named
