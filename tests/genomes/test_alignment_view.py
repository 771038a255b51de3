import numpy as np
import pytest
from toy_browser import query, send, synced
from toy_comparisons import compared, genome, planted

from genolab.genomes import AlignmentView, plot
from genolab.genomes.alignment_view.columns import AlignmentColumns
from genolab.genomes.alignment_view.genes import Genes
from genolab.genomes.alignment_view.widget import Place
from genolab.sequences.encode import reverse_complement


@pytest.fixture
def pair():
    return planted()


def columns(pair, row=0):
    return AlignmentColumns(pair.alignments[row])


def text(page):
    return page.a.tobytes().decode(), page.b.tobytes().decode()


# ---- columns ----


def test_columns_spell_out_both_genomes_with_gaps_and_places(pair):
    a = pair.a.sequences["a"].tobytes().decode()
    page = columns(pair).page(98, 106)
    assert text(page) == (a[98:106], a[98:101] + "GATC" + a[105])
    assert page.a_at.tolist() == list(range(98, 106))
    assert page.b_at.tolist() == list(range(695, 703))
    assert text(columns(pair).page(198, 208))[1][2:8] == "------"
    gap = columns(pair).page(304, 311)
    assert (gap.a.tobytes(), gap.a_at.tolist()) == (
        a[304:306].encode() + b"---" + a[306:308].encode(),
        [304, 305, 305, 305, 305, 306, 307],
    )


def test_any_part_is_what_the_whole_has_there(pair):
    for row in range(3):
        whole = columns(pair, row).page(0, 10_000)
        for first, stop in ((0, 1), (200, 206), (203, 310), (305, 307), (390, 5000)):
            part = columns(pair, row).page(first, stop)
            for one, other in zip(part, whole, strict=True):
                np.testing.assert_array_equal(one, other[first:stop])


def test_an_inverted_block_over_an_origin_is_read_on_the_other_strand(pair):
    one = columns(pair, 1)
    page = one.page(0, one.n)
    assert text(page)[0] == text(page)[1]
    assert page.b_at[0] == 196  # 994 + 400 - 1, round the circle of 1,197
    assert page.b_at[196] == 0
    assert page.b_at[197] == 1196
    assert one.of_b(np.array([196, 1196, 500])).tolist() == [0, 197, -1]


def test_columns_of_places_are_those_that_show_them(pair):
    one = columns(pair)
    page = one.page(0, one.n)
    there = page.a != ord("-")
    np.testing.assert_array_equal(one.of_a(page.a_at[there]), np.flatnonzero(there))
    there = page.b != ord("-")
    np.testing.assert_array_equal(one.of_b(page.b_at[there]), np.flatnonzero(there))
    assert one.of_a(np.array([400, 1199])).tolist() == [-1, -1]


def test_changes_are_walked_one_by_one(pair):
    one = columns(pair)
    found, at = [], -1
    while (at := one.change(at, 1)) is not None:
        found.append(at)
    assert found == [101, 104, 200, 306]
    assert one.change(306, -1) == 200
    assert one.change(101, -1) is None
    assert one.change(102, -1) == 101


def test_the_profile_is_the_share_of_identical_columns(pair):
    one = columns(pair)
    assert one.n == 403
    np.testing.assert_allclose(one.profile(1), [392 / 403], rtol=1e-6)
    assert one.profile(10_000).tolist() == (one.page(0, 403).a == one.page(0, 403).b).astype(float).tolist()


# ---- genes and codons ----


def test_codons_tell_silent_changes_other_amino_acids_and_breaks(pair):
    track = Genes(pair).along(columns(pair), 90, 333)
    assert [gene[0] for gene in track["genes"]] == ["cox", "nad"]
    mine = {one[0][0]: one for one in track["codons"] if one[1] == 0}
    assert mine[99] == [[99, 100, 101], 0, "L", "L", "silent"]
    assert mine[102] == [[102, 103, 104], 0, "M", "I", "other"]
    broken = [start for start, one in mine.items() if one[4] == "broken"]
    assert broken == [198, 201, 204]  # three bases more between two codons break none
    assert mine[309][4] == "same"
    assert len(mine) == 80


def test_codons_of_the_other_strand_are_read_backwards(pair):
    track = Genes(pair).along(columns(pair), 280, 345)
    mine = {one[0][0]: one for one in track["codons"] if one[1] == 1}
    a = pair.a.sequences["a"].tobytes().decode()
    assert reverse_complement(a[337:340]) == reverse_complement(text(columns(pair).page(340, 343))[0])
    assert set(mine) == set(range(280, 302, 3)) | {304} | set(range(310, 341, 3))
    assert mine[304][0] == [304, 305, 309]
    assert mine[304][4] == "broken"


def test_the_genetic_code_is_that_of_the_genome():
    pair = planted()
    object.__setattr__(pair.a, "genetic_code", 2)
    a = "TGA" * 400
    found = genome("mt", {"a": a}, genetic_code=2, features=pair.a.features)
    same = compared(found, genome("mt2", {"b": a}), [("a", 0, "b", 0, "+", "1200=")])
    track = Genes(same).along(columns(same), 90, 120)
    assert {one[2] for one in track["codons"]} == {"W"}


def test_an_unknown_base_is_no_change_of_a_codon(pair):
    a = "GCT" * 400
    b = a[:100] + "N" + a[101:107] + "N" + a[108:]
    one = genome("one", {"a": a}, features=pair.a.features)
    found = compared(one, genome("two", {"b": b}), [("a", 0, "b", 0, "+", "100=1X6=1X1092=")])
    codons = Genes(found).along(columns(found), 90, 120)["codons"]
    assert {codon[0][0]: codon[4] for codon in codons if codon[4] != "same"} == {99: "unknown", 105: "unknown"}


