"""Files of ontologies and gene sets: OBO by obonet, GMT, and the Gene Ontology that is shipped with genolab."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from genolab.checks import listing, warn
from genolab.data.cache import File, locate
from genolab.data.faults import reads
from genolab.data.text import open_text, read_unpacked
from genolab.function.ontology.graph import Ontology
from genolab.paths import shipped

GENE_ONTOLOGY: Final = File(
    "gene_ontology.tsv.gz",
    place=lambda: shipped("data") / "gene_ontology.tsv.gz",
    sha256="989bbd60b6daa77ad1a6b096ec8329dcf2a006c99c65fc362ae6c75cf4fac7fb",
    size=690_936,
)

# A gene with the narrower term has the broader one, too; "regulates" and "has_part" don't imply that.
_IMPLYING: Final = ("is_a", "part_of")
_SPACES: Final = {"F": "molecular_function", "P": "biological_process", "C": "cellular_component"}
_LONGEST_LINE: Final = 100_000  # of longer ones obonet takes minutes
_COLUMNS: Final = ("id", "space", "name", "parents", "alternatives")


@reads("an ontology (OBO)")
def read_ontology(path: str | Path, *, relations: tuple[str, ...] = _IMPLYING) -> Ontology:
    """Read an ontology in the OBO format, ``.obo`` or ``.obo.gz``.

    Links from one namespace into another are left out, as in go-basic.obo, and so are, with a warning, links to terms
    that aren't in the file. Alternative ids, and obsolete terms with a replacement, are mapped. `relations` are the
    kinds of links by which a term implies another.
    """
    import obonet

    with open_text(Path(path)) as opened:
        if wrong := next((number for number, line in enumerate(opened, start=1) if len(line) > _LONGEST_LINE), None):
            raise ValueError(f"{path}, line {wrong:,}: a line of OBO is shorter than {_LONGEST_LINE:,} letters")
    with open_text(Path(path)) as opened:
        graph = obonet.read_obo(opened, ignore_obsolete=False)
    nodes = dict(graph.nodes(data=True))
    (default,) = graph.graph.get("default-namespace", [""])
    space = {
        term: data.get("namespace", default) for term, data in nodes.items() if data
    }  # without: named by links only
    live = [term for term in space if nodes[term].get("is_obsolete") != "true"]
    links = [(child, parent) for child, parent, kind in graph.edges(keys=True) if kind in relations]
    gone = {term: nodes[term] for term in space if nodes[term].get("is_obsolete") == "true"}
    replaced = _replaced({term: nodes[term] for term in live}, gone)
    return Ontology(
        _parents(links, live, space, replaced),
        {term: nodes[term].get("name", term) for term in live},
        {term: space[term] for term in live},
        replaced,
        {term: tuple(data.get("consider", ())) for term, data in gone.items() if not data.get("replaced_by")},
        str(graph.graph.get("data-version", "")),
    )


def _parents(
    links: list[tuple[str, str]], live: list[str], space: dict[str, str], replaced: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return each term's parents within its namespace; old ids of parents are those that replaced them."""
    parents: dict[str, set[str]] = {term: set() for term in live}
    missing = []
    for child, given in links:
        parent = replaced.get(given, given)
        if child not in parents or parent == child:
            continue
        if parent not in parents:
            missing.append(f"{child} -> {given}")
        elif space[parent] == space[child]:
            parents[child].add(parent)
    if missing:
        warn(
            f"{len(missing):,} links are left out, to terms that aren't in the file or are obsolete: "
            f"{listing(sorted(missing))}"
        )
    return {term: tuple(sorted(broader)) for term, broader in parents.items()}


def _replaced(live: dict[str, Any], gone: dict[str, Any]) -> dict[str, str]:
    """Return old ids and their replacements; where a replacement was replaced too, the last one."""
    replaced = {old: term for term, data in live.items() for old in data.get("alt_id", ()) if old not in live}
    replaced |= {term: data["replaced_by"][0] for term, data in gone.items() if data.get("replaced_by")}
    for old in list(replaced):
        seen = {old}
        while replaced[old] in replaced and replaced[old] not in seen:
            seen.add(replaced[old])
            replaced[old] = replaced[replaced[old]]
    return {old: new for old, new in replaced.items() if new in live}


