"""Whether a model gives the same on the CPU and on a GPU, and how fast each is."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from genolab.data.dataset import AnnDataset
from genolab.infer import embed, predict, reconstruct
from genolab.run.engine import resolve_device

_VERBS: Final = {"predict": predict, "embed": embed, "reconstruct": reconstruct}


def devices(
    models: Mapping[str, tuple[nn.Module, AnnDataset]],
    *,
    names: Sequence[str] | None = None,
    batch_size: int = 1024,
) -> pd.DataFrame:
    """Ask models on several devices, and compare what they give and how long they take.

    Parameters
    ----------
    models
        Name to a model and rows for it. What it predicts is compared, or else its latent coordinates, or what it
        reconstructs.
    names
        Devices; the first is what the others are compared with. ``None``: the CPU, and a GPU where there is one.
    batch_size
        Rows computed at once.

    Returns
    -------
    DataFrame
        ``model``, ``device``, ``rows_per_second`` (of the second of two passes), ``difference``: the largest absolute
        one from the first device's values, over the largest of these. Numbers in 32 bits, added in another order,
        differ by some 1e-6; a GPU that rounds products of matrices to TF32 by up to 1e-3.
    """
    if names is None:
        names = list(dict.fromkeys(("cpu", str(resolve_device("auto")))))
    rows = []
    for name, (model, dataset) in models.items():
        given = {device: _timed(model, dataset, device, batch_size) for device in names}
        expected = given[names[0]][0]
        size = max(float(np.abs(expected).max()), 1e-12)
        for device, (values, seconds) in given.items():
            difference = float(np.abs(values - expected).max()) / size
            rows.append((name, device, len(dataset) / seconds, difference))
    return pd.DataFrame(rows, columns=["model", "device", "rows_per_second", "difference"])


def _timed(model: nn.Module, dataset: AnnDataset, device: str, batch_size: int) -> tuple[NDArray[np.float32], float]:
    """Return a model's values, and the seconds of a pass that follows another: the first pays for starting."""
    verb = next((verb for verb in _VERBS if callable(getattr(model, verb, None))), "predict")
    for _ in range(2):
        began = time.perf_counter()
        values = _VERBS[verb](model, dataset, batch_size=batch_size, device=device)
        seconds = time.perf_counter() - began
    return values, seconds
