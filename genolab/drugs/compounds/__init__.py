"""Compounds: SMILES, letters, fingerprints, scaffolds, likeness, properties, diverse picks and drawings, by RDKit.

>>> known = gl.drugs.compounds.standardise(smiles)
>>> prints = gl.drugs.compounds.fingerprints(known["canonical"])
>>> gl.drugs.compounds.nearest(prints, library, n=3)
"""

from genolab.drugs.compounds.drawing import draw
from genolab.drugs.compounds.fingerprint import fingerprints
from genolab.drugs.compounds.molecules import scaffolds, standardise
from genolab.drugs.compounds.properties import properties
from genolab.drugs.compounds.similarity import Nearest, diverse, nearest, tanimoto
from genolab.drugs.compounds.smiles_tokens import encode_smiles
from genolab.drugs.compounds.tanimoto_features import TanimotoFeatures

__all__ = [
    "Nearest",
    "TanimotoFeatures",
    "diverse",
    "draw",
    "encode_smiles",
    "fingerprints",
    "nearest",
    "properties",
    "scaffolds",
    "standardise",
    "tanimoto",
]
