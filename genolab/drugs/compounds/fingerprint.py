"""SMILES -> Morgan fingerprints: how often each circular surrounding of an atom occurs in a molecule."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genolab.drugs.compounds.molecules import as_texts, molecule_of, need_rdkit


def fingerprints(
    smiles: str | Iterable[str], *, radius: int = 2, n_bits: int = 2048, counts: bool = True
) -> NDArray[np.uint8]:
    """Return the Morgan fingerprints of molecules (Rogers and Hahn 2010, ECFP; radius 2 is ECFP4).

    Parameters
    ----------
    smiles
        One SMILES or many; take ``canonical`` of `standardise`, where salts are off.
    radius
        How many bonds a surrounding reaches out from its atom.
    n_bits
        Columns; surroundings are spread over them by a hash, and several may share one.
    counts
        How often each occurs, at most 255; else whether it occurs, 0 or 1.

    Returns
    -------
    ``(n, n_bits)`` uint8.

    Raises
    ------
    ValueError
        RDKit refuses a SMILES (the message says which, and why), or `radius` or `n_bits` is out of its range.
    ImportError
        RDKit isn't installed.

    Notes
    -----
    100,000 drug-like molecules take about half a minute on one core, most of which goes into reading the SMILES.

    Examples
    --------
    >>> gl.drugs.compounds.fingerprints(["CCO", "c1ccccc1"]).shape
    (2, 2048)
    """
    if not 0 <= radius <= 10:
        raise ValueError(f"radius is a number of bonds from 0 to 10, got {radius}")
    if not 8 <= n_bits <= 1 << 20:
        raise ValueError(f"n_bits is from 8 to {1 << 20:,}, got {n_bits}")
    texts = as_texts(smiles)
    found = np.zeros((len(texts), n_bits), dtype=np.uint8)
    read = _reader(radius, n_bits, counts=counts)
    for row, text in enumerate(texts):
        found[row] = np.minimum(read(molecule_of(text)), 255)
    return found


def _reader(radius: int, n_bits: int, *, counts: bool) -> Callable[[Any], NDArray[np.generic]]:
    """Return what makes the fingerprint of one of RDKit's molecules."""
    need_rdkit()
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

    generator = GetMorganGenerator(radius=radius, fpSize=n_bits)
    read: Callable[[Any], NDArray[np.generic]] = (
        generator.GetCountFingerprintAsNumPy if counts else generator.GetFingerprintAsNumPy
    )
    return read
