"""FASTA: names, letters, any stretch of any chromosome, in memory or by an index."""

import gzip
import pickle
import warnings

import pytest

import genolab as gl
from genolab.sequences import fasta
from genolab.sequences.fasta import open_fasta

TEXT = ">one the first\nACGT\nacgt\n>two\nNNNN\nAC\n"


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.fa"
    path.write_text(TEXT)
    return path


@pytest.fixture
def indexed(monkeypatch, tmp_path):
    """Treat every file as too large for memory."""
    monkeypatch.setattr(fasta, "_IN_MEMORY", 0)
    monkeypatch.setenv("GENOLAB_CACHE", str(tmp_path / "cache"))
    fasta._open.cache_clear()


def text_of(opened, name, start, end):
    return opened.fetch(name, start, end).tobytes().decode()


def test_names_are_first_words_and_lines_are_joined(small):
    opened = open_fasta(small)
    assert opened.lengths == {"one": 8, "two": 6}
    assert opened.descriptions == {"one": "the first", "two": ""}
    assert text_of(opened, "one", 0, 8) == "ACGTacgt"


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT.rstrip("\n"),
        "; a comment\n\n" + TEXT,
        TEXT.replace("\n>two", "\n\n>two"),
        TEXT.replace("ACGT\nacgt", "A C G T\nacg\tt"),
        TEXT.replace(">two", "> two"),
    ],
)
def test_line_ends_comments_and_blanks_change_nothing(tmp_path, text):
    path = tmp_path / "odd.fa"
    path.write_bytes(text.encode())
    opened = open_fasta(path)
    assert text_of(opened, "one", 0, 8) == "ACGTacgt"
    assert opened.lengths == {"one": 8, "two": 6}


def test_every_stretch_is_the_same_by_the_index(tmp_path, indexed):
    path = tmp_path / "small.fa"
    path.write_text(TEXT)
    opened = open_fasta(path)
    assert type(opened) is fasta.IndexedFasta
    assert [path.name for path in tmp_path.iterdir()] == ["small.fa"]  # nothing is written beside it
    assert opened.lengths == {"one": 8, "two": 6}
    for start in range(9):
        for end in range(start, 9):
            assert text_of(opened, "one", start, end) == "ACGTacgt"[start:end]
    assert text_of(pickle.loads(pickle.dumps(opened)), "two", 3, 6) == "NAC"


def test_windows_line_ends_are_no_part_of_an_indexed_sequence(tmp_path, indexed):
    path = tmp_path / "dos.fa"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert text_of(open_fasta(path), "one", 2, 7) == "GTacg"


def test_gzip_and_bgzip_in_memory(tmp_path):
    path = tmp_path / "small.fa.gz"
    path.write_bytes(
        gzip.compress(TEXT[:20].encode()) + gzip.compress(TEXT[20:].encode())
    )  # members, as bgzip has them
    assert text_of(open_fasta(path), "two", 0, 6) == "NNNNAC"


def test_a_large_packed_file_is_unpacked_once(tmp_path, indexed):
    path = tmp_path / "small.fa.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    with pytest.warns(UserWarning, match="unpacked once into"):
        assert text_of(open_fasta(path), "two", 3, 6) == "NAC"
    fasta._open.cache_clear()
    assert open_fasta(path).lengths == {"one": 8, "two": 6}  # and no second warning, which would be an error


def test_a_file_that_changed_is_read_again(small):
    assert open_fasta(small).lengths["one"] == 8
    small.write_text(">one\nACGTACGTACGT\n")
    assert open_fasta(small).lengths == {"one": 12}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no sequence"),
        ("\n\n", "holds no sequence"),
        ("ACGT\n", "begins with b'ACGT', not with '>'"),
        (">\nAC\n", "sequence 1 has no name"),
        ("@read\nAC\n+\nII\n", "begins as FASTQ does"),
        ("LOCUS       NC_1\n", "begins as GenBank's format does"),
        ("##gff-version 3\n", "begins as GFF3 does"),
    ],
)
def test_what_is_no_fasta_is_refused_in_words(tmp_path, text, said):
    path = tmp_path / "wrong.fa"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        open_fasta(path)


