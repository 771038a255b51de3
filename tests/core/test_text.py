"""Text files as people have them: byte order marks, other encodings, packing, line ends, and what is no text at all."""

import gzip
import warnings

import pytest

import genolab as gl
from genolab.data.text import open_text, read_utf8, unpacked_name

TEXT = "gene\tnote\nA\tprotéine\nB\t5\u2019 β\n"


def read(path):
    with open_text(path) as opened:
        return opened.read()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_mark_says_the_encoding_and_is_no_part_of_the_text(tmp_path, encoding, pack):
    path = tmp_path / "a.tsv"
    path.write_bytes(pack(TEXT.encode(encoding)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(path) == TEXT
        assert read_utf8(path) == TEXT.encode()


def test_a_character_may_lie_across_the_parts_that_are_read(tmp_path):
    path = tmp_path / "a.txt"
    for text in ("a" + "é" * 70_000, "ab" + "βß" * 70_000):
        for encoding in ("utf-8", "utf-16"):
            path.write_bytes(text.encode(encoding))
            assert read(path) == text


def test_what_is_not_utf8_is_read_as_latin1_with_a_warning_that_shows_a_word(tmp_path):
    path = tmp_path / "a.gff3"
    path.write_bytes("ID=x;Note=protéine 5\u2019 µ\n".encode("cp1252"))
    with pytest.warns(UserWarning, match=r"a\.gff3 isn't UTF-8: .* such as 'Note=protéine'") as caught:
        assert read(path) == "ID=x;Note=protéine 5\u2019 µ\n"
    assert len(caught) == 1


def test_line_ends_of_all_systems_end_lines(tmp_path):
    path = tmp_path / "a.txt"
    for end in ("\n", "\r\n", "\r"):
        path.write_bytes(f"a{end}b{end}".encode())
        with open_text(path) as opened:
            assert [line.rstrip("\r\n") for line in opened] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04rest", "an Excel workbook or a zip archive"),
        (b"\xd0\xcf\x11\xe0rest", "an Excel workbook"),
        (b"BZh91AY&SYrest", "packed with bzip2"),
        (gzip.compress(b"a", mtime=0), "packed with gzip twice"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
        ("a\tb\n".encode("utf-16-le"), "UTF-16 without a byte order mark; save it as UTF-8"),
    ],
)
def test_what_is_no_text_is_named_and_not_called_cut_short(tmp_path, content, said):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match=said) as caught:
        read(path)
    assert "cut short" not in str(caught.value)


def test_what_is_cut_short_is_called_so(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(gzip.compress(TEXT.encode() * 99)[:60])
    with pytest.raises(ValueError, match=r"can't be unpacked .* cut short or damaged"):
        read(path)
    path.write_bytes("ab".encode("utf-16")[:-1])
    with pytest.raises(ValueError, match=r"utf-16.*which its byte order mark says.*cut short or damaged"):
        read(path)


def test_the_suffix_of_packing_is_no_part_of_a_name(tmp_path):
    names = ["g.gff3", "g.gff3.gz", "g.gff3.bgz", "g.gff3.GZ", "g.gff3.bgzf"]
    assert {unpacked_name(tmp_path / name) for name in names} == {"g.gff3"}


def test_names_of_a_10x_folder_are_text_as_any_other(tmp_path):
    (tmp_path / "matrix.mtx").write_text("%%MatrixMarket matrix coordinate integer general\n2 1 1\n1 1 5\n")
    (tmp_path / "features.tsv").write_bytes("G1\tA\nG2\tB\n".encode("utf-8-sig"))
    (tmp_path / "barcodes.tsv").write_bytes("contrôle\n".encode("latin-1"))
    with pytest.warns(UserWarning, match="barcodes.tsv isn't UTF-8.* 'contrôle'"):
        cells = gl.data.read(tmp_path)
    assert (cells.obs_names.tolist(), cells.var["gene_ids"].tolist()) == (["contrôle"], ["G1", "G2"])
