"""Regions: BED, GFF3 and GTF, and whether they fit their sequence."""

import gzip

import numpy as np
import pandas as pd
import pytest

import genolab as gl
from genolab.genomes.genome import open_genome
from genolab.sequences.annotation import TAGS, coding_genes
from genolab.sequences.regions import check_within, read_regions

GFF3 = """##gff-version 3
##sequence-region chr1 1 100
chr1\tme\tgene\t11\t40\t.\t-\t.\tID=g1;Name=abc;Note=a%2C b%3B c;Ontology_term=GO:1,GO:2
chr1\tme\tmRNA\t11\t40\t.\t-\t.\tID=t1;Parent=g1
chr1\tme\tmRNA\t11\t30\t.\t-\t.\tID=t2;Parent=g1
chr1\tme\tCDS\t31\t40\t.\t-\t0\tParent=t1
chr1\tme\tCDS\t11\t20\t.\t-\t2\tParent=t1,t2
chr1\tme\trepeat\t50\t60\t3.5\t?\t.\tstart=odd
##FASTA
>chr1
ACGT
"""

GTF = """#!genome-build x
chr1\tme\tgene\t11\t60\t.\t+\t.\tgene_id "g1"; gene_name "abc";
chr1\tme\ttranscript\t11\t60\t.\t+\t.\tgene_id "g1"; transcript_id "t1"; tag "x"; tag "y";
chr1\tme\tCDS\t11\t20\t.\t+\t0\tgene_id "g1"; transcript_id "t1"; exon_number 1;
chr1\tme\tCDS\t31\t40\t.\t+\t2\tgene_id "g1"; transcript_id "t1"; exon_number 2;
chr1\tme\tstop_codon\t41\t42\t.\t+\t0\tgene_id "g1"; transcript_id "t1";
chr1\tme\tstop_codon\t58\t58\t.\t+\t1\tgene_id "g1"; transcript_id "t1";
"""


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_gff3_is_counted_from_zero_and_its_attributes_are_columns(tmp_path):
    found = read_regions(write(tmp_path, "a.gff3", GFF3))
    table = found.regions
    assert table.index.tolist() == ["g1", "t1", "t2", "t1.CDS", "t1.CDS-1", "t2.CDS", "chr1:49-60"]
    gene = table.loc["g1"]
    assert (gene["chromosome"], gene["start"], gene["end"], gene["strand"], gene["kind"]) == (
        "chr1",
        10,
        40,
        "-",
        "gene",
    )
    assert (gene["name"], gene["Note"], gene["Ontology_term"]) == ("abc", "a, b; c", "GO:1,GO:2")
    assert table.loc["t1.CDS-1", "parent"] == "t1"
    assert table.loc["t2.CDS", "parent"] == "t2"  # a row for each parent
    assert table["phase"].tolist() == [-1, -1, -1, 0, 2, 2, -1]
    repeat = table.iloc[-1]
    assert (repeat["strand"], repeat["score"], repeat["attribute_start"]) == (".", 3.5, "odd")
    assert found.lengths == {"chr1": 100}


def test_gtf_hangs_parts_on_transcripts_and_adds_the_stop_codon(tmp_path):
    table = read_regions(write(tmp_path, "a.gtf", GTF)).regions
    assert table.loc["g1", "name"] == "abc"
    assert table.loc["t1", "parent"] == "g1"
    assert table.loc["t1", "tag"] == "x,y"
    coding = table[table["kind"] == "CDS"]
    assert coding["parent"].tolist() == ["t1"] * 3
    assert list(zip(coding["start"], coding["end"], strict=True)) == [(10, 20), (30, 42), (57, 58)]
    assert coding["phase"].tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("attributes", "parent", "values"),
    [
        ('gene_id "g1"; transcript_id "t1"; tag "a"; note "x"; tag "b"; tag "a"', "t1", {"tag": "a,b", "note": "x"}),
        ('gene_id "g1";transcript_id "t1";note "x; tag \\"y";tag b', "t1", {"note": "x; tag \\", "tag": "b"}),
        ('gene_id "g1"; transcript_id ""; note heat  shock ; tag "";', "g1", {"note": "heat  shock"}),
    ],
)
def test_gtf_attributes_may_repeat_hold_semicolons_lack_quotes_or_be_empty(tmp_path, attributes, parent, values):
    text = f'chr1\tme\tgene\t1\t60\t.\t+\t.\tgene_id "g1"\nchr1\tme\texon\t1\t60\t.\t+\t.\t{attributes}\n'
    row = read_regions(write(tmp_path, "a.gtf", text)).regions.iloc[1]
    assert row["parent"] == parent
    assert {name: row[name] for name in ("note", "tag") if name in row} == values


