"""Letters to one-hot and back, the other strand, and words of k bases."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import genolab as gl
from genolab.sequences.encode import AMBIGUOUS

DNA = st.text("ACGTN", min_size=1, max_size=300)
IUPAC = st.text("ACGTRYSWKMBDHVNacgtryswkmbdhvn", max_size=80)


def test_one_hot_is_a_c_g_t_and_n_is_all_zero():
    hot = gl.sequences.one_hot("ACGTN")
    assert hot.dtype == np.uint8
    assert hot.tolist() == [[[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0]]]


def test_u_reads_as_t_case_does_not_matter_and_ambiguous_codes_are_zero():
    assert np.array_equal(gl.sequences.one_hot("acgtuACGU"), gl.sequences.one_hot("ACGTTACGT"))
    assert gl.sequences.one_hot(AMBIGUOUS + AMBIGUOUS.lower()).sum() == 0


def test_every_byte_but_the_iupac_letters_is_refused():
    allowed = set("ACGTU" + AMBIGUOUS)
    for code in range(256):
        letter = chr(code)
        if letter.upper() in allowed and letter.isascii():
            gl.sequences.one_hot(letter)
        else:
            with pytest.raises(ValueError, match="DNA is written in ACGT"):
                gl.sequences.one_hot(letter)


@given(st.lists(DNA, min_size=1, max_size=5))
def test_letters_undo_one_hot(rows):
    width = max(map(len, rows))
    assert gl.sequences.decode_one_hot(gl.sequences.one_hot(rows, length=width)) == [
        row.ljust(width, "N") for row in rows
    ]


def test_letters_take_a_single_one_a_tensor_and_floats():
    hot = gl.sequences.one_hot("GATTACA")
    assert (
        gl.sequences.decode_one_hot(hot[0]) == gl.sequences.decode_one_hot(torch.from_numpy(hot).float()) == ["GATTACA"]
    )


def test_long_and_many_sequences_are_encoded_like_short_ones():
    rng = np.random.default_rng(0)
    long = "".join(rng.choice(list("ACGTNacgt"), 700_001))
    hot = gl.sequences.one_hot(long)
    for channel, base in enumerate("ACGT"):
        assert np.array_equal(hot[0, channel], [letter.upper() == base for letter in long])
    many = [long[i * 40 : i * 40 + 40] for i in range(17_500)]
    assert np.array_equal(gl.sequences.one_hot(many), hot[0, :, :700_000].reshape(4, 17_500, 40).transpose(1, 0, 2))


@pytest.mark.parametrize(
    ("anchor", "short", "long"), [("start", "ACNN", "ACGT"), ("center", "NACN", "CGTA"), ("end", "NNAC", "GTAC")]
)
def test_a_length_cuts_and_fills_up_around_the_anchor(anchor, short, long):
    assert gl.sequences.decode_one_hot(gl.sequences.one_hot(["AC", "ACGTAC"], length=4, anchor=anchor)) == [short, long]


@given(st.integers(0, 30), st.integers(1, 30), st.sampled_from(["start", "center", "end"]))
def test_a_fitted_sequence_has_its_length_and_no_new_bases(size, length, anchor):
    text = gl.sequences.decode_one_hot(gl.sequences.one_hot(["A" * size], length=length, anchor=anchor))[0]
    assert len(text) == length
    assert text.count("A") == min(size, length)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ACGX", "got 'X' at position 3 of sequence 0"),
        (["ACGT", "AC-T"], "got '-' at position 2 of sequence 1"),
        (["ACGT", "AC"], r"one length, got 2 lengths from 2 to 4: give length="),
        ([], "at least one"),
        ("", "got an empty one"),
        ([1, 2], "comes as a text"),
        ("AÀ", "got '.' at position 1"),
    ],
)
def test_what_is_no_dna_is_refused_with_its_place(given, said):
    with pytest.raises(ValueError, match=said):
        gl.sequences.one_hot(given)


def test_the_place_of_a_wrong_letter_is_right_in_a_late_block():
    with pytest.raises(ValueError, match="'!' at position 700,001 of sequence 0"):
        gl.sequences.one_hot("A" * 700_001 + "!" + "A" * 9)
    with pytest.raises(ValueError, match="'!' at position 5 of sequence 40,000"):
        gl.sequences.one_hot(["A" * 20] * 40_000 + ["AAAAA!" + "A" * 14])


@pytest.mark.parametrize(("length", "anchor", "said"), [(0, "start", "at least 1"), (4, "middle", "one of start")])
def test_a_wrong_length_or_anchor_is_refused(length, anchor, said):
    with pytest.raises(ValueError, match=said):
        gl.sequences.one_hot("ACGT", length=length, anchor=anchor)


# ---- the other strand -------------------------------------------------------------------------------------------


def test_the_reverse_complement_of_every_code():
    assert gl.sequences.reverse_complement("AACGTN") == "NACGTT"
    assert gl.sequences.reverse_complement("acgRYSWKMBDHVu") == "aBDHVKMWSRYcgt"
    assert gl.sequences.reverse_complement(["AC", "G"]) == ["GT", "C"]
    assert gl.sequences.reverse_complement("") == ""
    with pytest.raises(ValueError, match="got '-' at position 1"):
        gl.sequences.reverse_complement("A-")


@given(IUPAC)
def test_twice_the_reverse_complement_is_the_sequence(text):
    assert gl.sequences.reverse_complement(gl.sequences.reverse_complement(text)) == text


@given(DNA)
def test_strings_arrays_and_tensors_have_one_reverse_complement(text):
    hot = gl.sequences.one_hot(text)
    wanted = gl.sequences.one_hot(gl.sequences.reverse_complement(text))
    assert np.array_equal(gl.sequences.reverse_complement(hot), wanted)
    assert np.array_equal(gl.sequences.reverse_complement(hot[0]), wanted[0])
    assert np.array_equal(gl.sequences.reverse_complement(torch.from_numpy(hot)).numpy(), wanted)


def test_an_array_without_four_channels_has_no_reverse_complement():
    with pytest.raises(ValueError, match="last axis but one"):
        gl.sequences.reverse_complement(np.zeros((3, 5)))


# ---- words ------------------------------------------------------------------------------------------------------


def test_words_are_counted_in_alphabetical_columns():
    counts = gl.sequences.kmers(["AACA", "TTNT"], 2)
    assert counts.shape == (2, 16)
    words = [a + b for a in "ACGT" for b in "ACGT"]
    assert {w: int(c) for w, c in zip(words, counts[0], strict=True) if c} == {"AA": 1, "AC": 1, "CA": 1}
    assert {w: int(c) for w, c in zip(words, counts[1], strict=True) if c} == {"TT": 1}


@given(st.lists(DNA, min_size=1, max_size=4), st.integers(1, 5))
def test_word_counts_agree_with_counting_by_hand(rows, k):
    import itertools

    words = ["".join(w) for w in itertools.product("ACGT", repeat=k)]
    counts = gl.sequences.kmers(rows, k)
    for row, got in zip(rows, counts, strict=True):
        seen = [row[i : i + k] for i in range(len(row) - k + 1)]
        assert got.tolist() == [seen.count(word) for word in words]


def test_words_of_one_hot_and_of_strings_are_the_same():
    rows = ["ACGTTGCA", "NNACGTAA"]
    assert np.array_equal(gl.sequences.kmers(rows, 3), gl.sequences.kmers(gl.sequences.one_hot(rows), 3))


@pytest.mark.parametrize(("k", "said"), [(0, "at least 1"), (11, "at most 10")])
def test_a_word_of_no_or_too_many_bases_is_refused(k, said):
    with pytest.raises(ValueError, match=said):
        gl.sequences.kmers("ACGT", k)


def test_wrong_one_hot_is_refused():
    with pytest.raises(ValueError, match=r"\(n, 4, length\)"):
        gl.sequences.decode_one_hot(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="a single 1"):
        gl.sequences.decode_one_hot(np.ones((4, 3)))
    with pytest.raises(ValueError, match="a single 1"):
        gl.sequences.decode_one_hot(np.full((4, 1), 0.5))
