"""A table of numbers with names in its first row and column -> AnnData, whichever way it lies."""

import csv
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from genolab.checks import check_one_of, warn
from genolab.data.gzipped import open_text
from genolab.data.quiet import ignore_anndata_warnings

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from numpy.typing import NDArray

Axis = Literal["rows", "columns"]

_SEPARATORS = "\t,; "
# A chunk of rows is dense while it is read; so many numbers take 80 MB.
_NUMBERS_A_CHUNK = 10_000_000
# Above this share of non-zeros a sparse matrix takes more memory than a dense one.
_SPARSE_UP_TO = 0.5
# Where names don't show it, a side of so many names is genes if the other has fewer.
_MANY_GENES = 10_000
_LARGEST = 3.4028235e38  # of float32

# Names that no cell has: accessions, mitochondrial and ribosomal genes, and genes that nearly every table holds.
_GENE = re.compile(
    r"ENS[A-Z]*G\d{11}(\.\d+)?|MT-[A-Z]+\d*[A-Z]?|RP[LS]\d+[AXYL]?\d*|A[CL]\d{6}\.\d+|LINC\d{5}|Y[A-P][LR]\d{3}[WC](-[A-Z])?"
    r"|ACTB|GAPDH|B2M|MALAT1|EEF1A1|TMSB4X|FTL1?|FTH1|VIM|ACTG1|TUBA1B|PTPRC|CD3[DEG]|CD4|CD8[AB]1?|LYZ[12]?|NKG7|MS4A1"
    r"|CD79[AB]|TP53|MYC|EGFR|XIST|TRP53",
    re.IGNORECASE,
)
# Droplet barcodes, with or without a sample before and a number behind, and plainly numbered cells.
_CELL = re.compile(r"(.*[_:.#-])?[ACGTN]{10,}([-_.].{1,12})?|(cell|barcode)[_. -]?\d+", re.IGNORECASE)


class _Layout(NamedTuple):
    """What the first two lines show."""

    separator: str
    corner: str
    columns: list[str]
    n_fields: int


def read_table(path: Path, *, genes_in: Axis | None = None) -> "AnnData":
    """Read a table of numbers, ``.csv``, ``.tsv`` or ``.txt``, gzipped or not.

    The separator is the one of tab, comma, semicolon and space that occurs most in the first line. The first row and
    column hold names; the corner may be there, empty or missing (as R writes it).

    The genes are found thus, unless `genes_in` says where they are:

    1. Names that only genes have (Ensembl accessions, MT- and ribosomal genes, ACTB, GAPDH, CD3D ..., in any case) on
       one side alone: the genes are there.
    2. Else names that only cells have (droplet barcodes, cell_1) on one side alone: the genes are on the other.
    3. Else, with 10,000 names or more on one side alone: the genes are there, and a warning says that it was guessed.
    4. Else it is asked for, with an error.

    ``X`` has cells in rows, float32, CSR where at most half of the values are non-zero. Errors name the row and column
    of a value that is no finite number.
    """
    check_one_of("genes_in", genes_in, (None, "rows", "columns"))
    try:
        layout = _layout(path)
        rows, matrix = _read_numbers(path, layout)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8, or damaged ({error}): save or copy it again") from error
    _check_names(path, layout.corner, rows)
    side = genes_in or _find_genes(path, rows, layout.columns)
    if side == "rows":
        matrix = matrix.T.tocsr() if hasattr(matrix, "tocsr") else matrix.T.copy()
        return _adata(matrix, cells=layout.columns, genes=rows)
    return _adata(matrix, cells=rows, genes=layout.columns)


def _layout(path: Path) -> _Layout:
    with open_text(path) as opened:
        line = opened.readline()
        separator = max(_SEPARATORS, key=line.count)
        header = next(csv.reader([line], delimiter=separator), [])
        first = next(csv.reader(opened, delimiter=separator), None)
    if first is None or line.count(separator) == 0:
        raise ValueError(
            f"{path} is no table: it needs a first row of names and a row of numbers, separated by , ; tab or space"
        )
    if len(first) == len(header):
        return _Layout(separator, header[0], header[1:], len(first))
    if len(first) == len(header) + 1:
        return _Layout(separator, "", header, len(first))
    raise ValueError(f"{path} has {len(header)} names in its first row, but {len(first)} fields in its second")


