import json
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import pytest
from anndata import AnnData
from scipy import sparse

from genolab import evaluate, palette, plot, preprocess
from genolab.data import AnnDataset
from genolab.plot.style import Figure, dress, percent, plain

NASTY = '<b>x</b> <a href="javascript:1">y</a> & $z$'
SAFE = '&lt;b&gt;x&lt;/b&gt; &lt;a href="javascript:1"&gt;y&lt;/a&gt; &amp; &#36;z&#36;'


def cells(n=60):
    random = np.random.default_rng(0)
    genes = ["MT-1", *(f"g{i}" for i in range(1, 40))]
    mean = np.exp(random.normal(1, 1, 40))
    found = AnnData(
        random.poisson(mean, (n, 40)).astype(np.float32),
        obs=pd.DataFrame({"kind": np.resize(["b", "a", "b"], n)}, index=[f"c{i}" for i in range(n)]),
        var=pd.DataFrame(index=genes),
    )
    found.obsm["X_vae"] = random.normal(size=(n, 3))
    return found


@pytest.fixture(scope="module")
def ready():
    return preprocess.apply(cells(), preprocess.Recipe(n_top_genes=12))


def losses(valid=(3.0, 2.0, 2.5), train=(3.0, 1.5, 1.0)):
    table = pd.DataFrame({"epoch": range(1, len(train) + 1), "train_loss": train, "train_kl": 1.0})
    return table if valid is None else table.assign(valid_loss=valid)


def judged(classes=("a", "b", "c"), n=60):
    random = np.random.default_rng(0)
    codes = random.integers(len(classes), size=n)
    found = AnnData(np.zeros((n, 1), np.float32))
    found.obs["kind"] = pd.Categorical.from_codes(codes, list(classes))
    probabilities = random.dirichlet(np.ones(len(classes)), n) + 0.4 * np.eye(len(classes))[codes]
    return AnnDataset(found, target="obs/kind"), probabilities / probabilities.sum(axis=1, keepdims=True)


def scores():
    return pd.DataFrame(
        {
            "model": ["vae", "pca", "vae", "pca"],
            "metric": ["knn_accuracy", "knn_accuracy", "mse", "mse"],
            "value": [0.9, 0.8, 1.0, 2.0],
            "low": [0.85, 0.75, 0.9, 1.8],
            "high": [0.95, 0.85, 1.1, 2.2],
        }
    )


def every_figure(ready):
    test, probabilities = judged()
    return [
        plot.confusion(probabilities, test),
        plot.roc({"cnn": probabilities}, test),
        plot.precision_recall({"cnn": probabilities}, test),
        plot.history(losses()),
        plot.latent(ready, "X_vae", color="kind"),
        plot.latent(ready, "X_vae", color=ready.var_names[0]),
        plot.quality(ready, recipe=preprocess.Recipe(min_genes=30, max_mito=5)),
        plot.genes(ready),
        plot.reconstruction(ready.X, ready.X + 1),
        plot.comparison(scores(), baseline="pca"),
    ]


def texts(figure):
    """Everything in a figure that plotly draws as text."""
    found = []

    def walk(node):
        if isinstance(node, dict):
            for value in node.values():
                walk(value)
        elif isinstance(node, list | tuple):
            for value in node:
                walk(value)
        elif isinstance(node, str):
            found.append(node)

    walk(json.loads(figure.to_json()))
    return found


# What all figures share


def test_no_figure_has_a_button_that_uploads(ready):
    for figure in every_figure(ready):
        assert "sendChartToCloud" in figure.layout.modebar.remove


def test_a_notebook_gets_the_figure_without_plotlys_logo(ready, monkeypatch):
    monkeypatch.setattr(pio.renderers, "default", "plotly_mimetype")
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle))
    plot.history(losses())._ipython_display_()
    bundle = shown[0]["application/vnd.plotly.v1+json"]
    assert bundle["config"]["displaylogo"] is False
    assert bundle["config"]["showSendToCloud"] is False


