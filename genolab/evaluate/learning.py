"""How a score grows with the training data: whether more of them would help."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from genolab.checks import check_at_least
from genolab.data.dataset import AnnDataset
from genolab.evaluate.classification import table
from genolab.waiting import bar

Fit = Callable[[AnnDataset, int], Any]
"""From training rows and a seed to what `genolab.evaluate.table` takes for a model."""


def learning_curve(
    models: Mapping[str, Fit],
    train: AnnDataset,
    test: AnnDataset,
    *,
    metric: str,
    sizes: Sequence[float] = (0.1, 0.2, 0.5, 1.0),
    n_seeds: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Train models on more and more rows, and compare them on the same test set.

    Parameters
    ----------
    models
        Name to a function of training rows and a seed, which returns a trained model, or its predictions for the test
        set.
    metric
        One of those of `genolab.evaluate.table`; of several classes or outputs their mean.
    sizes
        Shares of the training rows (up to 1), or numbers of them.
    n_seeds
        Trainings of each size, each with other rows and another seed; smaller sizes are parts of larger ones.

    Returns
    -------
    DataFrame
        ``model``, ``metric``, ``rows``, ``value`` (the mean over the trainings), ``low``, ``high`` (its 95 % interval).

    Examples
    --------
    >>> fit = lambda rows, seed: gl.Run(gl.dna.SequenceCNN(seed=seed), rows).start().wait().model
    >>> curve = learning_curve({"cnn": fit}, train, test, metric="mcc")
    >>> gl.plot.learning_curve(curve)
    """
    check_at_least("n_seeds", n_seeds, 2)
    counts = _row_counts(sizes, len(train))
    scores: dict[tuple[str, int], list[float]] = {(name, count): [] for name in models for count in counts}
    with bar("Training", n_seeds * len(scores)) as shown:
        for number in range(seed, seed + n_seeds):
            order = np.random.default_rng(number).permutation(len(train))
            for (name, count), each in scores.items():
                model = models[name](train.subset(order[:count]), number)
                each.append(_score(model, test, metric))
                shown.update(1)
    rows = [(name, metric, count, *_mean_interval(each)) for (name, count), each in scores.items()]
    return pd.DataFrame(rows, columns=["model", "metric", "rows", "value", "low", "high"])


def _row_counts(sizes: Sequence[float], n: int) -> list[int]:
    counts = sorted({round(size * n) if 0 < size <= 1 else int(size) for size in sizes})
    if not counts or not 1 <= counts[0] <= counts[-1] <= n:
        raise ValueError(f"sizes are shares of the {n:,} training rows, or numbers up to that, got {list(sizes)}")
    return counts


def _score(model: Any, test: AnnDataset, metric: str) -> float:
    scores = table({"model": model}, test, metrics=[metric], n_boot=0)
    return float(scores.loc[scores["class"].isin(["", "macro"]), "value"].iloc[0])


def _mean_interval(scores: Sequence[float]) -> tuple[float, float, float]:
    mean, error = float(np.mean(scores)), float(np.std(scores, ddof=1) / np.sqrt(len(scores)))
    reach = float(t.ppf(0.975, len(scores) - 1)) * error
    return mean, mean - reach, mean + reach
