"""A path -> AnnData, by its suffix. Nothing that is read can run code: what holds pickles is refused."""

import importlib.util
import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from genolab import registry
from genolab.checks import listing, warn
from genolab.data.gzipped import unpacked_name
from genolab.data.quiet import ignore_anndata_warnings
from genolab.data.table import read_table

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

_TABLES = (".csv", ".tsv", ".txt")
_OWN = (*_TABLES, ".mtx", ".h5ad", ".h5", ".zarr", ".loom")
# What libraries raise while they read a file that was cut short, or is another one.
_DAMAGED = (OSError, EOFError, KeyError, ValueError, OverflowError, TypeError, AttributeError)


def read(
    path: str | Path,
    *,
    genes_in: Literal["rows", "columns"] | None = None,
    backed: bool = False,
    fasta: str | Path | None = None,
    regions: "str | Path | pd.DataFrame | AnnData | None" = None,
    window: int | None = None,
    step: int | None = None,
    anchor: Literal["start", "center", "end"] | None = None,
) -> "AnnData":
    """Read cells x genes, sequences or an annotated genome from a file or folder; the suffix picks the reader.

    =======================  =========================================================================================
    ``.h5ad``, ``.zarr``     AnnData as it was written
    ``.h5``                  10x Genomics, Cell Ranger 2 or later
    a folder, ``.mtx[.gz]``  10x Genomics: matrix, barcodes, features or genes; gzipped or not, with a prefix or not
    ``.loom``                where loompy is installed
    ``.csv .tsv .txt[.gz]``  a table with names in its first row and column (see `genolab.data.table.read_table`)
    ``.fa .fasta .fna ...``  FASTA, plain, gzip or bgzip: a row a sequence, or a window over one
    ``.gff3 .gtf .bed ...``  an annotated genome: a row a feature; give its sequence as `fasta`
    =======================  =========================================================================================

    Parameters
    ----------
    genes_in
        Tables only: where the genes are. By default the names show it; where they don't, an error asks.
    backed
        ``.h5ad`` only: leave ``X`` in the file, and read rows as they are needed.
    fasta
        Regions only (``.gff3 .gtf .bed``): the sequence that they lie on, which is read as it is needed.
    regions
        FASTA only: cut these out, from a BED, GFF3 or GTF file, or a table with ``chromosome start end strand``. Those
        on the - strand are read as their reverse complement, and all columns come along in ``obs``.
    window, step, anchor
        FASTA only: how sequences or regions of unequal length become rows of one length, as in
        `genolab.sequences.windows`: windows of `window` bases, one every `step`, or one a sequence or region that has
        its ``"start"``, ``"center"`` or ``"end"`` in place, with N where it goes beyond.

    Returns
    -------
    AnnData
        From FASTA ``obsm["sequence"]``, ``(n, 4, length)`` uint8, all in memory (see `genolab.sequences.one_hot`, and
        `genolab.sequences.windows` for large genomes). From regions see `genolab.sequences.genome.read_genome`.

        Otherwise cells in rows. ``.h5ad`` and ``.zarr`` keep their types; everything else has ``X`` as float32, CSR
        where at most half of it is non-zero (10x: always). From 10x, genes are named by symbol, ``var["gene_ids"]``
        has the accessions, and features that aren't gene expression are left out with a warning.
        Names that occur again are made unique (``A``, ``A-1``, ``A-2``), with a warning.

    Examples
    --------
    >>> genome = gl.data.read("genes.gff3", fasta="genome.fa.gz")
    >>> peaks = gl.data.read("genome.fa", regions="peaks.bed", window=500)
    """
    path = Path(path).expanduser()
    _check_there(path)
    kind = _kind_of(path)
    reader = _reader_of(kind)
    options = {"genes_in": genes_in, "backed": backed or None, "fasta": fasta, "regions": regions}
    options |= {"window": window, "step": step, "anchor": anchor}
    given = {name: value for name, value in options.items() if value is not None}
    takes = list(inspect.signature(reader).parameters)[1:]
    if wrong := [name for name in given if name not in takes]:
        raise ValueError(
            f"{', '.join(wrong)} is not for {path.name}: its format takes {', '.join(takes) or 'no option'}"
        )
    adata = reader(path, **given)
    return _with_good_names(adata, path) if kind in _OWN else adata


