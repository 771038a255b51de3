"""Compounds: SMILES, letters, fingerprints, scaffolds, likeness, properties, diverse picks and drawings, by RDKit.

>>> known = gl.compounds.standardise(smiles)
>>> prints = gl.compounds.fingerprints(known["canonical"])
>>> gl.compounds.nearest(prints, library, n=3)
"""

from genolab.compounds.drawing import draw
from genolab.compounds.fingerprint import fingerprints
from genolab.compounds.kernel import TanimotoFeatures
from genolab.compounds.likeness import Nearest, diverse, nearest, tanimoto
from genolab.compounds.property import properties
from genolab.compounds.text import letters
from genolab.data.molecules import scaffolds, standardise

__all__ = [
    "Nearest",
    "TanimotoFeatures",
    "diverse",
    "draw",
    "fingerprints",
    "letters",
    "nearest",
    "properties",
    "scaffolds",
    "standardise",
    "tanimoto",
]
