"""Drug screening measured: how well responses are predicted, beside what needs no network, and how fast a library is.

    .venv/bin/python tests/benchmarks/drug.py [--quick] [--only PART]

The data come by URL or from a package, or from GENOLAB_MIRROR. `--quick` takes one seed, one network and fewer targets.
Every part prints its table; the last line is JSON. It uses two threads.

How the figures are honest: davis has an official test fold, which is looked at once, with settings that were chosen on
its first training fold; every network trains for a fixed number of epochs. On MoleculeACE and GDSC the settings are
those of davis but for what the tables below say.
"""

import argparse
import json
import time

import numpy as np
import pandas as pd
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

import genolab as gl
from genolab.data import AnnDataset

THREADS = 2
NETWORK = {"members": 3, "name_dropout": 0.1, "dropout": 0.1}
TRAINING = {"epochs": 20, "batch_size": 512, "learning_rate": 4e-3, "weight_decay": 0.05, "schedule": "one cycle"}


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
    """Train on the five official training folds, and judge the official test fold."""
    kinases = gl.data.fetch("davis")
    pairs = AnnDataset(kinases, "obsm/pair", target="obs/response")
    is_test = (kinases.obs["split"] == "test").to_numpy()
    train, test = pairs.subset(np.flatnonzero(~is_test)), pairs.subset(np.flatnonzero(is_test))
    prints = gl.compounds.fingerprints(kinases.uns["compounds"]["smiles"])
    words = protein_words(kinases.uns["contexts"]["sequence"])
    rows, seconds = [], []
    for seed in range(1 if quick else 5):
        began = time.perf_counter()
        model = trained(gl.models.ResponseModel(prints, words, **network(quick), seed=seed), train, seed)
        seconds.append(time.perf_counter() - began)
        rows.append(judged({"network": model}, test).assign(seed=seed))
        print(f"seed {seed}: {rows[-1].set_index('metric')['value'].round(4).to_dict()}", flush=True)
    found = pd.concat(rows).groupby(["model", "metric"])["value"].agg(["mean", "std"])
    baselines = judged(fitted_baselines(prints, words, train), test)
    print(f"\ndavis, official test fold, {len(test):,} pairs: network, mean and deviation over {len(seconds)} seeds")
    print(found.round(4).to_string())
    print("\nbaselines, with 95 % intervals over rows")
    print(baselines.round(4).to_string(index=False))
    print(f"minutes for all seeds: {sum(seconds) / 60:.2f}, for one: {np.mean(seconds) / 60:.2f}")
    best = found["mean"]["network"]
    return {"davis_mse": best["mse"], "davis_ci": best["ci"], "davis_minutes": sum(seconds) / 60}


def protein_words(sequences: pd.Series) -> np.ndarray:
    """Return which words of three residues each protein has, and how telling they are, ``(n, words)`` float32."""
    words = TfidfVectorizer(analyzer="char", ngram_range=(3, 3), sublinear_tf=True, min_df=2, lowercase=False)
    return words.fit_transform(sequences).toarray().astype(np.float32)


def network(quick: bool, **changes: float) -> dict[str, float]:
    return NETWORK | changes | ({"members": 1} if quick else {})


def trained(model: gl.models.ResponseModel, train: AnnDataset, seed: int, **changes: float) -> gl.models.ResponseModel:
    config = gl.RunConfig(**(TRAINING | changes), seed=seed, threads=THREADS)
    gl.Run(model, train, config=config).start().wait()
    return model.eval()


def judged(
    models: dict[str, object], test: AnnDataset, metrics: tuple[str, ...] = ("mse", "ci", "r2m")
) -> pd.DataFrame:
    return gl.evaluate.responses(models, test, metrics=metrics, n_boot=200)


def fitted_baselines(prints: np.ndarray, contexts: np.ndarray, train: AnnDataset) -> dict[str, object]:
    models = gl.models
    return {
        "means": models.MeansBaseline().fit(train),
        "nearest": models.NeighbourBaseline(prints).fit(train),
        "ridge": models.RidgeBaseline(prints, contexts).fit(train),
    }


PARTS = {"davis": davis}

if __name__ == "__main__":
    main()