def test_every_figure_has_a_title_and_no_text_below_14_pixels(ready):
    def sizes(node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "font" and "size" in value:
                    yield value["size"]
                yield from sizes(value)

    for figure in every_figure(ready):
        assert figure.layout.title.text
        layout = figure.to_plotly_json()["layout"]
        assert min([*sizes(layout), 14]) == 14
        assert layout["template"]["layout"]["font"]["size"] >= 14


def test_axes_say_what_they_show(ready):
    for figure in every_figure(ready)[:-1]:
        axes = [axis.title.text for axis in figure.select_xaxes()]
        assert all(axes), axes


def test_the_users_objects_are_not_changed(ready):
    before, table = ready.copy(), losses()
    every_figure(ready)
    plot.history(table)
    pd.testing.assert_frame_equal(table, losses())
    pd.testing.assert_frame_equal(ready.obs, before.obs)
    pd.testing.assert_frame_equal(ready.var, before.var)
    assert list(ready.uns) == list(before.uns)


def test_figures_are_plotly_figures_and_share_one_template(ready):
    figures = every_figure(ready)
    assert all(isinstance(figure, go.Figure) for figure in figures)
    assert len({json.dumps(figure.layout.template.to_plotly_json(), sort_keys=True) for figure in figures}) == 1


def test_names_are_escaped_wherever_they_stand():
    raw = cells()
    raw.obs[NASTY] = NASTY
    raw.obs_names = [f"{NASTY}{i}" for i in range(raw.n_obs)]
    raw.var_names = [NASTY, *raw.var_names[1:]]
    raw.obsm[NASTY] = raw.obsm["X_vae"]
    ready = preprocess.apply(raw, preprocess.Recipe(n_top_genes=40))
    table = scores().replace({"vae": NASTY, "mse": NASTY})
    run = SimpleNamespace(history=losses(), changes=[SimpleNamespace(name=NASTY, before=1, after=2, epoch=2)])
    figures = [
        plot.latent(raw, NASTY, color=NASTY),
        plot.latent(raw, NASTY, color="g1"),
        plot.latent(ready[:, [NASTY]].copy(), "X_vae", color=NASTY),
        plot.genes(ready),
        plot.comparison(table, baseline=NASTY),
        plot.history(run),
        plot.reconstruction(raw.X, raw.X, unit=NASTY),
    ]
    test, probabilities = judged((NASTY, "other"))
    figures += [
        plot.confusion(probabilities, test),
        plot.roc({NASTY: probabilities}, test, label=NASTY),
        plot.precision_recall({NASTY: probabilities}, test),
    ]
    for figure in figures:
        drawn = texts(figure)
        assert not [text for text in drawn if "<b>" in text or "<a " in text or "$z$" in text]
        assert [text for text in drawn if SAFE in text]


def test_long_names_are_cut():
    assert plain("x" * 100) == "x" * 47 + "…"
    assert plain("x" * 48) == "x" * 48


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.004, "0.4 %"), (0.346, "35 %"), (0.997, "99.7 %"), (1, "100 %")]
)
def test_shares_are_told_from_none_and_all(share, text):
    assert percent(share) == text


# history


def test_the_best_epoch_is_the_finding():
    figure = plot.history(losses())
    assert figure.layout.title.text == "Validation loss was best at epoch 2 of 3"
    assert "then rose by 25 %" in figure.layout.title.subtitle.text
    best = figure.data[-1]
    assert (best.x[0], best.y[0]) == (2, 2.0)


def test_a_loss_that_still_falls_is_the_finding():
    title = plot.history(losses(valid=(3.0, 2.0, 1.5))).layout.title
    assert title.text == "Validation loss was still falling at epoch 3"
    assert title.subtitle.text == "It came to 1.5. Training loss went from 3 to 1 in 3 epochs."


def test_without_validation_the_training_loss_is_the_finding_and_its_limit_is_said():
    figure = plot.history(losses(valid=None))
    assert figure.layout.title.text == "Training loss went from 3 to 1 in 3 epochs"
    assert "Without validation data" in figure.layout.title.subtitle.text
    assert [trace.name for trace in figure.data] == ["training"]


def test_validation_that_is_not_a_number_has_no_best():
    assert len(plot.history(losses(valid=(np.nan,) * 3)).data) == 2


def test_another_part_of_the_loss_has_no_best():
    figure = plot.history(losses(), part="kl")
    assert figure.layout.title.text == "Training KL divergence went from 1 to 1 in 3 epochs"
    assert figure.layout.yaxis.title.text == "KL divergence, mean over rows"


def test_changes_of_controls_are_marked_where_they_were_made():
    changes = [SimpleNamespace(name="learning_rate", before=1e-3, after=3e-4, epoch=2)]
    figure = plot.history(SimpleNamespace(history=losses(), changes=changes))
    assert figure.layout.shapes[0].x0 == 2
    assert figure.layout.annotations[0].text == "learning rate 0.001 → 0.0003"