def test_a_bare_name_of_augustus_may_end_with_a_semicolon(tmp_path):
    table = read_regions(write(tmp_path, "a.gtf", "chr1\tA\tgene\t1\t60\t.\t+\t.\tg1;\n")).regions
    assert table.index.tolist() == ["g1"]


def test_gff3_attributes_that_are_written_twice_are_both_kept(tmp_path):
    line = "chr1\tme\tgene\t1\t60\t.\t+\t.\tID=g1;Dbxref=a;Parent=p;Dbxref=b%2Cc;Parent=q;ID=g1\n"
    table = read_regions(write(tmp_path, "a.gff3", line)).regions
    assert table["Dbxref"].tolist() == ["a,b,c"] * 2
    assert table["parent"].tolist() == ["p", "q"]
    assert table.index.tolist() == ["g1", "g1-1"]


def test_bed_of_every_width(tmp_path):
    text = "# c\ntrack name=x\nbrowser hide all\nchr1\t0\t5\nchr1 5 9 named 7 -\n"
    text += "chr1\t2\t4\tn\t0\t.\t2\t4\t0,0,0\t1\t2\t0\n"
    table = read_regions(write(tmp_path, "a.bed", text)).regions
    assert table[["start", "end"]].to_numpy().tolist() == [[0, 5], [5, 9], [2, 4]]
    assert table["strand"].tolist() == [".", "-", "."]
    assert table.index.tolist() == ["chr1:0-5", "named", "n"]
    assert set(table["kind"]) == {"region"}


def test_peaks_and_packed_files(tmp_path):
    path = tmp_path / "a.narrowPeak.gz"
    path.write_bytes(gzip.compress(b"chr1\t0\t9\tp\t100\t.\t5.5\t3\t2\t4\n"))
    peak = read_regions(path).regions.iloc[0]
    assert (peak["signal"], peak["summit"]) == (5.5, 4)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.bed", "chr1\t0\n", "line 1 of .*a.bed has 2 columns"),
        ("a.bed", "chr1\t0\tx\n", "whole numbers, got '0' and 'x'"),
        ("a.bed", "chr1\t6\t5\n", "ends where it begins or after that.*got 6 to 5"),
        ("a.bed", "chrom\tstart\tend\n", "got 'start' and 'end'; a header begins with #"),
        ("a.bed", "# nothing\n\n", "holds no region"),
        ("a.bed", "chr1\t0\t5\tn\t0\tplus\n", "a strand is '\\+', '-' or '.', got 'plus'"),
        ("a.gff3", "chr1\ts\tgene\t1\t9\t.\t*\t.\tID=x\n", "line 1 of .*: a strand is '\\+', '-' or '.', got '\\*'"),
        ("a.gff3", "\nchr1\ts\tgene\t0\t9\t.\t+\t.\tID=x\n", "line 2 of .*begins at 1 or later"),
        ("a.gff3", "chr1\ts\tgene\t9\t1\t.\t+\t.\tID=x\n", "got 9 to 1"),
        ("a.gff3", "chr1 s gene 1 9\n", "has 5 columns; GFF3 and GTF have 9"),
        ("a.gff3", "chr1\ts\tCDS\t1\t9\t.\t+\t3\tID=x\n", "a phase is 0, 1, 2 or '.', got '3'"),
        ("a.gtf", "chr1\ts\tgene\t1\t9\t.\t?\t.\n", "has 8 columns"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, name, text, said):
    with pytest.raises(ValueError, match=said):
        read_regions(write(tmp_path, name, text))


