"""A path -> AnnData, by its suffix. Nothing that is read can run code: what holds pickles is refused."""

import inspect
import json
import mmap
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from genolab import registry
from genolab.checks import listing, warn
from genolab.data.faults import check_sparse, check_there, reading
from genolab.data.quiet import ignore_anndata_warnings
from genolab.data.table import SUMMARY_ROW, read_table
from genolab.data.text import open_text, unpacked_name

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from numpy.typing import NDArray

_TABLES = (".csv", ".tsv", ".txt")
_VALUES_AT_ONCE = 10_000_000  # of a dense matrix in a file that is read by parts
_HDF5 = (".h5ad", ".h5", ".loom")
_HEAP = b"GCOL\1\0\0\0"  # begins a heap of texts in HDF5, and its size follows
_TEXT = struct.Struct("<H6xQ")  # begins a text: its number and size
_WIDEST = 100  # columns beside a 10x matrix
_MATRIX = re.compile(r"(raw/X|X|layers/[^/]+)(/(data|indices|indptr))?")  # arrays of a store that hold values
_OWN = (*_TABLES, ".mtx", *_HDF5, ".zarr")
# Gene names that a spreadsheet took for a date or a number: MARCH1, SEPT1, and RIKEN's 2310009E13. A month and a number
# without a zero before it is a worm's gene, such as sep-1.
_DATE = re.compile(
    r"\d{1,2}-(?i:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sept?|o[ck]t|nov|de[cz]|mars|avr|mrz)(-\d{2,4})?"
    r"|(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d\d|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|\d{4}[-/]\d{1,2}[-/]\d{1,2}"
    r"|\d([.,]\d+)?E\+\d+"
)


