"""What a recurrent network over profiles must beat: fits and neighbours that read the same values and times."""

from typing import Any, Final, Literal, Self

import numpy as np
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray

from genolab.checks import check_at_least, check_one_of
from genolab.data.dataset import AnnDataset, Batch
from genolab.models.baseline import Baseline
from genolab.timecourse.cycles import fit_cosinor
from genolab.timecourse.model import check_profiles, standardised

Floats = NDArray[np.float64]

_N_BINS: Final = 12  # points of the cycle at which profiles are compared
_WIDTH: Final = 0.06  # cycles: how far a measurement reaches


class ProfileBaseline(Baseline):
    """Logistic regression on profiles over a cycle, classes weighted alike.

    `features` stand for a profile: ``"profile"``, the mean value around each of twelve points of the cycle; or
    ``"cosinor"``, sine and cosine of the wave of one period that fits best (a Fourier fit). `C` is the inverse strength
    of the L2 penalty, as in scikit-learn.

    Examples
    --------
    >>> baseline = ProfileBaseline("cosinor").fit(train)
    >>> gl.infer.predict(baseline, test)  # (n, n_classes)
    """

    def __init__(self, features: Literal["profile", "cosinor"] = "profile", *, C: float = 1.0) -> None:
        from sklearn.linear_model import LogisticRegression

        check_one_of("features", features, ("profile", "cosinor"))
        if not C > 0:
            raise ValueError(f"C must be above 0, got {C}")
        super().__init__(
            LogisticRegression(C=C, max_iter=2000, class_weight="balanced"),
            {"profile": _binned, "cosinor": _cosinor}[features],
        )

    def fit(self, dataset: AnnDataset) -> Self:
        """Fit to values, times in cycles and a column of categories, and return the baseline."""
        _check_classes(dataset)
        return super().fit(dataset)


class NearestProfiles(Baseline):
    """The classes of the `k` profiles that correlate best with one over the cycle; a tie goes to the nearest."""

    def __init__(self, k: int = 15) -> None:
        from sklearn.neighbors import KNeighborsClassifier

        check_at_least("k", k)
        super().__init__(KNeighborsClassifier(k, weights=_nearest_first, algorithm="brute"), _directions)

    def fit(self, dataset: AnnDataset) -> Self:
        """Keep the profiles and classes of a dataset, and return the baseline."""
        _check_classes(dataset)
        return super().fit(dataset)


def _check_classes(dataset: AnnDataset) -> None:
    if len(dataset.target_names) < 2:
        raise ValueError(
            "this baseline predicts classes: pass a column of categories, as in AnnDataset(profiles, "
            "('obsm/values', 'obsm/cycles'), target='obs/phase')"
        )


def _standardised(batch: Batch) -> tuple[Floats, Floats]:
    check_profiles(batch)
    values, times = standardised(batch.inputs[0].cpu()), batch.inputs[1].cpu()
    return values.numpy().astype(np.float64), times.numpy().astype(np.float64)


def _binned(batch: Batch) -> Floats:
    """Return the mean value around each point of the cycle, ``(n, 12)``, shrunk to 0 where little is near."""
    values, cycles = _standardised(batch)
    measured = np.isfinite(values) & np.isfinite(cycles)
    distance = (np.where(measured, cycles, 0)[:, :, None] - np.arange(_N_BINS) / _N_BINS + 0.5) % 1 - 0.5
    weight = np.exp(-0.5 * (distance / _WIDTH) ** 2) * measured[:, :, None]  # (n, length, bins)
    means: Floats = np.einsum("nl,nlp->np", np.where(measured, values, 0), weight) / (weight.sum(axis=1) + 0.05)
    return means


def _cosinor(batch: Batch) -> Floats:
    wave = fit_cosinor(*_standardised(batch)).wave
    return np.stack([wave.real, wave.imag], axis=1)


def _directions(batch: Batch) -> Floats:
    """Return profiles over the cycle with mean 0 and length 1: the nearest are those that correlate best."""
    means = _binned(batch)
    centred = means - means.mean(axis=1, keepdims=True)
    directions: Floats = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    return directions