# ---- the view ----


def test_a_view_has_its_place_text_and_changes(pair):
    view = AlignmentView(pair)
    view.go_to(104)
    assert (view.row, view.column) == (0, 104)
    assert view.place == Place("a", 104, "b", 701, "+")
    assert str(view) == "AlignmentView: block 1 of 3, a 104 aligned to b 701 (+)"
    assert view.changes(100)[["position", "ref", "alt"]].to_numpy().tolist()[0] == [104, "G", "C"]
    assert view.text(5).splitlines()[0].split() == ["104", text(columns(pair).page(104, 109))[0]]


def test_genes_synonyms_positions_and_places_are_gone_to_and_suggested(pair):
    pair.a.features["Alias"] = ["CO1,COX1", "", "MTND", ""]
    view = AlignmentView(pair)
    assert [query(view, "find", text=text)["names"] for text in ("Co", "mt", " 5,000 ", "x9")] == [
        [("cox", "gene")],
        [("nad", "gene")],
        [("5,000", "position")],
        [],
    ]
    assert query(view, "find", text="cox2")["near"] == [("cox", "gene")]
    for asked, place in (("COX", 90), ("nad", 339), ("cox1", 90), ("a: 1,100", 1100), (450, 450)):
        view.go_to(asked)
        assert view.place.a_position == place
    assert view.row == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("cytb", "neither genome has a gene 'cytb'"),
        ("co", "there are cox"),
        ("5000", "positions 0 to 1,199"),
        (-5, "positions 0 to 1,199, got -5"),
        ("chr9:4", "no chromosome 'chr9'; it has a"),
    ],
)
def test_what_is_nowhere_is_refused(pair, asked, message):
    with pytest.raises(ValueError, match=message):
        AlignmentView(pair).go_to(asked)


def test_what_is_no_comparison_and_no_width_is_refused(pair):
    for draw in (AlignmentView, plot.dotplot, plot.synteny, plot.variants):
        with pytest.raises(TypeError, match=r"what gl.genomes.compare\(a, b\) returns, got None"):
            draw(None)
    view = AlignmentView(pair)
    with pytest.raises(ValueError, match="width is a whole number"):
        view.text(100, width=0)
    with pytest.raises(ValueError, match="columns is a whole number"):
        view.changes(-1)


def test_a_place_without_homology_is_refused():
    letters = "ACGT" * 50
    pair = compared(genome("one", {"a": letters}), genome("two", {"b": letters}), [("a", 0, "b", 0, "+", "50=")])
    with pytest.raises(ValueError, match="a 60 of one lies in no block"):
        AlignmentView(pair).go_to(60)


def test_another_block_or_column_may_be_set_and_impossible_ones_not(pair):
    view = AlignmentView(pair, row=2)
    assert synced(view, "_block")["a"] == ["a", 800, 1200]
    view.column = 399
    view.row = 1
    assert synced(view, "_block")["strand"] == "-"
    assert view.column == 399
    with pytest.raises(ValueError, match="rows 0 to 2"):
        view.row = 3
    with pytest.raises(ValueError, match="columns of this block are 0 to 399, got 400"):
        view.column = 400


def test_the_browser_gets_the_page_that_it_asks_for_and_no_more(pair):
    view = AlignmentView(pair)
    page = query(view, "page", row=0, first=-50, stop=60)
    assert (page["first"], len(page["a"]), page["aAt"][-1]) == (0, 60, 59)
    assert query(view, "page", row=2, first=390, stop=900)["a"] == text(columns(pair, 2).page(390, 400))[0]
    assert query(view, "change", row=0, column=110, way=1) == (0, 200)
    assert "no change after" in query(view, "change", row=0, column=350, way=1)
    assert query(view, "place", text="a:500") == (1, 100)
    assert query(view, "at", row=1, x=500.2) == (1, 100)
    assert query(view, "at", row=1, x=3.0) in {(1, 0), (1, 399)}
    assert "can't 'dance'" in query(view, "dance")


def test_a_move_in_the_browser_is_heard(pair):
    view = AlignmentView(pair)
    send(view, "go", row=2, column=17)
    assert (view.row, view.column) == (2, 17)


def test_a_long_block_is_never_spelled_out_as_a_whole(monkeypatch):
    letters = "".join(np.random.default_rng(0).choice(list("ACGT"), 100_000))
    pair = compared(genome("one", {"a": letters}), genome("two", {"b": letters}), [("a", 0, "b", 0, "+", "100000=")])
    longest = []
    page = AlignmentColumns.page
    monkeypatch.setattr(
        AlignmentColumns, "page", lambda self, first, stop: longest.append(stop - first) or page(self, first, stop)
    )
    view = AlignmentView(pair)
    view.column = 50_000
    view.png()
    assert len(query(view, "page", row=0, first=0, stop=100_000)["a"]) == 20_000
    assert max(longest) == 20_000
    assert len(synced(view, "_dots")) == 16


def test_the_still_picture_and_the_line_of_text_go_where_no_widget_can(pair):
    view = AlignmentView(pair)
    data, _ = view._repr_mimebundle_()
    assert data["text/plain"] == "AlignmentView: block 1 of 3, a 0 aligned to b 597 (+)"
    assert len(data["image/png"]) > 5000


def test_nothing_in_common_is_shown_as_such():
    pair = compared(genome("one", {"a": "ACGT" * 9}), genome("two", {"b": "TTTT" * 9}), [])
    view = AlignmentView(pair)
    assert (view.row, view.place, str(view), view.text(), len(view.changes())) == (
        -1,
        None,
        "AlignmentView: no block",
        "",
        0,
    )
    assert view._repr_mimebundle_()[0]["image/png"]
    with pytest.raises(ValueError, match="lies in no block"):
        view.go_to(3)
