import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from genolab.data import AnnDataset
from genolab.drugs import Estimate, dose_response, plot, simulate_responses

NASTY = "<b>x</b>"
SAFE = "&lt;b&gt;x&lt;/b&gt;"


def measured(table, *, name="pIC50"):
    """Return responses ``(compounds, contexts)`` as pairs; NaN was not measured."""
    table = np.asarray(table, dtype=float)
    at = np.argwhere(np.isfinite(table))
    compounds = pd.DataFrame(index=[NASTY, *(f"c{i}" for i in range(1, len(table)))])
    contexts = pd.DataFrame(index=[f"t{i}" for i in range(table.shape[1])])
    columns = {
        "compound": compounds.index[at[:, 0]],
        "context": contexts.index[at[:, 1]],
        "response": table[tuple(at.T)],
    }
    found = AnnData(obs=pd.DataFrame(columns).set_axis([str(i) for i in range(len(at))]))
    found.obsm["pair"] = at.astype(np.int32)
    found.uns = {"compounds": compounds, "contexts": contexts, "response": {"name": name, "unit": ""}}
    return found


def fits():
    rows = {
        "weak": [1000.0, 500.0, 2000.0, "=", 1.0, 0.0, 100.0],
        NASTY: [10.0, 5.0, 20.0, "=", 2.0, 0.0, 100.0],
        "none": [np.nan, np.nan, np.nan, "=", np.nan, 3.0, 3.0],
    }
    columns = ["ic50", "ic50_low", "ic50_high", "censored", "slope", "bottom", "top"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("compound").reset_index()


# The heat map


def test_compounds_with_similar_responses_stand_side_by_side():
    low, high = np.array([5.0, 5, 5, 5]), np.array([9.0, 9, 5, 5])
    figure = plot.responses(measured([low, high, low, high, low + 0.1]))
    rows = list(figure.data[0].y)
    assert abs(rows.index("c1") - rows.index("c3")) == 1
    assert "c1 is the most potent, pIC50 7<br>in the mean; t0 responds most" in figure.layout.title.text


def test_names_are_text_and_gaps_are_gaps():
    figure = plot.responses(measured([[9.0, np.nan, 6], [5, 5, 5]]))
    heat = figure.data[0]
    assert set(heat.y) == {SAFE, "c1"}
    assert np.isnan(np.array(heat.z)).sum() == 1
    assert SAFE in figure.layout.title.text
    assert "83 % of them<br>measured" in figure.layout.title.subtitle.text


def test_a_low_logarithm_of_ic50_is_potent_and_bright():
    figure = plot.responses(measured([[-4.0, -3], [2, 1]], name="ln IC50"))
    assert figure.data[0].reversescale
    assert f"{SAFE} is the most potent,<br>ln IC50 -3.5" in figure.layout.title.text


def test_of_many_the_most_variable_are_drawn():
    table = np.full((6, 5), 5.0)
    table[2], table[4] = np.arange(5), np.arange(5)[::-1]
    figure = plot.responses(measured(table), most=2)
    assert set(figure.data[0].y) == {"c2", "c4"}
    assert "2 compounds by 2 contexts of 6 by 5" in figure.layout.title.subtitle.text


def test_predictions_are_drawn_as_what_was_measured_is():
    data = measured([[9.0, 7], [5, 5]])
    figure = plot.responses(data, np.array([1.0, 2, 3, 4]))
    assert sorted(np.ravel(figure.data[0].z)) == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="one value for each of 4"):
        plot.responses(data, [1.0])
    with pytest.raises(KeyError, match="'obs/potency' is not in"):
        plot.responses(data, "potency")
    with pytest.raises(ValueError, match="no response is a finite"):
        plot.responses(data, [np.nan] * 4)
    with pytest.raises(ValueError, match="at least 1"):
        plot.responses(data, most=0)
    del data.obsm["pair"]
    with pytest.raises(KeyError, match="'obsm/pair' is not in"):
        plot.responses(data)


# Predicted over measured


def test_predictions_lie_over_what_was_measured():
    data = measured([[9.0, 7], [5, 6]])
    test = AnnDataset(data, "obsm/pair", target="obs/response")
    figure = plot.predicted([9.0, 7, 5, 8], test)
    assert list(figure.data[0].x) == [9, 7, 5, 6]
    assert list(figure.data[0].y) == [9, 7, 5, 8]
    assert figure.data[0].text[0] == f"{SAFE} on t0"
    assert figure.layout.title.text == "Predictions are 1 off, and put 83 % of the pairs in order"


def test_intervals_are_compared_with_what_was_measured():
    data = simulate_responses(30, 10, noise=0.5, censored_below=5.5, seed=0)
    test = AnnDataset(data, "obsm/pair", target="obs/response")
    figure = plot.predicted(Estimate(data.obs["expected"], np.full(data.n_obs, 0.5)), test, censored=True)
    names = [trace.name for trace in figure.data]
    assert [name.split(" (")[0] for name in names] == ["measured", "at most", "perfect", "intervals", "calibrated"]
    assert len(figure.data[0].x) + len(figure.data[1].x) == data.n_obs
    held = np.array(figure.data[3].y)
    assert (np.diff(held) >= 0).all()
    assert "the 90 % intervals hold" in figure.layout.title.subtitle.text.replace("<br>", " ")


# Dose and response


