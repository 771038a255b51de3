"""Small good files of every kind that genolab reads, made from the shipped ones, and how each is read.

What a reader gives is described by its number of rows and a text, so that two readings can be compared.
"""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import genolab as gl
from genolab.paths import shipped

Seen = tuple[int, str]  # rows, and what else shows whether two readings are equal


class Reader(NamedTuple):
    """`make` writes good files, each in a folder of its own under the given one; `read` reads a file or folder."""

    make: Callable[[Path], list[Path]]
    read: Callable[[Path], Seen]


def _place(root: Path, name: str) -> Path:
    """Return where a good file is to lie: in a new folder."""
    folder = root / str(len(list(root.iterdir())) if root.exists() else 0)
    folder.mkdir(parents=True)
    return folder / name


def _write(root: Path, name: str, text: str) -> Path:
    path = _place(root, name)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith((".gz", ".bgz")) else text.encode())
    return path


def _shipped(name: str) -> str:
    return gzip.decompress((shipped("data") / name).read_bytes()).decode()


# ---- cells --------------------------------------------------------------------------------------------------------


def _cells(n: int = 30, genes: int = 50) -> Any:
    """Return a few cells of the shipped sample, sparse counts, with the genes that they have most of."""
    import anndata
    import numpy as np

    whole = anndata.read_h5ad(shipped("data") / "immune_sample.h5ad")[:n]
    most = np.sort(np.argsort(np.asarray(whole.X.sum(axis=0)).ravel(), kind="stable")[::-1][:genes])
    cells = whole[:, most].copy()
    cells.X = cells.X.tocsr()
    cells.obs = cells.obs.assign(donor=["a", "b", "c"] * (n // 3), size=range(n)).astype({"donor": "category"})
    return cells


def _rich() -> Any:
    """Return the cells with all that an AnnData may hold."""
    import numpy as np
    import pandas as pd
    from scipy import sparse

    cells = _cells()
    cells.raw = cells
    cells.layers["counts"] = sparse.csc_matrix(cells.X)
    cells.X = np.log1p(cells.X.toarray())
    cells.obsm["X_pca"] = cells.X[:, :3].copy()
    cells.obsp["distances"] = sparse.csr_matrix(np.eye(cells.n_obs))
    cells.uns = {"donor_colors": ["#111111", "#222222", "#333333"], "settings": {"n": 3, "name": "a"}}
    cells.obs["flag"] = pd.array([True, None, False] * (cells.n_obs // 3), dtype="boolean")
    return cells


def _h5ad(root: Path) -> list[Path]:
    paths = [_place(root, "sparse.h5ad"), _place(root, "dense.h5ad")]
    _cells().write_h5ad(paths[0], compression="gzip")
    _rich().write_h5ad(paths[1])
    return paths


def _zarr(root: Path) -> list[Path]:
    import warnings

    paths = [_place(root, "sparse.zarr"), _place(root, "dense.zarr")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _cells().write_zarr(paths[0])
        _rich().write_zarr(paths[1])
    return paths


def _loom(root: Path) -> list[Path]:
    import h5py

    cells, path = _cells(), _place(root, "cells.loom")
    with h5py.File(path, "w") as opened:
        opened.attrs["LOOM_SPEC_VERSION"] = "2.0.1"
        opened["matrix"] = cells.X.toarray().T
        opened["row_attrs/Gene"] = list(cells.var_names)
        opened["col_attrs/CellID"] = list(cells.obs_names)
        opened["col_attrs/size"] = cells.obs["size"].to_numpy()
        for name in ("layers", "row_graphs", "col_graphs", "attrs"):
            opened.create_group(name)
        opened["attrs/LOOM_SPEC_VERSION"] = "2.0.1"
    return [path]


def _10x_h5(root: Path) -> list[Path]:
    import h5py

    cells, paths = _cells(), [_place(root, "version3.h5"), _place(root, "version2.h5")]
    groups = ("matrix", "GRCh38")
    for path, name in zip(paths, groups, strict=True):
        with h5py.File(path, "w") as opened:
            group = opened.create_group(name)
            group["data"], group["indices"] = cells.X.data.astype("int32"), cells.X.indices.astype("int64")
            group["indptr"], group["shape"] = cells.X.indptr.astype("int64"), cells.shape[::-1]
            group["barcodes"] = [text.encode() for text in cells.obs_names]
            ids, names = [f"ENSG{at:011d}".encode() for at in range(cells.n_vars)], [*map(str.encode, cells.var_names)]
            if name == "matrix":
                group["features/id"], group["features/name"] = ids, names
                group["features/feature_type"] = [b"Gene Expression"] * cells.n_vars
                group["features/genome"] = [b"GRCh38"] * cells.n_vars
            else:
                group["genes"], group["gene_names"] = ids, names
    return paths


def _10x_folder(root: Path) -> list[Path]:
    import io

    from scipy.io import mmwrite

    cells = _cells()
    text = io.BytesIO()
    mmwrite(text, cells.X.T.astype("int32"))
    names = [f"ENSG{at:011d}\t{name}" for at, name in enumerate(cells.var_names)]
    parts = {"matrix.mtx": text.getvalue().decode(), "barcodes.tsv": "\n".join(cells.obs_names) + "\n"}
    new = parts | {"features.tsv": "".join(f"{name}\tGene Expression\n" for name in names)}
    old = parts | {"genes.tsv": "".join(f"{name}\n" for name in names)}
    folders = [_place(root, "version3"), _place(root, "version2")]
    for folder, files, packed in ((folders[0], new, True), (folders[1], old, False)):
        folder.mkdir()
        for name, content in files.items():
            (folder / f"{name}{'.gz' * packed}").write_bytes(
                gzip.compress(content.encode()) if packed else content.encode()
            )
    single = _place(root, "GSM1_matrix.mtx")
    for name, content in new.items():
        (single.parent / f"GSM1_{name}").write_text(content)
    return [*folders, single]


def _table(root: Path) -> list[Path]:
    frame = _cells(12, 25).to_df().astype(int)
    return [
        _write(root, "cells.csv", frame.to_csv()),
        _write(root, "genes.tsv.gz", frame.T.to_csv(sep="\t")),
        _write(root, "spaces.txt", frame.T.to_csv(sep=" ", index_label="gene")),
        _write(root, "semicolons.csv", (frame + 0.5).to_csv(sep=";")),
    ]


def _see_cells(path: Path) -> Seen:
    return _describe(gl.data.read(path))


def _see_table(path: Path) -> Seen:
    return _describe(gl.data.read(path, genes_in="rows" if "cells" not in path.name else "columns"))


def _describe(adata: Any) -> Seen:
    """Use all of an AnnData, as the next step would: what is wrong with a matrix mustn't crash there."""
    import numpy as np

    matrices = [adata.X, *adata.layers.values(), *adata.obsm.values(), *adata.obsp.values()]
    matrices += [] if adata.raw is None else [adata.raw.X]
    total = 0.0
    for matrix in matrices:
        if matrix is not None and np.asarray(matrix[:1, :1] if hasattr(matrix, "tocsr") else 0.0).dtype.kind in "fiubO":
            total += float(np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix).astype(float).sum())
    half = adata[::2].copy()
    names = f"{','.join(map(str, adata.obs_names))} {','.join(map(str, adata.var_names))}"
    return adata.n_obs, f"{adata.shape} {half.n_obs} {hash(names)} {total:.6g} {hash(adata.obs.to_csv())}"


# ---- genomes ------------------------------------------------------------------------------------------------------


def _fasta(root: Path) -> list[Path]:
    junctions = "\n".join(_shipped("splice_junctions.fa.gz").split("\n")[:60]) + "\n"
    return [_write(root, "junctions.fa", junctions), _write(root, "junctions.fasta.gz", junctions)]


def _see_fasta(path: Path) -> Seen:
    adata = gl.data.read(path, window=20)
    return adata.n_obs, f"{adata.obsm['sequence'].sum(axis=(0, 2))} {hash(tuple(adata.obs_names))}"


def _indexed(root: Path) -> list[Path]:
    lines = _shipped("human_mt.fa.gz").split("\n")
    text = "\n".join([">a two words", *lines[1:30], ">b", *lines[30:60], ""])
    return [_write(root, "genome.fa", text), _write(root, "genome.fa.gz", text)]


def _see_indexed(path: Path) -> Seen:
    """Read a FASTA as if it were too large for memory."""
    from genolab.sequences import fasta

    before, fasta._IN_MEMORY = fasta._IN_MEMORY, -1
    try:
        opened = fasta.open_fasta(path)
        parts = {name: opened.fetch(name, 0, length).tobytes() for name, length in opened.lengths.items()}
    finally:
        fasta._IN_MEMORY = before
    return len(parts), f"{opened.lengths} {hash(tuple(parts.values()))}"


def _gff3(root: Path) -> list[Path]:
    yeast = "\n".join(_shipped("yeast_chr1_2.gff3.gz").split("\n")[:60]) + "\n"
    return [_write(root, "yeast.gff3", yeast), _write(root, "human_mt.gff3.gz", _shipped("human_mt.gff3.gz"))]


def gene_block(name: str, start: int, length: int, strand: str, chromosome: int) -> list[str]:
    """Return the lines of a gene with two transcripts of four exons."""
    place, own = f"chr{chromosome + 1}\thavana", f'gene_id "{name}"; gene_name "{name}"; gene_biotype "protein_coding"'
    lines = [f"{place}\tgene\t{start + 1}\t{start + length}\t.\t{strand}\t.\t{own};\n"]
    for transcript in ("t1", "t2"):
        mine = f'{own}; transcript_id "{name}-{transcript}"; transcript_biotype "protein_coding"; tag "basic"'
        lines.append(f"{place}\ttranscript\t{start + 1}\t{start + length}\t.\t{strand}\t.\t{mine};\n")
        for number in range(4):
            low, high = start + length * number // 4 + 1, start + length * (number + 1) // 4 - 3
            more = f'{mine}; exon_number "{number + 1}"; exon_id "{name}-{transcript}-{number}";\n'
            lines += [
                f"{place}\t{kind}\t{low}\t{high}\t.\t{strand}\t{phase}\t{more}"
                for kind, phase in (("exon", "."), ("CDS", "0"))
            ]
    return lines


def _gtf(root: Path) -> list[Path]:
    blocks = [gene_block(f"YAL{at:03d}W", 1_000 * at, 900, "+-"[at % 2], 1) for at in range(6)]
    stop = blocks[0][-1].replace("\tCDS\t", "\tstop_codon\t")
    text = "".join(line for block in blocks for line in block) + stop
    return [_write(root, "genes.gtf", f"#!genome-build R64\n{text}"), _write(root, "genes.gtf.gz", text)]


def _bed(root: Path) -> list[Path]:
    peaks = [f"chr1\t{at * 100}\t{at * 100 + 50}\tpeak{at}\t{at * 10}\t{'+-.'[at % 3]}" for at in range(30)]
    narrow = [f"{peak}\t{at}.5\t3.2\t-1\t25" for at, peak in enumerate(peaks)]
    return [
        _write(root, "peaks.bed", "track name=peaks\n" + "\n".join(peaks) + "\n"),
        _write(root, "three.bed.gz", "\n".join("\t".join(peak.split("\t")[:3]) for peak in peaks) + "\n"),
        _write(root, "peaks.narrowPeak", "\n".join(narrow) + "\n"),
    ]


def _see_regions(path: Path) -> Seen:
    obs = gl.data.read(path).obs
    return len(obs), f"{hash(obs.to_csv())}"


def _annotated(root: Path) -> list[Path]:
    path = _write(root, "genes.gff3", _shipped("human_mt.gff3.gz"))
    (path.parent / "genome.fa").write_text(_shipped("human_mt.fa.gz"))
    return [path]


def _see_annotated(path: Path) -> Seen:
    genome = gl.data.read(path, fasta=path.parent / "genome.fa")
    cut = gl.data.read(path.parent / "genome.fa", regions=path, window=30)
    return genome.n_obs, f"{hash(genome.obs.to_csv())} {cut.obsm['sequence'].sum()}"


def _motifs(root: Path) -> list[Path]:
    head = "MEME version 4\n\nALPHABET= ACGT\n\nBackground letter frequencies\nA 0.25 C 0.25 G 0.25 T 0.25\n"
    rows = ("0.7 0.1 0.1 0.1", "0.1 0.7 0.1 0.1", "0.25 0.25 0.25 0.25", "0.0 0.0 1.0 0.0")
    one = "\nMOTIF MA{0:04d}.1 NAME{0}\nletter-probability matrix: alength= 4 w= 4 nsites= 20 E= 0\n{1}\n"
    text = head + "".join(one.format(at, "\n".join(rows)) for at in range(8)) + "\n"
    return [_write(root, "motifs.meme", text)]


def _see_motifs(path: Path) -> Seen:
    from genolab.dna.motifs import _known

    names, matrices = _known(path)
    return len(names), f"{names} {[matrix.tolist() for matrix in matrices]}"


# ---- functions ----------------------------------------------------------------------------------------------------

_OBO = """format-version: 1.2
data-version: releases/2026-01-01
default-namespace: biological_process

"""


def _ontology(root: Path) -> list[Path]:
    lines = _shipped("gene_ontology.tsv.gz").splitlines()[2:42]
    terms = []
    for at, line in enumerate(lines):
        number, _, name, *_ = line.split("\t")
        above = lines[at // 2].split("\t")[0]
        is_a = f"is_a: GO:{int(above):07d} ! broader\n" if at else ""
        terms.append(f"[Term]\nid: GO:{int(number):07d}\nname: {name}\nnamespace: biological_process\n{is_a}")
    gone = "[Term]\nid: GO:9999999\nname: gone\nis_obsolete: true\nreplaced_by: GO:0000001\n"
    typedef = "[Typedef]\nid: part_of\nname: part of\nis_transitive: true\n"
    text = _OBO + "\n".join([*terms, gone, typedef])
    return [_write(root, "go.obo", text), _write(root, "go.obo.gz", text)]


def _see_ontology(path: Path) -> Seen:
    ontology = gl.function.read_ontology(path)
    return len(ontology.terms), f"{ontology.parents} {ontology.names} {ontology.replaced}"


def _gene_sets(root: Path) -> list[Path]:
    genes = list(_cells().var_names)
    text = "".join(f"SET_{at}\thttp://set/{at}\t" + "\t".join(genes[at : at + 9]) + "\n" for at in range(20))
    return [_write(root, "sets.gmt", text), _write(root, "sets.gmt.gz", text)]


def _gaf(root: Path) -> list[Path]:
    genes, lines = list(_cells().var_names), ["!gaf-version: 2.2"]
    for at, gene in enumerate(genes[:25]):
        term, code = f"GO:{at % 7 + 1:07d}", ("IDA", "IEA", "ND")[at % 3]
        fields = ["UniProtKB", f"P{at:05d}", gene, "enables", term, "PMID:1", code, "", "F", "a gene", f"S{at}|T{at}"]
        lines.append("\t".join([*fields, "protein", "taxon:9606", "20240101", "UniProt", "", ""]))
    text = "\n".join(lines) + "\n"
    return [_write(root, "human.gaf", text), _write(root, "human.gaf.gz", text)]


def _see_gaf(path: Path) -> Seen:
    terms = gl.function.read_gaf(path)
    return len(terms), f"{sorted((gene, sorted(of)) for gene, of in terms.items())}"


def _see_gene_sets(path: Path) -> Seen:
    sets = gl.function.read_gmt(path)
    return len(sets), f"{sorted((name, sorted(genes)) for name, genes in sets.items())}"


# ---- compounds ----------------------------------------------------------------------------------------------------


def _responses(root: Path) -> list[Path]:
    import io

    import pandas as pd

    table = pd.read_csv(io.StringIO(_shipped("ppar_ligands.csv.gz")))[["smiles", "exp_mean [nM]", "context"]][:12]
    table.columns = pd.Index(["smiles", "EC50", "target"])
    return [
        _write(root, "screen.csv", table.to_csv(index=False)),
        _write(root, "screen.tsv.gz", table.to_csv(index=False, sep="\t")),
    ]


def _see_responses(path: Path) -> Seen:
    adata = gl.drugs.responses(path, smiles="smiles", response="EC50", context="target")
    return adata.n_obs, f"{hash(adata.obs.to_csv())}"


def _plate(root: Path) -> list[Path]:
    rows = [("well", "compound", "concentration", "signal")]
    for at in range(24):
        name = "DMSO" if at < 4 else "staurosporine" if at < 8 else f"c{at // 4}"
        rows.append(
            (f"{'AB'[at // 12]}{at % 12 + 1:02d}", name, f"{'' if at < 8 else 10.0 ** -(at % 4)}", f"{100 + at}")
        )
    return [
        _write(root, f"plate.{suffix}", "".join(separator.join(row) + "\n" for row in rows))
        for suffix, separator in (("csv", ","), ("tsv", "\t"))
    ]


def _see_plate(path: Path) -> Seen:
    wells = gl.drugs.normalise(gl.drugs.read_plate(path, negative="DMSO", positive="staurosporine"))
    return len(wells), f"{hash(wells.to_csv())}"


# ---- runs and notebooks -------------------------------------------------------------------------------------------


def _dataset() -> Any:
    cells = _cells()
    cells.layers["counts"] = cells.X.astype("float32")
    return gl.data.AnnDataset(cells, inputs="layers/counts")


def _run(root: Path) -> list[Path]:
    dataset, path = _dataset(), _place(root, "run.safetensors")
    model = gl.models.VariationalAutoencoder(n_genes=50, n_latent=2, hidden=(8,))
    run = gl.Run(model, dataset, config=gl.RunConfig(epochs=2, batch_size=10, device="cpu", threads=1))
    for _ in run:
        pass
    run.save(path)
    return [path]


def _see_model(path: Path) -> Seen:
    from genolab.run import load_model

    model = load_model(path)
    return 1, f"{sum(float(weight.double().sum()) for weight in model.state_dict().values()):.9g}"


def _see_run(path: Path) -> Seen:
    run = gl.Run.load(path, _dataset())
    return 1, f"{run.history.drop(columns='seconds').to_csv()} {run.config}"


def _notebook(root: Path) -> list[Path]:
    cells = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Question"]},
        {"cell_type": "code", "id": "b", "metadata": {}, "source": ["1 + 1"], "outputs": [], "execution_count": None},
    ]
    text = {"cells": cells, "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}
    return [_write(root, "lesson.ipynb", json.dumps(text, indent=1))]


def _see_notebook(path: Path) -> Seen:
    from genolab.jupyter.execute import read

    notebook = read(path)
    return len(notebook.cells), f"{[cell.source for cell in notebook.cells]}"


READERS = {
    "h5ad": Reader(_h5ad, _see_cells),
    "zarr": Reader(_zarr, _see_cells),
    "loom": Reader(_loom, _see_cells),
    "10x_h5": Reader(_10x_h5, _see_cells),
    "10x_folder": Reader(_10x_folder, _see_cells),
    "table": Reader(_table, _see_table),
    "fasta": Reader(_fasta, _see_fasta),
    "indexed_fasta": Reader(_indexed, _see_indexed),
    "gff3": Reader(_gff3, _see_regions),
    "gtf": Reader(_gtf, _see_regions),
    "bed": Reader(_bed, _see_regions),
    "annotated": Reader(_annotated, _see_annotated),
    "motifs": Reader(_motifs, _see_motifs),
    "ontology": Reader(_ontology, _see_ontology),
    "gene_sets": Reader(_gene_sets, _see_gene_sets),
    "gaf": Reader(_gaf, _see_gaf),
    "responses": Reader(_responses, _see_responses),
    "plate": Reader(_plate, _see_plate),
    "model": Reader(_run, _see_model),
    "run": Reader(_run, _see_run),
    "notebook": Reader(_notebook, _see_notebook),
}
