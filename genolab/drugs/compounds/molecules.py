"""SMILES -> molecules, standard SMILES, scaffolds and properties, by RDKit.

RDKit's own messages are caught where they arise, and become the reasons of a refusal.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from genolab.drugs.compounds.salts import has_counter_metal, neutral, split_compound
from genolab.waiting import progress

if TYPE_CHECKING:
    import pandas as pd

# Some of RDKit's steps take time by the cube of the atoms; no drug comes near this, and a peptide of 60 residues fits.
MAX_LENGTH = 5_000


def standardise(smiles: str | Iterable[str]) -> "pd.DataFrame":
    """Bring SMILES into one form, so that equal compounds have equal SMILES.

    A molecule is sanitised; counter-ions and solvents, known by name, are taken off; charges are neutralised by
    hydrogens, where that can be done; and its canonical SMILES is written, stereochemistry and isotopes included.
    Tautomers and stereoisomers stay different compounds, complexes of metals stay whole, and a mixture of compounds is
    refused, for nobody can tell which of them is meant.

    The table has a row a SMILES: ``given``; ``canonical``, empty where it is refused; ``removed``, the SMILES of the
    parts that were taken off; ``reason`` of a refusal, else empty.

    Examples
    --------
    >>> gl.drugs.compounds.standardise(["OCC", "CC(=O)[O-].[Na+]", "C1CC"])[["canonical", "reason"]].values.tolist()
    [['CCO', ''], ['CC(=O)O', ''], ['', "unclosed ring for input: 'C1CC'"]]
    """
    return standard_table(smiles, with_scaffold=False).drop(columns="scaffold")


def standard_table(smiles: str | Iterable[str], *, with_scaffold: bool = True) -> "pd.DataFrame":
    """Do what `standardise` does, with a column ``scaffold`` besides: each molecule is read but once."""
    import pandas as pd

    need_rdkit()
    texts = as_texts(smiles)
    known = {text: _standard(text, with_scaffold) for text in progress(dict.fromkeys(texts), "Molecules")}
    rows = [(text, *known[text]) for text in texts]
    return pd.DataFrame(rows, columns=["given", "canonical", "removed", "scaffold", "reason"], dtype=object)


def scaffolds(smiles: str | Iterable[str]) -> list[str]:
    """Return the Bemis-Murcko scaffold of each molecule, its rings and their linkers, as canonical SMILES.

    It is empty for a molecule without a ring, and without stereochemistry: stereoisomers have one scaffold. Compounds
    of one scaffold belong in one part of a split.
    """
    return [_scaffold(molecule_of(text)) for text in progress(as_texts(smiles), "Scaffolds")]


def properties(smiles: str | Iterable[str]) -> "pd.DataFrame":
    """Return the properties that decide whether a molecule could be a drug taken by mouth, a row a SMILES.

    ``qed``, the quantitative estimate of drug-likeness, 0 to 1 (Bickerton et al. 2012); ``weight``, g/mol; ``logp``,
    log10 of octanol over water (Wildman and Crippen 1999); ``donors`` and ``acceptors`` of hydrogen bonds; ``surface``,
    the polar surface in square angstroms (Ertl et al. 2000); ``rotatable`` bonds; ``lipinski``, how many of the four
    rules are broken: weight over 500, logp over 5, more than 5 donors, more than 10 acceptors (Lipinski et al. 1997).
    """
    import pandas as pd

    need_rdkit()
    from rdkit import rdBase
    from rdkit.Chem import Crippen, Descriptors, Lipinski, rdMolDescriptors
    from rdkit.Chem.QED import qed

    columns = {
        "qed": qed,
        "weight": Descriptors.MolWt,
        "logp": Crippen.MolLogP,
        "donors": Lipinski.NumHDonors,
        "acceptors": Lipinski.NumHAcceptors,
        "surface": rdMolDescriptors.CalcTPSA,
        "rotatable": Lipinski.NumRotatableBonds,
    }
    molecules = [molecule_of(text) for text in as_texts(smiles)]
    with rdBase.BlockLogs():
        rows = [[measure(molecule) for measure in columns.values()] for molecule in progress(molecules, "Describing")]
    table = pd.DataFrame(rows, columns=list(columns))
    broken = [table["weight"] > 500, table["logp"] > 5, table["donors"] > 5, table["acceptors"] > 10]
    table["lipinski"] = sum(rule.astype(int) for rule in broken)
    return table


def substructure(smiles: str | Iterable[str], smarts: str) -> list[list[int]]:
    """Return for each molecule the numbers of the atoms of its first match of a pattern, none where it has no match.

    `smarts` is the pattern, such as ``"C(=O)[OH]"`` for an acid; atoms are in the order of the SMILES.
    """
    need_rdkit()
    from rdkit import Chem

    pattern = Chem.MolFromSmarts(smarts)
    if pattern is None:
        raise ValueError(f"a pattern is a SMARTS that RDKit can read, such as C(=O)[OH], got {smarts!r}")
    return [list(molecule_of(text).GetSubstructMatch(pattern)) for text in progress(as_texts(smiles), "Searching")]


def molecule_of(smiles: str) -> Any:
    """Return RDKit's molecule of one SMILES; a ValueError has RDKit's reason of a refusal."""
    molecule, reason = parse(smiles)
    if molecule is None:
        raise ValueError(
            f"a compound is a SMILES that RDKit can read, got {smiles!r}: {reason}. "
            "gl.drugs.compounds.standardise(smiles) lists all that it refuses"
        )
    return molecule


def parse(smiles: str) -> tuple[Any | None, str]:
    """Return RDKit's molecule, or ``None``, and the reason why there is none; nothing is printed.

    Only its first word is read: after it come names, and ChemAxon's extensions, whose labels could carry any text.
    """
    need_rdkit()
    from rdkit import Chem, rdBase

    word = next(iter(smiles.split()), "")
    if not word:
        return None, "it is empty"
    if len(smiles) > MAX_LENGTH:
        return None, f"it has {len(smiles):,} characters, and at most {MAX_LENGTH:,} are read"
    with rdBase.BlockLogs(), rdBase.CaptureErrorLog() as log:
        molecule = Chem.MolFromSmiles(word)
        reason = "" if molecule is not None else _reason(log.messages)
    if molecule is not None and molecule.GetNumAtoms() == 0:
        return None, "it has no atoms"
    return molecule, reason


def as_texts(smiles: str | Iterable[str]) -> Sequence[str]:
    """Return SMILES as a list, and refuse what is no text, such as a missing value."""
    texts = [smiles] if isinstance(smiles, str) else list(smiles)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"a SMILES is text, got {text!r} at position {number}: leave out rows without one")
    return texts


def need_rdkit() -> None:
    """Say how to get RDKit where it isn't installed."""
    try:
        import rdkit  # noqa: F401 - whether it is installed is all that matters
    except ImportError as error:
        raise ImportError("compounds are read by RDKit, which isn't installed: pip install 'genolab[drugs]'") from error


