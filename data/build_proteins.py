"""Slice proteins with GO terms out of metastudent's data: BLAST databases, annotation and graph of 2014-01.

``build.py`` calls `sliced`; the rule of the slice is in README.md.
"""

import hashlib
import re
import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

Terms = frozenset[str]

# The namespaces by their roots. Obsolete terms stand under other roots, which are no terms.
ROOTS = {"GO:0003674": "mfo", "GO:0008150": "bpo", "GO:0005575": "cco"}
# A title in ASN.1: its tag, its length in one byte or in several, and the text.
TITLE = re.compile(rb"\x1a(?:[\x00-\x7f]|\x81.|\x82..)([A-Z][A-Z0-9]{5})\|GO:", re.DOTALL)
NCBISTDAA = np.frombuffer(b"-ABCDEFGHIKLMNPQRSTVWXYZU*OJ", dtype=np.uint8)  # the letters of BLAST's codes

N_PROTEINS = 6_000
SHORTEST, LONGEST = 40, 512
MOST_OF_A_KIND = 8  # proteins with just the same terms: some families fill hundreds of SwissProt's entries
FEWEST = 100  # proteins that a term needs


class Graph(NamedTuple):
    """Terms that aren't obsolete: which stand right above each, by is_a or part_of in one namespace, and which one."""

    parents: dict[str, Terms]
    namespaces: dict[str, str]

    def above(self, terms: Iterable[str]) -> set[str]:
        """Return terms with all that they imply, without the roots: what is a kinase is an enzyme."""
        found: set[str] = set()
        ahead = [term for term in terms if term in self.namespaces and term not in ROOTS]
        while ahead:
            term = ahead.pop()
            if term not in found:
                found.add(term)
                ahead += [parent for parent in self.parents[term] if parent not in ROOTS]
        return found


def read_graph(text: str) -> Graph:
    """Read ``parent <tab> child <tab> 1 <tab> relation``."""
    edges = [(row[1], row[0], row[3]) for row in (line.split("\t") for line in text.splitlines())]
    below = defaultdict(list)
    for child, parent, relation in edges:
        if relation == "is_a":
            below[parent].append(child)
    namespaces = {term: name for root, name in ROOTS.items() for term in reached(root, below)}
    parents = defaultdict(set)
    for child, parent, relation in edges:
        if relation in ("is_a", "part_of") and child in namespaces and namespaces[child] == namespaces.get(parent):
            parents[child].add(parent)
    return Graph({child: frozenset(found) for child, found in parents.items()}, namespaces)


def reached(start: str, ways: Mapping[str, Iterable[str]]) -> set[str]:
    """Return all that can be reached, the start included."""
    found, ahead = {start}, [start]
    while ahead:
        new = set(ways.get(ahead.pop(), ())) - found
        found |= new
        ahead += new
    return found


def annotations(text: str) -> dict[str, Terms]:
    """Read ``accession <tab> terms``. A term stands there once for each evidence, and which that was isn't stated."""
    rows = (line.split() for line in text.splitlines())
    return {row[0]: frozenset(row[1:]) for row in rows}


def order(text: str) -> str:
    """Return what proteins and annotations are sorted by: as good as a draw, and the same for everybody."""
    return hashlib.sha256(text.encode()).hexdigest()


def blast_database(index: bytes, headers: bytes, sequences: bytes) -> Iterator[tuple[str, str]]:
    """Read accessions and sequences of a protein database of BLAST, version 4 (ftp.ncbi.nlm.nih.gov: formatdb's)."""
    at = 8
    assert struct.unpack(">ii", index[:at]) == (4, 1), "no protein database of version 4"
    for _ in ("title", "date"):
        at += 4 + int.from_bytes(index[at : at + 4], "big")
    n = int.from_bytes(index[at : at + 4], "big")
    tables = np.frombuffer(index, ">i4", 2 * (n + 1), at + 16)  # behind the number of residues and the longest length
    for (head, head_end), (first, last) in zip(*(windows(table) for table in tables.reshape(2, n + 1)), strict=True):
        named = TITLE.search(headers, head, head_end)
        assert named is not None, "a header has no accession"
        codes = np.frombuffer(sequences, np.uint8, last - first - 1, first)  # a 0 parts the sequences
        yield named[1].decode(), NCBISTDAA[codes].tobytes().decode()


def windows(offsets: np.ndarray) -> list[tuple[int, int]]:
    """Return where each entry begins and ends."""
    return list(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True))


def chosen(kinds: Mapping[str, str]) -> list[str]:
    """Choose accessions of the kinds whose hash is smallest, a few of each kind, until there are enough."""
    members = defaultdict(list)
    for accession, kind in kinds.items():
        members[kind].append(accession)
    found: list[str] = []
    for kind in sorted(members, key=order):
        found += sorted(members[kind], key=order)[:MOST_OF_A_KIND]
        if len(found) >= N_PROTEINS:
            break
    return sorted(found[:N_PROTEINS])


class Slice(NamedTuple):
    """What is kept: accession to sequence and most specific terms, and the terms' table, as text."""

    sequences: dict[str, str]
    terms: dict[str, list[str]]
    table: str


def sliced(sequences: Mapping[str, str], annotated: Iterable[Mapping[str, Terms]], graph: Graph, names: str) -> Slice:
    """Choose the proteins and the terms, and bring their annotation up to date."""
    spaces = list(annotated)
    all_three = [name for name in sequences if all(name in space for space in spaces)]
    own = {name: sorted(set().union(*(space[name] for space in spaces))) for name in all_three}
    once = {sequences[name]: name for name in sorted(own, key=order, reverse=True)}  # of equal sequences, one
    kept = chosen({name: " ".join(own[name]) for text, name in once.items() if SHORTEST <= len(text) <= LONGEST})
    implied = {name: graph.above(own[name]) for name in kept}
    counts = Counter(term for found in implied.values() for term in found)
    terms = {term for term, count in counts.items() if count >= FEWEST}
    return Slice(
        {name: sequences[name] for name in kept},
        {n: lowest(implied[n] & terms, graph) for n in kept},
        term_table(terms, graph, names),
    )


def lowest(terms: set[str], graph: Graph) -> list[str]:
    """Return the terms that none of the others implies."""
    return sorted(terms - {parent for term in terms for parent in graph.parents[term]})


def term_table(terms: set[str], graph: Graph, names: str) -> str:
    """Return a line a term: id, namespace, name, and the terms right above it."""
    name_of = dict(line.split("\t", 1) for line in names.splitlines() if "\t" in line)
    place = {space: number for number, space in enumerate(ROOTS.values())}
    lines = ["term\tnamespace\tname\tparents"]
    for term in sorted(terms, key=lambda term: (place[graph.namespaces[term]], term)):
        above = ",".join(sorted(graph.parents[term] & terms))
        lines.append(f"{term}\t{graph.namespaces[term]}\t{name_of[term]}\t{above}")
    return "\n".join(lines) + "\n"
