"""Courses, cycles and held-out folds: rows over time, with bad input refused in words."""

import warnings

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import genolab as gl


def table(times: list[float], course: list[str] | None = None, values: np.ndarray | None = None) -> AnnData:
    var = pd.DataFrame(
        {"time": times, "course": course or ["a"] * len(times)}, index=[str(i) for i in range(len(times))]
    )
    x = np.arange(3 * len(times), dtype=np.float32).reshape(3, -1) if values is None else values
    return AnnData(x, obs=pd.DataFrame({"kind": ["x", "y", "x"]}, index=["g1", "g2", "g3"]), var=var)


def test_courses_of_different_length_lie_below_each_other_filled_up_with_nan():
    found = gl.timecourse.courses(table([0, 1, 2, 0, 5], ["a", "a", "a", "b", "b"]))
    assert found.obs_names.tolist() == ["g1 a", "g2 a", "g3 a", "g1 b", "g2 b", "g3 b"]
    np.testing.assert_array_equal(found.obsm["values"][3], [3, 4, np.nan])
    np.testing.assert_array_equal(found.obsm["time"][3], [0, 5, np.nan])
    assert found.obs["kind"].tolist() == ["x", "y", "x"] * 2
    assert found.obsm["values"].dtype == found.obsm["time"].dtype == np.float32


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([0, 2, 1], "times increase within a course"),
        ([0, 1, 1], "1 twice"),
        ([0, np.nan, 1], "1 have none"),
        ([4], "at least 2 points"),
    ],
)
def test_times_that_make_no_course_are_refused(times, words):
    with pytest.raises(ValueError, match=words):
        gl.timecourse.courses(table(times))


def test_a_gene_without_any_value_is_left_out_and_named():
    values = np.ones((3, 4), np.float32)
    values[1] = np.nan
    with pytest.warns(UserWarning, match="g2 a"):
        found = gl.timecourse.courses(table([0, 1, 2, 3], values=values))
    assert found.obs["gene"].tolist() == ["g1", "g3"]


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(KeyError, match="var has no column 'minute'"):
        gl.timecourse.courses(table([0, 1]), time="minute")


def test_yeast_is_four_courses_of_800_genes():
    yeast = gl.data.fetch("yeast_cell_cycle")
    assert yeast.shape == (800, 73)
    assert yeast.var["course"].value_counts().to_dict() == {"cdc15": 24, "alpha": 18, "cdc28": 17, "elu": 14}
    assert yeast.obs["phase"].value_counts().to_dict() == {"G1": 300, "M": 196, "G2": 120, "M/G1": 113, "S": 71}
    assert yeast.X[0, 0] == np.float32(-0.36)
    with pytest.warns(UserWarning, match="28|23 more"):
        assert gl.timecourse.courses(yeast).n_obs == 4 * 800 - 28


def test_periods_and_starts_are_found_without_labels():
    genes = gl.timecourse.simulate_time_course(300, (18, 24), periods=(60.0, 110.0), irregular=0.5, noise=0.5, seed=2)
    profiles = gl.timecourse.courses(genes)
    found = gl.timecourse.estimate_cycles(profiles)
    assert found.period["course_1"] == pytest.approx(60, rel=0.03)
    assert found.period["course_2"] == pytest.approx(110, rel=0.03)
    assert found.start["course_2"] == pytest.approx(genes.uns["simulation"]["starts"][1], abs=0.03)
    peak = gl.timecourse.fit_cosinor(profiles.obsm["values"], found.times(profiles)).peak
    off = (peak - profiles.obs["peak"].to_numpy() + 0.5) % 1 - 0.5
    assert np.median(np.abs(off)) < 0.05


def test_a_wave_without_noise_is_fitted_exactly():
    at = np.linspace(0, 2, 15)[None]
    found = gl.timecourse.fit_cosinor(3 + 2 * np.cos(2 * np.pi * (at - 0.3)), at)
    assert found.level[0] == pytest.approx(3, abs=1e-4)
    assert abs(found.wave[0]) == pytest.approx(2, abs=1e-4)
    assert found.peak[0] == pytest.approx(0.3, abs=1e-4)
    assert found.explained[0] == pytest.approx(1, abs=1e-6)


