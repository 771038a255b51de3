"""genolab.data.faults: whatever goes wrong with a file, the error names it; and broken files of every kind."""

import json
import sys
from pathlib import Path

import pytest
from benchmarks import fuzz

import genolab as gl
from genolab.checks import check_known
from genolab.data.faults import reading, reads


def test_another_packages_error_becomes_one_that_names_the_file_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "cells.loom"
    path.write_bytes(b"123")
    with (
        pytest.raises(ValueError, match=r"cells\.loom \(3 bytes\) can't be read as loom: Expecting value.*cut short"),
        reading(path, "loom"),
    ):
        json.loads("")


def test_an_operation_that_fails_in_genolab_is_described_as_another_packages_error() -> None:
    with (
        pytest.raises(ValueError, match=r"a\.gff \(not there\) can't be read as GFF3: '>=' not supported"),
        reading("a.gff", "GFF3"),
    ):
        fuzz.genolab.checks.check_share("gc", "half")


def test_genolabs_own_error_keeps_its_kind_and_gets_the_files_name_once() -> None:
    @reads("terms")
    def read(path: str, name: str) -> None:
        with reading(path, "terms"):
            check_known("terms", [name], ["a", "b"])

    with pytest.raises(KeyError) as caught:
        read("terms.tsv", "c")
    assert caught.value.args == ("terms.tsv: 'c' isn't one of the 2 terms: a, b",)


def test_a_file_that_is_not_there_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "terms.obo").touch()
    with pytest.raises(FileNotFoundError, match=r"sets\.gmt isn't there; .* has \['terms\.obo'\]"):
        gl.function.read_gmt(tmp_path / "sets.gmt")


def test_what_the_system_refuses_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=r"\(a folder\) can't be read as .*: see that it is a file"):
        gl.function.read_gmt(tmp_path)


def test_a_file_is_not_called_damaged_where_a_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(ImportError, match=r"a\.zarr .* zarr .*Install what is missing"), reading("a.zarr", "zarr"):
        import zarr  # noqa: F401 - importing it is what fails


def test_what_needs_too_much_memory_is_not_called_damaged() -> None:
    with pytest.raises(ValueError, match=r"a\.h5 .*needs more memory than there is"), reading("a.h5", "HDF5"):
        raise MemoryError


@pytest.mark.parametrize("name", ["10x_folder", "bed", "gene_sets", "gff3", "h5ad", "motifs", "ontology", "plate"])
def test_broken_files_are_read_or_refused_in_genolabs_own_words(name: str) -> None:
    with fuzz.seeded(name) as (reader, targets, home):
        for number in range(6):
            good, path, change = fuzz.mutant(name, 1, number, targets, home)
            kind, detail = fuzz.judge(reader, good, path, change)
            assert kind in {"read", "refused"}, f"mutant {number} of seed 1, {change.what}: {detail}"
