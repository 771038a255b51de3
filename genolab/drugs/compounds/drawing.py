"""A molecule -> a picture, SVG, drawn by RDKit; atoms may be coloured by a model's attributions."""

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from genolab.drugs.compounds.molecules import molecule_of
from genolab.palette import DIVERGING

_MIN_FONT: Final = 12  # pixels: of large molecules, RDKit's own letters can't be read

Colour = tuple[float, ...]


def draw(smiles: str, *, weights: ArrayLike | None = None, width: int = 300, height: int = 220) -> str:
    """Draw a molecule as an ``<svg>`` element, `width` by `height` pixels, 50 to 4,000.

    RDKit writes all of it from the parsed molecule, no text of the input is in it, so it may go into a page as it is.
    `weights` ``(n_atoms,)``, such as `genolab.drugs.atom_scores`, in the order of the SMILES, colour the atoms: red
    raises the score, blue lowers it, and the largest has the full colour.
    """
    if not (50 <= width <= 4000 and 50 <= height <= 4000):
        raise ValueError(f"width and height are 50 to 4,000 pixels, got {width} x {height}")
    molecule = molecule_of(smiles)
    colours = {} if weights is None else _colours(weights, molecule.GetNumAtoms())
    return _svg(molecule, colours, width, height)


def _svg(molecule: Any, colours: dict[int, Colour], width: int, height: int) -> str:
    from rdkit import rdBase
    from rdkit.Chem.Draw import rdMolDraw2D

    drawing = rdMolDraw2D.MolDraw2DSVG(width, height)
    options = drawing.drawOptions()
    options.fillHighlights = True
    options.highlightBondWidthMultiplier = 16
    options.minFontSize = _MIN_FONT
    bonds = {
        bond.GetIdx(): _blend(colours[bond.GetBeginAtomIdx()], colours[bond.GetEndAtomIdx()], 0.5)
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


def _colours(weights: ArrayLike, n_atoms: int) -> dict[int, Colour]:
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (n_atoms,) or not np.isfinite(values).all():
        raise ValueError(
            f"weights are one finite number an atom, ({n_atoms},) here, got {values.shape}: take those of this SMILES"
        )
    largest = np.abs(values).max() or 1.0
    return {atom: _shade(weight / largest) for atom, weight in enumerate(values)}


def _shade(share: float) -> Colour:
    """Return the light middle at 0, the full colour at -1 and 1: the ends but one, on which text can be read."""
    middle = len(DIVERGING) // 2
    end, light = (_channels(DIVERGING[at]) for at in (middle + (middle - 2) * (1 if share > 0 else -1), middle))
    return _blend(end, light, abs(share))


def _channels(colour: str) -> Colour:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))


def _blend(one: Colour, other: Colour, share: float) -> Colour:
    return tuple(a * share + b * (1 - share) for a, b in zip(one, other, strict=True))
