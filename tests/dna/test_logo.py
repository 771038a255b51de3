import gzip

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import genolab as gl
from genolab import palette
from genolab.data import AnnDataset
from genolab.dna import plot
from genolab.dna.meme import read_meme
from genolab.dna.plot import glyphs
from genolab.glyphs import OUTLINES

NASTY = '<b>x</b> <a href="javascript:1">y</a> & $z$'


def hot(sequence):
    return np.array([[letter == base for letter in sequence] for base in "ACGT"], dtype=np.uint8)


def dataset(sequences):
    adata = ad.AnnData(np.zeros((len(sequences), 1), np.float32))
    adata.obsm["sequence"] = np.array([hot(one) for one in sequences])
    return AnnDataset(adata, "obsm/sequence")


def spans(figure):
    """The letters of a figure: base to the lowest and highest y of each, in the order of positions."""
    found = {}
    for trace in figure.data:
        if getattr(trace, "fill", None) == "toself" and trace.name in OUTLINES:
            x, y = np.asarray(trace.x, float), np.asarray(trace.y, float)
            outline = len(OUTLINES[trace.name]) + 1
            parts = y.reshape(-1, outline)[:, :-1]
            middle = np.round(x.reshape(-1, outline)[:, :-1].mean(axis=1)).astype(int)
            found[trace.name] = [
                (at, *np.round([part.min(), part.max()], 4)) for at, part in zip(middle, parts, strict=True)
            ]
    return found


# ---- letters ----


@pytest.mark.parametrize("base", "ACGT")
def test_an_outline_fills_the_unit_square(base):
    outline = OUTLINES[base]
    np.testing.assert_allclose([outline.min(axis=0), outline.max(axis=0)], [[0, 0], [1, 1]], atol=1e-12)


def test_letters_above_zero_stand_on_each_other_and_those_below_hang_the_largest_outermost():
    feet, tops = glyphs.stack([[1.0], [3.0], [-2.0], [-1.0]])
    assert feet.ravel().tolist() == [0, 1, -1, 0]
    assert tops.ravel().tolist() == [1, 4, -3, -1]


def test_each_base_has_its_colour_everywhere():
    colours = {trace.name: trace.fillcolor for trace in plot.logo(hot("ACGT") * 1.5).data if trace.fill}
    assert colours == palette.BASE_COLOURS
    assert len(set(colours.values())) == 4


# ---- logos ----


def test_scores_are_drawn_as_high_as_they_are_and_negative_ones_below_the_line():
    figure = plot.logo(hot("AC") * np.array([0.5, -0.25]), start=10)
    assert spans(figure) == {"A": [(10, 0, 0.5)], "C": [(11, -0.25, 0)], "G": [], "T": []}
    assert figure.layout.title.text == "A at position 10 contributes most: 0.5"


def test_probabilities_are_drawn_by_their_information():
    figure = plot.logo(np.array([[1, 0.5, 0.25], [0, 0.5, 0.25], [0, 0, 0.25], [0, 0, 0.25]]))
    found = spans(figure)
    assert found["A"] == [(0, 0, 2), (1, 0, 0.5)]  # certain: 2 bits; one of two: 1 bit, half of it each
    assert found["C"] == [(1, 0.5, 1)]
    assert figure.layout.yaxis.title.text == "Bits"
    assert figure.layout.title.text == "A motif of 3 bits over 3 positions"


def test_one_hot_of_an_unknown_base_leaves_its_place_empty():
    assert sum(map(len, spans(plot.logo(hot("ANA"))).values())) == 2


def test_information_refuses_what_is_no_probability():
    with pytest.raises(ValueError, match="position 1 has"):
        gl.dna.information_content([[1, 0.4], [0, 0.4], [0, 0], [0, 0]])


@pytest.mark.parametrize("wrong", [np.zeros((3, 4, 5)), np.zeros((5, 4)), np.zeros((4, 0)), np.zeros(7)])
def test_a_logo_of_another_shape_is_refused(wrong):
    with pytest.raises(ValueError, match="pass one row, as in"):
        plot.logo(wrong)


