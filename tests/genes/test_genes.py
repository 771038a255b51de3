"""Whole genes from tags: starts, stops, frames and splice sites hold, on either strand, and GFF3 reads back equal."""

import numpy as np
import pandas as pd
import pytest
from toy_genomes import annotated, gene

import genolab as gl
from genolab.genes import CodonBaseline, Grammar, Signals, Site, best_min_length, decode, open_reading_frames, to_gff3
from genolab.genes.decoding import _cuts
from genolab.genes.hmm import DONOR
from genolab.sequences import TAGS, coding_genes, tag_genome
from genolab.sequences.annotation import SWAP, trna_genes

STRICT = Grammar(emission_weight=1.0, coding_bonus=0.0, gene_penalty=5.0, intron_penalty=5.0, trna_penalty=5.0)
INTRON = "GTATGT" + "T" * 40 + "TACTAACTTTCAG"  # 59 bases, no stop codon that counts


def certain(tags: np.ndarray, share: float = 0.9) -> np.ndarray:
    """Return probabilities that say a tag for every base."""
    found = np.full((len(tags), len(TAGS)), (1 - share) / (len(TAGS) - 1), dtype=np.float32)
    found[np.arange(len(tags)), tags] = share
    return found


def exons(found: pd.DataFrame) -> list[tuple[str, tuple[tuple[int, int], ...]]]:
    return [(one.strand, one.exons) for one in coding_genes(found)]


def spliced(before: str, after: str) -> tuple[str, np.ndarray]:
    """Return a sequence with one gene of two exons, and its tags."""
    text = "C" * 20 + before + INTRON + after + "C" * 20
    at = 20 + len(before)
    parts = (20, at), (at + len(INTRON), len(text) - 20)
    return text, tag_genome(annotated(len(text), *gene("g", "+", *parts)))["chr"]


def both_ways(text: str, tags: np.ndarray) -> list[tuple[str, np.ndarray]]:
    return [(text, certain(tags)), (gl.sequences.reverse_complement(text), certain(SWAP[tags][::-1]))]


def test_a_single_gene_is_found_on_either_strand() -> None:
    text = "C" * 20 + "ATGAAACCCGGGTAA" + "C" * 20
    tags = tag_genome(annotated(len(text), *gene("g", "+", (20, 35))))["chr"]
    found = [exons(decode(scores, letters, grammar=STRICT)) for letters, scores in both_ways(text, tags)]
    assert found == [[("+", ((20, 35),))], [("-", ((20, 35),))]]


@pytest.mark.parametrize("split", [0, 1, 2])
def test_an_intron_is_found_wherever_it_splits_the_codons(split: int) -> None:
    whole = "ATG" + "GCC" * 12 + "TAA"
    at = 15 + split
    text, tags = spliced(whole[:at], whole[at:])
    plus, minus = (exons(decode(scores, letters, grammar=STRICT)) for letters, scores in both_ways(text, tags))
    first, second = (20, 20 + at), (20 + at + len(INTRON), len(text) - 20)
    assert plus == [("+", (first, second))]
    assert minus == [("-", tuple((len(text) - end, len(text) - start) for start, end in (second, first)))]


@pytest.mark.parametrize(("before", "after"), [("T", "AA"), ("T", "GA"), ("TA", "G"), ("TG", "A")])
def test_a_stop_codon_that_an_intron_splits_ends_the_gene(before: str, after: str) -> None:
    text, tags = spliced("ATGGCCGCCGCC" + before, after + "GCC" * 8 + "TAA")
    for letters, scores in both_ways(text, tags):
        for _, parts in exons(decode(scores, letters, grammar=STRICT)):
            assert sum(end - start for start, end in parts) != 12 + 3 + 24 + 3  # that would read through it


def test_a_gene_never_holds_a_stop_codon_in_its_frame_and_a_stop_elsewhere_does_no_harm() -> None:
    text = "C" * 20 + "ATGAAATAACCCGGGTAA" + "C" * 20
    tags = tag_genome(annotated(len(text), *gene("g", "+", (20, 38))))["chr"]
    assert ("+", ((20, 38),)) not in exons(decode(certain(tags), text, grammar=STRICT))
    text = "C" * 20 + "ATGAATAACCCGGGCTAA" + "C" * 20  # the same letters in another frame
    assert exons(decode(certain(tags), text, grammar=STRICT)) == [("+", ((20, 38),))]