def _reader_of(kind: str) -> "Callable[..., AnnData]":
    """Return what reads files of this kind: a reader of the core, or one of those registered by suffix."""
    if kind in _TABLES:
        return read_table
    own = {".h5ad": _read_h5ad, ".zarr": _read_zarr, ".h5": _read_10x_h5, ".mtx": _read_10x_folder, ".loom": _read_loom}
    reader: Callable[..., AnnData] = own[kind] if kind in own else registry.load(registry.table("readers")[kind])
    return reader


def _check_there(path: Path) -> None:
    if not path.exists():
        parent = path.parent
        near = sorted(p.name for p in parent.iterdir())[:8] if parent.is_dir() else None
        beside = f"; {parent} has {near}" if near is not None else f"; nor is the folder {parent}"
        raise FileNotFoundError(f"{path} isn't there{beside}")
    if path.is_file() and path.stat().st_size == 0:
        raise ValueError(f"{path} is empty (0 bytes): was its download or copy cut off?")


def _kind_of(path: Path) -> str:
    """Return the suffix that stands for the format, whatever the case and packing; one stands for all of a kind."""
    name = path.name.lower()
    if path.is_dir():
        return (
            ".zarr"
            if name.endswith(".zarr") or (path / ".zgroup").exists() or (path / "zarr.json").exists()
            else ".mtx"
        )
    plain = unpacked_name(path).lower()
    for kind in (*_TABLES, ".mtx", *registry.table("readers")):
        if plain.endswith(kind):
            return kind
    for kind in (".h5ad", ".h5", ".loom"):
        if name.endswith(kind):
            return kind
        if plain.endswith(kind):
            raise ValueError(f"{path.name} is compressed as a whole: unpack it first (gunzip {path.name})")
    known = ", ".join((*_OWN, *registry.table("readers")))
    raise ValueError(f"no reader for {path.name}; known: a 10x folder, {known} (text formats also with .gz)")


@contextmanager
def _reading(path: Path, what: str, errors: type[Exception] | tuple[type[Exception], ...] = _DAMAGED) -> Iterator[None]:
    """Describe what is wrong with a file where it can't be read as what it should be."""
    try:
        with ignore_anndata_warnings():
            yield
    except errors as error:
        size = f"{path.stat().st_size:,} bytes" if path.is_file() else "a folder"
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path} ({size}) can't be read as {what}: {reason}. If it should be one, it was cut short or damaged: "
            "fetch or copy it again, and compare its size with the original's."
        ) from error


def _check_hdf5(path: Path) -> None:
    """Open the file as HDF5 before another reader does, whose errors are less plain."""
    import h5py

    h5py.File(path, "r").close()


def _read_h5ad(path: Path, *, backed: bool = False) -> "AnnData":
    import anndata

    with _reading(path, "AnnData (.h5ad)"):
        _check_hdf5(path)
        adata: AnnData = anndata.read_h5ad(path, backed="r" if backed else None)
    return adata


def _read_zarr(path: Path) -> "AnnData":
    import anndata

    _refuse_pickles(path)
    with _reading(path, "AnnData (.zarr)"):
        adata: AnnData = anndata.read_zarr(path)
    return adata


def _refuse_pickles(store: Path) -> None:
    """Refuse a store whose metadata name a pickle codec: zarr 2 would run what its chunks hold while it reads them."""
    for file in (file for name in (".zarray", ".zmetadata", "zarr.json") for file in store.rglob(name)):
        with _reading(file, "zarr metadata"):
            texts = list(_texts(json.loads(file.read_bytes())))
        if any("pickle" in text.lower() for text in texts):
            raise ValueError(
                f"{store} holds pickled objects ({file.relative_to(store)}), which can run code when read: "
                "it isn't read. Ask its author for one without object arrays, as anndata's write_zarr makes."
            )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _read_loom(path: Path) -> "AnnData":
    if importlib.util.find_spec("loompy") is None:
        raise ImportError(f"reading {path.name} needs loompy, which isn't installed: pip install loompy")
    import anndata

    with _reading(path, "loom"):
        _check_hdf5(path)
        adata: AnnData = anndata.io.read_loom(path, dtype="float32")
    return adata


def _read_10x_h5(path: Path) -> "AnnData":
    import scanpy

    with _reading(path, "10x HDF5 (.h5)", Exception):  # scanpy raises a bare Exception where a part is missing
        _check_hdf5(path)
        adata: AnnData = scanpy.read_10x_h5(path, gex_only=False)
    return _gene_expression(adata, path)


