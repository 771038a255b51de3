"""Dose-response curves: effect over concentration, fitted by four parameters, with the IC50's interval."""

import warnings
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Fixed = tuple[float | None, float | None]

_STEEPEST: Final = 10.0  # a curve steeper than this is a step, which no series of dilutions resolves
_BEYOND: Final = 3.0  # powers of ten outside of what was measured, in which an IC50 is looked for
_STEPS: Final = 200  # of least squares from one start; a real curve takes some 10
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

    Four-parameter logistic regression by scipy's bounded least squares, over the logarithm of the concentration. The
    interval of the IC50 is that of its logarithm, from the covariance at the optimum and Student's t.

    Parameters
    ----------
    table
        A row a well: ``concentration``, the response, and the compound. Wells whose ``role`` is not ``"sample"``, and
        missing responses, don't count. What `normalise` returns, or any other table.
    response
        Column of the response; rising or falling.
    by
        Column that says which wells are one curve.
    at_zero, at_full
        The response at no and at infinite concentration, where they are known (0 and 100, for percent of controls); by
        default they are fitted.
    confidence
        Of the interval, between 0 and 1.

    Returns
    -------
    DataFrame
        A row a compound: its name under `by`; ``ic50``, the concentration of half of the effect, and its interval,
        ``ic50_low`` to ``ic50_high``; ``censored``, ``">"`` or ``"<"`` where the IC50 lies above or below all that was
        measured, so that no more than this is sure, else ``"="``; ``slope``, negative where the response rises;
        ``bottom`` and ``top``, the smaller and the larger end; ``r2``; ``n`` wells; ``note``, why there is no IC50, or
        why it is to be doubted, else empty. Without an IC50 the ends are the mean response.

    Raises
    ------
    KeyError
        A column is missing.
    ValueError
        A concentration isn't a finite number above 0.

    Examples
    --------
    >>> curves = gl.drugs.dose_response(gl.drugs.normalise(plate), at_zero=0)
    >>> curves.query("note == ''")[["compound", "ic50", "ic50_low", "ic50_high"]]
    """
    import pandas as pd

    if missing := [name for name in (by, "concentration", response) if name not in table]:
        raise KeyError(f"{', '.join(map(repr, missing))} isn't a column of the table; it has {list(table)}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is between 0 and 1, got {confidence}")
    wells = table[table["role"] == "sample"] if "role" in table else table
    wells = wells[wells[response].notna()]
    fixed = (at_zero, at_full)
    rows = [
        [name, *_fitted(one["concentration"].to_numpy(float), one[response].to_numpy(float), fixed, confidence)]
        for name, one in wells.groupby(by, sort=False, observed=True)
    ]
    return pd.DataFrame(rows, columns=[by, *_COLUMNS])


def curve(fitted: "pd.Series[Any]", concentrations: ArrayLike) -> Array:
    """Return the response that a row of `dose_response` has at some concentrations, ``(n,)``.

    A flat row is its mean throughout.
    """
    x = np.asarray(concentrations, dtype=np.float64)
    bottom, top, ic50, slope = (float(fitted[name]) for name in ("bottom", "top", "ic50", "slope"))
    if np.isnan(ic50):
        return np.full(x.shape, bottom)
    return _logistic(np.log10(x), bottom, top, np.log10(ic50), -slope)


def _fitted(concentration: Array, response: Array, fixed: Fixed, confidence: float) -> list[Any]:
    """Return one row of the table, without its name."""
    if not (np.isfinite(concentration) & (concentration > 0)).all() or not np.isfinite(response).all():
        raise ValueError("concentrations are finite numbers above 0, and responses finite: leave out the others")
    x, n = np.log10(concentration), len(response)
    n_free = 4 - sum(value is not None for value in fixed)
    nothing = [np.nan, np.nan, np.nan, "=", np.nan, response.mean(), response.mean(), 0.0, n]
    if len(np.unique(x)) < 4 or n <= n_free:
        return [*nothing, f"{len(np.unique(x))} concentrations in {n} wells are too few: take 4 or more"]
    fit = _fit(x, response, fixed)
    if fit is None:
        return [*nothing, "no curve could be fitted"]
    rest, whole = _squares(response, _logistic(x, *fit.parameters)), _squares(response, response.mean())
    if not _better_than_flat(rest, whole, n, n_free):
        return [*nothing, "the response doesn't depend on the concentration"]
    return [*_placed(fit, x, n, confidence), 1 - rest / whole, n, _doubt(fit, x)]


def _logistic(x: Array, at_zero: float, at_full: float, log_ic50: float, steepness: float) -> Array:
    from scipy.special import expit

    return np.asarray(at_zero + (at_full - at_zero) * expit(np.log(10) * steepness * (x - log_ic50)))


def _gradient(x: Array, at_zero: float, at_full: float, log_ic50: float, steepness: float) -> Array:
    """Return how the curve changes with each of its four parameters, ``(n, 4)``."""
    share = _logistic(x, 0.0, 1.0, log_ic50, steepness)
    turn = np.log(10) * (at_full - at_zero) * share * (1 - share)
    return np.stack([1 - share, share, -steepness * turn, (x - log_ic50) * turn], axis=1)


def _fit(x: Array, response: Array, fixed: Fixed) -> _Fit | None:
    """Find the least squares from several starts, for they have local minima; the best counts."""
    low, high = (response[x == end].mean() for end in (x.min(), x.max()))
    ends = [low if fixed[0] is None else fixed[0], high if fixed[1] is None else fixed[1]]
    found = [
        _fit_from(np.array([*ends, start, 1.0]), x, response, fixed) for start in np.quantile(x, (0.25, 0.5, 0.75))
    ]
    fits = [fit for fit in found if fit is not None]
    return min(fits, key=lambda fit: _squares(response, _logistic(x, *fit.parameters)), default=None)


def _fit_from(guess: Array, x: Array, response: Array, fixed: Fixed) -> _Fit | None:
    from scipy.optimize import OptimizeWarning, curve_fit

    free = np.array([at for at in range(4) if at > 1 or fixed[at] is None])

    def at(x: Array, *values: float) -> Array:
        all_four = guess.copy()
        all_four[free] = values
        return _logistic(x, *all_four)

    def slopes(x: Array, *values: float) -> Array:
        all_four = guess.copy()
        all_four[free] = values
        return _gradient(x, *all_four)[:, free]

    lower, upper = _bounds(x, response)[free].T
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)  # no covariance: the note says so
            found, covariance = curve_fit(
                at, x, response, np.clip(guess[free], lower, upper), bounds=(lower, upper), jac=slopes, max_nfev=_STEPS
            )
    except RuntimeError:  # no optimum in so many steps: another start may have one
        return None
    parameters = guess.copy()
    parameters[free] = found
    return _Fit(parameters, covariance, free)


def _bounds(x: Array, response: Array) -> Array:
    """Return the least and the most that each parameter may be, ``(4, 2)``."""
    reach = 2 * np.ptp(response) + 1e-9
    end = (response.min() - reach, response.max() + reach)
    return np.array([end, end, (x.min() - _BEYOND, x.max() + _BEYOND), (0.1, _STEEPEST)])


def _squares(response: Array, expected: Array | float) -> float:
    return float(np.square(response - expected).sum())


def _better_than_flat(rest: float, whole: float, n: int, n_free: int) -> bool:
    """Say whether the curve explains more than a flat line does, by an F test at 1 %: a curve looks for its steps."""
    from scipy.stats import f

    if whole == 0 or rest >= whole:
        return False
    if rest == 0:
        return True
    ratio = ((whole - rest) / max(n_free - 1, 1)) / (rest / (n - n_free))
    return bool(f.sf(ratio, max(n_free - 1, 1), n - n_free) < 0.01)


def _placed(fit: _Fit, x: Array, n: int, confidence: float) -> list[Any]:
    """Return ic50, its interval, censored, slope, bottom and top."""
    from scipy.stats import t

    at_zero, at_full, log_ic50, steepness = fit.parameters
    spread = np.sqrt(np.diag(fit.covariance)[fit.free == 2][0])
    half = t.ppf((1 + confidence) / 2, n - len(fit.free)) * spread
    # An unbounded variance says that the wells don't hold the IC50 at all; past 300 powers of ten a float ends.
    low, high = (10 ** np.clip(log_ic50 + side * half, -300, 300) for side in (-1, 1))
    censored = ">" if log_ic50 > x.max() else "<" if log_ic50 < x.min() else "="
    rises = at_full > at_zero
    return [10**log_ic50, low, high, censored, -steepness if rises else steepness, *sorted((at_zero, at_full))]


def _doubt(fit: _Fit, x: Array) -> str:
    log_ic50, steepness = fit.parameters[2:]
    if log_ic50 > x.max():
        return "half of the effect lies above the highest concentration: the IC50 is extrapolated"
    if log_ic50 < x.min():
        return "half of the effect lies below the lowest concentration: the IC50 is extrapolated"
    if steepness > _STEEPEST * 0.99:
        return "the curve is a step: take smaller dilutions"
    if not np.isfinite(fit.covariance).all():
        return "the interval isn't known: the wells don't hold all parameters"
    return ""
