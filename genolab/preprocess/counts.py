"""Raw counts: where they are in an AnnData, whether they are counts, and the quality of each cell."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from genolab.checks import check_key, listing, warn
from genolab.data.gene_names import symbols_of
from genolab.data.rows import rounding_error

Mask = NDArray[np.bool_]

_BLOCK_ROWS: Final = 8192  # values are checked by blocks of rows, so that the check needs little memory of its own
_EXACT: Final = 2**24  # up to here float32 holds every whole number
# Layers under the names that people give to counts come first where several hold whole numbers.
_USUAL: Final = ("counts", "raw_counts", "raw_count", "raw", "count", "umi", "umis", "spliced", "matrix")
# With a genome before it, as of 10x's mixed references (GRCh38_MT-ND1, mm10___mt-Nd1); flies write mt:ND1, R MT.ND1.
_MITOCHONDRIAL: Final = re.compile(r"([a-z][\w.-]*_)?mt[-:.].+", re.IGNORECASE)
_FRACTIONS: Final = "fractions"
_TRUE: Final = {"true": True, "yes": True, "1": True, "1.0": True, "t": True, "y": True}
_FALSE: Final = {"false": False, "no": False, "0": False, "0.0": False, "f": False, "n": False}
_NOT_MARKED: Final = {"": False, "nan": False, "na": False, "none": False, "<na>": False}


def counts_of(adata: AnnData, counts: str | None = None, *, round_counts: bool = False) -> Any:
    """Return the raw counts, checked.

    Parameters
    ----------
    counts
        Where they are: ``"X"``, ``"raw"``, ``"layers/raw_counts"``, or the bare name of a layer. By default
        ``layers["counts"]``, or else ``X``; where that holds no counts, an error names where there are some.
    round_counts
        Whether to round estimated counts, such as those of RSEM, Salmon and alevin, to whole numbers. Without it only
        what is off by so little as float32 makes it (about 0.0001) is rounded.

    Returns
    -------
    numpy.ndarray or scipy.sparse.csr_matrix
        ``(n_obs, n_vars)`` whole numbers of at least 0 as float32, or float64 where they came so or are too large;
        with ``"raw"`` its genes. Shares memory with `adata` where that is possible.
    """
    if 0 in adata.shape:
        raise ValueError(f"there must be cells and genes, got {adata.n_obs:,} cells x {adata.n_vars:,} genes")
    place = counts_place(adata, counts)
    matrix = _held(adata, place)
    if matrix is None:
        raise ValueError(
            f"counts are looked for in layers['counts'] and X; X is empty, layers has {layers_of(adata)}"
            f"{_elsewhere(adata, place)}"
        )
    if round_counts and ((counts is None and _elsewhere(adata, place)) or _is_log(adata, place)):
        round_counts = False  # true counts are better than rounded values: the error names them
    return _as_counts(in_memory(matrix), place, adata, round_counts=round_counts)


def find_counts(adata: AnnData, *, round_counts: bool = False) -> str:
    """Return where the raw counts are, as `counts_of` and `genolab.preprocess.apply` take it.

    ``layers["counts"]`` or else ``X``; where that holds no counts, the likeliest of ``raw`` and the layers, with a
    warning. A ValueError says what there is instead, where there are none. `round_counts`: estimated counts do, too.
    """
    usual = counts_place(adata, None)
    if _seems_counts(_held(adata, usual)) or not (elsewhere := places_of_counts(adata, but=usual)):
        counts_of(adata, usual, round_counts=round_counts)
        return usual
    warn(f"{_in_words(usual)} holds no counts: those in {_in_words(elsewhere[0])} are taken")
    return elsewhere[0]


def counts_place(adata: AnnData, counts: str | None) -> str:
    """Return where the counts are, or are said to be: ``"X"``, ``"raw"`` or ``"layers/name"``."""
    if counts is None:
        return "layers/counts" if "counts" in adata.layers else "X"
    if counts in ("X", "raw", "raw/X"):
        if counts != "X" and adata.raw is None:
            raise KeyError(f"this AnnData has no raw; layers has {layers_of(adata)}")
        return counts.removesuffix("/X")
    name = counts.removeprefix("layers/")
    check_key(adata, "layers", name)
    return f"layers/{name}"


def with_genes_of(adata: AnnData, place: str) -> AnnData:
    """Return the cells with the genes that the counts have: those of ``raw``, where the counts are there."""
    if place != "raw" or adata.raw.var_names.equals(adata.var_names):
        return adata
    return AnnData(obs=adata.obs, var=adata.raw.var.copy(), uns=adata.uns, obsm=dict(adata.obsm), obsp=dict(adata.obsp))


def _held(adata: AnnData, place: str) -> Any:
    if place == "raw":
        return adata.raw.X
    return adata.X if place == "X" else adata.layers[place.removeprefix("layers/")]


def _is_log(adata: AnnData, place: str) -> bool:
    return place == "X" and "log1p" in adata.uns


def _in_words(place: str) -> str:
    return f"layers[{place.removeprefix('layers/')!r}]" if place.startswith("layers/") else place


def places_of_counts(adata: AnnData, *, but: str = "") -> list[str]:
    """Return where there seem to be counts, ``"raw"``, ``"layers/name"`` or ``"X"``, the likeliest first."""
    layers = sorted(layers_of(adata), key=lambda name: _USUAL.index(name) if name in _USUAL else len(_USUAL))
    places = [*(["raw"] if adata.raw is not None else []), *(f"layers/{name}" for name in layers), "X"]
    return [place for place in places if place != but and _seems_counts(_held(adata, place))]


def _elsewhere(adata: AnnData, but: str) -> str:
    """Name where else there are whole numbers, as the end of a message; ``""`` where there are none."""
    if not (places := places_of_counts(adata, but=but)):
        return ""
    return (
        f". There are whole numbers in {listing(map(_in_words, places))}: pass counts={places[0]!r} if these are they"
    )


def _seems_counts(matrix: Any) -> bool:
    """Return whether the first cells of a matrix hold whole numbers, and not only zeros and ones."""
    if matrix is None or getattr(matrix, "ndim", len(matrix.shape)) != 2:
        return False
    block = in_memory(matrix[:_BLOCK_ROWS])
    values = block.data if sparse.issparse(block) else block.ravel()
    if values.dtype.kind not in "iuf" or values.size == 0:
        return False
    return not any(wrong.any() for _, wrong in _faults(values, round_counts=False)) and bool(values.max() > 1)


def quality(adata: AnnData, counts: str | None = None, *, round_counts: bool = False) -> pd.DataFrame:
    """Measure each cell's quality from its counts; nothing is filtered and `adata` is not changed.

    Mitochondrial are the genes marked in a column ``var["mt"]`` (True or False, 1 or 0, yes or no; what is missing is
    not), or else those named ``MT-...`` or ``mt-...``, with a genome before that or not, in ``var_names`` or in a
    column of symbols such as ``var["feature_name"]``.

    Parameters
    ----------
    counts, round_counts
        Where the counts are, and whether to round them; see `counts_of`.

    Returns
    -------
    DataFrame
        Indexed as ``obs``, with scanpy's names: ``n_genes_by_counts``, ``total_counts``, and, where there are
        mitochondrial genes, ``total_counts_mt`` and ``pct_counts_mt`` in percent (NaN for a cell without counts).
    """
    matrix = counts_of(adata, counts, round_counts=round_counts)
    return quality_of(with_genes_of(adata, counts_place(adata, counts)), matrix)


def quality_of(adata: AnnData, counts: Any) -> pd.DataFrame:
    """Return `quality` for counts that were checked already."""
    import scanpy as sc

    var = pd.DataFrame({"mt": _mitochondrial(adata.var)}, index=adata.var_names)
    light = AnnData(without_stored_zeros(counts), obs=pd.DataFrame(index=adata.obs_names), var=var)
    among = ["mt"] if var["mt"].any() else []
    metrics, _ = sc.pp.calculate_qc_metrics(light, qc_vars=among, percent_top=None, log1p=False)
    return pd.DataFrame(metrics)


def in_memory(matrix: Any) -> Any:
    """Return a matrix as a numpy array or as CSR without repeated entries, itself where it is that already."""
    if hasattr(matrix, "to_memory"):  # a sparse matrix in a file
        matrix = matrix.to_memory()
    if isinstance(matrix, np.ma.MaskedArray):  # what is masked is missing
        matrix = np.ma.filled(matrix.astype(np.float64), np.nan) if matrix.mask.any() else matrix.data
    if not sparse.issparse(matrix):
        return np.asarray(matrix)
    csr = sparse.csr_matrix(matrix)
    if not csr.has_canonical_format:
        csr = csr.copy()  # the arrays may be the user's
        csr.sum_duplicates()
    return csr


def without_stored_zeros(matrix: Any) -> Any:
    """Return a matrix for scanpy, copied where scanpy would remove stored zeros from the user's own, or try to."""
    if not sparse.issparse(matrix):
        return matrix
    is_locked = not all(part.flags.writeable for part in (matrix.data, matrix.indices, matrix.indptr))
    return matrix.copy() if is_locked or not matrix.data.all() else matrix