@pytest.fixture(params=["memory", "disk"])
def either(request):
    """Read a file in both ways."""
    if request.param == "disk":
        request.getfixturevalue("indexed")


def test_a_name_ends_at_the_first_white_space(tmp_path, either):
    path = tmp_path / "a.fa"
    path.write_bytes(b">chr1\tlen=600\nAC\n> chr2  of two\nGT\n>chr3\x0bx\nA\n>chr4\r\nA\r\n")
    opened = open_fasta(path)
    assert opened.lengths == {"chr1": 2, "chr2": 2, "chr3": 1, "chr4": 1}
    assert list(opened.descriptions.values()) == ["len=600", "of two", "x", ""]


def test_a_name_that_occurs_again_is_made_unique_with_a_warning(tmp_path, either):
    path = tmp_path / "a.fa"
    path.write_text(">p one\nAC\n>p two\nGTT\n>q\nA\n>p\nC\n")
    with pytest.warns(UserWarning, match=r"made unique with -1, -2 \.\.\. at the end \(1: p\)"):
        opened = open_fasta(path)
    assert opened.lengths == {"p": 2, "p-1": 3, "q": 1, "p-2": 1}
    assert text_of(opened, "p-1", 0, 3) == "GTT"


def test_a_sequence_without_a_base_is_left_out_with_a_warning_that_names_it(tmp_path, either):
    path = tmp_path / "a.fa"
    path.write_text(">one\n>two\nAC\n>three\n\n>four\nGT\n>five")
    with pytest.warns(UserWarning, match="without a base are left out \\(3: one, three, five\\)"):
        opened = open_fasta(path)
    assert opened.lengths == {"two": 2, "four": 2}


def test_a_byte_order_mark_is_no_part_of_a_fasta(tmp_path, either):
    path = tmp_path / "a.fa"
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_bytes(TEXT.encode(encoding))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a large one is written anew
            opened = open_fasta(path)
        assert opened.lengths == {"one": 8, "two": 6}
        assert text_of(opened, "two", 3, 6) == "NAC"


def test_old_macintosh_line_ends_end_lines(tmp_path):
    path = tmp_path / "mac.fa"
    path.write_bytes(TEXT.replace("\n", "\r").encode())
    assert open_fasta(path).lengths == {"one": 8, "two": 6}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (">one\nACGT\nAC\nACGT\n", "lines of a sequence have one length"),
        (">one\nACGT\nACGTA\n", "lines of a sequence have one length"),
        (">one\nAC T\nACGT\nA\n", "lines of a sequence have one length"),
        (">one\nACGT\n\nACGT\n", "lines of a sequence have one length"),
        ("ACGT\n", "begins with b'ACGT'"),
        (">\nAC\n", "sequence 1 has no name"),
    ],
)
def test_what_cannot_be_indexed_is_refused_in_words(tmp_path, indexed, text, said):
    path = tmp_path / "wrong.fa"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        open_fasta(path)


def test_a_damaged_gzip_and_a_missing_file_are_refused(tmp_path):
    path = tmp_path / "cut.fa.gz"
    path.write_bytes(gzip.compress(TEXT.encode() * 99)[:60])
    with pytest.raises(ValueError, match="cut short or damaged"):
        open_fasta(path)
    with pytest.raises(FileNotFoundError, match="no FASTA file"):
        open_fasta(tmp_path / "none.fa")


# ---- gl.data.read -----------------------------------------------------------------------------------------------


def test_rows_are_sequences(tmp_path):
    path = tmp_path / "loci.fasta"
    path.write_text(">a first one\nACGN\n>b\nttuu\n")
    loci = gl.data.read(path)
    assert loci.obs_names.tolist() == ["a", "b"]
    assert loci.obs["description"].tolist() == ["first one", ""]
    assert gl.sequences.decode_one_hot(loci.obsm["sequence"]) == ["ACGN", "TTTT"]


