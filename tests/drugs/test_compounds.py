"""genolab.drugs.compounds: SMILES in, and numbers, neighbours and drawings that are right out."""

import subprocess
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import genolab as gl

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
DRUGS = [ASPIRIN, "Cn1cnc2c1c(=O)n(C)c(=O)n2C", "CC(C)Cc1ccc(cc1)C(C)C(=O)O", "CCO", "CC(=O)Nc1ccc(O)cc1"]


def test_equal_compounds_get_equal_text_without_their_salts() -> None:
    table = gl.drugs.compounds.standardise(["OCC", "C(C)O", "CC(=O)[O-].[Na+]", "CC(=O)O", "C[N+](C)(C)C.[Cl-]"])
    assert table["canonical"].tolist() == ["CCO", "CCO", "CC(=O)O", "CC(=O)O", "C[N+](C)(C)C"]
    assert table["removed"].tolist() == ["", "", "[Na+]", "", "[Cl-]"]
    assert (table["reason"] == "").all()


def test_what_rdkit_refuses_is_listed_with_its_reason_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    table = gl.drugs.compounds.standardise(["C1CC", "CN(C)(C)(C)C", "", "hello", "CCO", "C" * 6000])
    assert table["canonical"].tolist() == ["", "", "", "", "CCO", ""]
    assert "unclosed ring" in table["reason"][0]
    assert "valence" in table["reason"][1]
    assert table["reason"][2] == "it is empty"
    assert "syntax error" in table["reason"][3]
    assert "6,000 characters" in table["reason"][5]
    assert capfd.readouterr() == ("", "")


def test_the_atoms_of_a_part_are_found() -> None:
    assert gl.drugs.compounds.substructure(DRUGS[:2], "C(=O)[OH]") == [[10, 11, 12], []]
    with pytest.raises(ValueError, match=r"a SMARTS that RDKit can read, such as .*, got 'C\('"):
        gl.drugs.compounds.substructure(DRUGS, "C(")


SALTS = {
    "OC(=O)COc1nc(Cl)c(Cl)cc1Cl.CCN(CC)CC": "O=C(O)COc1nc(Cl)c(Cl)cc1Cl",  # the base has more atoms with hydrogens
    "CNC(C)Cc1ccccc1.O[C@H]([C@@H](O)C(=O)O)C(=O)O": "CNC(C)Cc1ccccc1",
    "CC(=O)Nc1ccc(O)cc1.CCCCCCCCCCCCCCCCCC(=O)O": "CC(=O)Nc1ccc(O)cc1",  # the counter-ion is the larger
    "C[NH2+]CCc1ccccc1.CNCCc1ccccc1.[O-]S(=O)(=O)O": "CNCCc1ccccc1",
    "CC(=O)Oc1ccccc1C(=O)O[Na]": "CC(=O)Oc1ccccc1C(=O)O",
    "[2H]O[2H].Cc1ccccc1CO.CS(C)=O": "Cc1ccccc1CO",
    "CCN(CC)CC.Cl": "CCN(CC)CC",
    "CCO.CC(=O)O": "CC(=O)O",
    "[NH3+]CC(=O)[O-]": "NCC(=O)O",
}
WHOLE = [
    "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1",
    "N.N.Cl[Pt]Cl",
    "[Li+].[Li+].[O-]C([O-])=O",
    "c1cc[cH-]c1",
    "c1ccccc1[Mg]Br",
    "C1=CC2=CC3=CC=C4N3[Zn]N5C(=CC1=N2)C=CC5=C4",
]


@pytest.mark.parametrize(("given", "compound"), SALTS.items())
def test_the_compound_of_a_salt_or_solvate_is_known_by_its_counter_ion_and_not_by_size(
    given: str, compound: str
) -> None:
    row = gl.drugs.compounds.standardise(given).iloc[0]
    assert (row["canonical"], row["reason"]) == (compound, "")


@pytest.mark.parametrize("given", WHOLE)
def test_complexes_of_metals_and_ions_stay_whole_and_what_is_standardised_is_read_again(given: str) -> None:
    once = gl.drugs.compounds.standardise(given).iloc[0]
    again = gl.drugs.compounds.standardise(once["canonical"]).iloc[0]
    assert once["removed"] == once["reason"] == ""
    assert again["canonical"] == once["canonical"]
    assert gl.drugs.compounds.fingerprints(once["canonical"]).any()