def layers_of(adata: AnnData) -> list[str]:
    """Name the layers, for a message."""
    return sorted(adata.layers.keys())


def _as_counts(matrix: Any, place: str, adata: AnnData, *, round_counts: bool) -> Any:
    """Return whole numbers as float32 or float64, or raise ValueError with the first that is no count."""
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"counts are numbers, and {_in_words(place)} holds values of type {matrix.dtype}")
    largest, is_exact = _check_counts(matrix, place, adata, round_counts=round_counts)
    kind = np.dtype(np.float32 if largest <= _EXACT else np.float64)
    if matrix.dtype in (np.float32, np.float64):
        kind = matrix.dtype
    if is_exact:
        return matrix.astype(kind, copy=False)
    rounded = sparse.csr_matrix(matrix, copy=True) if sparse.issparse(matrix) else matrix.copy()
    values = rounded.data if sparse.issparse(rounded) else rounded
    np.rint(values, out=values)
    values += 0  # no negative zeros
    if sparse.issparse(rounded):
        rounded.eliminate_zeros()
    return rounded.astype(kind, copy=False)


def _check_counts(matrix: Any, place: str, adata: AnnData, *, round_counts: bool) -> tuple[float, bool]:
    """Return the largest value, and whether all are exactly whole."""
    largest, is_exact = 0.0, True
    for first in range(0, matrix.shape[0], _BLOCK_ROWS):
        block = matrix[first : first + _BLOCK_ROWS]
        values = block.data if sparse.issparse(block) else block.ravel()
        for what, wrong in _faults(values, round_counts=round_counts):
            if wrong.any():
                at = int(wrong.argmax())
                row, column = _position(block, at)
                gene = (adata.raw if place == "raw" else adata).var_names[column]
                raise ValueError(
                    f"counts are whole numbers of at least 0, and {_in_words(place)} holds {what}, first "
                    f"{values[at]:g} in cell {adata.obs_names[first + row]!r}, gene {gene!r}: "
                    f"{_advice(adata, place, what)}"
                )
        largest = max(largest, float(values.max(initial=0)))
        is_exact = is_exact and (values.dtype.kind != "f" or bool((values == np.floor(values)).all()))
    return largest, is_exact


