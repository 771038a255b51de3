"""The files of each known set of measured compounds -> an AnnData of pairs (see `genolab.drugs.pairs`)."""

import io
import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genolab.data.cache import read_member
from genolab.data.catalogue import Paths
from genolab.drugs.pairs import compound_table, pairs_adata

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from numpy.typing import NDArray


# Davis et al. measured up to 10 micromolar: what didn't bind by then is written as 10,000 nM.
_DAVIS_LIMIT_NM = 10_000.0

# The ChEMBL numbers of MoleculeACE's targets, and their genes.
_ACE_GENES = """
1862:ABL1 1871:AR 2034:NR3C1 2047:NR1H4 204:F2 2147:PIM1 214:HTR1A 218:CNR1 219:DRD4 228:SLC6A4
231:HRH1 233:OPRM1 234:DRD3 235:PPARG 236:OPRD1 237:OPRK1 238:SLC6A3 239:PPARA 244:F10 262:GSK3B
264:HRH3 2835:JAK1 287:SIGMAR1 2971:JAK2 3979:PPARD 4005:PIK3CA 4203:CLK4 4616:GHSR 4792:HCRTR2
"""


def build_davis(paths: Paths) -> "AnnData":
    """Join compounds, kinases, constants and folds of Davis et al. 2011, as DeepDTA publishes them.

    ``response`` is pKd, ``9 - log10(Kd in nM)``. A Kd of 10,000 nM says that nothing bound up to that concentration:
    ``obs["censored"]`` is ``"<"`` there. ``obs["split"]`` and ``obs["fold"]`` (0 to 4, -1 for the test rows) are the
    official ones. ``obs["protein"]`` is the kinase's gene, so that mutants and states of one protein can be kept in one
    part of a split.
    """
    import numpy as np
    import pandas as pd

    smiles, sequences = (_json(paths[name]) for name in ("ligands_can.txt", "proteins.txt"))
    constants = read_plain_array(paths["Y"])  # (68, 442), nM
    if constants.shape != (len(smiles), len(sequences)):
        raise ValueError(f"Kd has {constants.shape} values for {len(smiles)} compounds and {len(sequences)} kinases")
    compounds = compound_table(list(smiles), list(smiles.values()))
    contexts = _kinases(sequences)
    at, on = (index.ravel() for index in np.indices(constants.shape))
    value = constants.ravel()
    obs = pd.DataFrame(
        {
            "compound": compounds.index[at],
            "context": contexts.index[on],
            "response": 9 - np.log10(value),
            "censored": np.where(value >= _DAVIS_LIMIT_NM, "<", "="),
            "value": value,
            "unit": pd.Categorical(["nM"] * len(value)),
            "scaffold": pd.Categorical(compounds["scaffold"].iloc[at]),
            "protein": pd.Categorical(contexts["protein"].iloc[on]),
        }
    )
    obs["fold"] = _folds(paths, len(value))
    obs["split"] = pd.Categorical(np.where(obs["fold"] < 0, "test", "train"), categories=["train", "test"])
    return pairs_adata(obs, compounds, contexts, measure={"name": "pKd", "unit": "-log10 M"})


def read_plain_array(path: Path) -> "NDArray[np.float64]":
    """Read a pickled numpy array of float64, and nothing else: no name but the three that numpy writes is looked up."""
    import numpy as np

    try:
        array = _ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except (pickle.UnpicklingError, AttributeError, EOFError, IndexError, TypeError) as error:
        raise ValueError(f"{path} is no plain array of numbers and isn't read: {error}") from error
    if not isinstance(array, np.ndarray) or array.dtype != np.float64:
        raise ValueError(f"{path} holds {type(array).__name__}, not an array of float64: it isn't read")
    return array


