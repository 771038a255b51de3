"""What models of expression over time share: profiles as the measurements that were made, one behind the other.

A value that is missing and a sample that was never taken are the same thing: nothing was measured then. So gaps are
closed, and each measurement says when it was made and how long after the one before; nothing is imputed.
"""

import math
from typing import Final, NamedTuple

import torch
from torch.nn import functional

from genolab.data.dataset import Batch
from genolab.models.layers import encode_covariates

_PULL: Final = 0.5  # measurements' worth of evidence that there is no wave


class Measured(NamedTuple):
    """Measurements in the order of time, moved together to the front of each row.

    Attributes
    ----------
    values, times
        ``(n, length)``; 0 behind the last measurement.
    there
        ``(n, length)`` bool: where there is a measurement.
    last
        ``(n, length)`` int64: for each place of the profile as it came, the number of the last measurement up to then;
        -1 before the first.
    """

    values: torch.Tensor
    times: torch.Tensor
    there: torch.Tensor
    last: torch.Tensor

    @property
    def size(self) -> torch.Tensor:
        """Measurements a row, ``(n,)`` int64."""
        return self.there.sum(dim=1)


def measured(values: torch.Tensor, times: torch.Tensor) -> Measured:
    """Close the gaps of profiles.

    Parameters
    ----------
    values, times
        ``(n, length)``, NaN where nothing was measured.
    """
    known = torch.isfinite(values) & torch.isfinite(times)
    order = torch.argsort((~known).to(torch.int8), dim=1, stable=True)
    there = known.gather(1, order)
    front = [torch.where(there, part.gather(1, order), 0.0) for part in (values, times)]
    return Measured(front[0], front[1], there, known.cumsum(dim=1) - 1)


def waves(times: torch.Tensor, harmonics: int) -> torch.Tensor:
    """Return sine and cosine of time in cycles and of its multiples, ``(..., 2 * harmonics)``."""
    turns = times[..., None] * torch.arange(1, harmonics + 1, device=times.device) * (2 * math.pi)
    return torch.cat([turns.sin(), turns.cos()], dim=-1)


def features(found: Measured, batch: Batch, levels: dict[str, int], harmonics: int) -> torch.Tensor:
    """Return what a recurrent network reads at each measurement, ``(n, length, 2 + 2 * harmonics + covariates)``.

    The value, the time since the measurement before, where in the cycle it was made, and the covariates.
    """
    since = torch.diff(found.times, dim=1, prepend=found.times[:, :1])
    parts = torch.cat([found.values[:, :, None], since[:, :, None], waves(found.times, harmonics)], dim=2)
    if levels:
        told = encode_covariates(batch.covariates, levels, found.values[:, :0])  # (n, covariates)
        parts = torch.cat([parts, told[:, None].expand(-1, parts.shape[1], -1)], dim=2)
    return parts * found.there[:, :, None]


def waves_so_far(found: Measured) -> torch.Tensor:
    """Return sine and cosine of the wave that fits what was measured up to each measurement, ``(n, length, 2)``.

    Least squares about a level of its own, pulled to no wave while there is little to go by.
    """
    basis = functional.pad(waves(found.times, 1), (1, 0), value=1.0) * found.there[:, :, None]  # (n, length, 3)
    products = (basis[:, :, :, None] * basis[:, :, None, :]).cumsum(dim=1) + _PULL * torch.eye(3, device=basis.device)
    sums = (basis * found.values[:, :, None]).cumsum(dim=1)
    fitted: torch.Tensor = torch.linalg.solve(products, sums[..., None])[..., 1:, 0]
    return fitted


def standardised(values: torch.Tensor) -> torch.Tensor:
    """Take out each profile's own mean and spread; NaN stays.

    A tenth is added to the spread, so that a flat profile's noise isn't blown up to a signal.
    """
    there = torch.isfinite(values)
    count = there.sum(dim=1, keepdim=True).clamp_min(1)
    centred = values - torch.where(there, values, 0.0).sum(dim=1, keepdim=True) / count
    spread = (torch.where(there, centred, 0.0).square().sum(dim=1, keepdim=True) / count).sqrt()
    return centred / (spread + 0.1)


def check_profiles(batch: Batch) -> None:
    """Refuse what is no profile over time.

    Raises
    ------
    ValueError
        There are not two inputs of one shape, a row has no value at all, a value has no time, or times don't increase.
    """
    if len(batch.inputs) != 2 or batch.x.ndim != 2 or batch.inputs[0].shape != batch.inputs[1].shape:
        raise ValueError(
            "this model reads values and their times, both (n, length), got the shapes "
            f"{[tuple(x.shape) for x in batch.inputs]}: pass inputs=('obsm/values', 'obsm/time') to AnnDataset, as "
            "gl.timecourse.courses makes them"
        )
    values, times = batch.inputs
    known = torch.isfinite(values)
    if not known.any(dim=1).all():
        raise ValueError(
            f"a profile needs at least one value; {int((~known.any(dim=1)).sum()):,} rows have none: leave them out, "
            "as gl.timecourse.courses does"
        )
    if (known & ~torch.isfinite(times)).any():
        raise ValueError("every value needs a time; some have none: give it, or make the value NaN")
    stamps = measured(times, times)
    if (torch.diff(stamps.times, dim=1)[stamps.there[:, 1:]] <= 0).any():
        raise ValueError("times increase along a profile and none occurs twice: sort them, and average what repeats")
