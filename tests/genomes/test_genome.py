"""gl.genomes: pairs whose relation is known on paper, and two mitochondria."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import genolab as gl
from genolab.genomes import columns as col
from genolab.genomes import extend
from genolab.genomes.chains import chain_anchors
from genolab.genomes.formats import split_at_origins
from genolab.genomes.seeds import choose_k, match_kmers, sample_kmers
from genolab.genomes.shared_genes import genes_of
from genolab.sequences.catalogue import build_circles
from genolab.sequences.encode import reverse_complement
from genolab.sequences.genome import genome_adata
from genolab.sequences.orfs import reading_frames


def random_dna(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def compared(a: str, b: str, **options) -> gl.genomes.Comparison:
    return gl.genomes.compare({"a": a}, {"b": b}, **options)


def alleles(table: pd.DataFrame) -> set[tuple]:
    return set(zip(table["position"], table["ref"], table["alt"], strict=True))


def check_columns(comparison: gl.genomes.Comparison) -> None:
    """Check each block's columns against the letters, and that no base is in two."""
    seen = [{name: np.zeros(size, int) for name, size in side.lengths.items()} for side in (comparison.a, comparison.b)]
    for row, block in zip(comparison.blocks.itertuples(), comparison.alignments, strict=True):
        a = comparison.a.slice(row.a_chromosome, row.a_start, row.a_end)
        b = comparison.b.slice(row.b_chromosome, row.b_start, row.b_end, row.strand)
        has_a, has_b = block.columns != col.INSERTION, block.columns != col.DELETION
        spelled = [np.full(len(block.columns), ord("-"), np.uint8) for _ in range(2)]
        spelled[0][has_a], spelled[1][has_b] = a, b
        assert np.array_equal((spelled[0] == spelled[1]) & (spelled[0] != ord("N")), block.columns == col.EQUAL)
        assert block.columns[0] == block.columns[-1] == col.EQUAL or row.a_end - row.a_start == len(
            comparison.a.sequences[row.a_chromosome]
        )
        in_a, in_b = gl.genomes.aligned_bases(block)
        lengths = comparison.a.lengths[row.a_chromosome], comparison.b.lengths[row.b_chromosome]
        np.add.at(seen[0][row.a_chromosome], in_a % lengths[0], 1)
        at = in_b % lengths[1]
        np.add.at(seen[1][row.b_chromosome], lengths[1] - 1 - at if row.strand == "-" else at, 1)
    assert max(int(counts.max()) for side in seen for counts in side.values()) <= 1


@pytest.fixture(scope="module")
def mitochondria() -> gl.genomes.Comparison:
    return gl.genomes.compare("human_mt", "orangutan_mt")


# --- two mitochondria


def test_the_mitochondria_are_one_block_round_the_circle(mitochondria) -> None:
    (block,) = mitochondria.blocks.itertuples()
    assert (block.a_start, block.a_end, block.strand) == (0, 16_569, "+")
    assert block.b_end - block.b_start == 16_499
    assert 0 <= block.b_start < 16_499 < block.b_end
    assert 0.84 < mitochondria.identity < 0.86
    check_columns(mitochondria)


def test_mitochondria_change_by_transitions_rather_than_transversions(mitochondria) -> None:
    single = mitochondria.variants.query("kind == 'SNV'")
    turns = (single["ref"] + single["alt"]).isin(["AG", "GA", "CT", "TC"]).sum()
    assert len(single) == mitochondria.blocks["mismatches"].sum()
    assert 3 < turns / (len(single) - turns) < 4


def test_substitutions_are_as_many_as_in_one_alignment_from_end_to_end(mitochondria) -> None:
    import parasail

    (block,) = mitochondria.alignments
    a = mitochondria.a.sequences["MT_human"].tobytes().decode()
    b = mitochondria.b.slice("MT_orang", block.b_start, block.b_end).tobytes().decode()
    matrix = parasail.matrix_create("ACGT", 2, -3)
    text = parasail.nw_trace_striped_32(b, a, 5, 2, matrix).cigar.decode.decode()
    single = mitochondria.variants.query("kind == 'SNV'")
    assert (col.from_cigar(text) == col.MISMATCH).sum() == pytest.approx(len(single), rel=0.02)


