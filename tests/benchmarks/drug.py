"""Drug screening measured: how well responses are predicted, beside baselines, and how fast a library is ranked.

    .venv/bin/python tests/benchmarks/drug.py [--quick] [--only PART]

The data come by URL or from a package, or from GENOLAB_MIRROR. `--quick` takes one seed, one network,
six of MoleculeACE's tables, and fewer trees and drugs.
Every part prints its table; the last line is JSON. It uses two threads.

davis has an official test fold, which is looked at once, with settings that were chosen on its first
training fold; every network trains for a fixed number of epochs. On MoleculeACE and GDSC settings were chosen on rows
set aside from training.
"""

import argparse
import json
import time

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer

import genolab as gl
from genolab.data import AnnDataset

THREADS = 2
NETWORK = {"members": 3, "id_dropout": 0.1, "dropout": 0.1}
TRAINING = {"epochs": 20, "batch_size": 512, "learning_rate": 4e-3, "weight_decay": 0.05, "schedule": "one cycle"}
# Chosen on a fifth of the training rows of MoleculeACE, as the kernel machine's penalty was (1, 3 and 10 were tried).
ACE_NETWORK = {"n_axes": None, "hidden": 384, "dropout": 0.2, "id_dropout": 0.9}
ACE_TRAINING = {"epochs": 15, "learning_rate": 2e-3}
LINES = {"epochs": 4, "batch_size": 4096, "weight_decay": 0.3}  # chosen on validation lines of the first split


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, one network, fewer targets")
    parser.add_argument("--only", choices=tuple(PARTS), help="one part of it")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    figures: dict[str, float] = {}
    for name, part in PARTS.items():
        if options.only in (None, name):
            figures |= part(quick=options.quick)
    print(json.dumps({name: round(float(value), 4) for name, value in figures.items()}))


# ---- kinases ----------------------------------------------------------------------------------------------------


def davis(*, quick: bool) -> dict[str, float]:
    """Train on the five official training folds, and evaluate the official test fold."""
    kinases = gl.data.fetch("davis")
    pairs = AnnDataset(kinases, "obsm/pair", target="obs/response")
    is_test = (kinases.obs["split"] == "test").to_numpy()
    train, test = pairs.subset(np.flatnonzero(~is_test)), pairs.subset(np.flatnonzero(is_test))
    prints = gl.drugs.compounds.fingerprints(kinases.uns["compounds"]["smiles"])
    kmers = protein_kmers(kinases.uns["contexts"]["sequence"])
    rows, seconds = [], []
    for seed in range(1 if quick else 5):
        began = time.perf_counter()
        model = trained(gl.drugs.ResponseModel(prints, kmers, **network(quick), seed=seed), train, seed)
        seconds.append(time.perf_counter() - began)
        rows.append(errors_of({"network": model}, test).assign(seed=seed))
        print(f"seed {seed}: {rows[-1].set_index('metric')['value'].round(4).to_dict()}", flush=True)
    found = pd.concat(rows).groupby(["model", "metric"])["value"].agg(["mean", "std"])
    baselines = errors_of(fitted_baselines(prints, kmers, train, quick=quick), test)
    print(f"\ndavis, official test fold, {len(test):,} pairs: network, mean and deviation over {len(seconds)} seeds")
    print(found.round(4).to_string())
    print("\nbaselines, with 95 % intervals over rows")
    print(baselines.round(4).to_string(index=False))
    print(f"minutes for all seeds: {sum(seconds) / 60:.2f}, for one: {np.mean(seconds) / 60:.2f}")
    best = found["mean"]["network"]
    return {"davis_mse": best["mse"], "davis_ci": best["ci"], "davis_minutes": sum(seconds) / 60}


COLD = {
    "random pairs": None,
    "new compounds": ("scaffold", None),
    "new kinases": (None, "protein"),
    "both new": ("scaffold", "protein"),
}
OF_COLD = ("mse", "ci", "spearman", "ef1", "ef5", "bedroc")