def test_a_logo_of_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="1 are NaN or infinite"):
        plot.logo(np.where(hot("ACG") * np.arange(3) == 2, np.nan, 0))


# ---- the map of changes ----


def test_the_map_shows_each_change_against_the_base_that_is_there():
    scores = np.array([[1.0, 0], [0, 0], [0, -2], [-1, 2]])
    figure = plot.mutation_map(scores, "AG", start=5)
    heat = figure.data[0]
    np.testing.assert_allclose(heat.z, [[0, 2], [-1, 2], [-1, 0], [-2, 4]])
    assert list(heat.x) == [5, 6]
    assert heat.zmin == -4
    assert figure.layout.title.text == "G to T at position 6 raises the output most, by 4"


def test_the_letters_in_the_map_stand_in_their_own_rows_with_a_uppermost():
    figure = plot.mutation_map(np.zeros((4, 3)), "ACT")
    rows = dict(zip(figure.layout.yaxis.ticktext, figure.layout.yaxis.tickvals, strict=True))
    assert rows == {"A": 3, "C": 2, "G": 1, "T": 0}
    for base, found in spans(figure).items():
        assert all(low < rows[base] < high for _, low, high in found)
    assert {base: len(found) for base, found in spans(figure).items()} == {"A": 1, "C": 1, "G": 0, "T": 1}


def test_a_sequence_of_another_length_is_refused():
    with pytest.raises(ValueError, match="of 3 bases; got the shape"):
        plot.mutation_map(np.zeros((4, 3)), "ACGT")


# ---- filters ----


class Detectors(nn.Module):
    """Filters that are known: one for TATA, one for GC, one that never responds."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv1d(4, 3, 4, bias=False)
        weight = torch.zeros(3, 4, 4)
        weight[0] = torch.tensor(hot("TATA")).float()
        weight[1] = torch.tensor(hot("NGCN")).float()
        self.layer.weight = nn.Parameter(weight)


def sequences(n=300, length=40, motif="TATA", seed=0):
    """Random bases without T, with the motif once in each."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        letters_ = random.choice(list("ACG"), length)
        at = random.integers(0, length - len(motif))
        letters_[at : at + len(motif)] = list(motif)
        found.append("".join(letters_))
    return found


def test_a_filters_motif_is_the_mean_of_its_sites():
    motifs = gl.dna.filter_motifs(Detectors(), dataset(sequences()), threshold=0.99)
    assert motifs.n_sites[0] == 300
    assert motifs.n_sites[2] == 0
    np.testing.assert_array_equal(motifs.counts[0], 300.0 * hot("TATA"))
    assert motifs.information[0] > 7.8  # of 8 bits
    assert motifs.probabilities[1, 2, 1] > 0.99
    assert motifs.probabilities[1, 1, 2] > 0.99
    assert motifs.information[2] == pytest.approx(0)


def random_motifs(n, seed=1):
    random = np.random.default_rng(seed)
    return {f"decoy {i}": random.dirichlet([0.3] * 4, size=8).T for i in range(n)}


def test_a_filter_finds_its_motif_among_others_on_either_strand():
    planted = 0.94 * hot("GATTACGC") + 0.015
    turned = planted[::-1, ::-1]
    for query in (planted, turned):
        table = gl.dna.match_motifs([query], {**random_motifs(30), "planted": planted}, n_nearest=2)
        assert table.iloc[0]["motif"] == "planted"
        assert table.iloc[0]["p_value"] < 1e-5 < table.iloc[1]["p_value"]
    assert table.iloc[0]["strand"] == "-"


def test_few_known_motifs_get_decoys_that_are_never_reported():
    planted = 0.94 * hot("GATTACGC") + 0.015
    table = gl.dna.match_motifs([planted, hot("CCCCCCCC") * 1.0], {"planted": planted})
    assert set(table["motif"]) == {"planted"}
    assert table["p_value"].iloc[0] < 1e-4
    assert table["p_value"].iloc[1] > 0.05