def test_another_suffix_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"regions come as \.bed"):
        read_regions(tmp_path / "a.xls")
    with pytest.raises(FileNotFoundError, match="isn't there"):
        read_regions(tmp_path / "a.bed")


# ---- on a sequence ----------------------------------------------------------------------------------------------


@pytest.fixture
def sequence(tmp_path):
    return write(tmp_path, "g.fa", f">chr1\n{'ACGTT' * 20}\n>chr2\n{'A' * 30}\n")


def test_an_annotated_genome_knows_its_sequence(tmp_path, sequence):
    genome = gl.data.read(write(tmp_path, "a.gff3", GFF3), fasta=sequence)
    assert genome.uns["genome"] == {"fasta": str(sequence), "lengths": {"chr1": 100, "chr2": 30}, "circular": []}
    assert gl.sequences.chromosome(genome, "chr2") == "A" * 30
    row = genome.obs.loc["t1.CDS"]
    assert gl.sequences.chromosome(genome, "chr1", row["start"], row["end"], strand="-") == "AACGTAACGT"
    genome.write_h5ad(tmp_path / "g.h5ad")
    again = gl.data.read(tmp_path / "g.h5ad")
    assert gl.sequences.chromosome(again, "chr1", 0, 5) == "ACGTT"


def test_features_alone_have_no_sequence(tmp_path):
    genome = gl.data.read(write(tmp_path, "a.gff3", GFF3.partition("##FASTA")[0]))
    assert genome.uns["genome"]["lengths"] == {"chr1": 100}
    with pytest.raises(KeyError, match=r"fasta='genome.fa'"):
        gl.sequences.chromosome(genome, "chr1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1\t0\t5\n", r"theirs are \['1'\], the FASTA's \['chr1', 'chr2'\]. They differ in 'chr'"),
        ("scaffold\t0\t5\n", r"theirs are \['scaffold'\]"),
        ("chr1\t90\t101\n", "'chr1:90-101' is 90 to 101 of 'chr1', which has 100 bases"),
    ],
)
def test_regions_that_do_not_fit_are_refused(tmp_path, sequence, text, said):
    with pytest.raises(ValueError, match=said):
        gl.data.read(write(tmp_path, "a.bed", text), fasta=sequence)
    with pytest.raises(ValueError, match=said):
        gl.data.read(sequence, regions=write(tmp_path, "a.bed", text), window=5)


def test_regions_elsewhere_are_left_out_with_a_warning(tmp_path, sequence):
    path = write(tmp_path, "a.bed", "chr1\t0\t5\nchrM\t0\t5\nchrM\t1\t5\n")
    with pytest.warns(UserWarning, match=r"2 of 3 regions are left out: the FASTA has no \['chrM'\]"):
        assert gl.data.read(path, fasta=sequence).n_obs == 1


def test_another_assembly_is_noticed_by_its_length(tmp_path, sequence):
    path = write(tmp_path, "a.gff3", GFF3.replace("chr1 1 100", "chr1 1 99"))
    with pytest.raises(ValueError, match="one assembly: 'chr1' has 99 bases for the regions and 100 in the FASTA"):
        gl.data.read(path, fasta=sequence)


def test_a_feature_may_go_round_a_circular_chromosome(tmp_path, sequence):
    text = "chr2\tme\tregion\t1\t30\t.\t.\t.\tID=c;Is_circular=true\nchr2\tme\tgene\t26\t35\t.\t+\t.\tID=g\n"
    genome = gl.data.read(write(tmp_path, "a.gff3", text), fasta=sequence)
    assert genome.uns["genome"]["circular"] == ["chr2"]
    assert gl.sequences.chromosome(genome, "chr2", 25, 35) == "A" * 10
    with pytest.raises(ValueError, match="is 25 to 35 of 'chr2'"):
        gl.data.read(write(tmp_path, "b.gff3", text.replace("true", "false")), fasta=sequence)