@pytest.mark.parametrize("suffix", [".fa", ".fna", ".FASTA", ".fa.gz", ".fasta.bgz"])
def test_every_suffix_of_fasta_is_known(tmp_path, suffix):
    path = tmp_path / f"loci{suffix}"
    path.write_bytes(gzip.compress(b">a\nAC\n") if suffix.endswith("gz") else b">a\nAC\n")
    assert gl.data.read(path).obsm["sequence"].shape == (1, 4, 2)


def test_a_wrong_letter_is_named_by_sequence_and_position(tmp_path):
    path = tmp_path / "loci.fa"
    path.write_text(">a\nACGT\n>b\nAC*T\n")
    with pytest.raises(ValueError, match=r"got '\*' at position 2 of 'b'"):
        gl.data.read(path)
    with pytest.raises(ValueError, match=r"got '\*' at position 2 of 'b'"):
        gl.data.read(path, window=2)


def test_unequal_lengths_need_a_window(tmp_path):
    path = tmp_path / "loci.fa"
    path.write_text(">a\nACGTAC\n>b\nGGT\n")
    with pytest.raises(ValueError, match="2 lengths from 3 to 6: give window="):
        gl.data.read(path)
    centred = gl.data.read(path, window=4, anchor="center")
    assert gl.sequences.decode_one_hot(centred.obsm["sequence"]) == ["CGTA", "NGGT"]
    tiled = gl.data.read(path, window=3, step=2)
    assert gl.sequences.decode_one_hot(tiled.obsm["sequence"]) == ["ACG", "GTA", "TAC", "GGT"]
    with pytest.raises(ValueError, match="'b' has 3 bases and the windows 4"):
        gl.data.read(path, window=4)
    with pytest.raises(ValueError, match="give window"):
        gl.data.read(path, anchor="center")


def test_regions_are_cut_out_by_strand_with_their_columns(tmp_path):
    (tmp_path / "g.fa").write_text(">chr1\nAACCGGTTAC\n")
    (tmp_path / "r.bed").write_text("chr1\t0\t3\tx\t5\t+\nchr1\t2\t5\ty\t7\t-\nchr1\t7\t10\n")
    cut = gl.data.read(tmp_path / "g.fa", regions=tmp_path / "r.bed")
    assert gl.sequences.decode_one_hot(cut.obsm["sequence"]) == ["AAC", "CGG", "TAC"]
    assert cut.obs["name"].tolist() == ["x", "y", ""]
    assert cut.obs["strand"].tolist() == ["+", "-", "+"]
    wide = gl.data.read(tmp_path / "g.fa", regions=tmp_path / "r.bed", window=5)
    assert gl.sequences.decode_one_hot(wide.obsm["sequence"]) == ["NAACC", "CCGGT", "TTACN"]
    for anchor, wanted in (("start", ["AACCG", "CGGTT", "TACNN"]), ("end", ["NNAAC", "ACCGG", "GTTAC"])):
        cut = gl.data.read(tmp_path / "g.fa", regions=tmp_path / "r.bed", window=5, anchor=anchor)
        assert gl.sequences.decode_one_hot(cut.obsm["sequence"]) == wanted


def test_regions_of_unequal_length_need_a_window(tmp_path):
    (tmp_path / "g.fa").write_text(">chr1\nAACCGGTTAC\n")
    (tmp_path / "r.bed").write_text("chr1\t0\t3\nchr1\t2\t6\n")
    with pytest.raises(ValueError, match="2 from 3 to 4: give window="):
        gl.data.read(tmp_path / "g.fa", regions=tmp_path / "r.bed")


def test_keywords_are_refused_where_they_mean_nothing(tmp_path):
    (tmp_path / "g.fa").write_text(">chr1\nAACC\n")
    (tmp_path / "r.bed").write_text("chr1\t0\t3\n")
    with pytest.raises(ValueError, match=r"window, step is not for r\.bed: its format takes fasta"):
        gl.data.read(tmp_path / "r.bed", window=3, step=3)
    with pytest.raises(ValueError, match=r"fasta is not for g\.fa"):
        gl.data.read(tmp_path / "g.fa", fasta=tmp_path / "g.fa")
    with pytest.raises(ValueError, match=r"backed is not for g\.fa"):
        gl.data.read(tmp_path / "g.fa", backed=True)