def test_a_mixture_of_two_drugs_is_refused_for_nobody_knows_which_is_meant() -> None:
    row = gl.drugs.compounds.standardise(f"{ASPIRIN}.Cn1cnc2c1c(=O)n(C)c(=O)n2C.[Na+]").iloc[0]
    assert row["canonical"] == ""
    assert row["reason"].startswith("it is a mixture of 2 compounds, CC(=O)Oc1ccccc1C(=O)O and ")


def test_warnings_of_rdkit_are_kept_off_the_screen_and_its_log_stays_as_it_was(
    capfd: pytest.CaptureFixture[str],
) -> None:
    from rdkit import Chem, rdBase

    before = rdBase.LogStatus()
    gl.drugs.compounds.fingerprints(gl.drugs.compounds.standardise(["[H+].[Cl-].CCO", "C[H]"])["canonical"])
    assert capfd.readouterr().err == ""
    assert rdBase.LogStatus() == before
    Chem.MolFromSmiles("[H+].C")
    assert "not removing hydrogen" in capfd.readouterr().err


def test_a_missing_smiles_is_named_with_its_place() -> None:
    with pytest.raises(TypeError, match="got nan at position 1"):
        gl.drugs.compounds.standardise(["CCO", float("nan")])


def test_a_scaffold_is_the_rings_and_what_links_them() -> None:
    assert gl.drugs.compounds.scaffolds([ASPIRIN, "c1ccccc1CCc1ccncc1CC", "CCO", "C[C@H]1CCC[C@@H](F)C1"]) == [
        "c1ccccc1",
        "c1ccc(CCc2ccncc2)cc1",
        "",
        "C1CCCCC1",
    ]
    assert len(set(gl.drugs.compounds.scaffolds(["O[C@@]12CCCC1CCC2C", "O[C@]12CCCC1CCC2C"]))) == 1


def test_fingerprints_are_those_of_rdkit() -> None:
    from rdkit import Chem
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

    generator = GetMorganGenerator(radius=2, fpSize=2048)
    molecules = [Chem.MolFromSmiles(text) for text in DRUGS]
    counts, bits = gl.drugs.compounds.fingerprints(DRUGS), gl.drugs.compounds.fingerprints(DRUGS, counts=False)
    assert counts.dtype == np.uint8
    for row, molecule in enumerate(molecules):
        np.testing.assert_array_equal(counts[row], generator.GetCountFingerprintAsNumPy(molecule))
        np.testing.assert_array_equal(bits[row], generator.GetFingerprintAsNumPy(molecule))


def test_a_count_over_255_stays_255() -> None:
    assert gl.drugs.compounds.fingerprints("C" * 400).max() == 255


def test_a_fingerprint_of_a_bad_smiles_says_which_and_why() -> None:
    with pytest.raises(ValueError, match="got 'C1CC': unclosed ring"):
        gl.drugs.compounds.fingerprints(["CCO", "C1CC"])


@pytest.mark.parametrize("counts", [True, False])
def test_tanimoto_is_what_two_have_in_common_over_what_either_has(counts: bool) -> None:
    prints = gl.drugs.compounds.fingerprints(DRUGS, counts=counts).astype(np.int64)
    both = np.minimum(prints[:, None], prints[None]).sum(axis=2)
    either = np.maximum(prints[:, None], prints[None]).sum(axis=2)
    np.testing.assert_allclose(gl.drugs.compounds.tanimoto(prints), both / either, rtol=1e-6)


def test_tanimoto_of_bits_is_that_of_rdkit() -> None:
    from rdkit import Chem, DataStructs
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

    made = GetMorganGenerator(radius=2, fpSize=2048).GetFingerprints([Chem.MolFromSmiles(text) for text in DRUGS])
    prints = gl.drugs.compounds.fingerprints(DRUGS, counts=False)
    np.testing.assert_allclose(
        gl.drugs.compounds.tanimoto(prints[:1], prints)[0], DataStructs.BulkTanimotoSimilarity(made[0], made), rtol=1e-6
    )


def test_empty_fingerprints_are_like_nothing() -> None:
    assert gl.drugs.compounds.tanimoto(np.zeros((1, 8), np.uint8)).tolist() == [[0.0]]


def test_the_nearest_are_the_first_of_the_sorted_similarities() -> None:
    prints = np.random.default_rng(0).integers(0, 3, size=(60, 16))
    found = gl.drugs.compounds.nearest(prints[:7], prints, n=5)
    alike = gl.drugs.compounds.tanimoto(prints[:7], prints)
    order = np.argsort(-alike, axis=1, kind="stable")[:, :5]
    np.testing.assert_array_equal(found.rows, order)
    np.testing.assert_array_equal(found.similarity, np.take_along_axis(alike, order, axis=1))