def test_all_37_genes_are_paired_with_their_namesakes(mitochondria) -> None:
    genes = mitochondria.shared_genes
    assert len(genes) == 37
    assert (genes["a_gene"] == genes["b_gene"]).all()
    assert genes["kind"].value_counts().to_dict() == {"tRNA": 22, "CDS": 13, "rRNA": 2}
    coding = genes[genes["kind"] == "CDS"].set_index("a_gene")
    # Cytochrome oxidase is the most, ATP8 the least conserved protein of mammals' mitochondria.
    assert coding["identity_protein"].idxmax() == "MT-CO1"
    assert coding["identity_protein"].idxmin() == "MT-ATP8"
    assert coding.loc["MT-CO1", "synonymous"] > 5 * coding.loc["MT-CO1", "nonsynonymous"]
    assert genes["identity_protein"].isna().sum() == 24
    assert coding.loc["MT-ND6", ["a_strand", "b_strand"]].tolist() == ["-", "-"]


def test_every_protein_gene_is_open_from_end_to_end(mitochondria) -> None:
    for genome in (mitochondria.a, mitochondria.b):
        for one in genes_of(genome):
            if one.kind == "CDS":
                gene = one.gene
                letters = genome.slice(gene.chromosome, gene.start, gene.end, gene.strand)
                assert len(gl.sequences.translate(letters, code=2)) >= len(letters) // 3 - 1, gene.name


def test_where_the_published_place_of_a_carried_over_gene_is_known_it_is_the_same() -> None:
    genes = gl.data.fetch("orangutan_mt").obs
    assert genes.loc["MT-CO2", ["start", "end"]].tolist() == [7_022, 7_706]


def test_files_are_read_by_other_tools(mitochondria, tmp_path: Path) -> None:
    import pysam

    with pysam.VariantFile(str(mitochondria.to_vcf(tmp_path / "mt.vcf"))) as opened:
        rows = list(opened)
    table = mitochondria.variants
    assert len(rows) == len(table)
    letters = mitochondria.a.sequences["MT_human"].tobytes().decode()
    for row, variant in zip(rows, table.itertuples(), strict=True):
        assert (row.pos - 1, row.ref, row.alts) == (variant.position, variant.ref, (variant.alt,))
        assert letters[row.start : row.stop] == row.ref
        assert row.info["BPOS"] == variant.b_position + 1
    lines = [line.split("\t") for line in mitochondria.to_paf(tmp_path / "mt.paf").read_text().splitlines()]
    assert [line[0] for line in lines] == ["MT_orang"] * 2  # the block goes over the orangutan's origin
    assert sum(int(line[3]) - int(line[2]) for line in lines) <= 16_499
    for line in lines:
        a, b = col.base_counts(col.from_cigar(line[-1].strip().removeprefix("cg:Z:")))
        assert (a, b) == (int(line[8]) - int(line[7]), int(line[3]) - int(line[2]))
    read = gl.data.read(mitochondria.to_gff(tmp_path / "mt.gff3"))
    assert read.obs["kind"].tolist() == ["match", "match"]


def test_a_vcf_is_read_whatever_its_chromosome_is_called(tmp_path: Path) -> None:
    import pysam

    known = "".join(np.random.default_rng(0).choice(list("ACGT"), 500))
    other = known[:200] + {"A": "C", "C": "G", "G": "T", "T": "A"}[known[200]] + known[201:]
    path = gl.genomes.compare({"a,b <c>": known}, {"x": other}).to_vcf(tmp_path / "variants.vcf")
    with pysam.VariantFile(str(path)) as rows:
        assert [(row.chrom, row.pos) for row in rows] == [("a%2Cb_%3Cc%3E", 201)]


def test_a_variant_over_the_origin_of_a_circle_is_valid_in_a_vcf(tmp_path: Path) -> None:
    import pysam

    text = "GATTC" + random_dna(2_990, 50) + "CTGAC"
    for other, n_rows in ((text[3:-3], 2), ("TC" + text[5:-2] + "GGG", 3), (text[3:], 1)):
        for strand, read in (("+", other), ("-", reverse_complement(other))):
            found = compared(text, read[1_000:] + read[:1_000], circular=True)
            with pysam.VariantFile(str(found.to_vcf(tmp_path / "circle.vcf"))) as opened:
                rows = list(opened)
            assert [row.pos for row in rows] == sorted(row.pos for row in rows)
            assert all(text[row.start : row.stop] == row.ref for row in rows), (n_rows, strand)
            assert len(rows) == n_rows
            assert apply_variants(text, rows) in 2 * other, (n_rows, strand)


