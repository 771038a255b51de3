"""SMILES -> molecules, standard SMILES and scaffolds, by RDKit; what RDKit refuses is told with its reason.

RDKit's own messages never reach the screen: they are caught where they arise, and become the reasons.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

# RDKit takes time by the cube of the atoms for some steps; no drug comes near this, and a peptide of 60 residues fits.
MOST_LETTERS = 5_000


class Parsed(NamedTuple):
    """A molecule of RDKit's, or ``None`` and the reason why there is none."""

    molecule: Any | None
    reason: str


def standardise(smiles: str | Iterable[str]) -> "pd.DataFrame":
    """Bring SMILES into one form, so that equal compounds have equal text.

    A molecule is sanitised; of several parts (salts, solvents) the largest organic one is kept; a charge that is left
    is neutralised by hydrogens, where that can be done; and its canonical SMILES is written, stereochemistry included.
    Tautomers and stereoisomers stay different compounds.

    Parameters
    ----------
    smiles
        One SMILES or many.

    Returns
    -------
    DataFrame
        One row a SMILES, in order: ``given``; ``canonical``, empty where RDKit refuses it; ``removed``, the SMILES of
        the parts that were taken off; ``reason``, why it was refused, empty where it wasn't.

    Raises
    ------
    ImportError
        RDKit isn't installed.
    TypeError
        What came is no text.

    Examples
    --------
    >>> gl.drugs.compounds.standardise(["OCC", "CC(=O)[O-].[Na+]", "C1CC"])[["canonical", "reason"]].values.tolist()
    [['CCO', ''], ['CC(=O)O', ''], ['', "unclosed ring for input: 'C1CC'"]]
    """
    return _table(smiles, with_scaffold=False).drop(columns="scaffold")


def described(smiles: str | Iterable[str]) -> "pd.DataFrame":
    """Do what `standardise` does, with a column ``scaffold`` besides: each molecule is read but once."""
    return _table(smiles, with_scaffold=True)


def scaffolds(smiles: str | Iterable[str]) -> list[str]:
    """Return the Bemis-Murcko scaffold of each molecule: its rings and what links them, as canonical SMILES.

    It is empty for a molecule without a ring. Compounds of one scaffold belong in one part of a split.

    Raises
    ------
    ValueError
        RDKit refuses a SMILES; `standardise` lists all of those with their reasons.
    """
    return [_scaffold(molecule_of(text)) for text in as_texts(smiles)]


def molecule_of(smiles: str) -> Any:
    """Return RDKit's molecule of one SMILES.

    Raises
    ------
    ValueError
        RDKit refuses it; the message has its reason.
    """
    parsed = parse(smiles)
    if parsed.molecule is None:
        raise ValueError(
            f"a compound is a SMILES that RDKit can read, got {smiles!r}: {parsed.reason}. "
            "gl.drugs.compounds.standardise(smiles) lists all that it refuses"
        )
    return parsed.molecule


def parse(smiles: str) -> Parsed:
    """Read one SMILES; nothing is printed, and nothing is raised for a bad one.

    Only its first word is read: behind it come names, and ChemAxon's extensions, whose labels could carry any text.
    """
    need_rdkit()
    from rdkit import Chem, rdBase

    word = next(iter(smiles.split()), "")
    if not word:
        return Parsed(None, "it is empty")
    if len(smiles) > MOST_LETTERS:
        return Parsed(None, f"it has {len(smiles):,} letters, and at most {MOST_LETTERS:,} are read")
    with rdBase.CaptureErrorLog() as log:
        molecule = Chem.MolFromSmiles(word)
        reason = "" if molecule is not None else _reason(log.messages)
    if molecule is not None and molecule.GetNumAtoms() == 0:
        return Parsed(None, "it has no atoms")
    return Parsed(molecule, reason)


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
        import rdkit  # noqa: F401 - whether it is there is all that is asked
    except ImportError as error:
        raise ImportError("compounds are read by RDKit, which isn't installed: pip install 'genolab[drugs]'") from error


def _table(smiles: str | Iterable[str], *, with_scaffold: bool) -> "pd.DataFrame":
    import pandas as pd

    need_rdkit()
    texts = as_texts(smiles)
    known = {text: _standard(text, with_scaffold) for text in dict.fromkeys(texts)}
    rows = [(text, *known[text]) for text in texts]
    return pd.DataFrame(rows, columns=["given", "canonical", "removed", "scaffold", "reason"], dtype=object)


def _reason(log: str) -> str:
    """Return what RDKit said in one line, without its time stamps and its drawing of the place."""
    lines = [line.partition("] ")[2] for line in log.splitlines() if line.startswith("[")]
    told = [line.removeprefix("SMILES Parse Error: ") for line in lines]
    return told[0] if told else "RDKit can't read it, and doesn't say why"


def _standard(smiles: str, with_scaffold: bool) -> tuple[str, str, str, str]:
    """Return the canonical SMILES, the parts taken off, the scaffold, and the reason of a refusal."""
    from rdkit import Chem, rdBase

    molecule, reason = parse(smiles)
    if molecule is None:
        return "", "", "", reason
    with rdBase.BlockLogs():
        kept, removed = _largest_part(molecule) if "." in smiles else (molecule, "")
        neutral = _neutral(kept)
        return Chem.MolToSmiles(neutral), removed, _scaffold(neutral) if with_scaffold else "", ""


def _scaffold(molecule: Any) -> str:
    from rdkit import Chem
    from rdkit.Chem.Scaffolds import MurckoScaffold

    return str(Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(molecule)))


def _largest_part(molecule: Any) -> tuple[Any, str]:
    """Return the largest organic part, and the SMILES of the others."""
    from rdkit import Chem
    from rdkit.Chem.MolStandardize import rdMolStandardize

    parts = Chem.GetMolFrags(molecule, asMols=True)
    kept = rdMolStandardize.LargestFragmentChooser(preferOrganic=True).choose(molecule)
    texts = [Chem.MolToSmiles(part) for part in parts]
    texts.remove(Chem.MolToSmiles(kept))
    return kept, ".".join(sorted(texts))


def _neutral(molecule: Any) -> Any:
    """Return the molecule with hydrogens put on or taken off until it is neutral, as far as that can be done."""
    from rdkit import Chem
    from rdkit.Chem.MolStandardize import rdMolStandardize

    return molecule if Chem.GetFormalCharge(molecule) == 0 else rdMolStandardize.Uncharger().uncharge(molecule)
