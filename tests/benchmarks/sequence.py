"""Sequence models measured: how well they recognise, how fast they are, each beside its baseline or its floor.

    .venv/bin/python tests/benchmarks/sequence.py [--quick] [--only PART]

Speeds are of one CPU thread, that of mutagenesis of two. The promoters come by URL, or from GENOLAB_MIRROR. `--quick`
takes one seed, fewer folds and one network instead of several. Every part prints its table; the last line is JSON.

How the figures are honest: rows that are equal (splice junctions), or of more than 80 % identity (promoters), lie in
one part. The settings stand below; they were chosen by cross-validation inside the training part of one split. Nothing
is stopped or picked by a test part: every network trains for a fixed number of epochs.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import gene_finding
import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from sklearn.model_selection import StratifiedKFold

import genolab as gl
from genolab.data import AnnDataset
from genolab.dna import KmerBaseline, PWMBaseline, SequenceCNN
from genolab.run.engine import Engine

SPLICE = {"n_filters": 32, "width": 9, "n_layers": 2, "input_dropout": 0.3, "members": 5}
SPLICE_TRAINING = {"epochs": 30, "batch_size": 64, "learning_rate": 2e-3, "weight_decay": 0.05}
# Promoters stand within a few bases of their place, most other stretches are coding: hence the shifts and the period
PROMOTERS = {"n_filters": 32, "width": 9, "n_layers": 3, "period": 3, "input_dropout": 0.1, "shift": 3, "members": 5}
SIGMA70_TRAINING = {"epochs": 30, "batch_size": 64, "learning_rate": 2e-3, "weight_decay": 0.05}
TATA_TRAINING = SIGMA70_TRAINING | {"epochs": 20}  # sequences three times as long: fewer walks are enough
FINE_SHARE = 0.25  # of the epochs, at the end, with a tenth of the learning rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, fewer folds, one network")
    parser.add_argument("--only", choices=tuple(PARTS), help="one part of it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, float] = {}
    for name, part in PARTS.items():
        if options.only == name or (options.only is None and name not in ON_REQUEST):
            figures |= part(quick=options.quick)
    print(json.dumps({name: round(float(value), 4) for name, value in figures.items()}))


# ---- recognition ------------------------------------------------------------------------------------------------


def splice(*, quick: bool) -> dict[str, float]:
    """Cross-validate on the splice junctions in ten folds, dealt anew for each seed; duplicates are out already."""
    loci = gl.data.fetch("splice_junctions")
    data = AnnDataset(loci, "obsm/sequence", target="obs/junction")
    codes = loci.obs["junction"].cat.codes.to_numpy()
    rows = []
    for seed in range(1 if quick else 5):
        folds = list(StratifiedKFold(10, shuffle=True, random_state=seed).split(codes, codes))[: 3 if quick else 10]
        found = [evaluated_fold(data, codes, train, test, seed, quick=quick) for train, test in folds]
        rows.append(pd.DataFrame(found).mean().rename(seed))
        print(rows[-1].to_dict(), flush=True)
    table = pd.DataFrame(rows)
    print(f"\nsplice junctions, {len(data):,} distinct sequences: accuracy in 10-fold cross-validation, by seed")
    print(table.round(4).to_string())
    return {"splice_accuracy": table["SequenceCNN"].mean()}


def evaluated_fold(
    data: AnnDataset, codes: np.ndarray, train: np.ndarray, test: np.ndarray, seed: int, *, quick: bool
) -> dict[str, float]:
    models = fitted(data.subset(train), SPLICE, SPLICE_TRAINING, seed, quick=quick)
    return {
        name: float((gl.infer.predict(model, data.subset(test)).argmax(axis=1) == codes[test]).mean())
        for name, model in models.items()
    }


def promoters(*, quick: bool) -> dict[str, float]:
    """Hold out a fifth of the sequences, near-duplicates kept together, anew for each seed."""
    figures = {}
    for name, key, training in (
        ("sigma70_promoters", "sigma70_cc", SIGMA70_TRAINING),
        ("tata_promoters", "tata_cc", TATA_TRAINING),
    ):
        table = promoter_table(gl.data.fetch(name), training, quick=quick)
        print(f"\n{name}: Matthews correlation on the fifth held out, by seed")
        print(table.round(4).to_string())
        figures[key] = table["SequenceCNN"].mean()
    return figures


def promoter_table(adata: AnnData, training: dict[str, Any], *, quick: bool) -> pd.DataFrame:
    adata.obs["cluster"] = gl.sequences.cluster_sequences(adata.obsm["sequence"], identity=0.8)
    data = AnnDataset(adata, "obsm/sequence", target="obs/promoter")
    rows = []
    for seed in range(1 if quick else 5):
        train, _, test = gl.data.split(data, by="cluster", stratify="promoter", fractions=(0.8, 0.0, 0.2), seed=seed)
        models = fitted(train, PROMOTERS, training, seed, quick=quick)
        found = gl.evaluate.table(models, test, metrics=["mcc"], n_boot=0)
        rows.append(found.set_index("model")["value"].rename(seed))
        print(rows[-1].to_dict(), flush=True)
    return pd.DataFrame(rows)


def fitted(
    train: AnnDataset, settings: dict[str, Any], training: dict[str, Any], seed: int, *, quick: bool
) -> dict[str, torch.nn.Module]:
    """Train the network and both baselines on the same rows."""
    settings = settings | ({"members": 1} if quick else {})
    length = train.batch([0]).x.shape[2]
    model = SequenceCNN(len(train.target_names), length=length, seed=seed, **settings)
    return {
        "SequenceCNN": trained(model, train, seed, **training),
        "k-mers": KmerBaseline(4).fit(train),
        "weight matrix": PWMBaseline().fit(train),
    }


def trained(model: SequenceCNN, train: AnnDataset, seed: int, *, epochs: int, **training: float) -> SequenceCNN:
    """Train as a person does at the panel: at the end, with a tenth of the learning rate."""
    run = gl.Run(model, train, None, gl.RunConfig(epochs=epochs, seed=seed, threads=1, device="cpu", **training))
    for epoch in run:
        if epoch.number == round(epochs * (1 - FINE_SHARE)):
            run.tune(learning_rate=run.config.learning_rate / 10)
    return model


# ---- speed ------------------------------------------------------------------------------------------------------


def floor(*, quick: bool) -> dict[str, float]:
    """Compare an epoch with as many steps on one batch that lies ready: what remains is the cost of loading."""
    n, size = (2_000, 128) if quick else (10_000, 128)
    random = np.random.default_rng(0)
    adata = AnnData(obs=pd.DataFrame({"kind": np.resize(["a", "b"], n)}, index=list(map(str, range(n)))))
    adata.obsm["sequence"] = np.eye(4, dtype=np.uint8)[random.integers(4, size=(n, 200))].transpose(0, 2, 1).copy()
    data = AnnDataset(adata, "obsm/sequence", target="obs/kind")
    run = gl.Run(SequenceCNN(2), data, None, gl.RunConfig(epochs=3, batch_size=size, threads=1, device="cpu"))
    engine = Engine(SequenceCNN(2), gl.RunConfig(device="cpu"))
    ready, steps = data.batch(np.arange(size)), data.n_batches(size)
    ours, least = [], []
    walk = iter(run)
    for _ in range(3):  # turn by turn, so that a busy machine slows both
        ours.append(seconds(lambda: next(walk)))
        least.append(seconds(lambda: fixed_steps(engine, ready, steps)))
    print(f"\nan epoch over {n:,} x 200 bases: {min(ours):.2f} CPU seconds; on one fixed batch: {min(least):.2f}")
    return {"floor_ratio": min(ours) / min(least)}


def one_hot(*, quick: bool) -> dict[str, float]:
    """Encode sequences of several lengths, from strings to arrays, letters checked; the best of repeats counts."""
    random = np.random.default_rng(0)
    rows, repeats = {}, 21 if quick else 101
    for length in (60, 251, 1_000, 10_000, 1_000_000):
        letters = np.frombuffer(b"ACGT", dtype=np.uint8)[random.integers(4, size=(max(1, 1_000_000 // length), length))]
        sequences = [row.tobytes().decode() for row in letters]
        taken = min(seconds(lambda texts=sequences: gl.sequences.one_hot(texts)) for _ in range(repeats))
        rows[f"{length:,}"] = letters.size / taken / 1e6
    print("\none-hot, Mbp a CPU second, 1 Mbp in sequences of so many bases")
    print(pd.Series(rows).round(0).astype(int).to_string())
    return {"onehot_mbp_s": rows["1,000"]}


def fixed_steps(engine: Engine, batch: Any, steps: int) -> None:
    for number in range(steps):
        engine.step(batch, gl.RunConfig(), number=number, total=steps)


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


# ---- why --------------------------------------------------------------------------------------------------------


def mutagenesis(*, quick: bool) -> dict[str, float]:
    """Change every base of 1,000 sequences of 200 bp, on two cores, beside predicting each changed one as a whole."""
    random = np.random.default_rng(0)
    x = np.eye(4, dtype=np.uint8)[random.integers(0, 4, (100 if quick else 1000, 200))].transpose(0, 2, 1)
    model = SequenceCNN(3).eval()
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        gl.dna.attribute(model, x[:70])  # what is done once
        begun = time.perf_counter()
        gl.dna.attribute(model, x)
        seconds = (time.perf_counter() - begun) * 1000 / len(x)
        some = torch.tensor(x[:50]).repeat(12, 1, 1)  # as many as the changes of one sequence
        begun = time.perf_counter()
        with torch.no_grad():
            model.logits(some)
        whole = (time.perf_counter() - begun) * 1000
    finally:
        torch.set_num_threads(before)
    print(
        f"\nsaturation mutagenesis of 1,000 x 200 bp: {seconds:.1f} s; every changed sequence as a whole {whole:.0f} s"
    )
    return {"ism_seconds": seconds}


PARTS: dict[str, Callable[..., dict[str, float]]] = {
    "splice": splice,
    "promoters": promoters,
    "floor": floor,
    "one_hot": one_hot,
    "mutagenesis": mutagenesis,
    "genes": gene_finding.genes,
    "tagging": gene_finding.tagging,
    "grammar": gene_finding.grammar,
    "bacteria": gene_finding.bacteria,
}
ON_REQUEST = ("grammar", "bacteria")  # by --only: a choice that was made, and a prediction beside a prediction


if __name__ == "__main__":
    main()