def test_the_known_motifs_may_come_from_a_file_in_memes_format(tmp_path):
    from memelite.io import write_meme

    path = tmp_path / "known.meme"
    planted = 0.94 * hot("GATTACGC") + 0.015
    write_meme(str(path), {"GATA-like": planted})
    assert gl.dna.match_motifs([planted], path)["motif"].iloc[0] == "GATA-like"


_MEME = "MOTIF {}\nletter-probability matrix: alength= 4 w= 2\n0.7 0.1 0.1 0.1\n0 0 1 0\n"


def test_every_motif_of_a_file_is_read_without_empty_lines_between_them_and_at_its_end(tmp_path):
    path = tmp_path / "known.meme.gz"
    path.write_bytes(gzip.compress((_MEME.format("MA1 one") + _MEME.format("MA2 two")).rstrip().encode()))
    motifs = read_meme(path)
    assert list(motifs) == ["MA1 one", "MA2 two"]
    assert motifs["MA2 two"].tolist() == [[0.7, 0], [0.1, 0], [0.1, 1], [0.1, 0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_MEME.format("a").replace("w= 2", "w= 3"), "'a' has 2 rows of probabilities, and should have 3"),
        (_MEME.format("a").replace("0.7", "0.9"), "line 3: a position has four probabilities.* add up to 1"),
        (_MEME.format("a").replace("= 4", "= 20"), "motifs of DNA have 4 letters, 'a' has 20"),
        (_MEME.format("a") * 2, "'a' occurs twice"),
        ("A C G T\n", "holds no motif"),
    ],
)
def test_a_file_of_motifs_that_are_none_is_refused_with_its_name(tmp_path, text, message):
    (tmp_path / "known.meme").write_text(text)
    with pytest.raises(ValueError, match=rf"known\.meme.*{message}"):
        read_meme(tmp_path / "known.meme")


def test_filters_are_drawn_with_their_nearest_motif_and_its_name_as_written():
    figure = plot.filters(Detectors(), dataset(sequences()), known={NASTY: 0.94 * hot("TATA") + 0.015})
    titles = [note.text for note in figure.layout.annotations]
    assert len(titles) == 2  # the one that never responds isn't drawn
    assert any("filter 0" in title for title in titles)
    assert all("<b>" not in title for title in titles)


def test_filters_that_never_respond_and_a_model_without_any_are_refused():
    silent = Detectors()
    nn.init.zeros_(silent.layer.weight)
    with pytest.raises(ValueError, match="no filter responds"):
        plot.filters(silent, dataset(sequences(5)))
    with pytest.raises(ValueError, match="Linear has none"):
        gl.dna.filter_motifs(nn.Linear(3, 2), dataset(sequences(5)))
    with pytest.raises(ValueError, match="pass sequences"):
        plot.filters(Detectors())
    with pytest.raises(ValueError, match="have 3 bases, and the filters 4"):
        gl.dna.filter_motifs(Detectors(), dataset(["ACG"]))


# ---- tracks ----


def features():
    rows = [
        ("chr1", 100, 400, "+", "gene", "", "ALPHA"),
        ("chr1", 100, 200, "+", "CDS", "a", ""),
        ("chr1", 300, 400, "+", "CDS", "a", ""),
        ("chr1", 350, 900, "-", "gene", "", NASTY),
        ("chr1", 350, 900, "-", "CDS", "b", ""),
        ("chr2", 10, 40, "+", "CDS", "c", ""),
    ]
    columns = ["chromosome", "start", "end", "strand", "kind", "parent", "name"]
    return pd.DataFrame(rows, columns=columns, index=["a", "a1", "a2", "b", "b1", "c1"])


