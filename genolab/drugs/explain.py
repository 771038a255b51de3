"""Why a compound has its score: the contributions of its atoms, and of the features of a context."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray

from genolab.checks import check_key, check_known
from genolab.drugs.compounds import fingerprints
from genolab.drugs.compounds.molecules import molecule_of
from genolab.drugs.pairs import number_in
from genolab.infer.lend import borrowed, to_numpy

Array = NDArray[np.float64]

_MAX_CONTEXTS: Final = 200  # over which the effect of a feature is averaged


def atom_scores(
    model: Any, smiles: str, context: int, *, radius: int = 2, n_bits: int = 2048, counts: bool = True
) -> Array:
    """Return the contribution of each atom of a molecule to its score in one context, ``(n_atoms,)``.

    The score less that of the same fingerprint without the environments that the atom is part of (Riniker and Landrum
    2013, similarity maps), in the response's unit and the order of the SMILES. Contributions don't add up to the score:
    an environment counts for each of its atoms.

    `model` has ``score(fingerprints, context)``, which returns means first, such as a `genolab.drugs.ResponseModel`;
    `context` is a row of its table; `radius`, `n_bits` and `counts` are those of its fingerprints.

    Examples
    --------
    >>> weights = gl.drugs.atom_scores(model, "CC(=O)Oc1ccccc1C(=O)O", 0)
    >>> gl.drugs.compounds.draw("CC(=O)Oc1ccccc1C(=O)O", weights=weights)
    """
    whole = fingerprints([smiles], radius=radius, n_bits=n_bits, counts=counts)[0]
    environments = _environments(smiles, radius, n_bits)
    n_atoms = 1 + max(atom for atoms, _ in environments for atom in atoms)  # each is an environment by itself
    rows = np.zeros((1 + n_atoms, n_bits), dtype=np.int64)
    for atoms, bit in environments:
        rows[:, bit] += 1
        rows[[1 + atom for atom in atoms], bit] -= 1
    rows = np.minimum(rows, 255 if counts else 1).astype(whole.dtype)
    rows[0] = whole
    with borrowed(model, "score") as (ask, _):
        scores = to_numpy(ask(rows, context)[0], np.float64).ravel()
    if len(scores) != len(rows) or not np.isfinite(scores).all():
        raise ValueError(f"a model gives every row a finite score, got {len(scores):,} for {len(rows):,}")
    contributions: Array = scores[0] - scores[1:]
    return contributions


def _environments(smiles: str, radius: int, n_bits: int) -> list[tuple[set[int], int]]:
    """Return the atoms and the bit of every environment that a Morgan fingerprint counts."""
    from rdkit.Chem import FindAtomEnvironmentOfRadiusN
    from rdkit.Chem.rdFingerprintGenerator import AdditionalOutput, GetMorganGenerator

    molecule, output = molecule_of(smiles), AdditionalOutput()
    output.AllocateBitInfoMap()
    GetMorganGenerator(radius=radius, fpSize=n_bits).GetCountFingerprint(molecule, additionalOutput=output)
    environments = []
    for bit, places in output.GetBitInfoMap().items():
        for centre, reach in places:
            numbers = FindAtomEnvironmentOfRadiusN(molecule, reach, centre) if reach else []
            bonds = [molecule.GetBondWithIdx(number) for number in numbers]
            atoms = {centre, *(end for bond in bonds for end in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))}
            environments.append((atoms, bit))
    return environments


def feature_scores(
    model: Any,
    adata: AnnData,
    compound: str,
    features: ArrayLike,
    names: Sequence[str],
    *,
    within: str | None = None,
    min_contexts: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the effects of the contexts' features, such as mutated genes, on the response to one compound.

    Parameters
    ----------
    model
        Has ``score_contexts(compound, features)``, such as a `genolab.drugs.ResponseModel`.
    adata, compound
        Measured compounds, in the form of ``fetch("gdsc")``, and a name in ``uns["compounds"]``.
    features, names
        ``(n_contexts, f)`` that the model was given, and the names of the first columns, of 0 and 1, which are scored.
    within
        Column of ``obs`` whose means are taken off the measured responses first, such as ``"tissue"``: mutations go
        with tissues, and tissues have responses of their own.
    min_contexts
        Measured contexts with a feature, and without it, that there must be.
    seed
        Draws the contexts over which the model's effect is averaged, where there are over 200.

    Returns
    -------
    DataFrame
        A row a feature, the largest effect first: ``feature``; ``effect``, by how much the predicted response changes
        when the feature is switched on, in the mean over contexts; ``measured``, the difference of mean measured
        responses with and without it, and its 95 % interval, ``low`` to ``high`` (Welch); ``p`` and ``q`` (Benjamini
        and Hochberg, over these features); ``n``, measured contexts with the feature.

    Examples
    --------
    >>> lines = gl.data.fetch("gdsc")
    >>> table = feature_scores(model, lines, "Drug_1047", features, lines.uns["feature_names"], within="tissue")
    >>> gl.drugs.plot.effects(table, response="ln IC50")
    """
    from scipy.stats import false_discovery_control

    table = adata.uns["compounds"].index
    check_known("compounds", [compound], table)
    matrix = np.asarray(features.toarray() if hasattr(features, "toarray") else features)
    if matrix.ndim != 2 or len(matrix) != len(adata.uns["contexts"]) or len(names) > matrix.shape[1]:
        raise ValueError(
            f"features are a row for each of the {len(adata.uns['contexts']):,} contexts and a column for each of "
            f"{len(names):,} names, got the shape {matrix.shape}"
        )
    number = int(table.get_loc(compound))
    rows = np.flatnonzero(np.asarray(adata.obsm["pair"])[:, 0] == number)
    contexts = np.asarray(adata.obsm["pair"])[rows, 1]
    response = _centred(adata, rows, within)
    has = matrix[contexts, : len(names)] > 0
    n_with = has.sum(axis=0)
    scored = np.flatnonzero((n_with >= min_contexts) & (len(has) - n_with >= min_contexts)).tolist()
    if not scored:
        raise ValueError(
            f"no feature is in {min_contexts} contexts measured with {compound}, and missing in {min_contexts}"
        )
    if len(contexts) > _MAX_CONTEXTS:
        contexts = np.random.default_rng(seed).choice(contexts, _MAX_CONTEXTS, replace=False)
    measured = [_difference(response[has[:, at]], response[~has[:, at]]) for at in scored]
    scores = pd.DataFrame(measured, columns=["measured", "low", "high", "p"])
    scores.insert(0, "feature", [str(names[at]) for at in scored])
    in_model = number_in(model, adata, number, side="compounds")
    with borrowed(model, "score_contexts") as (ask, _):
        scores.insert(1, "effect", [_effect(partial(ask, in_model), matrix[contexts], at) for at in scored])
    scores["q"] = false_discovery_control(scores["p"].fillna(1.0))  # missing of two groups without any variance
    scores["n"] = n_with[scored]
    order = scores["effect"].abs().sort_values(ascending=False, kind="stable").index
    return scores.loc[order].reset_index(drop=True)


def _centred(adata: AnnData, rows: NDArray[np.int64], column: str | None) -> Array:
    """Return the responses of rows, less the mean of their group where there is one."""
    response = pd.Series(adata.obs["response"].to_numpy(np.float64)[rows])
    if column is not None:
        check_key(adata, "obs", column)
        group = adata.obs[column].astype(str).to_numpy()[rows]
        response -= response.groupby(group).transform("mean")
    return response.to_numpy()


def _effect(score: Callable[[NDArray[Any]], Any], contexts: NDArray[Any], feature: int) -> float:
    on, off = contexts.copy(), contexts.copy()
    on[:, feature], off[:, feature] = 1, 0
    means = [to_numpy(score(rows)[0], np.float64).mean() for rows in (on, off)]
    return float(means[0] - means[1])


def _difference(one: Array, other: Array) -> tuple[float, float, float, float]:
    """Return the difference of two means, its 95 % interval and its p, by Welch's test."""
    from scipy import stats

    test = stats.ttest_ind(one, other, equal_var=False)
    low, high = test.confidence_interval(0.95)
    return float(one.mean() - other.mean()), float(low), float(high), float(test.pvalue)
