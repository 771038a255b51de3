"""Responses that are known: compounds on cell lines, by the molecules' parts, and the wells of a plate."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genolab.checks import check_share

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

Array = NDArray[np.float64]

# Scaffolds with three places that no symmetry of theirs exchanges, so that no two of the molecules are the same.
SCAFFOLDS: Final = {
    "pyridine": "n1c({0})c({1})cc({2})c1",
    "pyrimidine": "n1c({0})nc({1})c({2})c1",
    "naphthalene": "c1c({0})ccc2c({1})cc({2})cc12",
    "quinoline": "n1c({0})cc({1})c2cc({2})ccc12",
    "quinazoline": "n1c({0})nc({1})c2cc({2})ccc12",
    "indole": "[nH]1c({0})cc2cc({1})cc({2})c12",
    "benzimidazole": "[nH]1c({0})nc2cc({1})cc({2})c12",
    "thiophene": "s1c({0})cc({1})c1{2}",
    "benzanilide": "c1c({0})cccc1C(=O)Nc1ccc({1})c({2})c1",
    "biphenyl": "c1c({0})cccc1-c1ccc({1})c({2})c1",
}
"""Name to SMILES with three places for substituents."""

SUBSTITUENTS: Final = ("F", "Cl", "Br", "C", "OC", "O", "N", "C#N", "C(F)(F)F", "C(=O)N", "N(C)C", "S(=O)(=O)C")
"""What stands in the places, as SMILES."""

_PLACES: Final = 3
_MOST: Final = len(SCAFFOLDS) * len(SUBSTITUENTS) ** _PLACES
_SHARE_MUTATED: Final = 0.25  # of the lines, for a feature
DOSES: Final = tuple(float(dose) for dose in 10.0 ** np.linspace(-1, 5, 8))
"""Eight concentrations in nM, from 0.1 nM to 100 uM."""

_TISSUES: Final = ("lung", "skin", "blood", "colon")


def simulate_responses(
    n_compounds: int = 120,
    n_contexts: int = 40,
    *,
    n_features: int = 30,
    n_interactions: int = 4,
    interaction: float = 1.5,
    noise: float = 0.3,
    measured: float = 1.0,
    censored_below: float | None = None,
    seed: int = 0,
) -> "AnnData":
    """Draw the pIC50 of compounds in cell lines, with known effects of their parts and of the lines' mutations.

    The model, for compound i and line j::

        expected[i, j] = 6 + bits[i] @ of_bit + features[j] @ of_feature
                           + sum over pairs (b, f): bits[i, b] * features[j, f] * of_pair
        response[i, j] ~ normal(expected[i, j], noise)

    - ``bits``: a compound is one of 10 scaffolds with a substituent in each of three places; its 46 bits say which.
    - ``features``: mutations, each in a quarter of the lines.
    - ``of_bit``, ``of_feature``: normal, with standard deviations 0.4 and 0.15.
    - pairs: `n_interactions` substituents act by `interaction` more in lines with a mutation, like a biomarker; these
      the means of compounds and lines can't know.

    Parameters
    ----------
    n_compounds, n_contexts, n_features
        Distinct molecules, up to 17,280; cell lines; and mutations that are known of each.
    n_interactions, interaction
        Pairs of a substituent and a mutation, up to 36 and `n_features`, and what each adds to the pIC50.
    noise
        Standard deviation of a measurement.
    measured
        Share of the pairs of compound and line that were measured, above 0.
    censored_below
        A response below is known only to be below: ``response`` is the bound, and ``censored`` is ``"<"``.

    Returns
    -------
    AnnData
        In the form of ``fetch("davis")``, with the truth: ``obs["expected"]``; ``uns["compound_bits"]`` and
        ``uns["features"]`` (compounds by bits, lines by features, uint8), and ``uns["simulation"]`` with the arguments
        and effects.
    """
    sizes = {
        "n_compounds": n_compounds,
        "n_contexts": n_contexts,
        "n_features": n_features,
        "n_interactions": n_interactions,
    }
    _check(sizes, noise=noise, measured=measured)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(_MOST, n_compounds, replace=False)
    scaffold = chosen // len(SUBSTITUENTS) ** _PLACES
    substituents = np.stack([chosen // len(SUBSTITUENTS) ** place % len(SUBSTITUENTS) for place in range(_PLACES)], 1)
    truth = _draw_truth(scaffold, substituents, sizes, interaction, rng)
    expected = _expected(truth)
    at = np.flatnonzero(rng.random(expected.size) < measured)
    if len(at) == 0:
        raise ValueError(f"no pair was measured: raise measured, which is {measured}")
    pair = np.stack(np.unravel_index(at, expected.shape), axis=1).astype(np.int32)
    response = expected.ravel()[at] + noise * rng.standard_normal(len(at))
    adata = _adata(pair, response, censored_below, _compounds(scaffold, substituents), _contexts(n_contexts))
    adata.obs["expected"] = expected.ravel()[at].astype(np.float32)
    adata.uns |= {name: truth.pop(name).astype(np.uint8) for name in ("compound_bits", "features")}
    adata.uns["feature_names"] = np.array([f"gene_{i + 1}_mut" for i in range(n_features)], dtype=object)
    limit = {} if censored_below is None else {"censored_below": censored_below}  # h5ad holds no None
    settings = {"interaction": interaction, "noise": noise, "measured": measured, "seed": seed, **limit}
    adata.uns["simulation"] = {"bit_names": _bit_names(), **truth, **sizes, **settings}
    return adata


def simulate_plate(
    potency: "pd.Series[float]",
    *,
    concentrations: ArrayLike = DOSES,
    copies: int = 2,
    noise: float = 6.0,
    seed: int = 0,
) -> "pd.DataFrame":
    """Draw the wells of a plate on which compounds of known potency are tested, as `plate` takes them.

    `potency` is each compound's pEC50 or pIC50, its name in the index. Each is tested `copies` times at each of
    `concentrations`, in nM: the effect is ``100 / (1 + EC50 / concentration)`` percent, with normal noise of so many
    percent. Twelve wells of ``"DMSO"`` have no effect, twelve of ``"full agonist"`` all of it. Columns are ``well``,
    ``compound``, ``concentration`` and ``signal``.
    """
    import pandas as pd

    doses = np.tile(np.asarray(concentrations, dtype=np.float64), copies)
    half = 10 ** (9 - potency.to_numpy(dtype=np.float64))  # nM
    wells = pd.DataFrame(
        {
            "compound": [*potency.index.repeat(len(doses)), *["DMSO"] * 12, *["full agonist"] * 12],
            "concentration": [*np.tile(doses, len(potency)), *[np.nan] * 24],
        }
    )
    effect = np.concatenate([(100 / (1 + half[:, None] / doses)).ravel(), np.repeat([0.0, 100.0], 12)])
    wells["signal"] = 2000 + 80 * (effect + np.random.default_rng(seed).normal(0, noise, len(wells)))
    names = [f"{row}{column}" for row in "ABCDEFGHIJKLMNOP" for column in range(1, 25)]
    if len(wells) > len(names):
        raise ValueError(f"a plate has {len(names)} wells, and these would be {len(wells):,}: test fewer compounds")
    wells.insert(0, "well", names[: len(wells)])
    return wells


def _check(sizes: dict[str, int], *, noise: float, measured: float) -> None:
    most = {"n_compounds": _MOST, "n_interactions": min(sizes["n_features"], _PLACES * len(SUBSTITUENTS))}
    for name, value in sizes.items():
        least = 0 if name == "n_interactions" else 1
        if not least <= value <= most.get(name, value):
            room = f"{least} to {most[name]:,}" if name in most else "at least 1"
            raise ValueError(f"{name} must be {room}, got {value}")
    if not noise >= 0:
        raise ValueError(f"noise is a standard deviation, at least 0, got {noise}")
    check_share("measured", measured, zero=False)


def _draw_truth(
    scaffold: NDArray[np.int64],
    substituents: NDArray[np.int64],
    sizes: dict[str, int],
    interaction: float,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Draw all that decides the mean response: bits and features, and the effects of both and of their pairs."""
    one_hot = [scaffold[:, None] == np.arange(len(SCAFFOLDS))]
    one_hot += [substituents[:, [place]] == np.arange(len(SUBSTITUENTS)) for place in range(_PLACES)]
    bits = np.concatenate(one_hot, axis=1).astype(np.float64)
    features = (rng.random((sizes["n_contexts"], sizes["n_features"])) < _SHARE_MUTATED).astype(np.float64)
    count = sizes["n_interactions"]
    in_place = np.arange(len(SCAFFOLDS), bits.shape[1])
    pairs = [rng.choice(in_place, count, replace=False), rng.choice(sizes["n_features"], count, replace=False)]
    return {
        "compound_bits": bits,
        "features": features,
        "of_bit": 0.4 * rng.standard_normal((bits.shape[1],)),
        "of_feature": 0.15 * rng.standard_normal((sizes["n_features"],)),
        "pairs": np.stack(pairs, axis=1),  # a bit and a feature
        "of_pair": np.full(count, float(interaction)),
    }


