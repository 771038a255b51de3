"""genolab.data.table and layout: tables as spreadsheets, R and read counters write them."""

import gzip
import warnings
from collections.abc import Iterator
from pathlib import Path

import anndata
import numpy as np
import pytest
from scipy import sparse

import genolab as gl
from genolab.data.layout import find_layout, read_frame


@pytest.fixture(autouse=True)
def warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def written(folder: Path, text: str, name: str = "c.csv", encoding: str = "utf-8") -> Path:
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


def dense(adata: anndata.AnnData) -> list[list[float]]:
    return (adata.X.toarray() if sparse.issparse(adata.X) else np.asarray(adata.X)).tolist()


# --- separators


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
@pytest.mark.parametrize("corner", ["gene id\0", "\0", ""])
def test_names_may_hold_spaces_under_any_separator(tmp_path: Path, separator: str, corner: str) -> None:
    text = f"{corner}donor 1 day 0\0donor 1 day 7\nACTB\0" + "5\0" + "1\nmy gene\0" + "0\0" + "2\n"
    read = gl.data.read(written(tmp_path, text.replace("\0", separator), "c.txt"))
    assert read.obs_names.tolist() == ["donor 1 day 0", "donor 1 day 7"]
    assert read.var_names.tolist() == ["ACTB", "my gene"]
    assert dense(read) == [[5, 0], [1, 2]]


def test_names_may_hold_other_separators_in_quotes_or_not(tmp_path: Path) -> None:
    assert find_layout(written(tmp_path, 'gene\tT, naive\tB, naive, old\n"HLA;A"\t1\t2\n')).separator == "\t"
    assert find_layout(written(tmp_path, 'gene,"T;naive",B;old\nACTB,1,2\n')).separator == ","
    assert find_layout(written(tmp_path, "gene;T, naive;B\nACTB;1,5;2\n")).separator == ";"


def test_a_separator_is_taken_when_named(tmp_path: Path) -> None:
    path = written(tmp_path, "gene|a|b\nACTB|1|2\n")
    with pytest.raises(ValueError, match=r"is no table: .* pass separator"):
        gl.data.read(path)
    assert dense(gl.data.read(path, separator="|")) == [[1], [2]]
    with pytest.raises(ValueError, match="separator must be one character"):
        gl.data.read(path, separator="||")


def test_excels_own_first_line_names_the_separator(tmp_path: Path) -> None:
    assert dense(gl.data.read(written(tmp_path, "sep=;\r\n;cell_1;cell_2\r\nACTB;1;2\r\n"))) == [[1], [2]]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_decimal_comma_is_read_with_a_warning(tmp_path: Path, separator: str) -> None:
    path = written(tmp_path, ";c1;c2\nACTB;5,5;1,25\nMYC;3;0\n".replace(";", separator))
    with pytest.warns(UserWarning, match=r"c\.csv: its numbers are read with a decimal comma"):
        assert dense(gl.data.read(path)) == [[5.5, 3], [1.25, 0]]


def test_a_comma_that_may_group_thousands_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be a finite number, got '1,234'"):
        gl.data.read(written(tmp_path, "\tc1\tc2\nACTB\t1,234\t12\n"))


def test_points_and_commas_before_fractions_in_one_table_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, ";c1;c2\nACTB;5,5;1\nMYC;3.5;0\n")
    with pytest.warns(UserWarning, match="decimal comma"), pytest.raises(ValueError, match=r"got '3\.5' in row 'MYC'"):
        gl.data.read(path)


def test_utf_16_as_excel_writes_it_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, "gene\tdonor 1\tdonor 2\r\nACTB\t5\t1\r\n", "c.txt", "utf-16")
    assert dense(gl.data.read(path)) == [[5], [1]]


