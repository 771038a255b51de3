"""Ask a model about rows, batch by batch."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from genolab.data.dataset import AnnDataset
from genolab.infer.lend import borrowed, to_numpy

Array = NDArray[np.float32]


def embed(model: nn.Module, dataset: AnnDataset, *, batch_size: int = 1024, device: str | None = None) -> Array:
    """Return the rows' coordinates in the model's latent space, ``(n, n_latent)`` float32, in the dataset's order.

    The model has ``embed(batch)``, as all of genolab's have. It computes on `device`; ``None``: where the model is.
    """
    return over_batches(model, "embed", dataset, batch_size, device)


def predict(model: nn.Module, dataset: AnnDataset, *, batch_size: int = 1024, device: str | None = None) -> Array:
    """Return what a model predicts for the rows, ``(n, n_outputs)`` float32; arguments as in `embed`.

    Probabilities of the classes or labels, or the values themselves, as the model's ``predict(batch)`` gives them.
    """
    return over_batches(model, "predict", dataset, batch_size, device)


def reconstruct(model: nn.Module, dataset: AnnDataset, *, batch_size: int = 1024, device: str | None = None) -> Array:
    """Return the rows as the model rebuilds them, ``(n, n_genes)`` float32, dense; arguments as in `embed`."""
    return over_batches(model, "reconstruct", dataset, batch_size, device)


def decode(
    model: nn.Module,
    latent: ArrayLike,
    *,
    covariates: Mapping[str, ArrayLike] | None = None,
    batch_size: int = 1024,
    device: str | None = None,
) -> Array:
    """Return the profiles that points of the latent space stand for, ``(n, n_genes)`` float32.

    Parameters
    ----------
    latent
        ``(n, n_latent)``; they need not be any cell's.
    covariates
        Codes or values, one a point, for a model that was built with covariates.
    """
    points = torch.from_numpy(to_numpy(latent))
    if points.ndim != 2:
        raise ValueError(f"latent must have two dimensions, (n, n_latent), got the shape {tuple(points.shape)}")
    known = {name: torch.from_numpy(to_numpy(values, None)) for name, values in (covariates or {}).items()}
    parts = []
    with borrowed(model, "decode", device) as (ask, where):
        for first in range(0, len(points), batch_size):
            rows = slice(first, first + batch_size)
            given = {name: values[rows].to(where) for name, values in known.items()}
            parts.append(to_numpy(ask(points[rows].to(where), given)))
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


def over_batches(model: nn.Module, verb: str, dataset: AnnDataset, batch_size: int, device: str | None) -> Array:
    """Return what a method of the model, from batches to tensors, gives for all rows; arguments as in `embed`."""
    with borrowed(model, verb, device) as (ask, where):
        return np.concatenate([to_numpy(ask(batch.to(where))) for batch in dataset.batches(batch_size)])
