"""How far genomes are from each other, and the tree that follows."""

import itertools
from collections.abc import Sequence
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.genomes.blocks import sampled
from genolab.genomes.comparison import Comparison, compare
from genolab.genomes.genome import Genome, Given, open_genome

Model = Literal["k80", "jc69", "p"]
Method = Literal["alignment", "kmers"]

_K: Final = 21  # Mash's default
_TRANSITIONS: Final = frozenset({"AG", "GA", "CT", "TC"})


def distances(
    genomes: Sequence[Given],
    *,
    method: Method = "alignment",
    model: Model = "k80",
    circular: bool | None = None,
) -> pd.DataFrame:
    """Return the distance of each pair of genomes, in substitutions a site.

    Parameters
    ----------
    genomes
        As in `compare`, two or more; their names must differ.
    method
        ``"alignment"`` compares each pair and counts substitutions in the blocks; ``"kmers"`` takes the words of 21
        bases that both have (Mash, Ondov et al. 2016), which is quick and good up to a distance of about 0.2.
    model
        For alignments: ``"k80"`` corrects for sites that changed twice, transitions and transversions apart (Kimura
        1980); ``"jc69"`` doesn't tell them apart (Jukes and Cantor 1969); ``"p"`` is the share of sites that differ.
    circular
        As in `compare`.

    Returns
    -------
    DataFrame
        Square, by the genomes' names; 0 on the diagonal, NaN where a pair has nothing in common or differs too much for
        the model.

    Raises
    ------
    ValueError
        There are fewer than two genomes, two of one name, or the method or model is unknown.
    TypeError
        The genomes are no list.
    """
    if not isinstance(genomes, Sequence) or isinstance(genomes, str | bytes):
        raise TypeError(f"genomes come as a list, such as ['human_mt', 'orangutan_mt'], got {genomes!r}")
    opened = [open_genome(given, circular=circular) for given in genomes]
    names = [genome.name for genome in opened]
    _check(names, method, model)
    table = pd.DataFrame(0.0, index=pd.Index(names), columns=pd.Index(names))
    for one, other in itertools.combinations(opened, 2):
        value = by_kmers(one, other) if method == "kmers" else by_alignment(compare(one, other), model=model)
        table.loc[one.name, other.name] = table.loc[other.name, one.name] = value
    return table


def _check(names: list[str], method: str, model: str) -> None:
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(
            f"distances are between two or more genomes of different names, got {names}; "
            "dataclasses.replace(gl.genomes.open_genome(given), name='other') names one anew"
        )
    for value, known in ((method, get_args(Method)), (model, get_args(Model))):
        if value not in known:
            raise ValueError(f"must be one of {', '.join(known)}, got {value!r}")


def by_alignment(comparison: Comparison, *, model: Model = "k80") -> float:
    """Return the distance of two compared genomes, in substitutions a site; NaN where it is undefined."""
    table = comparison.variants
    single = table[table["kind"] == "SNV"]
    sites = int(comparison.blocks["matches"].sum()) + len(single)
    if sites == 0:
        return float("nan")
    turns = (single["ref"] + single["alt"]).isin(_TRANSITIONS).sum()
    p, q = turns / sites, (len(single) - turns) / sites
    with np.errstate(invalid="ignore", divide="ignore"):
        value = {
            "p": p + q,
            "jc69": -0.75 * np.log(1 - 4 / 3 * (p + q)),
            "k80": -0.5 * np.log(1 - 2 * p - q) - 0.25 * np.log(1 - 2 * q),
        }[model]
    return float(value) + 0.0 if np.isfinite(value) else float("nan")


def by_kmers(a: Genome, b: Genome) -> float:
    """Return the Mash distance, by the share of words of 21 bases that both genomes have; NaN where they share none."""
    one, other = _words(a), _words(b)
    both = len(np.intersect1d(one, other, assume_unique=True))
    share = both / (len(one) + len(other) - both) if both else 0.0
    return float(-np.log(2 * share / (1 + share)) / _K) + 0.0 if share else float("nan")


def _words(genome: Genome) -> NDArray[np.uint64]:
    return np.unique(sampled(genome, _K, 1).number)


def tree(table: pd.DataFrame) -> str:
    """Return the neighbour-joining tree of distances (Saitou and Nei 1987) as Newick text, by Biopython.

    Parameters
    ----------
    table
        Square, as `distances` gives it, of three or more genomes.

    Returns
    -------
    The tree, unrooted, branch lengths as the distances. ``Bio.Phylo.read(io.StringIO(text), "newick")`` reads it, as
    all tree viewers do.

    Raises
    ------
    ValueError
        The table isn't square and symmetric, has fewer than three genomes, or a distance is missing.
    TypeError
        It is no DataFrame.
    ImportError
        Biopython isn't installed.

    Examples
    --------
    >>> tree(distances(["human_mt", "orangutan_mt", "chimpanzee.fa"]))  # doctest: +SKIP
    """
    _check_table(table)
    try:
        from Bio.Phylo.TreeConstruction import DistanceMatrix, DistanceTreeConstructor
    except ImportError:
        raise ImportError(
            "a tree is built by Biopython, which isn't installed: pip install 'genolab[sequence]'"
        ) from None
    rows = [table.to_numpy()[number, : number + 1].tolist() for number in range(len(table))]
    joined = DistanceTreeConstructor().nj(DistanceMatrix(list(map(str, table.index)), rows))
    for clade in joined.get_nonterminals():
        clade.name = None  # Biopython calls them Inner1, Inner2 ...
    text: str = joined.format("newick").strip()
    return text


def _check_table(table: pd.DataFrame) -> None:
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"a tree is built from the DataFrame that distances() returns, got a {type(table).__name__}")
    values = table.to_numpy(dtype=np.float64)
    if values.shape[0] != values.shape[1] or list(table.index) != list(table.columns) or len(values) < 3:
        raise ValueError(
            f"a tree needs a square table of three or more genomes, as distances() gives it, got {values.shape}"
        )
    if np.isnan(values).any():
        one, other = np.argwhere(np.isnan(values))[0]
        raise ValueError(
            f"a tree needs every distance; that of {table.index[one]!r} and {table.index[other]!r} is missing, because "
            "they have nothing in common: leave one of them out"
        )
    if not np.allclose(values, values.T):
        raise ValueError("a distance is the same both ways: this table isn't symmetric")