def build_moleculeace(paths: Paths) -> "AnnData":
    """Join the 30 tables of MoleculeACE: 48,714 values of 35,633 molecules, with the official split.

    ``response`` is pKi or pEC50 (``obs["measure"]``), ``9 - log10(nM)``; a context is a target under one of the two.
    ``obs["cliff"]`` marks the molecules of an activity cliff: one 90 % similar is ten times as potent or weak.
    Molecules are numbered as they first occur. Reading all of them takes about half a minute.
    """
    import pandas as pd

    archive = paths["MoleculeACE-3.0.0-py3-none-any.whl"]
    folder = "MoleculeACE/Data/benchmark_data/"
    with zipfile.ZipFile(archive) as opened:
        members = [Path(name) for name in opened.namelist() if name.startswith(folder) and name.endswith(".csv")]
    tables = [
        pd.read_csv(io.BytesIO(read_member(archive, name.as_posix()))).assign(context=name.stem)
        for name in sorted(members)
    ]
    return _ace_pairs(pd.concat(tables, ignore_index=True), "molecule_{:05d}", "pKi or pEC50")


def build_ppar_ligands(paths: Paths) -> "AnnData":
    """Read the tables of MoleculeACE for the receptors PPARA, PPARG and PPARD, as `build_moleculeace` does.

    A context is a receptor, by its gene's name.
    """
    import pandas as pd

    adata = _ace_pairs(pd.read_csv(paths["ppar_ligands.csv.gz"]), "ligand_{:04d}", "pEC50")
    genes = adata.uns["contexts"]["gene"].to_list()
    adata.uns["contexts"].index = pd.Index(genes, name="context")
    adata.obs["context"] = adata.obs["context"].cat.rename_categories(genes)
    return adata


def _ace_pairs(table: "pd.DataFrame", name: str, measure: str) -> "AnnData":
    """Make the AnnData of rows of MoleculeACE's tables, with the table that each is from as ``context``."""
    import pandas as pd

    number, smiles = pd.factorize(table["smiles"])
    compounds = compound_table([name.format(at) for at in range(1, len(smiles) + 1)], list(smiles))
    obs = pd.DataFrame(
        {
            "compound": compounds.index[number],
            "context": table["context"],
            "response": table["y"] + 9,  # y is -log10 of nM
            "value": table["exp_mean [nM]"],
            "unit": pd.Categorical(["nM"] * len(table)),
            "measure": pd.Categorical("p" + table["context"].str.partition("_")[2]),
            "cliff": table["cliff_mol"].astype(bool),
            "split": pd.Categorical(table["split"], categories=["train", "test"]),
            "scaffold": pd.Categorical(compounds["scaffold"].iloc[number]),
        }
    )
    contexts = table["context"].drop_duplicates()
    parts = contexts.str.partition("_")
    genes = dict(pair.split(":") for pair in _ACE_GENES.split())
    known = {
        "target": parts[0].to_list(),
        "gene": parts[0].str.removeprefix("CHEMBL").map(genes).to_list(),
        "measure": ("p" + parts[2]).to_list(),
    }
    table_of = pd.DataFrame(known, index=pd.Index(contexts, name="context"))
    return pairs_adata(obs, compounds, table_of, measure={"name": measure, "unit": "-log10 M"})


