"""Measured compounds: the known sets, tables of one's own, and cold splits."""

import gzip
import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import genolab as gl
from genolab.data.cache import File, locate, read_member
from genolab.drugs import catalogue as builders
from genolab.drugs.pairs import pairs_adata

needs_davis = pytest.mark.skipif(
    not Path(os.environ.get("GENOLAB_MIRROR", "") or "/nonexistent", "davis").is_dir(),
    reason="GENOLAB_MIRROR names no folder with davis",
)


def table(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"smiles": ["CCO", "CCN", "CCC", "CCCC"], "ic50": [1.0, 10.0, 100.0, 1000.0]} | columns)


def read(rows: pd.DataFrame, **options: object) -> AnnData:
    return gl.drugs.responses(rows, smiles="smiles", response="ic50", **options)


@pytest.fixture(scope="module")
def davis() -> AnnData:
    return gl.data.fetch("davis")


# --- known sets


@needs_davis
def test_davis_has_all_pairs_and_the_official_folds(davis: AnnData) -> None:
    assert davis.shape == (30_056, 0)
    assert davis.obs["split"].value_counts().to_dict() == {"train": 25_046, "test": 5_010}
    assert sorted(davis.obs["fold"].unique()) == [-1, 0, 1, 2, 3, 4]
    assert davis.obs["protein"].nunique() == 379
    np.testing.assert_allclose(davis.obs["response"], 9 - np.log10(davis.obs["value"]), rtol=1e-6)
    assert (davis.obs.loc[davis.obs["censored"] == "<", "value"] == 10_000).all()


@needs_davis
def test_a_pair_points_to_its_rows_in_the_tables(davis: AnnData) -> None:
    compounds, contexts = davis.uns["compounds"], davis.uns["contexts"]
    assert (compounds.index[davis.obsm["pair"][:, 0]] == davis.obs["compound"]).all()
    assert (contexts.index[davis.obsm["pair"][:, 1]] == davis.obs["context"]).all()
    assert (compounds["reason"] == "").all()
    assert not compounds["canonical"].str.contains(".", regex=False).any()


