"""Gene association files (GAF), the form in which the Gene Ontology's annotations are published."""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

from genolab.checks import check_known, check_one_of, listing, warn
from genolab.data.faults import reads
from genolab.data.text import open_text

EXPERIMENTAL: Final = frozenset(["EXP", "IDA", "IPI", "IMP", "IGI", "IEP", "HTP", "HDA", "HMP", "HGI", "HEP"])
"""The evidence codes of experiments, those of high throughput included, for `read_gaf`."""

_EVIDENCE: Final = EXPERIMENTAL.union(
    ["IBA", "IBD", "IKR", "IRD", "ISS", "ISO", "ISA", "ISM", "IGC", "RCA", "TAS", "NAS", "IC", "IEA", "ND"]
)
_FEWEST: Final = 15  # columns; two more of GAF 2 may be empty, and left out
_SPECIES_LISTED: Final = 5

By = Literal["symbol", "id", "synonym"]


class _Line(NamedTuple):
    gene: str
    term: str
    evidence: str
    negated: bool
    taxon: str


@reads("annotations of genes (GAF)")
def read_gaf(
    path: str | Path, *, by: By = "symbol", evidence: Collection[str] | None = None, taxon: int | None = None
) -> dict[str, frozenset[str]]:
    """Read annotations of genes, a GAF file such as those of geneontology.org: gene to its terms' ids.

    Broader terms aren't added: give the result to `Ontology.annotate` or `Ontology.gene_sets`, which do. Lines with the
    qualifier ``NOT`` say what a gene does not do, and those with the evidence ``ND`` that nothing is known; they are
    left out, and a warning counts them.

    Parameters
    ----------
    by
        What genes are called: ``"symbol"`` (column 3), ``"id"`` (column 2, such as a UniProt accession) or
        ``"synonym"``, the first of column 11, where yeast's files have systematic names.
    evidence
        The codes that count, such as `EXPERIMENTAL`; by default all, electronic ones (IEA) included.
    taxon
        The species by NCBI's number, such as 9606; it must be given where a file has several, unless genes go by id.

    Examples
    --------
    >>> sets = gl.function.go().gene_sets(gl.function.read_gaf("goa_human.gaf.gz"))
    """
    path = Path(path)
    check_one_of("by", by, ("symbol", "id", "synonym"))
    if evidence is not None:
        evidence = {evidence} if isinstance(evidence, str) else set(evidence)
        check_known("evidence codes", sorted(evidence), sorted(_EVIDENCE))
    genes: dict[str, set[str]] = {}
    left_out: Counter[str] = Counter()
    species: Counter[str] = Counter()
    for line in _lines(path, by, left_out):
        if taxon is not None and line.taxon != str(taxon):
            left_out["of another taxon"] += 1
        elif reason := _reason(line, evidence):
            left_out[reason] += 1
        else:
            species[line.taxon] += 1
            genes.setdefault(line.gene, set()).add(line.term)
    _check(path, by, genes, species, left_out)
    return {gene: frozenset(terms) for gene, terms in genes.items()}


def _lines(path: Path, by: By, left_out: Counter[str]) -> Iterator[_Line]:
    name_at = {"symbol": 2, "id": 1, "synonym": 10}[by]
    with open_text(path) as opened:
        for number, text in enumerate(opened, start=1):
            if text.startswith("!"):
                _check_format(path, text)
            elif text.strip():
                fields = text.rstrip("\r\n").split("\t")
                if len(fields) < _FEWEST:
                    raise ValueError(
                        f"{path}, line {number}: a line of a GAF file has 15 to 17 columns with tabs between, got "
                        f"{len(fields)}: {text.strip()[:60]!r}"
                    )
                gene = fields[name_at].split("|")[0].strip()
                if not gene:
                    left_out[f"without a {by}"] += 1
                    continue
                negated = "NOT" in fields[3].upper().split("|")
                taxon = fields[12].split("|")[0].strip().lower().removeprefix("taxon:")
                yield _Line(gene, fields[4].strip(), fields[6].strip().upper(), negated, taxon)


def _check_format(path: Path, header: str) -> None:
    if header.lstrip("! ").startswith(("gpa-version", "gpi-version")):
        raise ValueError(f"{path} has the line {header.strip()!r}: it is no GAF file; fetch the same set as .gaf")


def _reason(line: _Line, evidence: Collection[str] | None) -> str:
    """Return why an annotation doesn't count, "" where it does."""
    if line.negated:
        return "with the qualifier NOT"
    if line.evidence == "ND":
        return "with the evidence ND"
    return "of other evidence" if evidence is not None and line.evidence not in evidence else ""


def _check(path: Path, by: By, genes: Collection[str], species: Counter[str], left_out: Counter[str]) -> None:
    counted = "; ".join(f"{count:,} {reason}" for reason, count in left_out.most_common())
    if not genes:
        raise ValueError(f"{path} has no annotation that counts{f': left out are {counted}' if counted else ''}")
    if by != "id" and len(species) > 1:
        numbers = [number for number, _ in species.most_common(_SPECIES_LISTED)]
        raise ValueError(
            f"{path} has genes of {len(species):,} species, whose names may be the same: pass taxon=, as one of "
            f'{listing(numbers)}, or by="id"'
        )
    if counted:
        warn(f"{path.name}: left out are annotations {counted}")