def cold(*, quick: bool) -> dict[str, float]:
    """Ask of davis what a screen asks: compounds, kinases, or both, that are in no training pair."""
    kinases = gl.data.fetch("davis")
    pairs = AnnDataset(kinases, "obsm/pair", target="obs/response")
    prints = gl.drugs.compounds.fingerprints(kinases.uns["compounds"]["smiles"])
    kmers = protein_kmers(kinases.uns["contexts"]["sequence"])
    rows = []
    for seed in range(1 if quick else 5):
        for asked, groups in COLD.items():
            apart = {"fractions": (0.7, 0.0, 0.3), "seed": seed}
            parts = gl.drugs.cold_split(pairs, *groups, **apart) if groups else gl.data.split(pairs, **apart)
            settings = network(quick, id_dropout=0.5 if groups else 0.1)
            model = trained(gl.drugs.ResponseModel(prints, kmers, **settings, seed=seed), parts[0], seed)
            models = {"network": model} | fitted_baselines(prints, kmers, parts[0], quick=quick)
            table = gl.drugs.evaluate(models, parts[2], metrics=OF_COLD, n_boot=0)
            rows.append(table.assign(asked=asked, seed=seed))
            print(f"{asked}, split {seed}: done", flush=True)
    found = pd.concat(rows).pivot_table("value", ["asked", "metric"], "model", aggfunc=["mean", "std"])
    print("\ndavis, mean and deviation over splits, each by another seed")
    print(found.round(3).loc[list(COLD)].to_string(), flush=True)
    mse = found["mean"].xs("mse", level="metric")
    keys = {asked: f"davis_{asked.replace(' ', '_')}_mse" for asked in COLD}
    return {keys[a] + suffix: mse.loc[a, m] for a in COLD for m, suffix in (("network", ""), ("means", "_means"))}


def protein_kmers(sequences: pd.Series) -> np.ndarray:
    """Return the TF-IDF weights of the 3-mers of each protein, ``(n, kmers)`` float32."""
    kmers = TfidfVectorizer(analyzer="char", ngram_range=(3, 3), sublinear_tf=True, min_df=2, lowercase=False)
    return kmers.fit_transform(sequences).toarray().astype(np.float32)


def network(quick: bool, **changes: float) -> dict[str, float]:
    return NETWORK | changes | ({"members": 1} if quick else {})


def trained(model: gl.drugs.ResponseModel, train: AnnDataset, seed: int, **changes: float) -> gl.drugs.ResponseModel:
    config = gl.RunConfig(**(TRAINING | changes), seed=seed, threads=THREADS)
    gl.Run(model, train, config=config).start().wait()
    return model.eval()


def errors_of(
    models: dict[str, object], test: AnnDataset, metrics: tuple[str, ...] = ("mse", "ci", "r2m")
) -> pd.DataFrame:
    return gl.drugs.evaluate(models, test, metrics=metrics, n_boot=200)


def fitted_baselines(prints: np.ndarray, contexts: np.ndarray, train: AnnDataset, *, quick: bool) -> dict[str, object]:
    axes = PCA(30, random_state=0).fit_transform(contexts)  # of all k-mers, a forest would take most of an hour
    return {
        "means": gl.drugs.MeansBaseline().fit(train),
        "nearest": gl.drugs.NeighbourBaseline(prints).fit(train),
        "ridge": gl.drugs.RidgeBaseline(prints, contexts).fit(train),
        "forest": gl.drugs.ForestBaseline(prints, axes, n_trees=10 if quick else 50, threads=THREADS).fit(train),
    }


# ---- activity cliffs --------------------------------------------------------------------------------------------