def _expected(truth: dict[str, Any]) -> Array:
    """Return the mean response of every compound in every context, ``(n_compounds, n_contexts)``."""
    bits, features, (bit, feature) = truth["compound_bits"], truth["features"], truth["pairs"].T
    interactions = (bits[:, bit] * truth["of_pair"]) @ features[:, feature].T
    expected: Array = 6 + (bits @ truth["of_bit"])[:, None] + features @ truth["of_feature"] + interactions
    return expected


def _bit_names() -> NDArray[Any]:
    places = [f"{substituent} at {place + 1}" for place in range(_PLACES) for substituent in SUBSTITUENTS]
    return np.array([*SCAFFOLDS, *places], dtype=object)


def _compounds(scaffold: NDArray[np.int64], substituents: NDArray[np.int64]) -> "pd.DataFrame":
    import pandas as pd

    names, patterns = list(SCAFFOLDS), list(SCAFFOLDS.values())
    smiles = [
        patterns[core].format(*(SUBSTITUENTS[at] for at in row))
        for core, row in zip(scaffold, substituents, strict=True)
    ]
    table = {"smiles": smiles, "canonical": smiles, "scaffold": [names[core] for core in scaffold]}
    return pd.DataFrame(table, index=[f"compound_{i + 1}" for i in range(len(smiles))])


def _contexts(count: int) -> "pd.DataFrame":
    import pandas as pd

    tissue = [_TISSUES[i % len(_TISSUES)] for i in range(count)]
    return pd.DataFrame({"tissue": tissue}, index=[f"line_{i + 1}" for i in range(count)])


def _adata(
    pair: NDArray[np.int32],
    response: Array,
    limit: float | None,
    compounds: "pd.DataFrame",
    contexts: "pd.DataFrame",
) -> "AnnData":
    import pandas as pd

    from genolab.drugs.pairs import pairs_adata

    below = np.zeros(len(response), dtype=bool) if limit is None else response < limit
    obs = pd.DataFrame(
        {
            "compound": compounds.index[pair[:, 0]],
            "context": contexts.index[pair[:, 1]],
            "response": np.where(below, limit or 0.0, response),
            "scaffold": pd.Categorical(compounds["scaffold"].to_numpy()[pair[:, 0]]),
            "censored": np.where(below, "<", "="),
        }
    )
    return pairs_adata(obs, compounds, contexts, measure={"name": "pIC50", "unit": "-log10 M"})
