"""Lend a model to a verb: a copy computes, so that the user's own stays as it is, and what it gives comes as numpy."""

import copy
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genolab.run.engine import resolve_device

Model = TypeVar("Model", bound=nn.Module)


def lend(model: Model, device: str | torch.device | None = None) -> tuple[Model, torch.device]:
    """Return a copy of a model, in evaluation mode and without gradients, and its device; ``None``: the model's own."""
    first = next(itertools.chain(model.parameters(), model.buffers()), torch.empty(0))
    where = first.device if device is None else resolve_device(str(device))
    return copy.deepcopy(model).to(where).eval().requires_grad_(False), where


@contextmanager
def borrowed(
    model: Any, verb: str, device: str | torch.device | None = None
) -> Iterator[tuple[Callable[..., Any], torch.device]]:
    """Give a method of a copy of a model (see `lend`), and its device; of what is no module, its own method."""
    if not callable(getattr(model, verb, None)):
        raise TypeError(f"{type(model).__name__} has no {verb}(); a model that can be asked for it defines one")
    lent, where = lend(model, device) if isinstance(model, nn.Module) else (model, torch.device("cpu"))
    with torch.no_grad():
        yield getattr(lent, verb), where


def to_numpy(values: Any, dtype: Any = np.float32) -> NDArray[Any]:
    """Return a tensor of any device, or what numpy reads, as numpy."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    return np.asarray(values, dtype=dtype)