@pytest.mark.parametrize("before", ["# made by a tool, v1\n", "# a\tb\tc\n#\n\n", "#gene, a, b\n"])
def test_comments_before_the_names_are_passed_over(tmp_path: Path, before: str) -> None:
    read = gl.data.read(written(tmp_path, before + "gene\ta\tb\nACTB\t5\t1\nMYC\t2\t3\n"))
    assert read.obs_names.tolist() == ["a", "b"]
    assert dense(read) == [[5, 2], [1, 3]]


@pytest.mark.parametrize(
    "header", ["#OTU ID\ta\tb\n", "# gene\ta\tb\n", "# made from biom\n#gene\ta\tb\n", "#\ta\tb\n"]
)
def test_a_row_of_names_may_begin_with_a_hash(tmp_path: Path, header: str) -> None:
    read = gl.data.read(written(tmp_path, header + "ACTB\t5\t1\nMYC\t2\t3\n"))
    assert read.obs_names.tolist() == ["a", "b"]
    assert dense(read) == [[5, 2], [1, 3]]


def test_a_frame_has_its_columns_by_name_whatever_they_hold(tmp_path: Path) -> None:
    text = "sep=;\nSMILES;name;IC50\nCCO;ethanol, pure;5\nC[N+](C)C;;ND\n"
    path = tmp_path / "screen.v2.TSV.gz"
    path.write_bytes(gzip.compress(text.encode()))
    frame = read_frame(path)
    assert frame.columns.tolist() == ["SMILES", "name", "IC50"]
    assert frame["IC50"].tolist() == ["5", "ND"]
    assert frame["name"].isna().tolist() == [False, True]
    assert read_frame(written(tmp_path, '"","v"\n"1",2\n')).columns.tolist() == ["Unnamed: 0", "v"]


@pytest.mark.parametrize("line", [3, 4])
def test_a_row_with_too_many_fields_is_no_frame(tmp_path: Path, line: int) -> None:
    rows = ["1,2\n"] * 3
    rows[line - 2] = "1,2,3\n"
    with pytest.raises(ValueError, match=f"line {line} has 3 fields, and those before it 2"):
        read_frame(written(tmp_path, "a,b\n" + "".join(rows)))


def test_white_space_around_names_is_no_part_of_them(tmp_path: Path) -> None:
    read = gl.data.read(written(tmp_path, "gene, c 1, c 2\nACTB , 5, 1\n"))
    assert (read.obs_names.tolist(), read.var_names.tolist()) == (["c 1", "c 2"], ["ACTB"])


def test_cells_that_are_numbered_keep_their_numbers(tmp_path: Path) -> None:
    assert gl.data.read(written(tmp_path, ",0,1\nACTB,5,1\n")).obs_names.tolist() == ["0", "1"]
    assert gl.data.read(written(tmp_path, "gene,3,7\nACTB,5,1\n")).obs_names.tolist() == ["3", "7"]


# --- what counters and spreadsheets write


def test_summary_rows_of_counters_are_no_genes(tmp_path: Path) -> None:
    rows = ["__no_feature", "__ambiguous", "N_unmapped", "N_noFeature", "Unassigned_NoFeatures", "unmapped"]
    text = "gene\ta\tb\nYAL1\t5\t1\n" + "".join(f"{row}\t100\t200\n" for row in rows)
    with pytest.warns(UserWarning, match=r"6 rows .* no genes .*__no_feature, __ambiguous, N_unmapped"):
        read = gl.data.read(written(tmp_path, text))
    assert read.var_names.tolist() == ["YAL1"]
    assert dense(read) == [[5], [1]]


def test_a_summary_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only a counter's summary"):
        gl.data.read(written(tmp_path, "Status\ta.bam\tb.bam\nAssigned\t5\t1\nUnassigned_Unmapped\t2\t2\n"))


@pytest.mark.parametrize("first", ["ENSG00000141510\t5", "N_unmapped\t100\t100\t100", "g1\t5", "g1\t3\t7"])
def test_a_first_row_of_counts_is_not_taken_for_names(tmp_path: Path, first: str) -> None:
    with pytest.raises(ValueError, match="the first row must hold the names of the columns"):
        gl.data.read(written(tmp_path, f"{first}\nENSG00000141511{first[first.index(chr(9)) :]}\n"))


