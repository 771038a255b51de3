"""A molecule of several parts -> the compound: counter-ions and solvents are known by name, not by their size.

The lists hold what medicines and chemicals are made and sold with (Stahl and Wermuth, Handbook of Pharmaceutical Salts,
2002; the Pharmacopoeia's salts and the solvents of laboratories).
"""

from functools import cache, reduce
from typing import Any, Final

# Metals whose ions only balance a charge; any other metal belongs to the compound, as platinum in cisplatin.
_COUNTER_METALS: Final = frozenset(
    {"Li", "Na", "K", "Rb", "Cs", "Be", "Mg", "Ca", "Sr", "Ba", "Al", "Zn", "Ag", "Bi", "Ra"}
)
_ALKALI: Final = frozenset({"Li", "Na", "K", "Rb", "Cs"})
_ANIONIC: Final = frozenset({"O", "S", "F", "Cl", "Br", "I"})
_NO_METALS: Final = frozenset(
    {"*", "H", "He", "B", "C", "N", "O", "F", "Ne", "Si", "P", "S", "Cl"}
    | {"Ar", "Ge", "As", "Se", "Br", "Kr", "Sb", "Te", "I", "Xe", "At", "Rn"}
)

# What has carbon, and is no organic compound: carbonic and cyanic acids and their sulfur's kin.
_INORGANIC: Final = "OC(=O)O O=C=O C#N OC#N N=C=O SC#N N=C=S S=C=S [C-]#[O+]"

_SOLVENTS: Final = """
CO CCO CCCO CC(C)O CCCCO CCC(C)O CC(C)CO CC(C)(C)O CCCCCO CC(C)CCO COCCO CCOCCO OCCO CC(O)CO
CC(C)=O CCC(C)=O CC(C)CC(C)=O O=C1CCCCC1 CC#N CCC#N CS(C)=O CN(C)C=O CC(=O)N(C)C CN1CCCC1=O NC=O CNC=O
C1CCOC1 CC1CCCO1 C1COCCO1 CCOCC COC(C)(C)C CC(C)OC(C)C COCCOC COCCOCCOC c1ccc(OC)cc1 COC1CCCC1 C1CCOCC1 O=S1(=O)CCCC1
COC(C)=O CCOC(C)=O CCCOC(C)=O CC(C)OC(C)=O CCCCOC(C)=O CC(C)COC(C)=O CCOC=O
ClCCl ClC(Cl)Cl ClC(Cl)(Cl)Cl ClCCCl FC(F)(F)CO OC(C(F)(F)F)C(F)(F)F C[N+](=O)[O-]
c1ccccc1 Cc1ccccc1 CCc1ccccc1 Cc1ccccc1C Cc1cccc(C)c1 Cc1ccc(C)cc1 Clc1ccccc1 FC(F)(F)c1ccccc1
C CC CCC CCCC CCCCC CCCCCC CCCCCCC CCCCCCCC C1CCCCC1 C1CCCC1 CC1CCCCC1 CC(C)CC(C)(C)C CC(C)CCC
"""