def test_tables_are_checked_as_files_are(sequence):
    good = pd.DataFrame({"chromosome": ["chr1"], "start": [0], "end": [5], "strand": ["+"]}, index=["r"])
    assert gl.data.read(sequence, regions=good).n_obs == 1
    with pytest.raises(ValueError, match="got '1' for region 'r'"):
        gl.data.read(sequence, regions=good.assign(strand="1"))
    with pytest.raises(ValueError, match="at least one base, got 5 to 5"):
        gl.data.read(sequence, regions=good.assign(start=5))
    with pytest.raises(KeyError, match="are not in"):
        gl.data.read(sequence, regions=good.drop(columns="end"))
    with pytest.raises(ValueError, match="is -1 to 5"):
        gl.data.read(sequence, regions=good.assign(start=-1))


# ---- real data --------------------------------------------------------------------------------------------------


def test_the_yeast_genome_is_what_the_readme_says():
    genome = gl.data.fetch("yeast_genome")
    assert genome.n_obs == 1360
    kinds = genome.obs["kind"].value_counts()
    assert (kinds["gene"], kinds["CDS"], kinds["tRNA"]) == (573, 616, 17)
    assert (genome.obs["orf_classification"] == "Dubious").sum() == 81
    genes = genome.obs[genome.obs["kind"] == "gene"]
    assert genes["Ontology_term"].str.startswith("GO:").all()
    assert genome.uns["genome"]["lengths"] == {"chrI": 230_208, "chrII": 813_178}


def test_yeast_genes_begin_and_end_as_genes_do():
    genome = gl.data.fetch("yeast_genome")
    coding = genome.obs[genome.obs["kind"] == "CDS"]
    right = 0
    for parent, unsorted in coding.groupby("parent"):
        parts = unsorted.sort_values("start")
        strand = parts["strand"].iloc[0]
        exons = [
            gl.sequences.chromosome(genome, row["chromosome"], row["start"], row["end"]) for _, row in parts.iterrows()
        ]
        text = "".join(exons)
        text = gl.sequences.reverse_complement(text) if strand == "-" else text
        right += text.startswith("ATG") and text[-3:] in {"TAA", "TAG", "TGA"} and len(text) % 3 == 0
        assert genome.obs.loc[parent, "strand"] == strand
    assert right / coding["parent"].nunique() > 0.99


def test_the_phase_of_a_coding_part_is_what_the_parts_before_leave_open():
    genome = gl.data.fetch("yeast_genome")
    coding = genome.obs[genome.obs["kind"] == "CDS"]
    several = [parts for _, parts in coding.groupby("parent") if len(parts) > 1]
    assert len(several) > 20
    for parts in several:
        ordered = parts.sort_values("start", ascending=parts["strand"].iloc[0] == "+")
        length = (ordered["end"] - ordered["start"]).to_numpy()
        open_ = -(length.cumsum() - length) % 3
        assert ordered["phase"].tolist() == open_.tolist()


def test_check_within_keeps_the_order_of_the_table(sequence, tmp_path):
    path = write(tmp_path, "a.bed", "chr2\t3\t5\nchr1\t0\t5\n")
    table = check_within(read_regions(path), {"chr1": 100, "chr2": 30})
    assert table["chromosome"].tolist() == ["chr2", "chr1"]


# ---- files as people have them ----------------------------------------------------------------------------------


def gff3(*lines, top="##gff-version 3\n"):
    return top + "".join("\t".join(line.split(" ", 8)) + "\n" for line in lines)


def genes(path, **options):
    return [(gene.name, gene.chromosome, gene.exons) for gene in coding_genes(gl.data.read(path, **options))]


def test_a_gff3_may_hold_its_sequence(tmp_path):
    path = write(tmp_path, "prokka.gff", gff3("c1 P CDS 2 4 . + 0 ID=g1") + "##FASTA\n>c1 x\nAACG\nT\n")
    genome = gl.data.read(path)
    assert genome.uns["genome"]["lengths"] == {"c1": 5}
    assert gl.sequences.chromosome(genome, "c1", 1, 4) == "ACG"
    assert gl.sequences.windows(path, 5).n_obs == 1


