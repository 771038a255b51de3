"""How near predicted numbers come to the true ones, over weighted rows: weights of one give scikit-learn's values.

Each function takes the true and the predicted numbers, ``(n,)`` each, and returns a figure, from weights of the rows
``(b, n)``, a line a resampling, to ``(b,)``.
"""

import numpy as np

from genolab.evaluate.ranking import Array, Figure


def rmse(truth: Array, predicted: Array) -> Figure:
    """Measure the root of the mean squared error."""
    square = (truth - predicted) ** 2
    return lambda weights: np.sqrt(_mean(weights, square))


def mae(truth: Array, predicted: Array) -> Figure:
    """Measure the mean absolute error."""
    error = np.abs(truth - predicted)
    return lambda weights: _mean(weights, error)


def r2(truth: Array, predicted: Array) -> Figure:
    """Measure the share of the variance that is explained; below 0 where the mean predicts better, NaN without any."""
    square = (truth - predicted) ** 2

    def figure(weights: Array) -> Array:
        around = variance(truth, weights)
        unexplained = np.divide(weights @ square, around, out=np.full(len(around), np.nan), where=around > 0)
        return np.asarray(1 - unexplained)

    return figure


def pearson(truth: Array, predicted: Array) -> Figure:
    """Measure Pearson's correlation; NaN where one side is constant."""

    def figure(weights: Array) -> Array:
        size = np.sqrt(variance(truth, weights) * variance(predicted, weights))
        r: Array = np.full(len(size), np.nan)
        return np.divide(covariance(truth, predicted, weights), size, out=r, where=size > 1e-12)

    return figure


def covariance(x: Array, y: Array, weights: Array) -> Array:
    """Return the weighted sum of products around the means, ``(b,)``."""
    total = np.maximum(weights.sum(axis=1), 1e-300)
    # Around the middle of the rows, so that no digits are lost where a mean is large for its variance.
    x, y = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
    products: Array = weights @ (x * y) - (weights @ x) * (weights @ y) / total
    return products


def variance(values: Array, weights: Array) -> Array:
    """Return the weighted sum of squares around the mean, ``(b,)``."""
    return np.maximum(covariance(values, values, weights), 0)


def _mean(weights: Array, values: Array) -> Array:
    mean: Array = weights @ values / weights.sum(axis=1)
    return mean
