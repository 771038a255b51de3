import gzip

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse, stats

import genolab as gl
from genolab.function.ontology.graph import Ontology

OBO = """format-version: 1.2
data-version: test/1
ontology: toy
default-namespace: process

[Term]
id: T:1
name: life

[Term]
id: T:2
name: growth
alt_id: T:20
is_a: T:1 ! life

[Term]
id: T:3
name: budding
is_a: T:2
relationship: part_of T:4

[Term]
id: T:4
name: division
is_a: T:1
relationship: regulates T:2

[Term]
id: T:5
name: a thing
namespace: component
relationship: part_of T:3

[Term]
id: T:6
name: obsolete sprouting
is_obsolete: true
replaced_by: T:20

[Term]
id: T:7
name: obsolete doing
is_obsolete: true
consider: T:3
consider: T:4
"""


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    path = tmp_path_factory.mktemp("obo") / "toy.obo"
    path.write_text(OBO)
    return gl.function.read_ontology(path)


def test_read_keeps_what_implies_within_a_namespace(toy):
    assert toy.parents == {"T:1": (), "T:2": ("T:1",), "T:3": ("T:2", "T:4"), "T:4": ("T:1",), "T:5": ()}
    assert toy.names["T:3"] == "budding"
    assert toy.namespace["T:5"] == "component"
    assert toy.version == "test/1"
    assert repr(toy) == "Ontology(5 terms of component, process)"


def test_terms_come_after_their_parents_and_depth_is_the_longest_way(toy):
    place = {term: at for at, term in enumerate(toy.terms)}
    assert all(place[parent] < place[term] for term in toy.terms for parent in toy.parents[term])
    assert toy.depth == {"T:1": 0, "T:2": 1, "T:4": 1, "T:3": 2, "T:5": 0}
    assert toy.ancestors("T:3") == {"T:1", "T:2", "T:4"}
    assert toy.descendants("T:1") == {"T:2", "T:3", "T:4"}
    assert set(toy.roots) == {"T:1", "T:5"}


def test_old_ids_are_mapped_where_the_ontology_says_so(toy):
    assert toy.current("T:20") == toy.current("T:6") == "T:2"  # T:6 was replaced by what is itself an old id
    with pytest.raises(KeyError, match=r"obsolete.*consider T:3, T:4"):
        toy.current("T:7")
    with pytest.raises(KeyError, match=r"no term of this ontology \(test/1\)"):
        toy.current("T:99")


def test_a_cycle_and_an_unknown_parent_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no cycles.*(a -> b -> a|b -> a -> b)"):
        Ontology({"a": ("b",), "b": ("a",)})
    with pytest.raises(ValueError, match=r"each parent must be a term.*nowhere"):
        Ontology({"a": ("nowhere",)})
    path = tmp_path / "loop.obo"
    path.write_text(OBO.replace("name: life", "name: life\nis_a: T:3"))
    with pytest.raises(ValueError, match="no cycles"):
        gl.function.read_ontology(path)


def test_propagating_gives_broader_terms_at_least_what_narrower_ones_have(toy):
    terms = ["T:1", "T:2", "T:3", "T:4"]
    given = sparse.csr_matrix(np.array([[0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]], dtype=np.uint8))
    found = toy.propagate(given, terms)
    assert found.dtype == np.uint8
    assert found.toarray().tolist() == [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]]
    scores = np.array([[0.1, 0.2, 0.7, 0.3]])
    assert toy.propagate(scores, terms).tolist() == [[0.7, 0.7, 0.7, 0.7]]
    assert scores[0, 0] == 0.1
    assert (toy.propagate(found, terms) != found).nnz == 0


def test_propagating_leads_over_terms_that_have_no_column(toy):
    assert toy.propagate(np.array([[0, 1]]), ["T:1", "T:3"]).tolist() == [[1, 1]]
    with pytest.raises(ValueError, match=r"2 terms.*shape"):
        toy.propagate(np.zeros((1, 3)), ["T:1", "T:3"])
    with pytest.raises(ValueError, match="old"):
        toy.propagate(np.zeros((1, 1)), ["T:20"])
    with pytest.raises(ValueError, match="twice"):
        toy.propagate(np.zeros((1, 2)), ["T:1", "T:1"])


