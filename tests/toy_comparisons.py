"""Small comparisons of two genomes, known on paper: blocks are given, and all else follows from them."""

import re
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from genolab.genomes.genome import Genome
from genolab.sequences.encode import reverse_complement

Block = tuple[str, int, str, int, str, str]  # a's chromosome, start in a, b's chromosome, start in b, strand, CIGAR

_VARIANTS = ["chromosome", "position", "ref", "alt", "kind", "block", "b_chromosome", "b_position", "strand"]
_SHARED = ["a_gene", "b_gene", "identity_dna", "identity_protein"]
_SHARED += [f"{side}_{name}" for side in "ab" for name in ("chromosome", "start", "end", "strand")]


def genome(name: str, sequences: Mapping[str, str], **more: Any) -> Genome:
    letters = {key: np.frombuffer(text.encode(), dtype=np.uint8) for key, text in sequences.items()}
    return Genome(name, letters, more.pop("circular", frozenset()), **more)


def compared(a: Genome, b: Genome, blocks: list[Block], shared: list[tuple[Any, ...]] | None = None) -> Any:
    """Return what `genolab.genomes.compare` would, of these blocks."""
    table = pd.DataFrame([_row(number, block) for number, block in enumerate(blocks)])
    if not blocks:
        table = pd.DataFrame(columns=["block", "a_chromosome", "a_start", "a_end", "b_chromosome", "b_start", "b_end",
                                      "strand", "matches", "mismatches", "gaps", "identity", "cigar"])  # fmt: skip
    changes = [row for number, block in enumerate(blocks) for row in _variants(a, b, number, block)]
    columns = max(1, int(table[["matches", "mismatches", "gaps"]].to_numpy().sum())) if blocks else 1
    return SimpleNamespace(
        a=a,
        b=b,
        blocks=table,
        variants=pd.DataFrame(changes, columns=_VARIANTS),
        shared_genes=pd.DataFrame(shared or [], columns=_SHARED),
        identity=float(table["matches"].sum() / columns) if blocks else float("nan"),
        windows=lambda size: _windows(a, size),
    )


def _runs(cigar: str) -> list[tuple[int, str]]:
    return [(int(length), kind) for length, kind in re.findall(r"(\d+)([=XID])", cigar)]


def _row(number: int, block: Block) -> dict[str, Any]:
    on, start, other, b_start, strand, cigar = block
    total = {kind: sum(length for length, each in _runs(cigar) if each == kind) for kind in "=XID"}
    aligned = total["="] + total["X"]
    columns = sum(total.values())
    return {
        "block": number,
        "a_chromosome": on,
        "a_start": start,
        "a_end": start + aligned + total["D"],
        "b_chromosome": other,
        "b_start": b_start,
        "b_end": b_start + aligned + total["I"],
        "strand": strand,
        "matches": total["="],
        "mismatches": total["X"],
        "gaps": total["I"] + total["D"],
        "identity": total["="] / columns,
        "cigar": cigar,
    }


def _variants(a: Genome, b: Genome, number: int, block: Block) -> Iterator[tuple[Any, ...]]:
    on, start, other, b_start, strand, cigar = block
    width = sum(length for length, kind in _runs(cigar) if kind != "D")
    mine = a.letters[on].tobytes().decode() * 2
    yours = (b.letters[other].tobytes().decode() * 2)[b_start : b_start + width]
    yours = yours if strand == "+" else reverse_complement(yours)
    at, there = start, 0
    for length, kind in _runs(cigar):
        ref, alt = mine[at : at + length * (kind != "I")], yours[there : there + length * (kind != "D")]
        place = b_start + there if strand == "+" else b_start + width - 1 - there
        if kind == "X":
            yield from ((on, at + k, ref[k], alt[k], "SNV", number, other, place, strand) for k in range(length))
        elif kind in "ID":
            named = "insertion" if kind == "I" else "deletion"
            before = mine[at - 1]
            yield on, at - 1, before + ref, before + alt, named, number, other, place, strand
        at, there = at + len(ref), there + len(alt)


def _windows(a: Genome, size: int) -> pd.DataFrame:
    rows = [
        (name, start, min(start + size, length), 0.5)
        for name, length in a.lengths.items()
        for start in range(0, length, size)
    ]
    return pd.DataFrame(rows, columns=["chromosome", "start", "end", "identity"])


def annotation(chromosome: str, *genes: tuple[str, str, int, int]) -> pd.DataFrame:
    """Return the features of genes, each a name, a strand, a start and an end, with one coding part."""
    rows = []
    for name, strand, start, end in genes:
        place = {"chromosome": chromosome, "start": start, "end": end, "strand": strand, "phase": 0}
        rows += [{"index": name, "kind": "gene", "parent": "", **place}]
        rows += [{"index": f"{name}.1", "kind": "CDS", "parent": name, **place}]
    return pd.DataFrame(rows).set_index("index").rename_axis(None)


def planted() -> Any:
    """Return three blocks of a chromosome of 1,200 bases and a circle of 1,197.

    In the first, ``CTA`` of the gene cox is ``CTG`` in b (at 101, silent), ``ATG`` is ``ATC`` (at 104, M to I); six
    bases are missing in b from 200 on, and b has three more before 306. The second is inverted and lies over the origin
    of b. The third is all alike.
    """
    random = np.random.default_rng(4)
    a = "".join(random.choice(list("ACGT"), 1200))
    a = a[:99] + "CTAATG" + a[105:]
    b = a[:101] + "G" + a[102:104] + "C" + a[105:200] + a[206:306] + "GGG" + a[306:400]
    b += reverse_complement(a[400:800]) + a[800:]
    ape = genome("ape", {"a": a}, features=annotation("a", ("cox", "+", 90, 330), ("nad", "-", 280, 340)))
    circle = genome("<b>man</b>", {"b": b[600:] + b[:600]}, circular=frozenset({"b"}),
                    features=annotation("b", ("cox", "+", 687, 924)))  # fmt: skip
    first = ("a", 0, "b", 597, "+", "101=1X2=1X95=6D100=3I94=")
    blocks = [first, ("a", 400, "b", 994, "-", "400="), ("a", 800, "b", 197, "+", "400=")]
    return compared(ape, circle, blocks, [("cox", "cox", 0.95, 0.9, "a", 90, 330, "+", "b", 687, 924, "+")])
