"""SMILES -> letters as numbers, for networks that read a molecule as text."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def encode_smiles(smiles: Iterable[str], *, length: int | None = None) -> NDArray[np.uint8]:
    """Turn SMILES into numbers, a byte a letter.

    One molecule has many SMILES: give canonical ones, such as ``adata.uns["compounds"]["canonical"]``, so that the
    same molecule is always the same text.

    Parameters
    ----------
    smiles
        Texts of ASCII letters.
    length
        Letters a row; longer texts are refused, since half a SMILES is another molecule. ``None``: as many as the
        longest has.

    Returns
    -------
    ``(n, length)`` uint8: the letters' ASCII codes, 0 behind the end of a text.

    Raises
    ------
    ValueError
        A text is empty, too long, or has a letter that isn't ASCII; or nothing came.

    Examples
    --------
    >>> encode_smiles(["CCO", "C"]).tolist()
    [[67, 67, 79], [67, 0, 0]]
    """
    texts = [smiles] if isinstance(smiles, str) else list(smiles)
    if not texts:
        raise ValueError("letters are of one SMILES at least, got none")
    widest = max(map(len, texts)) if length is None else length
    for row, text in enumerate(texts):
        if not 0 < len(text) <= widest or not text.isascii():
            raise ValueError(f"a SMILES has 1 to {widest} ASCII letters; row {row} is {text!r}")
    found = np.zeros((len(texts), widest), dtype=np.uint8)
    for row, text in enumerate(texts):
        found[row, : len(text)] = np.frombuffer(text.encode(), dtype=np.uint8)
    return found
