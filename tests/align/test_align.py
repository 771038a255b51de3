"""Alignments: scores are parasail's, paths are worth their scores, and all back ends find the same ones."""

import importlib.util
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from benchmarks.alignment_truth import AMINO_ACIDS, SCORINGS, parasail_scores, random_pairs, rescored

from genolab.align import Alignments, Scoring, align, cigar_runs, cpu
from genolab.align.sequences import MODES

BLOSUM = Scoring(matrix="blosum62", gap_open=11, gap_extend=1)


def pairs_for(scoring: Scoring, n: int = 60, longest: int = 150) -> tuple[list[str], list[str]]:
    return random_pairs(n, longest, AMINO_ACIDS if scoring.alphabet == "protein" else "ACGT", seed=1)


def assert_equal(one: Alignments, other: Alignments) -> None:
    for name in ("score", "query_start", "query_end", "target_start", "target_end", "identity"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.cigar == other.cigar


@pytest.mark.parametrize(
    ("query", "target", "mode", "score", "cigar", "places"),
    [
        ("ACGTTACG", "ACGTACG", "global", 2 * 7 - 5, "3=1I4=", (0, 8, 0, 7)),
        ("ACGACG", "ACGTTTACG", "global", 2 * 6 - 5 - 2 * 2, "3=3D3=", (0, 6, 0, 9)),
        ("ACGTACGT", "ACGAACGT", "global", 2 * 7 - 3, "3=1X4=", (0, 8, 0, 8)),
        ("TTACGTACGTTT", "GGGACGTACGGG", "local", 2 * 7, "7=", (2, 9, 3, 10)),
        ("AAAA", "CCCC", "local", 0, "", (0, 0, 0, 0)),
        ("TTTTACGTACG", "ACGTACGCC", "semiglobal", 2 * 7, "7=", (4, 11, 0, 7)),
        ("CGT", "AACGTAA", "semiglobal", 2 * 3, "3=", (0, 3, 2, 5)),
        ("A", "C", "semiglobal", -3, "1X", (0, 1, 0, 1)),
    ],
)
def test_alignments_known_on_paper(
    query: str, target: str, mode: str, score: int, cigar: str, places: tuple[int, ...]
) -> None:
    found = align(query, target, mode=mode)[0]
    assert (found.score, found.cigar) == (score, cigar)
    assert (found.query_start, found.query_end, found.target_start, found.target_end) == places


@pytest.mark.parametrize("scoring", SCORINGS, ids=lambda one: one.matrix or f"{one.match}{one.mismatch}")
@pytest.mark.parametrize("mode", MODES)
def test_scores_are_parasails_and_every_path_is_worth_its_score(mode: str, scoring: Scoring) -> None:
    queries, targets = pairs_for(scoring)
    found = align(queries, targets, mode=mode, scoring=scoring)
    np.testing.assert_array_equal(found.score, parasail_scores(queries, targets, mode, scoring))
    assert [rescored(one, scoring) for one in found] == found.score.tolist()
    alone = align(queries, targets, mode=mode, scoring=scoring, traceback=False)
    np.testing.assert_array_equal(alone.score, found.score)


@pytest.mark.parametrize("mode", MODES)
def test_scores_too_large_for_16_bits_are_widened(mode: str) -> None:
    queries, targets = random_pairs(20, 150, "ACGT", seed=2)
    scoring = Scoring(match=2000, mismatch=-3000, gap_open=5000, gap_extend=2000)
    found = align(queries, targets, mode=mode, scoring=scoring)
    np.testing.assert_array_equal(found.score, 1000 * align(queries, targets, mode=mode).score)
    assert found.score.max() > np.iinfo(np.int16).max


def test_the_width_is_chosen_where_16_bits_just_hold_and_where_they_dont(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "FEW", 0)
    monkeypatch.setattr(cpu, "LANES_GAIN", 1000)
    for match in (163, 164, 165):  # 32,767 lies between the scores of the second and the third
        found = align("ACGTT" * 40, "ACGTT" * 40, scoring=Scoring(match=match), traceback=False)
        assert found.score[0] == 200 * match


@pytest.mark.parametrize("mode", MODES)
def test_paths_are_the_same_when_memory_is_short(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queries, targets = pairs_for(Scoring(), longest=250)
    whole = align(queries, targets, mode=mode)
    monkeypatch.setattr(cpu, "MEMORY", 10_000)
    assert_equal(align(queries, targets, mode=mode), whole)  # pair by pair
    monkeypatch.setattr(cpu, "MEMORY", 500_000)
    assert_equal(align(queries, targets, mode=mode), whole)  # by blocks of rows


@pytest.mark.parametrize("mode", MODES)
def test_pairs_are_aligned_alike_one_by_one_and_in_lanes(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for scoring in (Scoring(), BLOSUM):
        queries, targets = pairs_for(scoring, 20, longest=700)  # up to three strips of rows
        for traceback in (True, False):
            found = []
            for few, gain in ((0, 1000), (100, 1)):
                monkeypatch.setattr(cpu, "FEW", few)
                monkeypatch.setattr(cpu, "LANES_GAIN", gain)
                found.append(align(queries, targets, mode=mode, scoring=scoring, traceback=traceback))
            assert_equal(*found)


def test_a_long_pair_among_short_ones_is_aligned_alone() -> None:
    queries, targets = random_pairs(40, 30, "ACGT", seed=3)
    long = "ACGTTGCA" * 500
    found = align([*queries, long], [*targets, long[:-5]])
    assert found.score[-1] == 2 * (len(long) - 5) - (5 + 4 * 2)
    np.testing.assert_array_equal(found.score[:-1], align(queries, targets).score)


@pytest.mark.parametrize("mode", MODES)
def test_torch_finds_the_same_alignments(mode: str) -> None:
    for scoring, longest in ((Scoring(), 40), (BLOSUM, 25)):
        queries, targets = pairs_for(scoring, 30, longest)
        for traceback in (True, False):
            kind = {"mode": mode, "scoring": scoring, "traceback": traceback}
            assert_equal(align(queries, targets, backend="torch", **kind), align(queries, targets, **kind))


def test_torch_leaves_pairs_too_large_for_its_memory_to_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, targets = pairs_for(Scoring(), 12, 40)
    monkeypatch.setattr("genolab.align.torch_backend.MEMORY", 400)
    assert_equal(align(queries, targets, backend="torch"), align(queries, targets))


def test_triton_finds_the_same_alignments() -> None:
    """Triton's own interpreter runs the kernel on the processor: slowly, hence few letters and few rows in the air."""
    pytest.importorskip("triton", reason="torch brings triton only where there may be an NVIDIA GPU")
    script = """
        from genolab.align import Scoring, align, triton_backend
        triton_backend.LANES = 4
        blosum = Scoring(matrix="blosum62", gap_open=11, gap_extend=1)
        for mode in ("global", "local", "semiglobal"):
            for query, target, scoring in (("ACGTTACG", "CGTACTTG", Scoring()), ("HEAGAWG", "PAWHEA", blosum)):
                there, here = (align(query, target, mode=mode, scoring=scoring, backend=name).table()
                               for name in ("triton", "numba"))
                assert there.equals(here), (there, here)
    """
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, env=environment, timeout=120)


def test_triton_is_refused_where_it_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    if torch.cuda.is_available() and importlib.util.find_spec("triton"):
        pytest.skip("it can run here")
    with pytest.raises(ValueError, match=r"the triton back end needs .*; take numba or torch here"):
        align("ACGT", "ACGT", backend="triton")


def test_one_text_is_aligned_with_all_of_the_other_side() -> None:
    many = ["ACGT", "ACG", "", "TTTT"]
    assert_equal(align("ACGT", many), align(["ACGT"] * 4, many))
    assert_equal(align(many, "ACGT"), align(many, ["ACGT"] * 4))
    assert len(align("ACGT", [])) == len(align([], [])) == 0


def test_empty_sequences_make_a_gap_or_nothing() -> None:
    found = align(["", "ACG", ""], ["ACGT", "", ""])
    assert found.score.tolist() == [-(5 + 3 * 2), -(5 + 2 * 2), 0]
    assert found.cigar == ["4D", "3I", ""]
    assert found.identity.tolist()[:2] == [0.0, 0.0]
    assert np.isnan(found.identity[2])
    for mode in ("local", "semiglobal"):
        nothing = align(["", "ACG"], ["ACGT", ""], mode=mode)
        assert nothing.score.tolist() == [0, 0]
        assert nothing.cigar == ["", ""]


def test_unknown_letters_match_nothing_and_case_and_u_do_not_matter() -> None:
    assert align("NNNN", "NNNN")[0].cigar == "4X"
    assert align("ACRT", "ACRT").identity[0] == 0.75
    assert align("acgu", "ACGT")[0].cigar == "4="
    assert align("N" * 500, "N" * 400, mode="local").score[0] == 0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_only_equal_and_known_letters_of_a_matrix_are_equal(mode: str, backend: str) -> None:
    nuc44 = Scoring(matrix="nuc44", gap_open=10, gap_extend=1)
    for letters, scoring, known in (
        ("ARNDCQEGHILKMFPSTWYVBZX*UOJ", BLOSUM, "ARNDCQEGHILKMFPSTWYV*UO"),
        ("ACGTNRYSWKMBDHV", nuc44, "ACGT"),
    ):
        framed = [f"{'W' if scoring is BLOSUM else 'ACGTACGT'}{letter}" * 9 for letter in letters]
        found = align(framed, framed, mode=mode, scoring=scoring, backend=backend)
        assert [letter for letter, cigar in zip(letters, found.cigar, strict=True) if "X" not in cigar] == [*known]
        alone = [align(one, one, mode=mode, scoring=scoring).cigar[0] for one in framed]
        assert found.cigar == alone
    unknown = align("MKUW", "MKXW", scoring=BLOSUM)
    assert (unknown.cigar, unknown.score.tolist()) == (["2=1X1="], [5 + 5 - 1 + 11])  # scored as any amino acid


def test_scores_alone_say_that_nothing_else_is_known() -> None:
    found = align(["ACGT", ""], ["ACGT", "A"], traceback=False)
    assert found.score.tolist() == [8, -5]
    assert found.query_start.tolist() == found.target_end.tolist() == [-1, -1]
    assert found.cigar == ["", ""]
    assert np.isnan(found.identity).all()


def test_a_pair_reads_as_text() -> None:
    found = align("ACGTTACGA", "ACGTACCA")
    assert found[0].pretty(width=6).splitlines() == [
        "score 6, identity 77.8%",
        "",
        "query  1 ACGTTA 6",
        "         ||| ||",
        "target 1 ACG-TA 5",
        "",
        "query  7 CGA 9",
        "         |.|",
        "target 6 CCA 8",
    ]
    assert list(found.table().columns[:2]) == ["score", "query_start"]
    assert cigar_runs(found.cigar[0]) == [(3, "="), (1, "I"), (3, "="), (1, "X"), (1, "=")]


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        (
            "'E' at position 1 of query 1 is none; take gaps and line ends out first; for proteins",
            {"queries": ["ACGT", "MEK"]},
        ),
        ("aligned pair by pair, but there are 2 and 1", {"queries": ["A", "C"]}),
        ("mode must be one of global, local, semiglobal, got 'glocal'", {"mode": "glocal"}),
        ("backend must be one of auto, numba, torch, triton, got 'cuda'", {"backend": "cuda"}),
        ("device is one that torch knows, .* got 'gpu0'", {"backend": "torch", "device": "gpu0"}),
        ("take device='cpu'", {"backend": "torch", "device": "cuda:99"}),
        ("numba computes on the processor", {"backend": "numba", "device": "cuda"}),
        ("'-' at position 1 of query 0 is no amino acid", {"queries": ["M-K"], "scoring": BLOSUM}),
    ],
)
def test_what_cannot_be_aligned_is_refused(message: str, arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=message):
        align(**({"queries": ["ACGT"], "targets": ["ACGT"]} | arguments))


