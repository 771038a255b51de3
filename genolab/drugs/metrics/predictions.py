"""What models predict for rows, set beside what was measured of them."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray
from torch import nn

from genolab.data.dataset import AnnDataset
from genolab.drugs.metrics.errors import Truth
from genolab.infer import predict
from genolab.infer.predict import borrowed

Array = NDArray[np.float64]

_ACTIVE: Final = 7.0  # pKd or pIC50: 100 nM, from which on a hit is commonly called one
_LOW_IS_STRONG: Final = ("ln", "log", "ic50", "ec50", "gi50", "kd", "ki", "auc", "viability")
_STRONGEST: Final = 0.1  # where the response has no such habit, the strongest tenth are the actives


class Estimate(NamedTuple):
    """What a model predicts for rows, and how sure it is.

    Attributes
    ----------
    mean
        ``(n,)``.
    spread
        ``(n,)`` standard deviations, or ``None`` where the model tells none.
    """

    mean: ArrayLike
    spread: ArrayLike | None = None


class Rows(NamedTuple):
    """One model's predictions beside what was measured, row by row.

    Attributes
    ----------
    truth
        What was measured.
    mean, spread
        ``(n,)`` what the model predicts, and how sure it is (or ``None``).
    strength
        ``(n,)`` the prediction, turned so that the strongest compound has the most.
    true_strength
        The same of what was measured.
    context
        ``(n,)`` codes of the contexts.
    active
        ``(n,)`` 1 or 0; NaN where a bound leaves it open.
    cliff
        ``(n,)`` which rows lie at an activity cliff, or ``None``.
    """

    truth: Truth
    mean: Array
    spread: Array | None
    strength: Array
    true_strength: Array
    context: NDArray[np.int64]
    active: Array
    cliff: NDArray[np.bool_] | None

    @property
    def stated(self) -> tuple[Truth, Array, Array]:
        """What the figures of uncertainty are made from."""
        assert self.spread is not None  # they are asked only of models that state one
        return self.truth, self.mean, self.spread


def beside(
    models: Mapping[str, Any], test: AnnDataset, *, active: float | None = None, censored: bool = False
) -> dict[str, Rows]:
    """Ask every model about the test set, and set its answers beside what was measured; errors as in `responses`."""
    if not models:
        raise ValueError("there are no models to compare: pass a dictionary of names and models")
    truth, sign = measured(test, censored=censored), 1.0 if strong_is_high(test.adata) else -1.0
    context = pd.factorize(column(test, "context"))[0].astype(np.int64)
    acts = _active(truth, test.adata, active)
    cliff = column(test, "cliff").to_numpy(dtype=bool) if "cliff" in test.adata.obs else None
    found = {}
    for name, model in models.items():
        mean, spread = estimate(str(name), model, test)
        found[str(name)] = Rows(truth, mean, spread, sign * mean, sign * truth.value, context, acts, cliff)
    return found


def measured(test: AnnDataset, *, censored: bool = False) -> Truth:
    """Return what was measured of the rows: values, and where `censored` is set what ``obs["censored"]`` makes of them.

    Raises
    ------
    ValueError
        There is no target of one number a row, or a mark other than ``"<"``, ``">"``, ``"="`` and ``""``.
    """
    parts = [batch.target for batch in test.batches(8192)]
    if parts[0] is None or not parts[0].is_floating_point():
        raise ValueError("to judge models the response is needed: pass target='obs/response' to AnnDataset")
    value = np.concatenate([part.cpu().numpy() for part in parts if part is not None]).astype(np.float64)
    value = value.reshape(len(test), -1)
    if value.shape[1] != 1:
        raise ValueError(f"a response is one number a row, got {value.shape[1]}: choose a column, as in 'obs/response'")
    return _with_bounds(value[:, 0], test) if censored else Truth(value[:, 0], value[:, 0], value[:, 0])


def _with_bounds(value: Array, test: AnnDataset) -> Truth:
    if "censored" not in test.adata.obs:
        return Truth(value, value, value)
    marks = column(test, "censored", missing="").astype(str).to_numpy()
    strange = sorted(set(marks) - {"<", ">", "=", ""})
    if strange:
        raise ValueError(f"obs['censored'] holds '<', '>' or nothing, got {strange[:5]}")
    # Open bounds: what is below 5 lies below a row measured at 5.
    low = np.where(marks == "<", -np.inf, np.where(marks == ">", np.nextafter(value, np.inf), value))
    high = np.where(marks == ">", np.inf, np.where(marks == "<", np.nextafter(value, -np.inf), value))
    return Truth(value, low, high)


def column(test: AnnDataset, name: str, *, missing: str | None = None) -> pd.Series:
    """Return a column of ``obs`` for the rows of a dataset, what is missing replaced where asked for."""
    if name not in test.adata.obs:
        raise KeyError(f"{name!r} is not a column of obs; obs has {list(test.adata.obs.columns)}")
    found: pd.Series = test.adata.obs[name].iloc[test.rows]
    return found if missing is None else found.astype(object).where(found.notna(), missing)


def estimate(name: str, model: Any, test: AnnDataset) -> tuple[Array, Array | None]:
    """Return what a model predicts for the rows, ``(n,)``, and its spread ``(n,)`` where it states one."""
    if isinstance(model, nn.Module):
        model = Estimate(predict(model, test), _asked_spread(model, test))
    mean, spread = model if isinstance(model, Estimate) else Estimate(model)
    if spread is None:
        return _numbers(name, mean, len(test)), None
    spread = _numbers(name, spread, len(test))
    if (spread < 0).any():
        raise ValueError(f"a spread is at least 0; {name!r} gives {spread.min():g}")
    return _numbers(name, mean, len(test)), spread


def quantity(adata: AnnData) -> str:
    """Return what the response is, such as ``"pKd"`` or ``"ln IC50"``; ``""`` where the data don't say."""
    told = adata.uns.get("response")
    return str(told.get("name", "")) if isinstance(told, Mapping) else ""


def strong_is_high(adata: AnnData) -> bool:
    """Return whether a strong compound has a high response (pKd, pIC50), or a low one (IC50 and its logarithm)."""
    return not quantity(adata).lower().startswith(_LOW_IS_STRONG)


def _active(truth: Truth, adata: AnnData, threshold: float | None) -> Array:
    """Return which rows are active, ``(n,)``: 1, 0, or NaN where a bound leaves it open."""
    high = strong_is_high(adata)
    if threshold is None:
        habit = quantity(adata).startswith("p")
        threshold = _ACTIVE if habit else float(np.quantile(truth.value, 1 - _STRONGEST if high else _STRONGEST))
    surely = truth.low >= threshold if high else truth.high <= threshold
    possibly = truth.high >= threshold if high else truth.low <= threshold
    return np.where(surely, 1.0, np.where(possibly, np.nan, 0.0))


def _asked_spread(model: nn.Module, test: AnnDataset) -> Array | None:
    if not callable(getattr(model, "spread", None)):
        return None
    with borrowed(model, "spread", None) as (ask, where):
        parts = [ask(batch.to(where)).double().cpu().numpy() for batch in test.batches(1024)]
    return np.concatenate(parts)


def _numbers(name: str, given: Any, n: int) -> Array:
    found = np.asarray(given, dtype=np.float64)
    if found.size != n or found.shape[:1] != (n,):
        raise ValueError(f"{name!r} must give one number for each of {n:,} rows, got the shape {found.shape}")
    found = found.reshape(n)
    if not np.isfinite(found).all():
        raise ValueError(f"{name!r} gives NaN or infinity for {(~np.isfinite(found)).sum():,} rows")
    return found
