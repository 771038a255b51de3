"""Why a compound scores as it does: which of its atoms speak for it, and which features of the context."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_MOST_LINES: Final = 200  # over which the effect of a feature is averaged
_LEAST: Final = 5  # contexts with a feature, and without it, from which its effect is told


def atom_scores(
    model: Any, smiles: str, context: int, *, radius: int = 2, n_bits: int = 2048, counts: bool = True
) -> Array:
    """Return how much each atom of a molecule speaks for its score in one context.

    An atom's weight is the score less that of the same fingerprint without the surroundings that the atom is part of
    (Riniker and Landrum 2013, similarity maps). Weights don't add up to the score: a surrounding counts for each of its
    atoms.

    Parameters
    ----------
    model
        Has ``score(fingerprints, context)``, which returns means first, such as a `genolab.drugs.ResponseModel` over
        `genolab.drugs.compounds.fingerprints`. It is only read.
    smiles
        One SMILES.
    context
        Number of the target or cell line, a row of the table of contexts.
    radius, n_bits, counts
        Of the fingerprints that the model was given; those of `genolab.drugs.compounds.fingerprints` by default.

    Returns
    -------
    ``(n_atoms,)``
        In the response's unit and the order of the SMILES, for ``genolab.drugs.compounds.draw(smiles, weights=...)``;
        above 0 where the atom raises the score.

    Raises
    ------
    ValueError
        RDKit refuses the SMILES, or the model gives other than a finite score for each row.

    Examples
    --------
    >>> weights = gl.drugs.atom_scores(model, "CC(=O)Oc1ccccc1C(=O)O", 0)
    >>> gl.drugs.compounds.draw("CC(=O)Oc1ccccc1C(=O)O", weights=weights)
    """
    from genolab.drugs.compounds import fingerprints

    whole = fingerprints([smiles], radius=radius, n_bits=n_bits, counts=counts)[0]
    around = _surroundings(smiles, radius, n_bits)
    n_atoms = 1 + max(atom for atoms, _ in around for atom in atoms)  # each is a surrounding by itself
    present = np.zeros(n_bits, dtype=np.int64)
    np.add.at(present, [bit for _, bit in around], 1)
    rows = np.tile(whole, (1 + n_atoms, 1))
    for atom in range(n_atoms):
        left = present.copy()
        np.subtract.at(left, [bit for atoms, bit in around if atom in atoms], 1)
        rows[1 + atom] = np.minimum(left, 255 if counts else 1)
    found = np.asarray(model.score(rows, context)[0], dtype=np.float64).ravel()
    if len(found) != len(rows) or not np.isfinite(found).all():
        raise ValueError(f"a model gives every row a finite score, got {len(found):,} for {len(rows):,}")
    weights: Array = found[0] - found[1:]
    return weights


def _surroundings(smiles: str, radius: int, n_bits: int) -> list[tuple[frozenset[int], int]]:
    """Return the atoms and the bit of every surrounding that a Morgan fingerprint counts."""
    from rdkit.Chem import FindAtomEnvironmentOfRadiusN
    from rdkit.Chem.rdFingerprintGenerator import AdditionalOutput, GetMorganGenerator

    from genolab.drugs.compounds.molecules import molecule_of

    molecule = molecule_of(smiles)
    told = AdditionalOutput()
    told.AllocateBitInfoMap()
    GetMorganGenerator(radius=radius, fpSize=n_bits).GetCountFingerprint(molecule, additionalOutput=told)
    found = []
    for bit, places in told.GetBitInfoMap().items():
        for centre, reach in places:
            bonds = (
                [molecule.GetBondWithIdx(i) for i in FindAtomEnvironmentOfRadiusN(molecule, reach, centre)]
                if reach
                else []
            )
            atoms = {centre, *(end for bond in bonds for end in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))}
            found.append((frozenset(atoms), bit))
    return found


def feature_scores(
    model: Any,
    adata: AnnData,
    compound: str,
    features: ArrayLike,
    names: Sequence[str],
    *,
    within: str | None = None,
    least: int = _LEAST,
    seed: int = 0,
) -> pd.DataFrame:
    """Return which features of the contexts, such as mutated genes, speak for the response to one compound.

    Beside what the model says stands what was measured, so that one sees whether the two agree.

    Parameters
    ----------
    model
        Has ``score_contexts(compound, features)``, such as a `genolab.drugs.ResponseModel`. It is only read.
    adata
        Measured compounds, in the form of ``fetch("gdsc")``; only read.
    compound
        Its name in ``uns["compounds"]``.
    features
        ``(n_contexts, f)``, 0 and 1 in the columns that are asked for: what the model was given, or its first columns.
    names
        Of the features that are asked for, the first columns.
    within
        Column of ``obs`` whose means are taken off the measured responses first, such as ``"tissue"``: mutations go
        with tissues, and tissues have responses of their own.
    least
        Contexts with a feature, and without it, that there must be.
    seed
        Draws the contexts over which the model's effect is averaged, where there are over 200.

    Returns
    -------
    DataFrame
        A row a feature, the strongest by the model first: ``feature``; ``effect``, by how much the response that the
        model foretells changes when the feature is switched on, in the mean over contexts; ``measured``, the
        difference of mean measured responses with and without it, and its 95 % interval, ``low`` to ``high`` (Welch);
        ``p`` and ``q`` (Benjamini and Hochberg, over these features); ``n``, measured contexts with the feature.

    Raises
    ------
    KeyError
        There is no such compound or column.
    ValueError
        The shapes don't fit, or no feature is frequent enough.

    Examples
    --------
    >>> lines = gl.data.fetch("gdsc")
    >>> found = feature_scores(model, lines, "Drug_1047", features, lines.uns["feature_names"], within="tissue")
    >>> gl.drugs.plot.effects(found, response="ln IC50")
    """
    table = adata.uns["compounds"].index
    if compound not in table:
        raise KeyError(f"{compound!r} isn't one of the {len(table):,} compounds: {', '.join(map(str, table[:5]))} ...")
    matrix = np.asarray(features.toarray() if hasattr(features, "toarray") else features)
    if matrix.ndim != 2 or len(matrix) != len(adata.uns["contexts"]) or len(names) > matrix.shape[1]:
        raise ValueError(
            f"features are a row for each of the {len(adata.uns['contexts']):,} contexts and a column for each of "
            f"{len(names):,} names, got the shape {matrix.shape}"
        )
    number = int(table.get_loc(compound))
    rows = np.flatnonzero(np.asarray(adata.obsm["pair"])[:, 0] == number)
    contexts = np.asarray(adata.obsm["pair"])[rows, 1]
    response = _within(adata, rows, within)
    has = matrix[contexts, : len(names)] > 0
    told = np.flatnonzero((has.sum(axis=0) >= least) & ((~has).sum(axis=0) >= least)).tolist()
    if not told:
        raise ValueError(f"no feature is in {least} contexts measured with {compound}, and missing in {least}")
    chosen = contexts
    if len(contexts) > _MOST_LINES:
        chosen = np.random.default_rng(seed).choice(contexts, _MOST_LINES, replace=False)
    measured = [_difference(response[has[:, at]], response[~has[:, at]]) for at in told]
    found = pd.DataFrame(measured, columns=["measured", "low", "high", "p"])
    found.insert(0, "feature", [str(names[at]) for at in told])
    found.insert(1, "effect", [_switched(model, number, matrix[chosen], at) for at in told])
    found["q"] = _adjusted(found["p"].to_numpy())
    found["n"] = has[:, told].sum(axis=0)
    order = found["effect"].abs().sort_values(ascending=False, kind="stable").index
    return found.loc[order].reset_index(drop=True)


def _within(adata: AnnData, rows: NDArray[np.int64], column: str | None) -> Array:
    """Return the responses of rows, less the mean of their group where there is one."""
    response = pd.Series(adata.obs["response"].to_numpy(np.float64)[rows])
    if column is None:
        return response.to_numpy()
    if column not in adata.obs:
        raise KeyError(f"obs has no column {column!r}; it has {list(adata.obs)}")
    group = adata.obs[column].astype(str).to_numpy()[rows]
    left: Array = (response - response.groupby(group).transform("mean")).to_numpy()
    return left


def _switched(model: Any, compound: int, contexts: NDArray[Any], feature: int) -> float:
    """Return what the model adds to the response when a feature is on, in the mean over contexts."""
    on, off = contexts.copy(), contexts.copy()
    on[:, feature], off[:, feature] = 1, 0
    means = [np.asarray(model.score_contexts(compound, rows)[0], dtype=np.float64).mean() for rows in (on, off)]
    return float(means[0] - means[1])


def _difference(one: Array, other: Array) -> tuple[float, float, float, float]:
    """Return the difference of two means, its 95 % interval and its p, by Welch's test."""
    from scipy import stats

    test = stats.ttest_ind(one, other, equal_var=False)
    low, high = test.confidence_interval(0.95)
    return float(one.mean() - other.mean()), float(low), float(high), float(test.pvalue)


def _adjusted(p: Array) -> Array:
    from scipy import stats

    known = np.where(np.isfinite(p), p, 1.0)  # of two groups without any spread
    found: Array = stats.false_discovery_control(known)
    return found