def test_an_unknown_part_is_named_with_those_there():
    with pytest.raises(KeyError, match=r"no part 'mse'; it has \['loss', 'kl'\]"):
        plot.history(losses(), part="mse")


def test_a_history_without_epochs_is_refused():
    with pytest.raises(ValueError, match="no completed epoch"):
        plot.history(pd.DataFrame())


# latent


def test_each_kind_is_a_trace_with_its_number_in_a_colour_of_its_own():
    figure = plot.latent(cells(), "X_vae", color="kind")
    assert [trace.name for trace in figure.data] == ["a (20)", "b (40)"]
    assert [trace.marker.color for trace in figure.data] == list(palette.colours(2))
    assert figure.layout.title.text == "60 cells of 2 kinds; the largest is b (40)"


def test_points_stand_at_the_dimensions_asked_for():
    raw = cells()
    trace = plot.latent(raw, "X_vae", dims=(2, 0)).data[0]
    np.testing.assert_array_equal(np.c_[trace.x, trace.y], raw.obsm["X_vae"][:, [2, 0]])


def test_cells_without_a_kind_are_grey():
    raw = cells()
    raw.obs["kind"] = raw.obs["kind"].astype(object)
    raw.obs.iloc[:5, 0] = None
    last = plot.latent(raw, "X_vae", color="kind").data[-1]
    assert (last.name, last.marker.color) == ("none (5)", palette.NONE)


def test_numbers_get_a_colour_bar_and_the_highest_lie_on_top():
    raw = cells()
    raw.obs["score"] = np.random.default_rng(1).normal(size=60)
    raw.obs.iloc[3, 1] = np.nan
    lost, cloud = plot.latent(raw, "X_vae", color="score").data
    assert (len(lost.x), lost.marker.color) == (1, palette.NONE)
    assert (np.diff(cloud.marker.color) >= 0).all()
    assert cloud.marker.showscale


def test_a_gene_is_drawn_with_its_values_from_x_or_a_layer():
    raw = cells()
    raw.X = sparse.csr_matrix(raw.X)
    raw.layers["double"] = raw.X * 2
    one = np.sort(raw[:, "g3"].X.toarray().ravel())
    np.testing.assert_array_equal(plot.latent(raw, "X_vae", color="g3").data[0].marker.color, one)
    np.testing.assert_array_equal(plot.latent(raw, "X_vae", color="g3", layer="double").data[0].marker.color, 2 * one)


def test_booleans_are_kinds():
    raw = cells()
    raw.obs["chosen"] = np.arange(60) < 10
    assert [trace.name for trace in plot.latent(raw, "X_vae", color="chosen").data] == ["False (50)", "True (10)"]