@pytest.mark.parametrize(
    ("message", "settings"),
    [
        ("0 <= gap_extend <= gap_open, got 2 and 1", {"gap_open": 1}),
        ("gap_extend and|got -2 and -5", {"gap_open": -5, "gap_extend": -2}),
        ("match must be above 0 and mismatch at most 0", {"match": 0}),
        ("match must be a whole number", {"match": 1.5}),
        ("match must be a whole number .* got True", {"match": True}),
        ("blosum62 came with 5 and -3: leave out", {"matrix": "blosum62", "match": 5}),
        ("matrix must be one of blosum45, ", {"matrix": "blosum63"}),
        ("proteins are scored by a matrix", {"alphabet": "protein"}),
        ("nuc44 is a matrix for dna, but the alphabet wanted is protein", {"matrix": "nuc44", "alphabet": "protein"}),
    ],
)
def test_scorings_that_break_a_rule_are_refused(message: str, settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=message):
        Scoring(**settings)


def test_scores_that_32_bits_cannot_hold_are_refused() -> None:
    text = "A" * 300_000
    with pytest.raises(ValueError, match="more than 32 bits hold"):
        align(text, text, scoring=Scoring(match=8000), traceback=False)


def test_a_scoring_is_wanted_and_texts_may_come_one_by_one() -> None:
    with pytest.raises(TypeError, match=r"scoring is a gl.align.Scoring, such as .* got 'blosum62'"):
        align("MK", "MK", scoring="blosum62")
    found = align((text for text in ("ACG", "ACT")), iter(["ACG", "ACG"]))
    assert (found.cigar, found.queries) == (["3=", "2=1X"], ["ACG", "ACT"])


def test_texts_are_wanted() -> None:
    with pytest.raises(TypeError, match="among the query sequences is a int"):
        align([3], ["ACGT"])


@pytest.mark.parametrize("given", [None, b"ACGT", 5, ["ACGT", None], [b"ACGT"]])
def test_what_is_no_text_is_refused_with_its_kind(given: object) -> None:
    with pytest.raises(TypeError, match=r"sequences come as .*(NoneType|bytes|int); decode bytes first"):
        align(given, "ACGT")