def _read_10x_folder(path: Path) -> "AnnData":
    import pandas as pd
    from anndata import AnnData
    from scipy import sparse
    from scipy.io import mmread

    matrix = _matrix_of(path) if path.is_dir() else path
    features = pd.DataFrame(_tsv(_part(matrix, "features", "genes")))
    barcodes = pd.DataFrame(_tsv(_part(matrix, "barcodes")))
    with _reading(matrix, "Matrix Market (.mtx)"):
        counts = sparse.csr_matrix(mmread(matrix, spmatrix=True).T, dtype="float32")  # the file is genes x cells
    if counts.shape != (len(barcodes), len(features)):
        raise ValueError(
            f"{matrix} has {counts.shape[1]:,} genes x {counts.shape[0]:,} cells, but beside it are {len(features):,} "
            f"features and {len(barcodes):,} barcodes: they aren't of one run, or one is cut short"
        )
    counts.sort_indices()
    var = pd.DataFrame({"gene_ids": features[0].to_numpy()}, index=features[min(1, features.shape[1] - 1)].to_numpy())
    if features.shape[1] > 2:
        var["feature_types"] = features[2].to_numpy()
    with ignore_anndata_warnings():
        adata = AnnData(counts, obs=pd.DataFrame(index=barcodes[0].to_numpy()), var=var)
    return _gene_expression(adata, matrix)


def _matrix_of(folder: Path) -> Path:
    """Find the one matrix of a 10x folder; files from GEO bear a prefix, ``GSM123_matrix.mtx.gz``."""
    found = sorted(p for p in folder.glob("*matrix.mtx*") if p.name.endswith((".mtx", ".mtx.gz")))
    if not found:
        below = sorted({str(p.parent) for p in folder.rglob("*matrix.mtx*")})
        hint = f"; it is in {below[0]}: read that" if below else ""
        raise FileNotFoundError(f"{folder} is no .zarr and has no matrix.mtx or matrix.mtx.gz{hint}")
    if len({p.name.partition("matrix.mtx")[0] for p in found}) > 1:
        raise ValueError(f"{folder} holds several matrices: read one of {[p.name for p in found]}")
    return found[0]


def _part(matrix: Path, *names: str) -> Path:
    prefix = matrix.name.partition("matrix.mtx")[0] if "matrix.mtx" in matrix.name else ""
    wanted = [f"{prefix}{name}.tsv{end}" for name in names for end in ("", ".gz")]
    for name in wanted:
        if (matrix.parent / name).is_file():
            return matrix.parent / name
    raise FileNotFoundError(f"beside {matrix} there is none of {wanted}")


def _tsv(path: Path) -> "pd.DataFrame":
    import csv

    import pandas as pd

    with _reading(path, "tab-separated text"):
        table: pd.DataFrame = pd.read_csv(
            path, sep="\t", header=None, dtype=str, na_filter=False, quoting=csv.QUOTE_NONE
        )
    return table


def _gene_expression(adata: "AnnData", path: Path) -> "AnnData":
    """Leave out antibodies, guides and other features that would pass for genes."""
    if "feature_types" not in adata.var or (adata.var["feature_types"] == "Gene Expression").all():
        return adata
    is_gene = (adata.var["feature_types"] == "Gene Expression").to_numpy()
    left_out = adata.var["feature_types"][~is_gene].value_counts().to_dict()
    warn(f"{path.name}: features that aren't gene expression are left out: {left_out}")
    return adata[:, is_gene].copy()


def _with_good_names(adata: "AnnData", path: Path) -> "AnnData":
    for axis, names, make_unique in (
        ("cell", adata.obs_names, adata.obs_names_make_unique),
        ("gene", adata.var_names, adata.var_names_make_unique),
    ):
        if (empty := int((names == "").sum())) > 0:
            raise ValueError(
                f"{path}: {empty:,} of {len(names):,} {axis} names are empty: name them all, or copy the file again if "
                "it has names where it came from"
            )
        again = names[names.duplicated()].unique()
        if len(again) == 0:
            continue
        warn(
            f"{path.name}: {len(again)} {axis} names occur more than once ({listing(again)}); "
            "they were made unique with -1, -2 ... at the end"
        )
        make_unique()
    return adata
