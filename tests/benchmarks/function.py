"""What genes do, measured: yeast genes by the official split, proteins by homology, beside the baselines.

``python tests/benchmarks/function.py [--quick] [--only PART]`` prints tables and, last, one JSON line. Training runs on
one thread. Settings and thresholds were chosen on training and validation rows alone.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from sklearn.metrics import f1_score
from sklearn.model_selection import KFold

import genolab as gl
from genolab.data import AnnDataset
from genolab.function import FunctionClassifier

# Chosen by five-fold cross-validation of the 1,500 training genes.
YEAST = {"hidden": 256, "dropout": 0.5, "input_dropout": 0.2, "mixup": 1.0}
YEAST_TRAINING = {"epochs": 80, "learning_rate": 2e-3, "batch_size": 64, "weight_decay": 0.1}
# Chosen by the validation clusters of the first split.
PROTEINS = {"n_filters": 96, "width": 9, "n_layers": 2, "hidden": 256, "dropout": 0.3, "input_dropout": 0.1}
PROTEIN_TRAINING = {"epochs": 8, "learning_rate": 5e-4, "batch_size": 64, "weight_decay": 0.01}
FINE_SHARE = 0.25  # of the epochs that go on, at the end, with a tenth of the learning rate
HOMOLOG_SHARES = np.arange(0, 1.01, 0.1)  # weights of the homologs' prediction, tried on the validation rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, few epochs: to see that it runs")
    parser.add_argument("--only", choices=PARTS, help="one part")
    asked = parser.parse_args()
    figures: dict[str, float] = {}
    for name, part in PARTS.items():
        if asked.only in {None, name}:
            began = time.perf_counter()
            figures |= part(quick=asked.quick)
            print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    print(json.dumps({key: round(float(value), 4) for key, value in figures.items()}))


# ---- yeast ------------------------------------------------------------------------------------------------------


def yeast(*, quick: bool) -> dict[str, float]:
    """Learn from the official training genes, five times; the threshold comes from cross-validating them."""
    genes = gl.data.fetch("yeast_function")
    data = AnnDataset(genes, "X", target="obsm/terms")
    train, test = (data.subset(np.flatnonzero(genes.obs["split"] == part)) for part in ("train", "test"))
    threshold = yeast_threshold(train, quick=quick)
    naive = gl.function.FrequencyBaseline().fit(train)
    rows = []
    for seed in range(1 if quick else 5):
        ours = gl.infer.predict(yeast_model(train, seed, members=2 if quick else 8, quick=quick), test)
        figures = gl.function.evaluate({"ours": ours, "naive": naive}, test, threshold=threshold, n_boot=0)
        rows.append(figures.assign(seed=seed))
        print(figures.query("model == 'ours'").set_index("metric")["value"].round(4).to_dict(), flush=True)
    table = pd.concat(rows).groupby(["model", "metric"])["value"].agg(["mean", "min", "max"])
    print(f"\nyeast_function, official split, {len(rows)} seeds, threshold {threshold:.2f}")
    print(table.round(4).to_string())
    return {
        "yeast_micro_f1": table.loc[("ours", "micro_f1"), "mean"],
        "yeast_ap": table.loc[("ours", "average_precision"), "mean"],
    }


def yeast_threshold(train: AnnDataset, *, quick: bool) -> float:
    """Return the threshold at which cross-validated training genes have the best micro-F1."""
    truth = train.batch(np.arange(len(train))).target.numpy()
    scores = np.zeros_like(truth)
    for learned, held_out in KFold(2 if quick else 5, shuffle=True, random_state=0).split(truth):
        model = yeast_model(train.subset(learned), 0, members=2, quick=quick)
        scores[held_out] = gl.infer.predict(model, train.subset(held_out))
    tried = np.arange(0.2, 0.6, 0.01)
    return float(tried[np.argmax([f1_score(truth, scores >= one, average="micro") for one in tried])])


def yeast_model(train: AnnDataset, seed: int, *, members: int, quick: bool) -> FunctionClassifier:
    model = FunctionClassifier(
        14, sequence=False, n_features=train.n_features, frequencies=shares(train), members=members, seed=seed, **YEAST
    )
    return trained(model, train, None, seed, **YEAST_TRAINING | ({"epochs": 5} if quick else {}))


# ---- proteins ---------------------------------------------------------------------------------------------------


def proteins(*, quick: bool) -> dict[str, float]:
    """Hold out clusters of homologs; a random split shows by how much homologs in training raise the figures."""
    adata = gl.data.fetch("protein_function")
    if quick:
        adata = smaller(adata)
    figures: dict[str, float] = {}
    for name, by in (("homology", "cluster"), ("random", None)):
        table = protein_table(adata, by, quick=quick)
        wide = table.query("metric in ('fmax', 'smin')").copy()
        wide["text"] = [f"{row.value:.3f} ({row.low:.3f}-{row.high:.3f})" for row in wide.itertuples()]
        print(f"\nprotein_function, {name} split, 95 % intervals over proteins")
        wide = wide.pivot_table(index="model", columns=["metric", "namespace"], values="text", aggfunc="first")
        print(wide.to_string(), flush=True)
        ending = "" if by else "_random"
        for row in table.query("metric == 'fmax' and model != 'dipeptides'").itertuples():
            figures[f"fmax_{row.namespace}_{row.model}{ending}"] = row.value
    return figures


def smaller(adata: AnnData) -> AnnData:
    """Return a fifth of the proteins and the terms that enough of them have."""
    part = adata[::5].copy()
    kept = np.flatnonzero(np.asarray(part.obsm["terms"].sum(axis=0)).ravel() >= 60)
    place = {old: new for new, old in enumerate(kept.tolist())}
    pairs = [[place[c], place[p]] for c, p in adata.uns["parents"].tolist() if c in place and p in place]
    part.obsm["terms"] = part.obsm["terms"][:, kept]
    part.uns["parents"] = np.array(pairs).reshape(-1, 2)
    part.uns |= {name: part.uns[name][kept] for name in ("terms", "names", "namespaces")}
    return part


def protein_table(adata: AnnData, by: str | None, *, quick: bool) -> pd.DataFrame:
    data = AnnDataset(adata, "obsm/sequence", target="obsm/terms")
    train, valid, test = gl.data.split(data, by=by, seed=0)
    naive, dipeptides, homologue = (
        baseline.fit(train)
        for baseline in (
            gl.function.FrequencyBaseline(),
            gl.function.DipeptideBaseline(),
            gl.function.HomologBaseline(),
        )
    )
    model = FunctionClassifier(
        adata.obsm["terms"].shape[1], parents=adata.uns["parents"], frequencies=shares(train), seed=0, **PROTEINS
    )
    trained(model, train, valid, 0, **PROTEIN_TRAINING | ({"epochs": 3} if quick else {}))
    model.calibrate(valid)
    by_part = [[gl.infer.predict(one, part) for one in (model, homologue)] for part in (valid, test)]
    share = best_share(*by_part[0], valid, train)
    ours, by_homologs = by_part[1]
    print(f"{len(train)}, {len(valid)}, {len(test)} proteins; weight of the homologs {share:.1f}; "
          f"{(by_homologs.max(axis=1) > 0).mean():.2f} of the test proteins have one")  # fmt: skip
    models = {"ours": ours, "naive": naive, "dipeptides": dipeptides, "homologue": by_homologs}
    models["combined"] = gl.function.blend(ours, by_homologs, share)
    return gl.function.evaluate(models, test, train=train, n_boot=100 if quick else 1000)


def best_share(ours: np.ndarray, homologue: np.ndarray, valid: AnnDataset, train: AnnDataset) -> float:
    """Return the weight of the homologs by which the validation proteins' mean Fmax is highest."""
    models = {f"{share:.1f}": gl.function.blend(ours, homologue, share) for share in HOMOLOG_SHARES}
    fmax = gl.function.evaluate(models, valid, train=train, n_boot=0).query("metric == 'fmax'")
    return float(fmax.groupby("model")["value"].mean().idxmax())


# ---- both -------------------------------------------------------------------------------------------------------


def shares(train: AnnDataset) -> np.ndarray:
    """Return the share of the training rows that have each term."""
    return np.mean(np.concatenate([batch.target.numpy() for batch in train.batches(1024)]), axis=0)


def trained(
    model: FunctionClassifier, train: AnnDataset, valid: AnnDataset | None, seed: int, *, epochs: int, **training: Any
) -> FunctionClassifier:
    """Train as a person does at the panel: at the end, with a tenth of the learning rate."""
    run = gl.Run(model, train, valid, gl.RunConfig(epochs=epochs, seed=seed, threads=1, device="cpu", **training))
    for epoch in run:
        if epoch.number == round(epochs * (1 - FINE_SHARE)):
            run.tune(learning_rate=run.config.learning_rate / 10)
    return model


PARTS: dict[str, Callable[..., dict[str, float]]] = {"yeast": yeast, "proteins": proteins}


if __name__ == "__main__":
    main()
