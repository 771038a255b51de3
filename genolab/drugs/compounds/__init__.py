"""Compounds, by RDKit: SMILES to standard molecules, to numbers, and to pictures.

standardise       one form of each SMILES; salts off, and why RDKit refuses one
scaffolds         Bemis-Murcko scaffolds
substructure      the atoms of a part, such as an acid
properties        QED, weight, logP, hydrogen bonds, Lipinski's rule
fingerprints      Morgan fingerprints, as counts or bits
encode_smiles     SMILES as tokens, for sequence encoders
TanimotoFeatures  features whose products are Tanimoto similarities
tanimoto          the similarity of fingerprints
nearest           the most similar compounds of a library
Nearest           what `nearest` returns
diverse           a diverse choice, by MaxMin
draw              a structure as SVG

>>> known = gl.drugs.compounds.standardise(smiles)
>>> prints = gl.drugs.compounds.fingerprints(known["canonical"])
>>> gl.drugs.compounds.nearest(prints, library, n=3)
"""

from .drawing import draw as draw
from .fingerprints import TanimotoFeatures as TanimotoFeatures
from .fingerprints import encode_smiles as encode_smiles
from .fingerprints import fingerprints as fingerprints
from .molecules import properties as properties
from .molecules import scaffolds as scaffolds
from .molecules import standardise as standardise
from .molecules import substructure as substructure
from .similarity import Nearest as Nearest
from .similarity import diverse as diverse
from .similarity import nearest as nearest
from .similarity import tanimoto as tanimoto