_ACIDS: Final = """
OC=O CC(=O)O CCC(=O)O CCCC(=O)O CC(C)C(=O)O CC(C)(C)C(=O)O CCCCCC(=O)O CCCCCCC(=O)O CCCCCCCC(=O)O CCCCCCCCCC(=O)O
CCCCCCCCCCCC(=O)O CCCCCCCCCCCCCC(=O)O CCCCCCCCCCCCCCCC(=O)O CCCCCCCCCCCCCCCCCC(=O)O C=CCCCCCCCCC(=O)O
CCCCCCCCC=CCCCCCCCC(=O)O CCCCCC=CCC=CCCCCCCCC(=O)O CC=CC=CC(=O)O CCCCC(CC)C(=O)O C=CC(=O)O
OC(=O)C(F)(F)F OC(=O)CCl OC(=O)C(Cl)Cl OC(=O)C(Cl)(Cl)Cl OC(=O)C(F)(F)C(F)(F)F OC(=O)CC#N OC(=O)COC
OC(=O)CO CC(O)C(=O)O OC(=O)C(O)CO CC(=O)C(=O)O CC(=O)CCC(=O)O OC(=O)C=O CCC(O)C(=O)O CC(O)CC(=O)O
OC(=O)C(=O)O OC(=O)CC(=O)O OC(=O)CCC(=O)O OC(=O)CCCC(=O)O OC(=O)CCCCC(=O)O OC(=O)CCCCCCC(=O)O OC(=O)CCCCCCCC(=O)O
OC(=O)C=CC(=O)O OC(=O)C(O)CC(=O)O OC(=O)C(O)C(O)C(=O)O OC(=O)CC(O)(C(=O)O)CC(=O)O OC(=O)CC(C(=O)O)=CC(=O)O
OC(=O)CCC(=O)C(=O)O OC(=O)C(O)C(O)C(O)C(O)C(=O)O OCC(O)C(O)C(O)C(O)C(=O)O OCC(O)C(O)C(O)C(O)C(O)C(=O)O
OC(=O)C1OC(O)C(O)C(O)C1O O=CC(O)C(O)C(O)C(O)C(=O)O OCC(O)C1OC(=O)C(O)=C1O OCC(O)C(OC1OC(CO)C(O)C(O)C1O)C(O)C(O)C(=O)O
OC(=O)c1ccccc1 OC(=O)c1ccccc1O OC(=O)c1ccc(O)cc1 OC(=O)c1cc(O)ccc1O OC(=O)c1ccc(O)cc1O OC(=O)c1cc(O)c(O)c(O)c1
OC(=O)c1ccc(N)cc1 Nc1ccc(C(=O)O)c(O)c1 CC(=O)Nc1ccc(C(=O)O)cc1 OC(=O)c1cccnc1 OC(=O)c1ccccc1C(=O)O
OC(=O)c1ccc(C(=O)O)cc1
OC(=O)c1ccc(Cl)cc1 Cc1ccc(C(=O)O)cc1 OC(=O)c1ccc([N+](=O)[O-])cc1 COc1ccc(C(=O)O)cc1 OC(=O)c1ccccc1C(=O)c1ccc(O)cc1
OC(=O)Cc1ccccc1 OC(=O)C(O)c1ccccc1 OC(=O)C=Cc1ccccc1 OC(=O)CCc1ccccc1 OC(=O)CNC(=O)c1ccccc1 OC(=O)CCC1CCCC1
OC(=O)c1ccc2ccccc2c1O OC(=O)c1cc2ccccc2cc1O OC(=O)c1cc2ccccc2c(Cc2c(O)c(C(=O)O)cc3ccccc23)c1O
CC(=O)c1c(O)ccc2ccccc12 O=C1NC(=O)C=C(C(=O)O)N1 OC(=O)C1CCC(=O)N1 O=C1NS(=O)(=O)c2ccccc12 CC1=CC(=O)NS(=O)(=O)O1
Oc1c([N+](=O)[O-])cc([N+](=O)[O-])cc1[N+](=O)[O-] Cn1c(=O)c2nc(Cl)[nH]c2n(C)c1=O Cn1c(=O)c2c(ncn2CC(=O)O)n(C)c1=O
OC(=O)C(OC(=O)c1ccccc1)C(OC(=O)c1ccccc1)C(=O)O Cc1ccc(C(=O)OC(C(=O)O)C(OC(=O)c2ccc(C)cc2)C(=O)O)cc1
CS(=O)(=O)O CCS(=O)(=O)O CCCS(=O)(=O)O OCCS(=O)(=O)O NCCS(=O)(=O)O OS(=O)(=O)CCS(=O)(=O)O OS(=O)(=O)C(F)(F)F
OS(=O)(=O)c1ccccc1 Cc1ccc(S(=O)(=O)O)cc1 OS(=O)(=O)c1ccc(Cl)cc1 OS(=O)(=O)c1ccc(O)cc1 Nc1ccc(S(=O)(=O)O)cc1
Cc1ccc(S(=O)(=O)O)c(C)c1 Cc1cc(C)c(S(=O)(=O)O)c(C)c1 OC(=O)c1cc(S(=O)(=O)O)ccc1O
OS(=O)(=O)c1cccc2ccccc12 OS(=O)(=O)c1ccc2ccccc2c1 OS(=O)(=O)c1cccc2c(S(=O)(=O)O)cccc12 OS(=O)(=O)NC1CCCCC1
CC1(C)C2CCC1(CS(=O)(=O)O)C(=O)C2 COS(=O)(=O)O CCOS(=O)(=O)O CCCCCCCCCCCCOS(=O)(=O)O
CCCCC(CC)COC(=O)CC(C(=O)OCC(CC)CCCC)S(=O)(=O)O
OC(CO)COP(=O)(O)O OCC(OP(=O)(O)O)CO OCC1OC(OP(=O)(O)O)C(O)C(O)C1O CP(=O)(O)O
O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F c1ccc([B-](c2ccccc2)(c2ccccc2)c2ccccc2)cc1 F[B-](F)(F)C(F)(F)F
NCC(=O)O CC(N)C(=O)O CC(C)C(N)C(=O)O CC(C)CC(N)C(=O)O OC(=O)CC(N)C(=O)O OC(=O)CCC(N)C(=O)O NC(=O)CCC(N)C(=O)O
OC(=O)C1CCCN1 OCC(N)C(=O)O CC(O)C(N)C(=O)O SCC(N)C(=O)O CC(=O)NC(CCC(=O)O)C(=O)O CC(=O)NC(CS)C(=O)O CC(=O)NCC(=O)O
NCCC(=O)O CNCC(=O)O NC(Cc1ccccc1)C(=O)O NC(Cc1ccc(O)cc1)C(=O)O NC(Cc1c[nH]c2ccccc12)C(=O)O CSCCC(N)C(=O)O
OC(=O)CN(CCN(CC(=O)O)CC(=O)O)CC(=O)O O=c1c(O)c(O)c1=O
"""

