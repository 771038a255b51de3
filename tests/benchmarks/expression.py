"""Expression models measured beside scvi-tools: speed, held-out likelihood, memory, and what the latent space knows.

    .venv/bin/python tests/benchmarks/expression.py [--quick]

Every speed is in CPU seconds of one thread, as a ratio to a baseline measured in the same run. scvi-tools gets an
environment of its own in build/scvi (made on the first run). The latent table needs tabula_muris: by URL, or from
GENOLAB_MIRROR. `--quick` takes fewer cells, epochs and seeds. The last line is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from anndata import AnnData

import genolab as gl
from genolab.data import AnnDataset
from genolab.models import Autoencoder, PCABaseline, VariationalAutoencoder
from genolab.models.likelihood import negative_binomial
from genolab.run import RunConfig
from genolab.run.engine import Engine

HERE = Path(__file__).parent
SCVI_HOME = HERE.parents[1] / "build" / "scvi"
SCVI = ("torch==2.13.0", "scvi-tools==1.4.2")

# What the latent table trains; the settings were chosen by hand, by the same figures.
FINE_EPOCHS = 15
TEN_D, TEN_D_EPOCHS = {"hidden": (1024, 128), "n_latent": 10, "input_dropout": 0.7}, 85
TWO_D_EPOCHS = 60
TWO_D = {"hidden": (256, 128, 64, 32, 16, 8, 4), "n_latent": 2, "input_dropout": 0.2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the cells, two seeds")
    parser.add_argument("--only", choices=("speed", "memory", "latent"), help="one part of it")
    parser.add_argument("--memory-of", metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.memory_of:
        print(json.dumps(train_in_memory(Path(options.memory_of))))
        return
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "latent":
            data = Path(folder) / "cells.h5ad"
            simulated(5_000 if options.quick else 50_000).write_h5ad(data)
            if options.only != "memory":
                figures |= speed(data, epochs=3 if options.quick else 5)
            if options.only != "speed":
                figures["peak_overhead_mb"] = memory(data)
        if options.only in (None, "latent"):
            figures |= latent_table(Path(folder), seeds=2 if options.quick else 5, scvi=not options.quick)
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


def simulated(n_cells: int) -> AnnData:
    """Return cells of which nine in ten are to learn from, with raw counts in X alone."""
    cells = gl.data.simulate_cells(n_cells, 2000, n_types=10, seed=0)
    del cells.layers["counts"]
    cells.obs["train"] = np.random.default_rng(0).random(n_cells) < 0.9
    return cells


# ---- speed and likelihood ---------------------------------------------------------------------------------------


def speed(data: Path, epochs: int) -> dict[str, float]:
    """Time an epoch of ours, of SCVI, and of our model on one fixed batch; judge both on the cells held out."""
    import anndata

    cells = anndata.read_h5ad(data)
    learn, judge = (
        AnnDataset(cells).subset(np.flatnonzero(part)) for part in (cells.obs["train"], ~cells.obs["train"])
    )
    rows = []
    for size in (128, 1024):
        run = new_run(learn, size, epochs)
        theirs = scvi("train", data, size, epochs, run.model.config.kl_warmup_steps)
        ours = epoch_seconds(run)
        floor = fixed_batch_seconds(learn, size)
        nll = heldout_nll(run.model, judge)
        rows.append(
            {"batch": size, "SCVI s/epoch": theirs["cpu_seconds"], "genolab s/epoch": ours, "one batch s/epoch": floor}
            | {"speed-up": theirs["cpu_seconds"] / ours, "over floor": ours / floor}
            | {"SCVI held-out NLL": theirs["heldout_nll"], "genolab held-out NLL": nll}
        )
    table = pd.DataFrame(rows)
    print(f"\n{len(learn):,} cells x 2,000 genes, {epochs} epochs, NB-VAE 128-10-128, one thread")
    print(table.round(3).to_string(index=False))
    ratio = table["genolab held-out NLL"] / table["SCVI held-out NLL"]
    return {
        "scvi_speedup_128": table["speed-up"][0],
        "scvi_speedup_1024": table["speed-up"][1],
        "heldout_nll_ratio": ratio.max(),
        "floor_ratio": table["over floor"].max(),
    }


def new_run(learn: AnnDataset, batch_size: int, epochs: int) -> gl.Run:
    warmup = min(400, learn.n_batches(batch_size) * epochs // 2)
    model = VariationalAutoencoder(2000, n_latent=10, hidden=(128,), kl_warmup_steps=warmup)
    return gl.Run(model, learn, None, gl.RunConfig(epochs=epochs, batch_size=batch_size, threads=1, device="cpu"))


def epoch_seconds(run: gl.Run) -> float:
    """Return the median CPU seconds of an epoch."""
    seconds, began = [], time.process_time()
    for _ in run:
        seconds.append(time.process_time() - began)
        began = time.process_time()
    return float(np.median(seconds))


def fixed_batch_seconds(learn: AnnDataset, batch_size: int, steps: int = 100) -> float:
    """Return the CPU seconds of an epoch's steps, if all were on one batch that lies ready."""
    config = RunConfig(device="cpu")
    engine = Engine(VariationalAutoencoder(2000), config)
    batch = learn.batch(np.arange(batch_size))
    steps = max(10, steps * 128 // batch_size)
    engine.step(batch, config, number=0, total=steps)
    seconds = []
    for number in range(steps):
        began = time.process_time()
        engine.step(batch, config, number=number, total=steps)
        seconds.append(time.process_time() - began)
    return float(np.mean(seconds)) * learn.n_batches(batch_size)


def heldout_nll(model: VariationalAutoencoder, cells: AnnDataset, draws: int = 20) -> float:
    """Return the marginal negative log-likelihood a cell, by importance sampling as SCVI's ``get_marginal_ll`` does."""
    generator = torch.Generator().manual_seed(0)
    model.eval()
    total = 0.0
    with torch.no_grad():
        for batch in cells.batches(512):
            mean, log_variance = model.encode(batch)
            library = batch.x.sum(dim=1, keepdim=True)
            weights = []
            for _ in range(draws):
                noise = torch.empty_like(mean).normal_(generator=generator)
                latent = mean + noise * (0.5 * log_variance).exp()
                scores = model.to_scores(model.decoder(latent))
                likelihood = -torch.stack(
                    [
                        negative_binomial(x[None], s[None], library=n[None], log_dispersion=model.log_spread)
                        for x, s, n in zip(batch.x, scores, library, strict=True)
                    ]
                )
                prior_over_posterior = 0.5 * (noise.square() + log_variance - latent.square()).sum(dim=1)
                weights.append(likelihood + prior_over_posterior)
            total -= float((torch.stack(weights).logsumexp(dim=0) - np.log(draws)).sum())
    return total / len(cells)


# ---- memory -----------------------------------------------------------------------------------------------------


def memory(data: Path) -> float:
    """Return the MB that training needs at its peak over the process with the data loaded, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--memory-of", str(data)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"\npeak memory: {found['loaded']:.0f} MB with the data loaded, {found['peak']:.0f} MB while training")
    return float(found["peak"] - found["loaded"])


def train_in_memory(data: Path) -> dict[str, float]:
    import anndata

    cells = anndata.read_h5ad(data)
    run = new_run(AnnDataset(cells), 1024, 1)
    loaded = resident_mb("VmRSS")
    for _ in run:
        pass
    return {"loaded": loaded, "peak": resident_mb("VmHWM")}


def resident_mb(field: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


# ---- what the latent space knows --------------------------------------------------------------------------------


def latent_table(folder: Path, seeds: int, *, scvi: bool) -> dict[str, float]:
    """Train on all of tabula_muris, as the published figures do, and read the cell types off the latent space."""
    cells = gl.preprocess.apply(gl.data.fetch("tabula_muris"), gl.preprocess.Recipe())
    values, raw = AnnDataset(cells), AnnDataset(cells, "layers/counts")
    labels = cells.obs["cell_type"]
    plain = folder / "tabula_muris.h5ad"
    AnnData(cells.layers["counts"]).write_h5ad(plain)
    trained = {
        ("Autoencoder", 10): lambda seed: train(
            Autoencoder(cells.n_vars, **TEN_D, seed=seed), values, TEN_D_EPOCHS, seed
        ),
        ("Autoencoder", 2): lambda seed: train(
            Autoencoder(cells.n_vars, **TWO_D, seed=seed), values, TWO_D_EPOCHS, seed
        ),
        ("VariationalAutoencoder", 10): lambda seed: train(
            VariationalAutoencoder(cells.n_vars, n_latent=10, seed=seed), raw, 60, seed
        ),
        ("VariationalAutoencoder", 2): lambda seed: train(
            VariationalAutoencoder(cells.n_vars, n_latent=2, seed=seed), raw, 60, seed
        ),
    }
    if scvi:
        trained |= {("SCVI", d): lambda seed, d=d: scvi_latent(plain, d, 100, seed) for d in (10, 2)}
    rows = [
        {"model": "PCA", "d": d} | judged(gl.infer.embed(PCABaseline(d).fit(values), values), labels)
        for d in (50, 10, 2)
    ]
    for (name, d), make in trained.items():
        for seed in range(seeds):
            rows.append({"model": name, "d": d, "seed": seed} | judged(make(seed), labels))
            print(rows[-1], file=sys.stderr, flush=True)
    each = pd.DataFrame(rows).groupby(["model", "d"], sort=False)[["accuracy", "macro-F1", "ARI"]]
    print(f"\ntabula_muris, 4,000 cells, mean (standard deviation) of {seeds} seeds; PCA has no seed")
    mean, spread = each.mean(), each.std()
    print((mean.round(3).astype(str) + " (" + spread.round(3).astype(str) + ")").to_string())
    ten, two = mean.loc["Autoencoder", 10], mean.loc["Autoencoder", 2]
    return {
        "latent10_knn": ten["accuracy"],
        "latent10_f1": ten["macro-F1"],
        "latent10_ari": ten["ARI"],
        "latent2_knn": two["accuracy"],
    }


def train(model: torch.nn.Module, data: AnnDataset, epochs: int, seed: int) -> np.ndarray:
    """Train as a person does at the panel: at the end, with a tenth of the learning rate."""
    run = gl.Run(model, data, None, gl.RunConfig(epochs=epochs, seed=seed, threads=1, device="cpu"))
    for epoch in run:
        if epoch.number == epochs - FINE_EPOCHS:
            run.tune(learning_rate=1e-4)
    return gl.infer.embed(model, data)


def scvi_latent(data: Path, n_latent: int, epochs: int, seed: int) -> np.ndarray:
    out = data.with_suffix(".npy")
    scvi("latent", data, n_latent, epochs, seed, out)
    return np.load(out)


def judged(latent: np.ndarray, labels: pd.Series) -> dict[str, float]:
    knn = gl.evaluate.knn_scores(latent, labels, n_boot=0)
    leiden = gl.evaluate.leiden_ari(latent, labels, n_boot=0)
    return {"accuracy": knn.accuracy.value, "macro-F1": knn.macro_f1.value, "ARI": leiden.ari.value}


# ---- scvi-tools -------------------------------------------------------------------------------------------------


def scvi(*arguments: object) -> dict[str, float]:
    """Run the worker in scvi-tools' own environment, making that first where it isn't there."""
    python = Path(os.environ.get("SCVI_PYTHON", SCVI_HOME / "bin" / "python"))
    if not python.is_file():
        print(f"making {SCVI_HOME} with {' '.join(SCVI)} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", SCVI_HOME], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *SCVI], check=True)
    command = [str(python), str(HERE / "scvi_worker.py"), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