@cache
def go() -> Ontology:
    """Return the Gene Ontology of 27 January 2019, shipped with genolab: 45,000 terms, ``is_a`` and ``part_of``.

    From the Gene Ontology Consortium (CC BY 4.0), doi:10.1093/nar/gky1055. For a newer release `read_ontology` its
    ``go-basic.obo``.
    """
    return _parsed(read_unpacked(locate("gene_ontology", GENE_ONTOLOGY)).decode())


def write_ontology(ontology: Ontology) -> str:
    """Return the text in which the Gene Ontology is shipped: a line a term, its parents by their line numbers."""
    letter = {space: key for key, space in _SPACES.items()}
    line_of = {term: at for at, term in enumerate(ontology.terms)}
    alternatives: dict[str, list[str]] = {}
    for old, new in sorted(ontology.replaced.items()):
        alternatives.setdefault(new, []).append(old)
    lines = [f"#{ontology.version}", "\t".join(_COLUMNS)]
    for term in ontology.terms:
        parents = " ".join(str(line_of[parent]) for parent in ontology.parents[term])
        old = " ".join(map(_short, alternatives.get(term, ())))
        lines.append("\t".join((_short(term), letter[ontology.namespace[term]], ontology.names[term], parents, old)))
    for term, instead in sorted(ontology.obsolete.items()):
        lines.append("\t".join((_short(term), "-", "", "", " ".join(map(_short, instead)))))
    return "\n".join(lines) + "\n"


def _short(term: str) -> str:
    """Return ``"8150"`` of ``"GO:0008150"``."""
    if not re.fullmatch(r"GO:\d{7}", term):
        raise ValueError(f"this form holds ids of the Gene Ontology, such as 'GO:0008150', got {term!r}")
    return str(int(term[3:]))


def _long(number: str) -> str:
    return f"GO:{int(number):07d}"


def _rows(text: str) -> Iterator[tuple[str, str, str, list[str], list[str]]]:
    for line in text.splitlines()[2:]:
        number, space, name, parents, old = line.split("\t")
        yield _long(number), space, name, parents.split(), [_long(other) for other in old.split()]


def _parsed(text: str) -> Ontology:
    rows = list(_rows(text))
    live = [row for row in rows if row[1] != "-"]
    return Ontology(
        {term: tuple(live[int(at)][0] for at in parents) for term, _, _, parents, _ in live},
        {term: name for term, _, name, _, _ in live},
        {term: _SPACES[space] for term, space, *_ in live},
        {other: term for term, _, _, _, old in live for other in old},
        {term: tuple(instead) for term, space, _, _, instead in rows if space == "-"},
        text[1 : text.index("\n")],
    )


@reads("gene sets (GMT)")
def read_gmt(path: str | Path) -> dict[str, frozenset[str]]:
    """Read gene sets in the GMT format of MSigDB, Enrichr and WikiPathways, ``.gmt`` or ``.gmt.gz``: name to genes.

    Weights after a gene, as in ``"CDC28,1.0"`` of Enrichr's files, are left out.
    """
    path = Path(path)
    with open_text(path) as opened:
        lines = [line.rstrip("\r\n") for line in opened]
    sets: dict[str, frozenset[str]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, *rest = line.split("\t")
        if not rest:
            raise ValueError(
                f"{path}, line {number}: a line of a .gmt file is a name, a remark and genes, with tabs between, "
                f"got {line[:60]!r}"
            )
        if name in sets:
            raise ValueError(f"{path}, line {number}: each set needs a name of its own, and {name!r} occurs twice")
        genes = (re.sub(r",[-+.\deE]+$", "", gene.strip()) for gene in rest[1:])
        sets[name] = frozenset(gene for gene in genes if gene)
    return sets