def test_coding_parts_without_a_parent_are_genes_by_their_ids(tmp_path):
    lines = "c1 P CDS 10 99 . + 0 ID=g1", "c1 P CDS 150 209 . - 0 ID=g2", "c2 P CDS 20 79 . + 0 ID=g3"
    found = genes(write(tmp_path, "a.gff3", gff3(*lines)))
    assert found == [("g1", "c1", ((9, 99),)), ("g2", "c1", ((149, 209),)), ("g3", "c2", ((19, 79),))]
    lines = "c1 P CDS 10 30 . + 0 ID=g1", "c1 P CDS 50 90 . + 0 ID=g1", "c1 P CDS 50 90 . + 0 ID=g1-1"
    found = genes(write(tmp_path, "b.gff3", gff3(*lines)))
    assert found == [("g1", "c1", ((9, 30), (49, 90))), ("g1-1", "c1", ((49, 90),))]


def test_coding_parts_that_name_nothing_are_genes_each_and_a_warning_says_so(tmp_path):
    path = write(tmp_path, "a.gff3", gff3("c1 x CDS 1 9 . + 0 .", "c1 x CDS 21 29 . - 0 note=a"))
    with pytest.warns(UserWarning, match=r"without ID and Parent count each as a gene of its own \(2\)"):
        assert genes(path) == [("c1:0-9", "c1", ((0, 9),)), ("c1:20-29", "c1", ((20, 29),))]


def test_one_transcript_on_two_chromosomes_is_a_gene_on_each(tmp_path):
    line = '{} e {} {} {} . + 0 gene_id "G1"; transcript_id "T1";'
    places = [("chrX", 10, 39), ("chrX", 61, 90), ("chrY", 10, 39), ("chrY", 61, 90)]
    lines = [line.format(on, "CDS", start, end) for on, start, end in places]
    lines += [line.format(on, "stop_codon", 91, 93) for on in ("chrX", "chrY")]
    found = genes(write(tmp_path, "a.gtf", gff3(*lines)))
    assert found == [("G1", on, ((9, 39), (60, 93))) for on in ("chrX", "chrY")]


def test_a_gene_whose_parts_lie_on_both_strands_or_are_trans_spliced_is_left_out_with_a_warning(tmp_path):
    lines = "c1 x CDS 1 9 . + 0 ID=a;Parent=rps12", "c1 x CDS 21 29 . - 0 ID=a;Parent=rps12"
    lines += ("c1 x CDS 41 49 . + 0 ID=b;Parent=nad1;exception=trans-splicing", "c1 x CDS 51 59 . + 0 ID=c;Parent=ok")
    with pytest.warns(UserWarning, match=r"left out, whose parts .* \(2: rps12, nad1\)"):
        assert genes(write(tmp_path, "a.gff3", gff3(*lines))) == [("ok", "c1", ((50, 59),))]


def test_isoforms_are_one_gene_whatever_their_transcripts_are_called(tmp_path):
    lines = ["c1 x gene 1 60 . + . ID=g;Parent=operon", "c1 x V_gene_segment 1 60 . + . ID=v;Parent=g"]
    lines += ["c1 x primary_transcript 1 30 . + . ID=p;Parent=g", "c1 x gene 70 90 . + . ID=h;Parent=operon"]
    lines += ["c1 x CDS 1 60 . + 0 Parent=v", "c1 x CDS 1 30 . + 0 Parent=p", "c1 x CDS 70 90 . + 0 Parent=h"]
    lines += ["c1 x operon 1 90 . + . ID=operon", "c1 x CDS 100 130 . + 0 ID=dead;pseudo=true"]
    assert genes(write(tmp_path, "a.gff3", gff3(*lines))) == [("g", "c1", ((0, 60),)), ("h", "c1", ((69, 90),))]


