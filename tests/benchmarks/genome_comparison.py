"""Comparing genomes measured: two mitochondria, two bacteria beside minimap2, and simulated pairs whose truth is known.

A part of `alignment.py`. The bacteria are two strains of Helicobacter pylori of Debian's package sibelia-examples; the
other aligner is minimap2 of Debian's package. What isn't installed is left out, with a message. All runs on one thread.
"""

import gzip
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import genolab as gl
from genolab.genomes import columns as col

PYLORI = Path("/usr/share/doc/sibelia/examples/Sibelia/Helicobacter_pylori/Helicobacter_pylori.fasta.gz")
TRANSITIONS = {"AG", "GA", "CT", "TC"}


def mitochondria(*, quick: bool) -> dict[str, float]:
    """Compare human's and orangutan's mitochondria, beside parasail from end to end on the rotated pair."""
    del quick
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        pair = gl.genomes.compare("human_mt", "orangutan_mt")
        genes = pair.shared_genes
        single = pair.variants.query("kind == 'SNV'")
        seconds.append(time.perf_counter() - began)
    turns = int(gl.genomes.is_transition(single).sum())
    other = _parasail(pair)
    rows = [("genolab", len(single), turns, len(single) - turns), ("parasail", *other)]
    print("\nhuman and orangutan mitochondria; parasail from end to end with 2, -3, gaps 5 and 2, on the rotated pair")
    print(pd.DataFrame(rows, columns=["", "substitutions", "transitions", "transversions"]).to_string(index=False))
    print(f"seconds with variants and genes, of three calls: {', '.join(f'{value:.2f}' for value in seconds)}")
    return {
        "mt_blocks": len(pair.blocks),
        "mt_substitutions_vs_parasail": len(single) / other[0],
        "mt_ts_tv": turns / (len(single) - turns),
        "mt_genes": len(genes),
        "mt_seconds": seconds[0],
    }


def _parasail(pair: gl.genomes.Comparison) -> tuple[int, int, int]:
    import parasail

    a = pair.a.sequences["MT_human"]
    (block,) = pair.alignments
    b = pair.b.slice("MT_orang", block.b_start, block.b_start + pair.b.length)
    matrix = parasail.matrix_create("ACGT", 2, -3)
    done = parasail.nw_trace_striped_32(b.tobytes().decode(), a.tobytes().decode(), 5, 2, matrix)
    columns = col.from_cigar(done.cigar.decode.decode())
    in_a, in_b = col.offsets(columns)
    at = np.flatnonzero(columns == col.MISMATCH)
    changes = [chr(one) + chr(two) for one, two in zip(a[in_a[at]], b[in_b[at]], strict=True)]
    turns = sum(change in TRANSITIONS for change in changes)
    return len(at), turns, len(at) - turns


def bacteria(*, quick: bool) -> dict[str, float]:
    """Compare two strains of Helicobacter pylori, and hold the blocks against minimap2's alignments."""
    del quick
    if not PYLORI.is_file():
        print(f"\nbacteria left out: {PYLORI} isn't there (apt-get install sibelia-examples)")
        return {}
    with tempfile.TemporaryDirectory() as folder:
        a, b = _pylori(Path(folder))
        began = time.perf_counter()
        pair = gl.genomes.compare(a, b, circular=True)
        variants = len(pair.variants)
        seconds = time.perf_counter() - began
        print(f"\nHelicobacter pylori, {pair.a.length:,} and {pair.b.length:,} bases: {pair!r}, {variants:,} variants")
        figures = {"bacteria_seconds": seconds}
        if shutil.which("minimap2") is None:
            print("minimap2 isn't there: the blocks aren't compared (apt-get install minimap2)")
            return figures
        began = time.perf_counter()
        command = ["minimap2", "-t1", "-x", "asm20", "-c", "--eqx", "--secondary=no", a, b]
        paf = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        print(f"seconds: genolab {seconds:.1f}, minimap2 {time.perf_counter() - began:.1f}")
        return figures | {"bacteria_agreement": _agreement(pair, paf)}


def _pylori(folder: Path) -> list[Path]:
    """Write the two genomes into files of their own."""
    paths = []
    for number, record in enumerate(gzip.decompress(PYLORI.read_bytes()).decode().split(">")[1:], start=1):
        paths.append(folder / f"strain{number}.fa")
        paths[-1].write_text(f">strain{number}\n{record.partition(chr(10))[2]}")
    return paths