def test_without_the_splice_consensus_there_is_no_intron() -> None:
    whole = "ATG" + "GCC" * 12 + "TAA"
    text, tags = spliced(whole[:18], whole[18:])
    for donor in ("GC", "GG"):
        damaged = text.replace("GTATGT", f"{donor}CTCC")
        assert all(len(parts) == 1 for _, parts in exons(decode(certain(tags), damaged, grammar=STRICT)))


def test_every_gene_decoded_from_noise_obeys_the_grammar() -> None:
    random = np.random.default_rng(0)
    text = "".join(random.choice(list("ACGT"), size=20_000))
    noise = random.dirichlet(np.full(len(TAGS), 0.3), size=200).astype(np.float32).repeat(100, axis=0)
    found = decode(
        noise, text, grammar=Grammar(emission_weight=1.0, gene_penalty=0.0, intron_penalty=0.0, trna_penalty=0.0)
    )
    genes = coding_genes(found)
    assert {one.strand for one in genes} == {"+", "-"}
    assert any(len(one.exons) > 1 for one in genes)
    end = 0
    for one in genes:
        assert one.start >= end
        end = one.end
        own = [one.exons, [text[a:b] for a, b in one.exons], [text[a:b] for a, b in one.introns]][1:]
        coding, introns = (
            own if one.strand == "+" else [gl.sequences.reverse_complement(p[::-1]) if p else [] for p in own]
        )
        codons = ["".join(coding)[k : k + 3] for k in range(0, one.length, 3)]
        assert codons[0] == "ATG"
        assert codons[-1] in {"TAA", "TAG", "TGA"}
        assert not {"TAA", "TAG", "TGA"} & set(codons[:-1])
        assert all(i.startswith("GT") and i.endswith("AG") and len(i) >= 40 for i in introns)
    trnas = trna_genes(found)
    assert trnas
    assert all(one.length >= 60 for one in trnas)


def test_a_gene_must_exceed_its_penalty() -> None:
    text = "C" * 20 + "ATGAAACCCGGGTAA" + "C" * 20
    scores = certain(tag_genome(annotated(len(text), *gene("g", "+", (20, 35))))["chr"])
    score = 15 * np.log(0.9 / 0.01)
    for penalty, count in ((score - 0.1, 1), (score + 0.1, 0)):
        assert len(coding_genes(decode(scores, text, grammar=Grammar(1.0, 0.0, gene_penalty=penalty)))) == count


def test_the_table_has_phases_parents_and_scores_and_counts_from_the_given_start() -> None:
    whole = "ATG" + "GCC" * 12 + "TAA"
    text, tags = spliced(whole[:16], whole[16:])
    found = decode(certain(tags), text, grammar=STRICT, chromosome="chrX", start=1000)
    assert found.index.tolist() == ["chrX.gene1", "chrX.gene1.CDS1", "chrX.gene1.CDS2"]
    assert found["kind"].tolist() == ["gene", "CDS", "CDS"]
    assert found["parent"].tolist() == ["", "chrX.gene1", "chrX.gene1"]
    assert found["phase"].tolist() == [-1, 0, 2]  # 16 bases before: one base of the sixth codon is there already
    assert found["start"].tolist() == [1020, 1020, 1036 + len(INTRON)]
    assert found["score"].tolist() == pytest.approx([0.9] * 3)


def test_learned_signals_prefer_the_start_that_looks_like_the_known_ones() -> None:
    random = np.random.default_rng(0)
    text, known = "", []
    for number in range(30):
        text += "".join(random.choice(list("CT"), size=40)) + "AAAAAAAAAAAA"
        known += gene(f"g{number}", "+", (len(text), len(text) + 33))
        text += "ATG" + "GCC" * 9 + "TAA"
    signals = Signals.learn(annotated(len(text), *known), {"chr": text})
    assert signals.start.weights.shape == (15, 4)
    assert not len(signals.donor.weights)  # no gene has an intron: fewer than ten teach nothing
    trial = "C" * 30 + "ATGCCC" + "A" * 12 + "ATG" + "GCC" * 9 + "TAA" + "C" * 20
    flat = np.full((len(trial), len(TAGS)), 1 / len(TAGS), dtype=np.float32)
    for weight, start in ((0.0, 30), (5.0, 48)):
        grammar = Grammar(emission_weight=0.0, coding_bonus=0.01, gene_penalty=0.0, start_weight=weight)
        assert exons(decode(flat, trial, signals=signals, grammar=grammar))[0][1][0][0] == start


