"""Compounds, by RDKit: SMILES to standard molecules, to numbers, and to pictures.

standardise       one form of each SMILES; salts off, and why RDKit refuses one
scaffolds         Bemis-Murcko scaffolds
properties        QED, weight, logP, hydrogen bonds, Lipinski's rule
fingerprints      Morgan fingerprints, as counts or bits
encode_smiles     SMILES as tokens, for sequence encoders
TanimotoFeatures  features whose products are Tanimoto similarities
tanimoto          the similarity of fingerprints
nearest           the most similar compounds of a library
Nearest           what it gives
diverse           a diverse choice, by MaxMin
draw              a structure as SVG

>>> known = gl.drugs.compounds.standardise(smiles)
>>> prints = gl.drugs.compounds.fingerprints(known["canonical"])
>>> gl.drugs.compounds.nearest(prints, library, n=3)
"""

from genolab.drugs.compounds.drawing import draw
from genolab.drugs.compounds.fingerprints import TanimotoFeatures, encode_smiles, fingerprints
from genolab.drugs.compounds.molecules import properties, scaffolds, standardise
from genolab.drugs.compounds.similarity import Nearest, diverse, nearest, tanimoto

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