def _reason(log: str) -> str:
    """Return RDKit's message in one line, without its time stamps and its drawing of the place."""
    lines = [line.partition("] ")[2] for line in log.splitlines() if line.startswith("[")]
    return lines[0].removeprefix("SMILES Parse Error: ") if lines else "RDKit can't read it, and gives no reason"


def _standard(smiles: str, with_scaffold: bool) -> tuple[str, str, str, str]:
    """Return the canonical SMILES, the parts taken off, the scaffold, and the reason of a refusal."""
    from rdkit import Chem, rdBase

    molecule, reason = parse(smiles)
    if molecule is None:
        return "", "", "", reason
    with rdBase.BlockLogs():
        several = "." in smiles or ("[" in smiles and has_counter_metal(molecule))
        kept, removed, reason = split_compound(molecule) if several else (molecule, "", "")
        if reason:
            return "", "", "", reason
        for form in (neutral(kept), kept):  # of a few ions only the charged form can be read again
            canonical = str(Chem.MolToSmiles(form))
            if (again := Chem.MolFromSmiles(canonical)) is not None:
                return canonical, removed, _scaffold(again) if with_scaffold else "", ""
    return "", "", "", "RDKit can't read its standard form again"


def _scaffold(molecule: Any) -> str:
    from rdkit.Chem.Scaffolds import MurckoScaffold

    return str(MurckoScaffold.MurckoScaffoldSmiles(mol=molecule, includeChirality=False))
