"""Genes become a tag for every base, by the stated rules."""

import numpy as np
import pandas as pd
import pytest
from toy_genomes import annotated, feature

import genolab as gl
from genolab.sequences.annotation import SWAP, TAGS, coding_genes, dubious_genes, tag_genome, trna_genes


def names(tags: np.ndarray) -> list[str]:
    return [TAGS[tag] for tag in tags]


def test_codon_positions_count_from_the_start_codon_on_either_strand() -> None:
    genome = annotated(
        30,
        feature("plus", 2, 8, "+", "gene"),
        feature("plus.1", 2, 8, "+", "CDS", parent="plus"),
        feature("minus", 20, 26, "-", "gene"),
        feature("minus.1", 20, 26, "-", "CDS", parent="minus"),
    )
    tags = tag_genome(genome)["chr"]
    assert names(tags[1:9]) == ["intergenic", *(f"coding+{k}" for k in (0, 1, 2, 0, 1, 2)), "intergenic"]
    assert names(tags[19:27]) == ["intergenic", *(f"coding-{k}" for k in (2, 1, 0, 2, 1, 0)), "intergenic"]


def test_the_frame_goes_on_behind_an_intron() -> None:
    genome = annotated(
        30,
        feature("gene", 0, 20, "-", "gene"),
        feature("gene.1", 0, 5, "-", "CDS", parent="gene"),
        feature("gene.2", 16, 20, "-", "CDS", parent="gene"),
    )
    tags = tag_genome(genome)["chr"]
    assert names(tags[16:20][::-1]) == ["coding-0", "coding-1", "coding-2", "coding-0"]
    assert set(names(tags[5:16])) == {"intron-"}
    assert names(tags[0:5][::-1]) == ["coding-1", "coding-2", "coding-0", "coding-1", "coding-2"]


def test_a_gene_without_its_start_begins_in_the_frame_that_its_phase_says() -> None:
    part = feature("gene.1", 3, 9, "+", "CDS", parent="gene", phase=2)
    tags = tag_genome(annotated(12, part))["chr"]
    assert names(tags[3:6]) == ["coding+1", "coding+2", "coding+0"]


def test_the_longest_coding_transcript_stands_for_its_gene() -> None:
    genome = annotated(
        40,
        feature("gene", 0, 30, "+", "gene"),
        feature("short", 0, 12, "+", "mRNA", parent="gene"),
        feature("long", 0, 30, "+", "mRNA", parent="gene"),
        feature("short.1", 0, 12, "+", "CDS", parent="short"),
        feature("long.1", 0, 30, "+", "CDS", parent="long"),
    )
    assert [(gene.name, gene.exons) for gene in coding_genes(genome)] == [("gene", ((0, 30),))]


def test_where_genes_overlap_the_longer_one_has_the_bases() -> None:
    genome = annotated(
        40,
        feature("short.1", 0, 12, "-", "CDS", parent="short"),
        feature("long.1", 6, 36, "+", "CDS", parent="long"),
    )
    tags = tag_genome(genome)["chr"]
    assert set(names(tags[:6])) == {"coding-0", "coding-1", "coding-2"}
    assert set(names(tags[6:36])) == {"coding+0", "coding+1", "coding+2"}


def test_dubious_genes_pseudogenes_and_transposons_are_no_genes() -> None:
    genome = annotated(
        60,
        feature("real", 0, 9, "+", "gene", orf_classification="Verified"),
        feature("real.1", 0, 9, "+", "CDS", parent="real"),
        feature("doubt", 12, 21, "+", "gene", orf_classification="Dubious"),
        feature("doubt.1", 12, 21, "+", "CDS", parent="doubt"),
        feature("ty", 24, 33, "+", "transposable_element_gene"),
        feature("ty.1", 24, 33, "+", "CDS", parent="ty"),
        feature("pseudo", 36, 45, "+", "pseudogene"),
        feature("pseudo.1", 36, 45, "+", "CDS", parent="pseudo"),
    )
    assert [gene.name for gene in coding_genes(genome)] == ["real"]
    assert [gene.name for gene in dubious_genes(genome)] == ["doubt"]
    assert [gene.name for gene in coding_genes(genome, dubious=True)] == ["real", "doubt"]