def test_a_course_that_shares_no_gene_has_no_place_in_the_cycle():
    one, other = (gl.timecourse.courses(gl.timecourse.simulate_time_course(5, seed=seed)) for seed in (0, 1))
    other.obs["gene"], other.obs["course"] = [f"other {name}" for name in other.obs["gene"]], "course_2"
    import anndata

    both = anndata.concat([one, other], index_unique="-")
    with pytest.raises(ValueError, match="'course_2' shares none"):
        gl.timecourse.estimate_cycles(both)


def test_the_simulation_is_the_same_for_the_same_seed_and_has_its_truth():
    one, same, other = (gl.timecourse.simulate_time_course(40, cycling=0.5, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.X, same.X)
    assert not np.array_equal(one.X, other.X, equal_nan=True)
    assert (one.obs["phase"] == "none").sum() == 20
    quiet = gl.timecourse.simulate_time_course(40, noise=0.0, missing=0.0, seed=3)
    np.testing.assert_allclose(quiet.X, quiet.layers["truth"], atol=1e-6)


def test_folds_hold_out_courses_and_genes_and_test_each_row_once():
    profiles = gl.timecourse.courses(gl.timecourse.simulate_time_course(20, 8, periods=(60.0, 90.0, 120.0)))
    tested = []
    for fold in gl.timecourse.course_folds(profiles, n_folds=4):
        train, test = profiles.obs.iloc[fold.train], profiles.obs.iloc[fold.test]
        assert set(test["course"]) == {fold.course}
        assert fold.course not in set(train["course"])
        assert not set(train["gene"]) & set(test["gene"])
        tested.append(fold.test)
    np.testing.assert_array_equal(np.sort(np.concatenate(tested)), np.arange(profiles.n_obs))


def test_one_course_cannot_be_held_out():
    profiles = gl.timecourse.courses(gl.timecourse.simulate_time_course(20, 8))
    with pytest.raises(ValueError, match="at least 2 courses"):
        next(gl.timecourse.course_folds(profiles))


def ordered_cells() -> AnnData:
    place = np.linspace(0, 1, 100)
    cells = AnnData(np.stack([place, 1 - place], axis=1).astype(np.float32), var=pd.DataFrame(index=["up", "down"]))
    cells.obs["dpt_pseudotime"] = place
    return cells


def test_cells_in_order_become_a_course_of_means():
    found = gl.timecourse.pseudotime_courses(ordered_cells(), n_bins=5)
    np.testing.assert_allclose(found.obsm["values"][0], found.obsm["time"][0], atol=1e-6)
    np.testing.assert_allclose(found.obsm["values"][1], 1 - found.obsm["time"][1], atol=1e-6)
    assert found.obs["gene"].tolist() == ["up", "down"]


def test_cells_that_scanpy_could_not_reach_are_left_out_with_a_warning():
    cells = ordered_cells()
    cells.obs.loc[cells.obs_names[-10:], "dpt_pseudotime"] = np.inf
    with pytest.warns(UserWarning, match="10 of 100 cells"):
        found = gl.timecourse.pseudotime_courses(cells, n_bins=3)
    assert found.obsm["time"].max() < 0.9


def test_scanpys_dpt_gives_a_course():
    import scanpy as sc

    cells = ordered_cells()
    random = np.random.default_rng(0)
    cells = AnnData(cells.X @ random.normal(size=(2, 20)).astype(np.float32) + 0.01 * random.normal(size=(100, 20)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.neighbors(cells, n_neighbors=10, use_rep="X", method="gauss", random_state=0)
        cells.uns["iroot"] = 0
        sc.tl.diffmap(cells)
        sc.tl.dpt(cells)
    found = gl.timecourse.pseudotime_courses(cells, n_bins=6)
    assert found.obsm["values"].shape == (20, 6)
    slopes = np.abs(np.corrcoef(found.obsm["values"], found.obsm["time"][0])[:-1, -1])
    assert np.median(slopes) > 0.9