_BASES: Final = """
CN CNC CN(C)C CCN CCNCC CCN(CC)CC CCCN CC(C)N CCCCN CC(C)CN CC(C)(C)N CCC(C)N CCN(C(C)C)C(C)C CC(C)NC(C)C CCCNCCC
CCCCNCCCC
CCCCN(CCCC)CCCC CCCCCCCCN CCN(C)C CC(C)(C)CC(C)(C)N
CCCCCCN CCCCCCCCCCCCN CCCN(CCC)CCC CN1CCCC1 NCCCCN NCCCCCCN c1ccc(CNCc2ccccc2)cc1 CC(N)c1cccc2ccccc12
NCCN NCCCN CN(C)CCN(C)C NCCO OCCNCCO OCCN(CCO)CCO CNCCO CN(C)CCO CCN(CC)CCO OCCN1CCCC1 OCCN1CCOCC1
NC(CO)(CO)CO CNCC(O)C(O)C(O)C(O)CO CCNCC(O)C(O)C(O)C(O)CO NCC(O)C(O)C(O)C(O)CO OCC1OC(O)C(N)C(O)C1O
NC1CCCCC1 C1CCC(NC2CCCCC2)CC1 NC12CC3CC(CC(C3)C1)C2 C1CCNC1 C1CCNCC1 C1CNCCN1 CN1CCNCC1 C1COCCN1 CN1CCOCC1 CN1CCCCC1
C1CN2CCN1CC2 C1CCC2=NCCCN2CC1 C1CC2=NCCCN2C1 C1N2CN3CN1CN(C2)C3 c1ccncc1 Cc1ccncc1 Cc1cccc(C)n1 CN(C)c1ccncc1
c1c[nH]cn1 Cc1ncc[nH]1 Cn1ccnc1 c1ccc2[nH]cnc2c1 c1ccc2ncccc2c1 Nc1ccccc1 NCc1ccccc1 NCCc1ccccc1 CC(N)c1ccccc1
c1ccc(CNCCNCc2ccccc2)cc1 c1ccc(CNCCc2ccccc2)cc1 CCN(CC)CCOC(=O)c1ccc(N)cc1 CCN(CC)CCOC(=O)c1ccc(N)cc1Cl CCN(CC)c1ccccc1
CC(C)c1ccc2c(c1)CCC1C(C)(CNCCNCC3(C)CCCC4(C)c5ccc(C(C)C)cc5CCC34)CCCC21C NC(N)=N CNC(=N)N NC(N)=O NC(N)=S NC(=N)NC(N)=N
NCCCCC(N)C(=O)O NC(=N)NCCCC(N)C(=O)O NCCCC(N)C(=O)O NC(Cc1c[nH]cn1)C(=O)O NC(=O)c1cccnc1
C[N+](C)(C)C CC[N+](CC)(CC)CC CCC[N+](CCC)(CCC)CCC CCCC[N+](CCCC)(CCCC)CCCC C[N+](C)(C)CCO C[N+](C)(C)CC(=O)O
C[N+](C)(C)CC(O)CC(=O)O
C[N+](C)(C)Cc1ccccc1 CC[N+](CC)(CC)Cc1ccccc1 CCCCCCCCCCCCCCCC[N+](C)(C)C C[n+]1ccccc1 CCn1cc[n+](C)c1 CCCCn1cc[n+](C)c1
c1ccc([P+](c2ccccc2)(c2ccccc2)c2ccccc2)cc1 C[P+](c1ccccc1)(c1ccccc1)c1ccccc1 CCCC[P+](CCCC)(CCCC)CCCC CC[S+](CC)CC
"""


