"""Dose-response curves: effect over concentration, fitted by four parameters, with the IC50's interval."""

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genolab.checks import check_columns, check_share, warn
from genolab.drugs.screen.values import read_values, within_range

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Fixed = tuple[float | None, float | None]

_MAX_SLOPE: Final = 10.0  # a curve steeper than this is a step, which no series of dilutions resolves
_BEYOND: Final = 3.0  # powers of ten outside of what was measured, in which an IC50 is looked for
_MAX_STEPS: Final = 200  # of least squares from one start; a real curve takes some 10
_TURNING_SHARE: Final = 0.3  # of the whole effect, by which a response that turns must come back
_SCATTERS: Final = 4.0  # standard deviations of wells, too: of curves of noise alone one in a hundred turns so far
_TOP_WELLS: Final = 3
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
    measure: str = "IC50",
) -> "pd.DataFrame":
    """Fit a curve to each compound: ``bottom + (top - bottom) / (1 + (concentration / ic50) ** slope)``.

    Four-parameter logistic regression over the logarithm of the concentration, by scipy's bounded least squares. The
    interval of the IC50 is that of its logarithm, from the covariance at the optimum and Student's t. Wells at
    concentration 0 are a baseline. A curve that doesn't differ from a flat line by an F test at 1 % has no IC50, nor
    has one that rises, then falls, or falls, then rises.

    Parameters
    ----------
    table
        A row a well: ``concentration``, the response, and the compound. Wells whose ``role`` is not ``"sample"``, and
        missing responses, don't count; those of a ``range``, as of `plate`, count as bounds that they are, and are
        noted. What `normalise` returns, or any other table.
    response, by
        Columns of the response, rising or falling, and of what is one curve.
    at_zero, at_full
        The response at no and at infinite concentration, where they are known (0 and 100, for percent of controls).
    confidence
        Of the interval, between 0 and 1.
    measure
        What the concentration of half of the effect is called: ``"IC50"`` of an inhibitor, ``"EC50"`` of an activator,
        ``"GI50"`` of growth. Columns, notes and figures take this name.

    Returns
    -------
    DataFrame
        A row a compound: its name under `by`; ``ic50``, the concentration of half of the effect, and its interval,
        ``ic50_low`` to ``ic50_high``, or as `measure` names them; ``censored``, ``">"`` or ``"<"`` where the IC50 lies
        above or below all that was measured, so that no more than this is certain, else ``"="``; ``slope``, negative
        where the response rises; ``bottom`` and ``top``, the smaller and the larger end; ``r2``; ``n`` wells; ``note``,
        why there is no IC50, or why it is uncertain, else empty. Without an IC50 the ends are the mean response.

    Examples
    --------
    >>> curves = gl.drugs.dose_response(gl.drugs.normalise(plate), at_zero=0)
    """
    import pandas as pd

    check_columns(table, by, "concentration", response)
    check_share("confidence", confidence, zero=False, one=False)
    wells = table[table["role"] == "sample"] if "role" in table else table
    if unnamed := int(wells[by].isna().sum()):
        warn(f"{unnamed:,} of {len(wells):,} wells have no {by}, and belong to no curve")
    x = read_values(wells["concentration"])
    y, beyond = within_range(read_values(wells[response]))
    marked = wells["range"].to_numpy() if "range" in wells else beyond
    points = pd.DataFrame({by: wells[by].array, "x": np.where(x.sign == "=", x.number, np.nan), "y": y})
    points["beyond"] = marked != ""
    rows = [
        [name, *_row(of, (at_zero, at_full), confidence)] for name, of in points.groupby(by, sort=False, observed=True)
    ]
    fits = pd.DataFrame(rows, columns=[by, *_COLUMNS])
    fits["note"] = fits["note"].str.replace("IC50", measure)
    return fits.rename(columns={name: name.replace("ic50", measure.lower()) for name in _COLUMNS})


def measure_of(columns: Iterable[Any]) -> str:
    """Return the column with the concentration of half of the effect, such as ``ic50``: that with an interval."""
    return next((str(name).removesuffix("_low") for name in columns if str(name).endswith("_low")), "ic50")


def curve(fitted: "pd.Series[Any]", concentrations: ArrayLike) -> Array:
    """Return the response of a row of `dose_response` at some concentrations, ``(n,)``; of a flat row its mean."""
    x = np.asarray(concentrations, dtype=np.float64)
    bottom, top, ic50, slope = (float(fitted[name]) for name in ("bottom", "top", measure_of(fitted.index), "slope"))
    if np.isnan(ic50):
        return np.full(x.shape, bottom)
    return _logistic(_log10(x), bottom, top, np.log10(ic50), -slope)


def _log10(concentration: Array) -> Array:
    with np.errstate(divide="ignore"):  # a baseline, at no concentration, lies at minus infinity
        return np.asarray(np.log10(concentration))


