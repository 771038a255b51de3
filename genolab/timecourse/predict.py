"""Ask a recurrent network about profiles: where they lie as they are measured, and how they go on."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from genolab.data.dataset import AnnDataset
from genolab.infer.lend import borrowed, to_numpy
from genolab.infer.predict import covariate_codes, over_batches
from genolab.timecourse.model import Forecast

Array = NDArray[np.float32]


def path(model: nn.Module, dataset: AnnDataset, *, batch_size: int = 1024, device: str | None = None) -> Array:
    """Return where profiles lie in the latent space by what was seen up to each time, ``(n, length, n_latent)``.

    The last is what `genolab.infer.embed` gives, whose arguments these are; before the first measurement it is 0.
    """
    return over_batches(model, "path", dataset, batch_size, device)


def forecast(
    model: nn.Module,
    values: ArrayLike,
    times: ArrayLike,
    at: ArrayLike,
    *,
    covariates: Mapping[str, ArrayLike] | None = None,
    device: str | None = None,
) -> Forecast[Array]:
    """Forecast profiles by a model with ``forecast``: mean, low and high, ``(n, k)`` float32 each.

    Arguments are those of `genolab.timecourse.ExpressionRNN.forecast`, as arrays. The model computes on `device`;
    ``None``: where it is.
    """
    with borrowed(model, "forecast", device) as (ask, where):
        inputs = [torch.from_numpy(to_numpy(part)).to(where) for part in (values, times, at)]
        known = {name: covariate_codes(model, name, part).to(where) for name, part in (covariates or {}).items()}
        return Forecast(*map(to_numpy, ask(*inputs, **({"covariates": known} if known else {}))))
