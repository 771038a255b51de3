"""Ask a model about rows, batch by batch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from genolab.data.dataset import AnnDataset, aligned
from genolab.data.signature import Signature, recode
from genolab.infer.lend import borrowed, to_numpy
from genolab.waiting import progress

Array = NDArray[np.float32]


def embed(model: nn.Module, dataset: AnnDataset, *, batch_size: int = 1024, device: str | None = None) -> Array:
    """Return the rows' coordinates in the model's latent space, ``(n, n_latent)`` float32, in the dataset's order.

    The model has ``embed(batch)``, as all of genolab's have. It computes on `device`; ``None``: where the model is.
    Genes, levels and other names are brought into the order that the model was trained on, or refused where some are
    missing.
    """
    return over_batches(model, "embed", dataset, batch_size, device)


def predict(model: nn.Module, dataset: AnnDataset, *, batch_size: int = 1024, device: str | None = None) -> Array:
    """Return what a model predicts for the rows, ``(n, n_outputs)`` float32; arguments as in `embed`.

    Probabilities of the classes or labels, or the values themselves, as the model's ``predict(batch)`` gives them: in
    the order of the classes that it was trained on, ``model.trained_on.target.names``.
    """
    return over_batches(model, "predict", dataset, batch_size, device)


def reconstruct(model: nn.Module, dataset: AnnDataset, *, batch_size: int = 1024, device: str | None = None) -> Array:
    """Return the rows as the model rebuilds them, ``(n, n_genes)`` float32, dense; arguments as in `embed`.

    The genes are in the order of the dataset, those that the model knows.
    """
    rebuilt = over_batches(model, "reconstruct", dataset, batch_size, device)
    return rebuilt[:, _back(model, dataset)]


def _back(model: nn.Module, dataset: AnnDataset) -> Any:
    """Return the places of the model's columns in the order of the dataset's."""
    known, own = getattr(model, "trained_on", None), dataset.signature.inputs[0].names
    if not isinstance(known, Signature) or own is None or known.inputs[0].names is None or known.inputs[0].names == own:
        return slice(None)
    place = {name: at for at, name in enumerate(known.inputs[0].names)}
    return [place[name] for name in own if name in place]


def decode(
    model: nn.Module,
    latent: ArrayLike,
    *,
    covariates: Mapping[str, ArrayLike] | None = None,
    batch_size: int = 1024,
    device: str | None = None,
) -> Array:
    """Return the profiles that points of the latent space stand for, ``(n, n_genes)`` float32.

    The genes are in the order that the model was trained on, ``model.trained_on.inputs[0].names``.

    Parameters
    ----------
    latent
        ``(n, n_latent)``; they need not be any cell's.
    covariates
        Levels by name, codes or values, one a point, for a model that was built with covariates.
    """
    points = torch.from_numpy(to_numpy(latent))
    if points.ndim != 2:
        raise ValueError(f"latent must have two dimensions, (n, n_latent), got the shape {tuple(points.shape)}")
    known = {name: covariate_codes(model, name, values) for name, values in (covariates or {}).items()}
    if wrong := [f"{name}: {len(values):,}" for name, values in known.items() if len(values) != len(points)]:
        raise ValueError(f"covariates have one value for each of {len(points):,} points, got {', '.join(wrong)}")
    parts = []
    with borrowed(model, "decode", device) as (ask, where):
        for first in range(0, len(points), batch_size):
            rows = slice(first, first + batch_size)
            given = {name: values[rows].to(where) for name, values in known.items()}
            parts.append(to_numpy(ask(points[rows].to(where), given)))
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


def covariate_codes(model: nn.Module, name: str, values: ArrayLike) -> torch.Tensor:
    """Return a covariate as numbers: its levels, where they are given by name, as the codes that the model knows."""
    given, known = to_numpy(values, None), getattr(model, "trained_on", None)
    if given.dtype.kind not in "OUS" or not isinstance(known, Signature) or name not in known.covariates:
        return torch.as_tensor(given)
    levels, codes = np.unique(given.astype(str), return_inverse=True)
    fix = "Ask for one of those"
    table = recode(known.covariates[name], tuple(levels.tolist()), np.arange(len(levels)), f"covariate {name!r}", fix)
    return torch.from_numpy(codes if table is None else table[codes])


def over_batches(model: nn.Module, verb: str, dataset: AnnDataset, batch_size: int, device: str | None) -> Array:
    """Return what a method of the model, from batches to tensors, gives for all rows; arguments as in `embed`."""
    dataset = aligned(model, dataset)
    with borrowed(model, verb, device) as (ask, where):
        batches = progress(
            dataset.batches(batch_size), "Computing", unit="batches", total=-(-len(dataset) // batch_size)
        )
        return np.concatenate([to_numpy(ask(batch.to(where))) for batch in batches])