def test_branch_points_are_learned_and_what_is_likelier_by_chance_is_no_splice_site() -> None:
    random = np.random.default_rng(0)
    text, known = "", []
    for number in range(20):
        text += "".join(random.choice(list("ACGT"), size=60))
        start, before = len(text), "ATG" + "GCC" * 10
        filler = "".join(random.choice(list("ACGT"), size=30))
        intron = "GTATGT" + filler + "TACTAAC" + "".join(random.choice(list("CT"), size=15)) + "TAG"
        text += before + intron + "GCC" * 10 + "TAA"
        first = start + len(before)
        known += gene(f"g{number}", "+", (start, first), (first + len(intron), len(text)))
    signals = Signals.learn(annotated(len(text), *known), {"chr": text})
    assert "".join("ACGT"[k] for k in signals.branch.weights.argmax(axis=1))[:5] == "TACTA"
    assert signals.first[0] > 0 > signals.first[1]
    donors = [one.introns[0][0] for one in coding_genes(annotated(len(text), *known))]
    scores = signals.constraint_scores(text)
    allowed = scores[DONOR, 0]
    assert np.isfinite(allowed[np.array(donors) - 1]).all()
    assert np.isfinite(allowed).sum() < 2 * len(donors) < text.count("GT")  # most of the other GTs are none


def test_bacterial_starts_are_a_matter_of_the_consensus() -> None:
    text = "C" * 20 + "GTGAAACCCGGGTAA" + "C" * 20
    scores = certain(tag_genome(annotated(len(text), *gene("g", "+", (20, 35))))["chr"])
    assert exons(decode(scores, text, grammar=STRICT)) == []
    bacterial = Signals(start=Site(("ATG", "GTG", "TTG")))
    assert exons(decode(scores, text, signals=bacterial, grammar=STRICT)) == [("+", ((20, 35),))]


def test_a_long_sequence_is_cut_where_it_is_most_probably_intergenic() -> None:
    intergenic = np.full(30_000, 0.2, dtype=np.float32)
    intergenic[8500:9500] = 0.9
    edges = _cuts(intergenic, 10_000)
    assert edges[0] == 0
    assert 8700 < edges[1] < 9300
    assert max(np.diff(edges)) <= 10_000
    assert edges[-1] == 30_000


def test_the_annotated_genes_of_yeast_can_all_be_decoded() -> None:
    genome = gl.data.fetch("yeast_genome")
    scores = certain(tag_genome(genome)["chrI"])
    found = decode(scores, gl.sequences.chromosome(genome, "chrI"), chromosome="chrI", grammar=STRICT)
    truth = [one for one in coding_genes(genome) if one.chromosome == "chrI"]
    assert exons(found) == [(one.strand, one.exons) for one in truth]
    assert [t.exons for t in trna_genes(found)] == [t.exons for t in trna_genes(genome) if t.chromosome == "chrI"]


def test_probabilities_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"each of the sequence's 9 bases, got the shape \(8, 11\)"):
        decode(np.ones((8, 11)), "ATGAAATAA")
    with pytest.raises(ValueError, match="finite"):
        decode(np.full((9, 11), np.nan), "ATGAAATAA")
    with pytest.raises(ValueError, match="gene_penalty"):
        Grammar(gene_penalty=-1)


# ---- GFF3 -------------------------------------------------------------------------------------------------------


def test_gff3_reads_back_as_it_was(tmp_path) -> None:
    whole = "ATG" + "GCC" * 12 + "TAA"
    text, tags = spliced(whole[:16], whole[16:])
    found = decode(certain(tags), text, grammar=STRICT, chromosome="chr;1,=%&\t2")
    found["note"] = ["a;b=c,d&e%20\tf", "", "é"]
    back = gl.data.read(to_gff3(found, tmp_path / "genes.gff3")).obs
    columns = list(found.columns)
    pd.testing.assert_frame_equal(back[columns], found, check_dtype=False, check_categorical=False)


