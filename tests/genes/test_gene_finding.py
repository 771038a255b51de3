"""Gene finders are compared at five levels, by figures known on paper, with intervals over loci."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap
from toy_genomes import annotated, gene

import genolab as gl
from genolab.sequences.annotation import Gene


def table(*rows: list[dict]) -> pd.DataFrame:
    return annotated(10_000, *(row for rows_of in rows for row in rows_of)).obs


def figures(found: pd.DataFrame, truth: pd.DataFrame, **options) -> pd.Series:
    made = gl.genes.evaluate({"model": found}, truth, n_boot=0, **options)
    return made.set_index(["class", "metric"])["value"]


TRUTH = table(gene("a", "+", (100, 400)), gene("b", "-", (1000, 1300), (1400, 1600)), gene("c", "+", (3000, 3300)))


def test_the_truth_found_again_is_right_at_every_level() -> None:
    assert (figures(TRUTH, TRUTH) == 1).all()


def test_nothing_found_is_recall_zero_and_no_error() -> None:
    assert (figures(table(gene("x", "+", (9000, 9003))), TRUTH) == 0).all()


def test_each_level_counts_what_its_name_says() -> None:
    found = table(
        gene("a", "+", (160, 400)),  # start wrong, stop right
        gene("b", "-", (1000, 1300), (1400, 1540)),  # - strand: the start is the right end
        gene("d", "-", (3000, 3300)),  # the right place on the wrong strand
    )
    value = figures(found, TRUTH)
    assert value["base", "precision"] == pytest.approx((240 + 300 + 140) / (240 + 440 + 300))
    assert value["base", "recall"] == pytest.approx((240 + 300 + 140) / (300 + 500 + 300))
    assert value["exon", "precision"] == pytest.approx(1 / 4)
    assert value["exon", "recall"] == pytest.approx(1 / 4)
    assert value["start", "f1"] == 0
    assert value["stop", "precision"] == pytest.approx(2 / 3)
    assert value["gene", "f1"] == 0


def test_a_gene_is_matched_exactly_by_all_of_its_exons_on_its_strand() -> None:
    near = table(gene("x", "-", (100, 400)), gene("y", "-", (1000, 1300), (1400, 1600)), gene("z", "+", (3000, 3303)))
    matches = gl.genes.exact_matches({"truth": TRUTH, "near": near}, TRUTH)
    assert matches.index.tolist() == ["a", "b", "c"]
    assert matches["truth"].all()
    assert matches["near"].tolist() == [False, True, False]
    assert matches.loc["b", ["strand", "start", "end", "bases", "exons"]].tolist() == ["-", 1000, 1600, 500, 2]
    assert gl.genes.exact_matches({"truth": TRUTH}, TRUTH, chromosomes=["chrX"]).empty


def test_f1_lies_between_precision_and_recall() -> None:
    found = table(gene("a", "+", (100, 400)), gene("x", "+", (5000, 5300)))
    value = figures(found, TRUTH)
    assert value["gene", "precision"] == 1 / 2
    assert value["gene", "recall"] == 1 / 3
    assert value["gene", "f1"] == pytest.approx(0.4)


def test_what_was_found_on_ignored_genes_alone_counts_for_nothing() -> None:
    found = table(gene("a", "+", (100, 400)), gene("x", "+", (5000, 5300)), gene("y", "-", (5000, 5300)))
    ignored = [Gene("doubt", "chr", "+", ((5100, 5400),)), Gene("near", "chr", "+", ((350, 700),))]
    value = figures(found, TRUTH, ignore=ignored)
    assert value["gene", "precision"] == 1 / 2  # x is left out; y, on the other strand, is not; a is annotated
    assert value["gene", "recall"] == 1 / 3


def test_a_gain_is_the_difference_of_the_f1s_and_its_interval_is_paired() -> None:
    truth = table(*(gene(f"g{k}", "+", (100 * k, 100 * k + 60)) for k in range(80)))
    some = table(*(gene(f"g{k}", "+", (100 * k, 100 * k + 60)) for k in range(0, 80, 2)))
    made = gl.genes.evaluate({"half": some, "all": truth}, truth, baseline="half", n_boot=500)
    gene_level = made[made["class"] == "gene"].set_index(["model", "metric"])
    f1, gain = gene_level.loc[("half", "f1")], gene_level.loc[("all", "f1_gain")]
    assert gain["value"] == pytest.approx(1 - f1["value"])
    assert gain["low"] == pytest.approx(1 - f1["high"])  # the other model is right at every locus of every draw
    assert gain["high"] == pytest.approx(1 - f1["low"])
    assert ("half", "f1_gain") not in gene_level.index


def test_the_interval_is_the_one_of_drawing_loci() -> None:
    right = np.arange(80) % 4 != 0
    truth = table(*(gene(f"g{k}", "+", (100 * k, 100 * k + 60)) for k in range(80)))
    found = table(*(gene(f"g{k}", "+", (100 * k + (0 if right[k] else 3), 100 * k + 60)) for k in range(80)))
    made = gl.genes.evaluate({"model": found}, truth, n_boot=4000, seed=1).set_index(["class", "metric"])
    low, high = bootstrap((right,), np.mean, n_resamples=4000, method="BCa", rng=0).confidence_interval
    assert made.loc[("gene", "f1"), "value"] == right.mean()
    assert made.loc[("gene", "f1"), "low"] == pytest.approx(low, abs=0.015)
    assert made.loc[("gene", "f1"), "high"] == pytest.approx(high, abs=0.015)


def test_the_same_seed_gives_the_same_intervals() -> None:
    found = table(gene("a", "+", (100, 400)), gene("x", "+", (5000, 5300)))
    one, two = (gl.genes.evaluate({"model": found}, TRUTH, n_boot=50, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_only_the_asked_chromosomes_count() -> None:
    genome = gl.data.fetch("yeast_genome")
    found = genome.obs[genome.obs["chromosome"] == "chrI"]
    options = {"levels": ["gene", "stop"]}
    assert (figures(found, genome, chromosomes=["chrI"], **options) == 1).all()
    assert figures(found, genome, **options)["gene", "recall"] == pytest.approx(92 / 492)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(KeyError, match="'orfs' isn't one of the 1 methods"):
        gl.genes.evaluate({"model": TRUTH}, TRUTH, baseline="orfs")
    with pytest.raises(KeyError, match="intron"):
        gl.genes.evaluate({"model": TRUTH}, TRUTH, levels=["intron"])
    with pytest.raises(ValueError, match="no predicted genes"):
        gl.genes.evaluate({}, TRUTH)
    with pytest.raises(ValueError, match="no annotated genes on"):
        gl.genes.evaluate({"model": TRUTH}, TRUTH, chromosomes=["chrX"])


def test_one_metric_over_the_levels_is_a_figure_of_comparison() -> None:
    found = table(gene("a", "+", (100, 400)))
    made = gl.genes.evaluate({"model": found, "truth": TRUTH}, TRUTH, baseline="model", n_boot=20)
    f1 = made[made["metric"] == "f1"].assign(metric=lambda rows: rows["class"]).drop(columns="class")
    assert len(gl.plot.comparison(f1, baseline="model").data) >= len(gl.genes.LEVELS)
