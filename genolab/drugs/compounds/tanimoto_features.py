"""Molecules -> how alike they are to known ones, as features: a network then compares them as chemists do."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from genolab.drugs.compounds.fingerprint import fingerprints
from genolab.drugs.compounds.similarity import tanimoto

_LEAST = 1e-6  # of the largest axis: what is below is rounding


class TanimotoFeatures:
    """Features whose products are Tanimoto similarities, by way of some known molecules (Williams and Seeger 2000).

    A fingerprint's column says that a piece is there; these say how much of the whole molecule is shared with others,
    whatever its size. Exact among the landmarks, near elsewhere.

    Parameters
    ----------
    landmarks
        SMILES of known molecules, such as training compounds. Equal ones count once.
    most
        Landmarks at most; of more, as many are drawn.
    radius, n_bits
        Of the counts that are compared, as in `fingerprints`.
    seed
        Draws the landmarks.

    Raises
    ------
    ValueError
        RDKit refuses a SMILES, there is none, or `most` is below 1.

    Examples
    --------
    >>> features = TanimotoFeatures(compounds["canonical"][train_compounds])
    >>> model = gl.drugs.ResponseModel(features(compounds["canonical"]), contexts, n_axes=None)
    >>> gl.drugs.rank(model, library, "EGFR", train=train, features=features)
    """

    def __init__(
        self, landmarks: Iterable[str], *, most: int = 1500, radius: int = 2, n_bits: int = 2048, seed: int = 0
    ) -> None:
        known = list(dict.fromkeys(landmarks))
        if most < 1 or not known:
            raise ValueError(f"there must be a landmark at least, got {len(known):,} and most={most}")
        if len(known) > most:
            known = np.random.default_rng(seed).choice(known, most, replace=False).tolist()
        self.radius, self.n_bits = radius, n_bits
        self.landmarks = fingerprints(known, radius=radius, n_bits=n_bits)
        strength, axes = np.linalg.eigh(tanimoto(self.landmarks).astype(np.float64))
        kept = strength > _LEAST * strength[-1]
        self._turn = (axes[:, kept] / np.sqrt(strength[kept])).astype(np.float32)

    def __call__(self, smiles: str | Iterable[str]) -> NDArray[np.float32]:
        """Return the features of molecules, ``(n, axes)``; errors as in `fingerprints`."""
        return self.of_prints(fingerprints(smiles, radius=self.radius, n_bits=self.n_bits))

    def of_prints(self, prints: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features of fingerprints made with the same settings, ``(n, n_bits)`` counts."""
        found: NDArray[np.float32] = tanimoto(prints, self.landmarks) @ self._turn
        return found
