"""The files of each known set of sequences -> an AnnData, one row a sequence."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genolab.data.catalogue import Paths

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from genolab.sequences.fasta import Record


def sequences_adata(sequences: Sequence[str], obs: "pd.DataFrame") -> "AnnData":
    """Make an AnnData of labelled sequences of one length: ``obsm["sequence"]`` is ``(n, 4, length)`` uint8.

    `obs` has a row a sequence; its categorical columns are its classes. Rows of the same sequence become one, the
    first, with their number in ``obs["copies"]``. Where they disagree in a class, nobody knows which is right, and all
    of them are left out.
    """
    import numpy as np
    from anndata import AnnData

    from genolab.sequences.encode import one_hot

    hot = one_hot(sequences)
    _, first, group, copies = np.unique(
        hot.reshape(len(hot), -1), axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    agree = np.ones(len(first), dtype=np.bool_)
    for name in obs.select_dtypes("category"):
        classes = obs[name].cat.codes.to_numpy()
        agree &= np.bincount(group, classes != classes[first][group], minlength=len(first)) == 0
    kept = np.sort(first[agree])
    return AnnData(obs=obs.iloc[kept].assign(copies=copies[group[kept]]), obsm={"sequence": hot[kept]})


def build_splice_junctions(paths: Paths) -> "AnnData":
    """Read the file that ``data/build.py`` made, all 3,186 rows of the set.

    ``obs["junction"]`` is ``donor`` (the exon ends after base 30, the intron begins), ``acceptor`` (the intron ends
    there) or ``neither``. Of 184 duplicates the first stays, of the one sequence of two classes none: 3,000 rows.
    """
    import pandas as pd

    records = _records(paths["splice_junctions.fa.gz"])
    obs = pd.DataFrame(
        {"junction": pd.Categorical([record.description for record in records])},
        index=[record.name for record in records],
    )
    return sequences_adata(_texts(records), obs)


def build_sigma70(paths: Paths) -> "AnnData":
    """Read promoters and other parts of E. coli's genome, -60 to +20 around the start of transcription."""
    return _promoters(paths["Ecoli_prom.fa"], paths["Ecoli_non_prom.fa"], tss=60)


def build_tata(paths: Paths) -> "AnnData":
    """Read TATA promoters of Arabidopsis, -200 to +50 around the start of transcription, and parts of its genes."""
    return _promoters(paths["Arabidopsis_tata.fa"], paths["Arabidopsis_non_prom.fa"], tss=200)


def _promoters(positive: Path, negative: Path, *, tss: int) -> "AnnData":
    """Read the two classes. Headers of the second files repeat, so rows are numbered as they come."""
    import pandas as pd

    parts = {"promoter": _records(positive), "other": _records(negative)}
    names = [f"{kind}_{number:04d}" for kind, records in parts.items() for number in range(1, len(records) + 1)]
    records = [record for part in parts.values() for record in part]
    kinds = [kind for kind, part in parts.items() for _ in part]
    obs = pd.DataFrame(
        {
            "promoter": pd.Categorical(kinds, categories=["other", "promoter"]),
            "description": [f"{record.name} {record.description}".strip() for record in records],
        },
        index=names,
    )
    adata = sequences_adata(_texts(records), obs)
    adata.uns["tss"] = tss
    return adata


def _records(path: Path) -> "list[Record]":
    from genolab.data.text import read_utf8
    from genolab.sequences.fasta import parse_fasta

    return list(parse_fasta(read_utf8(path), path))


def _texts(records: "Sequence[Record]") -> list[str]:
    return [str(record) for record in records]
