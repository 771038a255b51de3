import json

import numpy as np
import pandas as pd
import pytest
from toy_comparisons import compared, genome, planted

import genolab as gl
from genolab.genomes import AlignmentView, plot
from genolab.genomes.alignment_view.blocks import Blocks
from genolab.genomes.plot import layout

NASTY = '<b>x</b> <a href="javascript:1">y</a> & $z$'


@pytest.fixture
def pair():
    return planted()


def named(figure, name):
    (found,) = [trace for trace in figure.data if trace.name == name]
    return found


def pieces(trace):
    """The lines of a trace, each as its ends."""
    x, y = np.asarray(trace.x, float), np.asarray(trace.y, float)
    parts = np.split(np.arange(len(x)), np.flatnonzero(np.isnan(x)))
    lines = [[at for at in part if not np.isnan(x[at])] for part in parts]
    return [((x[line[0]], y[line[0]]), (x[line[-1]], y[line[-1]])) for line in lines if line]


def many(n=20_000):
    """A comparison with very many variants."""
    random = np.random.default_rng(0)
    letters = "".join(random.choice(list("ACGT"), 10 * n))
    one, other = genome("one", {"a": letters}), genome("two", {"b": letters})
    return compared(one, other, [("a", 0, "b", 0, "+", "9=1X" * n)])


# ---- dot plot ----


def test_blocks_rise_on_the_same_strand_fall_on_the_other_and_break_at_origins(pair):
    figure = plot.dotplot(pair)
    assert pieces(named(figure, "same strand")) == [((0, 597), (400, 994)), ((800, 197), (1200, 597))]
    assert pieces(named(figure, "other strand, inverted")) == [((400, 197), (597, 0)), ((597, 1197), (800, 994))]
    assert figure.layout.title.text == "3 blocks, 99.1 % identical, 1 of them inverted"
    assert figure.layout.xaxis.title.text == "ape: bases, from 0"


def test_a_large_deletion_bends_the_line(pair):
    line = np.array([named(plot.dotplot(pair), "same strand")[axis] for axis in "xy"], float).T
    assert [200, 797] in line.tolist()
    assert [206, 797] in line.tolist()


def test_names_and_texts_from_data_are_shown_as_they_are_written():
    found = compared(
        genome(NASTY, {NASTY: "ACGT" * 9}), genome("b", {"b": "ACGT" * 9}), [(NASTY, 0, "b", 0, "+", "36=")]
    )
    for figure in (plot.dotplot(found), plot.synteny(found), plot.variants(found)):
        shown = json.dumps(figure.to_plotly_json(), default=str)
        assert "<b>" not in shown
        assert "<a " not in shown


def test_several_chromosomes_lie_one_after_the_other():
    letters = "".join(np.random.default_rng(1).choice(list("ACGT"), 300))
    one = genome("one", {"I": letters[:100], "II": letters[100:]})
    other = genome("two", {"x": letters[100:], "y": letters[:100]})
    found = compared(one, other, [("I", 0, "y", 0, "+", "100="), ("II", 0, "x", 0, "+", "200=")])
    figure = plot.dotplot(found)
    assert pieces(named(figure, "same strand")) == [((0, 200), (100, 300)), ((100, 0), (300, 200))]
    assert list(figure.layout.xaxis.ticktext) == ["I", "II"]
    assert plot.synteny(found).layout.xaxis.title.text == "Chromosomes, one after the other"


def test_genomes_with_nothing_in_common_have_an_empty_figure():
    found = compared(genome("one", {"a": "ACGT" * 9}), genome("two", {"b": "TTTT" * 9}), [])
    for figure in (plot.dotplot(found), plot.synteny(found)):
        assert figure.layout.title.text == "No homology was found outside of repeats"
    assert plot.variants(found).layout.title.text == "0 differences along a, 0 in a thousand bases"


def test_both_ways_to_write_a_circular_origin_are_one_line():
    points = np.array([[90.0, 10.0], [130.0, 50.0]])
    cut = layout._cut(points, 0, 100)
    assert [part.tolist() for part in cut] == [[[90, 10], [100, 20]], [[0, 20], [30, 50]]]
    assert layout._cut(points + np.array([100, 0]), 0, 100)[0].tolist() == points.tolist()
    falling = layout._cut(np.array([[0.0, 130.0], [40.0, 90.0]]), 1, 100)
    assert [part.tolist() for part in falling] == [[[0, 30], [30, 0]], [[30, 100], [40, 90]]]


# ---- synteny ----