def test_genes_point_the_way_of_their_strand_and_introns_are_thin():
    figure = plot.tracks(features(), chromosome="chr1", start=0, end=1000)
    boxes = [trace for trace in figure.data if trace.fill == "toself"]
    forward, reverse = (np.asarray(trace.x)[np.asarray(trace.y) % 1 > 0] for trace in boxes)  # corners without tips
    assert (max(forward), np.nanmax(boxes[0].x)) == (394, 400)
    assert (min(reverse), np.nanmin(boxes[1].x)) == (356, 350)
    assert np.nanmin(boxes[0].x) == 100
    assert not np.any((np.asarray(boxes[0].x) > 200) & (np.asarray(boxes[0].x) < 300))
    names = [text for trace in figure.data if trace.mode == "text" for text in trace.text]
    assert "ALPHA" in names
    assert len(names) == 2
    assert all("<b>" not in name for name in names)


def test_a_name_that_would_run_into_another_stays_away_and_none_leaves_the_figure():
    table = pd.DataFrame(
        [("chr1", first, first + 90, "+", kind, parent) for first in range(0, 1000, 100) for kind, parent in
         (("gene", ""), ("CDS", f"a-long-name-{first}"))],
        columns=["chromosome", "start", "end", "strand", "kind", "parent"],
        index=[f"{part}a-long-name-{first}" for first in range(0, 1000, 100) for part in ("", "CDS of ")],
    )  # fmt: skip
    (names,) = [
        trace for trace in plot.tracks(table, chromosome="chr1", start=0, end=1000).data if trace.mode == "text"
    ]
    half = 1000 * 0.0095 * len("a-long-name-0") / 2
    places = np.sort(names.x)
    assert 3 <= len(places) < 10
    assert np.diff(places).min() >= 2 * half
    assert places[0] >= half
    assert places[-1] <= 1000 - half


def test_all_tracks_move_together_and_only_along_the_chromosome():
    figure = plot.tracks(features(), {"coding": np.zeros(50)}, np.zeros(50), chromosome="chr1", start=100)
    assert figure.layout.xaxis.matches == figure.layout.xaxis2.matches == "x3"
    assert all(axis.fixedrange for axis in figure.select_yaxes())
    assert figure.layout.xaxis.range == (99.5, 149.5)


def test_letters_are_drawn_for_a_short_locus_and_a_line_for_a_long_one():
    short = plot.tracks(attribution=hot("ACGT" * 10) * 0.5, start=7)
    assert sum(map(len, spans(short).values())) == 40
    long = plot.tracks(attribution=hot("ACGT" * 200) * 0.5)
    assert not spans(long)


def test_a_prediction_keeps_only_the_points_that_show():
    steps = np.repeat([0.0, 1.0, 0.0], 10_000)
    figure = plot.tracks(prediction={"coding": steps})
    line = next(trace for trace in figure.data if trace.name == "coding")
    assert len(line.x) == 6
    np.testing.assert_allclose(line.customdata, [0, 0, 1, 1, 0, 0])


def test_of_a_taggers_probabilities_the_codon_positions_are_added_up():
    probabilities = np.zeros((6, 11))
    probabilities[np.arange(6), [1, 2, 3, 1, 2, 3]] = 1
    figure = plot.tracks(prediction=probabilities)
    lines = {trace.name: trace.customdata for trace in figure.data if trace.customdata is not None}
    assert list(lines) == ["intergenic", "coding+", "coding-", "intron+", "intron-", "tRNA+", "tRNA-"]
    assert np.all(lines["coding+"] == 1)
    with pytest.raises(ValueError, match="give it names"):
        plot.tracks(prediction=np.zeros((6, 3)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "a locus needs an end"),
        ({"prediction": {"a": np.zeros(3)}, "attribution": np.zeros(4)}, "lengths are"),
        ({"prediction": {"a": np.array([0, np.nan])}}, "one finite value a base"),
        ({"attribution": np.zeros((3, 9))}, r"\(4, length\), got the shape"),
        ({"annotation": features(), "end": 10}, "several chromosomes"),
        ({"annotation": features(), "end": 10, "chromosome": "chrX"}, "got chromosome='chrX'"),
        ({"annotation": features(), "chromosome": "chr1", "start": 10, "end": 10}, "at least one base"),
    ],
)
def test_tracks_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        plot.tracks(**given)