def moleculeace(*, quick: bool) -> dict[str, float]:
    """Train on the 30 tables at once, and evaluate the official test rows of each, as the classical models do."""
    tables = gl.data.fetch("moleculeace")
    if quick:
        tables = tables[np.asarray(tables.obsm["pair"])[:, 1] < 6].copy()
    pairs = AnnDataset(tables, "obsm/pair", target="obs/response")
    is_test = (tables.obs["split"] == "test").to_numpy()
    train, test = pairs.subset(np.flatnonzero(~is_test)), pairs.subset(np.flatnonzero(is_test))
    prints = gl.drugs.compounds.fingerprints(tables.uns["compounds"]["canonical"])
    rows = tables.obs[is_test].assign(elsewhere=np.isin(*(tables.obsm["pair"][at, 0] for at in (is_test, ~is_test))))
    print(f"{rows['elsewhere'].sum():,} of {len(rows):,} test rows have a compound that is trained on in another table")
    classical = {
        "kernel": gl.drugs.KernelBaseline(prints).fit(train),
        "nearest": gl.drugs.NeighbourBaseline(prints).fit(train),
        "ridge": gl.drugs.RidgeBaseline(prints).fit(train),
    }
    plain = {name: errors_by_table(model, test, rows) for name, model in classical.items()}
    plain["forest"] = errors_by_table(by_forests(prints, train, test), test, rows)
    print(summary(plain), flush=True)
    by_kernel = gl.infer.predict(classical["kernel"], test).ravel()
    seen = np.unique(tables.obsm["pair"][~is_test, 0])
    similar = gl.drugs.compounds.TanimotoFeatures(tables.uns["compounds"]["canonical"].iloc[seen]).of_prints(prints)
    ours: dict[str, list[pd.DataFrame]] = {}
    for seed in range(1 if quick else 5):
        whole = of_all_tables(tables, similar, train, test, seed=seed, quick=quick)
        each = of_each_table(tables, prints, train, test, seed=seed, quick=quick)
        predictions = {"of all tables": whole, "of each table": each, "both": (whole + each) / 2}
        predictions["both and kernel"] = (2 * predictions["both"] + by_kernel) / 3
        for name, values in predictions.items():
            ours.setdefault(name, []).append(errors_by_table(values, test, rows))
        print(summary({f"{name}, seed {seed}": found[-1] for name, found in ours.items()}), flush=True)
    mean = {name: np.mean([table["rmse"].mean() for table in found]) for name, found in ours.items()}
    best = min(table["rmse"].mean() for table in plain.values())
    return {"ace_rmse": mean["both"], "ace_rmse_with_kernel": mean["both and kernel"], "ace_rmse_classical": best}


def by_forests(prints: np.ndarray, train: AnnDataset, test: AnnDataset) -> np.ndarray:
    """Grow a forest for each table, and return their predictions of the test rows, ``(n,)``."""
    context = np.asarray(train.adata.obsm["pair"])[:, 1]
    predictions = np.zeros(len(test))
    for one in np.unique(context):
        learned, asked = (np.flatnonzero(context[part.rows] == one) for part in (train, test))
        forest = gl.drugs.ForestBaseline(prints, n_trees=200, threads=THREADS).fit(train.subset(learned))
        predictions[asked] = gl.infer.predict(forest, test.subset(asked)).ravel()
    return predictions


def of_all_tables(
    tables: AnnData, similar: np.ndarray, train: AnnDataset, test: AnnDataset, *, seed: int, quick: bool
) -> np.ndarray:
    """Train one network on all tables at once, and return its predictions of the test rows, ``(n,)``."""
    one_hot = np.eye(len(tables.uns["contexts"]), dtype=np.float32)
    model = gl.drugs.ResponseModel(similar, one_hot, **network(quick, **ACE_NETWORK), seed=seed)
    return gl.infer.predict(trained(model, train, seed, **ACE_TRAINING), test).ravel()


