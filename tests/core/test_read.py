"""genolab.data.readers: every format in, one AnnData out, and plain words for what is wrong with a file."""

import gzip
import json
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.io import mmwrite

import genolab as gl
from genolab.paths import shipped

# Three cells x four genes, mostly zero.
COUNTS = np.array([[0, 5, 0, 0], [1, 0, 0, 0], [0, 0, 0, 7]], dtype=np.float32)
GENES = ["MT-CO1", "ACTB", "NOC2L", "CD3D"]
CELLS = ["AAACCTGAGAAACC-1", "AAACCTGAGAAACG-1", "AAACCTGAGAAACT-1"]


@pytest.fixture(autouse=True)
def warnings_are_errors() -> Iterator[None]:
    """A warning that no test asks for is a fault; what other packages say of themselves isn't ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", message="Writing zarr v2")
        warnings.filterwarnings("ignore", message=".*(Consolidated metadata|zarr).*")
        yield


def dense(adata: anndata.AnnData) -> list[list[float]]:
    return (adata.X.toarray() if sparse.issparse(adata.X) else np.asarray(adata.X)).tolist()


def example() -> anndata.AnnData:
    obs, var = pd.DataFrame({"donor": ["a", "a", "b"]}, index=CELLS), pd.DataFrame(index=GENES)
    return anndata.AnnData(sparse.csr_matrix(COUNTS), obs=obs, var=var)


def table(path: Path, *, genes_in: str = "columns", separator: str = ",", frame: pd.DataFrame | None = None) -> Path:
    frame = pd.DataFrame(COUNTS.astype(int), index=CELLS, columns=GENES) if frame is None else frame
    (frame if genes_in == "columns" else frame.T).to_csv(path, sep=separator)
    return path


# --- AnnData's own formats


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_what_anndata_wrote_comes_back_as_it_was(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cells{suffix}"
    (example().write_h5ad if suffix == ".h5ad" else example().write_zarr)(path)
    for given_path in (path, str(path)):
        read = gl.data.read(given_path)
        assert dense(read) == COUNTS.tolist()
        assert read.obs["donor"].tolist() == ["a", "a", "b"]
        assert read.var_names.tolist() == GENES


def test_a_backed_h5ad_leaves_its_matrix_in_the_file(tmp_path: Path) -> None:
    cells = example()
    cells.raw = cells
    cells.write_h5ad(tmp_path / "cells.h5ad")
    read = gl.data.read(tmp_path / "cells.h5ad", backed=True)
    assert read.isbacked
    assert read.raw.X[1:3].toarray().tolist() == COUNTS[1:3].tolist()
    assert read[1:3].to_memory().X.toarray().tolist() == COUNTS[1:3].tolist()
    read.file.close()


def test_only_h5ad_is_read_backed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"backed is not for cells\.csv"):
        gl.data.read(table(tmp_path / "cells.csv"), backed=True)


@pytest.mark.parametrize("keep", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("backed", [False, True])
def test_an_h5ad_that_is_cut_short_says_so(tmp_path: Path, keep: float, backed: bool) -> None:
    path = tmp_path / "cells.h5ad"
    example().write_h5ad(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(ValueError, match="cut short or damaged: fetch or copy it again") as caught:
        gl.data.read(path, backed=backed)
    assert f"{path.stat().st_size:,} bytes" in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_web_page_saved_as_h5ad_says_it_can_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "cells.h5ad"
    path.write_text("<html>404 not found</html>")
    with pytest.raises(ValueError, match="can't be read as AnnData"):
        gl.data.read(path)


def test_an_hdf5_file_that_is_no_anndata_says_so(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5ad", "w") as opened:
        opened["X"] = h5py.Empty("f")
        opened["obs"] = 3
    with pytest.raises(ValueError, match="can't be read as AnnData"):
        gl.data.read(tmp_path / "other.h5ad")


def test_a_zarr_without_its_names_says_so(tmp_path: Path) -> None:
    example().write_zarr(tmp_path / "cells.zarr")
    shutil.rmtree(tmp_path / "cells.zarr" / "var")
    # zarr itself takes a missing chunk for one of zeros or empty texts.
    with pytest.raises(ValueError, match="4 of 4 gene names are empty"):
        gl.data.read(tmp_path / "cells.zarr")


def test_a_folder_called_zarr_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "cells.zarr").mkdir()
    with pytest.raises(ValueError, match=r"can't be read as AnnData \(\.zarr\)"):
        gl.data.read(tmp_path / "cells.zarr")


@pytest.mark.parametrize(
    ("name", "metadata"),
    [
        (".zarray", {"zarr_format": 2, "filters": [{"id": "pickle"}]}),
        (".zarray", {"zarr_format": 2, "compressor": {"id": "pickle"}}),
        (".zmetadata", {"metadata": {"uns/x/.zarray": {"filters": [{"id": "PICKLE"}]}}}),
        ("zarr.json", {"codecs": [{"name": "numcodecs.pickle"}]}),
    ],
)
def test_a_zarr_that_holds_pickles_is_refused(tmp_path: Path, name: str, metadata: dict[str, object]) -> None:
    example().write_zarr(tmp_path / "cells.zarr")
    folder = tmp_path / "cells.zarr" / "uns" / "x"
    folder.mkdir(parents=True)
    text = json.dumps(metadata).replace("pickle", "\\u0070ickle")  # the same JSON, but no plain "pickle" in the file
    (folder / name).write_text(text)
    with pytest.raises(ValueError, match="holds pickled objects"):
        gl.data.read(tmp_path / "cells.zarr")


# --- 10x


def tenx_folder(folder: Path, *, old: bool = False, packed: bool = False, prefix: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    mmwrite(folder / "m.mtx", sparse.coo_matrix(COUNTS.T.astype(int)))
    kinds = "" if old else "\tGene Expression"
    features = "".join(f"ENSG{i}\t{gene}{kinds}\n" for i, gene in enumerate(GENES))
    contents = {
        "matrix.mtx": (folder / "m.mtx").read_text(),
        ("genes.tsv" if old else "features.tsv"): features,
        "barcodes.tsv": "".join(f"{cell}\n" for cell in CELLS),
    }
    (folder / "m.mtx").unlink()
    for name, text in contents.items():
        if packed:
            (folder / f"{prefix}{name}.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / f"{prefix}{name}").write_text(text)
    return folder


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("prefix", ["", "GSM1_"])
def test_a_10x_folder_of_any_age_and_packing_is_read(tmp_path: Path, old: bool, packed: bool, prefix: str) -> None:
    folder = tenx_folder(tmp_path / "run", old=old, packed=packed, prefix=prefix)
    for path in (folder, folder / f"{prefix}matrix.mtx{'.gz' if packed else ''}"):
        read = gl.data.read(path)
        assert dense(read) == COUNTS.tolist()
        assert (read.X.format, read.X.dtype) == ("csr", np.float32)
        assert read.obs_names.tolist() == CELLS
        assert read.var_names.tolist() == GENES
        assert read.var["gene_ids"].tolist() == ["ENSG0", "ENSG1", "ENSG2", "ENSG3"]


def test_features_that_are_no_genes_are_left_out_with_a_warning(tmp_path: Path) -> None:
    folder = tenx_folder(tmp_path / "run")
    features = folder / "features.tsv"
    features.write_text(features.read_text().replace("CD3D\tGene Expression", "CD3\tAntibody Capture"))
    with pytest.warns(UserWarning, match="'Antibody Capture': 1") as caught:
        read = gl.data.read(folder)
    assert caught[0].filename == __file__
    assert read.var_names.tolist() == GENES[:3]


def test_a_10x_folder_with_a_part_missing_names_it(tmp_path: Path) -> None:
    folder = tenx_folder(tmp_path / "run")
    (folder / "barcodes.tsv").unlink()
    with pytest.raises(FileNotFoundError, match=r"none of \['barcodes.tsv', 'barcodes.tsv.gz'\]"):
        gl.data.read(folder)


def test_a_folder_above_the_10x_folder_says_where_it_is(tmp_path: Path) -> None:
    folder = tenx_folder(tmp_path / "run" / "hg19")
    with pytest.raises(FileNotFoundError, match=f"it is in {folder}: read that"):
        gl.data.read(tmp_path / "run")


def test_a_folder_of_several_runs_asks_for_one(tmp_path: Path) -> None:
    tenx_folder(tmp_path, prefix="a_")
    tenx_folder(tmp_path, prefix="b_")
    with pytest.raises(ValueError, match=r"read one of \['a_matrix.mtx', 'b_matrix.mtx'\]"):
        gl.data.read(tmp_path)
    assert gl.data.read(tmp_path / "b_matrix.mtx").n_obs == 3


def test_a_10x_folder_whose_parts_differ_in_size_is_refused(tmp_path: Path) -> None:
    folder = tenx_folder(tmp_path / "run")
    (folder / "barcodes.tsv").write_text("only-one\n")
    with pytest.raises(ValueError, match="4 genes x 3 cells, but beside it are 4 features and 1 barcodes"):
        gl.data.read(folder)
    (folder / "features.tsv").write_text("\t" * 300_000)
    with pytest.raises(ValueError, match=r"features\.tsv has 300,001 columns, where 10x writes 6 at most"):
        gl.data.read(folder)


@pytest.mark.parametrize("packed", [False, True])
def test_a_matrix_that_is_cut_short_says_so(tmp_path: Path, packed: bool) -> None:
    folder = tenx_folder(tmp_path / "run", packed=packed)
    path = folder / f"matrix.mtx{'.gz' if packed else ''}"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ValueError, match="can't be read as Matrix Market"):
        gl.data.read(folder)


def tenx_h5(path: Path, *, types: list[bytes] | None = None) -> Path:
    columns = sparse.csc_matrix(COUNTS.T.astype(np.int32))  # genes x cells
    with h5py.File(path, "w") as opened:
        group = opened.create_group("matrix")
        group["barcodes"] = np.array([cell.encode() for cell in CELLS])
        group["data"], group["indices"], group["indptr"] = columns.data, columns.indices, columns.indptr
        group["shape"] = columns.shape
        features = group.create_group("features")
        features["id"] = np.array([b"ENSG0", b"ENSG1", b"ENSG2", b"ENSG3"])
        features["name"] = np.array([gene.encode() for gene in GENES])
        features["feature_type"] = np.array(types or [b"Gene Expression"] * 4)
        features["genome"] = np.array([b"GRCh38"] * 4)
    return path


def test_a_10x_h5_is_read(tmp_path: Path) -> None:
    read = gl.data.read(tenx_h5(tmp_path / "run.h5"))
    assert dense(read) == COUNTS.tolist()
    assert (read.X.format, read.X.dtype) == ("csr", np.float32)
    assert read.obs_names.tolist() == CELLS
    assert read.var_names.tolist() == GENES
    assert read.var["gene_ids"].tolist() == ["ENSG0", "ENSG1", "ENSG2", "ENSG3"]


def test_a_10x_h5_leaves_out_what_is_no_gene(tmp_path: Path) -> None:
    path = tenx_h5(tmp_path / "run.h5", types=[b"Gene Expression"] * 3 + [b"CRISPR Guide Capture"])
    with pytest.warns(UserWarning, match="CRISPR Guide Capture"):
        assert gl.data.read(path).n_vars == 3


def test_an_h5_that_is_not_10x_says_so(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as opened:
        opened["dge"] = np.zeros(3)
    with pytest.raises(ValueError, match=r"can't be read as AnnData, 10x HDF5 or loom: it holds dge \(3,\)"):
        gl.data.read(tmp_path / "other.h5")


# --- tables


@pytest.mark.parametrize("genes_in", ["rows", "columns"])
@pytest.mark.parametrize(("name", "separator"), [("c.csv", ","), ("c.tsv", "\t"), ("c.txt", " "), ("c.csv.gz", ";")])
def test_a_table_is_turned_by_its_gene_names(tmp_path: Path, genes_in: str, name: str, separator: str) -> None:
    read = gl.data.read(table(tmp_path / name, genes_in=genes_in, separator=separator))
    assert dense(read) == COUNTS.tolist()
    assert read.obs_names.tolist() == CELLS
    assert read.var_names.tolist() == GENES
    assert (read.X.format, read.X.dtype) == ("csr", np.float32)


@pytest.mark.parametrize(
    "gene", ["ENSG00000141510", "ENSMUSG00000059552.14", "mt-Nd1", "Rpl13a", "RPS4X", "gapdh", "YAL001C", "LINC01128"]
)
def test_one_known_gene_name_is_enough(tmp_path: Path, gene: str) -> None:
    frame = pd.DataFrame([[1, 0], [0, 2]], index=["one", "two"], columns=["odd", gene])
    assert gl.data.read(table(tmp_path / "a.csv", frame=frame)).var_names.tolist() == ["odd", gene]
    assert gl.data.read(table(tmp_path / "b.csv", frame=frame.T)).var_names.tolist() == ["odd", gene]


@pytest.mark.parametrize(
    "cell", ["ACGTACGTACGTACGT-1", "s1_ACGTACGTACGT", "ACGTACGTACGT.2", "cell_12", "Cell 3", "Barcode7"]
)
def test_one_known_cell_name_is_enough_where_no_gene_is_known(tmp_path: Path, cell: str) -> None:
    frame = pd.DataFrame([[1, 0], [0, 2]], index=["x", cell], columns=["odd", "even"])
    assert gl.data.read(table(tmp_path / "a.csv", frame=frame)).obs_names.tolist() == ["x", cell]
    assert gl.data.read(table(tmp_path / "b.csv", frame=frame.T)).obs_names.tolist() == ["x", cell]


def test_names_that_tell_nothing_are_asked_about_and_the_answer_is_taken(tmp_path: Path) -> None:
    frame = pd.DataFrame([[1, 0, 0], [0, 2, 0]], index=["p", "q"], columns=["r", "s", "t"])
    path = table(tmp_path / "c.csv", frame=frame)
    with pytest.raises(ValueError, match='pass genes_in="rows" or genes_in="columns"'):
        gl.data.read(path)
    assert gl.data.read(path, genes_in="columns").shape == (2, 3)
    turned = gl.data.read(path, genes_in="rows")
    assert dense(turned) == [[1, 0], [0, 2], [0, 0]]
    assert turned.var_names.tolist() == ["p", "q"]


def test_the_answer_is_stronger_than_the_names(tmp_path: Path) -> None:
    assert gl.data.read(table(tmp_path / "c.csv"), genes_in="rows").obs_names.tolist() == GENES


def test_ten_thousand_unknown_names_are_taken_for_genes_with_a_warning(tmp_path: Path) -> None:
    frame = pd.DataFrame(np.eye(2, 10_000, dtype=int), index=["p", "q"], columns=[f"x{i}" for i in range(10_000)])
    with pytest.warns(UserWarning, match="pass genes_in") as caught:
        assert gl.data.read(table(tmp_path / "c.csv", frame=frame)).shape == (2, 10_000)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="in its rows"):
        assert gl.data.read(table(tmp_path / "d.csv", frame=frame.T)).shape == (2, 10_000)


def test_a_wrong_answer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got 'genes'"):
        gl.data.read(table(tmp_path / "c.csv"), genes_in="genes")
    example().write_h5ad(tmp_path / "c.h5ad")
    with pytest.raises(ValueError, match=r"genes_in is not for c\.h5ad: its format takes backed"):
        gl.data.read(tmp_path / "c.h5ad", genes_in="rows")


def test_a_table_that_is_mostly_numbers_stays_dense(tmp_path: Path) -> None:
    frame = pd.DataFrame(COUNTS + 0.25, index=CELLS, columns=GENES)
    read = gl.data.read(table(tmp_path / "c.csv", frame=frame))
    assert isinstance(read.X, np.ndarray)
    assert read.X.dtype == np.float32
    assert read.X.tolist() == (COUNTS + 0.25).tolist()


def test_the_corner_may_be_missing_as_r_writes_it_and_names_may_be_quoted(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text('"ACTB"\t"HLA,B"\n"cell 1"\t1\t2\n"cell 2"\t0\t3e2\n')
    read = gl.data.read(tmp_path / "c.tsv")
    assert read.var_names.tolist() == ["ACTB", "HLA,B"]
    assert read.obs_names.tolist() == ["cell 1", "cell 2"]
    assert dense(read) == [[1, 2], [0, 300]]


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(b"\xef\xbb\xbfACTB,NOC2L\r\ncell_1,1,2\r\ncell_2,3,4\r\n")
    read = gl.data.read(tmp_path / "c.csv")
    assert read.var_names.tolist() == ["ACTB", "NOC2L"]
    assert dense(read) == [[1, 2], [3, 4]]


def test_a_gene_called_na_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(",cell_1,cell_2\nNA,1,2\nnan,3,4\n")
    assert gl.data.read(tmp_path / "c.csv").var_names.tolist() == ["NA", "nan"]


@pytest.mark.parametrize("wrong", ["T cell", "", "NA", "nan", "inf", "1e60", "0x10", "<b>1</b>"])
def test_a_cell_that_is_no_number_is_named_by_row_and_column(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "c.csv").write_text(f",ACTB,NOC2L\ncell_1,1,2\ncell_2,3,{wrong}\n")
    with pytest.raises(ValueError, match=r"in row 'cell_2' \(line 3\), column 'NOC2L'") as caught:
        gl.data.read(tmp_path / "c.csv")
    assert repr(wrong) in str(caught.value)


@pytest.mark.parametrize(("row", "fields"), [("cell_2,3", 2), ("cell_2,3,4,5", 4)])
def test_a_row_of_another_length_is_named(tmp_path: Path, row: str, fields: int) -> None:
    (tmp_path / "c.csv").write_text(f",ACTB,NOC2L\ncell_1,1,2\n{row}\ncell_3,1,2\n")
    with pytest.raises(ValueError, match=f"line 3 has {fields} fields, and those before it 3"):
        gl.data.read(tmp_path / "c.csv")


def test_a_table_without_row_names_does_not_lose_its_first_gene(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("ACTB,NOC2L,CD4\n1,2,0\n1,0,4\n")
    with pytest.raises(ValueError, match="'ACTB' holds numbers that occur more than once"):
        gl.data.read(tmp_path / "c.csv")


@pytest.mark.parametrize("text", ["just text\n", ",ACTB\n", "\n\n", "a,b,c\n1,2,3,4,5\n"])
def test_a_text_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(ValueError, match=r"c\.csv"):
        gl.data.read(tmp_path / "c.csv")


def test_a_packed_table_is_known_by_its_content(tmp_path: Path) -> None:
    read = gl.data.read(table(tmp_path / "c.csv.gz").rename(tmp_path / "c.csv.bgz"))
    assert dense(read) == COUNTS.tolist()


def test_a_packed_table_that_is_cut_short_says_so(tmp_path: Path) -> None:
    path = table(tmp_path / "c.csv.gz")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"can't be unpacked .* cut short or damaged"):
        gl.data.read(path)


def test_a_binary_file_called_csv_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(bytes(range(128, 256)) * 4)
    with pytest.raises(ValueError, match=r"c\.csv is neither UTF-8 nor Latin-1"):
        gl.data.read(tmp_path / "c.csv")


def test_a_table_of_many_chunks_is_the_table_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.poisson(0.3, (50, 7)), index=[f"cell_{i}" for i in range(50)], columns=list("ABCDEFG"))
    path = table(tmp_path / "c.csv", frame=frame)
    monkeypatch.setattr("genolab.data.table._NUMBERS_A_CHUNK", 30)
    assert dense(gl.data.read(path)) == frame.to_numpy().tolist()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.integers(1, 6).flatmap(
        lambda width: st.lists(
            st.lists(st.floats(-1e6, 1e6, width=32), min_size=width, max_size=width), min_size=1, max_size=6
        )
    ),
    separator=st.sampled_from(",\t;"),
    genes_in=st.sampled_from(["rows", "columns"]),
)
def test_any_table_comes_back_number_for_number(
    tmp_path: Path, values: list[list[float]], separator: str, genes_in: str
) -> None:
    matrix = np.array(values, dtype=np.float32)
    names = [f"cell_{i}" for i in range(len(matrix))], [f"MT-A{i}" for i in range(matrix.shape[1])]
    frame = pd.DataFrame(matrix, index=names[0], columns=names[1])
    read = gl.data.read(table(tmp_path / "c.csv", frame=frame, separator=separator, genes_in=genes_in))
    assert dense(read) == matrix.tolist()


# --- what holds for all


def test_names_that_repeat_are_made_unique_with_a_warning_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(",ACTB,ACTB,MT-CO1\ncell_1,1,2,3\ncell_1,4,5,6\n")
    with pytest.warns(UserWarning, match="occur more than once") as caught:
        read = gl.data.read(tmp_path / "c.csv")
    said = [str(warning.message) for warning in caught]
    assert read.var_names.tolist() == ["ACTB", "ACTB-1", "MT-CO1"]
    assert read.obs_names.tolist() == ["cell_1", "cell_1-1"]
    assert any("1 gene names occur more than once (ACTB)" in text for text in said)
    assert any("1 cell names occur more than once (cell_1)" in text for text in said)


def test_repeated_symbols_of_10x_keep_their_accessions(tmp_path: Path) -> None:
    folder = tenx_folder(tmp_path / "run")
    (folder / "features.tsv").write_text("ENSG0\tTBCE\nENSG1\tTBCE\nENSG2\tNOC2L\nENSG3\tCD3D\n")
    with pytest.warns(UserWarning, match="TBCE"):
        read = gl.data.read(folder)
    assert read.var["gene_ids"].to_dict() == {"TBCE": "ENSG0", "TBCE-1": "ENSG1", "NOC2L": "ENSG2", "CD3D": "ENSG3"}


def test_a_missing_file_names_what_lies_beside_it(tmp_path: Path) -> None:
    table(tmp_path / "counts.csv")
    with pytest.raises(FileNotFoundError, match=r"has \['counts.csv'\]"):
        gl.data.read(tmp_path / "count.csv")
    with pytest.raises(FileNotFoundError, match="nor is the folder"):
        gl.data.read(tmp_path / "none" / "count.csv")


@pytest.mark.parametrize("name", ["c.h5ad", "c.h5", "c.csv", "c.mtx", "c.loom"])
def test_an_empty_file_says_that_it_is_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=r"is empty \(0 bytes\)"):
        gl.data.read(tmp_path / name)


@pytest.mark.parametrize("name", ["c.xlsx", "c.rds", "c", "c.pkl", "c.csv.zip"])
def test_an_unknown_suffix_names_those_that_are_known(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(ValueError, match=r"no reader for .*known: a 10x folder, \.csv"):
        gl.data.read(tmp_path / name)


def test_a_packed_h5ad_says_to_unpack_it(tmp_path: Path) -> None:
    (tmp_path / "c.h5ad.gz").write_bytes(gzip.compress(b"x"))
    with pytest.raises(ValueError, match=r"gunzip c\.h5ad\.gz"):
        gl.data.read(tmp_path / "c.h5ad.gz")


def test_a_suffix_in_capitals_is_the_same_suffix(tmp_path: Path) -> None:
    assert gl.data.read(table(tmp_path / "C.CSV")).shape == (3, 4)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no matrix\.mtx"):
        gl.data.read(tmp_path)


def test_a_real_sample_is_the_same_by_every_format(tmp_path: Path) -> None:
    sample = gl.data.read(shipped("data") / "immune_sample.h5ad")[:20, ::50].copy()
    sample.X = sparse.csr_matrix(sample.X, dtype=np.float32)
    frame = pd.DataFrame(sample.X.toarray().astype(int), index=sample.obs_names, columns=sample.var_names)
    sample.write_h5ad(tmp_path / "s.h5ad")
    sample.write_zarr(tmp_path / "s.zarr")
    paths = [tmp_path / "s.h5ad", tmp_path / "s.zarr"]
    paths += [table(tmp_path / "s.csv", frame=frame), table(tmp_path / "s.tsv.gz", frame=frame.T, separator="\t")]
    for path in paths:
        read = gl.data.read(path)
        assert (read.X != sample.X).nnz == 0, path
        assert read.obs_names.equals(sample.obs_names), path
        assert read.var_names.tolist() == sample.var_names.tolist(), path


# --- what a file states and doesn't hold


@pytest.mark.parametrize(("name", "wrong"), [("indices", 2**30), ("indices", -1), ("indptr", 2**30), ("indptr", -1)])
@pytest.mark.parametrize("group", ["X", "layers/counts", "raw/X"])
@pytest.mark.parametrize("backed", [False, True])
@pytest.mark.parametrize("form", ["csr", "csc"])
def test_indices_outside_of_a_sparse_matrix_are_refused_before_they_are_used(
    tmp_path: Path, group: str, name: str, wrong: int, backed: bool, form: str
) -> None:
    cells = example()
    cells.X = cells.X.asformat(form)
    cells.layers["counts"] = cells.X.copy()
    cells.raw = cells
    cells.write_h5ad(tmp_path / "cells.h5ad")
    with h5py.File(tmp_path / "cells.h5ad", "r+") as opened:
        opened[f"{group}/{name}"][-1] = wrong
    with pytest.raises(ValueError, match=r"cells\.h5ad.* the sparse matrix .* don't fit its shape"):
        gl.data.read(tmp_path / "cells.h5ad", backed=backed)


def test_index_pointers_that_overran_their_bytes_are_refused(tmp_path: Path) -> None:
    ends = np.array([0, 100, 200, 300, 400])
    X = sparse.csr_matrix((np.ones(400, "f4"), np.tile(np.arange(100), 4), ends), shape=(4, 100))
    anndata.AnnData(X).write_h5ad(tmp_path / "cells.h5ad")
    with h5py.File(tmp_path / "cells.h5ad", "r+") as opened:
        del opened["X/indptr"]
        opened["X/indptr"] = ends.astype("int8")  # 0, 100, -56, 44, -112
    with pytest.raises(ValueError, match=r"cells\.h5ad.* \(its index pointers must ascend\)"):
        gl.data.read(tmp_path / "cells.h5ad")


def test_a_size_beyond_memory_is_refused_with_the_files_name(tmp_path: Path) -> None:
    example().write_h5ad(tmp_path / "cells.h5ad")
    with h5py.File(tmp_path / "cells.h5ad", "r+") as opened:
        del opened["X/data"]
        opened.create_dataset("X/data", shape=(2**50,), dtype="f8", chunks=(1024,))
    with pytest.raises(ValueError, match=r"cells\.h5ad .* more memory than there is"):
        gl.data.read(tmp_path / "cells.h5ad")


def test_a_store_without_some_of_its_chunks_is_read_with_a_warning(tmp_path: Path) -> None:
    cells = example()
    cells.X = cells.X.toarray()
    cells.write_zarr(tmp_path / "cells.zarr")
    gl.data.read(tmp_path / "cells.zarr")  # whole: no word
    for chunk in [
        path for path in (tmp_path / "cells.zarr/X").rglob("*") if path.name in {"0.0", "0"} and path.is_file()
    ]:
        chunk.unlink()
    with pytest.warns(UserWarning, match=r"cells\.zarr: parts that aren't there were read as zeros \(1 of 1 of X\)"):
        gl.data.read(tmp_path / "cells.zarr")
