"""Gene finding measured: train on yeast's chromosome II, test on chromosome I, beside two baselines; and the speed.

A part of `sequence.py`. Nothing is chosen by chromosome I: the grammar's costs were chosen on chromosome II, tagged by
networks trained on the rest of it (`--only grammar` repeats that), the reading frames' least length and the codon
baseline's threshold on chromosome II, and every network trains for a fixed number of epochs.
"""

import importlib.util
import itertools
import tempfile
import time
from pathlib import Path
from typing import Any

import genome_comparison
import numpy as np
import pandas as pd
from anndata import AnnData

import genolab as gl
from genolab.genes import CodonBaseline, Grammar, Signals
from genolab.sequences.annotation import coding_genes, dubious_genes

TRAINING = {"epochs": 6, "batch_size": 2, "learning_rate": 4e-3, "weight_decay": 0.01, "clip_norm": 1.0}
FINE_EPOCHS = 2  # more, with a tenth of the learning rate
WINDOW = 4500
BASELINE = "reading frames"


def yeast() -> AnnData:
    genome = gl.data.fetch("yeast_genome")
    genome.uns["genome"]["tags"] = gl.sequences.tag_genome(genome)
    return genome


def tagger(genome: AnnData, seed: int, *, quick: bool, without: tuple[int, int] = (0, 0)) -> gl.genes.SequenceTagger:
    """Train on chromosome II, but for windows that reach into a stretch of it."""
    windows = gl.sequences.windows(genome, WINDOW, chromosomes=["chrII"])
    data = gl.data.AnnDataset(windows, "genome/sequence", target="genome/tags")
    outside = (windows.obs["end"] <= without[0]) | (windows.obs["start"] >= without[1])
    model = gl.genes.SequenceTagger(seed=seed)
    training = TRAINING | ({"epochs": 3} if quick else {})
    config = gl.RunConfig(seed=seed, threads=1, device="cpu", **training)
    run = gl.Run(model, data.subset(np.flatnonzero(outside)), None, config).start().wait()
    run.tune(learning_rate=TRAINING["learning_rate"] / 10).start(epochs=1 if quick else FINE_EPOCHS).wait()
    return model


def genes(*, quick: bool) -> dict[str, float]:
    """Find the genes of chromosome I; networks of several seeds, each beside the baselines."""
    genome = yeast()
    letters = {name: gl.sequences.chromosome(genome, name) for name in ("chrI", "chrII")}
    signals = Signals.learn(genome, {"chrII": letters["chrII"]})
    found = baselines(genome, letters)
    seeds = range(1 if quick else 5)
    for seed in seeds:
        began = time.process_time()
        model = tagger(genome, seed, quick=quick)
        print(f"seed {seed}: trained in {time.process_time() - began:.0f} CPU seconds", flush=True)
        tags = gl.genes.tag(model, genome, chromosome="chrI")
        found[f"tagger, seed {seed}"] = gl.genes.decode(tags, letters["chrI"], chromosome="chrI", signals=signals)
    figures = {}
    for name, ignored in (("a dubious gene is none", []), ("dubious genes count for nothing", dubious_genes(genome))):
        table = gl.genes.evaluate(found, genome, chromosomes=["chrI"], baseline=BASELINE, ignore=ignored)
        print(f"\nchromosome I, trained on chromosome II; {name}: F1 by level")
        print(wide(table, "f1").to_string())
        print("gain over the reading frames, whole genes\n" + gains(table).to_string())
        if not figures:
            ours = table[table["model"].str.startswith("tagger") & (table["class"] == "gene")].groupby("metric")
            figures = {"gene_f1": ours["value"].mean()["f1"], "gene_f1_gain_low": ours["low"].mean()["f1_gain"]}
    return figures


def baselines(genome: AnnData, letters: dict[str, str]) -> dict[str, pd.DataFrame]:
    """Return what needs no network, each with its own best settings for chromosome II."""

    def f1_on_two(table: pd.DataFrame) -> float:
        found = gl.genes.evaluate({"frames": table}, genome, chromosomes=["chrII"], levels=["gene"], n_boot=0)
        return float(found.set_index(["class", "metric"])["value"]["gene", "f1"])

    best = gl.genes.best_min_length({"chrII": letters["chrII"]}, f1_on_two)
    print(f"\nreading frames of at least {best} bases are best on chromosome II")
    codons = CodonBaseline().fit(genome, {"chrII": letters["chrII"]})
    return {
        BASELINE: gl.genes.open_reading_frames(letters["chrI"], min_length=best, chromosome="chrI"),
        "codons": codons.genes(letters["chrI"], chromosome="chrI"),
    }


