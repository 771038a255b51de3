"""A comparison to files that other tools read: VCF, PAF, GFF3."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from genolab import __version__
from genolab.genomes import columns as col
from genolab.genomes.extend import Block
from genolab.genomes.overlaps import plus
from genolab.genomes.variants import COLUMNS

if TYPE_CHECKING:
    from genolab.genomes.comparison import Comparison

_TO_N = str.maketrans("RYSWKMBDHV", "NNNNNNNNNN")  # VCF has A C G T N
_PLAIN = " .:^*$@!+_?-|"  # what GFF3 leaves as it is in its first column and in Target


def write_vcf(comparison: "Comparison", path: Path) -> Path:
    """Write the variants; INFO tells kind, block and place in b."""
    a, b = comparison.a, comparison.b
    lines = ["##fileformat=VCFv4.3", f"##source=genolab {__version__}", f"##reference={a.name}"]
    lines += [f"##contig=<ID={_word(name)},length={length}>" for name, length in a.lengths.items()]
    lines += [
        '##INFO=<ID=KIND,Number=1,Type=String,Description="SNV, insertion, deletion or substitution">',
        '##INFO=<ID=BLOCK,Number=1,Type=Integer,Description="Block of the alignment, counted from 1">',
        '##INFO=<ID=BCHROM,Number=1,Type=String,Description="Chromosome of the other genome">',
        '##INFO=<ID=BPOS,Number=1,Type=Integer,Description="First base there, counted from 1">',
        '##INFO=<ID=BSTRAND,Number=1,Type=String,Description="Strand there: plus or minus">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype, haploid">',
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", _word(b.name)]),
    ]
    strands = {"+": "plus", "-": "minus"}
    for on, at, ref, alt, kind, block, b_on, b_at, strand in _within(comparison):
        info = f"KIND={kind};BLOCK={block};BCHROM={_word(b_on)};BPOS={b_at + 1};BSTRAND={strands[strand]}"
        lines.append(
            f"{_word(on)}\t{at + 1}\t.\t{ref.translate(_TO_N)}\t{alt.translate(_TO_N)}\t.\tPASS\t{info}\tGT\t1"
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _within(comparison: "Comparison") -> list[tuple[Any, ...]]:
    """Return the variants, in two where one goes over the origin of a: VCF has no letters beyond a contig's end.

    The second part is what is deleted from the contig's first base on, written with the base behind it.
    """
    table, lengths_a, lengths_b = comparison.variants, comparison.a.lengths, comparison.b.lengths
    rows = list(zip(*(table[name] for name in COLUMNS), strict=True))
    order = {name: number for number, name in enumerate(lengths_a)}
    found = []
    for row in rows:
        on, at, ref, alt, kind, block, b_on, b_at, strand = row
        room = lengths_a[on] - at
        if len(ref) <= room:
            found.append(row)
            continue
        if ref[:room] != alt:
            found.append((on, at, ref[:room], alt, kind, block, b_on, b_at, strand))
        behind = comparison.a.cut(on, len(ref) - room, len(ref) - room + 1).tobytes().decode()
        b_next = (b_at + (len(alt) if strand == "+" else -len(alt))) % lengths_b[b_on]
        found.append((on, 0, ref[room:] + behind, behind, "deletion", block, b_on, b_next, strand))
    return sorted(found, key=lambda row: (order[row[0]], row[1]))


def _word(text: str) -> str:
    """Return a text without what separates fields in VCF."""
    return quote(text, safe=" .:^*$@!+_?-|/()").replace(" ", "_")


def write_paf(comparison: "Comparison", path: Path) -> Path:
    """Write the blocks, one line each: b as query, a as target."""
    sizes_a, sizes_b = comparison.a.lengths, comparison.b.lengths
    lines = []
    for block in comparison.alignments:
        for part in _straight(block):
            (a_start, a_end), (b_start, b_end) = _places(part)
            counts = np.bincount(part.columns, minlength=4)
            query = [block.b.chromosome, sizes_b[block.b.chromosome], b_start, b_end, block.strand]
            target = [block.a.chromosome, sizes_a[block.a.chromosome], a_start, a_end]
            differing = counts.sum() - counts[col.SAME]
            tags = ["tp:A:P", f"NM:i:{differing}", f"AS:i:{part.score}", f"cg:Z:{col.to_cigar(part.columns)}"]
            lines.append("\t".join(map(str, [*query, *target, counts[col.SAME], counts.sum(), 60, *tags])))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_gff(comparison: "Comparison", path: Path) -> Path:
    """Write the blocks as matches of a; the parts of one block share its ID."""
    lines = ["##gff-version 3"]
    lines += [f"##sequence-region {_column(name)} 1 {length}" for name, length in comparison.a.lengths.items()]
    for number, block in enumerate(comparison.alignments, start=1):
        for part in _straight(block):
            (a_start, a_end), (b_start, b_end) = _places(part)
            identity = (part.columns == col.SAME).mean()
            target = f"{_column(block.b.chromosome).replace(' ', '%20')} {b_start + 1} {b_end} {block.strand}"
            told = f"ID=block{number};Target={target};identity={identity:.4f}"
            # The strand of b is told in Target: the match itself is the + strand of a.
            fields = [_column(block.a.chromosome), "genolab", "match", a_start + 1, a_end, part.score, "+", ".", told]
            lines.append("\t".join(map(str, fields)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _column(text: str) -> str:
    return quote(text, safe=_PLAIN)


def _straight(block: Block) -> Iterator[Block]:
    """Walk the parts of a block that don't go over an origin, without gaps at their ends."""
    in_a, in_b = col.places(block.columns)
    crossing = [
        int(np.searchsorted(places, strand.round - start))
        for places, strand, start in ((in_a, block.a, block.a_start), (in_b, block.b, block.b_start))
        if strand.round and start + places[-1] >= strand.round
    ]
    cuts = sorted({0, *crossing, len(block.columns)})
    for first, end in itertools.pairwise(cuts):
        both = np.flatnonzero(block.columns[first:end] < col.INSERTED)
        if len(both):
            yield block.part(first + int(both[0]), first + int(both[-1]) + 1)


def _places(part: Block) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return first base and end in a and in b, on their + strands."""
    first, last = plus(part.b, np.array([part.b_start, part.b_end - 1]), part.strand).tolist()
    a_start = int(plus(part.a, np.array([part.a_start]), "+")[0])
    return (a_start, a_start + part.a_end - part.a_start), (min(first, last), max(first, last) + 1)
