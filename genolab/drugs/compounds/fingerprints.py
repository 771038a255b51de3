"""SMILES -> numbers: Morgan fingerprints, features whose products are Tanimoto similarities, and tokens."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from genolab.drugs.compounds.molecules import as_texts, molecule_of, need_rdkit
from genolab.drugs.compounds.similarity import tanimoto
from genolab.waiting import progress

_MIN_EIGENVALUE = 1e-6  # of the largest: what is below is rounding


def fingerprints(
    smiles: str | Iterable[str], *, radius: int = 2, n_bits: int = 2048, counts: bool = True
) -> NDArray[np.uint8]:
    """Return the Morgan fingerprints of molecules, ``(n, n_bits)`` uint8 (Rogers and Hahn 2010; radius 2: ECFP4).

    An environment of up to `radius` bonds around an atom is hashed to one of `n_bits` columns, which it may share;
    `counts` says how often it occurs, at most 255, else 0 or 1. Take ``canonical`` of `standardise`, without salts.
    100,000 drug-like molecules take half a minute, most of it for reading the SMILES.
    """
    if not 0 <= radius <= 10:
        raise ValueError(f"radius is a number of bonds from 0 to 10, got {radius}")
    if not 8 <= n_bits <= 1 << 20:
        raise ValueError(f"n_bits is from 8 to {1 << 20:,}, got {n_bits}")
    need_rdkit()
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

    generator = GetMorganGenerator(radius=radius, fpSize=n_bits)
    fingerprint = generator.GetCountFingerprintAsNumPy if counts else generator.GetFingerprintAsNumPy
    texts = as_texts(smiles)
    prints = np.zeros((len(texts), n_bits), dtype=np.uint8)
    for row, text in enumerate(progress(texts, "Fingerprints")):
        prints[row] = np.minimum(fingerprint(molecule_of(text)), 255)
    return prints


class TanimotoFeatures:
    """Features whose products are Tanimoto similarities, by way of known molecules (Williams and Seeger 2000).

    Exact among these landmarks, approximate for other molecules: how much of the whole molecule is shared with others,
    whatever its size. `landmarks` are SMILES, such as the training compounds, of which at most `most` are drawn by
    `seed`.

    Examples
    --------
    >>> features = TanimotoFeatures(compounds["canonical"][train_compounds])
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
        eigenvalues, axes = np.linalg.eigh(tanimoto(self.landmarks).astype(np.float64))
        kept = eigenvalues > _MIN_EIGENVALUE * eigenvalues[-1]
        self._projection = (axes[:, kept] / np.sqrt(eigenvalues[kept])).astype(np.float32)

    def __call__(self, smiles: str | Iterable[str]) -> NDArray[np.float32]:
        """Return the features of molecules, ``(n, axes)``."""
        return self.of_prints(fingerprints(smiles, radius=self.radius, n_bits=self.n_bits))

    def of_prints(self, prints: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features of fingerprints made with the same settings, ``(n, n_bits)`` counts."""
        features: NDArray[np.float32] = tanimoto(prints, self.landmarks) @ self._projection
        return features


def encode_smiles(smiles: Iterable[str], *, length: int | None = None) -> NDArray[np.uint8]:
    """Return SMILES as tokens, ``(n, length)`` uint8: ASCII codes padded with 0, for a model of kind ``"tokens"``.

    Give canonical SMILES, so that the same molecule always has the same tokens. `length` is by default that of the
    longest; longer texts are refused, since half a SMILES is another molecule.

    Examples
    --------
    >>> encode_smiles(["CCO", "C"]).tolist()
    [[67, 67, 79], [67, 0, 0]]
    """
    texts = [smiles] if isinstance(smiles, str) else list(smiles)
    if not texts:
        raise ValueError("tokens are of one SMILES at least, got none")
    width = max(map(len, texts)) if length is None else length
    for row, text in enumerate(texts):
        if not 0 < len(text) <= width or not text.isascii():
            raise ValueError(f"a SMILES has 1 to {width} ASCII characters; row {row} is {text!r}")
    padded = "".join(text.ljust(width, "\0") for text in texts)
    return np.frombuffer(padded.encode(), dtype=np.uint8).reshape(len(texts), width).copy()