def test_many_points_are_drawn_by_webgl_and_few_are_not():
    assert plot.latent(cells(60), "X_vae").data[0].type == "scatter"
    assert plot.latent(cells(4000), "X_vae").data[0].type == "scattergl"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"basis": "X_pca"}, r"'obsm/X_pca' is not in this AnnData; obsm has \['X_vae'\]"),
        ({"color": "type"}, r"'type' is neither a column of obs nor a gene .*; obs has \['kind'\]"),
        ({"color": "g1", "layer": "log"}, r"'layers/log' is not in this AnnData; layers has \[\]"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(how, message):
    with pytest.raises(KeyError, match=message):
        plot.latent(cells(), how.pop("basis", "X_vae"), **how)


@pytest.mark.parametrize("dims", [(0, 3), (-1, 0), (0,), (0, 1, 2)])
def test_dimensions_that_are_not_there_are_refused(dims):
    with pytest.raises(ValueError, match="two of the 3 dimensions of 'X_vae'"):
        plot.latent(cells(), "X_vae", dims=dims)


def test_no_cells_are_refused():
    with pytest.raises(ValueError, match="no cells to draw"):
        plot.latent(cells()[:0], "X_vae")


# quality


def test_the_limits_and_the_cells_beyond_them_are_the_finding():
    raw = cells()
    metrics = preprocess.quality(raw)
    rule = preprocess.Recipe(min_genes=32, max_counts=int(metrics["total_counts"].quantile(0.9)), max_mito=4)
    beyond = raw.n_obs - preprocess.apply(raw, rule).n_obs
    figure = plot.quality(raw, recipe=rule)
    assert figure.layout.title.text.startswith(f"The limits remove {beyond} of 60 cells (")
    assert len(figure.layout.shapes) == 3
    few = (metrics["n_genes_by_counts"] < 32).sum()
    assert f"{few} below 32" in [note.text for note in figure.layout.annotations]


def test_histograms_hold_every_cell():
    for trace in plot.quality(cells()).data:
        assert sum(trace.y[1:-2]) == 60


def test_counts_of_very_different_size_stand_on_a_logarithmic_axis_with_the_limit_in_its_place():
    raw = cells()
    raw.X[:20] *= 100
    figure = plot.quality(raw, recipe=preprocess.Recipe(max_counts=1000))
    assert figure.layout.xaxis.type == "log"
    assert [note.x for note in figure.layout.annotations if note.text.endswith("above 1,000")] == [3]


def test_without_mitochondrial_genes_there_are_two_panels():
    raw = cells()
    assert len(plot.quality(raw[:, 1:].copy()).data) == 2
    assert len(plot.quality(raw).data) == 3


def test_quality_of_what_was_filtered_goes_by_the_columns_of_obs(ready):
    assert plot.quality(ready).layout.title.text.startswith("The median cell of 60 has ")


def test_one_cell_and_equal_cells_can_be_drawn():
    raw = cells()
    raw.X[:] = 1
    plot.quality(raw)
    plot.quality(raw[:1].copy())


def test_quality_without_counts_is_refused():
    raw = cells()
    raw.X[0, 0] = 0.5
    with pytest.raises(ValueError, match="fractions"):
        plot.quality(raw)


# genes


def test_kept_and_dropped_genes_are_both_drawn_after_the_dropped_are_gone(ready):
    figure = plot.genes(ready)
    assert [trace.name for trace in figure.data] == ["dropped (28)", "variable, kept (12)"]
    assert figure.layout.title.text.startswith("12 of 40 genes are kept; ")
    assert set(figure.data[1].text) == set(ready.var_names)


def test_the_gene_that_varies_most_is_named(ready):
    best = preprocess.fitted(ready).genes["variances_norm"].idxmax()
    figure = plot.genes(ready)
    assert figure.layout.title.text.endswith(f"{best} varies most for its mean")
    assert best in [note.text for note in figure.layout.annotations]


def test_scanpys_own_columns_are_enough():
    import scanpy as sc

    raw = cells()
    sc.pp.normalize_total(raw)
    sc.pp.log1p(raw)
    sc.pp.highly_variable_genes(raw, n_top_genes=10)
    assert plot.genes(raw).data[1].name == "variable, kept (10)"


def test_genes_that_were_not_ranked_are_refused():
    with pytest.raises(ValueError, match="variable genes were not chosen"):
        plot.genes(cells())
    with pytest.raises(ValueError, match="apply a Recipe with n_top_genes"):
        plot.genes(preprocess.apply(cells()))


# reconstruction


def test_every_value_is_in_the_density_and_the_variance_explained_is_the_finding(ready):
    rebuilt = np.asarray(ready.X) * 0.9
    figure = plot.reconstruction(sparse.csr_matrix(ready.X), rebuilt)
    assert np.sum(figure.data[0].customdata) == ready.X.size
    table = evaluate.reconstruction(ready.X, {"x": rebuilt}, n_boot=0).set_index("metric")["value"]
    assert figure.layout.title.text == f"The reconstruction explains {100 * table['r2']:.0f} % of the variance"


def test_a_reconstruction_lies_where_its_values_are():
    figure = plot.reconstruction(np.array([[0.0, 8.0]]), np.array([[0.0, 4.0]]), n_bins=2)
    np.testing.assert_array_equal(figure.data[0].customdata, [[1, 0], [0, 1]])
    assert list(figure.data[0].x) == [2, 6]
    assert list(figure.data[0].y) == [1, 3]


def test_values_that_do_not_vary_are_said_to():
    figure = plot.reconstruction(np.ones((3, 2)), np.ones((3, 2)))
    assert figure.layout.title.text == "The true values don't vary, so<br>there is no variance to explain"


def test_a_reconstruction_of_another_shape_is_refused(ready):
    with pytest.raises(ValueError, match="must have the truth's shape"):
        plot.reconstruction(ready.X, ready.X[:, :3])


# comparison


def finding(*rows, baseline=None):
    table = pd.DataFrame(rows, columns=["model", "metric", "low", "high"])
    table["value"] = (table["low"] + table["high"]) / 2
    return plot.comparison(table, baseline=baseline).layout.title.text.replace("<br>", " ")


def test_the_finding_names_who_is_better_than_the_baseline_on_what():
    far, near, error = ("vae", "accuracy", 0.87, 0.9), ("vae", "knn_accuracy", 0.7, 0.9), ("vae", "mse", 2, 3)
    base = [("pca", "accuracy", 0.6, 0.8), ("pca", "knn_accuracy", 0.6, 0.8), ("pca", "mse", 4, 5)]
    assert finding(far, base[0], baseline="pca") == "vae is better than pca on accuracy"
    title = finding(far, error, *base[::2], baseline="pca")  # a lower error is better
    assert title == "vae is better than pca on accuracy and mean squared error"
    title = finding(far, near, error, *base, baseline="pca")
    assert title == "vae is better than pca on accuracy and mean squared error; on neighbour accuracy they overlap"
    assert finding(far, base[0], baseline="vae") == "pca is worse than vae on accuracy"
    assert (
        finding(far, near, base[0], base[1]) == "vae is better than pca on accuracy; on neighbour accuracy they overlap"
    )


def test_of_several_models_the_finding_names_those_that_are_clear():
    base, low, high = ("pca", "f1", 0.6, 0.7), ("ae", "f1", 0.3, 0.5), ("vae", "f1", 0.8, 0.9)
    assert finding(base, low, high, baseline="pca") == "vae is better than pca and all others on F1, macro"
    also = ("cvae", "f1", 0.75, 0.85)
    assert finding(base, high, also, baseline="pca") == "vae and cvae are better than pca on F1, macro"
    beaten = "No model is clearly better than pca; ae is worse on F1, macro"
    assert finding(base, low, ("vae", "f1", 0.65, 0.8), baseline="pca") == beaten
    assert finding(base, low, high) == "vae is better than ae and all others on F1, macro"


def test_intervals_that_overlap_are_the_finding_where_nothing_else_is():
    first, second, third = ("a", "f1", 0.6, 0.8), ("b", "f1", 0.7, 0.9), ("c", "f1", 0.5, 0.9)
    assert finding(first, second, baseline="a") == "b doesn't differ clearly from a on F1, macro: the intervals overlap"
    title = finding(first, second, third, baseline="a")
    assert title == "No model differs clearly from a on F1, macro: the intervals overlap"
    assert finding(first, second, third) == "No two models differ clearly on F1, macro: the intervals overlap"


def test_of_a_table_with_classes_the_overall_and_macro_figures_are_drawn():
    rows = [(model, "f1", of, value) for model, value in (("cnn", 0.9), ("words", 0.7)) for of in ("macro", "a", "b")]
    rows += [("cnn", "accuracy", "", 0.8), ("words", "accuracy", "", 0.6)]
    table = pd.DataFrame(rows, columns=["model", "metric", "class", "value"]).assign(low=np.nan, high=np.nan)
    figure = plot.comparison(table)
    assert [tuple(trace.x) for trace in figure.data] == [(0.9, 0.7), (0.8, 0.6)]
    one = plot.comparison(table[table["class"] == "a"])
    assert [tuple(trace.x) for trace in one.data] == [(0.9, 0.7)]


def test_intervals_reach_from_low_to_high():
    first = plot.comparison(scores()).data[0]
    assert first.x[0] + first.error_x.array[0] == pytest.approx(0.95)
    assert first.x[0] - first.error_x.arrayminus[0] == pytest.approx(0.85)


def test_a_figure_without_an_interval_is_a_bare_point():
    bare = scores().assign(low=np.nan, high=np.nan)
    assert np.isnan(plot.comparison(bare).data[0].error_x.array).all()


def test_the_baseline_is_marked_in_every_panel():
    figure = plot.comparison(scores(), baseline="pca")
    assert [shape.x0 for shape in figure.layout.shapes] == [0.8, 2.0]
    assert "the baseline, pca" in figure.layout.title.subtitle.text


def test_a_table_that_cannot_be_drawn_is_refused():
    with pytest.raises(KeyError, match=r"has no columns 'low', 'high'"):
        plot.comparison(scores().drop(columns=["low", "high"]))
    with pytest.raises(KeyError, match=r"baseline 'scvi' is not in the table; its models are \['vae', 'pca'\]"):
        plot.comparison(scores(), baseline="scvi")
    with pytest.raises(ValueError, match="no rows"):
        plot.comparison(scores().head(0))


# Classification


def test_the_matrix_holds_every_row_and_names_the_commonest_mistake():
    test, probabilities = judged(("a", "b"))
    figure = plot.confusion(probabilities, test)
    assert sum(int(count) for row in figure.data[0].text for count in row) == 60
    np.testing.assert_allclose(figure.data[0].z.sum(axis=1), 1)
    right = (probabilities.argmax(axis=1) == test.adata.obs["kind"].cat.codes).mean()
    assert figure.layout.title.text == f"{percent(right)} of 60 are predicted right"
    assert "commonest mistake" in figure.layout.title.subtitle.text
    perfect = plot.confusion(np.eye(2)[test.adata.obs["kind"].cat.codes], test)
    assert perfect.layout.title.subtitle.text == "There is no mistake."


def test_curves_tell_their_areas_and_what_guessing_gives():
    test, probabilities = judged(("no", "yes"))
    guessed = np.full((60, 2), 0.5)
    models = {"cnn": probabilities, "guess": guessed}
    areas = evaluate.table(models, test, n_boot=0).set_index(["model", "metric", "class"])["value"]
    roc = plot.roc(models, test)
    assert [trace.name for trace in roc.data if trace.name] == [
        f"cnn, {areas['cnn', 'auroc', 'yes']:.3f}",
        "guess, 0.500",
        "guessing",
    ]
    assert [trace.fill for trace in roc.data] == ["toself", None, "toself", None, None]  # a band under each curve
    assert len(plot.roc(models, test, n_boot=0).data) == 3
    assert roc.layout.title.text == f"cnn has the largest area: {areas['cnn', 'auroc', 'yes']:.3f}"
    alike = plot.roc({"cnn": probabilities, "twin": np.roll(probabilities, 2, axis=0) * 0.02 + probabilities}, test)
    assert "; with other rows " in heading(alike)
    curve = plot.precision_recall(models, test)
    share = (test.adata.obs["kind"] == "yes").mean()
    assert curve.data[-1].y == (share, share)
    assert curve.data[1].name == f"cnn, {areas['cnn', 'auprc', 'yes']:.3f}"


def heading(figure):
    """Return a figure's title in one line."""
    return figure.layout.title.text.replace("<br>", " ")


def test_calibration_says_to_which_side_probabilities_are_off():
    random = np.random.default_rng(0)
    share = random.uniform(0.02, 0.98, size=2000)
    adata = AnnData(np.zeros((2000, 1), np.float32))
    adata.obs["kind"] = pd.Categorical(np.where(random.random(2000) < share, "yes", "no"), ["no", "yes"])
    test = AnnDataset(adata, target="obs/kind")
    cases = {
        "as often right as they say": share,
        "too high": share + 0.15 * (1 - share),
        "too extreme": np.where(share > 0.5, share**0.3, 1 - (1 - share) ** 0.3),
    }
    for words, given in cases.items():
        figure = plot.calibration({"m": given}, test, n_boot=200)
        assert words in heading(figure)
    both = plot.calibration({"good": share, "bad": np.sqrt(share)}, test, n_boot=0)
    assert heading(both).startswith("Of 2 models bad is off most: its probabilities are too high")
    assert [trace.name for trace in both.data] == ["calibrated", "good", "bad"]


def test_a_learning_curve_tells_the_best_and_whether_it_still_grows():
    rows = [("cnn", "mcc", n, v, v - 0.01, v + 0.01) for n, v in ((100, 0.5), (200, 0.6), (400, 0.7))]
    table = pd.DataFrame(rows, columns=["model", "metric", "rows", "value", "low", "high"])
    flat = table.assign(model="k-mers", value=0.6, low=0.59, high=0.61)
    figure = plot.learning_curve(pd.concat([table, flat]))
    assert heading(figure) == "cnn is best with 400 rows (0.7), and was still getting better"
    assert figure.layout.xaxis.ticktext == ("100", "200", "400")
    flat_end = "k-mers reaches 0.6 with 400 rows, and no longer gets clearly better"
    assert heading(plot.learning_curve(flat)) == flat_end
    with pytest.raises(KeyError, match=r"pass what genolab\.evaluate\.learning_curve returns"):
        plot.learning_curve(table.drop(columns="rows"))


def test_drawing_a_history_does_not_load_scanpy():
    import subprocess

    code = "import sys, pandas as pd, genolab as gl; gl.plot; print('scanpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_long_title_is_broken_where_a_notebook_on_a_laptop_would_cut_it():
    whole = dress(Figure(), "word " * 30, subtitle="word " * 30, height=400).layout
    assert whole.title.text.count("<br>") == 2
    assert whole.title.subtitle.text.count("<br>") == 2
    assert whole.height == 400 + 2 * 26 + 2 * 21  # what is drawn keeps its room
    assert dress(Figure(), "<b>my own</b> " * 30).layout.title.text == "<b>my own</b> " * 30