def apply_variants(text: str, rows: list) -> str:
    """Return what variants make of a genome."""
    for row in reversed(rows):
        text = text[: row.start] + row.alts[0] + text[row.stop :]
    return text


def test_rna_is_translated_as_dna_is() -> None:
    assert gl.sequences.translate("AUGGCC") == gl.sequences.translate("ATGGCC") == "MA"


def test_the_control_region_differs_most(mitochondria) -> None:
    windows = mitochondria.windows(500)
    assert windows["end"].iloc[-1] == 16_569
    assert (windows["aligned"] == 1).all()
    least = windows["start"][windows["identity"].idxmin()]
    assert least >= 16_000 or least < 576
    weighed = (windows["identity"] * (windows["end"] - windows["start"])).sum()
    assert weighed == pytest.approx(mitochondria.blocks["matches"].sum())


# --- simulated pairs


def test_simulated_variants_are_found() -> None:
    pair = gl.genomes.simulate_genomes(60_000, divergence=0.05, seed=2)
    found = compared(pair.a["a"], pair.b["b"])
    true, called = alleles(pair.variants), alleles(found.variants)
    assert len(true & called) / len(true) > 0.985
    assert len(true & called) / len(called) > 0.985
    check_columns(found)


def test_large_genomes_are_compared_by_minimizers(monkeypatch) -> None:
    monkeypatch.setattr("genolab.genomes.comparison._DENSE", 0)
    pair = gl.genomes.simulate_genomes(60_000, divergence=0.05, n_inversions=1, seed=6)
    found = gl.genomes.compare(pair.a, pair.b)
    true, called = alleles(pair.variants), alleles(found.variants)
    assert len(true & called) / len(true) > 0.975
    assert found.blocks["strand"].tolist() == ["+", "-", "+"]
    check_columns(found)


@pytest.mark.parametrize("seed", range(8))
def test_variants_spell_both_genomes_whatever_their_order_strands_and_origins(seed: int) -> None:
    pair = gl.genomes.simulate_genomes(
        8_000,
        divergence=0.1,
        gaps=0.3,
        n_inversions=seed % 3,
        n_translocations=seed % 2,
        circular=seed % 4 > 1,
        seed=seed,
    )
    a, b = pair.a["a"] + pair.a["a"][1_000:2_000], pair.b["b"]
    b = reverse_complement(b) if seed > 4 else b
    found = compared(a, b, circular=pair.circular)
    check_columns(found)
    for row in found.variants.itertuples():
        assert (2 * a)[row.position :].startswith(row.ref)
        read, at = (b, row.b_position) if row.strand == "+" else (reverse_complement(b), len(b) - 1 - row.b_position)
        assert (2 * read)[at:].startswith(row.alt)
        assert row.kind in {"SNV", "substitution"} or row.ref[0] == row.alt[0]


def test_an_equal_base_stands_before_each_gap_however_the_block_was_found() -> None:
    core = "".join(np.random.default_rng(1).choice(list("ACGT"), 300))
    a = "GGGTTATCTGATTTAAGGATAATGAATTTTCGCAAAACTTGAAGGCACTGGCTCCTCCATT"[:60] + core
    b = "GGGTTCTCTGATTTCAGGATAATTAATTTTCGGCGGAAAAACTTGCAGGCACTGTCTCCTCCAATAAAATTGAA"[:64] + core
    found = compared(a, b)  # the match is the core, and the block grew from there to the left
    check_columns(found)
    assert found.blocks["cigar"].tolist() == ["5=1X8=1X8=1X8=4I1X8=1X8=1X8=1X300="]
    spelled = list(a)
    for row in found.variants.itertuples():
        assert "".join(spelled[row.position : row.position + len(row.ref)]) == row.ref  # none touches another
        spelled[row.position : row.position + len(row.ref)] = [row.alt, *[""] * (len(row.ref) - 1)]
    assert "".join(spelled) == b


def test_a_gap_moves_left_over_mismatches_and_its_score_rises_where_it_can() -> None:
    a, b = (np.frombuffer(text, dtype=np.uint8) for text in (b"ACGTT", b"ATT"))
    moved = col.left_align(col.from_cigar("1=1X2D1="), a, b)
    assert col.to_cigar(moved) == "1=2D2="
    assert col.column_scores(moved).sum() > col.column_scores(col.from_cigar("1=1X2D1=")).sum()


