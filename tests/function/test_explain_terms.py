import numpy as np
import pytest
import torch
from anndata import AnnData
from scipy import sparse

import genolab as gl


@pytest.fixture
def genes():
    terms = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 1], [1, 0, 0], [0, 0, 0]], dtype=np.uint8))
    adata = AnnData(
        np.zeros((4, 1), dtype=np.float32), obsm={"terms": terms, "X_space": np.array([[0.0], [1], [5], [2]])}
    )
    adata.obs_names = ["a", "b", "c", "d"]
    adata.uns |= {"terms": np.array(["T:1", "T:2", "T:3"]), "parents": np.array([[1, 0], [2, 1]])}
    adata.uns["names"] = np.array(["life", "growth", "budding"])
    return adata


def test_each_term_has_its_source_and_the_share_of_its_neighbours(genes):
    scores = np.array([[0.9, 0.6, 0.6]] * 4)
    why = gl.function.explain_terms(
        genes, "d", scores, basis="X_space", training=[True, True, True, False], n_neighbours=2
    )
    assert why.gene == "d"
    assert why.neighbours["gene"].tolist() == ["b", "a"]
    assert why.neighbours["distance"].tolist() == [1, 2]
    assert why.terms["follows_from"].to_dict() == {"T:1": "", "T:2": "T:3", "T:3": ""}
    assert why.terms["neighbours"].tolist() == [1, 1, 0.5]
    assert why.terms["name"].tolist() == ["life", "growth", "budding"]
    assert why.terms["depth"].tolist() == [0, 1, 2]
    assert not why.terms["known"].any()
    assert gl.function.explain_terms(genes, 0, scores).terms["known"].tolist() == [True, True, False]


def test_a_gene_is_none_of_its_own_neighbours(genes):
    why = gl.function.explain_terms(genes, "b", np.zeros((4, 3)), basis="X_space", n_neighbours=9)
    assert why.neighbours["gene"].tolist() == ["a", "d", "c"]


def test_inputs_that_do_not_fit_are_refused(genes):
    with pytest.raises(ValueError, match=r"one a gene and term, \(4, 3\)"):
        gl.function.explain_terms(genes, "a", np.zeros((4, 2)))
    with pytest.raises(KeyError, match="no gene of this AnnData"):
        gl.function.explain_terms(genes, "z", np.zeros((4, 3)))
    with pytest.raises(KeyError, match="is not in this AnnData; obsm has"):
        gl.function.explain_terms(genes, "a", np.zeros((4, 3)), basis="X_none")


def test_masking_a_residue_measures_its_contribution():
    weight = torch.tensor([0.0, 1, 0, 3, 0, 0])

    def model(x):  # a 7 counts by its place, anything else for nothing
        return ((x == 7) * weight).sum(dim=1, keepdim=True)

    codes = np.array([7, 7, 2, 7, 3, 0], dtype=np.uint8)
    scores = gl.function.residue_scores(model, codes, target=0, width=1)
    assert scores.dtype == np.float32
    assert scores.tolist() == [0, 1, 0, 3, 0, 0]
    wide = gl.function.residue_scores(model, codes, target=0, width=2)
    assert wide.argmax() == 3
    assert wide[5] == 0
    with pytest.raises(ValueError, match="one row of codes"):
        gl.function.residue_scores(model, np.zeros(5), target=0)
