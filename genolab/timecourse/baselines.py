"""What a recurrent network over profiles must beat: fits and neighbours that read the same values and times."""

from collections.abc import Iterator
from typing import Any, Final, Literal, Self

import numpy as np
import torch
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray
from torch import nn
from torch.nn import functional

from genolab.data.dataset import AnnDataset, Batch
from genolab.models.baseline import for_all_classes
from genolab.timecourse.cycles import fit_waves
from genolab.timecourse.profile import check_profiles, standardised

Floats = NDArray[np.float64]
Reading = Literal["profile", "waves"]

_BLOCK: Final = 8192
_PLACES: Final = 12  # points of the cycle at which profiles are compared
_WIDTH: Final = 0.06  # cycles: how far a measurement reaches


class ProfileBaseline(nn.Module):
    """Logistic regression on profiles over a cycle, each class counting alike.

    Profiles of different courses are brought together in one of two ways, both over time in cycles.

    Parameters
    ----------
    reading
        ``"profile"``: the mean value around each of twelve points of the cycle. ``"waves"``: the wave of one period
        that fits best, by sine and cosine (a Fourier fit).
    penalty
        Strength of the pull of all weights towards zero, ``1 / C`` of scikit-learn.

    Examples
    --------
    >>> baseline = ProfileBaseline("waves").fit(train)
    >>> gl.infer.predict(baseline, test)  # (n, n_classes)
    """

    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, reading: Reading = "profile", *, penalty: float = 1.0) -> None:
        super().__init__()
        if reading not in ("profile", "waves"):
            raise ValueError(f"reading must be 'profile' or 'waves', got {reading!r}")
        if not penalty > 0:
            raise ValueError(f"penalty must be above 0, got {penalty}")
        self.reading, self.penalty = reading, penalty
        self.register_buffer("weight", torch.zeros(0, 0))  # (n_classes, n_features)
        self.register_buffer("bias", torch.zeros(0))  # (n_classes,)

    def fit(self, dataset: AnnDataset) -> Self:
        """Learn from values, times in cycles and a column of categories; return the baseline.

        Raises
        ------
        ValueError
            The inputs are no profiles, or the target no classes.
        """
        from sklearn.linear_model import LogisticRegression

        batches = list(_with_classes(dataset))
        read = np.concatenate([self._read(batch) for batch in batches])
        codes = np.concatenate([batch.target.numpy() for batch in batches if batch.target is not None])
        fitted = LogisticRegression(C=1 / self.penalty, max_iter=2000, class_weight="balanced").fit(read, codes)
        n_classes = len(dataset.target_names)
        weight, bias = for_all_classes(fitted.coef_, fitted.intercept_, fitted.classes_, n_classes)
        self.weight, self.bias = torch.from_numpy(weight).float(), torch.from_numpy(bias).float()
        return self

    def _read(self, batch: Batch) -> Floats:
        values, times = standardised(batch.inputs[0].cpu()).numpy(), batch.inputs[1].cpu().numpy()
        if self.reading == "profile":
            return over_a_cycle(values, times)
        wave = fit_waves(values, times).wave
        return np.stack([wave.real, wave.imag], axis=1)

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the probabilities of the classes, ``(n, n_classes)``."""
        return self._logits(batch).softmax(dim=1)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the cross-entropy."""
        assert batch.target is not None
        return {"loss": functional.cross_entropy(self._logits(batch), batch.target)}

    def _logits(self, batch: Batch) -> torch.Tensor:
        if not len(self.bias):
            raise ValueError("a ProfileBaseline must be fitted before it is used: call fit(train)")
        return torch.from_numpy(self._read(batch)).to(self.weight) @ self.weight.T + self.bias