def _read_numbers(path: Path, layout: _Layout) -> tuple[list[str], Any]:
    """Return the rows' names and the float32 matrix, read by chunks so that a sparse one never lies there dense."""
    import numpy as np
    import pandas as pd
    from scipy import sparse

    types: defaultdict[int, type] = defaultdict(lambda: float, {0: str})
    names: list[str] = []
    parts = []
    with open_text(path) as opened:
        try:
            for chunk in pd.read_csv(
                opened,
                sep=layout.separator,
                header=None,
                skiprows=1,
                names=range(layout.n_fields),
                index_col=False,
                dtype=types,
                na_filter=False,
                chunksize=max(1, _NUMBERS_A_CHUNK // layout.n_fields),
            ):
                names += chunk[0].tolist()
                parts.append(sparse.csr_matrix(_finite(chunk.iloc[:, 1:])))
        except ValueError as error:
            raise ValueError(_first_fault(path, layout) or f"{path}: {error}") from error
    matrix = sparse.vstack(parts, format="csr", dtype=np.float32)
    n_values = max(1, matrix.shape[0] * matrix.shape[1])
    return names, matrix if matrix.nnz / n_values <= _SPARSE_UP_TO else matrix.toarray()


def _finite(chunk: "pd.DataFrame") -> "NDArray[np.float32]":
    import numpy as np

    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is found here
        values = chunk.to_numpy(dtype=np.float32)
    if not np.isfinite(values).all():
        raise ValueError("a value is not finite, or too large for float32")
    return values


def _first_fault(path: Path, layout: _Layout) -> str | None:
    """Describe the first row or cell that isn't as it should be; slow, and only for an error's message."""
    with open_text(path) as opened:
        opened.readline()
        for number, row in enumerate(csv.reader(opened, delimiter=layout.separator), start=2):
            if len(row) != layout.n_fields:
                return f"{path}: line {number} has {len(row)} fields, and those before it {layout.n_fields}"
            for column, cell in zip(layout.columns, row[1:], strict=True):
                if not _is_number(cell):
                    return (
                        f"{path}: every cell must be a finite number, got {cell!r} in row {row[0]!r} (line {number}), "
                        f"column {column!r}: fill or leave out what isn't measured, and keep annotation in another file"
                    )
    return None


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) <= _LARGEST
    except ValueError:
        return False


def _check_names(path: Path, corner: str, rows: Sequence[str]) -> None:
    if not rows:
        raise ValueError(f"{path} has names in its first row, and no row of numbers")
    if all(map(_is_number, rows)) and len(set(rows)) < len(rows):
        raise ValueError(
            f"{path}: the first column must hold the names of the rows, but {corner!r} holds numbers that occur more "
            "than once: put a column of names before it"
        )


def _find_genes(path: Path, rows: Sequence[str], columns: Sequence[str]) -> Axis:
    for pattern, here, there in ((_GENE, "rows", "columns"), (_CELL, "columns", "rows")):
        in_rows, in_columns = (any(map(pattern.fullmatch, names)) for names in (rows, columns))
        if in_rows != in_columns:
            return here if in_rows else there  # type: ignore[return-value]
    if min(len(rows), len(columns)) < _MANY_GENES <= max(len(rows), len(columns)):
        longer: Axis = "rows" if len(rows) > len(columns) else "columns"
        warn(
            f"{path.name}: no name shows where the genes are; taken to be in its {longer}, "
            f"for there are {max(len(rows), len(columns)):,} of them. If that is wrong, pass genes_in."
        )
        return longer
    raise ValueError(
        f"{path}: can't tell whether the genes are in its {len(rows):,} rows ({', '.join(rows[:3])} ...) or its "
        f'{len(columns):,} columns ({", ".join(columns[:3])} ...): pass genes_in="rows" or genes_in="columns"'
    )


def _adata(matrix: Any, *, cells: Sequence[str], genes: Sequence[str]) -> "AnnData":
    import pandas as pd
    from anndata import AnnData

    with ignore_anndata_warnings():
        return AnnData(matrix, obs=pd.DataFrame(index=list(cells)), var=pd.DataFrame(index=list(genes)))