def _row(points: "pd.DataFrame", fixed: Fixed, confidence: float) -> list[Any]:
    """Return a row of the table without its name: the fit, and notes on wells that aren't like the others."""
    measured = points[points["y"].notna()]
    used = measured[measured["x"] >= 0]
    row = _fitted(_log10(used["x"].to_numpy()), used["y"].to_numpy(), fixed, confidence)
    notes = {
        "without a concentration of at least 0, which don't count": len(measured) - len(used),
        "at concentration 0, the baseline": int((used["x"] == 0).sum()),
        "beyond the reader's range, which count as its end, so that the IC50 is a bound": int(used["beyond"].sum()),
    }
    row[-1] = "; ".join([row[-1]] * bool(row[-1]) + [f"wells {what}: {n}" for what, n in notes.items() if n])
    return row


def _fitted(x: Array, response: Array, fixed: Fixed, confidence: float) -> list[Any]:
    n = len(response)
    n_free = 4 - sum(value is not None for value in fixed)
    mean = response.mean() if n else np.nan
    flat = [np.nan, np.nan, np.nan, "=", np.nan, mean, mean, 0.0, n]
    doses = x[np.isfinite(x)]
    if len(np.unique(doses)) < 4 or n <= n_free:
        return [*flat, f"{len(np.unique(doses))} concentrations in {n} wells are too few: take 4 or more"]
    if turn := _turn(x, response):
        return [*flat, f"as the concentration rises the response {turn}: fit one side of it alone"]
    fit = _best_fit(x, response, fixed)
    if fit is None:
        return [*flat, "no curve could be fitted"]
    residual, total = _squares(response, _logistic(x, *fit.parameters)), _squares(response, response.mean())
    if not _better_than_flat(residual, total, n, n_free):
        return [*flat, "the response doesn't depend on the concentration"]
    return [*_estimates(fit, doses, n, confidence), 1 - residual / total, n, _note(fit, doses)]


def _turn(x: Array, response: Array) -> str:
    """Return how the response turns within what was measured, "" where it only rises or only falls.

    It is compared with the best curve of two monotone sides: between the top and either end, that must fall by a share
    of all that it does, and by several times what the wells scatter, and the top must be more than a stray well.
    """
    level, at, wells = np.unique(x, return_inverse=True, return_counts=True)
    means = np.bincount(at, response) / wells
    sides = [(sign, _two_sides(sign * means, wells)) for sign in (1, -1)]
    sign, sides_of = min(sides, key=lambda pair: float((wells * (pair[0] * means - pair[1]) ** 2).sum()))
    top = sides_of.max()
    drop, reach = top - max(sides_of[0], sides_of[-1]), top - min(sides_of[0], sides_of[-1])
    scatter = np.sqrt(_squares(response, sign * sides_of[at]) / max(len(x) - len(level) // 2 - 1, 1))
    several = _SCATTERS if len(x) >= 1.5 * len(level) else 1.5 * _SCATTERS  # copies tell more of the scatter
    stray = wells[sides_of >= top - drop / 2].sum() < _TOP_WELLS
    if stray or drop < _TURNING_SHARE * reach or drop <= several * scatter:
        return ""
    return "rises, then falls" if sign > 0 else "falls, then rises"


def _two_sides(means: Array, wells: NDArray[np.int64]) -> Array:
    """Return the least squares curve that rises up to one concentration and falls after it."""
    from scipy.optimize import isotonic_regression

    def joined(peak: int) -> Array:
        rising = isotonic_regression(means[:peak], weights=wells[:peak]).x
        return np.concatenate([rising, isotonic_regression(means[peak:], weights=wells[peak:], increasing=False).x])

    return min(map(joined, range(1, len(means))), key=lambda curve: float((wells * (means - curve) ** 2).sum()))


def _logistic(x: Array, at_zero: float, at_full: float, log_ic50: float, steepness: float) -> Array:
    from scipy.special import expit

    return np.asarray(at_zero + (at_full - at_zero) * expit(np.log(10) * steepness * (x - log_ic50)))


def _jacobian(x: Array, at_zero: float, at_full: float, log_ic50: float, steepness: float) -> Array:
    """Return the derivatives of the curve by its four parameters, ``(n, 4)``."""
    share = _logistic(x, 0.0, 1.0, log_ic50, steepness)
    turn = np.log(10) * (at_full - at_zero) * share * (1 - share)
    distance = np.where(np.isfinite(x), x - log_ic50, 0.0)
    return np.stack([1 - share, share, -steepness * turn, distance * turn], axis=1)


def _best_fit(x: Array, response: Array, fixed: Fixed) -> _Fit | None:
    """Return the best of the least squares from several starts: they have local minima."""
    low, high = (response[x == end].mean() for end in (x.min(), x.max()))
    ends = [low if fixed[0] is None else fixed[0], high if fixed[1] is None else fixed[1]]
    starts = np.quantile(x[np.isfinite(x)], (0.25, 0.5, 0.75))
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
                check_finite=False,  # a baseline's logarithm isn't
            )
    except RuntimeError:  # no optimum in so many steps: another start may have one
        return None
    return _Fit(all_four(values), covariance, free)


def _bounds(x: Array, response: Array) -> Array:
    """Return the least and the most that each parameter may be, ``(4, 2)``."""
    reach = 2 * np.ptp(response) + 1e-9
    end = (response.min() - reach, response.max() + reach)
    x = x[np.isfinite(x)]
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