def _agreement(pair: gl.genomes.Comparison, paf: str) -> float:
    """Return the share of the bases that minimap2 aligns, that lie under the same bases in our blocks."""
    ours = np.full(pair.a.length, -1)
    for block in pair.alignments:
        in_a, in_b = (
            places % size
            for places, size in zip(gl.genomes.aligned_bases(block), (pair.a.length, pair.b.length), strict=True)
        )
        ours[in_a] = pair.b.length - 1 - in_b if block.strand == "-" else in_b
    counts = np.zeros(4, dtype=np.int64)
    for line in paf.splitlines():
        in_a, in_b = _aligned(line.split("\t"))
        found = ours[in_a]
        counts += [len(in_a), (found == in_b).sum(), (found < 0).sum(), (np.abs(found - in_b) <= 20).sum()]
    total, same, none, near = counts.tolist()
    print(
        f"of {total:,} bases that minimap2 aligns: the same {same / total:.4f}, within 20 bases {near / total:.4f}, in "
        f"no block of ours {none / total:.4f}"
    )
    return same / total


def _aligned(fields: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the bases of target and query that lie under each other by a line of PAF."""
    (cigar,) = (field[5:] for field in fields if field.startswith("cg:Z:"))
    columns = col.from_cigar(cigar)
    in_a, in_b = col.offsets(columns)
    both = columns < col.INSERTION
    in_b = in_b + int(fields[2]) if fields[4] == "+" else int(fields[3]) - 1 - in_b
    return in_a[both] + int(fields[7]), in_b[both]


def simulated(*, quick: bool) -> dict[str, float]:
    """Find simulated variants again, at 5 % and, for the table, up to 30 % divergence, with inversions and moves."""
    rows = []
    for divergence in (0.05,) if quick else (0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3):
        found = [_found_again(divergence, seed) for seed in range(2 if quick else 4)]
        rows.append({"divergence": divergence, **pd.DataFrame(found).mean()})
    table = pd.DataFrame(rows).set_index("divergence")
    print(
        "\nsimulated circles of 200,000 bases, two inversions, two moves, a tenth of the changes gaps; means of seeds"
    )
    print(table.round(4).to_string())
    return {"variant_recall": table.loc[0.05, "recall"], "variant_precision": table.loc[0.05, "precision"]}


def _found_again(divergence: float, seed: int) -> dict[str, float]:
    """Compare a pair. A variant is found where place and letters are the same, after both are left-aligned."""
    truth = gl.genomes.simulate_genomes(
        200_000, divergence=divergence, n_inversions=2, n_translocations=2, circular=True, seed=seed
    )
    began = time.perf_counter()
    pair = gl.genomes.compare(truth.a, truth.b, circular=True)
    true, called = (_alleles(table) for table in (truth.variants, pair.variants))
    single = _alleles(truth.variants.query("kind == 'SNV'")), _alleles(pair.variants.query("kind == 'SNV'"))
    return {
        "recall": len(true & called) / len(true),
        "precision": len(true & called) / len(called),
        "SNV recall": len(single[0] & single[1]) / len(single[0]),
        "SNV precision": len(single[0] & single[1]) / len(single[1]),
        "in blocks": (pair.blocks["a_end"] - pair.blocks["a_start"]).sum() / pair.a.length,
        "blocks": len(pair.blocks),
        "segments": len(truth.segments),
        "seconds": time.perf_counter() - began,
    }


def _alleles(table: pd.DataFrame) -> set[tuple[int, str, str]]:
    return set(zip(table["position"], table["ref"], table["alt"], strict=True))


def plots(*, quick: bool) -> dict[str, float]:
    """Draw 100,000 variants: how long the figures take to build, and how large they are as JSON."""
    truth = gl.genomes.simulate_genomes(200_000 if quick else 2_200_000, divergence=0.05, n_inversions=2, seed=0)
    pair = gl.genomes.compare(truth.a, truth.b)
    n = len(pair.variants)
    rows = []
    for draw in (gl.genomes.plot.dotplot, gl.genomes.plot.synteny, gl.genomes.plot.variants):
        began = time.perf_counter()
        figure = draw(pair)
        seconds = time.perf_counter() - began
        rows.append({"figure": draw.__name__, "seconds": seconds, "JSON, kB": len(figure.to_json()) / 1e3})
    print(f"\nfigures of {n:,} variants")
    table = pd.DataFrame(rows).set_index("figure")
    print(table.round(2).to_string())
    return {"plot_seconds": float(table["seconds"].max()), "plot_json_kb": float(table["JSON, kB"].max())}


PARTS = {"mitochondria": mitochondria, "bacteria": bacteria, "simulated": simulated, "plots": plots}