def test_more_neighbours_than_the_library_has_are_refused() -> None:
    with pytest.raises(ValueError, match="size of the library, 2, got 3"):
        gl.drugs.compounds.nearest(np.eye(2, dtype=int), np.eye(2, dtype=int), n=3)


def test_fingerprints_of_two_widths_or_of_fractions_are_refused() -> None:
    with pytest.raises(ValueError, match="one width"):
        gl.drugs.compounds.tanimoto(np.eye(2, dtype=int), np.eye(3, dtype=int))
    with pytest.raises(ValueError, match="whole numbers"):
        gl.drugs.compounds.tanimoto(np.eye(2))


def test_diverse_picks_one_of_each_kind_before_a_second() -> None:
    kinds = np.repeat(np.eye(4, dtype=np.uint8), 5, axis=0)
    picked = gl.drugs.compounds.diverse(kinds, 4, first=7)
    assert picked[0] == 7
    assert sorted(picked // 5) == [0, 1, 2, 3]
    assert sorted(gl.drugs.compounds.diverse(kinds, 20)) == list(range(20))


def test_diverse_follows_the_maxmin_rule() -> None:
    prints = np.random.default_rng(1).integers(0, 2, size=(40, 24))
    picked, alike = gl.drugs.compounds.diverse(prints, 6), gl.drugs.compounds.tanimoto(prints)
    for number in range(1, 6):
        left = np.setdiff1d(np.arange(40), picked[:number])
        closest = alike[left][:, picked[:number]].max(axis=1)
        assert alike[picked[number], picked[:number]].max() == closest.min()


def test_properties_of_aspirin_are_the_known_ones() -> None:
    row = gl.drugs.compounds.properties(ASPIRIN).iloc[0]
    assert row["weight"] == pytest.approx(180.159, abs=1e-3)
    assert row["logp"] == pytest.approx(1.31, abs=0.01)
    assert (row["donors"], row["acceptors"], row["lipinski"]) == (1, 3, 0)
    assert row["qed"] == pytest.approx(0.55, abs=0.01)


def test_a_drawing_is_well_formed_and_holds_no_text_of_the_input() -> None:
    text = gl.drugs.compounds.draw("CC[*:1] |$<script>alert(1)</script>;;$| <script>", weights=[1.0, -1.0, 0.0])
    assert ET.fromstring(text).tag.endswith("svg")
    assert "script" not in text


def test_weights_colour_the_atoms_that_raise_red_and_those_that_lower_blue() -> None:
    drawn = gl.drugs.compounds.draw("CCO", weights=[1, 0, -1])
    assert gl.drugs.compounds.draw("CCO") != drawn
    assert "#DE735C" in drawn.upper()
    assert "#59A1CA" in drawn.upper()


def test_weights_of_another_molecule_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) here, got \(2,\)"):
        gl.drugs.compounds.draw("CCO", weights=[1, 2])


def test_without_rdkit_the_fix_is_named() -> None:
    code = "import sys; sys.modules['rdkit'] = None\nimport genolab as gl\ngl.drugs.compounds.standardise('CCO')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'genolab[drugs]'" in ended.stderr


def test_tokens_are_ascii_codes_and_half_a_smiles_is_refused():
    assert gl.drugs.compounds.encode_smiles(["CCO", "C"], length=4).tolist() == [[67, 67, 79, 0], [67, 0, 0, 0]]
    for texts, length in ((["CCO"], 2), ([""], None), (["C\u00e9"], None)):
        with pytest.raises(ValueError, match="ASCII characters; row 0"):
            gl.drugs.compounds.encode_smiles(texts, length=length)
    with pytest.raises(ValueError, match="got none"):
        gl.drugs.compounds.encode_smiles([])


def test_products_of_tanimoto_features_are_similarities():
    smiles = ["CCO", "CCN", "c1ccccc1O", "CCO", "CC(=O)O"]
    features = gl.drugs.compounds.TanimotoFeatures(smiles)
    found = features(smiles)
    prints = gl.drugs.compounds.fingerprints(smiles)
    np.testing.assert_allclose(found @ found.T, gl.drugs.compounds.tanimoto(prints), atol=1e-5)
    assert found.shape == (5, 4)  # equal landmarks count once
    assert gl.drugs.compounds.TanimotoFeatures(smiles, most=2, seed=1)(["CCC"]).shape[1] <= 2
    with pytest.raises(ValueError, match="a landmark at least, got 0"):
        gl.drugs.compounds.TanimotoFeatures([])
