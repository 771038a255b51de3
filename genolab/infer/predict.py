"""Ask a model about rows: where they lie in its latent space, what it predicts, what it makes of them."""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from genolab.data.dataset import AnnDataset, Batch
from genolab.run.engine import resolve_device

Array = NDArray[np.float32]


def embed(model: nn.Module, dataset: AnnDataset, *, batch_size: int = 1024, device: str | None = None) -> Array:
    """Return where the rows lie in the model's latent space.

    Parameters
    ----------
    model
        With ``embed(batch)``, as all of genolab's models have it.
    dataset
        Rows as the model was trained on.
    batch_size
        Rows at a time.
    device
        Where to compute; ``None``: where the model is.

    Returns
    -------
    ``(n, n_latent)`` float32, in the order of the dataset.

    Raises
    ------
    ValueError
        The model and the data are of different width.
    """
    return _over_batches(model, "embed", dataset, batch_size, device)


def predict(model: nn.Module, dataset: AnnDataset, *, batch_size: int = 1024, device: str | None = None) -> Array:
    """Return what a model predicts for the rows, ``(n, n_outputs)`` float32; arguments as in `embed`.

    Probabilities of the classes or labels, or the values themselves, as the model's ``predict(batch)`` gives them.
    """
    return _over_batches(model, "predict", dataset, batch_size, device)


def reconstruct(model: nn.Module, dataset: AnnDataset, *, batch_size: int = 1024, device: str | None = None) -> Array:
    """Return the rows as the model rebuilds them, ``(n, n_genes)`` float32, dense; arguments as in `embed`."""
    return _over_batches(model, "reconstruct", dataset, batch_size, device)


def decode(
    model: nn.Module,
    latent: ArrayLike,
    *,
    covariates: Mapping[str, ArrayLike] | None = None,
    batch_size: int = 1024,
    device: str | None = None,
) -> Array:
    """Return the profiles that places in the latent space stand for.

    Parameters
    ----------
    model
        With ``decode(latent, covariates)``.
    latent
        Places, ``(n, n_latent)``; they need not be any cell's.
    covariates
        Codes or values a place, for a model that was built with covariates.
    batch_size, device
        As in `embed`.

    Returns
    -------
    ``(n, n_genes)`` float32: what the model's ``decode`` gives, such as expected counts in 10,000.
    """
    places = torch.as_tensor(np.asarray(latent, dtype=np.float32))
    if places.ndim != 2:
        raise ValueError(f"latent must have two dimensions, (n, n_latent), got the shape {tuple(places.shape)}")
    told = {name: torch.as_tensor(np.asarray(values)) for name, values in (covariates or {}).items()}
    with borrowed(model, "decode", device) as (ask, where):
        parts = [
            ask(places[at].to(where), {name: values[at].to(where) for name, values in told.items()})
            .float()
            .cpu()
            .numpy()
            for at in _slices(len(places), batch_size)
        ]
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


def _over_batches(model: nn.Module, verb: str, dataset: AnnDataset, batch_size: int, device: str | None) -> Array:
    with borrowed(model, verb, device) as (ask, where):
        parts = [_numbers(ask, batch, where) for batch in dataset.batches(batch_size)]
    return np.concatenate(parts)


def _numbers(ask: Callable[..., torch.Tensor], batch: Batch, device: torch.device) -> Array:
    found: Array = ask(batch.to(device)).float().cpu().numpy()
    return found


@contextmanager
def borrowed(
    model: nn.Module, verb: str, device: str | None
) -> Iterator[tuple[Callable[..., torch.Tensor], torch.device]]:
    """Give a method of a copy of the model, ready to be asked, and its device."""
    if not callable(getattr(model, verb, None)):
        raise TypeError(f"{type(model).__name__} has no {verb}(); a model that can be asked for it defines one")
    first = next(iter(model.state_dict().values()), torch.empty(0))
    where = first.device if device is None else resolve_device(device)
    with torch.no_grad():
        yield getattr(copy.deepcopy(model).to(where).eval(), verb), where


def _slices(count: int, size: int) -> list[slice]:
    return [slice(first, first + size) for first in range(0, count, size)]