def test_inversions_moves_and_origins_are_found() -> None:
    pair = gl.genomes.simulate_genomes(100_000, n_inversions=2, n_translocations=2, circular=True, seed=3)
    found = gl.genomes.compare(pair.a, pair.b, circular=True)
    check_columns(found)
    assert (found.blocks["strand"] == "-").sum() == (pair.segments["strand"] == "-").sum() == 2
    ends = np.sort(np.concatenate([found.blocks["a_start"], found.blocks["a_end"]]) % 100_000)
    for edge in pair.segments["a_start"][1:]:
        assert np.abs(ends - edge).min() <= 25
    assert (found.blocks["a_end"] - found.blocks["a_start"]).sum() > 99_500


@pytest.mark.parametrize(("divergence", "covered"), [(0.0, 1.0), (0.15, 0.99), (0.25, 0.9)])
def test_divergence_is_measured_as_it_was_made(divergence: float, covered: float) -> None:
    pair = gl.genomes.simulate_genomes(30_000, divergence=divergence, gaps=0, seed=5)
    found = compared(pair.a["a"], pair.b["b"])
    assert (found.blocks["a_end"] - found.blocks["a_start"]).sum() >= covered * 30_000
    assert found.identity == pytest.approx(1 - len(pair.variants) / 30_000, abs=0.01)


def test_a_simulated_pair_is_what_it_says() -> None:
    pair = gl.genomes.simulate_genomes(
        8_000, divergence=0.1, gaps=0.3, n_inversions=1, n_translocations=1, circular=True, seed=8
    )
    assert (
        pair.b
        == gl.genomes.simulate_genomes(
            8_000, divergence=0.1, gaps=0.3, n_inversions=1, n_translocations=1, circular=True, seed=8
        ).b
    )
    round_b = 2 * pair.b["b"]
    for segment in pair.segments.itertuples():
        part, changes = pair.a["a"][segment.a_start : segment.a_end], pair.variants
        mine = changes[(changes["position"] >= segment.a_start) & (changes["position"] < segment.a_end)]
        for change in mine.iloc[::-1].itertuples():
            at = change.position - segment.a_start
            assert part[at : at + len(change.ref)] == change.ref
            part = part[:at] + change.alt + part[at + len(change.ref) :]
        made = round_b[segment.b_start : segment.b_end]
        assert part == (reverse_complement(made) if segment.strand == "-" else made)


@pytest.mark.parametrize(
    "wrong", [{"divergence": 0.7}, {"gaps": -1}, {"length": 0}, {"length": 1000, "n_translocations": 1}]
)
def test_simulating_nonsense_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"share|whole number|stretches"):
        gl.genomes.simulate_genomes(**wrong)


# --- pairs known on paper


def test_a_genome_is_itself_whatever_its_strand_and_origin() -> None:
    text = random_dna(5_000, 1)
    for other, circular in (
        (text, False),
        (reverse_complement(text), False),
        (text, True),
        (text[1234:] + text[:1234], True),
    ):
        found = compared(text, other, circular=circular)
        assert found.identity == 1.0
        assert len(found.blocks) == 1
        assert found.blocks["cigar"][0] == "5000="
        assert len(found.variants) == 0
    turned = reverse_complement(text[1234:] + text[:1234])
    found = compared(text, turned, circular=True)
    assert found.blocks["cigar"].tolist() == ["5000="]
    check_columns(found)


def test_variants_are_left_aligned_and_have_positions_in_both() -> None:
    left, right = random_dna(300, 2) + "C", "G" + random_dna(300, 3)
    a = left + "TTTT" + right
    found = compared(a, left + "TTT" + right).variants
    assert found[["position", "ref", "alt", "kind", "b_position"]].iloc[0].tolist() == [300, "CT", "C", "deletion", 300]
    found = compared(a, left + "TTTTTT" + right).variants
    assert found[["position", "ref", "alt", "kind"]].iloc[0].tolist() == [300, "C", "CTT", "insertion"]
    found = compared(a, reverse_complement(left + "TGTT" + right)).variants
    row = found.iloc[0]
    assert (row["position"], row["ref"], row["alt"], row["strand"]) == (302, "T", "G", "-")
    assert row["b_position"] == 606 - 1 - 302