@needs_davis
def test_davis_is_written_and_read_back_unchanged(davis: AnnData, tmp_path: Path) -> None:
    davis.write_h5ad(tmp_path / "davis.h5ad")
    back = anndata.read_h5ad(tmp_path / "davis.h5ad")
    pd.testing.assert_frame_equal(back.obs, davis.obs)
    pd.testing.assert_frame_equal(back.uns["compounds"], davis.uns["compounds"])
    pd.testing.assert_frame_equal(back.uns["contexts"], davis.uns["contexts"])
    np.testing.assert_array_equal(back.obsm["pair"], davis.obsm["pair"])


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("harmful", [_Harmful(), np.array([_Harmful()], dtype=object), {"a": 1}, np.arange(3)])
def test_a_pickle_of_anything_but_an_array_of_numbers_is_refused(
    harmful: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Y").write_bytes(pickle.dumps(harmful, protocol=2))
    with pytest.raises(ValueError, match="isn't read"):
        builders.read_plain_array(tmp_path / "Y")
    assert not (tmp_path / "harm").exists()


def test_an_array_of_numbers_is_read_as_it_was_pickled(tmp_path: Path) -> None:
    array = np.array([[1.5, np.inf], [np.nan, -2.0]])
    for protocol in (3, 4):
        (tmp_path / "Y").write_bytes(pickle.dumps(np.asfortranarray(array), protocol=protocol))

        np.testing.assert_array_equal(builders.read_plain_array(tmp_path / "Y"), array)


def test_a_source_archive_is_fetched_and_none_of_its_code_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"
    (tmp_path / "tiny-1.0").mkdir()
    index.mkdir()
    (tmp_path / "tiny-1.0" / "setup.py").write_text("import pathlib; pathlib.Path('/nonexistent/x').write_text('ran')")
    (tmp_path / "tiny-1.0" / "data.csv").write_text("a,b\n")
    with tarfile.open(index / "tiny-1.0.tar.gz", "w:gz") as packed:
        packed.add(tmp_path / "tiny-1.0", "tiny-1.0")
    monkeypatch.setenv("GENOLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GENOLAB_MIRROR", raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    path = locate("tiny", File("tiny-1.0.tar.gz", package="tiny==1.0"))
    assert read_member(path, "tiny-1.0/data.csv") == b"a,b\n"
    with pytest.raises(KeyError):
        read_member(path, "tiny-1.0/none.csv")


def test_moleculeace_joins_its_tables_and_knows_a_molecule_again(tmp_path: Path) -> None:
    path = tmp_path / "MoleculeACE-3.0.0-py3-none-any.whl"
    head = "smiles,exp_mean [nM],y,cliff_mol,split\n"
    with zipfile.ZipFile(path, "w") as packed:
        folder = "MoleculeACE/Data/benchmark_data"
        packed.writestr(f"{folder}/CHEMBL204_Ki.csv", head + "CCO,10.0,-1.0,1,train\nc1ccccc1,100.0,-2.0,0,test\n")
        packed.writestr(f"{folder}/CHEMBL218_EC50.csv", head + "CCO,1000.0,-3.0,0,test\n")
        packed.writestr(f"{folder}/__init__.py", "")
    made = builders.build_moleculeace({path.name: path})
    assert made.obs["response"].tolist() == [8.0, 7.0, 6.0]
    assert made.obsm["pair"].tolist() == [[0, 0], [1, 0], [0, 1]]
    assert made.obs["measure"].tolist() == ["pKi", "pKi", "pEC50"]
    assert made.obs["cliff"].tolist() == [True, False, False]
    assert made.obs["split"].tolist() == ["train", "test", "test"]
    assert made.obs["scaffold"].tolist() == ["CCO", "c1ccccc1", "CCO"]
    assert made.uns["contexts"]["gene"].tolist() == ["F2", "CNR1"]


def test_ligands_of_three_receptors_are_shipped() -> None:
    ligands = gl.data.fetch("ppar_ligands")
    assert (
        ligands.uns["contexts"]["gene"].tolist() == ["PPARA", "PPARG", "PPARD"] == list(ligands.uns["contexts"].index)
    )
    assert ligands.obs["context"].value_counts()[["PPARA", "PPARG", "PPARD"]].tolist() == [1721, 2349, 1125]
    assert len(ligands.uns["compounds"]) == 3366
    assert not ligands.uns["compounds"]["reason"].any()
    np.testing.assert_allclose(ligands.obs["response"], 9 - np.log10(ligands.obs["value"]), atol=1e-4)


def test_gdsc_joins_drugs_lines_and_features(tmp_path: Path) -> None:
    files = {
        "IC50_v17.csv.gz": "COSMIC_ID,Drug_1_IC50,Drug_1047_IC50\n22,,1.5\n11,-2.0,0.5\n",
        "genomic_features_v17.csv.gz": "COSMIC_ID,TISSUE_FACTOR,MSI_FACTOR,TP53_mut\n11,skin,0,1\n22,lung,1,0\n",
        "cosmic_info.csv.gz": "SAMPLE_NAME,COSMIC_ID,TCGA,GROWTH_PROPERTIES\nA-1,11,SKCM,Adherent\n",
        "DRUG_DECODE.csv": "DRUG_ID,DRUG_NAME,DRUG_TARGET\nDrug_1047_IC50,Nutlin-3a,MDM2\n",
    }
    path = tmp_path / "gdsctools-1.0.1.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        for name, text in files.items():
            content = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
            member = tarfile.TarInfo(f"gdsctools-1.0.1/gdsctools/data/{name}")
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    made = builders.build_gdsc({path.name: path})
    assert made.obs["response"].tolist() == [-2.0, 0.5, 1.5]
    assert made.obs["context"].tolist() == ["11", "11", "22"]
    assert made.obs["compound"].tolist() == ["Drug_1", "Drug_1047", "Drug_1047"]
    assert made.uns["contexts"].loc["11"].tolist() == ["A-1", "skin", "SKCM", "Adherent"]
    assert made.uns["compounds"]["name"].tolist() == ["", "Nutlin-3a"]
    assert made.uns["features"].toarray().tolist() == [[0, 1], [1, 0]]
    assert made.uns["feature_names"].tolist() == ["MSI", "TP53_mut"]


# --- a table of one's own


@pytest.mark.parametrize(("unit", "first"), [("nM", 9.0), ("uM", 6.0), ("mM", 3.0), ("M", 0.0), ("\u00b5M", 6.0)])
def test_a_concentration_becomes_its_negative_logarithm_in_molar(unit: str, first: float) -> None:
    assert read(table(), unit=unit).obs["response"].tolist() == pytest.approx([first, first - 1, first - 2, first - 3])


def test_units_may_be_mixed_by_a_column_and_logarithms_stay() -> None:
    mine = read(table(ic50=[10.0, 10.0, 7.5, 0.01], unit=["nM", "uM", "pIC50", "mM"]), unit="unit")
    assert mine.obs["response"].tolist() == pytest.approx([8.0, 5.0, 7.5, 5.0])
    assert mine.obs["unit"].tolist() == ["nM", "uM", "pIC50", "mM"]
    assert mine.uns["response"] == {"name": "pIC50", "unit": "-log10 M"}


def test_an_unknown_unit_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"one of pM, nM, .*got 'mg/ml'"):
        read(table(), unit="mg/ml")


def test_a_bound_on_a_concentration_is_the_opposite_bound_on_the_response() -> None:
    mine = read(table(ic50=["1", ">10", "< 100", "~1000"]))
    assert mine.obs["censored"].tolist() == ["=", "<", ">", "="]
    assert read(table(ic50=["1", ">2", "3", "4"]), unit="pIC50").obs["censored"].tolist() == ["=", ">", "=", "="]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("inf", "'inf' is no number"),
        ("-3", "a concentration is above 0, got -3"),
        ("0", "a concentration is above 0, got 0"),
        ("ND", "no value ('ND')"),
        ("OVRFLW", "above range, without a number ('OVRFLW')"),
        ("10 nM", "'10 nM' is no number"),
    ],
)
def test_a_value_that_can_not_be_is_left_out_with_its_reason(wrong: str, reason: str) -> None:
    with pytest.warns(UserWarning, match="1 of 4 rows were left out"):
        left = read(table(ic50=["1", "2", wrong, "4"])).uns["left_out"]
    assert left[["row", "reason"]].to_numpy().tolist() == [[2, reason]]


