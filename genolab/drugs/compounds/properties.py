"""What makes a molecule like a drug: size, fat-solubility, hydrogen bonds, Lipinski's rule, and QED."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from genolab.drugs.compounds.molecules import as_texts, molecule_of

if TYPE_CHECKING:
    import pandas as pd


def properties(smiles: str | Iterable[str]) -> "pd.DataFrame":
    """Return properties that tell whether a molecule could be a drug that is swallowed.

    Parameters
    ----------
    smiles
        One SMILES or many.

    Returns
    -------
    DataFrame
        One row a SMILES: ``qed``, the quantitative estimate of drug-likeness, 0 to 1 (Bickerton et al. 2012);
        ``weight``, g/mol; ``logp``, log10 of octanol over water (Wildman and Crippen 1999); ``donors`` and
        ``acceptors`` of hydrogen bonds; ``surface``, the polar surface in square angstroms (Ertl et al. 2000);
        ``rotatable`` bonds; ``lipinski``, how many of the four rules are broken: weight over 500, logp over 5, more
        than 5 donors, more than 10 acceptors (Lipinski et al. 1997).

    Raises
    ------
    ValueError
        RDKit refuses a SMILES.

    Examples
    --------
    >>> gl.drugs.compounds.properties("CC(=O)Oc1ccccc1C(=O)O").round(2)[["qed", "weight", "logp"]].values.tolist()
    [[0.55, 180.16, 1.31]]
    """
    import pandas as pd

    texts = as_texts(smiles)
    known = {text: _of(molecule_of(text)) for text in dict.fromkeys(texts)}
    columns = ["qed", "weight", "logp", "donors", "acceptors", "surface", "rotatable"]
    table = pd.DataFrame([known[text] for text in texts], columns=columns)
    broken = [table["weight"] > 500, table["logp"] > 5, table["donors"] > 5, table["acceptors"] > 10]
    table["lipinski"] = sum(rule.astype(int) for rule in broken)
    return table


def _of(molecule: Any) -> tuple[float, ...]:
    from rdkit import rdBase
    from rdkit.Chem import Crippen, Descriptors, Lipinski
    from rdkit.Chem.QED import qed
    from rdkit.Chem.rdMolDescriptors import CalcTPSA

    with rdBase.BlockLogs():
        return (
            qed(molecule),
            Descriptors.MolWt(molecule),
            Crippen.MolLogP(molecule),
            Lipinski.NumHDonors(molecule),
            Lipinski.NumHAcceptors(molecule),
            CalcTPSA(molecule),
            Lipinski.NumRotatableBonds(molecule),
        )
