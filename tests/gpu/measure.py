"""Figures of one device: ``measure.py DEVICE [--cut]``; prints a line of JSON for each part as it is done."""

import importlib.util
import json
import resource
import sys
import time
from typing import Any

import numpy as np
import torch
from anndata import AnnData
from scipy import sparse

import genolab as gl
from genolab.run.engine import Engine

MODES = ("global", "local", "semiglobal")
FIELDS = ("score", "query_start", "query_end", "target_start", "target_end", "identity")


def main(device: str, *, cut: bool) -> None:
    cells = simulated(2_000 if cut else 50_000)
    many = tiled(cells, 2 if cut else 20)
    parts = {
        "alignments": lambda: alignments(device, n=40 if cut else 2_000),
        "alignment speed": lambda: alignment_speed(device, n=50 if cut else 20_000, length=100 if cut else 2_000),
        "epoch, batches of 128": lambda: epochs(cells, device, 128, cut=cut),
        "epoch, batches of 1024": lambda: epochs(cells, device, 1024, cut=cut),
        "epoch of many cells": lambda: epochs(many, device, 1024, cut=cut),
        "embed many cells": lambda: embedding(many, device),
        "SCVI": lambda: scvi(cells, device),
    }
    for name, part in parts.items():
        if device != "cpu":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        began = time.perf_counter()
        figures = part()
        used = {"part_seconds": round(time.perf_counter() - began, 1), "rss_mb": resident_mb()}
        if device != "cpu":
            used["gpu_mb"] = round(torch.cuda.max_memory_allocated() / 1e6)
        print(json.dumps({"part": name} | figures | used), flush=True)


def resident_mb() -> int:
    """Return the peak of the process so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def synchronised(device: str) -> float:
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()


# ---- alignment -------------------------------------------------------------------------------------------------------


def random_pairs(n: int, longest: int) -> tuple[list[str], list[str]]:
    random = np.random.default_rng(0)
    targets = ["".join(random.choice(list("ACGT"), random.integers(0, longest + 1))) for _ in range(n)]
    queries = ["".join(c if random.random() > 0.15 else random.choice(list("ACGT")) for c in text) for text in targets]
    return queries, targets


def alignments(device: str, n: int) -> dict[str, Any]:
    """Align pairs in all modes on the device and on the CPU, and count what differs."""
    queries, targets = random_pairs(n, 60 if device == "cpu" else 400)
    backend = {"backend": "torch"} if device == "cpu" else {"backend": "triton", "device": device}
    different = 0
    for mode in MODES:
        there = gl.align.align(queries, targets, mode=mode, **backend)
        here = gl.align.align(queries, targets, mode=mode, backend="numba")
        alone = gl.align.align(queries, targets, mode=mode, traceback=False, **backend)
        same = [np.isclose(getattr(there, name), getattr(here, name), rtol=0, equal_nan=True) for name in FIELDS]
        same += [np.array(there.cigar) == np.array(here.cigar), alone.score == here.score]
        different += int((~np.all(same, axis=0)).sum())
    return {"pairs": n, "modes": len(MODES), "different": different}


def alignment_speed(device: str, n: int, length: int) -> dict[str, Any]:
    """Score pairs on the device, from texts to scores, copies included."""
    random = np.random.default_rng(0)
    some = ["".join(row) for row in random.choice(list("ACGT"), (50, length))]
    queries, targets = some * (n // 50), some[::-1] * (n // 50)
    backend = {"backend": "torch"} if device == "cpu" else {"backend": "triton", "device": device}
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        gl.align.align(queries, targets, mode="local", traceback=False, **backend)
        seconds.append(time.perf_counter() - began)
    return {"gcups": round(len(queries) * length**2 / min(seconds) / 1e9, 3)}


# ---- expression ------------------------------------------------------------------------------------------------------


def simulated(n: int) -> AnnData:
    return AnnData(gl.data.simulate_cells(n, 2000, n_types=10, seed=0).layers["counts"].astype(np.float32))


def tiled(cells: AnnData, times: int) -> AnnData:
    return AnnData(sparse.vstack([cells.X] * times, format="csr"))


def model_of(cells: AnnData) -> gl.models.VariationalAutoencoder:
    return gl.models.VariationalAutoencoder(cells.n_vars, n_latent=10, hidden=(128,))


def epochs(cells: AnnData, device: str, batch_size: int, *, cut: bool) -> dict[str, Any]:
    """Time epochs with the rows on the device, beside as many steps on one batch that lies there ready."""
    config = gl.RunConfig(epochs=2 if cut else 3, batch_size=batch_size, device=device)
    run = gl.Run(model_of(cells), gl.data.AnnDataset(cells), None, config)
    seconds = [epoch.seconds for epoch in run]
    engine = Engine(model_of(cells), config)
    batch = gl.data.AnnDataset(cells).batch(np.arange(batch_size)).to(engine.device)
    steps = 20 if cut else 100
    engine.step(batch, config, rate=1e-3, number=0, total=steps)
    began = synchronised(device)
    for number in range(steps):
        engine.step(batch, config, rate=1e-3, number=number, total=steps)
    each = (synchronised(device) - began) / steps
    fixed = each * (cells.n_obs // batch_size)
    return {
        "cells": cells.n_obs,
        "epoch_seconds": round(min(seconds), 3),
        "one_batch_seconds": round(fixed, 3),
        "ratio": round(min(seconds) / fixed, 2),
        "loss": round(run.epochs[-1].train["loss"], 2),
    }


def embedding(cells: AnnData, device: str) -> dict[str, Any]:
    began = time.perf_counter()
    latent = gl.infer.embed(model_of(cells), gl.data.AnnDataset(cells), batch_size=8192, device=device)
    assert latent.shape == (cells.n_obs, 10)
    assert np.isfinite(latent).all()
    return {"cells": cells.n_obs, "seconds": round(time.perf_counter() - began, 2)}


def scvi(cells: AnnData, device: str) -> dict[str, Any]:
    """Time an epoch of SCVI by the wall clock, where it is installed."""
    if importlib.util.find_spec("scvi") is None:
        return {"note": "not installed here"}
    import scvi as tools

    own = cells.copy()
    tools.model.SCVI.setup_anndata(own)
    model = tools.model.SCVI(own, gene_likelihood="nb", n_latent=10, n_hidden=128, n_layers=1)
    options = {"train_size": 1.0, "enable_progress_bar": False, "logger": False, "batch_size": 1024}
    seconds = []
    for epochs in (1, 3):  # the difference is without what comes before and after
        began = synchronised(device)
        model.train(max_epochs=epochs, accelerator="cpu" if device == "cpu" else "gpu", **options)
        seconds.append(synchronised(device) - began)
    return {"cells": cells.n_obs, "epoch_seconds": round((seconds[1] - seconds[0]) / 2, 3)}


if __name__ == "__main__":
    main(sys.argv[1], cut="--cut" in sys.argv)