def test_numbers_below_zero_are_no_concentrations_and_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="2 of 4 in 'ic50' are below: pass unit=None"):
        read(table(ic50=[-3.5, -1.2, 0.5, 2.0]))


def test_a_decimal_comma_is_read_where_the_column_shows_it_and_else_not_guessed() -> None:
    assert read(table(ic50=["1,5", "0,125", "1,500", "3"])).obs["value"].tolist() == [1.5, 0.125, 1.5, 3.0]
    assert read(table(ic50=["1,500", "2.5", "12,000.0", "3"])).obs["value"].tolist() == [1500.0, 2.5, 12000.0, 3.0]
    with pytest.warns(UserWarning, match="'1,500' may be 1.500 or 1500"):
        assert read(table(ic50=["1,500", "2", "4", "3"])).n_obs == 3


def test_an_unknown_unit_in_a_column_costs_its_row_alone() -> None:
    with pytest.warns(UserWarning, match="no unit that is known"):
        mine = read(table(unit=["nM", "\u00b5g/ml", "umol/L", "NM"]), unit="unit")
    assert mine.obs["response"].tolist() == pytest.approx([9.0, 4.0, 6.0])


def test_a_column_that_is_called_as_the_unit_is_one_of_values() -> None:
    rows = table().rename(columns={"ic50": "nM"})
    assert gl.drugs.responses(rows, smiles="smiles", response="nM").obs["response"].tolist() == [9.0, 8.0, 7.0, 6.0]