def test_unrelated_genomes_have_no_block() -> None:
    found = compared(random_dna(50_000, 4), random_dna(50_000, 5))
    assert len(found.blocks) == len(found.variants) == len(found.shared_genes) == 0
    assert np.isnan(found.identity)
    assert "no homology" in repr(found)
    assert list(found.blocks)[:3] == ["block", "a_chromosome", "a_start"]
    assert list(found.variants)[:3] == ["chromosome", "position", "ref"]
    assert (found.windows(1_000)["aligned"] == 0).all()


@pytest.mark.parametrize("dull", ["N" * 20_000, "AC" * 10_000, "A" * 20_000])
def test_dull_stretches_make_no_block(dull: str) -> None:
    assert len(compared(dull, dull).blocks) == 0
    flanks = random_dna(2_000, 6), random_dna(2_000, 7)
    found = compared(flanks[0] + dull[:1_000] + flanks[1], flanks[0] + dull[:1_000] + flanks[1])
    assert found.blocks["matches"].sum() >= 3_900
    assert len(found.variants) == 0


@pytest.mark.parametrize(
    ("hole", "size"), [("N" * 8, 8), ("N" * 100, 100), ("N" * 100, 0)], ids=["8", "100", "inserted"]
)
def test_a_stretch_of_n_is_no_variant(hole: str, size: int) -> None:
    known = "".join(np.random.default_rng(0).choice(list("ACGT"), 1_000))
    found = compared(known, known[:400] + hole + known[400 + size :])
    assert len(found.blocks) == 1
    assert len(found.variants) == 0
    if size == len(hole):
        assert found.blocks["gaps"].tolist() == [0]


@pytest.mark.parametrize("copies", [40, 200])
def test_a_genome_of_one_repeat_is_like_itself(copies: int) -> None:
    unit = random_dna(500, 40)
    found = compared(unit * copies, unit * copies)
    assert found.blocks["matches"].sum() > 0.99 * 500 * copies if copies == 40 else "outside of repeats" in repr(found)


def test_a_repeat_is_left_out_where_other_kmers_are_shared() -> None:
    unit, text = random_dna(300, 41), random_dna(30_000, 42)
    found = compared(text + 40 * unit, 40 * unit + text)
    assert found.blocks["cigar"].str.startswith("30000=").any()


def test_of_many_contigs_each_finds_its_own() -> None:
    contigs = {f"c{number}": random_dna(400, 100 + number) for number in range(150)}
    turned = {name: reverse_complement(text) for name, text in reversed(contigs.items())}
    blocks = gl.genomes.compare(contigs, turned).blocks
    assert (blocks["a_chromosome"] == blocks["b_chromosome"]).all()
    assert (blocks["strand"] == "-").all()
    assert blocks["matches"].tolist() == [400] * 150


def test_sequences_shorter_than_a_kmer_have_no_block() -> None:
    assert len(compared("ACGT", "ACGT").blocks) == 0
    assert len(compared("A", random_dna(1_000, 1), circular=True).blocks) == 0


@pytest.mark.parametrize("circular", [False, True])
def test_fragments_of_one_alignment_are_extended_up_to_each_other_and_joined(monkeypatch, circular: bool) -> None:
    n, grow, extended = 30, extend._End.grow, []

    def counted(end: extend._End, columns: col.Columns) -> None:
        extended.append(len(columns))
        grow(end, columns)

    monkeypatch.setattr(extend._End, "grow", counted)
    order = np.roll(np.arange(n), 7)  # short elements in other places split what is shared
    parts = [(random_dna(900, 300 + i), random_dna(60, 400 + i), random_dna(60, 400 + order[i])) for i in range(n)]
    a, b = ("".join(part[0] + part[side] for part in parts) for side in (1, 2))
    found = compared(a, b[300:] + b[:300] if circular else b, circular=circular)
    check_columns(found)
    (block,) = found.blocks.itertuples()
    assert block.matches > 900 * n
    assert sum(extended) < 2 * len(a)  # not the genome again for each fragment


def test_each_chromosome_is_matched_with_its_own() -> None:
    one, two = random_dna(3_000, 8), random_dna(2_000, 9)
    found = gl.genomes.compare({"I": one, "II": two}, {"x": reverse_complement(two), "y": one})
    places = found.blocks[["a_chromosome", "b_chromosome", "strand", "a_end"]].to_numpy().tolist()
    assert places == [["I", "y", "+", 3_000], ["II", "x", "-", 2_000]]


def test_lower_case_and_u_are_read_as_dna() -> None:
    text = random_dna(1_000, 10)
    assert compared(text, text.lower().replace("t", "u")).blocks["cigar"].tolist() == ["1000="]


