import pandas as pd
import pytest

import genolab as gl


def enriched():
    genes = [f"g{i}" for i in range(60)]
    sets = {"rich": genes[:10], "<b>poor</b>": genes[20:50]}
    return gl.function.enrich(genes[:8] + genes[40:44], sets, background=genes)


def test_enrichment_has_its_finding_as_title_and_names_as_text():
    figure = gl.function.plot.enrichment(enriched())
    assert figure.layout.title.text == "1 of 2 sets is enriched, most clearly rich"
    assert list(figure.layout.yaxis.ticktext) == ["rich", "&lt;b&gt;poor&lt;/b&gt;"]
    assert list(figure.data[0].marker.symbol) == ["circle", "circle-open"]
    assert figure.data[0].x[0] == pytest.approx(8 / (10 * 12 / 40))
    assert gl.function.plot.enrichment(enriched(), level=1e-9).layout.title.text == "None of 2 sets is enriched"


def test_enrichment_draws_a_ranking_too():
    scores = pd.Series(range(40), index=[f"g{i}" for i in range(40)])
    sets = {
        "top": [f"g{i}" for i in range(28, 40)],
        "any": [f"g{i}" for i in range(0, 40, 3)],
        "all": list(scores.index),
    }
    figure = gl.function.plot.enrichment(gl.function.enrich_ranked(scores, sets))
    title = figure.layout.title.text.replace("<br>", " ")
    assert title == "1 of 2 sets ranks higher or lower than by chance, most clearly top"
    assert figure.layout.xaxis.title.text == "How often a gene of the set ranks above another"
    assert figure.data[0].x[0] == 1
    assert list(figure.data[0].customdata[0][:2]) == ["12", "12"]


def test_depth_has_a_line_a_model_and_one_for_a_random_ranking():
    table = pd.DataFrame(
        {
            "model": ["ours"] * 3 + ["naive"] * 3,
            "depth": [1, 2, 2] * 2,
            "auprc": [0.9, 0.5, 0.7, 0.8, 0.2, None],
            "chance": [0.8, 0.2, 0.1] * 2,
        }
    )
    figure = gl.function.plot.depth(table)
    assert [trace.name for trace in figure.data] == ["ours", "naive", "random"]
    assert list(figure.data[0].y) == pytest.approx([0.9, 0.6])
    assert list(figure.layout.xaxis.ticktext) == ["1<br>(1)", "2<br>(2)"]
    assert figure.layout.title.text.startswith("ours: 0.70")


def test_tables_of_another_kind_are_refused():
    with pytest.raises(KeyError, match="has no columns"):
        gl.function.plot.enrichment(pd.DataFrame({"name": ["a"]}))
    with pytest.raises(ValueError, match="no rows"):
        gl.function.plot.enrichment(enriched().head(0))
    with pytest.raises(KeyError, match="by_term"):
        gl.function.plot.depth(pd.DataFrame({"model": ["a"]}))