class NearestProfiles(nn.Module):
    """The classes of the k profiles that are most like one, by the correlation over the cycle.

    Parameters
    ----------
    k
        How many.
    """

    profiles: torch.Tensor
    classes: torch.Tensor

    def __init__(self, k: int = 15) -> None:
        super().__init__()
        if k < 1:
            raise ValueError(f"k counts neighbours, at least 1, got {k}")
        self.k = k
        self.register_buffer("profiles", torch.zeros(0, _PLACES))
        self.register_buffer("classes", torch.zeros(0, 0))  # (n, n_classes), one-hot

    def fit(self, dataset: AnnDataset) -> Self:
        """Keep the profiles and classes of a dataset, and return the baseline; errors as in `ProfileBaseline`."""
        batches = list(_with_classes(dataset))
        self.profiles = torch.cat([_direction(batch) for batch in batches])
        codes = torch.cat([batch.target for batch in batches if batch.target is not None])
        self.classes = functional.one_hot(codes, len(dataset.target_names)).float()
        return self

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the shares of the classes among the neighbours, ``(n, n_classes)``."""
        if not len(self.classes):
            raise ValueError("NearestProfiles must be fitted before it is used: call fit(train)")
        near = (_direction(batch).to(self.profiles) @ self.profiles.T).topk(min(self.k, len(self.profiles)), dim=1)
        # A hair more for nearer ones, so that a tie goes to the nearest
        return self.classes[near.indices].mean(dim=1) + 1e-6 * self.classes[near.indices[:, 0]]


def over_a_cycle(values: ArrayLike, cycles: ArrayLike) -> Floats:
    """Return the mean value around each of twelve points of the cycle, ``(n, 12)``, pulled to 0 where little is near.

    Parameters
    ----------
    values, cycles
        ``(n, length)``, NaN where nothing was measured; times in cycles.
    """
    x, at = np.asarray(values, dtype=np.float64), np.asarray(cycles, dtype=np.float64)
    there = np.isfinite(x) & np.isfinite(at)
    apart = (np.where(there, at, 0)[:, :, None] - np.arange(_PLACES) / _PLACES + 0.5) % 1 - 0.5
    weight = np.exp(-0.5 * (apart / _WIDTH) ** 2) * there[:, :, None]  # (n, length, places)
    found: Floats = np.einsum("nl,nlp->np", np.where(there, x, 0), weight) / (weight.sum(axis=1) + 0.05)
    return found


# ---- forecasts ---------------------------------------------------------------------------------------------------
# Each takes values and times of what was measured, ``(n, length)``, NaN where nothing was, and the times asked for,
# ``(n, k)``; and gives the values expected then, ``(n, k)``.


def last_value(values: ArrayLike, times: ArrayLike, at: ArrayLike) -> Floats:
    """Expect the last value measured to stay; 0 where there is none."""
    del times
    x = np.asarray(values, dtype=np.float64)
    last = np.where(np.isfinite(x), np.arange(x.shape[1]), -1).max(axis=1)
    found = np.where(last >= 0, np.nan_to_num(x[np.arange(len(x)), last]), 0.0)
    return np.repeat(found[:, None], np.shape(at)[1], axis=1)


def mean_value(values: ArrayLike, times: ArrayLike, at: ArrayLike) -> Floats:
    """Expect the mean of the values measured."""
    del times
    x = np.asarray(values, dtype=np.float64)
    there = np.isfinite(x)
    found = np.where(there, x, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return np.repeat(found[:, None], np.shape(at)[1], axis=1)


def seasonal(values: ArrayLike, times: ArrayLike, at: ArrayLike) -> Floats:
    """Expect what was measured whole cycles before, between two measurements in a straight line.

    Where less than a cycle was measured, what was measured at the nearest time of the cycle. Times are in cycles.
    """
    x, when, asked = (np.asarray(part, dtype=np.float64) for part in (values, times, at))
    found = np.zeros(asked.shape)
    for row, there in enumerate(np.isfinite(x)):
        if not there.any():
            continue
        seen, end = when[row, there], when[row, there][-1]
        back = asked[row] - np.ceil(np.maximum(asked[row] - end, 0))
        found[row] = np.interp(back, seen, x[row, there])
    return found


def wave_forecast(values: ArrayLike, times: ArrayLike, at: ArrayLike) -> Floats:
    """Expect the wave of one period that fits what was measured, to go on. Times are in cycles."""
    fitted = fit_waves(values, times)
    turn = np.exp(2j * np.pi * np.asarray(at, dtype=np.float64))
    found: Floats = fitted.level[:, None] + (np.conj(fitted.wave)[:, None] * turn).real
    return found


class NearestForecast:
    """Expect what the k training profiles did that were most alike so far, among those measured at the same times.

    Parameters
    ----------
    train
        Profiles to look among, as from `genolab.timecourse.courses`.
    times
        Key of ``obsm`` with the times.
    k
        How many.
    """

    def __init__(self, train: AnnData, *, times: str = "time", k: int = 20) -> None:
        self.values: Any = np.asarray(train.obsm["values"], dtype=np.float64)
        self.times: Any = np.asarray(train.obsm[times], dtype=np.float64)
        self.k = k

    def __call__(self, values: ArrayLike, times: ArrayLike, at: ArrayLike) -> Floats:
        """Return the values expected, ``(n, k)``; all rows are of one course."""
        x, when, asked = (np.asarray(part, dtype=np.float64) for part in (values, times, at))
        whole = np.concatenate([when[0], asked[0]])
        same = np.isclose(np.nan_to_num(self.times[:, : len(whole)], nan=np.inf), whole).all(axis=1)
        if not same.any():
            raise ValueError("no training profile was measured at these times: train on the same course")
        known = self.values[same]
        past, future = known[:, : x.shape[1]], known[:, x.shape[1] : len(whole)]
        both = np.isfinite(x)[:, None] & np.isfinite(past)[None]
        apart = (np.where(both, x[:, None] - past[None], 0) ** 2).sum(axis=2) / np.maximum(both.sum(axis=2), 1)
        apart[~both.any(axis=2)] = np.inf
        near = np.argsort(apart, axis=1, kind="stable")[:, : self.k]
        there = np.isfinite(future)[near]
        found: Floats = np.where(there, future[near], 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        return found


def _with_classes(dataset: AnnDataset) -> Iterator[Batch]:
    if len(dataset.target_names) < 2:
        raise ValueError(
            "this baseline tells classes apart: pass a column of categories, as in AnnDataset(profiles, "
            "('obsm/values', 'obsm/cycles'), target='obs/phase')"
        )
    for batch in dataset.batches(_BLOCK):
        check_profiles(batch)
        yield batch


def _direction(batch: Batch) -> torch.Tensor:
    """Return profiles over the cycle with mean 0 and length 1, ``(n, places)``: their products are correlations."""
    placed = over_a_cycle(standardised(batch.inputs[0].cpu()).numpy(), batch.inputs[1].cpu().numpy())
    centred = torch.from_numpy(placed - placed.mean(axis=1, keepdims=True)).float()
    return functional.normalize(centred, dim=1)