def wide(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    chosen = table[table["metric"] == metric]
    return chosen.pivot_table(index="model", columns="class", values="value", sort=False).round(4)


def gains(table: pd.DataFrame) -> pd.DataFrame:
    chosen = table[(table["metric"] == "f1_gain") & (table["class"] == "gene")]
    return chosen.set_index("model")[["value", "low", "high"]].round(4)


def tagging(*, quick: bool) -> dict[str, float]:
    """Time how fast a chromosome is tagged, windows, memory and all, and how fast genes are decoded from that."""
    genome = yeast()
    model = gl.genes.SequenceTagger()
    name = "chrI" if quick else "chrII"
    length = genome.uns["genome"]["lengths"][name]
    letters = gl.sequences.chromosome(genome, name)
    tags = gl.genes.tag(model, genome, chromosome=name, end=27_000)
    gl.genes.decode(tags, letters[:27_000])  # compiled once
    began = time.process_time()
    tags = gl.genes.tag(model, genome, chromosome=name)
    tagged = time.process_time()
    gl.genes.decode(tags, letters)
    decoded = time.process_time()
    print(f"\n{name}, {length:,} bases: tagged in {tagged - began:.1f} CPU seconds, decoded in {decoded - tagged:.1f}")
    return {"tag_mbp_per_min": 60 * length / 1e6 / (tagged - began)}


# ---- bacteria, on request ---------------------------------------------------------------------------------------


def bacteria(*, quick: bool) -> dict[str, float]:
    """Hold reading frames of Helicobacter pylori against the genes that pyrodigal predicts, a prediction itself."""
    del quick
    if importlib.util.find_spec("pyrodigal") is None or not genome_comparison.PYLORI.is_file():
        print("\nleft out: pyrodigal or Debian's sibelia-examples isn't there")
        return {}
    with tempfile.TemporaryDirectory() as folder:
        opened = gl.genomes.open_genome(genome_comparison._pylori(Path(folder))[0])
    ((name, codes),) = opened.sequences.items()
    letters = codes.tobytes().decode()
    truth = predicted(letters, name)
    found = {
        f"{starts}, at least {length}": gl.genes.open_reading_frames(
            letters, min_length=length, starts=starts.split(), overlap=0.2, chromosome=name
        )
        for starts in ("ATG", "ATG GTG TTG")
        for length in (120, 210, 300, 360)
    }
    table = gl.genes.evaluate(found, truth, chromosomes=[name], levels=["gene", "start", "stop"], n_boot=0)
    print(f"\nH. pylori F32: {len(truth.obs) // 2:,} genes by pyrodigal; reading frames beside them, F1 by level")
    print(wide(table, "f1").to_string())
    return {}


def predicted(letters: str, name: str) -> AnnData:
    """Return pyrodigal's genes as an annotated genome."""
    import pyrodigal

    finder = pyrodigal.GeneFinder()
    finder.train(letters)
    rows = {}
    for number, gene in enumerate(finder.find_genes(letters), start=1):
        place = {
            "chromosome": name,
            "start": gene.begin - 1,
            "end": gene.end,
            "strand": "+" if gene.strand > 0 else "-",
        }
        rows[f"g{number}"] = place | {"kind": "gene", "parent": "", "phase": -1}
        rows[f"g{number}.CDS"] = place | {"kind": "CDS", "parent": f"g{number}", "phase": 0}
    genome = {"lengths": {name: len(letters)}, "circular": []}
    return AnnData(obs=pd.DataFrame.from_dict(rows, orient="index"), uns={"genome": genome})


# ---- how the grammar's costs were chosen ------------------------------------------------------------------------

FOLDS = ((0, 200_000), (200_000, 400_000), (400_000, 600_000), (600_000, 813_178))
CHOICES: dict[str, tuple[float, ...]] = {
    "emission_weight": (0.02, 0.03, 0.05),
    "gene_penalty": (8.0, 10.0, 13.0, 17.0),
    "intron_penalty": (11.0, 15.0, 20.0),
    "start_weight": (2.0, 3.0, 4.0),
    "splice_weight": (2.0, 3.0, 4.0),
}


def grammar(*, quick: bool) -> dict[str, float]:
    """Tag each quarter of chromosome II by a network trained on the others, and compare costs by whole genes found."""
    genome = yeast()
    quarters = [Quarter(genome, fold, seed, quick=quick) for seed, fold in enumerate(FOLDS)]
    rows = []
    for values in itertools.product(*CHOICES.values()):
        chosen = dict(zip(CHOICES, values, strict=True))
        right, found, there = np.sum([quarter.count(Grammar(**chosen)) for quarter in quarters], axis=0)
        rows.append(chosen | {"f1": 2 * right / (found + there)})
    print(pd.DataFrame(rows).sort_values("f1", ascending=False).round(4).to_string(index=False))
    return {}


class Quarter:
    """A stretch of chromosome II, tagged by a network that hasn't seen it."""

    def __init__(self, genome: AnnData, fold: tuple[int, int], seed: int, *, quick: bool) -> None:
        self.start, self.end = fold
        model = tagger(genome, seed, quick=quick, without=fold)
        whole = gl.sequences.chromosome(genome, "chrII")
        known = [gene for gene in coding_genes(genome) if gene.chromosome == "chrII"]
        self.genes = {(g.exons, g.strand) for g in known if g.start >= self.start and g.end <= self.end}
        others = [gene for gene in known if gene.end <= self.start or gene.start >= self.end]
        self.signals = Signals.learn(others, {"chrII": whole})
        self.letters = whole[self.start : self.end]
        self.tags = gl.genes.tag(model, genome, chromosome="chrII", start=self.start, end=self.end)

    def count(self, costs: Grammar) -> tuple[int, int, int]:
        """Return how many genes were found rightly, were found, and are there."""
        options: dict[str, Any] = {"signals": self.signals, "grammar": costs, "start": self.start}
        table = gl.genes.decode(self.tags, self.letters, chromosome="chrII", **options)
        found = {(gene.exons, gene.strand) for gene in coding_genes(table)}
        return len(found & self.genes), len(found), len(self.genes)