def test_a_genome_without_annotation_is_compared_by_its_path_and_as_a_source(tmp_path: Path) -> None:
    path = tmp_path / "strain.fa"
    path.write_text(f">one\n{random_dna(2_000, 19)}\n")
    source = gl.data.Source("strain", (gl.data.File("strain.fa", place=lambda: path),), build=build_circles)
    found = gl.genomes.compare(path, gl.data.fetch(source))
    assert found.identity == 1
    assert (found.a.name, found.b.name) == ("strain", "strain")
    assert (found.a.circular, found.b.circular) == (frozenset(), {"one"})
    assert found.b.features is None
    assert found.b.only("one").lengths == {"one": 2_000}
    with pytest.raises(KeyError, match="no chromosome 'two'"):
        found.b.only("two")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"a": "MKVLAAGIPE"}, "is DNA"),
        ({"a": ""}, "at least one base"),
        ({}, "at least one chromosome"),
        ("no_such_genome", "neither a data set nor a file"),
    ],
)
def test_what_is_no_genome_is_refused(given, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        gl.genomes.compare(given, {"b": "ACGT"})


@pytest.mark.parametrize("given", [None, b"ACGT", ["human_mt"], 5, {"a": None}, {"a": b"ACGT"}])
def test_what_is_of_no_kind_of_genome_is_refused_with_its_kind(given) -> None:
    with pytest.raises(TypeError, match=r"a genome is .*(NoneType|bytes|list|int)"):
        gl.genomes.compare(given, {"b": "ACGT"})


def test_other_arguments_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(ValueError, match=r"circular is True or False .* got 'yes'"):
        compared("ACGT", "ACGT", circular="yes")
    with pytest.raises(TypeError, match=r"genomes come as a list, such as .* got 'human_mt'"):
        gl.genomes.distances("human_mt")
    with pytest.raises(ValueError, match="gives one another name"):
        gl.genomes.distances([{"a": "ACGT"}, {"a": "ACGT"}])
    with pytest.raises(TypeError, match="DataFrame that distances"):
        gl.genomes.tree([[0, 1], [1, 0]])
    with pytest.raises(TypeError, match="decode bytes first"):
        gl.sequences.translate(b"ATG")


@pytest.mark.parametrize(
    "wrong",
    [
        {"k": 12}, {"k": 5}, {"k": 11.0}, {"k": "11"}, {"max_gap": 0}, {"max_gap": True}, {"min_score": 0},
        {"genetic_code": 99},
    ],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"k is|max_gap is|min_score is|genetic code"):
        compared("ACGT", "ACGT", **wrong)


# --- genes


def annotated(text: str, folder: Path, name: str, start: int, end: int, strand: str = "+", *, circular: bool = False):
    path = folder / f"{name}.fa"
    path.write_text(f">{name}\n{text}\n")
    row = {"chromosome": name, "start": start, "end": end, "strand": strand, "phase": 0, "parent": ""}
    obs = pd.DataFrame([row | {"kind": "gene"}, row | {"kind": "CDS", "parent": "g"}], index=["g", "g.CDS"])
    circles = [name] if circular else []
    return genome_adata(obs, {"fasta": str(path), "lengths": {name: len(text)}, "circular": circles})


def test_synonymous_and_other_changes_are_counted(tmp_path: Path) -> None:
    flanks = random_dna(200, 11), random_dna(200, 12)
    gene = "ATG" + "GCT" * 2 + random_dna(60, 13).replace("T", "C") + "AAA" + "TAA"
    other = gene.replace("ATGGCTGCT", "ATGGCCGTT")  # Ala Ala -> Ala Val
    a = annotated(flanks[0] + gene + flanks[1], tmp_path, "one", 200, 200 + len(gene))
    b = annotated(reverse_complement(flanks[0] + other + flanks[1]), tmp_path, "two", 200, 200 + len(gene), "-")
    row = gl.genomes.compare(a, b).shared_genes.iloc[0]
    assert (row["synonymous"], row["nonsynonymous"]) == (1, 1)
    assert row["identity_dna"] == pytest.approx(1 - 2 / len(gene))
    assert row["identity_protein"] == pytest.approx(1 - 1 / (len(gene) // 3 - 1))


def test_a_gene_over_the_origin_is_paired(tmp_path: Path) -> None:
    gene = "ATG" + random_dna(297, 14).replace("T", "C") + "TAA"
    text = gene + random_dna(3_000, 15)
    turned = text[100:] + text[:100]
    a = annotated(text, tmp_path, "one", 0, 303, circular=True)
    b = annotated(turned, tmp_path, "two", len(text) - 100, len(text) + 203, circular=True)
    row = gl.genomes.compare(a, b).shared_genes.iloc[0]
    assert (row["identity_dna"], row["identity_protein"], row["covered"]) == (1, 1, 1)


def test_without_annotation_reading_frames_are_paired() -> None:
    gene = "ATG" + random_dna(600, 16).replace("T", "C") + "TAA"
    text = random_dna(500, 17).replace("ATG", "ACG") + gene + random_dna(500, 18)
    genes = compared(text, text).shared_genes
    assert 500 in genes["a_start"].tolist()
    assert (genes["identity_protein"] == 1).all()


def test_reading_frames_are_those_of_the_code() -> None:
    text = "CC" + "ATA" + "TGA" * 5 + "AGA" + "GG"  # in mitochondria ATA is a start, TGA tryptophan and AGA a stop
    letters = np.frombuffer(text.encode(), np.uint8)
    assert (2, 23, "+") in reading_frames(letters, code=2, min_length=21)
    assert reading_frames(letters, code=1, min_length=9) == []
    text = random_dna(20_000, 30)
    found = reading_frames(np.frombuffer(text.encode(), np.uint8), min_length=120, overlap=0.0)
    known = gl.genes.open_reading_frames(text, min_length=120).query("kind == 'gene'")
    assert [list(frame) for frame in found] == known[["start", "end", "strand"]].to_numpy().tolist()


@pytest.mark.parametrize("size", [600, 601, 602])
def test_reading_frames_go_over_the_origin_of_a_circle(size: int) -> None:
    gene = "ATG" + random_dna(297, 16).replace("T", "C") + "TAA"
    text = gene + ("CTAA" * 80)[: size - 303]
    for turn in (0, 1, 100, 302, 303, 450):
        turned = text[turn:] + text[:turn]
        start = -turn % size
        for letters, strand in ((turned, "+"), (reverse_complement(turned), "-")):
            (found,) = reading_frames(
                np.frombuffer(letters.encode(), np.uint8), min_length=150, overlap=0.0, circular=True
            )
            first = start if strand == "+" else (size - start - 303) % size
            assert found == (first, first + 303, strand)
    genes = compared(turned, turned, circular=True).shared_genes
    assert 303 in (genes["a_end"] - genes["a_start"]).tolist()


@pytest.mark.parametrize("code", sorted(gl.sequences.GENETIC_CODES))
def test_genetic_codes_are_ncbis(code: int) -> None:
    from Bio.Data import CodonTable

    table = CodonTable.unambiguous_dna_by_id[code]
    for codon in (x + y + z for x in "TCAG" for y in "TCAG" for z in "TCAG"):
        known = table.forward_table.get(codon, "*")
        assert gl.sequences.translate(codon, code) == known.replace("*", "") or codon in table.stop_codons


def test_a_protein_ends_before_its_first_stop_and_skips_what_is_unknown() -> None:
    assert gl.sequences.translate("ATGNNNTAAGGG") == "MX"
    assert gl.sequences.translate("ATAGCCTGA", 2) == "MAW"
    with pytest.raises(ValueError, match="genetic code is one of"):
        gl.sequences.translate("ATG", 7)


# --- several genomes


def mutated(text: str, share: float, seed: int) -> str:
    rng = np.random.default_rng(seed)
    letters = np.array(list(text))
    chosen = rng.random(len(text)) < share
    letters[chosen] = [{"A": "C", "C": "G", "G": "T", "T": "A"}[letter] for letter in letters[chosen]]
    return "".join(letters)


def test_so_many_bases_are_substituted_as_are_asked_for() -> None:
    text = random_dna(10_000, 3) + "N" * 100
    other = gl.genomes.mutate(text, 0.1, seed=1)
    assert sum(one != two for one, two in zip(text, other, strict=True)) == pytest.approx(1000, abs=120)
    assert other.endswith("N" * 100)
    assert gl.genomes.mutate(text, 0.1, seed=1) == other
    assert gl.genomes.mutate(text, 0.0) == text


def test_distances_and_the_tree_find_the_pairs() -> None:
    from Bio import Phylo

    root = random_dna(10_000, 20)
    inner = {"x": mutated(root, 0.04, 1), "y": mutated(root, 0.04, 2)}
    genomes = [{f"{name}{i}": mutated(inner[name], 0.02, ord(name) * i)} for name in inner for i in (3, 4)]
    for options in ({}, {"model": "jc69"}, {"method": "kmers"}):
        table = gl.genomes.distances(genomes, **options)
        assert (np.diag(table) == 0).all()
        assert table.loc["x3", "x4"] == pytest.approx(0.04, abs=0.01)
        assert table.loc["x3", "y3"] == pytest.approx(0.12, abs=0.03)
    text = gl.genomes.tree(table)
    read = Phylo.read(io.StringIO(text), "newick")
    assert sorted(leaf.name for leaf in read.get_terminals()) == ["x3", "x4", "y3", "y4"]
    read.root_with_outgroup("y3", "y4")
    assert read.distance("x3", "x4") < 0.5 * read.distance("x3", "y3")
    figure = gl.genomes.plot.tree(text)
    branches, tips = figure.data
    assert {frozenset(tips.text[:2]), frozenset(tips.text[2:])} == {frozenset(("x3", "x4")), frozenset(("y3", "y4"))}
    assert max(x for x in branches.x if x is not None) == pytest.approx(0.06, abs=0.02)  # from the middle to a tip
    assert "are the closest" in figure.layout.title.text
    branches = gl.genomes.plot.tree("(a:0.002,b:0.15,(c:0.014,d:0.001):0.03);").data[0]
    assert max(x for x in branches.x if x is not None) == pytest.approx((0.15 + 0.03 + 0.014) / 2)


def test_distances_of_nonsense_are_refused() -> None:
    with pytest.raises(ValueError, match="two or more genomes"):
        gl.genomes.distances([{"a": "ACGT"}])
    with pytest.raises(ValueError, match="must be one of"):
        gl.genomes.distances([{"a": "ACGT"}, {"b": "ACGT"}], method="guess")
    missing = gl.genomes.distances(
        [{"a": random_dna(2_000, 1)}, {"b": random_dna(2_000, 2)}, {"c": random_dna(2_000, 3)}]
    )
    with pytest.raises(ValueError, match="nothing in common"):
        gl.genomes.tree(missing)
    with pytest.raises(ValueError, match="three or more"):
        gl.genomes.tree(missing.iloc[:2, :2])


# --- parts


def test_columns_and_cigars_are_the_same() -> None:
    columns = col.from_cigar("3=1X2I2=1D")
    assert col.to_cigar(columns) == "3=1X2I2=1D"
    assert col.base_counts(columns) == (7, 8)
    assert col.column_scores(columns).tolist() == [2, 2, 2, -4, -8, -1, 2, 2, -8]
    assert col.to_cigar(np.zeros(0, np.uint8)) == ""


def test_minimizers_of_both_strands_are_the_same() -> None:
    text = random_dna(2_000, 21)
    genomes = [gl.genomes.open_genome({"a": some}) for some in (text, reverse_complement(text))]
    one, other = (sample_kmers(genome, 15, 10) for genome in genomes)
    assert 250 < len(one.hash) < 500  # two of each eleven
    assert np.intersect1d(one.hash, other.hash).size > 0.95 * len(one.hash)
    (shared,) = match_kmers(one, other, [2_000], 15)
    assert shared[:3] == (0, 0, "-")
    assert (shared.anchors.a == shared.anchors.b).all()


def test_chains_come_round_a_circle_once() -> None:
    genome = gl.genomes.open_genome({"a": random_dna(1_000, 22)}, circular=True)
    kmers = sample_kmers(genome, 11, 1)
    (shared,) = match_kmers(kmers, kmers, [1_000], 11)
    (chain,) = chain_anchors(shared.anchors, genome.strand("a"), genome.strand("a"), max_gap=100, min_score=50)
    assert chain.anchors.length.sum() <= 1_000


def test_k_is_odd_and_grow_with_the_genome() -> None:
    lengths = [choose_k(bases) for bases in (1, 16_569, 100_000, 1_700_000, 10**9)]
    assert lengths == sorted(lengths)
    assert all(k % 2 for k in lengths)
    assert lengths[0] == 11


def test_blocks_over_origins_are_cut_into_straight_parts(mitochondria) -> None:
    parts = list(split_at_origins(mitochondria.alignments[0]))
    assert [part.a_end <= 16_569 and part.b_end <= 16_499 for part in parts] == [True, True]
