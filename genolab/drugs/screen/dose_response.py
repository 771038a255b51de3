"""Dose-response curves: effect over concentration, fitted by four parameters, with the IC50's interval."""

import warnings
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genolab.checks import check_columns, check_share

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Fixed = tuple[float | None, float | None]

_MAX_SLOPE: Final = 10.0  # a curve steeper than this is a step, which no series of dilutions resolves
_BEYOND: Final = 3.0  # powers of ten outside of what was measured, in which an IC50 is looked for
_MAX_STEPS: Final = 200  # of least squares from one start; a real curve takes some 10
_COLUMNS: Final = ("ic50", "ic50_low", "ic50_high", "censored", "slope", "bottom", "top", "r2", "n", "note")


class _Fit(NamedTuple):
    """Parameters ``(at zero, at full, log10 IC50, steepness)``, the covariance of the free ones, and their numbers."""

    parameters: Array
    covariance: Array
    free: NDArray[np.int64]


def dose_response(
    table: "pd.DataFrame",
    *,
    response: str = "effect",
    by: str = "compound",
    at_zero: float | None = None,
    at_full: float | None = None,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Fit a curve to each compound: ``bottom + (top - bottom) / (1 + (concentration / ic50) ** slope)``.

    Four-parameter logistic regression over the logarithm of the concentration, by scipy's bounded least squares. The
    interval of the IC50 is that of its logarithm, from the covariance at the optimum and Student's t. A curve that
    doesn't differ from a flat line by an F test at 1 % has no IC50.

    Parameters
    ----------
    table
        A row a well: ``concentration``, the response, and the compound. Wells whose ``role`` is not ``"sample"``, and
        missing responses, don't count. What `normalise` returns, or any other table.
    response, by
        Columns of the response, rising or falling, and of what is one curve.
    at_zero, at_full
        The response at no and at infinite concentration, where they are known (0 and 100, for percent of controls).
    confidence
        Of the interval, between 0 and 1.

    Returns
    -------
    DataFrame
        A row a compound: its name under `by`; ``ic50``, the concentration of half of the effect, and its interval,
        ``ic50_low`` to ``ic50_high``; ``censored``, ``">"`` or ``"<"`` where the IC50 lies above or below all that was
        measured, so that no more than this is certain, else ``"="``; ``slope``, negative where the response rises;
        ``bottom`` and ``top``, the smaller and the larger end; ``r2``; ``n`` wells; ``note``, why there is no IC50, or
        why it is uncertain, else empty. Without an IC50 the ends are the mean response.

    Examples
    --------
    >>> curves = gl.drugs.dose_response(gl.drugs.normalise(plate), at_zero=0)
    """
    import pandas as pd

    check_columns(table, by, "concentration", response)
    check_share("confidence", confidence, zero=False, one=False)
    wells = table[table["role"] == "sample"] if "role" in table else table
    wells = wells[wells[response].notna()]
    rows = [
        [name, *_row(w["concentration"].to_numpy(float), w[response].to_numpy(float), (at_zero, at_full), confidence)]
        for name, w in wells.groupby(by, sort=False, observed=True)
    ]
    return pd.DataFrame(rows, columns=[by, *_COLUMNS])


def curve(fitted: "pd.Series[Any]", concentrations: ArrayLike) -> Array:
    """Return the response of a row of `dose_response` at some concentrations, ``(n,)``; of a flat row its mean."""
    x = np.asarray(concentrations, dtype=np.float64)
    bottom, top, ic50, slope = (float(fitted[name]) for name in ("bottom", "top", "ic50", "slope"))
    if np.isnan(ic50):
        return np.full(x.shape, bottom)
    return _logistic(np.log10(x), bottom, top, np.log10(ic50), -slope)


def _row(concentration: Array, response: Array, fixed: Fixed, confidence: float) -> list[Any]:
    if not (np.isfinite(concentration) & (concentration > 0)).all() or not np.isfinite(response).all():
        raise ValueError("concentrations are finite numbers above 0, and responses finite: leave out the others")
    x, n = np.log10(concentration), len(response)
    n_free = 4 - sum(value is not None for value in fixed)
    flat = [np.nan, np.nan, np.nan, "=", np.nan, response.mean(), response.mean(), 0.0, n]
    if len(np.unique(x)) < 4 or n <= n_free:
        return [*flat, f"{len(np.unique(x))} concentrations in {n} wells are too few: take 4 or more"]
    fit = _best_fit(x, response, fixed)
    if fit is None:
        return [*flat, "no curve could be fitted"]
    residual, total = _squares(response, _logistic(x, *fit.parameters)), _squares(response, response.mean())
    if not _better_than_flat(residual, total, n, n_free):
        return [*flat, "the response doesn't depend on the concentration"]
    return [*_estimates(fit, x, n, confidence), 1 - residual / total, n, _note(fit, x)]


def _logistic(x: Array, at_zero: float, at_full: float, log_ic50: float, steepness: float) -> Array:
    from scipy.special import expit

    return np.asarray(at_zero + (at_full - at_zero) * expit(np.log(10) * steepness * (x - log_ic50)))


def _jacobian(x: Array, at_zero: float, at_full: float, log_ic50: float, steepness: float) -> Array:
    """Return the derivatives of the curve by its four parameters, ``(n, 4)``."""
    share = _logistic(x, 0.0, 1.0, log_ic50, steepness)
    turn = np.log(10) * (at_full - at_zero) * share * (1 - share)
    return np.stack([1 - share, share, -steepness * turn, (x - log_ic50) * turn], axis=1)


def _best_fit(x: Array, response: Array, fixed: Fixed) -> _Fit | None:
    """Return the best of the least squares from several starts: they have local minima."""
    low, high = (response[x == end].mean() for end in (x.min(), x.max()))
    ends = [low if fixed[0] is None else fixed[0], high if fixed[1] is None else fixed[1]]
    starts = np.quantile(x, (0.25, 0.5, 0.75))
    fits = [_fit(np.array([*ends, log_ic50, 1.0]), x, response, fixed) for log_ic50 in starts]
    converged = [fit for fit in fits if fit is not None]
    return min(converged, key=lambda fit: _squares(response, _logistic(x, *fit.parameters)), default=None)


def _fit(start: Array, x: Array, response: Array, fixed: Fixed) -> _Fit | None:
    from scipy.optimize import OptimizeWarning, curve_fit

    free = np.array([at for at in range(4) if at > 1 or fixed[at] is None])

    def all_four(values: tuple[float, ...]) -> Array:
        parameters = start.copy()
        parameters[free] = values
        return parameters

    lower, upper = _bounds(x, response)[free].T
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)  # no covariance: the note says so
            values, covariance = curve_fit(
                lambda x, *values: _logistic(x, *all_four(values)),
                x,
                response,
                np.clip(start[free], lower, upper),
                bounds=(lower, upper),
                jac=lambda x, *values: _jacobian(x, *all_four(values))[:, free],
                max_nfev=_MAX_STEPS,
            )
    except RuntimeError:  # no optimum in so many steps: another start may have one
        return None
    return _Fit(all_four(values), covariance, free)


def _bounds(x: Array, response: Array) -> Array:
    """Return the least and the most that each parameter may be, ``(4, 2)``."""
    reach = 2 * np.ptp(response) + 1e-9
    end = (response.min() - reach, response.max() + reach)
    return np.array([end, end, (x.min() - _BEYOND, x.max() + _BEYOND), (0.1, _MAX_SLOPE)])


def _squares(response: Array, expected: Array | float) -> float:
    return float(np.square(response - expected).sum())


def _better_than_flat(residual: float, total: float, n: int, n_free: int) -> bool:
    from scipy.stats import f

    if total == 0 or residual >= total:
        return False
    if residual == 0:
        return True
    ratio = ((total - residual) / max(n_free - 1, 1)) / (residual / (n - n_free))
    return bool(f.sf(ratio, max(n_free - 1, 1), n - n_free) < 0.01)


def _estimates(fit: _Fit, x: Array, n: int, confidence: float) -> list[Any]:
    from scipy.stats import t

    at_zero, at_full, log_ic50, steepness = fit.parameters
    std = np.sqrt(np.diag(fit.covariance)[fit.free == 2][0])
    half = t.ppf((1 + confidence) / 2, n - len(fit.free)) * std
    # An infinite variance says that the wells don't determine the IC50; past 300 powers of ten a float ends.
    low, high = (10 ** np.clip(log_ic50 + side * half, -300, 300) for side in (-1, 1))
    censored = ">" if log_ic50 > x.max() else "<" if log_ic50 < x.min() else "="
    rises = at_full > at_zero
    return [10**log_ic50, low, high, censored, -steepness if rises else steepness, *sorted((at_zero, at_full))]


def _note(fit: _Fit, x: Array) -> str:
    log_ic50, steepness = fit.parameters[2:]
    if log_ic50 > x.max():
        return "half of the effect lies above the highest concentration: the IC50 is extrapolated"
    if log_ic50 < x.min():
        return "half of the effect lies below the lowest concentration: the IC50 is extrapolated"
    if steepness > _MAX_SLOPE * 0.99:
        return "the curve is a step: take smaller dilutions"
    if not np.isfinite(fit.covariance).all():
        return "the interval isn't known: the wells don't determine all parameters"
    return ""
