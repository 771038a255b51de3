"""A table of numbers with names in its first row and column -> AnnData, whichever way it lies."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from genolab.checks import check_one_of, listing, warn
from genolab.data.layout import Layout, fields_of, find_layout, has_decimal_commas, is_number
from genolab.data.quiet import ignore_anndata_warnings
from genolab.data.text import open_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from numpy.typing import NDArray

Axis = Literal["rows", "columns"]

# A chunk of rows is dense while it is read; so many numbers take 80 MB.
_NUMBERS_A_CHUNK = 10_000_000
# Above this share of non-zeros a sparse matrix takes more memory than a dense one.
_SPARSE_UP_TO = 0.5
# Where names don't show it, a side of so many names is genes if the other has fewer.
_MANY_GENES = 10_000

# Rows in which counters sum up the reads of no gene: HTSeq, STAR, featureCounts, alevin and CITE-seq-Count.
SUMMARY_ROW = re.compile(
    r"(__)?(no_feature|too_low_aqual|not_aligned|alignment_not_unique)|__ambiguous\w*|N_(unmapped|multimapping|noFeature|ambiguous)"
    r"|(Un)?assigned(_\w+)?|unmapped",
    re.IGNORECASE,
)
# Names that no cell has: accessions, mitochondrial and ribosomal genes, and genes that nearly every table holds.
_GENE = re.compile(
    r"ENS[A-Z]*G\d{11}(\.\d+)?|MT-[A-Z]+\d*[A-Z]?|RP[LS]\d+[AXYL]?\d*|A[CL]\d{6}\.\d+|LINC\d{5}|Y[A-P][LR]\d{3}[WC](-[A-Z])?"
    r"|ACTB|GAPDH|B2M|MALAT1|EEF1A1|TMSB4X|FTL1?|FTH1|VIM|ACTG1|TUBA1B|PTPRC|CD3[DEG]|CD4|CD8[AB]1?|LYZ[12]?|NKG7|MS4A1"
    r"|CD79[AB]|TP53|MYC|EGFR|XIST|TRP53|" + SUMMARY_ROW.pattern,
    re.IGNORECASE,
)
# Droplet barcodes, with or without a sample before and a number behind, and plainly numbered cells.
_CELL = re.compile(r"(.*[_:.#-])?[ACGTN]{10,}([-_.].{1,12})?|(cell|barcode)[_. -]?\d+", re.IGNORECASE)


# What stands among counts and is none, in lower case with _ between words: of genes, and of cells.
_OF_GENES = re.compile(
    r"chr(om(osome)?)?|seq_?name|start|end|strand|width|((gene|transcript|exon|eff(ective)?|mean|median)_?)?length(_(bp|kb))?|(.*_)?entrez.*|ncbi_gene_id"
    r"|transcript_?ids?(\(s\))?|gene|(gene|ensembl|ensembl_gene)_?(id|version)|ensembl|((gene|hgnc|hugo)_?)?symbols?"
    r"|gene_?(short_?)?name|hgnc_id|(gene_?)?description|(gene_?)?(bio)?type|(percentage_gene_)?gc_content|tpm|fpkm|rpkm"
    r"|base_?mean|log2?_?f(old_?)?c(hange)?|lfc_?se|stat(istic)?|p_?val(ue)?|p_?adj|fdr|index|unnamed:_\d+|name|product"
    r"|locus_?tag|alias(es)?|means|dispersions(_norm)?|variances(_norm)?|highly_variable(_rank)?|n_cells(_by_counts)?"
)
_OF_CELLS = re.compile(
    r"cell(_?(id|name))?|(.*_)?clusters?(_?(id|\d+))?|.*_snn_res_.*|(louvain|leiden)(_.*)?|cell_?types?|annotation|barcodes?"
    r"|orig_ident|batch|plate|well|sample(_?id)?|donor(_?id)?|patient(_?id)?|subject|condition|group|treatment|time|day|age"
    r"|sex|gender|phase|n_?(counts?|features?|genes?|umis?)(_[a-z]+|_by_counts)?|total_counts(_mt)?|.*percent(age)?(_.*)?"
    r"|pct(_.*)?|(mito|ribo)_(frac(tion)?)|size_factors?|doublet_score|(s|g2m)_score|pseudotime|(umap|tsne)_?\d+|pca?_\d+|index"
    r"|unnamed:_\d+"
)


class _Table(NamedTuple):
    """A table as it lies in its file; `annotation` holds the columns that are no counts, as text."""

    rows: list[str]
    columns: list[str]
    matrix: Any
    annotation: "pd.DataFrame"


def read_table(path: Path, *, genes_in: Axis | None = None, separator: str | None = None) -> "AnnData":
    """Read a table of numbers, ``.csv``, ``.tsv`` or ``.txt``, gzipped or not.

    The first row and column hold names; the corner may be there, empty or missing (as R writes it). The separator is
    the one of tab, semicolon, comma and space under which the lines agree, unless it is given (see
    `genolab.data.layout.find_layout`). Numbers with a decimal comma are read as such, with a warning.

    The genes are found thus, unless `genes_in` says where they are:

    1. Names that only genes have (Ensembl accessions, MT- and ribosomal genes, ACTB, GAPDH, CD3D ..., in any case) on
       one side alone: the genes are there.
    2. Else names that only cells have (droplet barcodes, cell_1) on one side alone: the genes are on the other.
    3. Else, with columns that only genes have (Length) or only cells have (cluster): the rows are these.
    4. Else, with 10,000 names or more on one side alone: the genes are there, and a warning says that it was guessed.
    5. Else it is asked for, with an error.

    ``X`` has cells in rows, float32, CSR where at most half of the values are non-zero. What is no count by its name
    (a gene's Chr, Start and Length as featureCounts writes them, its Entrez number; a cell's cluster or percentage)
    goes to ``var`` or ``obs``, with a warning. Errors name the row and column of a value that is no finite number.
    """
    check_one_of("genes_in", genes_in, (None, "rows", "columns"))
    layout = find_layout(path, separator=separator)
    notes = [at for at, name in enumerate(layout.header) if at and (_is(_OF_GENES, name) or _is(_OF_CELLS, name))]
    table = _read(path, layout, notes)
    _check_names(path, layout.header, table.rows)
    side = genes_in or _find_genes(path, table)
    further = [at for at in notes if not _is(_OF_GENES if side == "rows" else _OF_CELLS, layout.header[at])]
    if further:  # names of this side may be what they like
        table = _read(path, layout, [at for at in notes if at not in further])
    return _adata(path, table, side)


def _is(pattern: re.Pattern[str], name: str) -> bool:
    return pattern.fullmatch(re.sub(r"[\s.-]+", "_", name.strip().lower())) is not None


def _read(path: Path, layout: Layout, notes: Collection[int]) -> _Table:
    """Read all numbers as float32 but for the columns that are `notes`."""
    try:
        return _read_numbers(path, layout, notes, ".")
    except ValueError as error:
        if not has_decimal_commas(path, layout, notes):
            raise ValueError(_first_fault(path, layout, notes) or f"{path}: {error}") from error
    warn(f"{path.name}: its numbers are read with a decimal comma, 5,5 as five and a half")
    try:
        return _read_numbers(path, layout, notes, ",")
    except ValueError as error:
        raise ValueError(_first_fault(path, layout, notes, ",") or f"{path}: {error}") from error


def _read_numbers(path: Path, layout: Layout, notes: Collection[int], decimal: str) -> _Table:
    """Read by chunks, so that a sparse matrix never lies there dense."""
    import numpy as np
    import pandas as pd
    from scipy import sparse

    types: defaultdict[int, type] = defaultdict(lambda: float, dict.fromkeys((0, *notes), str))
    texts, parts = [], []
    with open_text(path) as opened:
        for _ in range(layout.n_before):
            opened.readline()
        for chunk in pd.read_csv(
            opened,
            sep=layout.separator,
            header=None,
            names=range(len(layout.header)),
            index_col=False,
            dtype=types,
            decimal=decimal,
            na_filter=False,
            chunksize=max(1, _NUMBERS_A_CHUNK // len(layout.header)),
        ):
            texts.append(chunk[[0, *notes]])
            parts.append(sparse.csr_matrix(_finite(chunk.drop(columns=[0, *notes]))))
    matrix = sparse.vstack(parts, format="csr", dtype=np.float32)
    n_values = max(1, matrix.shape[0] * matrix.shape[1])
    text = pd.concat(texts)
    annotation = text[list(notes)].set_axis([layout.header[at] for at in notes], axis=1)
    columns = [name for at, name in enumerate(layout.header) if at and at not in notes]
    return _Table(
        text[0].str.strip().tolist(),
        columns,
        matrix if matrix.nnz / n_values <= _SPARSE_UP_TO else matrix.toarray(),
        annotation,
    )


def _finite(chunk: "pd.DataFrame") -> "NDArray[np.float32]":
    import numpy as np

    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is found here
        values = chunk.to_numpy(dtype=np.float32)
    if not np.isfinite(values).all():
        raise ValueError("a value is not finite, or too large for float32")
    return values


def _first_fault(path: Path, layout: Layout, notes: Collection[int], decimal: str = ".") -> str | None:
    """Describe the first row or cell that isn't as it should be; slow, and only for an error's message."""
    for number, row in fields_of(path, layout):
        if len(row) != len(layout.header):
            return f"{path}: line {number} has {len(row)} fields, and those before it {len(layout.header)}"
        for at, cell in enumerate(row):
            if at and at not in notes and not is_number(cell, decimal):
                return (
                    f"{path}: every cell must be a finite number, got {cell!r} in row {row[0]!r} (line {number}), "
                    f"column {layout.header[at]!r}: fill or leave out what isn't measured, and keep annotation in "
                    "another file"
                )
    return None


def _check_names(path: Path, header: Sequence[str], rows: Sequence[str]) -> None:
    corner, columns = header[0], header[1:]
    if not rows:
        raise ValueError(f"{path} has names in its first row, and no row of numbers")
    if all(map(is_number, columns)) and _is_row_of_counts(corner, columns):
        raise ValueError(
            f"{path}: the first row must hold the names of the columns, but it holds numbers ({corner}, "
            f"{listing(columns)}): put a row of names before it, such as gene and the sample's name"
        )
    if all(map(is_number, rows)) and len(set(rows)) < len(rows):
        raise ValueError(
            f"{path}: the first column must hold the names of the rows, but {corner!r} holds numbers that occur more "
            "than once: put a column of names before it"
        )


def _is_row_of_counts(corner: str, columns: Sequence[str]) -> bool:
    """Return whether a row of numbers after a name is one of counts, and not one of numbered names."""
    if len(set(columns)) < len(columns) or _GENE.fullmatch(corner):
        return True
    numbered = [[str(first + at) for at in range(len(columns))] for first in (0, 1)]
    is_label = corner == "" or re.search(
        r"gene|cell|name|id$|symbol|probe|orf|feature|index|sample|barcode", corner, re.IGNORECASE
    )
    return not is_label and (len(columns) == 1 or columns not in numbered)


def _find_genes(path: Path, table: _Table) -> Axis:
    rows, columns = table.rows, table.columns
    sides: list[tuple[re.Pattern[str], Axis, Axis]] = [(_GENE, "rows", "columns"), (_CELL, "columns", "rows")]
    for pattern, here, there in sides:
        in_rows, in_columns = (any(map(pattern.fullmatch, names)) for names in (rows, columns))
        if in_rows != in_columns:
            return here if in_rows else there
    of_genes, of_cells = (
        [_is(pattern, name) for name in map(str, table.annotation)] for pattern in (_OF_GENES, _OF_CELLS)
    )
    if any(of_genes) != any(of_cells):
        return "rows" if any(of_genes) else "columns"
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


def _adata(path: Path, table: _Table, side: Axis) -> "AnnData":
    """Return cells x genes; what is no count by its name goes to obs and var."""
    import numpy as np
    import pandas as pd
    from anndata import AnnData

    rows, columns, matrix, annotation = table
    apart = np.array([_is(_OF_CELLS if side == "rows" else _OF_GENES, name) for name in rows])
    of_columns = pd.DataFrame(index=list(columns))
    for at in np.flatnonzero(apart):
        of_columns[rows[at]] = matrix[[at]].toarray()[0] if hasattr(matrix, "toarray") else matrix[at]
    of_rows = annotation.set_axis(list(rows)).apply(_numbers_where_it_can).loc[~apart]
    matrix = matrix[~apart]
    if 0 in matrix.shape:
        raise ValueError(f"{path} has no counts: it holds only {listing([*of_rows, *of_columns])}")
    obs, var = (of_columns, of_rows) if side == "rows" else (of_rows, of_columns)
    for frame, what, place in ((var, "gene", "var"), (obs, "cell", "obs")):
        if len(frame.columns):
            warn(f"{path.name}: what is no count of a {what} by its name went to {place}: {listing(frame)}")
    if side == "rows":
        matrix = matrix.T.tocsr() if hasattr(matrix, "tocsr") else matrix.T.copy()
    with ignore_anndata_warnings():
        return AnnData(matrix, obs=obs, var=var)


def _numbers_where_it_can(column: "pd.Series[str]") -> "pd.Series[Any]":
    import pandas as pd

    try:
        return pd.to_numeric(column)
    except ValueError:
        return column