def test_curves_go_through_half_their_height_at_the_ic50_and_the_most_potent_comes_first():
    x = np.array([0.0, 1, 10, 100, 1000, 10_000])
    wells = pd.concat([pd.DataFrame({"compound": c, "concentration": x, "effect": 50.0}) for c in fits()["compound"]])
    figure = plot.dose_response(fits(), wells, unit="nM")
    curves = [trace for trace in figure.data if trace.mode == "lines"]
    assert [trace.name for trace in curves] == [SAFE, "weak", "none"]
    assert np.interp(1, np.log10(curves[0].x), curves[0].y) == pytest.approx(50, abs=0.5)
    assert np.interp(3, np.log10(curves[1].x), curves[1].y) == pytest.approx(50, abs=0.5)
    assert set(curves[2].y) == {3.0}
    assert all(0 not in trace.x for trace in figure.data)  # no logarithm of 0
    titles = [note.text for note in figure.layout.annotations]
    assert titles[:3] == [f"{SAFE}<br>IC50 10 nM", "weak<br>IC50 1,000 nM", "none<br>no IC50"]
    assert figure.layout.title.text.replace("<br>", " ") == f"{SAFE} acts at the lowest concentration, IC50 10 nM"
    bands = [(shape.x0, shape.x1) for shape in figure.layout.shapes if shape.type == "rect"]
    assert bands == [(5, 20), (500, 2000)]


def test_what_is_fitted_is_drawn_as_it_was_fitted():
    x = np.repeat(10.0 ** np.arange(-1, 5), 2)
    effect = 100 / (1 + (50 / x) ** 1.2) + np.resize([1.0, -1.0], len(x))
    wells = pd.DataFrame({"compound": "c", "concentration": x, "effect": effect, "role": "sample"})
    control = pd.DataFrame({"compound": ["c"], "concentration": [1.0], "effect": [999.0], "role": ["positive"]})
    table = pd.concat([wells, control], ignore_index=True)
    figure = plot.dose_response(dose_response(table), table, unit="nM")
    points, curve = figure.data
    assert len(points.x) == len(x)  # no control
    near = np.interp(np.log10(x), np.log10(curve.x), curve.y)
    np.testing.assert_allclose(near, effect, atol=3)


def test_what_lies_beyond_the_concentrations_comes_last_and_has_no_line():
    table = fits()
    table.loc[0, ["ic50", "censored"]] = [5.0, ">"]
    figure = plot.dose_response(table, unit="nM")
    assert [note.text for note in figure.layout.annotations][1] == "weak<br>IC50 above all measured"
    assert sum(shape.type == "line" for shape in figure.layout.shapes) == 1


def test_of_many_curves_the_most_potent_are_drawn():
    many = pd.concat([fits().iloc[:2]] * 4)
    figure = plot.dose_response(many, most=3)
    assert len([trace for trace in figure.data if trace.mode == "lines"]) == 3
    assert figure.layout.title.text.replace("<br>", " ").endswith("IC50 10 (the 3 most potent of 8)")


def test_tables_without_a_column_are_refused():
    with pytest.raises(KeyError, match=r"curves has no column 'slope'"):
        plot.dose_response(fits().drop(columns="slope"))
    with pytest.raises(KeyError, match=r"wells has no column 'concentration'"):
        plot.dose_response(fits(), pd.DataFrame({"compound": ["weak"], "effect": [1.0]}))
    with pytest.raises(ValueError, match="no curves"):
        plot.dose_response(fits().iloc[:0])
    with pytest.raises(ValueError, match="at least 1"):
        plot.dose_response(fits(), most=0)
    assert "No compound has an IC50" in plot.dose_response(fits().iloc[2:]).layout.title.text


# What drives a response


def drivers(effect=1.0, measured=0.9, low=0.5, high=1.3):
    columns = ["feature", "effect", "measured", "low", "high", "q", "n"]
    return pd.DataFrame(
        [[NASTY, effect, measured, low, high, 0.001, 30], ["KRAS", -0.2, 0.1, -0.4, 0.6, 0.8, 12]], columns=columns
    )


def test_effects_stand_beside_what_was_measured():
    figure = plot.effects(drivers(), response="ln IC50")
    assert figure.layout.title.text.startswith(f"{SAFE} raises the response most, as measured")
    measured_, predicted_ = figure.data
    assert list(predicted_.x) == [1.0, -0.2]
    assert list(measured_.x) == [0.9, 0.1]
    np.testing.assert_allclose(measured_.error_x.array, [0.4, 0.5])
    np.testing.assert_allclose(measured_.error_x.arrayminus, [0.4, 0.5])
    assert list(measured_.marker.symbol) == ["circle", "circle-open"]
    assert list(figure.layout.yaxis.ticktext) == [SAFE, "KRAS"]
    assert "ln IC50" in figure.layout.xaxis.title.text


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (drivers(low=-0.1), "leaves that open"),
        (drivers(effect=-1.0), "lowers the response most, what was measured is the reverse"),
        (drivers(effect=-1.0, measured=-0.9, low=-1.3, high=-0.5), "lowers the response most, as measured"),
    ],
)
def test_the_title_says_whether_measurements_bear_the_model_out(table, words):
    assert words in plot.effects(table).layout.title.text.replace("<br>", " ")


def test_effects_need_rows_and_columns():
    with pytest.raises(KeyError, match="'q'"):
        plot.effects(drivers().drop(columns="q"))
    with pytest.raises(ValueError, match="no rows"):
        plot.effects(drivers().head(0))
    with pytest.raises(ValueError, match="n must be a whole number of at least 1"):
        plot.effects(drivers(), n=0)