def _nearest_first(distances: Floats) -> Floats:
    weights: Floats = 1 + 1e-6 * (distances == distances.min(axis=1, keepdims=True))
    return weights


# ---- forecasts ---------------------------------------------------------------------------------------------------
# Each takes values and times of what was measured, ``(n, length)``, NaN where nothing was, and the times asked for,
# ``(n, k)``; and returns the values forecast, ``(n, k)``.


def last_value(values: ArrayLike, times: ArrayLike, at: ArrayLike) -> Floats:
    """Forecast the last value measured; 0 where there is none."""
    del times
    x = np.asarray(values, dtype=np.float64)
    last = np.where(np.isfinite(x), np.arange(x.shape[1]), -1).max(axis=1)
    value = np.where(last >= 0, np.nan_to_num(x[np.arange(len(x)), last]), 0.0)
    return np.repeat(value[:, None], np.shape(at)[1], axis=1)


def mean_value(values: ArrayLike, times: ArrayLike, at: ArrayLike) -> Floats:
    """Forecast the mean of the values measured; 0 where there is none."""
    del times
    x = np.asarray(values, dtype=np.float64)
    return np.repeat(_mean(x, np.isfinite(x))[:, None], np.shape(at)[1], axis=1)


def _mean(values: Floats, measured: NDArray[np.bool_]) -> Floats:
    means: Floats = np.where(measured, values, 0).sum(axis=1) / np.maximum(measured.sum(axis=1), 1)
    return means


def seasonal_naive(values: ArrayLike, times: ArrayLike, at: ArrayLike) -> Floats:
    """Forecast what was measured whole cycles before, interpolated in a straight line. Times are in cycles.

    Where less than a cycle was measured, what was measured at the nearest time of the cycle.
    """
    x, when, asked = (np.asarray(part, dtype=np.float64) for part in (values, times, at))
    forecast = np.zeros(asked.shape)
    for row, measured in enumerate(np.isfinite(x)):
        if measured.any():
            seen = when[row, measured]
            back = asked[row] - np.ceil(np.maximum(asked[row] - seen[-1], 0))
            forecast[row] = np.interp(back, seen, x[row, measured])
    return forecast


def cosinor_forecast(values: ArrayLike, times: ArrayLike, at: ArrayLike) -> Floats:
    """Forecast that the wave of one period that fits best goes on. Times are in cycles."""
    fit = fit_cosinor(values, times)
    turn = np.exp(2j * np.pi * np.asarray(at, dtype=np.float64))
    forecast: Floats = fit.level[:, None] + (np.conj(fit.wave)[:, None] * turn).real
    return forecast


class NearestForecast:
    """Forecast the mean of the `k` most similar training profiles so far, of those measured at the same times.

    `train` are profiles, as from `genolab.timecourse.courses`; `times` is the key of their ``obsm`` with the times.
    """

    def __init__(self, train: AnnData, *, times: str = "time", k: int = 20) -> None:
        self.values: Any = np.asarray(train.obsm["values"], dtype=np.float64)
        self.times: Any = np.asarray(train.obsm[times], dtype=np.float64)
        self.k = k

    def __call__(self, values: ArrayLike, times: ArrayLike, at: ArrayLike) -> Floats:
        """Return the values forecast, ``(n, k)``; all rows are of one course."""
        x, when, asked = (np.asarray(part, dtype=np.float64) for part in (values, times, at))
        whole = np.concatenate([when[0], asked[0]])
        same = np.isclose(np.nan_to_num(self.times[:, : len(whole)], nan=np.inf), whole).all(axis=1)
        if not same.any():
            raise ValueError("no training profile was measured at these times: train on the same course")
        known = self.values[same]
        past, future = known[:, : x.shape[1]], known[:, x.shape[1] : len(whole)]
        both = np.isfinite(x)[:, None] & np.isfinite(past)[None]
        distance = (np.where(both, x[:, None] - past[None], 0) ** 2).sum(axis=2) / np.maximum(both.sum(axis=2), 1)
        distance[~both.any(axis=2)] = np.inf
        near = future[np.argsort(distance, axis=1, kind="stable")[:, : self.k]]
        return _mean(near, np.isfinite(near))