def test_ribbons_join_what_is_alike_and_lines_join_the_same_gene(pair):
    figure = plot.synteny(pair)
    ribbons = np.array([named(figure, "same strand")[axis] for axis in "xy"], float).T
    corners = {tuple(point) for point in ribbons.tolist()}
    assert {(0, 0.97), (400, 0.97), (597, 0.03), (994, 0.03)} <= {(x, round(y, 6)) for x, y in corners if x == x}
    ((start, end),) = pieces(named(figure, "the same gene"))
    assert (start, end) == ((210, pytest.approx(0.97)), (805.5, pytest.approx(0.03)))
    names = [text for trace in figure.data if trace.mode == "text" for text in trace.text]
    assert sorted(names) == ["cox", "cox", "nad"]


def test_genes_may_be_left_out(pair):
    assert not [trace for trace in plot.synteny(pair, genes=False).data if trace.mode == "text"]


def test_ribbons_that_cannot_be_distinguished_are_drawn_once():
    letters = "ACGT" * 50_000
    blocks = [("a", 10 * at, "b", 10 * at, "+", "10=") for at in range(2500)]
    found = compared(genome("one", {"a": letters}), genome("two", {"b": letters}), blocks)
    outline = named(plot.synteny(found), "same strand")
    assert np.isnan(np.asarray(outline.x, float)).sum() <= 800


def test_two_mitochondria_are_one_block_with_37_genes_in_common():
    found = gl.genomes.compare("human_mt", "orangutan_mt")
    figure = plot.synteny(found)
    assert len(pieces(named(figure, "the same gene"))) == 37
    assert np.isnan(np.asarray(named(figure, "same strand").x, float)).sum() == 2  # the circle was cut at two places
    assert len(pieces(named(plot.dotplot(found), "same strand"))) == 2
    view = AlignmentView(found)
    view.go_to("MT-ND6")
    assert view.place.a_position == 14_672  # of the last base, since it lies on the other strand
    codons = Blocks(found).genes.along(view._columns, view.column - 60, view.column + 1)["codons"]
    assert codons[0][2] == "M"
    shown = plot.variants(found, start=14_000, end=15_000)
    assert shown.layout.title.text.endswith("in a thousand bases")


# ---- variants ----


def test_few_variants_are_ticks_that_tell_their_alleles(pair):
    figure = plot.variants(pair)
    texts = [text for trace in figure.data if trace.text is not None for text in trace.text if " to " in text]
    assert "104: G to C<br>b: 701" in texts
    assert figure.layout.title.text == "4 differences along a, 3.33 in a thousand bases"
    assert figure.layout.title.subtitle.text == "1 transition to 1 transversion, 1.0 to 1"
    labels = list(figure.layout.yaxis3.ticktext)
    assert labels == ["substitutions  0", "deletions  1", "insertions  1", "transversions  1", "transitions  1"]


def test_a_part_shows_what_lies_in_it(pair):
    figure = plot.variants(pair, start=102, end=203)
    assert figure.layout.title.text.startswith("2 differences along a")
    assert list(figure.layout.xaxis.range) == [101.5, 202.5]


def test_many_variants_are_counted_in_few_points():
    found = many()
    figure = plot.variants(found)
    assert sum(len(trace.x) for trace in figure.data) < 20_000
    assert len(figure.to_json()) < 1_000_000
    counted = [trace for trace in figure.data if trace.customdata is not None]
    assert sum(int(np.sum(trace.customdata)) for trace in counted) == 20_000
    assert len(plot.dotplot(found).data[0].x) < 10
    assert len(plot.variants(found, start=0, end=20_000).to_json()) < 1_000_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chromosome": "c"}, r"chromosomes \['a'\], got chromosome='c'"),
        ({"start": 5, "end": 5}, "within 0 to 1,200, got start=5, end=5"),
        ({"end": 1300}, "within 0 to 1,200"),
    ],
)
def test_what_is_no_part_of_the_genome_is_refused(pair, options, message):
    with pytest.raises(ValueError, match=message):
        plot.variants(pair, **options)


def test_one_of_several_chromosomes_must_be_chosen():
    one = genome("one", {"I": "ACGT" * 9, "II": "ACGT" * 9})
    found = compared(one, one, [("I", 0, "I", 0, "+", "36=")])
    with pytest.raises(ValueError, match="choose one, as in chromosome='I'"):
        plot.variants(found)
    assert isinstance(plot.variants(found, chromosome="II").data, tuple)
    assert isinstance(found.variants, pd.DataFrame)
