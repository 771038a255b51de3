"""Distances between genomes, and the tree that follows."""

import itertools
from collections.abc import Sequence
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.checks import check_one_of
from genolab.genomes.comparison import Comparison, compare
from genolab.genomes.genome import Genome, GenomeLike, open_genome
from genolab.genomes.seeds import sample_kmers
from genolab.genomes.variants import is_transition
from genolab.waiting import progress

Model = Literal["k80", "jc69", "p"]
Method = Literal["alignment", "kmers"]

_K: Final = 21  # Mash's default


def distances(
    genomes: Sequence[GenomeLike],
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
        ``"alignment"`` compares each pair and counts substitutions in the blocks; ``"kmers"`` takes the k-mers of 21
        bases that both have (Mash, Ondov et al. 2016), which is quick and good up to a distance of about 0.2.
    model
        For alignments: ``"k80"`` corrects for sites that changed twice, transitions and transversions counted apart
        (Kimura 1980), ``"jc69"`` both together (Jukes and Cantor 1969); ``"p"`` is the share of sites that differ.

    Returns
    -------
    DataFrame
        Square, by the genomes' names; 0 on the diagonal, NaN where a pair has nothing in common or differs too much for
        the model.
    """
    if not isinstance(genomes, Sequence) or isinstance(genomes, str | bytes):
        raise TypeError(f"genomes come as a list, such as ['human_mt', 'orangutan_mt'], got {genomes!r}")
    opened = [open_genome(source, circular=circular) for source in genomes]
    names = [genome.name for genome in opened]
    _check(names, method, model)
    table = pd.DataFrame(0.0, index=pd.Index(names), columns=pd.Index(names))
    for a, b in progress(list(itertools.combinations(opened, 2)), "Comparing", unit="pairs of genomes"):
        value = _mash(a, b) if method == "kmers" else _by_substitutions(compare(a, b), model)
        table.loc[a.name, b.name] = table.loc[b.name, a.name] = value
    return table


def _check(names: list[str], method: str, model: str) -> None:
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(
            f"distances are between two or more genomes of different names, got {names}; "
            "dataclasses.replace(gl.genomes.open_genome(source), name='other') gives one another name"
        )
    check_one_of("method", method, get_args(Method))
    check_one_of("model", model, get_args(Model))


def _by_substitutions(comparison: Comparison, model: Model) -> float:
    single = comparison.variants.query("kind == 'SNV'")
    sites = int(comparison.blocks["matches"].sum()) + len(single)
    if sites == 0:
        return float("nan")
    transitions = is_transition(single).sum()
    p, q = transitions / sites, (len(single) - transitions) / sites
    with np.errstate(invalid="ignore", divide="ignore"):
        value = {
            "p": p + q,
            "jc69": -0.75 * np.log(1 - 4 / 3 * (p + q)),
            "k80": -0.5 * np.log(1 - 2 * p - q) - 0.25 * np.log(1 - 2 * q),
        }[model]
    return float(value) + 0.0 if np.isfinite(value) else float("nan")


def _mash(a: Genome, b: Genome) -> float:
    kmers_a, kmers_b = _kmers(a), _kmers(b)
    both = len(np.intersect1d(kmers_a, kmers_b, assume_unique=True))
    jaccard = both / (len(kmers_a) + len(kmers_b) - both) if both else 0.0
    return float(-np.log(2 * jaccard / (1 + jaccard)) / _K) + 0.0 if jaccard else float("nan")


def _kmers(genome: Genome) -> NDArray[np.uint64]:
    return np.unique(sample_kmers(genome, _K, 1).hash)


def tree(table: pd.DataFrame) -> str:
    """Return the neighbour-joining tree of distances (Saitou and Nei 1987) as Newick text, by Biopython.

    `table` is square, as `distances` gives it, of three or more genomes. The tree is unrooted, its branch lengths are
    as the distances; ``Bio.Phylo.read(io.StringIO(text), "newick")`` reads it, as all tree viewers do.

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