def test_a_gtf_without_rows_of_transcripts_knows_its_genes_by_gene_id(tmp_path):
    lines = ["c1 A gene 1 60 . + . g1", "c1 A transcript 1 60 . + . g1.t1"]  # as Augustus writes them
    lines += [
        f'c1 A CDS 1 {end} . + 0 transcript_id "g1.{name}"; gene_id "g1";' for name, end in (("t1", 60), ("t2", 30))
    ]
    lines += ["c1 A CDS 100 129 . + 0 gene_id g 2; transcript_id t3"]
    for name in ("a.gtf", "b.gff"):
        path = write(tmp_path, name, gff3(*lines, top=""))
        assert read_regions(path).regions.index.tolist()[:2] == ["g1", "g1.t1"]
        found = genes(path)
        assert found == [("g1", "c1", ((0, 60),)), ("g 2", "c1", ((99, 129),))]


def test_one_transcript_id_of_many_genes_joins_nothing(tmp_path):
    line = 'MT N {} {} {} . + 0 gene_id "{}"; transcript_id "unknown_transcript_1";'
    rows = [("transcript", 1, 5, "TRNF"), ("CDS", 10, 39, "ATP8"), ("CDS", 35, 90, "ATP6"), ("gene", 1, 5, "TRNF")]
    rows += [("gene", 10, 42, "ATP8"), ("gene", 35, 93, "ATP6"), ("stop_codon", 40, 42, "ATP8")]
    rows += [("stop_codon", 91, 93, "ATP6")]
    found = genes(write(tmp_path, "a.gtf", gff3(*(line.format(*row) for row in rows), top="")))
    assert found == [("ATP8", "MT", ((9, 42),)), ("ATP6", "MT", ((34, 93),))]


def test_attributes_go_to_the_end_of_the_line(tmp_path):
    text = "chrX\te\tCDS\t11\t40\t.\t+\t0\tID=c1;Note=heat\tshock;Parent = t1\n"
    row = read_regions(write(tmp_path, "a.gff3", text)).regions.iloc[0]
    assert (row["parent"], row["Note"]) == ("t1", "heat\tshock")


def test_spaces_for_tabs_are_read_with_a_warning(tmp_path):
    path = write(tmp_path, "a.gff3", "chrX e  CDS 11 40 . + 0 ID=c1;Note=heat shock;Parent=t1\n")
    with pytest.warns(UserWarning, match=r"lines without the tabs .* split at white space \(1\)"):
        row = read_regions(path).regions.iloc[0]
    assert (row["parent"], row["Note"], row["start"]) == ("t1", "heat shock", 10)


