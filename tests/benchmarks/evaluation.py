"""Do 95 % intervals hold the true figure in 95 % of studies, and does p < .05 come by chance in 5 % of them?

    .venv/bin/python tests/benchmarks/evaluation.py [--quick]

Simulated studies whose true figures are known by theory: rows that are independent, and rows of groups that share half
of their variance. Beside genolab's intervals stand the percentiles of the same resamplings, and those of a bootstrap of
rows where the rows are of groups. The last line is JSON.
"""

import argparse
import json
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binom, norm

from genolab.evaluate import ranking, values
from genolab.evaluate.bootstrap import Array, Sample, draw
from genolab.evaluate.metrics import Counts, RankedScores, accuracy, f1, macro

N_BOOT = 1000
POSITIVE, SEPARATION, THRESHOLD, RHO = 0.3, 1.2, 0.8, 0.7


class Study(NamedTuple):
    """A figure of simulated rows, from weights, and its true value."""

    figure: Callable[[Array], Array]
    truth: float


def noise(random: np.random.Generator, groups: np.ndarray) -> Array:
    """Standard normal noise, half of whose variance rows of a group share."""
    shared = random.normal(size=groups.max() + 1)[groups]
    return np.sqrt(0.5) * shared + np.sqrt(0.5) * random.normal(size=len(groups))


def share(random: np.random.Generator, groups: np.ndarray, p: float) -> Study:
    right = noise(random, groups) < norm.ppf(p)
    return Study(lambda weights: accuracy(Counts.of(right[:, None], np.ones_like(right)[:, None], weights)), p)


def classes(random: np.random.Generator, groups: np.ndarray) -> Study:
    truth = random.random(len(groups)) < POSITIVE
    called = noise(random, groups) + SEPARATION * truth > THRESHOLD
    hot, decided = (np.stack([~each, each], axis=1) for each in (truth, called))
    hit, false = POSITIVE * norm.sf(THRESHOLD - SEPARATION), (1 - POSITIVE) * norm.sf(THRESHOLD)
    missed, rest = POSITIVE - hit, 1 - POSITIVE - false
    true = (2 * hit / (2 * hit + false + missed) + 2 * rest / (2 * rest + false + missed)) / 2
    return Study(lambda weights: macro(f1(Counts.of(hot, decided, weights))), true)


def area(random: np.random.Generator, groups: np.ndarray) -> Study:
    truth = random.random(len(groups)) < POSITIVE
    ranked = RankedScores(truth, noise(random, groups) + SEPARATION * truth)
    return Study(lambda weights: ranked.areas(weights)[0], float(norm.cdf(SEPARATION / np.sqrt(2))))


def correlated(random: np.random.Generator, groups: np.ndarray, *, of_ranks: bool) -> Study:
    one, other = noise(random, groups), noise(random, groups)
    predicted = RHO * one + np.sqrt(1 - RHO**2) * other
    if not of_ranks:
        return Study(values.pearson(one, predicted), RHO)
    together = np.zeros(len(groups), dtype=np.int64)
    return Study(ranking.rank_correlation(one, predicted, together), float(6 / np.pi * np.arcsin(RHO / 2)))


def error(random: np.random.Generator, groups: np.ndarray) -> Study:
    return Study(values.rmse(np.zeros(len(groups)), noise(random, groups)), 1.0)


FIGURES: dict[str, Callable[[np.random.Generator, np.ndarray], Study]] = {
    "accuracy .7": lambda random, groups: share(random, groups, 0.7),
    "accuracy .9": lambda random, groups: share(random, groups, 0.9),
    "macro-F1": classes,
    "AUROC": area,
    "Spearman": lambda random, groups: correlated(random, groups, of_ranks=True),
    "Pearson": lambda random, groups: correlated(random, groups, of_ranks=False),
    "RMSE": error,
}
DESIGNS = {"50 rows": (50, 50), "200 rows": (200, 200), "20 groups of 5": (100, 20), "40 groups of 5": (200, 40)}


def coverage(name: str, n: int, n_groups: int, studies: int) -> dict[str, float]:
    """Return the share of studies whose intervals hold the true figure: genolab's, percentiles, those of rows."""
    held = dict.fromkeys(("genolab", "percentile", "rows"), 0)
    groups = np.arange(n) % n_groups
    for number in range(studies):
        study = FIGURES[name](np.random.default_rng([number, n, n_groups]), groups)
        sample = one_figure(study.figure, n, groups, number)
        found = {"genolab": sample.interval()[1:], "percentile": np.nanpercentile(sample.resampled, (2.5, 97.5))}
        if n_groups < n:
            found["rows"] = one_figure(study.figure, n, None, number).interval()[1:]
        for method, (low, high) in found.items():
            held[method] += low - 1e-12 <= study.truth <= high + 1e-12
    return {method: count / studies for method, count in held.items() if method != "rows" or n_groups < n}


def one_figure(figure: Callable[[Array], Array], n: int, groups: np.ndarray | None, seed: int) -> Sample:
    return draw(lambda weights: {"it": figure(weights)}, n, n_boot=N_BOOT, seed=seed, groups=groups)["it"]


def false_alarms(n: int, studies: int) -> dict[str, float]:
    """Return the share of studies in which two models that are equally good differ with p < .05."""
    alarms = {"accuracy": 0, "AUROC": 0}
    for number in range(studies):
        random = np.random.default_rng([number, n])
        truth, shared = random.random(n) < POSITIVE, random.normal(size=n)
        scores = [shared + random.normal(size=n) + SEPARATION * np.sqrt(2) * truth for _ in range(2)]
        ranked = [RankedScores(truth, each) for each in scores]
        right = [((each > THRESHOLD * np.sqrt(2)) == truth).astype(float) for each in scores]
        figures = {
            "accuracy": lambda weights, right=right: weights @ (right[0] - right[1]) / weights.sum(axis=1),
            "AUROC": lambda weights, ranked=ranked: ranked[0].areas(weights)[0] - ranked[1].areas(weights)[0],
        }
        for name, figure in figures.items():
            alarms[name] += one_figure(figure, n, None, number).p_value() < 0.05
    return {name: count / studies for name, count in alarms.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 studies instead of 1,000")
    studies = 100 if parser.parse_args().quick else 1000
    rows = [
        {"figure": name, "design": design, **coverage(name, *sizes, studies)}
        for design, sizes in DESIGNS.items()
        for name in FIGURES
    ]
    table = pd.DataFrame(rows)
    low, high = binom.ppf((0.025, 0.975), studies, 0.95) / studies
    print(f"share of {studies:,} studies whose 95 % interval holds the truth (by chance {low:.3f} to {high:.3f})")
    print(table.to_string(index=False, float_format="{:.3f}".format, na_rep=""))
    alarms = {f"{n} rows": false_alarms(n, studies) for n in (50, 200)}
    print("\np < .05 where two models are equally good\n", pd.DataFrame(alarms).T, sep="")
    inside = table["genolab"].between(0.93, 0.97)
    summary = {"studies": studies, "least": table["genolab"].min(), "most": table["genolab"].max()}
    print(json.dumps(summary | {"share_within_93_to_97": inside.mean(), "false_alarms": alarms}))


if __name__ == "__main__":
    main()
