"""Regions: BED, GFF3 and GTF, and whether they fit their sequence."""

import gzip

import pandas as pd
import pytest

import genolab as gl
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
        ("a.bed", "chr1\t5\t5\n", "holds at least one base, got 5 to 5"),
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
    with pytest.raises(FileNotFoundError, match="no file of regions"):
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
    genome = gl.data.read(write(tmp_path, "a.gff3", GFF3))
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