def build_gdsc(paths: Paths) -> "AnnData":
    """Join the drugs, cell lines and genomic features of GDSC's release 17, as GDSCTools carries them.

    ``response`` is the natural logarithm of the IC50 in micromolar: the lower it is, the more sensitive the line. A
    context is a cell line by its COSMIC number; ``uns["features"]`` (lines x features, CSR uint8) says which genes are
    mutated, which stretches gained or lost, and whether microsatellites are unstable, by ``uns["feature_names"]``.
    Structures of the drugs aren't in it, and the names of 11 alone, of 265.
    """
    import numpy as np
    import pandas as pd
    from scipy import sparse

    names = ("IC50_v17.csv.gz", "genomic_features_v17.csv.gz", "cosmic_info.csv.gz", "DRUG_DECODE.csv")
    responses, genomic, lines, decode = (_gdsc_table(paths["gdsctools-1.0.1.tar.gz"], name) for name in names)
    genomic = genomic.set_index("COSMIC_ID")
    measured = responses.set_index("COSMIC_ID").loc[genomic.index]
    contexts = _cell_lines(genomic, lines)
    compounds = _drugs(list(measured.columns), decode)
    on, at = np.nonzero(measured.notna().to_numpy())
    value = measured.to_numpy()[on, at]
    obs = pd.DataFrame(
        {
            "compound": compounds.index[at],
            "context": contexts.index[on],
            "response": value,
            "value": value,
            "unit": pd.Categorical(["ln uM"] * len(value)),
            "tissue": pd.Categorical(contexts["tissue"].iloc[on]),
        }
    )
    adata = pairs_adata(obs, compounds, contexts, measure={"name": "ln IC50", "unit": "ln uM"})
    features = genomic.drop(columns="TISSUE_FACTOR").rename(columns={"MSI_FACTOR": "MSI"})
    adata.uns["features"] = sparse.csr_matrix(features.to_numpy(np.uint8))
    adata.uns["feature_names"] = features.columns.to_numpy(dtype=object)
    return adata


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that knows how an array of numbers is made, and refuses every other name before it is looked up."""

    def find_class(self, module: str, name: str) -> Any:
        import numpy as np
        from numpy._core.multiarray import _reconstruct

        known = {"ndarray": np.ndarray, "dtype": np.dtype, "_reconstruct": _reconstruct}
        homes = {"numpy", "numpy.core.multiarray", "numpy._core.multiarray"}
        if module not in homes or name not in known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only arrays of numbers are read")
        return known[name]


def _kinases(sequences: Mapping[str, str]) -> "pd.DataFrame":
    """Return the table of kinases; mutants and phosphorylated forms have one protein, the name before the bracket."""
    import pandas as pd

    names = pd.Index(sequences, name="context")
    sequence = [text.upper() for text in sequences.values()]
    gene = [name.partition("(")[0] for name in names]
    first: dict[str, str] = {}  # one sequence under two genes' names, such as ABL1 and ABL1p, is one protein
    protein = [first.setdefault(text, name) for text, name in zip(sequence, gene, strict=True)]
    return pd.DataFrame({"sequence": sequence, "protein": protein}, index=names)


def _gdsc_table(archive: Path, name: str) -> "pd.DataFrame":
    import gzip

    import pandas as pd

    content = read_member(archive, f"gdsctools-1.0.1/gdsctools/data/{name}")
    return pd.read_csv(io.BytesIO(gzip.decompress(content) if name.endswith(".gz") else content))


def _cell_lines(genomic: "pd.DataFrame", lines: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table of cell lines by COSMIC number: name, tissue, tumour type (TCGA's) and growth."""
    import pandas as pd

    known = lines.drop_duplicates("COSMIC_ID").set_index("COSMIC_ID").reindex(genomic.index)
    names = {"SAMPLE_NAME": "name", "TCGA": "tumour", "GROWTH_PROPERTIES": "growth"}
    table = known[list(names)].rename(columns=names).fillna("").astype(str)
    table.insert(1, "tissue", genomic["TISSUE_FACTOR"].astype(str))
    return table.set_axis(pd.Index(genomic.index.astype(str), name="context"))


def _drugs(columns: list[str], decode: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    known = decode.set_index("DRUG_ID").reindex(columns).fillna("")
    table = pd.DataFrame({"name": known["DRUG_NAME"], "target": known["DRUG_TARGET"]}, dtype=object)
    for name in ("smiles", "canonical", "removed", "scaffold"):
        table[name] = ""
    table["reason"] = "GDSCTools doesn't have its structure"
    return table.set_axis(pd.Index([name.removesuffix("_IC50") for name in columns], name="compound"))


def _folds(paths: Paths, n: int) -> "NDArray[np.int8]":
    import numpy as np

    fold = np.full(n, -2, dtype=np.int8)
    for number, rows in enumerate(_json(paths["train_fold_setting1.txt"])):
        fold[rows] = number
    fold[_json(paths["test_fold_setting1.txt"])] = -1
    if (fold == -2).any():
        raise ValueError(f"the official folds name every row; {(fold == -2).sum():,} of {n:,} are in none")
    return fold


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
