"""SCVI's side of expression.py; runs in an environment of its own, and prints one line of JSON.

Usage: scvi_worker.py train DATA.h5ad BATCH_SIZE EPOCHS KL_STEPS   (obs["train"] says which cells to learn from)
       scvi_worker.py latent DATA.h5ad N_LATENT EPOCHS SEED OUT.npy
"""

import json
import logging
import sys
import time
import warnings

import anndata
import numpy as np
import scvi
import torch

warnings.filterwarnings("ignore")
for name in ("lightning.pytorch", "pytorch_lightning", "scvi"):
    logging.getLogger(name).setLevel(logging.ERROR)
torch.set_num_threads(1)
scvi.settings.verbosity = 0
QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "logger": False}


def train(path, batch_size, epochs, kl_steps):
    """Time epochs by CPU seconds, and judge the cells held out."""
    scvi.settings.seed = 0
    cells = anndata.read_h5ad(path)
    learn = np.flatnonzero(cells.obs["train"])
    scvi.model.SCVI.setup_anndata(cells)
    model = scvi.model.SCVI(cells, gene_likelihood="nb", n_latent=10, n_hidden=128, n_layers=1)
    held_out = np.flatnonzero(~cells.obs["train"])
    split = {"external_indexing": [learn, held_out]}
    plan = {"n_steps_kl_warmup": kl_steps, "n_epochs_kl_warmup": None}
    options = {"batch_size": batch_size, "datasplitter_kwargs": split, "plan_kwargs": plan, **QUIET}
    clock = EpochClock()
    model.train(max_epochs=epochs, callbacks=[clock], **options)
    nll = -float(model.get_marginal_ll(indices=held_out, n_mc_samples=20, batch_size=512))
    return {"cpu_seconds": float(np.median(clock.seconds)), "heldout_nll": nll}


class EpochClock(scvi.train._callbacks.Callback):
    """CPU seconds of each epoch."""

    def __init__(self):
        self.seconds = []

    def on_train_epoch_start(self, *_):
        self.began = time.process_time()

    def on_train_epoch_end(self, *_):
        self.seconds.append(time.process_time() - self.began)


def latent(path, n_latent, epochs, seed, out):
    """Embed all cells after training on all of them."""
    scvi.settings.seed = seed
    cells = anndata.read_h5ad(path)
    scvi.model.SCVI.setup_anndata(cells)
    model = scvi.model.SCVI(cells, gene_likelihood="nb", n_latent=n_latent)
    began = time.process_time()
    model.train(max_epochs=epochs, train_size=1.0, **QUIET)
    np.save(out, model.get_latent_representation())
    return {"cpu_seconds": time.process_time() - began}


if __name__ == "__main__":
    what, path, *rest = sys.argv[1:]
    if what == "train":
        print(json.dumps(train(path, *map(int, rest))))
    else:
        print(json.dumps(latent(path, *map(int, rest[:3]), rest[3])))
