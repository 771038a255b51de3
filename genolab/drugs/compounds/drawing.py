"""A molecule -> a picture, SVG, drawn by RDKit; atoms may be coloured by what a model makes of them."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from genolab.drugs.compounds.molecules import molecule_of
from genolab.palette import DIVERGING

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST_LETTER: Final = 12  # pixels: of large molecules, RDKit's own letters can't be read

Colour = tuple[float, float, float]


def draw(smiles: str, *, weights: ArrayLike | None = None, width: int = 300, height: int = 220) -> str:
    """Draw a molecule.

    Parameters
    ----------
    smiles
        One SMILES.
    weights
        ``(n_atoms,)``, what each atom does to a score, in the order of the SMILES: red raises it, blue lowers it,
        and the strongest has the full colour. Hydrogens that aren't written have none.
    width, height
        In pixels, 50 to 4,000.

    Returns
    -------
    str
        An ``<svg>`` element on white. All in it was written by RDKit from the parsed molecule: no text of the input
        is in it, so it may go into a page as it is.

    Raises
    ------
    ValueError
        RDKit refuses the SMILES, or there aren't as many finite weights as atoms.

    Examples
    --------
    >>> gl.drugs.compounds.draw("CCO")[:4]
    '<svg'
    """
    if not (50 <= width <= 4000 and 50 <= height <= 4000):
        raise ValueError(f"width and height are 50 to 4,000 pixels, got {width} x {height}")
    molecule = molecule_of(smiles)
    colours = {} if weights is None else _colours(_checked(weights, molecule.GetNumAtoms()))
    return _svg(molecule, colours, width, height)


def _svg(molecule: Any, colours: dict[int, Colour], width: int, height: int) -> str:
    from rdkit import rdBase
    from rdkit.Chem.Draw import rdMolDraw2D

    drawing = rdMolDraw2D.MolDraw2DSVG(width, height)
    options = drawing.drawOptions()
    options.fillHighlights = True
    options.highlightBondWidthMultiplier = 16
    options.minFontSize = _LEAST_LETTER
    bonds = {
        bond.GetIdx(): _mean(colours[bond.GetBeginAtomIdx()], colours[bond.GetEndAtomIdx()])
        for bond in (molecule.GetBonds() if colours else ())
    }
    with rdBase.BlockLogs():
        rdMolDraw2D.PrepareAndDrawMolecule(
            drawing,
            molecule,
            highlightAtoms=list(colours),
            highlightAtomColors=colours,
            highlightBonds=list(bonds),
            highlightBondColors=bonds,
        )
    drawing.FinishDrawing()
    text: str = drawing.GetDrawingText()
    return text[text.index("<svg") :].rstrip()


def _checked(weights: ArrayLike, n_atoms: int) -> "NDArray[np.float64]":
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (n_atoms,) or not np.isfinite(values).all():
        raise ValueError(
            f"weights are one finite number an atom, ({n_atoms},) here, got {values.shape}: take those of this SMILES"
        )
    return values


def _colours(weights: "NDArray[np.float64]") -> dict[int, Colour]:
    strongest = np.abs(weights).max() or 1.0
    return {atom: _shade(weight / strongest) for atom, weight in enumerate(weights)}


def _shade(share: float) -> Colour:
    """Return the light middle at 0, the full colour at -1 and 1: the ends but one, on which letters can be read."""
    middle = len(DIVERGING) // 2
    end, light = (_channels(DIVERGING[at]) for at in (middle + (middle - 2) * (1 if share > 0 else -1), middle))
    red, green, blue = (full * abs(share) + pale * (1 - abs(share)) for full, pale in zip(end, light, strict=True))
    return (red, green, blue)


def _channels(colour: str) -> Colour:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return (red, green, blue)


def _mean(one: Colour, other: Colour) -> Colour:
    return ((one[0] + other[0]) / 2, (one[1] + other[1]) / 2, (one[2] + other[2]) / 2)
