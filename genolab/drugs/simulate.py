"""Compounds on cell lines with known responses: what a part of a molecule does, and in which lines it does more."""

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

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


class _Truth(NamedTuple):
    """All that decides the mean response of a compound in a context."""

    bits: Array  # (n_compounds, n_bits)
    features: Array  # (n_contexts, n_features)
    of_bit: Array  # (n_bits,)
    of_feature: Array  # (n_features,)
    pairs: NDArray[np.int64]  # (n_interactions, 2): a bit and a feature
    of_pair: Array  # (n_interactions,)

    def expected(self) -> Array:
        """Return the mean response of every compound in every context, ``(n_compounds, n_contexts)``."""
        bit, feature = self.pairs.T
        together = (self.bits[:, bit] * self.of_pair) @ self.features[:, feature].T
        return 6 + (self.bits @ self.of_bit)[:, None] + self.features @ self.of_feature + together


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
    r"""Draw the pIC50 of compounds in cell lines, with known effects of their parts and of the lines' mutations.

    The model, for compound i and line j::

        expected[i, j] = 6 + bits[i] @ of_bit + features[j] @ of_feature
                           + sum over pairs (b, f): bits[i, b] * features[j, f] * of_pair
        response[i, j] ~ normal(expected[i, j], noise)

    - ``bits``: a compound is one of 10 scaffolds with a substituent in each of three places; its 46 bits say which.
      Its SMILES are those of a real molecule, so all of `genolab.drugs.compounds` works on it, and a Morgan fingerprint
      tells the same bits, less plainly.
    - ``features``: mutations, each in a quarter of the lines.
    - ``of_bit``, ``of_feature``: normal, with standard deviations 0.4 and 0.15.
    - pairs: a substituent in a place acts by `interaction` more in lines with a mutation, as a biomarker has it; those
      are what the means of compounds and lines can't know. Each pair has a bit and a feature of its own.

    Parameters
    ----------
    n_compounds
        Distinct molecules, 1 to 17,280.
    n_contexts, n_features
        Cell lines, and mutations that are known of each; at least 1 each.
    n_interactions
        Pairs of a substituent and a mutation, up to 36 and `n_features`.
    interaction
        What a pair adds to the pIC50.
    noise
        Standard deviation of a measurement.
    measured
        Share of the pairs of compound and line that were measured, above 0.
    censored_below
        A response below is known only to be below, as a highest concentration has it: ``response`` is the bound, and
        ``censored`` says ``"<"``. ``None``: every response is measured.
    seed
        Decides every number; the same seed gives the same data, bit for bit.

    Returns
    -------
    AnnData
        A row a compound in a line, without X: ``obs`` with ``compound``, ``context``, ``response`` (float32),
        ``scaffold``, ``censored`` and the truth, ``expected``; ``obsm["pair"]`` ``(n, 2)`` int32, rows of
        ``uns["compounds"]`` (``smiles``, ``canonical``, ``scaffold``) and ``uns["contexts"]``;
        ``uns["compound_bits"]``, ``uns["features"]`` (compounds or lines by bits or features, uint8), and
        ``uns["simulation"]`` with the arguments and effects.

    Raises
    ------
    ValueError
        A number is out of its range.

    Examples
    --------
    >>> screen = gl.drugs.simulate_responses(50, 20, seed=1)
    >>> dataset = gl.data.AnnDataset(screen, "obsm/pair", target="obs/response")
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
    truth = _draw_truth(chosen, sizes, interaction, rng)
    expected = truth.expected()
    at = np.flatnonzero(rng.random(expected.size) < measured)
    if len(at) == 0:
        raise ValueError(f"no pair was measured: raise measured, which is {measured}")
    pair = np.stack(np.unravel_index(at, expected.shape), axis=1).astype(np.int32)
    response = expected.ravel()[at] + noise * rng.standard_normal(len(at))
    adata = _annotate(pair, response, censored_below, _compounds(chosen), _contexts(n_contexts))
    adata.obs["expected"] = expected.ravel()[at].astype(np.float32)
    _add_truth(adata, truth)
    limit = {} if censored_below is None else {"censored_below": censored_below}  # h5ad holds no None
    settings = {"interaction": interaction, "noise": noise, "measured": measured, "seed": seed, **limit}
    adata.uns["simulation"] |= {**sizes, **settings}
    return adata


def _check(sizes: dict[str, int], *, noise: float, measured: float) -> None:
    most = {"n_compounds": _MOST, "n_interactions": min(sizes["n_features"], _PLACES * len(SUBSTITUENTS))}
    for name, value in sizes.items():
        least = 0 if name == "n_interactions" else 1
        if not least <= value <= most.get(name, value):
            room = f"{least} to {most[name]:,}" if name in most else "at least 1"
            raise ValueError(f"{name} must be {room}, got {value}")
    if not noise >= 0:
        raise ValueError(f"noise is a standard deviation, at least 0, got {noise}")
    if not 0 < measured <= 1:
        raise ValueError(f"measured is a share, above 0 and at most 1, got {measured}")


def _parts(chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each compound's scaffold ``(n,)`` and its substituents ``(n, places)``, as numbers."""
    each = [chosen // len(SUBSTITUENTS) ** place % len(SUBSTITUENTS) for place in range(_PLACES)]
    return chosen // len(SUBSTITUENTS) ** _PLACES, np.stack(each, axis=1)


def _draw_truth(
    chosen: NDArray[np.int64], sizes: dict[str, int], interaction: float, rng: np.random.Generator
) -> _Truth:
    scaffold, substituents = _parts(chosen)
    hot = [scaffold[:, None] == np.arange(len(SCAFFOLDS))]
    hot += [substituents[:, [place]] == np.arange(len(SUBSTITUENTS)) for place in range(_PLACES)]
    bits = np.concatenate(hot, axis=1).astype(np.float64)
    features = (rng.random((sizes["n_contexts"], sizes["n_features"])) < _SHARE_MUTATED).astype(np.float64)
    count = sizes["n_interactions"]
    in_place = np.arange(len(SCAFFOLDS), bits.shape[1])
    pairs = [rng.choice(in_place, count, replace=False), rng.choice(sizes["n_features"], count, replace=False)]
    of_bit: Array = 0.4 * rng.standard_normal((bits.shape[1],))
    of_feature: Array = 0.15 * rng.standard_normal((sizes["n_features"],))
    return _Truth(bits, features, of_bit, of_feature, np.stack(pairs, axis=1), np.full(count, float(interaction)))


def _compounds(chosen: NDArray[np.int64]) -> "pd.DataFrame":
    import pandas as pd

    scaffold, substituents = _parts(chosen)
    patterns, names = list(SCAFFOLDS.values()), list(SCAFFOLDS)
    smiles = [
        patterns[core].format(*(SUBSTITUENTS[at] for at in parts))
        for core, parts in zip(scaffold, substituents, strict=True)
    ]
    table = {"smiles": smiles, "canonical": smiles, "scaffold": [names[core] for core in scaffold]}
    return pd.DataFrame(table, index=[f"compound_{i + 1}" for i in range(len(chosen))])


def _contexts(count: int) -> "pd.DataFrame":
    import pandas as pd

    tissue = [("lung", "skin", "blood", "colon")[i % 4] for i in range(count)]
    return pd.DataFrame({"tissue": tissue}, index=[f"line_{i + 1}" for i in range(count)])


def _annotate(
    pair: NDArray[np.int32],
    response: Array,
    limit: float | None,
    compounds: "pd.DataFrame",
    contexts: "pd.DataFrame",
) -> "AnnData":
    import pandas as pd
    from anndata import AnnData

    below = np.zeros(len(response), dtype=bool) if limit is None else response < limit
    marks = pd.Categorical(np.where(below, "<", "="), categories=["<", "=", ">"])
    obs = pd.DataFrame(
        {
            "compound": pd.Categorical(compounds.index[pair[:, 0]], categories=compounds.index),
            "context": pd.Categorical(contexts.index[pair[:, 1]], categories=contexts.index),
            "response": np.where(below, limit or 0.0, response).astype(np.float32),
            "scaffold": pd.Categorical(compounds["scaffold"].to_numpy()[pair[:, 0]]),
            "censored": marks,
        },
        index=[str(i) for i in range(len(response))],
    )
    uns = {"compounds": compounds, "contexts": contexts, "response": {"name": "pIC50", "unit": "-log10 M"}}
    return AnnData(obs=obs, obsm={"pair": pair}, uns=uns)


def _add_truth(adata: "AnnData", truth: _Truth) -> None:
    names = [*SCAFFOLDS, *(f"{s} at {i + 1}" for i, s in itertools.product(range(_PLACES), SUBSTITUENTS))]
    mutations = [f"gene_{i + 1}_mut" for i in range(truth.features.shape[1])]
    adata.uns["compound_bits"] = truth.bits.astype(np.uint8)
    adata.uns["features"] = truth.features.astype(np.uint8)
    adata.uns["feature_names"] = np.array(mutations, dtype=object)
    adata.uns["simulation"] = {
        "bit_names": np.array(names, dtype=object),
        "of_bit": truth.of_bit,
        "of_feature": truth.of_feature,
        "pairs": truth.pairs,
        "of_pair": truth.of_pair,
    }