def of_each_table(
    tables: AnnData, prints: np.ndarray, train: AnnDataset, test: AnnDataset, *, seed: int, quick: bool
) -> np.ndarray:
    """Train a network for each table by itself, and return their predictions of the test rows, ``(n,)``."""
    predictions = np.zeros(len(test))
    compound, context = np.asarray(tables.obsm["pair"]).T
    canonical = tables.uns["compounds"]["canonical"]
    for one in np.unique(context):
        learned, asked = (part.subset(np.flatnonzero(context[part.rows] == one)) for part in (train, test))
        landmarks = gl.drugs.compounds.TanimotoFeatures(canonical.iloc[compound[learned.rows]], most=10_000)
        own, number = np.unique(compound[context == one], return_inverse=True)
        table = AnnData(obs=tables.obs.loc[context == one, ["response"]])
        table.obsm["pair"] = np.stack([number, np.zeros(len(number), dtype=int)], axis=1)
        pairs = AnnDataset(table, "obsm/pair", target="obs/response")
        place = np.cumsum(context == one) - 1  # of a row in its table
        nothing = np.ones((1, 1), dtype=np.float32)
        settings = network(quick, n_axes=None, hidden=256, dropout=0.2, id_dropout=1.0)
        model = gl.drugs.ResponseModel(landmarks.of_prints(prints[own]), nothing, **settings, seed=seed)
        trained(model, pairs.subset(place[learned.rows]), seed, epochs=20, batch_size=64, learning_rate=2e-3)
        predictions[np.isin(test.rows, asked.rows)] = gl.infer.predict(model, pairs.subset(place[asked.rows])).ravel()
    return predictions