def test_a_region_without_a_base_is_left_out_with_a_warning(tmp_path):
    path = write(tmp_path, "a.bed", "chrX\t10\t40\tp1\nchrX\t50\t50\tins\nchrX\t60\t70\tp3\n")
    with pytest.warns(UserWarning, match=r"regions without a base are left out \(1\)"):
        assert read_regions(path).regions.index.tolist() == ["p1", "p3"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_marks_and_line_ends_are_no_part_of_regions(tmp_path, encoding, end):
    path = tmp_path / "a.gff3.bgz"
    path.write_bytes(gzip.compress(gff3("chrX e gene 1 9 . + . ID=é", top="").replace("\n", end).encode(encoding)))
    table = read_regions(path).regions
    assert table.index.tolist() == ["é"]
    assert table["chromosome"].tolist() == ["chrX"]
    assert table.shape[1] == 8


# ---- over the origin --------------------------------------------------------------------------------------------

CIRCLE = "c1 R region 1 1000 . + . ID=c1;Is_circular=true"


@pytest.mark.parametrize(
    "lines",
    [
        ["c1 R CDS 951 1100 . {} 0 ID=cds1;Parent=gene1"],
        ["c1 R CDS 951 1000 . {} 0 ID=cds1;Parent=gene1", "c1 R CDS 1 100 . {} 0 ID=cds1;Parent=gene1"],
        ["c1 R CDS 1 100 . {} 0 ID=gene1", "c1 R CDS 951 1000 . {} 0 ID=gene1"],
    ],
)
@pytest.mark.parametrize("strand", "+-")
def test_a_gene_over_the_origin_is_tagged_on_both_sides_and_has_no_intron(tmp_path, lines, strand):
    (tmp_path / "c.fa").write_text(">c1\n" + "A" * 1000)
    path = write(tmp_path, "a.gff3", gff3(CIRCLE, *(line.format(strand) for line in lines)))
    genome = gl.data.read(path, fasta=tmp_path / "c.fa")
    (gene,) = coding_genes(genome)
    assert (gene.name, gene.exons) == ("gene1", ((950, 1100),))
    tags = gl.sequences.tag_genome(genome)["c1"]
    expected = [TAGS.index(f"coding{strand}{position}") for position in range(3)] * 50
    assert np.roll(tags, 50)[:150].tolist() == (expected if strand == "+" else expected[::-1])
    assert not tags[100:950].any()
    genome.uns["genome"]["tags"] = {"c1": tags}
    window = gl.sequences.windows(genome, 150, regions=genome.obs.iloc[[1]])
    read = gl.data.AnnDataset(window, "genome/sequence", target="genome/tags").batch([0]).target.numpy()[0]
    assert read.tolist() == [TAGS.index(f"coding+{position}") for position in range(3)] * 50 or strand == "-"
    assert (read != 0).all()


def test_the_phase_of_a_gene_over_the_origin_is_that_of_its_first_part(tmp_path):
    lines = "c1 R CDS 951 1000 . {} {} ID=g", "c1 R CDS 1 100 . {} {} ID=g"
    for strand, phases, phase in (("+", (2, 1), 2), ("-", (1, 2), 2)):
        text = gff3(CIRCLE, *(line.format(strand, own) for line, own in zip(lines, phases, strict=True)))
        (gene,) = coding_genes(gl.data.read(write(tmp_path, "a.gff3", text)))
        assert gene.phase == phase


@pytest.mark.parametrize("last", [1000, 980])  # an exon lies over the origin, or an intron
def test_the_parts_of_a_gene_over_the_origin_are_in_order(tmp_path, last):
    (tmp_path / "c.fa").write_text(">c1\n" + "A" * 1000)
    lines = [f"c1 R CDS 951 {last} . - 0 Parent=g", "c1 R CDS 41 100 . - 0 Parent=g", "c1 R CDS 1 20 . - 0 Parent=g"]
    genome = gl.data.read(write(tmp_path, "a.gff3", gff3(CIRCLE, *lines)), fasta=tmp_path / "c.fa")
    (gene,) = coding_genes(genome)
    first = ((950, 1020),) if last == 1000 else ((950, 980), (1000, 1020))
    assert gene.exons == (*first, (1040, 1100))
    tags = gl.sequences.tag_genome(genome)["c1"]
    assert np.flatnonzero(tags == TAGS.index("intron-")).tolist() == [*range(20, 40), *range(last, 1000)]
    assert not tags[100:950].any()
    assert gl.sequences.windows(genome, 60, regions=genome.obs[genome.obs["start"] == 1040]).n_obs == 1
    assert gl.sequences.chromosome(genome, "c1", 1040, 1100) == "A" * 60


def test_a_circle_may_be_known_to_the_user_alone(tmp_path):
    (tmp_path / "c.fa").write_text(">c1\n" + "A" * 1000)
    lines = "c1 R CDS 1 100 . + 0 Parent=g", "c1 R CDS 951 1000 . + 0 Parent=g"
    genome = gl.data.read(write(tmp_path, "a.gff3", gff3(*lines)), fasta=tmp_path / "c.fa")
    assert [gene.exons for gene in coding_genes(genome)] == [((0, 100), (950, 1000))]
    assert open_genome(genome, circular=True).features["end"].tolist() == [1100]
    genome.uns["genome"]["circular"] = ["c1"]
    assert [gene.exons for gene in coding_genes(genome)] == [((950, 1100),)]
