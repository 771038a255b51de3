"""A comparison to files that other tools read: VCF, PAF, GFF3."""

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from genolab import __version__
from genolab.genomes import columns as col
from genolab.genomes.extend import Block
from genolab.genomes.genome import Genome
from genolab.genomes.variants import COLUMNS
from genolab.sequences.gff import write_gff3

_TO_N = str.maketrans("RYSWKMBDHV", "NNNNNNNNNN")  # VCF has A C G T N


def write_vcf(a: Genome, b: Genome, variants: pd.DataFrame, path: Path) -> Path:
    """Write variants; INFO has kind, block and position in b."""
    lines = ["##fileformat=VCFv4.3", f"##source=genolab {__version__}", f"##reference={a.name}"]
    lines += [f"##contig=<ID={_escaped(name)},length={length}>" for name, length in a.lengths.items()]
    lines += [
        '##INFO=<ID=KIND,Number=1,Type=String,Description="SNV, insertion, deletion or substitution">',
        '##INFO=<ID=BLOCK,Number=1,Type=Integer,Description="Block of the alignment, counted from 1">',
        '##INFO=<ID=BCHROM,Number=1,Type=String,Description="Chromosome of the other genome">',
        '##INFO=<ID=BPOS,Number=1,Type=Integer,Description="First base there, counted from 1">',
        '##INFO=<ID=BSTRAND,Number=1,Type=String,Description="Strand there: plus or minus">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype, haploid">',
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", _escaped(b.name)]),
    ]
    strands = {"+": "plus", "-": "minus"}
    for on, at, ref, alt, kind, block, b_on, b_at, strand in _split_at_origins(a, b, variants):
        info = f"KIND={kind};BLOCK={block};BCHROM={_escaped(b_on)};BPOS={b_at + 1};BSTRAND={strands[strand]}"
        ref, alt = ref.translate(_TO_N), alt.translate(_TO_N)  # noqa: PLW2901 - as VCF writes them
        lines.append(f"{_escaped(on)}\t{at + 1}\t.\t{ref}\t{alt}\t.\tPASS\t{info}\tGT\t1")
    return _write(lines, path)


def _write(lines: Sequence[str], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _split_at_origins(a: Genome, b: Genome, variants: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return the variants, in two where one goes over the origin of a: VCF has no bases beyond a contig's end.

    The second part is what is deleted from the contig's first base on, written with the base after it.
    """
    order = {name: number for number, name in enumerate(a.lengths)}
    rows = []
    for row in zip(*(variants[name] for name in COLUMNS), strict=True):
        on, at, ref, alt, kind, block, b_on, b_at, strand = row
        room = a.lengths[on] - at
        if len(ref) <= room:
            rows.append(row)
            continue
        if ref[:room] != alt:
            rows.append((on, at, ref[:room], alt, kind, block, b_on, b_at, strand))
        after = a.slice(on, len(ref) - room, len(ref) - room + 1).tobytes().decode()
        b_next = (b_at + (len(alt) if strand == "+" else -len(alt))) % b.lengths[b_on]
        rows.append((on, 0, ref[room:] + after, after, "deletion", block, b_on, b_next, strand))
    return sorted(rows, key=lambda row: (order[row[0]], row[1]))


def _escaped(text: str) -> str:
    return quote(text, safe=" .:^*$@!+_?-|/()").replace(" ", "_")


def _word(name: str) -> str:
    """Return a name without white space, which would be columns of a PAF."""
    return re.sub(r"\s", "_", name)


def write_paf(blocks: Sequence[Block], path: Path) -> Path:
    """Write blocks, one line each: b as query, a as target."""
    lines = []
    for part in (part for block in blocks for part in split_at_origins(block)):
        equal, size = int((part.columns == col.EQUAL).sum()), len(part.columns)
        query = [_word(part.b.chromosome), part.b.size, *part.b_span, part.strand]
        target = [_word(part.a.chromosome), part.a.size, part.a_start, part.a_end]
        tags = ["tp:A:P", f"NM:i:{size - equal}", f"AS:i:{part.score}", f"cg:Z:{col.to_cigar(part.columns)}"]
        lines.append("\t".join(map(str, [*query, *target, equal, size, 60, *tags])))
    return _write(lines, path)


def write_gff(a: Genome, blocks: Sequence[Block], path: Path) -> Path:
    """Write blocks as matches of a; the parts of one block share its ID."""
    rows = []
    for number, block in enumerate(blocks, start=1):
        for part in split_at_origins(block):
            b_start, b_end = part.b_span
            rows.append({
                "name": f"block{number}", "chromosome": part.a.chromosome, "kind": "match", "start": part.a_start,
                "end": part.a_end, "score": part.score,
                "strand": "+",  # of a; that of b is in Target
                "Target": (part.b.chromosome, b_start + 1, b_end, part.strand), "identity": f"{part.identity:.4f}",
            })  # fmt: skip
    columns = ["name", "chromosome", "kind", "start", "end", "score", "strand", "Target", "identity"]
    return write_gff3(pd.DataFrame(rows, columns=columns).set_index("name"), path, lengths=a.lengths)


def split_at_origins(block: Block) -> Iterator[Block]:
    """Yield the parts of a block that don't go over an origin, without gaps at their ends."""
    crossings = [
        int(np.searchsorted(positions, strand.circle))
        for positions, strand in zip(block.positions(), (block.a, block.b), strict=True)
        if strand.circle and positions[-1] >= strand.circle
    ]
    for first, end in itertools.pairwise(sorted({0, *crossings, len(block.columns)})):
        both = np.flatnonzero(block.columns[first:end] < col.INSERTION)
        if len(both):
            yield block.part(first + int(both[0]), first + int(both[-1]) + 1)
