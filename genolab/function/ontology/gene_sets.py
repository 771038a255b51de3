"""Sets of genes out of files in the GMT format, as MSigDB, Enrichr and WikiPathways give them."""

import gzip
import re
from pathlib import Path


def gene_sets(path: str | Path) -> dict[str, frozenset[str]]:
    """Read sets of genes: a line a set, its name, a remark and its genes between tabs (``.gmt`` or ``.gmt.gz``).

    Weights behind a gene, as in ``"CDC28,1.0"`` of Enrichr's files, are left out.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    dict
        Name to genes, in the file's order; empty sets stay.

    Raises
    ------
    ValueError
        A line has no tab, or two sets have one name.
    """
    path = Path(path)
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    found: dict[str, frozenset[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, *rest = line.split("\t")
        if not rest:
            raise ValueError(
                f"{path}, line {number}: a line of a .gmt file is a name, a remark and genes, with tabs between, "
                f"got {line[:60]!r}"
            )
        if name in found:
            raise ValueError(f"{path}, line {number}: each set needs a name of its own, and {name!r} is there already")
        genes = (re.sub(r",[-+.\deE]+$", "", gene.strip()) for gene in rest[1:])
        found[name] = frozenset(gene for gene in genes if gene)
    return found