def errors_by_table(model: object, test: AnnDataset, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the root mean squared errors of each table: of all rows, cliffs, and compounds in no other table."""
    predictions = model if isinstance(model, np.ndarray) else gl.infer.predict(model, test)
    squares = rows.assign(square=(predictions.ravel() - rows["response"]) ** 2)
    kinds = {"rmse": squares, "cliffs": squares[squares["cliff"].astype(bool)], "new": squares[~squares["elsewhere"]]}
    return pd.DataFrame(
        {name: kind.groupby("context", observed=True)["square"].mean() ** 0.5 for name, kind in kinds.items()}
    )


def summary(found: dict[str, pd.DataFrame]) -> str:
    """Return the means over tables, and the half-widths of their 95 % intervals."""
    means = pd.DataFrame({name: table.mean() for name, table in found.items()}).T
    half = pd.DataFrame({name: 1.96 * table.sem() for name, table in found.items()}).T.add_suffix(" +-")
    return means.join(half).round(3).to_string()


# ---- cell lines -------------------------------------------------------------------------------------------------


def gdsc(*, quick: bool) -> dict[str, float]:
    """Predict new cell lines, and new drugs, beside the means; a drug has no structure here, only its number."""
    screened = gl.data.fetch("gdsc")
    pairs = AnnDataset(screened, "obsm/pair", target="obs/response")
    tissue = pd.get_dummies(screened.uns["contexts"]["tissue"]).to_numpy(np.float32)
    genomes = np.hstack([screened.uns["features"].toarray().astype(np.float32), tissue])
    drugs = np.eye(len(screened.uns["compounds"]), dtype=np.float32)
    figures = {}
    for asked, cold in {"cold_lines": (None, "context"), "cold_drugs": ("compound", None)}.items():
        found = []
        for seed in range(1 if quick else 5):
            parts = gl.drugs.cold_split(pairs, *cold, fractions=(0.7, 0.1, 0.2), seed=seed)
            settings = network(quick, n_axes=None, dropout=0.3, id_dropout=0.9)
            model = trained(gl.drugs.ResponseModel(drugs, genomes, **settings, seed=seed), parts.train, seed, **LINES)
            model.calibrate(parts.valid)
            means = gl.drugs.MeansBaseline().fit(parts.train)
            found.append(errors_by_drug({"network": model, "means": means}, parts.test).assign(seed=seed))
        table = pd.concat(found).groupby("model")[["rmse", "spearman", "coverage"]].agg(["mean", "std"])
        print(f"\ngdsc, {asked.replace('_', ' ')}, mean and deviation over {len(found)} splits")
        print(table.round(3).to_string(), flush=True)
        for name in ("network", "means"):
            figures[f"gdsc_{asked}_rmse" + "_means" * (name == "means")] = table.loc[name, ("rmse", "mean")]
            figures[f"gdsc_{asked}_spearman" + "_means" * (name == "means")] = table.loc[name, ("spearman", "mean")]
    print_biomarkers(screened, pairs, drugs, genomes, quick=quick)
    return figures


def print_biomarkers(
    screened: AnnData, pairs: AnnDataset, drugs: np.ndarray, genomes: np.ndarray, *, quick: bool
) -> None:
    """Train on each drug whose name is known by itself, and show what drives the response, with the data."""
    names = list(screened.uns["feature_names"])
    of_drug = np.asarray(screened.obsm["pair"])[:, 0]
    settings = network(quick, n_axes=None, hidden=128, dropout=0.3, id_dropout=1.0)
    named = screened.uns["compounds"].query("name != ''")
    for drug, row in named.head(2 if quick else None).iterrows():
        own = pairs.subset(np.flatnonzero(of_drug == screened.uns["compounds"].index.get_loc(drug)))
        model = gl.drugs.ResponseModel(drugs, genomes, **settings)
        trained(model, own, seed=0, epochs=15, batch_size=64, learning_rate=2e-3, weight_decay=0.3)
        table = gl.drugs.feature_scores(model, screened, drug, genomes, names, within="tissue", min_contexts=10)
        print(f"\n{row['name']} ({row['target']}): what makes lines resistant (above 0) or sensitive (below)")
        print(table.head(4).round(4).to_string(index=False), flush=True)


def errors_by_drug(models: dict[str, object], test: AnnDataset) -> pd.DataFrame:
    """Return each model's error, its mean Spearman correlation over lines within a drug, and its coverage."""
    rows = test.adata.obs.iloc[test.rows]
    found = []
    for name, model in models.items():
        rows_with = rows.assign(predicted=gl.infer.predict(model, test).ravel())
        within = (
            rows_with.groupby("compound", observed=True)[["predicted", "response"]]
            .corr("spearman")
            .xs("predicted", level=1)
        )
        table = gl.drugs.evaluate({name: model}, test, metrics=("rmse",), n_boot=0)
        found.append(
            {
                "model": name,
                "rmse": table["value"].iloc[0],
                "spearman": within["response"].fillna(0).mean(),
                "coverage": covered(model, test) if hasattr(model, "spread") else np.nan,
            }
        )
    return pd.DataFrame(found)


def covered(model: object, test: AnnDataset) -> float:
    """Return the share of the rows in their 90 % intervals."""
    return gl.drugs.calibration({"model": model}, test, levels=[0.9])["coverage"].iloc[0]


# ---- a library --------------------------------------------------------------------------------------------------


def screen(*, quick: bool) -> dict[str, float]:
    """Rank a library for EGFR with a network of davis: reading, fingerprints, scores and the shortlist, all timed."""
    kinases = gl.data.fetch("davis")
    pairs = AnnDataset(kinases, "obsm/pair", target="obs/response")
    prints = gl.drugs.compounds.fingerprints(kinases.uns["compounds"]["smiles"])
    model = gl.drugs.ResponseModel(prints, protein_kmers(kinases.uns["contexts"]["sequence"]), **network(quick))
    trained(model, pairs, seed=0, epochs=2)
    smiles = library(5_000 if quick else 100_000)
    number = int(np.flatnonzero(kinases.uns["contexts"].index.str.startswith("EGFR"))[0])
    began = time.perf_counter()
    ranked = gl.drugs.rank(model, smiles, number, train=kinases)
    seconds = time.perf_counter() - began
    print(f"\n{len(ranked):,} compounds ranked in {seconds:.1f} s; {(ranked['reason'] != '').sum():,} weren't read")
    return {"screen_seconds": seconds}


def library(size: int) -> list[str]:
    """Return as many distinct SMILES: those of MoleculeACE, then the same molecules written from other atoms."""
    from rdkit.Chem import MolFromSmiles, MolToRandomSmilesVect

    known = gl.data.fetch("moleculeace").uns["compounds"]["canonical"]
    made = dict.fromkeys(known[known != ""])
    for seed, text in enumerate(tuple(made)):
        if len(made) >= size:
            break
        made |= dict.fromkeys(MolToRandomSmilesVect(MolFromSmiles(text), 4, randomSeed=seed + 1))
    return list(made)[:size]


PARTS = {"davis": davis, "cold": cold, "moleculeace": moleculeace, "gdsc": gdsc, "screen": screen}

if __name__ == "__main__":
    main()
