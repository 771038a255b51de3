"""The report: one page that needs no network, says what its figures rest on, and shows text of data as it is."""

import numpy as np
import pandas as pd
import pytest
from remote_loads import remote_loads

import genolab as gl
from genolab.evaluate import data_hash


@pytest.fixture(scope="module")
def trained():
    cells = gl.data.simulate_cells(80, 30, seed=0)
    cells.uns["source"] = {"name": "<script>alert(1)</script>"}
    split = gl.data.split(gl.data.AnnDataset(cells, target="obs/cell_type"), seed=0)
    model = gl.models.VariationalAutoencoder(cells.n_vars, n_latent=2)
    return split, gl.Run(model, split.train, split.valid, gl.RunConfig(epochs=1, seed=7)).start().wait()


def scores():
    rows = [("vae", "f1", "macro", 0.91, 0.8, 0.95), ("vae", "f1", "B", 0.9, 0.7, 1.0)]
    rows += [("<b>pca</b>", "f1", "macro", 0.5, np.nan, np.nan), ("vae", "accuracy", "", 0.92, 0.9, 0.94)]
    return pd.DataFrame(rows, columns=["model", "metric", "class", "value", "low", "high"])


def test_a_report_is_one_offline_page_with_all_that_the_scores_rest_on(trained, tmp_path):
    split, run = trained
    table = scores()
    figures = [gl.plot.comparison(table[table["metric"] == "f1"]), gl.plot.history(run)]
    path = gl.evaluate.report(
        tmp_path / "new" / "report.html", {"Cell types": table}, title="A & B", data=split._asdict(), runs={"vae": run},
        figures=figures, notes=[gl.evaluate.check_split(*split)],
    )  # fmt: skip
    page = path.read_text(encoding="utf-8")
    assert remote_loads(page) == []
    assert 4e6 < path.stat().st_size < 8e6
    assert page.count("Plotly.newPlot(") >= 2
    for text in (
        *("A &amp; B", "0.910 (0.800 to 0.950)", "0.500</td>", "seed=7", "n_latent=2", "kl_weight=", "Best epoch"),
        *(data_hash(split.test), f"<td>{gl.__version__}</td>", "Trained on</th><td>CPU", "No leak was found."),
    ):
        assert text in page
    assert "&lt;b&gt;pca&lt;/b&gt;" in page
    assert "<b>pca" not in page
    assert "<script>alert" not in page


def test_without_figures_a_report_is_small(tmp_path):
    path = gl.evaluate.report(tmp_path / "report.html", scores())
    assert path.stat().st_size < 20_000
    with pytest.raises(KeyError, match="the table of scores has no column 'metric'"):
        gl.evaluate.report(tmp_path / "report.html", scores()[["model", "value"]])


def test_equal_data_have_one_hash_in_any_order_and_other_data_another(trained):
    rows = trained[0].train
    assert data_hash(rows) == data_hash(rows.subset(np.arange(len(rows))[::-1]))
    assert data_hash(rows) != data_hash(rows.subset(np.arange(len(rows) - 1)))
    unlabelled = gl.data.AnnDataset(rows.adata).subset(rows.rows)
    assert data_hash(rows) != data_hash(unlabelled)