def test_genes_that_a_spreadsheet_made_dates_are_kept_with_a_warning(tmp_path: Path) -> None:
    path = written(tmp_path, ",cell_1,cell_2\n1-Mar,1,2\n1-Sep,3,4\nDec-01,0,1\n2.31E+13,1,1\nsep-1,1,1\n")
    with pytest.warns(UserWarning, match=r"4 gene names .*spreadsheet .*\(1-Mar, 1-Sep, Dec-01, 2.31E\+13\)"):
        assert gl.data.read(path).n_vars == 5


def test_featurecounts_own_file_is_read_with_its_annotation_in_var(tmp_path: Path) -> None:
    text = '# Program:featureCounts v2.0.1; Command:"featureCounts" "-a" "g.gtf"\n'
    text += "Geneid\tChr\tStart\tEnd\tStrand\tLength\ta.bam\tb.bam\n"
    text += "g1\tI;I\t10;50\t20;60\t+;+\t22\t5\t1\ng2\tII\t7\t9\t-\t3\t0\t2\n"
    with pytest.warns(UserWarning, match="no count of a gene by its name went to var: Chr, Start, End, Strand, Length"):
        read = gl.data.read(written(tmp_path, text, "counts.txt"))
    assert read.obs_names.tolist() == ["a.bam", "b.bam"]
    assert dense(read) == [[5, 0], [1, 2]]
    assert read.var["Length"].tolist() == [22, 3]
    assert read.var["Start"].tolist() == ["10;50", "7"]


@pytest.mark.parametrize("name", ["Entrez_Gene_Id", "Length", "description", "stat", "Unnamed: 0"])
def test_what_is_no_count_of_a_gene_goes_to_var(tmp_path: Path, name: str) -> None:
    with pytest.warns(UserWarning, match="went to var"):
        read = gl.data.read(written(tmp_path, f"Hugo_Symbol\t{name}\ta\nACTB\t60\t5\nMYC\t4609\t0\n"))
    assert dense(read) == [[5, 0]]
    assert read.var[name].tolist() == [60, 4609]


@pytest.mark.parametrize("name", ["seurat_clusters", "percent.mt", "nCount_RNA", "RNA_snn_res.0.8", "donor"])
@pytest.mark.parametrize("turned", [False, True])
def test_what_is_no_count_of_a_cell_goes_to_obs(tmp_path: Path, name: str, turned: bool) -> None:
    table = [["", "ACTB", name, "MYC"], ["p", "5", "2", "0"], ["q", "1", "3", "4"]]
    rows = zip(*table, strict=True) if turned else table
    with pytest.warns(UserWarning, match="went to obs"):
        read = gl.data.read(written(tmp_path, "".join(",".join(row) + "\n" for row in rows)))
    assert read.var_names.tolist() == ["ACTB", "MYC"]
    assert dense(read) == [[5, 0], [1, 4]]
    assert read.obs[name].tolist() == [2, 3]


def test_a_cell_may_have_the_name_of_what_cells_are_described_by(tmp_path: Path) -> None:
    read = gl.data.read(written(tmp_path, "gene,donor,day 7\nACTB,5,1\n"))
    assert read.obs_names.tolist() == ["donor", "day 7"]


def test_samples_and_genes_may_be_named_nearly_like_that(tmp_path: Path) -> None:
    read = gl.data.read(written(tmp_path, "gene,full_length_1,start_0h\nACTB,5,1\nPCA3,1,2\nAGER,0,3\n"))
    assert read.obs_names.tolist() == ["full_length_1", "start_0h"]
    assert read.var_names.tolist() == ["ACTB", "PCA3", "AGER"]


def test_columns_that_only_genes_have_show_where_the_genes_are(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="went to var: Length"):
        assert gl.data.read(written(tmp_path, "id,Length,p\nx,10,1\ny,20,0\n")).var_names.tolist() == ["x", "y"]
