import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from genolab import plot
from genolab.data import AnnDataset, simulate_responses
from genolab.evaluate import Estimate

NASTY = "<b>x</b>"
SAFE = "&lt;b&gt;x&lt;/b&gt;"


def screen(table, *, name="pIC50"):
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
    return pd.DataFrame(
        {
            "compound": ["weak", NASTY, "none"],
            "bottom": [0.0, 0, np.nan],
            "top": [100.0, 100, np.nan],
            "ic50": [1000.0, 10, np.nan],
            "slope": [1.0, 2, np.nan],
            "ic50_low": [500.0, 5, np.nan],
            "ic50_high": [2000.0, 20, np.nan],
        }
    )


# The heat map


def test_what_acts_alike_stands_side_by_side():
    low, high = np.array([5.0, 5, 5, 5]), np.array([9.0, 9, 5, 5])
    figure = plot.responses(screen([low, high, low, high, low + 0.1]))
    rows = list(figure.data[0].y)
    assert abs(rows.index("c1") - rows.index("c3")) == 1
    assert "c1 acts most, pIC50 7 in the mean; t0 is hit most" in figure.layout.title.text


def test_names_are_text_and_gaps_are_gaps():
    figure = plot.responses(screen([[9.0, np.nan, 6], [5, 5, 5]]))
    heat = figure.data[0]
    assert set(heat.y) == {SAFE, "c1"}
    assert np.isnan(np.array(heat.z)).sum() == 1
    assert SAFE in figure.layout.title.text
    assert "83 % of them measured" in figure.layout.title.subtitle.text


def test_a_low_logarithm_of_ic50_is_the_strongest_and_the_brightest():
    figure = plot.responses(screen([[-4.0, -3], [2, 1]], name="ln IC50"))
    assert figure.data[0].reversescale
    assert f"{SAFE} acts most, ln IC50 -3.5" in figure.layout.title.text


def test_of_many_the_liveliest_are_drawn():
    table = np.full((6, 5), 5.0)
    table[2], table[4] = np.arange(5), np.arange(5)[::-1]
    figure = plot.responses(screen(table), most=2)
    assert set(figure.data[0].y) == {"c2", "c4"}
    assert "2 compounds by 2 contexts of 6 by 5" in figure.layout.title.subtitle.text


def test_predictions_are_drawn_as_what_was_measured_is():
    data = screen([[9.0, 7], [5, 5]])
    figure = plot.responses(data, np.array([1.0, 2, 3, 4]))
    assert sorted(np.ravel(figure.data[0].z)) == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="one value for each of 4"):
        plot.responses(data, [1.0])
    with pytest.raises(KeyError, match="not a column"):
        plot.responses(data, "potency")
    with pytest.raises(ValueError, match="no response is a finite"):
        plot.responses(data, [np.nan] * 4)
    with pytest.raises(ValueError, match="at least 1"):
        plot.responses(data, most=0)
    del data.obsm["pair"]
    with pytest.raises(KeyError, match="'pair' is not in obsm"):
        plot.responses(data)


# Predicted over measured


def test_predictions_lie_over_what_was_measured():
    data = screen([[9.0, 7], [5, 6]])
    test = AnnDataset(data, "obsm/pair", target="obs/response")
    figure = plot.predicted([9.0, 7, 5, 8], test)
    assert list(figure.data[0].x) == [9, 7, 5, 6]
    assert list(figure.data[0].y) == [9, 7, 5, 8]
    assert figure.data[0].text[0] == f"{SAFE} on t0"
    assert figure.layout.title.text == "Predictions are 1 off, and put 83 % of the pairs in order"


def test_a_stated_spread_is_held_against_what_happened():
    data = simulate_responses(30, 10, noise=0.5, censored_below=5.5, seed=0)
    test = AnnDataset(data, "obsm/pair", target="obs/response")
    figure = plot.predicted(Estimate(data.obs["expected"], np.full(data.n_obs, 0.5)), test, censored=True)
    names = [trace.name for trace in figure.data]
    assert [name.split(" (")[0] for name in names] == ["measured", "at most", "perfect", "intervals", "honest"]
    assert len(figure.data[0].x) + len(figure.data[1].x) == data.n_obs
    held = np.array(figure.data[3].y)
    assert (np.diff(held) >= 0).all()
    assert "intervals that promise 90 % of the rows hold" in figure.layout.title.subtitle.text


# Dose and response


def test_curves_go_through_half_their_height_at_the_ic50_and_the_strongest_comes_first():
    x = np.array([0.0, 1, 10, 100, 1000, 10_000])
    points = pd.concat(
        [pd.DataFrame({"compound": c, "concentration": x, "response": 50.0}) for c in fits()["compound"]]
    )
    figure = plot.dose_response(fits(), points)
    curves = [trace for trace in figure.data if trace.mode == "lines"]
    assert [trace.name for trace in curves] == [SAFE, "weak"]
    assert np.interp(1, np.log10(curves[0].x), curves[0].y) == pytest.approx(50, abs=0.5)
    assert np.interp(3, np.log10(curves[1].x), curves[1].y) == pytest.approx(50, abs=0.5)
    assert all(0 not in trace.x for trace in figure.data)  # no logarithm of 0
    titles = [note.text for note in figure.layout.annotations]
    assert titles[:3] == [f"{SAFE}: IC50 10 nM", "weak: IC50 1,000 nM", "none: no fit"]
    assert figure.layout.title.text == f"{SAFE} acts at the lowest concentration, IC50 10 nM"
    bands = [(shape.x0, shape.x1) for shape in figure.layout.shapes if shape.type == "rect"]
    assert bands == [(5, 20), (500, 2000)]


def test_curves_are_drawn_without_points_too_and_many_are_cut_short():
    many = pd.concat([fits().iloc[:2]] * 4)
    figure = plot.dose_response(many.assign(unit="uM"), most=3)
    assert len([trace for trace in figure.data if trace.mode == "lines"]) == 3
    assert "the strongest 3 of 8" in figure.layout.title.text
    assert "10 uM" in figure.layout.title.text


def test_tables_that_lack_something_are_told():
    with pytest.raises(KeyError, match=r"lacks \['slope'\]"):
        plot.dose_response(fits().drop(columns="slope"))
    with pytest.raises(KeyError, match=r"lacks \['concentration'\]"):
        plot.dose_response(fits(), pd.DataFrame({"compound": ["weak"], "response": [1.0]}))
    with pytest.raises(ValueError, match="no rows"):
        plot.dose_response(fits().iloc[:0])
    with pytest.raises(ValueError, match="at least 1"):
        plot.dose_response(fits(), most=0)
    assert plot.dose_response(fits().iloc[2:]).layout.title.text == "No curve could be fitted"