def _advice(adata: AnnData, place: str, what: str) -> str:
    """Say what to do about values that are no counts."""
    advice = f"put the raw counts in layers['counts']; layers has {layers_of(adata)}"
    if elsewhere := _elsewhere(adata, place):
        return advice + elsewhere
    if _is_log(adata, place):
        return f"{advice}; X was log-transformed, as uns['log1p'] says, and can't be rounded to counts"
    if what == _FRACTIONS:
        advice += ". If they are estimated counts (RSEM, Salmon, alevin), pass round_counts=True"
    return advice


def _faults(values: NDArray[Any], *, round_counts: bool) -> Iterator[tuple[str, Mask]]:
    if values.dtype.kind == "i":
        yield "negative values", values < 0
    if values.dtype.kind != "f":
        return
    yield "NaN or infinity", ~np.isfinite(values)
    if (values == np.floor(values)).all():
        yield "negative values", values < 0
        return
    off = rounding_error(values)
    yield "negative values", values < -off
    if not round_counts:
        yield _FRACTIONS, np.abs(values - np.rint(values)) > off


def _position(block: Any, at: int) -> tuple[int, int]:
    """Return row and column of the `at`-th stored value."""
    if sparse.issparse(block):
        return int(np.searchsorted(block.indptr, at, side="right")) - 1, int(block.indices[at])
    row, column = np.unravel_index(at, block.shape)
    return int(row), int(column)


def _mitochondrial(var: pd.DataFrame) -> Mask:
    if "mt" in var:
        return _marked(var["mt"])
    names = pd.DataFrame({"id": var.index.astype(str), "symbol": symbols_of(var).to_numpy()})
    known = names.map(lambda name: _MITOCHONDRIAL.fullmatch(name) is not None)
    return np.asarray(known.any(axis=1), dtype=bool)


def _marked(column: "pd.Series[Any]") -> Mask:
    """Read a column of marks, whatever way true and false are written."""
    spelled: Mapping[str, bool] = _TRUE | _FALSE | _NOT_MARKED
    texts = column.astype(object).map(lambda value: "" if pd.isna(value) else str(value).strip())
    if unknown := sorted(text for text in set(texts) if text.lower() not in spelled):
        raise ValueError(
            f"var['mt'] marks mitochondrial genes and must be True or False, got {listing(map(repr, unknown))}: "
            "rename the column if it is something else"
        )
    return np.asarray(texts.str.lower().map(spelled), dtype=bool)