def test_a_trna_is_tagged_whole() -> None:
    genome = annotated(40, feature("t", 5, 15, "-", "tRNA"), feature("t.1", 5, 8, "-", "noncoding_exon", parent="t"))
    assert set(names(tag_genome(genome)["chr"][5:15])) == {"tRNA-"}
    assert [gene.exons for gene in trna_genes(genome)] == [((5, 15),)]


def test_the_reverse_complement_has_the_swapped_tags() -> None:
    there = feature("gene.1", 3, 12, "+", "CDS", parent="gene")
    back = feature("gene.1", 8, 17, "-", "CDS", parent="gene")
    assert (SWAP[tag_genome(annotated(20, there))["chr"]][::-1] == tag_genome(annotated(20, back))["chr"]).all()
    assert (SWAP[SWAP] == np.arange(len(TAGS))).all()


def test_a_gene_beyond_its_chromosome_is_an_error_that_names_both() -> None:
    genome = annotated(20, feature("gene.1", 12, 24, "+", "CDS", parent="gene"))
    with pytest.raises(ValueError, match=r"'gene' ends at 24 of 'chr'.*\{'chr': 20\}"):
        tag_genome(genome)


def test_a_genome_without_coding_parts_is_tagged_with_a_warning() -> None:
    genome = annotated(20, feature("e", 2, 8, "+", "exon"), feature("t", 2, 8, "+", "transcript"))
    with pytest.warns(UserWarning, match="no coding parts .* only exon, transcript"):
        assert not tag_genome(genome)["chr"].any()


def test_tags_of_an_annotation_alone_are_an_error_that_asks_for_the_sequence() -> None:
    genome = annotated(20, feature("e", 2, 8, "+", "CDS"))
    genome.uns["genome"]["lengths"] = {}
    with pytest.raises(KeyError, match=r"fasta='genome\.fa'"):
        tag_genome(genome)


def test_a_table_without_the_columns_is_an_error_that_names_them() -> None:
    with pytest.raises(KeyError, match=r"\['parent'\] are missing"):
        coding_genes(annotated(9, feature("gene.1", 0, 9, "+", "CDS")).obs.drop(columns="parent"))


def test_a_coding_part_on_no_strand_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"'gene.1' on '\.'"):
        coding_genes(annotated(9, feature("gene.1", 0, 9, ".", "CDS", parent="gene")))


def test_yeast_has_the_genes_that_its_annotators_count() -> None:
    genome = gl.data.fetch("yeast_genome")
    count = pd.Series([gene.chromosome for gene in coding_genes(genome)]).value_counts()
    assert count.to_dict() == {"chrII": 400, "chrI": 92}
    assert len(dubious_genes(genome)) == 81
    assert len(trna_genes(genome)) == 17
    for gene in coding_genes(genome):
        letters = "".join(gl.sequences.chromosome(genome, gene.chromosome, *exon) for exon in gene.exons)
        letters = letters if gene.strand == "+" else gl.sequences.reverse_complement(letters)
        assert letters[:3] == "ATG"
        assert letters[-3:] in {"TAA", "TAG", "TGA"}
        assert len(letters) % 3 == 0


def test_tags_are_what_windows_read() -> None:
    genome = gl.data.fetch("yeast_genome")
    genome.uns["genome"]["tags"] = gl.sequences.tag_genome(genome)
    windows = gl.sequences.windows(genome, 900, chromosomes=["chrI"], strands="both")
    dataset = gl.data.AnnDataset(windows, "genome/sequence", target="genome/tags")
    plus, minus = dataset.batch([20, 21]).target.numpy()
    assert (windows.obs["strand"].iloc[[20, 21]] == ["+", "-"]).all()
    assert (SWAP[plus][::-1] == minus).all()
    assert len(np.unique(plus)) > 1