def test_an_annotated_genome_goes_through_gff3_unchanged(tmp_path) -> None:
    genome = gl.data.fetch("yeast_genome")
    back = gl.data.read(to_gff3(genome.obs, tmp_path / "yeast.gff3")).obs
    pd.testing.assert_frame_equal(back[genome.obs.columns], genome.obs, check_dtype=False, check_categorical=False)


def test_a_name_for_two_features_is_refused(tmp_path) -> None:
    table = annotated(60, *gene("g", "+", (0, 9)), *gene("g", "+", (20, 29))).obs
    with pytest.raises(ValueError, match="'g' for 2"):
        to_gff3(table, tmp_path / "genes.gff3")


# ---- baselines --------------------------------------------------------------------------------------------------


def test_reading_frames_go_from_the_first_start_to_the_next_stop_on_both_strands() -> None:
    text = "CCATGATGAAATAGCC" + "TTATTTCAT"
    found = open_reading_frames(text, min_length=9)
    assert [(s, p[0]) for s, p in exons(found)] == [("+", (2, 14)), ("-", (16, 25))]
    assert found[found["kind"] == "gene"]["score"].tolist() == [4, 3]
    assert exons(open_reading_frames(text, min_length=12)) == [("+", ((2, 14),))]
    assert exons(open_reading_frames("GTGAAATAG", min_length=9, starts=("GTG",))) == [("+", ((0, 9),))]


def test_of_overlapping_frames_the_longer_is_taken_unless_overlap_is_allowed() -> None:
    text = "ATG" + "C" * 8 + "ATG" + "GCC" * 3 + "TAA" + "C" + "TAA"  # 11 + 15 bases: the frames end apart
    frames = {parts[0] for _, parts in exons(open_reading_frames(text, min_length=9, overlap=1.0))}
    apart = {parts[0] for _, parts in exons(open_reading_frames(text, min_length=9))}
    assert apart < frames
    assert max(frames, key=lambda part: part[1] - part[0]) in apart


def test_unknown_bases_close_no_frame_and_open_none() -> None:
    assert exons(open_reading_frames("ATGNNNAAATAA", min_length=9)) == [("+", ((0, 12),))]
    assert exons(open_reading_frames("ATNGAAATAA", min_length=6)) == []


def test_the_best_least_length_has_the_highest_score() -> None:
    text = "ATG" + "GCC" * 38 + "TAA" + "C" * 10 + "ATG" + "GCC" * 60 + "TAA"
    score = lambda table: -abs(len(coding_genes(table)) - 1)  # noqa: E731 - a score in a line
    best = best_min_length({"chr": text}, score)
    assert 120 < best <= 186
    assert len(coding_genes(open_reading_frames(text, min_length=best))) == 1


def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        open_reading_frames("ATGAAATAA", overlap=2)
    with pytest.raises(ValueError, match="three bases"):
        open_reading_frames("ATGAAATAA", starts=("AT",))


def test_the_codon_baseline_classifies_frames_by_their_codons() -> None:
    random = np.random.default_rng(0)
    text, known = "", []
    for number in range(60):  # genes of GCC and AAG, and frames of all codons that are no genes
        real = number % 2 == 0
        words = random.choice(["GCC", "AAG"] if real else ["GTT", "CAC", "TGG", "CTG"], size=40)
        text += "C" * 20
        if real:
            known += gene(f"g{number}", "+", (len(text), len(text) + 126))
        text += "ATG" + "".join(words) + "TAA"
    baseline = CodonBaseline().fit(annotated(len(text), *known), {"chr": text})
    found = {parts for _, parts in exons(baseline.genes(text, chromosome="chr"))}
    truth = {one.exons for one in coding_genes(annotated(len(text), *known))}
    assert len(found & truth) >= 28
    assert len(found - truth) <= 2
    with pytest.raises(ValueError, match="fit"):
        CodonBaseline().genes(text)
