"""Evaluate expression over time: phases predicted in courses held out, and profiles forecast, beside the baselines.

`python tests/benchmarks/time_course.py [--quick] [--only phase|forecast] [--develop]` prints tables, and last a line of
JSON. Settings were chosen by `--develop`, which works on 320 of the genes alone; in the tests these are trained on too,
but never tested on.
"""

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from anndata import AnnData

import genolab as gl

N_DEVELOP = 320  # genes by which settings were chosen; none of them is tested on
SEEDS = 5
INPUTS = ("obsm/values", "obsm/cycles")
TRAINING = {"batch_size": 64, "weight_decay": 0.01, "clip_norm": 1.0, "threads": 1, "device": "cpu"}
PHASE_EPOCHS = 12  # with the full learning rate, and a third of that with a fifth of it
PHASE_RATE = 6e-3
FORECAST_EPOCHS = 16
FORECAST_RATE = 5e-3


def yeast(*, develop: bool) -> tuple[AnnData, set[str]]:
    """Return the profiles with their times in cycles, and the genes to test on."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="a profile needs at least one value")
        profiles = gl.timecourse.courses(gl.data.fetch("yeast_cell_cycle"))
    genes = np.random.default_rng(0).permutation(np.unique(profiles.obs["gene"]))
    chosen = set(genes[:N_DEVELOP].tolist())
    if develop:
        profiles = profiles[profiles.obs["gene"].isin(chosen).to_numpy()].copy()
    cycles = gl.timecourse.estimate_cycles(profiles)
    print({name: (round(cycles.period[name], 1), round(cycles.start[name], 3)) for name in cycles.period})
    profiles.obsm["cycles"] = cycles.times(profiles)
    return profiles, chosen if develop else set(genes[N_DEVELOP:].tolist())


def fitted(model: torch.nn.Module, rows: gl.data.AnnDataset, epochs: int, rate: float, seed: int) -> Any:
    """Train with one rate, and a third as long with a fifth of it."""
    config = gl.RunConfig(epochs=epochs, learning_rate=rate, seed=seed, **TRAINING)
    run = gl.Run(model, rows, None, config).start().wait()
    run.tune(learning_rate=rate / 5).start(epochs=max(1, epochs // 3)).wait()
    return model.eval()


def phase_models(seed: int, *, members: int) -> dict[str, Any]:
    return {
        "RNN": gl.timecourse.ExpressionRNN(
            5, n_hidden=16, members=members, noise=0.5, input_dropout=0.3, time_shift=0.05, seed=seed
        ),
        "logistic regression": gl.timecourse.ProfileBaseline("profile", C=0.1),
        "Fourier fit": gl.timecourse.ProfileBaseline("cosinor"),
        "15 nearest profiles": gl.timecourse.NearestProfiles(15),
    }


def phase(*, quick: bool, develop: bool) -> dict[str, Any]:
    """Predict the phase of genes held out in a course held out; every seed draws other parts of the genes."""
    profiles, tested = yeast(develop=develop)
    dataset = gl.data.AnnDataset(profiles, INPUTS, target="obs/phase")
    seeds = range(1 if quick or develop else SEEDS)
    found: dict[str, list[Any]] = {}
    for seed in seeds:
        began = time.process_time()
        here: dict[str, Any] = {}
        for fold in gl.timecourse.course_folds(profiles, n_folds=2 if quick else 4, seed=seed):
            train, test = dataset.subset(fold.train), dataset.subset(fold.test)
            for name, model in phase_models(seed, members=1 if quick else 2).items():
                if name == "RNN":
                    fitted(model, train, 2 if quick else PHASE_EPOCHS, PHASE_RATE, seed)
                else:
                    model.fit(train)
                answers = here.setdefault(name, np.zeros((profiles.n_obs, 5)))
                answers[fold.test] = gl.infer.predict(model, test)
        for name, answers in here.items():
            found.setdefault(name, []).append(answers)
        print(f"seed {seed}: {time.process_time() - began:.0f} CPU seconds", flush=True)
    rows = np.flatnonzero(profiles.obs["gene"].isin(tested))
    answers = {name: np.stack(each)[:, rows] for name, each in found.items()}
    plain = gl.timecourse.evaluate(answers, profiles[rows], "phase", n_boot=0)
    means = plain[plain["course"] == "all"].set_index("model")["value"]
    best = str(means.drop("RNN").idxmax())
    table = gl.timecourse.evaluate(answers, profiles[rows], "phase", baseline=best, n_boot=200 if quick else 1000)
    print("\nmacro-F1 of the phase, course and genes held out; the best baseline is the " + best)
    print(
        table.pivot_table(index=["metric", "model"], columns="course", values="value", sort=False).round(3).to_string()
    )
    print(table[table["course"] == "all"].round(3).to_string(index=False))
    own = table[(table["model"] == "RNN") & (table["course"] == "all")].set_index("metric")
    each = [
        gl.timecourse.evaluate({"RNN": one}, profiles[rows], "phase", n_boot=0)["value"].iloc[-1]
        for one in answers["RNN"]
    ]
    print("RNN, each seed: " + ", ".join(f"{value:.3f}" for value in each))
    return {
        "phase_f1": own["value"]["f1"],
        "phase_f1_baseline": means[best],
        "phase_f1_gain_low": own["low"]["f1_gain"],
        "phase_f1_gain_high": own["high"]["f1_gain"],
    }


def gene_folds(profiles: AnnData, seed: int, n_folds: int = 4) -> Iterator[tuple[Any, Any, Any]]:
    """Yield rows to train on, to calibrate by and to test on; each gene is tested once."""
    names, number = np.unique(profiles.obs["gene"].astype(str), return_inverse=True)
    part = (np.random.default_rng(seed).permutation(len(names)) % (2 * n_folds))[number]
    for fold in range(n_folds):
        test, valid = part // 2 == fold, part == (2 * fold + 2) % (2 * n_folds)
        yield np.flatnonzero(~(test | valid)), np.flatnonzero(valid), np.flatnonzero(test)


def forecast(*, quick: bool, develop: bool) -> dict[str, float]:
    """See 60 % of each course of genes held out, and forecast the rest; bands are calibrated on other genes."""
    profiles, tested = yeast(develop=develop)
    dataset = gl.data.AnnDataset(profiles, INPUTS)
    tables = []
    for seed in range(1 if quick or develop else SEEDS):
        began = time.process_time()
        for number, (train, valid, test) in enumerate(gene_folds(profiles, seed, 2 if quick else 4)):
            model = gl.timecourse.ExpressionRNN(
                members=1 if quick else 2, harmonics=4, noise=0.1, input_dropout=0.1, time_shift=0.0, seed=seed
            )
            fitted(model, dataset.subset(train), 2 if quick else FORECAST_EPOCHS, FORECAST_RATE, seed)
            model.calibrate(dataset.subset(valid))
            known = profiles[np.concatenate([train, valid])]
            models = {
                "RNN": model,
                "last value": gl.timecourse.last_value,
                "mean so far": gl.timecourse.mean_value,
                "a cycle ago": gl.timecourse.seasonal_naive,
                "Fourier fit": gl.timecourse.cosinor_forecast,
                "20 nearest profiles": gl.timecourse.NearestForecast(known, times="cycles"),
            }
            chosen = test[profiles.obs["gene"].iloc[test].isin(tested).to_numpy()]
            table = gl.timecourse.evaluate_forecasts(models, profiles[chosen], times="cycles", n_boot=0)
            tables.append(table.assign(seed=seed, fold=number, genes=profiles.obs["gene"].iloc[chosen].nunique()))
        print(f"seed {seed}: {time.process_time() - began:.0f} CPU seconds", flush=True)
    return forecast_figures(pd.concat(tables))


def forecast_figures(table: pd.DataFrame) -> dict[str, float]:
    """Print what was found, and return the figures; folds are averaged, squared errors before the root is taken."""
    squared = table.assign(value=np.where(table["metric"] == "error", table["value"] ** 2, table["value"]))
    each = squared.groupby(["metric", "model", "course", "seed"], sort=False)["value"].mean().reset_index()
    each["value"] = np.where(each["metric"] == "error", each["value"] ** 0.5, each["value"])
    mean = each.pivot_table(index=["metric", "model"], columns="course", values="value", sort=False)
    print("\nforecasts of the last 40 % of each course, genes held out: mean over seeds")
    print(mean.round(3).to_string())
    whole = each[each["course"] == "all"].pivot_table(index="seed", columns=["metric", "model"], values="value")
    best = str(whole["error"].mean().drop("RNN").idxmin())
    ratio, coverage = whole["error", "RNN"] / whole["error", best], whole["coverage", "RNN"]
    print(f"ratio to the {best}, each seed: {ratio.round(4).tolist()}; coverage: {coverage.round(4).tolist()}")
    return {
        "forecast_ratio": ratio.mean(),
        "forecast_ratio_worst": ratio.max(),
        "forecast_coverage": coverage.mean(),
        "forecast_coverage_low": coverage.min(),
        "forecast_coverage_high": coverage.max(),
    }


PARTS = {"phase": phase, "forecast": forecast}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see that all works, in half a minute")
    parser.add_argument("--develop", action="store_true", help="one seed on the genes by which settings are chosen")
    parser.add_argument("--only", choices=PARTS)
    chosen = parser.parse_args()
    figures: dict[str, Any] = {}
    for part, measure in PARTS.items():
        if chosen.only in (None, part):
            figures |= measure(quick=chosen.quick, develop=chosen.develop)
    print(json.dumps({key: round(float(value), 4) for key, value in figures.items()}))
