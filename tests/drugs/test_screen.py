"""genolab.drugs.screen: plates whose figures are known on paper, curves whose IC50 was put in, and a ranked library."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import genolab as gl
from genolab.drugs.pairs import compound_table, pairs_adata


def wells(**changes: object) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "well": ["A1", "A02", "a3", "B1", "B2", "B3", "C1", "C2"],
            "compound": ["DMSO"] * 3 + ["stop"] * 3 + ["x", "x"],
            "concentration": [np.nan] * 6 + [1.0, 10.0],
            "signal": [100.0, 110.0, 90.0, 10.0, 12.0, 8.0, 55.0, 10.0],
        }
    )
    return table.assign(**changes)


def plate(**changes: object) -> pd.DataFrame:
    return gl.drugs.plate(wells(**changes), negative="DMSO", positive="stop")


def series(ic50: float, slope: float = 1.0, *, noise: float = 0.0, seed: int = 0, falls: bool = False) -> pd.DataFrame:
    """Three wells at each of ten concentrations, of a curve from 0 to 100."""
    concentration = np.repeat(np.geomspace(1e-3, 30, 10), 3)
    effect = 100 / (1 + (ic50 / concentration) ** slope)
    effect += np.random.default_rng(seed).normal(0, noise, effect.shape) if noise else 0
    return pd.DataFrame({"compound": "x", "concentration": concentration, "effect": 100 - effect if falls else effect})


# --- plates


def test_potencies_that_were_put_into_a_plate_are_fitted_under_the_name_of_what_was_measured() -> None:
    drawn = gl.drugs.simulate_plate(pd.Series({"weak": 6.0, "strong": 8.0}), noise=1.0)
    made = gl.drugs.plate(drawn, negative="DMSO", positive="full agonist")
    assert gl.drugs.z_prime(made).loc["1", "z_prime"] > 0.9
    fitted = gl.drugs.dose_response(gl.drugs.normalise(made), at_zero=0, measure="EC50")
    assert list(fitted.columns[1:4]) == ["ec50", "ec50_low", "ec50_high"]
    np.testing.assert_allclose(9 - np.log10(fitted["ec50"]), [6.0, 8.0], atol=0.05)
    assert gl.drugs.curve(fitted.iloc[0], [fitted["ec50"][0]]) == pytest.approx(fitted["top"][0] / 2, abs=1)
    figure = gl.drugs.plot.dose_response(fitted, unit="nM")
    assert figure.layout.title.text.startswith("strong acts at the lowest concentration, EC50 ")
    assert "IC50" not in figure.to_json()
    with pytest.raises(ValueError, match="a plate has 384 wells"):
        gl.drugs.simulate_plate(pd.Series(6.0, index=range(30)))


def test_a_plate_says_what_each_well_is() -> None:
    made = plate()
    assert made["well"].tolist() == ["A01", "A02", "A03", "B01", "B02", "B03", "C01", "C02"]
    assert made["role"].tolist() == ["negative"] * 3 + ["positive"] * 3 + ["sample"] * 2
    assert set(made["plate"]) == {"1"}


def test_the_effect_is_the_percent_between_the_controls() -> None:
    effect = gl.drugs.normalise(plate())["effect"]
    assert effect.tolist() == pytest.approx([0, -100 / 9, 100 / 9, 100, 880 / 9, 920 / 9, 50, 100])
    rising = gl.drugs.normalise(plate(signal=-wells()["signal"]))["effect"]
    np.testing.assert_allclose(rising, effect)


def test_z_prime_is_that_of_its_definition() -> None:
    row = gl.drugs.z_prime(plate()).loc["1"]
    assert row["z_prime"] == pytest.approx(1 - 3 * (10 + 2) / 90)
    assert row["signal_to_background"] == pytest.approx(10)
    assert row["n_negative"] == 3
    robust = gl.drugs.z_prime(plate(), robust=True).loc["1"]
    assert robust["z_prime"] == pytest.approx(1 - 3 * 1.4826 * (10 + 2) / 90)


def test_each_plate_is_held_to_its_own_controls() -> None:
    both = pd.concat([wells(plate=1), wells(plate=2, signal=wells()["signal"] * 3)])
    made = gl.drugs.normalise(gl.drugs.plate(both, negative="DMSO", positive="stop"))
    np.testing.assert_allclose(made["effect"][:8], made["effect"][8:])
    assert gl.drugs.z_prime(made).index.tolist() == ["1", "2"]


def test_a_plate_is_read_from_a_file(tmp_path: Path) -> None:
    wells().to_csv(tmp_path / "plate.csv", index=False)
    pd.testing.assert_frame_equal(
        gl.drugs.read_plate(tmp_path / "plate.csv", negative="DMSO", positive="stop"), plate()
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"well": ["A1", "A02", "a3", "B1", "B2", "B3", "C1", "A1"]}, "A01 of plate 1 occurs again"),
        ({"well": ["A1", "A02", "a3", "B1", "B2", "B3", "C1", "ZZ9"]}, "got 'ZZ9'"),
        ({"concentration": [np.nan] * 6 + [1.0, -1.0]}, "finite number above 0; that of x in well C02"),
        ({"concentration": [np.nan] * 6 + [1.0, np.inf]}, "finite number above 0; that of x in well C02"),
        ({"signal": [np.inf] + [1.0] * 7}, "well A01 is infinite"),
        ({"compound": ["DMSO"] * 6 + ["x", "x"]}, "plate 1 has no signal of 'stop'"),
    ],
)
def test_a_plate_that_can_not_be_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plate(**changes)


@pytest.mark.parametrize("word", ["OVRFLW", "OVER", "***", "Sat", ">", "#SAT"])
def test_a_well_above_range_is_told_and_kept_as_the_highest_signal(word: str) -> None:
    with pytest.warns(UserWarning, match=r"1 above the reader's range.*C02"):
        made = plate(signal=["100", "110", "90", "10", "12", "8", "55", word])
    assert made["range"].tolist() == [""] * 7 + ["above range"]
    assert made["signal"].iloc[-1] == 110
    with pytest.warns(UserWarning, match="above the reader's range"):
        assert plate(signal=["1", "1,5", "1", "0,1", "0,2", "0,1", "0,5", ">4,0"])["signal"].iloc[-1] == 4.0


def test_wells_without_a_signal_or_a_concentration_are_told() -> None:
    with pytest.warns(UserWarning, match=r"1 without a signal: C01; 1 without a concentration.*: C02"):
        made = plate(
            signal=["1", "1.1", "1", "0.1", "0.2", "0.1", "ND", "0.5"], concentration=[np.nan] * 6 + ["1", "?"]
        )
    assert made["role"].tolist()[6:] == ["sample", "unknown"]
    assert plate(concentration=[np.nan] * 6 + [0.0, 10.0])["role"].tolist()[6:] == ["sample", "sample"]


def test_controls_above_range_give_no_scale() -> None:
    with pytest.warns(UserWarning, match="above"):
        made = plate(signal=["OVER", "110", "90", "10", "12", "8", "55", "10"])
    assert np.isnan(gl.drugs.z_prime(made).loc["1", "z_prime"])
    assert np.isfinite(gl.drugs.z_prime(made, robust=True).loc["1", "z_prime"])
    with pytest.raises(ValueError, match="of the negative ones of plate 1 half or more"):
        plate(signal=["OVER", "OVER", "90", "10", "12", "8", "55", "10"])


def test_controls_that_are_alike_normalise_nothing() -> None:
    with pytest.raises(ValueError, match="on plate 1 their medians are equal"):
        gl.drugs.normalise(plate(signal=[5.0] * 8))


# --- curves


@pytest.mark.parametrize("falls", [False, True])
@pytest.mark.parametrize(("ic50", "slope"), [(0.1, 1.0), (1.0, 2.0), (5.0, 0.7)])
def test_a_curve_without_noise_is_found_again(ic50: float, slope: float, falls: bool) -> None:
    table = series(ic50, slope, falls=falls)
    row = gl.drugs.dose_response(table).iloc[0]
    assert row["ic50"] == pytest.approx(ic50, rel=1e-3)
    assert row["slope"] == pytest.approx(slope if falls else -slope, rel=1e-3)
    assert (row["bottom"], row["top"]) == pytest.approx((0, 100), abs=0.2)
    assert (row["censored"], row["note"], row["compound"]) == ("=", "", "x")
    np.testing.assert_allclose(gl.drugs.curve(row, table["concentration"]), table["effect"], atol=0.1)


def test_the_interval_holds_the_true_ic50_as_often_as_it_says() -> None:
    many = pd.concat([series(0.5, noise=8, seed=seed).assign(compound=seed) for seed in range(30)])
    fitted = gl.drugs.dose_response(many)
    held = ((fitted["ic50_low"] < 0.5) & (fitted["ic50_high"] > 0.5)).mean()
    assert 0.83 <= held <= 1


def test_known_ends_are_kept_and_narrow_the_interval() -> None:
    table = series(3, noise=5, seed=1)
    free, held = (
        gl.drugs.dose_response(table, at_zero=end[0], at_full=end[1]).iloc[0] for end in ((None, None), (0, 100))
    )
    assert (held["bottom"], held["top"]) == (0, 100)
    assert held["ic50_high"] / held["ic50_low"] < free["ic50_high"] / free["ic50_low"]


def test_a_flat_response_has_no_ic50_and_says_so() -> None:
    noise = np.random.default_rng(2).normal(50, 5, (4, 30))
    flat = gl.drugs.dose_response(pd.concat([series(1).assign(effect=y, compound=i) for i, y in enumerate(noise)]))
    assert flat["ic50"].isna().all()
    table = series(1).assign(effect=50.0)
    row = gl.drugs.dose_response(table).iloc[0]
    assert np.isnan(row["ic50"])
    assert "doesn't depend on the concentration" in row["note"]
    np.testing.assert_allclose(gl.drugs.curve(row, [1.0, 2.0]), table["effect"].mean())


def test_an_ic50_outside_of_what_was_measured_is_marked() -> None:
    fitted = gl.drugs.dose_response(
        pd.concat([series(200.0), series(1e-4).assign(compound="y")]), at_zero=0, at_full=100
    )
    assert fitted["censored"].tolist() == [">", "<"]
    assert fitted["note"].str.contains("extrapolated").all()


def test_too_few_concentrations_have_a_note() -> None:
    row = gl.drugs.dose_response(series(1).query("concentration < 0.02")).iloc[0]
    assert "too few" in gl.drugs.dose_response(series(1).head(9)).iloc[0]["note"]
    assert row["n"] == 9


def test_controls_and_missing_wells_do_not_count() -> None:
    table = pd.concat([series(1).assign(role="sample"), pd.DataFrame({"compound": ["DMSO"], "role": ["negative"]})])
    table.iloc[0, table.columns.get_loc("effect")] = np.nan
    fitted = gl.drugs.dose_response(table)
    assert fitted["compound"].tolist() == ["x"]
    assert fitted["n"].tolist() == [29]


BELL = [0, 2, 10, 35, 75, 95, 100, 92, 60, 25]


@pytest.mark.parametrize(
    ("effect", "turn"),
    [
        (BELL, "rises, then falls"),
        ([100 - y for y in BELL], "falls, then rises"),
        ([0, 1, 5, 20, 60, 95, 100, 98, 99, 40], "rises, then falls"),
    ],
)
def test_a_response_that_turns_is_called_so_and_has_no_ic50(effect: list[float], turn: str) -> None:
    table = pd.DataFrame({"compound": "x", "concentration": np.geomspace(1e-3, 30, 10), "effect": effect})
    row = gl.drugs.dose_response(table).iloc[0]
    assert turn in row["note"]
    assert np.isnan(row["ic50"])


def test_noise_on_a_curve_is_no_turn() -> None:
    many = pd.concat([series(0.1, noise=15, seed=seed).assign(compound=seed) for seed in range(10)])
    assert not gl.drugs.dose_response(many)["note"].str.contains("then").any()


def test_wells_at_concentration_0_are_a_baseline() -> None:
    table = series(0.5, 1.5)
    baseline = pd.DataFrame({"compound": "x", "concentration": [0.0, 0.0], "effect": [0.0, 0.0]})
    fitted = gl.drugs.dose_response(pd.concat([table, baseline])).iloc[0]
    assert fitted["ic50"] == pytest.approx(0.5, rel=1e-3)
    assert (fitted["n"], fitted["note"]) == (32, "wells at concentration 0, the baseline: 2")
    np.testing.assert_allclose(gl.drugs.curve(fitted, [0.0]), 0, atol=0.1)


def test_one_bad_well_costs_itself_alone_and_its_compound_is_named() -> None:
    table = pd.concat([series(1).assign(compound=f"c{number}") for number in range(4)], ignore_index=True)
    table.loc[5, "concentration"] = -1.0
    table.loc[table["compound"] == "c1", "effect"] = np.nan
    fitted = gl.drugs.dose_response(table).set_index("compound")
    assert fitted["ic50"].drop("c1").tolist() == pytest.approx([1, 1, 1], rel=1e-3)
    assert fitted.loc["c0", ["n", "note"]].tolist() == [
        29,
        "wells without a concentration of at least 0, which don't count: 1",
    ]
    assert "0 concentrations in 0 wells" in fitted.loc["c1", "note"]
    with pytest.warns(UserWarning, match="1 of 120 wells have no compound"):
        gl.drugs.dose_response(table.assign(compound=[None, *table["compound"][1:]]))


def test_a_curve_with_wells_above_range_says_that_its_ic50_is_a_bound() -> None:
    table = series(1)
    table["effect"] = [f"{y:.2f}" if y < 90 else "OVRFLW" for y in table["effect"]]
    row = gl.drugs.dose_response(table).iloc[0]
    assert row["n"] == 30
    assert "beyond the reader's range" in row["note"]


# --- a library


class _Score(NamedTuple):
    mean: np.ndarray
    spread: np.ndarray


class _ByCarbons:
    """Scores by the number of bits, and by the context."""

    def score(self, compounds: np.ndarray, context: int) -> _Score:
        return _Score(compounds.sum(axis=1) * (1.0 if context == 1 else -1.0), np.full(len(compounds), 0.5))


@pytest.fixture
def known() -> AnnData:
    compounds = compound_table(["ethanol", "benzene"], ["CCO", "c1ccccc1"])
    contexts = pd.DataFrame(index=pd.Index(["A", "B"], name="context"))
    obs = pd.DataFrame({"compound": ["ethanol", "benzene"], "context": ["A", "B"], "response": [5.0, 6.0]})
    return pairs_adata(obs, compounds, contexts, measure={"name": "pKd", "unit": "-log10 M"})


LIBRARY = ["C", "CCCCCCO", "c1ccccc1C", "C1CC", "CCO.Cl"]


def test_a_shortlist_is_picked_from_the_best_however_small_the_library(known: AnnData) -> None:
    library = ["C" * n for n in range(2, 40)] + ["N"]  # ammonia is like none of them, and the weakest
    ranked = gl.drugs.rank(_ByCarbons(), library, "B", train=known, picks=2)
    assert ranked.index[ranked["pick"] > 0].max() < 20
    assert ranked["pick"].iloc[0] == 1


def test_a_library_is_ranked_described_and_nothing_of_it_is_lost(known: object) -> None:
    ranked = gl.drugs.rank(_ByCarbons(), LIBRARY, "B", train=known, picks=2)
    assert sorted(ranked["smiles"]) == sorted(LIBRARY)
    assert ranked["score"].iloc[:4].is_monotonic_decreasing
    assert ranked["reason"].iloc[-1].startswith("unclosed ring")
    assert np.isnan(ranked["score"].iloc[-1])
    named = ranked.set_index("canonical")
    assert named.loc["CCO", ["nearest", "similarity"]].tolist() == ["ethanol", 1.0]
    assert named.loc["Cc1ccccc1", "nearest"] == "benzene"
    assert (ranked["uncertainty"].iloc[:4] == 0.5).all()
    assert ranked["pick"].iloc[0] == 1
    assert sorted(ranked["pick"]) == [0, 0, 0, 1, 2]
    assert ranked["qed"].iloc[:4].between(0, 1).all()


def test_low_scores_come_first_where_they_are_best_and_contexts_differ(known: object) -> None:
    high = gl.drugs.rank(_ByCarbons(), LIBRARY, 1, train=known)
    low = gl.drugs.rank(_ByCarbons(), LIBRARY, "A", train=known, best="low")
    assert low["smiles"].tolist() == high["smiles"].tolist()


def test_only_the_best_are_described_where_few_are_asked_for(known: object) -> None:
    ranked = gl.drugs.rank(_ByCarbons(), LIBRARY, "B", train=known, describe=1)
    assert ranked["qed"].notna().tolist() == [True] + [False] * 4


def test_an_unknown_context_and_an_unreadable_library_are_refused(known: object) -> None:
    with pytest.raises(KeyError, match="'C' isn't one of the 2 contexts: A, B"):
        gl.drugs.rank(_ByCarbons(), LIBRARY, "C", train=known)
    with pytest.raises(ValueError, match="of 1 there is none"):
        gl.drugs.rank(_ByCarbons(), ["C1CC"], "A", train=known)
    with pytest.raises(KeyError, match="the library has no column 'smiles'"):
        gl.drugs.rank(_ByCarbons(), pd.DataFrame({"SMILES": ["C"]}), "A", train=known)


def test_a_shortlist_is_written_as_sdf_and_read_back(known: object, tmp_path: Path) -> None:
    from rdkit import Chem

    ranked = gl.drugs.rank(_ByCarbons(), LIBRARY, "B", train=known)
    ranked["name"] = "two\n$$$$\nlines"
    assert gl.drugs.to_sdf(ranked, tmp_path / "picks.sdf") == 4
    back = [molecule for molecule in Chem.SDMolSupplier(str(tmp_path / "picks.sdf")) if molecule is not None]
    assert [Chem.MolToSmiles(molecule) for molecule in back] == ranked["canonical"].tolist()[:4]
    assert float(back[0].GetProp("score")) == pytest.approx(ranked["score"].iloc[0])
    assert [path.name for path in tmp_path.iterdir()] == ["picks.sdf"]
