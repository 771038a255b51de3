"""Rows that are a compound in a context: their numbers, their responses, and tables of features looked up by number."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import nn

from genolab.data.dataset import AnnDataset, Batch

_BLOCK = 8192


class Measured(NamedTuple):
    """The rows of a dataset: numbers of compound and context, ``(n,)`` each, and response ``(n,)``."""

    codes: tuple[NDArray[np.int64], NDArray[np.int64]]
    response: NDArray[np.float64]


def measured_in(dataset: AnnDataset, *, n_classes: int | None = None) -> Measured:
    """Read a dataset whole, once it is seen to hold pairs and a response.

    The response is a number a row; or, where `n_classes` is given, a column of as many categories, read as their codes.
    """
    parts = list(dataset.batches(_BLOCK))
    targets = [batch.target for batch in parts if batch.target is not None]
    if n_classes is None:
        _check_number(targets)
    else:
        _check_classes(targets, dataset, n_classes)
    pairs = torch.cat([torch.stack(pair_of(batch.x), dim=1) for batch in parts]).cpu().numpy()
    response = torch.cat([target.reshape(-1) for target in targets])
    return Measured((pairs[:, 0], pairs[:, 1]), response.double().cpu().numpy())


def number_or_class(dataset: AnnDataset) -> Measured:
    """Read a dataset for a baseline: two classes are to it the numbers 0 and 1."""
    return measured_in(dataset, n_classes=2 if dataset.target_names else None)


def _check_number(targets: Sequence[torch.Tensor]) -> None:
    if not targets or not targets[0].is_floating_point() or targets[0][0].numel() != 1:
        raise ValueError("a response is one number a row: pass target='obs/response' to AnnDataset")


def _check_classes(targets: Sequence[torch.Tensor], dataset: AnnDataset, n_classes: int) -> None:
    names = dataset.target_names
    if not targets or targets[0].dtype != torch.int64:
        raise ValueError(
            f"the target must be a column of {n_classes} categories, as adata.obs['active'] = "
            "(adata.obs['response'] >= 7).astype('category'), and target='obs/active'"
        )
    if len(names) != n_classes:
        raise ValueError(f"the target has the {len(names)} categories {list(names[:5])}, and {n_classes} are expected")
    if missing := sum(int((target < 0).sum()) for target in targets):
        raise ValueError(f"the class must be known for every row, and is missing for {missing:,}: leave those rows out")


def pair_of(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the numbers of compounds and contexts, ``(n,)`` int64 each, of ``(n, 2)``."""
    if x.ndim != 2 or x.shape[1] != 2:
        raise ValueError(
            f"a row is a compound and a context, (n, 2), got the shape {tuple(x.shape)}: pass inputs='obsm/pair' to "
            "AnnDataset"
        )
    compound, context = x.long().unbind(dim=1)
    return compound, context


def matrix_of(values: Any, name: str) -> NDArray[Any]:
    """Return a table of features as a dense array ``(rows, f)``; `name` is what an error calls it."""
    found = values.toarray() if sparse.issparse(values) else np.asarray(values)
    if found.ndim != 2 or not np.isfinite(found).all():
        raise ValueError(f"{name} must be a matrix of finite numbers, one row each, got the shape {found.shape}")
    return found


def check_codes(codes: NDArray[np.int64], matrix: NDArray[Any] | torch.Tensor, name: str) -> None:
    """Check that a table of features has a row for every number that the data speak of."""
    if codes.max() >= len(matrix):
        raise ValueError(
            f"{name} has {len(matrix):,} rows, and the data speak of number {codes.max():,}: pass one row for each of "
            f"adata.uns[{name!r}]"
        )


def looked_up(effects: torch.Tensor, codes: torch.Tensor, *, otherwise: float = 0.0) -> torch.Tensor:
    """Return the effects of codes, and `otherwise` of those that there is none for."""
    return torch.where(codes < len(effects), effects[codes.clamp(max=len(effects) - 1)], otherwise)


def check_fitted(model: nn.Module, fitted: bool) -> None:
    """Check that a baseline has learned before it is asked."""
    if not fitted:
        raise ValueError(f"a {type(model).__name__} must be fitted before it is used: call fit(train)")


def squared_error(predicted: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
    """Return the mean squared error of predictions ``(n,)``, as a model's loss."""
    if batch.target is None:
        raise ValueError("a baseline is judged by a target: pass target='obs/response' to AnnDataset")
    return {"loss": (predicted - batch.target.reshape(-1)).square().mean()}
