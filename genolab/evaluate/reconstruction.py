"""How near a reconstruction comes to the truth."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from genolab.evaluate.agreement import bounds

_BLOCK_ROWS: Final = 8192  # sparse values are made dense by blocks of rows


class _ByCell(NamedTuple):
    """Sums over each cell's genes, ``(n,)``."""

    error: NDArray[np.float64]
    spread: NDArray[np.float64]
    pearson: NDArray[np.float64]


def reconstruction(truth: Any, models: Mapping[str, Any], *, n_boot: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Compare reconstructions of the same values.

    Parameters
    ----------
    truth
        ``(n, genes)`` values, dense or sparse.
    models
        Name to reconstruction, ``(n, genes)``, or ``(genes,)`` for one that is the same for every cell. Put baselines
        among them: the mean of every gene over the training cells, and PCA with as many components as the latent.
    n_boot
        Resamplings of the cells behind the interval, the same for every model; 0: no interval.
    seed
        Of the resamplings.

    Returns
    -------
    DataFrame
        One row for each model and metric: ``model``, ``metric``, ``value``, ``low``, ``high`` (95 % interval). Metrics
        are ``mse``, the squared error of a value; ``r2``, the share of the variance around each gene's mean over these
        cells that is explained (1 is perfect, 0 is as good as those means; NaN where nothing varies); ``pearson``, the
        median over cells of the correlation across genes, without cells where one side is constant.

    Raises
    ------
    ValueError
        Shapes differ, values aren't finite, or there is nothing to compare.
    """
    if not models:
        raise ValueError("there are no reconstructions to compare: pass a dictionary of names and values")
    if len(np.shape(truth)) != 2 or 0 in np.shape(truth):
        raise ValueError(f"truth must be cells by genes, got shape {np.shape(truth)}")
    rows: list[tuple[Any, ...]] = []
    for name, model in models.items():
        if np.shape(model) not in {np.shape(truth), np.shape(truth)[1:]}:
            raise ValueError(
                f"{name!r} must have the truth's shape {np.shape(truth)}, or one value a gene, got {np.shape(model)}"
            )
        cells = _by_cell(truth, model, name)
        value = _figures(cells, np.shape(truth)[1])
        random = np.random.default_rng(seed)
        drawn = (random.integers(len(cells.error), size=len(cells.error)) for _ in range(n_boot))
        again = np.array([_figures(_ByCell(*(part[at] for part in cells)), np.shape(truth)[1]) for at in drawn])
        again = again.reshape(n_boot, len(value))
        rows += [(name, metric, *bounds(v, again[:, i])) for i, (metric, v) in enumerate(value._asdict().items())]
    return pd.DataFrame(rows, columns=["model", "metric", "value", "low", "high"])


class _Figures(NamedTuple):
    mse: float
    r2: float
    pearson: float


def _figures(cells: _ByCell, n_genes: int) -> _Figures:
    spread = cells.spread.sum()
    known = cells.pearson[~np.isnan(cells.pearson)]
    return _Figures(
        mse=float(cells.error.mean() / n_genes),
        r2=float(1 - cells.error.sum() / spread) if spread > 0 else np.nan,
        pearson=float(np.median(known)) if len(known) else np.nan,
    )


def _by_cell(truth: Any, model: Any, name: str) -> _ByCell:
    mean = np.asarray(truth.mean(axis=0), dtype=np.float64).ravel()
    parts = []
    for true, rebuilt in _blocks(truth, model):
        for whose, values in (("truth", true), (name, rebuilt)):
            if not np.isfinite(values).all():
                raise ValueError(f"{whose!r} must be finite, and holds NaN or infinity")
        parts.append((((true - rebuilt) ** 2).sum(axis=1), ((true - mean) ** 2).sum(axis=1), _pearson(true, rebuilt)))
    return _ByCell(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _blocks(truth: Any, model: Any) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    for first in range(0, truth.shape[0], _BLOCK_ROWS):
        true = _dense(truth[first : first + _BLOCK_ROWS])
        same = len(np.shape(model)) == 1
        rebuilt = np.asarray(model, dtype=np.float64) if same else _dense(model[first : first + _BLOCK_ROWS])
        yield true, np.broadcast_to(rebuilt, true.shape)


def _dense(values: Any) -> NDArray[np.float64]:
    return np.asarray(values.toarray() if sparse.issparse(values) else values, dtype=np.float64)


def _pearson(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlate each row of one with the same row of the other; NaN where a row is constant."""
    one, other = (part - part.mean(axis=1, keepdims=True) for part in (one, other))
    size = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    r: NDArray[np.float64] = np.divide(
        (one * other).sum(axis=1), size, out=np.full(len(size), np.nan), where=size > 1e-12
    )
    return r
