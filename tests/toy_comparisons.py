"""Small comparisons of two genomes, known on paper: blocks are given, and all else follows from them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

import genolab as gl
from genolab.genomes.columns import base_counts, from_cigar
from genolab.sequences.encode import reverse_complement

ToyBlock = tuple[str, int, str, int, str, str]  # a's chromosome, start in a, b's chromosome, start in b, strand, CIGAR


def genome(name: str, sequences: Mapping[str, str], **more: Any) -> gl.genomes.Genome:
    bases = {key: np.frombuffer(text.encode(), dtype=np.uint8) for key, text in sequences.items()}
    return gl.genomes.Genome(name, bases, **more)


def compared(a: gl.genomes.Genome, b: gl.genomes.Genome, blocks: list[ToyBlock]) -> gl.genomes.Comparison:
    """Return what `genolab.genomes.compare` would, of these blocks; starts are those on + strands."""
    return gl.genomes.Comparison(a, b, tuple(_block(a, b, *block) for block in blocks))


def _block(
    a: gl.genomes.Genome, b: gl.genomes.Genome, on: str, start: int, other: str, b_start: int, strand: str, cigar: str
) -> gl.genomes.Block:
    columns, one, two = from_cigar(cigar), a.strand(on), b.strand(other, strand)
    first = b_start if strand == "+" else b_start + base_counts(columns)[1] - 1
    return gl.genomes.Block(one, two, start, two.to_forward(first), columns)


def annotation(chromosome: str, *genes: tuple[str, str, int, int]) -> pd.DataFrame:
    """Return the features of genes, each a name, a strand, a start and an end, with one coding part."""
    rows = []
    for name, strand, start, end in genes:
        place = {"chromosome": chromosome, "start": start, "end": end, "strand": strand, "phase": 0}
        rows += [{"index": name, "kind": "gene", "parent": "", **place}]
        rows += [{"index": f"{name}.1", "kind": "CDS", "parent": name, **place}]
    return pd.DataFrame(rows).set_index("index").rename_axis(None)


def planted() -> gl.genomes.Comparison:
    """Return three blocks of a chromosome of 1,200 bases and a circle of 1,197.

    In the first, ``CTA`` of the gene cox is ``CTG`` in b (at 101, silent), ``ATG`` is ``ATC`` (at 104, M to I); six
    bases are missing in b from 200 on, and b has three more before 306. The second is inverted and lies over the origin
    of b. The third has no differences.
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
    return compared(ape, circle, [first, ("a", 400, "b", 994, "-", "400="), ("a", 800, "b", 197, "+", "400=")])
