"""data/: what travels with the project is what its README says."""

import hashlib
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import genolab as gl
from genolab.data.catalogue import known_sources
from genolab.dna.catalogue import sequences_adata
from genolab.function.ontology.files import GENE_ONTOLOGY
from genolab.paths import shipped

ROW = re.compile(r"^\| (\S+) \| ([0-9a-f]{64}) \| ([\d,]+) \|$", re.MULTILINE)

needs_promoters = pytest.mark.skipif(
    not Path(os.environ.get("GENOLAB_MIRROR", "") or "/nonexistent", "promoters").is_dir(),
    reason="GENOLAB_MIRROR names no folder with promoters",
)


@pytest.fixture(scope="module")
def folder() -> Path:
    return shipped("data")


@pytest.fixture(scope="module")
def readme(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


def data_files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file() and path.suffix not in {".md", ".py"}}


def test_the_hashes_in_the_readme_are_those_of_the_files(folder: Path, readme: str) -> None:
    rows = ROW.findall(readme)
    assert {name for name, _, _ in rows} == data_files(folder)
    for name, sha256, size in rows:
        content = (folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256, name
        assert len(content) == int(size.replace(",", "")), name


def test_fetch_expects_the_same_hashes(folder: Path, readme: str) -> None:
    expected = {file.name: file.sha256 for source in known_sources().values() for file in source.files}
    expected[GENE_ONTOLOGY.name] = GENE_ONTOLOGY.sha256
    for name, sha256, _ in ROW.findall(readme):
        assert expected[name] == sha256


def test_the_readme_tells_of_every_data_set_and_its_licence(readme: str) -> None:
    for source in known_sources().values():
        assert source.name in readme
        assert source.licence != "not stated"
        assert source.origin != "not stated"


def test_everything_shipped_stays_under_six_megabytes(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 6e6


def test_the_sample_for_quality_control_is_what_the_readme_says() -> None:
    cells = gl.data.fetch("immune_sample")
    total = cells.X.sum(axis=1).A1
    mitochondrial = cells.var_names.str.startswith("MT-")
    share = cells.X[:, mitochondrial].sum(axis=1).A1 / total
    assert mitochondrial.sum() == 30
    assert (total.min(), total.max()) == (945, 39_886)
    assert (round(share.min(), 3), round(float(np.median(share)), 3), round(share.max(), 2)) == (0.006, 0.064, 0.33)
    seen = cells.X.getnnz(axis=1)
    assert (seen.min(), seen.max()) == (431, 5_921)
    assert (cells.X.getnnz(axis=0) == 0).sum() == 22_976
    assert list(cells.obs) == []


def test_splice_junctions_are_distinct_and_the_one_in_dispute_is_out() -> None:
    loci = gl.data.fetch("splice_junctions")
    rows = gl.sequences.decode_one_hot(loci.obsm["sequence"])
    assert len(rows) == len(set(rows)) == 3000
    assert loci.obs["junction"].value_counts().to_dict() == {"neither": 1652, "donor": 679, "acceptor": 669}
    assert loci.obs["copies"].sum() == 3184
    assert "CTGAAATTTGTCCCATTCATATCTTGGCAGAGAAGCTCCATGAAGAAATTGACAGGGTGA" not in rows
    donor = [row[30:32] for row, kind in zip(rows, loci.obs["junction"], strict=True) if kind == "donor"]
    acceptor = [row[28:30] for row, kind in zip(rows, loci.obs["junction"], strict=True) if kind == "acceptor"]
    assert round(donor.count("GT") / len(donor), 3) == 0.988
    assert round(acceptor.count("AG") / len(acceptor), 3) == 0.994


@needs_promoters
def test_promoters_without_duplicates_or_disputes() -> None:
    loci = gl.data.fetch("tata_promoters")
    assert len(set(gl.sequences.decode_one_hot(loci.obsm["sequence"]))) == loci.n_obs == 4375
    assert loci.obs["promoter"].value_counts().to_dict() == {"other": 2878, "promoter": 1497}
    assert loci.obs["copies"].max() == 2


def test_copies_become_one_row_and_those_that_disagree_none() -> None:
    obs = pd.DataFrame({"kind": pd.Categorical(list("abaab"))}, index=list("vwxyz"))
    loci = sequences_adata(["AC", "AA", "AC", "GG", "GG"], obs)
    assert gl.sequences.decode_one_hot(loci.obsm["sequence"]) == ["AC", "AA"]
    assert loci.obs_names.tolist() == ["v", "w"]
    assert loci.obs["copies"].tolist() == [2, 1]


@needs_promoters
def test_promoters_of_e_coli_are_what_their_files_say():
    loci = gl.data.fetch("sigma70_promoters")
    assert loci.obsm["sequence"].shape == (3839, 4, 81)
    assert loci.obs["promoter"].value_counts().to_dict() == {"other": 3000, "promoter": 839}
    # The -10 box ends about 7 bases before the start of transcription: T and A at its most conserved places.
    box = loci.obsm["sequence"][loci.obs["promoter"] == "promoter"][:, :, loci.uns["tss"] - 15 : loci.uns["tss"] - 5]
    share = box.mean(axis=0)
    assert share[0].max() > 0.45
    assert share[3].max() > 0.45
    assert np.array_equal(loci.obsm["sequence"].sum(axis=1), np.ones((3839, 81)))