def read(
    path: str | Path,
    *,
    genes_in: Literal["rows", "columns"] | None = None,
    separator: str | None = None,
    genome: str | None = None,
    feature_types: str | Sequence[str] | None = None,
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
    ``.h5``                  10x Genomics, Cell Ranger 2 or later (what an HDF5 file holds matters, not its suffix)
    a folder, ``.mtx[.gz]``  10x Genomics: matrix, barcodes, features or genes; gzipped or not, with a prefix or not
    ``.loom``                loom, as velocyto writes it: its main matrix as ``X``, all others in ``layers``
    ``.csv .tsv .txt[.gz]``  a table with names in its first row and column (see `genolab.data.table.read_table`)
    ``.fa .fasta .fna ...``  FASTA, plain, gzip or bgzip: a row a sequence, or a window over one
    ``.gff3 .gtf .bed ...``  an annotated genome: a row a feature; give its sequence as `fasta`
    =======================  =========================================================================================

    Parameters
    ----------
    genes_in
        Tables only: where the genes are. By default the names show it; where they don't, an error asks.
    separator
        Tables only: what stands between the fields. By default the one of tab, semicolon, comma and space under which
        the lines agree.
    genome
        10x ``.h5`` only: take this genome of several, such as ``"mm10"``.
    feature_types
        10x only: take the features of this type or these types, such as ``"Peaks"``, instead of gene expression.
    backed
        ``.h5ad`` only: leave ``X`` in the file, and read rows as they are needed. Its indices, where it is sparse, are
        looked over once.
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
    check_there(path)
    kind = _kind_of(path)
    if kind in _HDF5:
        if not backed:  # all of it is read then
            with reading(path, kind):
                _check_heaps(path)
        kind = _kind_inside(path, kind)
    reader = _reader_of(kind)
    options = {
        "genes_in": genes_in,
        "separator": separator,
        "backed": backed or None,
        "fasta": fasta,
        "regions": regions,
    }
    options |= {"genome": genome, "feature_types": feature_types}
    options |= {"window": window, "step": step, "anchor": anchor}
    given = {name: value for name, value in options.items() if value is not None}
    takes = list(inspect.signature(reader).parameters)[1:]
    if wrong := [name for name in given if name not in takes]:
        raise ValueError(
            f"{', '.join(wrong)} is not for {path.name}: its format takes {', '.join(takes) or 'no option'}"
        )
    with reading(path, kind):
        adata = reader(path, **given)
    if kind not in _OWN:
        return adata
    _warn_of_dates(adata, path)
    return _with_good_names(_without_summary_rows(adata, path, keep=kind in (".h5ad", ".zarr")), path)


def _reader_of(kind: str) -> "Callable[..., AnnData]":
    """Return what reads files of this kind: a reader of the core, or one of those registered by suffix."""
    if kind in _TABLES:
        return read_table
    own = {".h5ad": _read_h5ad, ".zarr": _read_zarr, ".h5": _read_10x_h5, ".mtx": _read_10x_folder, ".loom": _read_loom}
    reader: Callable[..., AnnData] = own[kind] if kind in own else registry.load(registry.table("readers")[kind])
    return reader


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
    for kind in (*_HDF5, ".hdf5"):
        if name.endswith(kind):
            return kind.replace("hdf5", "h5")
        if plain.endswith(kind):
            raise ValueError(f"{path.name} is compressed as a whole: unpack it first (gunzip {path.name})")
    known = ", ".join((*_OWN, *registry.table("readers")))
    raise ValueError(f"no reader for {path.name}; known: a 10x folder, {known} (text formats also with .gz)")


@contextmanager
def _reading(path: Path, what: str) -> Iterator[None]:
    with reading(path, what), ignore_anndata_warnings():
        yield


def _check_hdf5(path: Path) -> None:
    """Open the file as HDF5 before another reader does, whose errors are less plain."""
    import h5py

    h5py.File(path, "r").close()


def _check_heaps(path: Path) -> None:
    """Refuse a file on whose texts the HDF5 library would read without end.

    Texts of unequal length lie one behind the other in heaps, each after its number and size. Where a part of the file
    was zeroed, as a broken download leaves it, a size of 0 leads back to itself.
    """
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        heap = content.find(_HEAP)
        while heap >= 0:
            at, end = heap + 16, min(heap + int.from_bytes(content[heap + 8 : heap + 16], "little"), len(content))
            while at + 16 <= end:
                number, size = _TEXT.unpack_from(content, at)
                step = (16 + (size + 7) // 8 * 8 if number else size) % 2**64  # what is free has the number 0
                if step == 0:
                    raise ValueError(f"{path}: its texts are damaged (from byte {at:,}): fetch or copy it again")
                at += step
            heap = content.find(_HEAP, heap + 8)


def _kind_inside(path: Path, kind: str) -> str:
    """Return the suffix for what an HDF5 file holds; that of its name where it can't be opened."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if "obs" in file and "var" in file:
                return ".h5ad"
            if "row_attrs" in file and "col_attrs" in file:
                return ".loom"
            if "matrix/barcodes" in file or _genomes(file):
                return ".h5"
            holds = _describe(file)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError):  # damaged: its reader says how
        return kind
    raise ValueError(f"{path} can't be read as AnnData, 10x HDF5 or loom: {holds}")


def _genomes(file: Any) -> list[str]:
    """Return the genomes of a 10x file of Cell Ranger 2, a group each."""
    groups = {name: part for name, part in file.items() if name != "matrix" and hasattr(part, "keys")}
    return [name for name, group in groups.items() if {"barcodes", "indptr"} <= set(group)]


def _describe(file: Any) -> str:
    """Say what else an HDF5 file is, and how it is read."""
    frames = [name for name, group in file.items() if "pandas_type" in group.attrs]
    if frames:
        take = f"pandas.read_hdf(path, {frames[0]!r})"
        return f"it holds tables of pandas, {listing(frames)}: read one by {take}, and make an AnnData of it"
    if "barcode_idx" in file or "barcode_corrected_reads" in file:
        return "it is a molecule_info file, a row a molecule: read filtered_feature_bc_matrix.h5 of the same run"
    if "mod" in file and hasattr(file["mod"], "keys"):
        names = list(file["mod"])
        take = f"anndata.io.read_elem(h5py.File(path)['mod/{names[0] if names else '...'}'])"
        return f"it is MuData of {listing(names)}: take one by {take}"
    sizes: list[str] = []
    file.visititems(lambda name, part: sizes.append(f"{name} {part.shape}") if hasattr(part, "shape") else None)
    return (
        f"it holds {listing(sizes) or 'nothing'}: make an AnnData of what are counts, as in "
        "anndata.AnnData(h5py.File(path)['counts'][:])"
    )


def _read_h5ad(path: Path, *, backed: bool = False) -> "AnnData":
    import anndata

    with _reading(path, "AnnData (.h5ad)"), _knowing_encodings(path):
        _check_hdf5(path)
        adata: AnnData = anndata.read_h5ad(path, backed="r" if backed else None)
    check_sparse(adata, path)
    return adata


def _read_zarr(path: Path) -> "AnnData":
    import anndata

    _refuse_pickles(path)
    if not (path / "obs").exists() and (inner := _tables_below(path)):
        raise ValueError(
            f"{path} is no AnnData but holds {len(inner)}, as SpatialData and MuData do: read one of "
            f"{listing(repr(str(table)) for table in inner)}"
        )
    with _reading(path, "AnnData (.zarr)"), _knowing_encodings(path):
        adata: AnnData = anndata.read_zarr(path)
        missing = _missing_chunks(path)
    check_sparse(adata, path)
    if missing:
        listed = listing(f"{gone:,} of {count:,} of {name}" for name, (gone, count) in missing.items())
        warn(
            f"{path.name}: parts that aren't there were read as zeros ({listed}): that is right where all of a part is "
            "0; else the store was copied in part: copy it again, and compare the number of its files"
        )
    return adata


def _missing_chunks(path: Path) -> dict[str, tuple[int, int]]:
    """Return the matrices of a store that lack chunks, how many and of how many: zarr takes such for zeros."""
    import zarr

    arrays = zarr.open_group(path, mode="r").members(max_depth=None)
    matrices = {name: part for name, part in arrays if isinstance(part, zarr.Array) and _MATRIX.fullmatch(name)}
    gone = {name: (part.nchunks - part.nchunks_initialized, part.nchunks) for name, part in matrices.items()}
    return {name: counts for name, counts in gone.items() if counts[0] > 0}


def _tables_below(path: Path) -> list[Path]:
    return sorted(
        obs.parent for depth in ("*", "*/*") for obs in path.glob(f"{depth}/obs") if (obs.parent / "var").exists()
    )


@contextmanager
def _knowing_encodings(path: Path) -> Iterator[None]:
    """Name the element whose encoding this anndata doesn't know: the file is whole, the package is older."""
    import anndata
    from anndata._io.specs.registry import IORegistryError

    try:
        yield
    except IORegistryError as error:
        told = " ".join([str(error), *getattr(error, "__notes__", ())])
        place = re.search(r"key '(.*?)' .*? from (/\S*)", told)
        encoding = re.search(r"IOSpec\((.*?)\)", told)
        where = f"{place[2].rstrip('/')}/{place[1]}" if place else "an element"
        raise NotImplementedError(
            f"{path}: {where} is of an encoding ({encoding[1] if encoding else told}) that anndata "
            f"{anndata.__version__} doesn't know: install a newer anndata, or write the file without that element"
        ) from error


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
    import h5py
    import pandas as pd
    from anndata import AnnData

    with _reading(path, "loom"), h5py.File(path, "r") as file:
        cells, genes = (
            _loom_attributes(file[side], names)
            for side, names in (
                ("col_attrs", ("CellID", "obs_names", "cell_names", "Barcode", "barcode")),
                ("row_attrs", ("Gene", "var_names", "gene_names", "Accession")),
            )
        )
        matrix = _loom_matrix(file["matrix"])
        layers = {name: _loom_matrix(layer) for name, layer in file.get("layers", {}).items()}
        obs, var = (
            pd.DataFrame({k: v for k, v in side.items() if v.ndim == 1}, index=index) for side, index in (cells, genes)
        )
        obsm, varm = ({k: v for k, v in side.items() if v.ndim > 1} for side, _ in (cells, genes))
        obsp = {name: _loom_graph(graph, len(obs)) for name, graph in file.get("col_graphs", {}).items()}
        varp = {name: _loom_graph(graph, len(var)) for name, graph in file.get("row_graphs", {}).items()}
        return AnnData(matrix, obs=obs, var=var, layers=layers, obsm=obsm, varm=varm, obsp=obsp, varp=varp)


def _loom_attributes(group: Any, names: Sequence[str]) -> "tuple[dict[str, NDArray[Any]], list[str]]":
    """Return the attributes of cells or genes, and their names, which are one of these attributes."""
    values = {name: _loom_values(part[()]) for name, part in group.items()}
    named = next((name for name in names if name in values), None)
    if named is None:
        raise ValueError(f"one of {listing(names)} must name the rows of {group.name}, which has {listing(values)}")
    return values, [str(name) for name in values.pop(named)]


def _loom_values(values: Any) -> Any:
    """Decode texts: of a fixed length they are ASCII with XML's references (&#945;), else UTF-8."""
    import html

    import numpy as np

    if values.dtype.kind == "S":
        return np.array([html.unescape(text.decode()) for text in values.ravel()], dtype=object).reshape(values.shape)
    if values.dtype.kind == "O":
        texts = [text.decode() if isinstance(text, bytes) else str(text) for text in values.ravel()]
        return np.array(texts, dtype=object).reshape(values.shape)
    return values


def _loom_matrix(matrix: Any) -> Any:
    """Read genes x cells by rows as cells x genes, CSR float32, so that it never lies there dense."""
    from scipy import sparse

    step = max(1, _VALUES_AT_ONCE // max(1, matrix.shape[1]))
    starts = range(0, max(1, matrix.shape[0]), step)
    return sparse.vstack([sparse.csr_matrix(matrix[at : at + step], dtype="float32") for at in starts]).T.tocsr()


def _loom_graph(graph: Any, size: int) -> Any:
    from scipy import sparse

    return sparse.csr_matrix((graph["w"][()], (graph["a"][()], graph["b"][()])), shape=(size, size))


def _read_10x_h5(
    path: Path, *, genome: str | None = None, feature_types: str | Sequence[str] | None = None
) -> "AnnData":
    import h5py
    import scanpy

    with _reading(path, "10x HDF5 (.h5)"), h5py.File(path, "r") as file:
        genomes = _genomes(file)
    if genomes and len(genomes) > 1 and genome is None:
        raise ValueError(f"{path} has counts of {len(genomes)} genomes: pass genome, one of {listing(genomes)}")
    _check_genome(path, genome, genomes)
    with _reading(path, "10x HDF5 (.h5)"):
        adata: AnnData = scanpy.read_10x_h5(path, genome=genome if genomes else None, gex_only=False)
    check_sparse(adata, path)
    if genome is not None and not genomes:
        _check_genome(path, genome, sorted(set(adata.var.get("genome", ()))))
        adata = adata[:, (adata.var["genome"] == genome).to_numpy()].copy()
    return _of_types(adata, path, feature_types)


def _check_genome(path: Path, genome: str | None, known: Sequence[str]) -> None:
    if genome is not None and known and genome not in known:
        raise ValueError(f"{path} has no genome {genome!r}; it has {listing(known)}")


def _read_10x_folder(path: Path, *, feature_types: str | Sequence[str] | None = None) -> "AnnData":
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
    return _of_types(adata, matrix, feature_types)


def _matrix_of(folder: Path) -> Path:
    """Find the one matrix of a 10x folder; files from GEO bear a prefix, ``GSM123_matrix.mtx.gz``."""
    found = sorted(p for p in folder.glob("*matrix.mtx*") if p.name.endswith((".mtx", ".mtx.gz")))
    if not found:
        below = sorted({str(p.parent) for p in folder.rglob("*matrix.mtx*")})
        hint = f"; it is in {' and '.join(below[:5])}: read that" if below else ""
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

    with open_text(path) as opened:
        if (width := opened.readline().count("\t") + 1) > _WIDEST:
            raise ValueError(
                f"{path} has {width:,} columns, where 10x writes 6 at most: it is another file, or damaged"
            )
    with _reading(path, "tab-separated text"), open_text(path) as opened:
        table: pd.DataFrame = pd.read_csv(
            opened, sep="\t", header=None, dtype=str, na_filter=False, quoting=csv.QUOTE_NONE
        )
    return table


def _of_types(adata: "AnnData", path: Path, wanted: str | Sequence[str] | None) -> "AnnData":
    """Leave out antibodies, guides and other features that would pass for genes, or what else isn't wanted."""
    types = [wanted] if isinstance(wanted, str) else list(wanted or ["Gene Expression"])
    if "feature_types" not in adata.var:
        if wanted is None:
            return adata
        raise ValueError(f"{path} doesn't say of which type its features are: leave feature_types out")
    there = adata.var["feature_types"].value_counts().to_dict()
    if lacking := [name for name in types if name not in there]:
        raise ValueError(
            f"{path} has no features of type {listing(map(repr, lacking))}; it has {there}: pass feature_types, as in "
            f"feature_types={next(iter(there), '')!r}"
        )
    is_wanted = adata.var["feature_types"].isin(types).to_numpy()
    if is_wanted.all():
        return adata
    left_out = {name: count for name, count in there.items() if name not in types}
    what = "aren't gene expression" if wanted is None else "are of other types"
    warn(f"{path.name}: features that {what} are left out: {left_out}")
    return adata[:, is_wanted].copy()


def _without_summary_rows(adata: "AnnData", path: Path, *, keep: bool) -> "AnnData":
    """Leave out the rows in which counters sum up the reads of no gene; only warn of them where all is kept."""
    import numpy as np

    is_summary = np.array([SUMMARY_ROW.fullmatch(str(name)) is not None for name in adata.var_names], dtype=bool)
    if not is_summary.any():
        return adata
    if is_summary.all():
        raise ValueError(f"{path} has no genes, only a counter's summary: {listing(adata.var_names)}")
    names = f"{is_summary.sum()} rows sum up reads and are no genes ({listing(adata.var_names[is_summary])})"
    if keep:
        warn(f"{path.name}: {names}; they are kept as they were written: leave them out before you count")
        return adata
    warn(f"{path.name}: {names}; they are left out")
    return adata[:, ~is_summary].copy()


def _warn_of_dates(adata: "AnnData", path: Path) -> None:
    dates = [name for name in map(str, adata.var_names) if _DATE.fullmatch(name)]
    if dates:
        warn(
            f"{path.name}: {len(dates):,} gene names look as if a spreadsheet had made dates or numbers of them "
            f"({listing(dates)}), as 1-Mar of MARCH1; they are kept: take the names from the file before that"
        )


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