def split_compound(molecule: Any) -> tuple[Any, str, str]:
    """Return the compound of a molecule of several parts, the SMILES of those taken off, and why none can be named.

    Counter-ions go before any other organic part, solvents before these, inorganic parts before all: what is left must
    be one compound, or nobody can tell which of them is meant. Complexes of metals, and what isn't organic, stay whole.
    """
    from rdkit import Chem

    parts = list(Chem.GetMolFrags(_without_metal_bonds(molecule), asMols=True))
    ranks = [_rank(part) for part in parts]
    if any(map(_has_complex, parts)) or not max(ranks):
        return _without_counter_metals(molecule, parts)
    highest = [part for part, rank in zip(parts, ranks, strict=True) if rank == max(ranks)]
    by_smiles = {Chem.MolToSmiles(neutral(part)): part for part in reversed(highest)}
    if len(by_smiles) > 1:
        names = " and ".join(sorted(by_smiles))
        return None, "", f"it is a mixture of {len(by_smiles)} compounds, {names}: keep the one that is meant"
    (kept,) = by_smiles.values()
    return kept, _smiles([part for part in parts if part is not kept]), ""


def neutral(molecule: Any) -> Any:
    """Return a molecule with its charges neutralised by hydrogens, where that can be done."""
    from rdkit.Chem.MolStandardize import rdMolStandardize

    charged = any(atom.GetFormalCharge() for atom in molecule.GetAtoms())
    return rdMolStandardize.Uncharger().uncharge(molecule) if charged else molecule


def has_counter_metal(molecule: Any) -> bool:
    """Return whether there is a metal of salts, which may be written as bonded: ``CC(=O)O[Na]``."""
    return any(atom.GetSymbol() in _COUNTER_METALS for atom in molecule.GetAtoms())


def _without_metal_bonds(molecule: Any) -> Any:
    """Break bonds of salts into charges: those of their metals with oxygen, sulfur, halogens, and alkalis' nitrogen."""
    from rdkit import Chem

    bonds = [
        (bond, metal, other)
        for bond in molecule.GetBonds()
        for metal, other in ((bond.GetBeginAtom(), bond.GetEndAtom()), (bond.GetEndAtom(), bond.GetBeginAtom()))
        if metal.GetSymbol() in _COUNTER_METALS
        and other.GetSymbol() in _ANIONIC | ({"N"} if metal.GetSymbol() in _ALKALI else set())
    ]
    if not bonds:
        return molecule
    broken = Chem.RWMol(molecule)
    for bond, metal, other in bonds:
        order = int(bond.GetBondTypeAsDouble()) if bond.GetBondType() != Chem.BondType.DATIVE else 0
        broken.RemoveBond(metal.GetIdx(), other.GetIdx())
        for at, charge in ((metal.GetIdx(), order), (other.GetIdx(), -order)):
            atom = broken.GetAtomWithIdx(at)
            atom.SetFormalCharge(atom.GetFormalCharge() + charge)
            atom.SetNoImplicit(True)
    Chem.SanitizeMol(broken)
    return broken.GetMol()


def _has_complex(part: Any) -> bool:
    """Return whether there is a metal that isn't a salt's, or one of these that is bonded."""
    return any(
        atom.GetSymbol() not in _NO_METALS and (atom.GetSymbol() not in _COUNTER_METALS or atom.GetDegree())
        for atom in part.GetAtoms()
    )


def _without_counter_metals(molecule: Any, parts: list[Any]) -> tuple[Any, str, str]:
    """Take metals of salts off where a complex is held by bonds; where it is written as ions, all belong to it."""
    from rdkit import Chem

    single = [part.GetNumAtoms() == 1 for part in parts]
    taken = [part for part, alone in zip(parts, single, strict=True) if alone and has_counter_metal(part)]
    ions = any(alone and _has_complex(part) for part, alone in zip(parts, single, strict=True))
    if ions or not taken or not any(map(_has_complex, parts)):
        return molecule, "", ""
    kept = [part for part in parts if not any(part is other for other in taken)]
    return reduce(Chem.CombineMols, kept), _smiles(taken), ""


def _smiles(parts: list[Any]) -> str:
    from rdkit import Chem

    return ".".join(sorted(map(Chem.MolToSmiles, parts)))


def _rank(part: Any) -> int:
    """Return 0 of what is inorganic, 1 of a solvent, 2 of a counter-ion, and 3 of any other compound."""
    if not any(atom.GetSymbol() == "C" for atom in part.GetAtoms()):
        return 0
    return _known_ranks().get(_flat(part), 3)


@cache
def _known_ranks() -> dict[str, int]:
    from rdkit import Chem

    ranked = {1: _SOLVENTS, 2: _ACIDS + _BASES, 0: _INORGANIC}
    return {_flat(Chem.MolFromSmiles(text)): rank for rank, texts in ranked.items() for text in texts.split()}


def _flat(part: Any) -> str:
    """Return the SMILES without charges, stereochemistry and isotopes: tartrates of all kinds are one."""
    from rdkit import Chem

    flat = Chem.Mol(part)
    for atom in flat.GetAtoms():
        atom.SetIsotope(0)
    Chem.RemoveStereochemistry(flat)
    return str(Chem.MolToSmiles(neutral(Chem.RemoveHs(flat))))