@pytest.mark.parametrize(("column", "name"), [("EC50 (nM)", "pEC50"), ("ki", "pKi"), ("kinase", "pIC50")])
def test_a_response_is_called_by_what_was_measured(column: str, name: str) -> None:
    rows = table().rename(columns={"ic50": column})
    assert gl.drugs.responses(rows, smiles="smiles", response=column).uns["response"]["name"] == name


def test_between_semicolons_a_comma_is_a_decimal_one(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("smiles;ic50\nCCO;1,500\nCCN;2,250\nCCC;n.d.\n")
    with pytest.warns(UserWarning, match=r"no value \('n\.d\.'\)"):
        mine = gl.drugs.responses(tmp_path / "mine.csv", smiles="smiles", response="ic50")
    assert mine.obs["value"].tolist() == [1.5, 2.25]


def test_numbers_that_are_no_concentrations_stay_as_they_are() -> None:
    mine = read(table(ic50=[-3.5, 0.0, 1.25, 40.0]), unit=None)
    assert mine.obs["response"].tolist() == [-3.5, 0.0, 1.25, 40.0]
    assert mine.uns["response"] == {"name": "ic50", "unit": ""}


def test_a_class_needs_a_majority_of_a_compounds_labels() -> None:
    rows = table(smiles=["CCO", "OCC", "CCN", "NCC"], ic50=[0, 1, 1, 1])
    rows = pd.concat([rows, table(smiles=["CC", "CCC", "CCC", "CCC"], ic50=[0, 1, 0, 0])])
    with pytest.warns(UserWarning, match=r"more than half of its 2 values: 0 \(1\) and 1 \(1\)"):
        mine = read(rows, classes=True)
    assert mine.obs["label"].tolist() == ["1", "0", "0"]
    assert mine.obs["response"].tolist() == [1.0, 0.0, 0.0]
    assert mine.uns["left_out"]["row"].tolist() == [0, 1]
    with pytest.warns(UserWarning, match="was read as classes"):
        assert read(rows, unit=None).obs["label"].tolist() == ["1", "0", "0"]
    with pytest.raises(ValueError, match="pass classes=True"):
        read(rows)


def test_classes_may_be_names() -> None:
    mine = read(table(ic50=["toxic", "safe", "safe", "toxic"]), classes=True)
    assert mine.obs["label"].cat.categories.tolist() == ["safe", "toxic"]
    assert mine.obs["response"].tolist() == [1.0, 0.0, 0.0, 1.0]


def test_a_tables_other_columns_and_row_numbers_are_kept(tmp_path: Path) -> None:
    rows = table(smiles=["C1CC", "CCO", "OCC", "CCC"], ic50=[1.0, 2.0, 4.0, 70.0])
    rows = rows.assign(
        split=["train", "train", "test", "test"], fold=[0, 1, 1, 2], row=["a", "b", "c", "d"], odd=[1, "x", None, 2.5]
    )
    with pytest.warns(UserWarning, match=r"copies of a row differ.*'split' \(1\)"):
        mine = read(rows)
    assert mine.obs["row"].tolist() == [1, 3]
    assert mine.obs["fold"].tolist() == [1, 2]
    assert mine.obs["split"].isna().tolist() == [True, False]
    assert mine.obs["row_given"].isna().tolist() == [True, False]
    mine.write_h5ad(tmp_path / "mine.h5ad")
    assert anndata.read_h5ad(tmp_path / "mine.h5ad").obs["split"].tolist()[1] == "test"


def test_what_can_not_be_read_is_left_out_and_listed_with_its_reason(tmp_path: Path) -> None:
    rows = table(smiles=["CCO", "C1CC", None, "CCC"], ic50=[1.0, 2.0, 3.0, None])
    rows = pd.concat([rows, table(smiles=["CN", "CCN", "CCCN", "CS"])])
    with pytest.warns(UserWarning, match="3 of 8 rows were left out"):
        mine = read(rows)
    left = mine.uns["left_out"]
    assert left["row"].tolist() == [1, 2, 3]
    assert "unclosed ring" in left["reason"][0]
    assert left["reason"].tolist()[1:] == ["no SMILES", "no value"]
    mine.write_h5ad(tmp_path / "mine.h5ad")
    pd.testing.assert_frame_equal(anndata.read_h5ad(tmp_path / "mine.h5ad").uns["left_out"], left)


def test_copies_that_agree_become_their_median_and_those_that_contradict_go() -> None:
    rows = table(smiles=["CCO", "OCC", "C(O)C", "CCN"], ic50=[1.0, 2.0, 4.0, 7.0])
    mine = read(rows)
    assert mine.obs["copies"].tolist() == [3, 1]
    assert mine.obs["response"].iloc[0] == pytest.approx(9 - np.log10(2))
    rows = pd.concat([table(), table(smiles=["OCC", "NCC", "CS", "CP"], ic50=[20.0, 10.0, 3.0, 4.0])])
    with pytest.warns(UserWarning, match=r"contradict each other: they are 1\.3 powers of ten apart"):
        mine = read(rows)
    assert mine.uns["left_out"]["row"].tolist() == [0, 4]
    assert "CCO" not in mine.uns["compounds"]["canonical"].tolist()


def test_an_exact_value_goes_before_a_bound_and_the_tightest_of_bounds_counts() -> None:
    rows = table(smiles=["CCO", "CCO", "CCN", "CCN"], ic50=["5", ">1", ">10", ">100"])
    mine = read(rows)
    assert mine.obs["censored"].tolist() == ["=", "<"]
    assert mine.obs["response"].tolist() == pytest.approx([9 - np.log10(5), 7.0])


def test_the_same_compound_in_two_contexts_is_two_rows_of_one_compound() -> None:
    mine = read(table(smiles=["CCO", "OCC", "CCN", "CCC"], target=["A", "B", "A", "A"]), context="target")
    assert mine.n_obs == 4
    assert len(mine.uns["compounds"]) == 3
    assert mine.uns["contexts"].index.tolist() == ["A", "B"]
    assert mine.obsm["pair"].tolist() == [[0, 0], [0, 1], [1, 0], [2, 0]]


def test_a_context_without_its_sequence_is_named() -> None:
    rows = table(target=["A", "B", "A", "A"])
    assert read(rows, context="target", sequences={"A": "mk", "B": "MV"}).uns["contexts"]["sequence"].tolist() == [
        "MK",
        "MV",
    ]
    with pytest.raises(ValueError, match="1 of 2 have none: B"):
        read(rows, context="target", sequences={"A": "MK"})


def test_a_constant_response_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must differ.*all 4 are 9"):
        read(table(ic50=[1.0] * 4))


def test_a_missing_column_is_named_with_those_that_are_there() -> None:
    with pytest.raises(KeyError, match="no column 'SMILES'"):
        gl.drugs.responses(table(), smiles="SMILES", response="ic50")


@pytest.mark.parametrize(("name", "separator"), [("mine.v2.tsv", "\t"), ("MINE.TSV", "\t"), ("mine.csv", ";")])
def test_a_file_is_read_by_the_separator_it_has(tmp_path: Path, name: str, separator: str) -> None:
    table(ic50=["1,5", "10", "100", "ND"]).to_csv(tmp_path / name, sep=separator)
    with pytest.warns(UserWarning, match="1 of 4 rows were left out"):
        mine = gl.drugs.responses(tmp_path / name, smiles="smiles", response="ic50")
    assert mine.obs["value"].tolist() == [1.5, 10.0, 100.0]


def test_a_name_that_is_in_no_table_is_refused() -> None:
    obs = pd.DataFrame({"compound": ["a"], "context": ["x"], "response": [1.0]})
    known = pd.DataFrame(index=["b"])
    with pytest.raises(ValueError, match="every compound is in its table; 1 aren't: a"):
        pairs_adata(obs, known, pd.DataFrame(index=["x"]), measure={"name": "pKd", "unit": "-log10 M"})


# --- cold splits


@pytest.fixture
def grid() -> gl.data.AnnDataset:
    """All pairs of 40 compounds of 20 scaffolds and 15 contexts."""
    compounds, contexts = ([f"{kind}{number:02d}" for number in range(n)] for kind, n in (("c", 40), ("t", 15)))
    pairs = pd.MultiIndex.from_product([compounds, contexts]).to_frame(index=False, name=["compound", "context"])
    pairs["scaffold"] = pairs["compound"].str[1:].astype(int).floordiv(2).astype(str)
    pairs["response"] = np.arange(len(pairs), dtype=float)
    tables = [pd.DataFrame(index=names) for names in (compounds, contexts)]
    adata = pairs_adata(pairs, *tables, measure={"name": "pKd", "unit": "-log10 M"})
    return gl.data.AnnDataset(adata, "obsm/pair", target="obs/response")


def groups(part: gl.data.AnnDataset, column: str) -> set[str]:
    return set(part.adata.obs[column].iloc[part.rows])


@pytest.mark.parametrize(("compound", "context"), [("scaffold", None), (None, "context"), ("scaffold", "context")])
def test_a_cold_split_shares_no_group_of_what_is_cold(
    grid: gl.data.AnnDataset, compound: str | None, context: str | None
) -> None:
    parts = gl.drugs.cold_split(grid, compound, context, fractions=(0.6, 0.2, 0.2))
    for column in filter(None, (compound, context)):
        for one, other in ((parts.train, parts.valid), (parts.train, parts.test), (parts.valid, parts.test)):
            assert not groups(one, column) & groups(other, column)
    assert parts.dropped + sum(map(len, parts[:3])) == len(grid)
    assert (parts.dropped > 0) == (compound is not None and context is not None)


def test_the_both_cold_split_keeps_the_squares_of_the_fractions(grid: gl.data.AnnDataset) -> None:
    parts = gl.drugs.cold_split(grid, fractions=(0.6, 0.2, 0.2))
    assert [len(part) / len(grid) for part in parts[:3]] == pytest.approx([0.36, 0.04, 0.04])
    again = gl.drugs.cold_split(grid, fractions=(0.6, 0.2, 0.2))
    np.testing.assert_array_equal(parts.test.rows, again.test.rows)


def test_a_cold_split_of_a_part_stays_within_it(grid: gl.data.AnnDataset) -> None:
    part = grid.subset(np.arange(300))
    parts = gl.drugs.cold_split(part, "compound", None)
    assert sorted(np.concatenate([rows.rows for rows in parts[:3]])) == list(range(300))


def test_a_split_in_which_nothing_is_cold_is_refused(grid: gl.data.AnnDataset) -> None:
    with pytest.raises(ValueError, match="for neither, take split"):
        gl.drugs.cold_split(grid, None, None)


def test_a_scaffold_split_by_size_fills_train_with_the_largest_and_needs_no_seed() -> None:
    scaffold = np.repeat(["a", "b", "c", "d", "e", "f"], [1, 4, 2, 1, 1, 1])
    obs = pd.DataFrame({"compound": [f"c{at}" for at in range(10)], "context": "t", "scaffold": scaffold})
    obs["response"] = np.arange(10.0)
    tables = [pd.DataFrame(index=pd.Index(names)) for names in (obs["compound"], ["t"])]
    pairs = gl.data.AnnDataset(
        pairs_adata(obs, *tables, measure={"name": "y", "unit": ""}), "obsm/pair", target="obs/response"
    )
    for seed in (0, 1):
        parts = gl.drugs.cold_split(pairs, "scaffold", None, order="largest first", seed=seed)
        assert [sorted(groups(part, "scaffold")) for part in parts[:3]] == [["b", "c", "e", "f"], ["d"], ["a"]]
    with pytest.raises(ValueError, match=r"three shares"):
        gl.drugs.cold_split(pairs, "scaffold", None, order="largest first", fractions=(0.5, 0.1, 0.1))
    with pytest.raises(ValueError, match="order must be one of"):
        gl.drugs.cold_split(pairs, "scaffold", None, order="smallest")
