"""How near a reconstruction comes to the truth."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from genolab.evaluate import bootstrap
from genolab.evaluate.metrics import weighted_median

Array = NDArray[np.float64]

_BLOCK_ROWS: Final = 8192  # sparse values are made dense by blocks of rows


def reconstruction(
    truth: Any,
    models: Mapping[str, Any],
    *,
    by: ArrayLike | None = None,
    baseline: str | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare reconstructions of the same values.

    Parameters
    ----------
    truth
        ``(n, genes)`` values, dense or sparse.
    models
        Name to reconstruction, ``(n, genes)``, or ``(genes,)`` for one that is the same for every cell. Put baselines
        among them: the mean of every gene over the training cells, and PCA with as many components as the latent.
    by
        Names ``(n,)`` of groups whose cells are not independent, such as donors: whole groups are resampled.
    baseline
        One of the models: adds each other's difference from it, as in `genolab.evaluate.table`.
    n_boot
        Resamplings of the cells behind the interval, the same for every model; 0: no interval.

    Returns
    -------
    DataFrame
        One row for each model and metric: ``model``, ``metric``, ``value``, ``low``, ``high`` (95 % interval). Metrics
        are ``mse``, the squared error of a value; ``r2``, the share of the variance around each gene's mean over these
        cells that is explained (1 is perfect, 0 is as good as those means; NaN where nothing varies); ``pearson``, the
        median over cells of the correlation across genes, without cells where one side is constant.
    """
    if not models:
        raise ValueError("there are no reconstructions to compare: pass a dictionary of names and values")
    shape = np.shape(truth)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"truth must be cells by genes, got shape {shape}")
    figures = {}
    for name, model in models.items():
        if np.shape(model) not in {shape, shape[1:]}:
            raise ValueError(
                f"{name!r} must have the truth's shape {shape}, or one value a gene, got {np.shape(model)}"
            )
        figures[name] = _cell_sums(truth, model, name).figures
    return bootstrap.table(
        figures,
        shape[0],
        ["metric"],
        baseline=baseline,
        groups=bootstrap.group_numbers(by, shape[0]),
        n_boot=n_boot,
        seed=seed,
    )


class _CellSums(NamedTuple):
    """Squared error and squared deviation from the genes' means, summed over each cell's genes, and its correlation."""

    n_genes: int
    error: Array
    deviation: Array
    pearson: Array

    def figures(self, weights: Array) -> dict[tuple[str, ...], Array]:
        error, deviation = weights @ self.error, weights @ self.deviation
        ratio = np.divide(error, deviation, out=np.full_like(error, np.nan), where=deviation > 0)
        mse = error / weights.sum(axis=1) / self.n_genes
        return {("mse",): mse, ("r2",): 1 - ratio, ("pearson",): weighted_median(self.pearson)(weights)}


def _cell_sums(truth: Any, model: Any, name: str) -> _CellSums:
    mean = np.asarray(_matrix(truth).mean(axis=0, dtype=np.float64)).ravel()
    parts = []
    for true, rebuilt in row_blocks(truth, model):
        for whose, values in (("truth", true), (name, rebuilt)):
            if not np.isfinite(values).all():
                raise ValueError(f"{whose!r} must be finite, and holds NaN or infinity")
        parts.append((((true - rebuilt) ** 2).sum(axis=1), ((true - mean) ** 2).sum(axis=1), _pearson(true, rebuilt)))
    return _CellSums(truth.shape[1], *(np.concatenate(part) for part in zip(*parts, strict=True)))


def row_blocks(truth: Any, model: Any) -> Iterator[tuple[Array, Array]]:
    """Walk the truth ``(n, genes)`` and a reconstruction of it, dense, by blocks of rows."""
    truth, model = _matrix(truth), _matrix(model)
    for first in range(0, truth.shape[0], _BLOCK_ROWS):
        true = _dense(truth[first : first + _BLOCK_ROWS])
        rebuilt = _dense(model if len(np.shape(model)) == 1 else model[first : first + _BLOCK_ROWS])
        yield true, np.broadcast_to(rebuilt, true.shape)


def _matrix(values: Any) -> Any:
    """Return values whose rows can be taken: sparse ones by rows, others as an array."""
    return sparse.csr_array(values) if sparse.issparse(values) else np.asarray(values)


def _dense(values: Any) -> Array:
    return np.asarray(values.toarray() if sparse.issparse(values) else values, dtype=np.float64)


def _pearson(one: Array, other: Array) -> Array:
    """Correlate each row of one with the same row of the other; NaN where a row is constant."""
    one, other = (part - part.mean(axis=1, keepdims=True) for part in (one, other))
    size = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    r: Array = np.divide((one * other).sum(axis=1), size, out=np.full(len(size), np.nan), where=size > 1e-12)
    return r