def test_annotations_are_mapped_and_propagated_and_unknown_ids_are_warned_of(toy):
    with pytest.warns(UserWarning, match=r"2 ids are left out.*T:7"):
        found = toy.annotate({"g1": ["T:3"], "g2": ["T:6", "T:7"], "g3": ["T:99"]})
    assert found.genes == ("g1", "g2", "g3")
    assert found.terms == ("T:1", "T:2", "T:4", "T:3")
    assert found.matrix.toarray().tolist() == [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert toy.gene_sets({"g1": ["T:3"], "g2": ["T:2"]})["T:2"] == {"g1", "g2"}


def test_a_subset_brings_its_broader_terms_and_a_part_is_one_namespace(toy):
    assert set(toy.subset(["T:20"]).terms) == {"T:1", "T:2"}
    assert set(toy.part("component").terms) == {"T:5"}
    assert set(toy.gene_sets({"g": ["T:3", "T:5"]}, namespace="component")) == {"T:5"}
    with pytest.raises(KeyError, match="'nothing' isn't one of the 2 namespaces"):
        toy.part("nothing")


def test_the_gene_ontology_travels_with_the_package():
    go = gl.function.go()
    assert len(go) == 45_013
    assert {go.names[root] for root in go.roots} == set(go.namespace.values()) == {
        "molecular_function",
        "biological_process",
        "cellular_component",
    }  # fmt: skip
    assert go.names["GO:0000278"] == "mitotic cell cycle"
    assert "GO:0007049" in go.ancestors("GO:0000278")  # cell cycle
    assert go.current("GO:0000108") == "GO:0000109"  # the repairosome, by what replaced it
    assert go.current("GO:0000004") == "GO:0008150"  # an alternative id
    with pytest.raises(KeyError, match="says to consider GO:0016887"):
        go.current("GO:0006200")  # a process given up for a function: nobody but a curator can tell
    assert go is gl.function.go()


def test_an_anndata_brings_its_ontology_along():
    adata = AnnData(
        np.zeros((1, 1)), uns={"terms": ["r", "a"], "parents": np.array([[1, 0]]), "names": ["root", "leaf"]}
    )
    found = Ontology.of(adata)
    assert (found.parents, found.names) == ({"r": (), "a": ("r",)}, {"r": "root", "a": "leaf"})
    assert Ontology.of(AnnData(np.zeros((1, 1)), uns={"terms": ["x"]})).parents == {"x": ()}
    with pytest.raises(KeyError, match="needs uns"):
        Ontology.of(AnnData(np.zeros((1, 1))))


def test_enrichment_is_fishers_exact_test():
    genes = [f"g{i}" for i in range(60)]
    sets = {"rich": genes[:10], "poor": genes[20:50], "all": genes, "tiny": genes[:2]}
    found = gl.function.enrich(genes[:8] + genes[40:44], sets, background=genes, names={"rich": "a name"})
    row = found.iloc[0]
    exact = stats.fisher_exact([[8, 2], [4, 46]], alternative="greater")
    assert (row["term"], row["name"], row["overlap"], row["size"]) == ("rich", "a name", 8, 10)
    assert row["p"] == pytest.approx(exact.pvalue)
    assert row["odds_ratio"] == pytest.approx(exact.statistic)
    assert row["expected"] == pytest.approx(2)
    assert row["genes"] == genes[:8]
    assert found.attrs == {"n_genes": 12, "n_background": 60, "n_tested": 3}
    assert set(found["term"]) == {"rich", "poor", "all"}
    p = [found.set_index("term")["p"][term] for term in sets if term != "tiny"]
    assert found.set_index("term")["q"][["rich", "poor", "all"]].tolist() == pytest.approx(
        stats.false_discovery_control(p).tolist()
    )


def test_enrichment_takes_a_selection_of_rows():
    genes = AnnData(obs=pd.DataFrame({"gene": ["a", "a", "b", "c", "d", "e"]}, index=list("123456")))
    sets = {"s": ["a", "b", "c"], "t": ["d", "e", "c"]}
    chosen = np.array([False, True, True, False, False, False])
    by_mask = gl.function.enrich(chosen, sets, background=genes)
    pd.testing.assert_frame_equal(by_mask, gl.function.enrich(["a", "b"], sets, background=list("abcde")))
    assert by_mask["overlap"].tolist() == [2]


def test_genes_that_are_in_no_set_dont_count():
    sets = {"s": ["a", "b", "c"], "t": ["d", "e", "f"]}
    few = gl.function.enrich(["a", "b"], sets, background=list("abcdef"))
    many = gl.function.enrich(["a", "b", "u"], sets, background=[*"abcdef", *"uvwxyz"])
    assert few["p"].tolist() == many["p"].tolist()
    assert many.attrs["n_genes"] == 2


def test_enrichment_says_what_is_wrong():
    sets = {"s": ["a", "b", "c"]}
    with pytest.raises(ValueError, match=r"must be in the background.*'z'"):
        gl.function.enrich(["a", "z"], sets, background=list("abc"))
    with pytest.raises(ValueError, match="one a row of the background"):
        gl.function.enrich([True, False], sets, background=list("abc"))
    with pytest.raises(ValueError, match="names of the same kind"):
        gl.function.enrich(["x"], sets, background=list("xyz"))
    with pytest.raises(ValueError, match="no set has 5 to 9"):
        gl.function.enrich(["a"], sets, background=list("abc"), sizes=(5, 9))
    with pytest.raises(TypeError, match="pass a list"):
        gl.function.enrich("a", sets, background=list("abc"))


def test_false_discoveries_are_held_on_random_groups():
    random = np.random.default_rng(0)
    genes = np.array([f"g{i}" for i in range(300)])
    sets = {f"s{i}": random.choice(genes, 20, replace=False) for i in range(60)}
    hits = [
        (gl.function.enrich(random.choice(genes, 30, replace=False), sets, background=genes)["q"] < 0.05).any()
        for _ in range(40)
    ]
    assert np.mean(hits) <= 0.1


def test_gmt_files_are_read(tmp_path):
    text = "one\tremark\tA\tB\t\ntwo\t\tB,1.0\tHLA-A,0.5\n\nnone\tremark\n"
    path = tmp_path / "sets.gmt.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert gl.function.read_gmt(path) == {"one": {"A", "B"}, "two": {"B", "HLA-A"}, "none": frozenset()}
    wrong = tmp_path / "wrong.gmt"
    wrong.write_text("one\tremark\tA\none\t\tB\n")
    with pytest.raises(ValueError, match=r"line 2.*'one' occurs twice"):
        gl.function.read_gmt(wrong)
    wrong.write_text("just words\n")
    with pytest.raises(ValueError, match=r"line 1: a line of a .gmt file"):
        gl.function.read_gmt(wrong)


def gaf(*lines):
    columns = [
        f"SGD\t{gene}\t{symbol}\t{qualifier}\t{term}\tPMID:1\t{evidence}\t\tP\tname\t{synonym}\tprotein\ttaxon:{taxon}\t20200101\tSGD"
        for gene, symbol, qualifier, term, evidence, synonym, taxon in lines
    ]
    return "\n".join(["!gaf-version: 2.2", "! a remark", *columns, ""])


GAF = gaf(
    ("S1", "AAA1", "involved_in", "T:3", "IDA", "YAL1|other", "1"),
    ("S1", "AAA1", "NOT|involved_in", "T:2", "IDA", "YAL1", "1"),
    ("S2", "BBB1", "", "T:4", "IEA", "YBL2", "1"),
    ("S3", "CCC1", "involved_in", "T:1", "ND", "YCL3", "1"),
)


def test_annotations_of_a_gaf_file_leave_out_what_a_gene_does_not_do(toy, tmp_path):
    path = tmp_path / "toy.gaf.gz"
    path.write_bytes(gzip.compress(GAF.encode()))
    with pytest.warns(UserWarning, match="left out are annotations 1 with the qualifier NOT; 1 with the evidence ND"):
        found = gl.function.read_gaf(path)
    assert found == {"AAA1": {"T:3"}, "BBB1": {"T:4"}}
    assert toy.gene_sets(found)["T:1"] == {"AAA1", "BBB1"}
    with pytest.warns(UserWarning, match="1 of other evidence"):
        assert gl.function.read_gaf(path, by="synonym", evidence=gl.function.EXPERIMENTAL) == {"YAL1": {"T:3"}}
    with pytest.raises(KeyError, match=r"'XXX' isn't one of the .* evidence codes"):
        gl.function.read_gaf(path, evidence="XXX")


def test_a_gaf_file_of_several_species_needs_one_named(tmp_path):
    path = tmp_path / "two.gaf"
    lines = (("S1", "recA", "", "T:3", "IDA", "", "83333|taxon:9606"), ("S2", "recA", "", "T:4", "IDA", "", "224308"))
    path.write_text(gaf(*lines))
    with pytest.raises(ValueError, match=r"genes of 2 species.*pass taxon="):
        gl.function.read_gaf(path)
    with pytest.warns(UserWarning, match="1 of another taxon"):
        assert gl.function.read_gaf(path, taxon=83333) == {"recA": {"T:3"}}
    assert gl.function.read_gaf(path, by="id") == {"S1": {"T:3"}, "S2": {"T:4"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("S1 AAA1 T:3\n", "line 1: a line of a GAF file has 15 to 17 columns with tabs between, got 1"),
        ("!gpa-version: 1.1\n", "it is no GAF file"),
        ("!gaf-version: 2.2\n", "has no annotation that counts"),
    ],
)
def test_what_is_no_gaf_file_is_refused(tmp_path, text, message):
    (tmp_path / "x.gaf").write_text(text)
    with pytest.raises(ValueError, match=message):
        gl.function.read_gaf(tmp_path / "x.gaf")


def test_a_term_without_a_name_is_called_by_its_id(tmp_path):
    path = tmp_path / "nameless.obo"
    path.write_text(OBO.replace("name: growth\n", ""))
    read = gl.function.read_ontology(path)
    assert (read.names["T:2"], read.parents["T:2"]) == ("T:2", ("T:1",))


def test_a_link_to_a_term_that_is_not_there_is_left_out_and_told(tmp_path):
    path = tmp_path / "part.obo"
    path.write_text("\ufeff" + OBO.replace("name: division", "name: division\nis_a: T:99\nis_a: T:7\nis_a: T:20"))
    with pytest.warns(UserWarning, match=r"2 links are left out.*T:4 -> T:7, T:4 -> T:99"):
        read = gl.function.read_ontology(path)
    assert read.parents["T:4"] == ("T:1", "T:2")  # an old id of a parent is the term that stands for it


def test_the_genes_of_yeast_have_their_terms():
    yeast = gl.data.fetch("yeast_go")
    assert yeast.shape[0] == 6_387
    assert yeast.obsm["terms"].shape == (6_387, len(yeast.uns["terms"]))
    assert int((yeast.obsm["terms"].sum(axis=1) == 0).sum()) == 328
    with pytest.warns(UserWarning, match="49 ids"):
        sets = gl.function.go().gene_sets(yeast)
    assert "YBR160W" in sets["GO:0007049"]  # CDC28, in the cell cycle
    assert yeast.obs.loc["YBR160W", "name"] == "CDC28"
    with pytest.warns(UserWarning, match="49 ids"):
        by_name = gl.function.go().gene_sets({"x": ["GO:0000278"]} | dict.fromkeys(["y"], yeast.uns["terms"]))
    assert by_name["GO:0007049"] == {"x", "y"}


def test_genes_that_peak_in_g1_are_rich_in_replication():
    yeast, cycle = gl.data.fetch("yeast_go"), gl.data.fetch("yeast_cell_cycle")
    go = gl.function.go()
    with pytest.warns(UserWarning, match="49 ids"):
        sets = go.gene_sets(yeast, namespace="biological_process")
    found = gl.function.enrich(cycle.obs["phase"] == "G1", sets, background=cycle, names=go.names)
    best = found.set_index("name").loc["DNA replication"]
    assert best["q"] < 1e-6
    assert best["odds_ratio"] > 4
