import base64

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from toy_browser import query

from genolab.drugs import simulate_responses
from genolab.sequences.encode import one_hot
from genolab.widgets.latent import tooltip
from genolab.widgets.latent.widget import LatentExplorer


def sequences(n=120, length=20, seed=0):
    random = np.random.default_rng(seed)
    bases = ["".join(row) for row in random.choice(list("ACGT"), (n, length))]
    adata = ad.AnnData(np.zeros((n, 1), np.float32), obs=pd.DataFrame(index=[f"s{i}" for i in range(n)]))
    adata.obsm["sequence"] = one_hot(bases)
    adata.obsm["X"] = np.stack([np.arange(n), np.zeros(n)], axis=1).astype(float)
    return adata, bases


def test_a_row_with_a_sequence_shows_it_and_the_logo_of_those_around_it():
    adata, bases = sequences()
    adata.obsm["sequence"][:50, :, 4] = np.array([0, 0, 1, 0])  # the first fifty have a G at 4
    parts = query(LatentExplorer(adata, "X"), "hover", row=5)["parts"]
    assert [part["kind"] for part in parts] == ["logo", "logo"]
    assert parts[0]["bases"] == bases[5][:4] + "G" + bases[5][5:]
    heights = np.array(parts[1]["heights"])
    assert heights.shape == (20, 4)
    assert heights[4].tolist() == [0, 0, 2, 0]
    assert heights.sum(axis=1).argmax() == 4
    assert "50 nearest" in parts[1]["caption"]


def test_known_contributions_go_before_the_logo_of_neighbours():
    adata, _ = sequences()
    adata.obsm["attribution"] = adata.obsm["sequence"] * 0.5
    parts = query(LatentExplorer(adata, "X"), "hover", row=0)["parts"]
    assert parts[1]["caption"] == "contributions"
    assert np.array(parts[1]["heights"]).sum() == pytest.approx(10)


def test_of_a_long_sequence_the_part_that_matters_is_shown():
    adata, _ = sequences(n=3, length=300)
    assert query(LatentExplorer(adata, "X"), "hover", row=0)["parts"][0]["caption"] == "bases 120 to 180 of 300"
    scores = np.zeros((3, 4, 300))
    scores[:, :, 250] = 1
    adata.obsm["attribution"] = scores
    first = query(LatentExplorer(adata, "X"), "hover", row=0)["parts"][0]
    assert len(first["bases"]) == 60
    assert first["caption"] == "bases 191 to 251 of 300"


def test_few_rows_have_no_logo_of_neighbours():
    adata, _ = sequences(n=10)
    assert len(query(LatentExplorer(adata, "X"), "hover", row=0)["parts"]) == 1


def test_rows_without_sequences_show_name_and_value_alone_and_are_called_cells():
    adata, _ = sequences()
    assert "sequences" in str(LatentExplorer(adata, "X"))
    del adata.obsm["sequence"]
    explorer = LatentExplorer(adata, "X")
    assert query(explorer, "hover", row=3) == {"name": "s3", "value": None}
    assert "120 cells" in str(explorer)


def test_a_hook_shows_what_it_likes():
    adata, _ = sequences()
    explorer = LatentExplorer(
        adata, "X", rows="compounds", hover=lambda row: [tooltip.text(f"IC50 {row}"), tooltip.picture(b"<svg/>")]
    )
    parts = query(explorer, "hover", row=7)["parts"]
    assert parts[0] == {"kind": "text", "text": "IC50 7"}
    assert parts[1]["source"] == "data:image/svg+xml;base64,PHN2Zy8+"
    assert "120 compounds" in str(explorer)


def test_a_picture_must_be_one_and_small():
    with pytest.raises(ValueError, match="got 'text/html'"):
        tooltip.picture(b"<b>", kind="text/html")
    with pytest.raises(ValueError, match="300,000 bytes"):
        tooltip.picture(b"0" * 300_000)


def compounds(smiles=("CCO", "c1ccccc1O", "not a molecule")):
    adata = ad.AnnData(obs=pd.DataFrame({"smiles": smiles}, index=[f"c{i}" for i in range(len(smiles))]))
    adata.obsm["X"] = np.arange(2.0 * len(smiles)).reshape(-1, 2)
    return adata


def test_a_compound_shows_its_structure_as_a_picture_that_rdkit_drew():
    explorer = LatentExplorer(compounds(), "X")
    part = query(explorer, "hover", row=1)["parts"][0]
    assert part["kind"] == "picture"
    assert part["caption"] == "c1ccccc1O"
    svg = base64.b64decode(part["source"].removeprefix("data:image/svg+xml;base64,")).decode()
    assert "<svg" in svg
    assert "<script" not in svg
    assert "3 compounds" in str(explorer)


def test_a_molecule_that_is_refused_is_shown_as_text():
    nasty = "<img src=x onerror=alert(1)>"
    parts = query(LatentExplorer(compounds(("CCO", "CC", nasty)), "X"), "hover", row=2)["parts"]
    assert {part["kind"] for part in parts} == {"text"}
    assert parts[0]["text"] == nasty


def test_a_response_shows_its_compound_with_what_was_measured():
    adata = simulate_responses(5, 4, seed=0)
    adata.obsm["X"] = np.zeros((20, 2))
    explorer = LatentExplorer(adata, "X")
    parts = query(explorer, "hover", row=7)["parts"]
    assert parts[0]["caption"] == adata.uns["compounds"]["smiles"].iloc[1]
    assert [part["text"].split(":")[0] for part in parts[1:]] == ["compound", "context", "response"]
    assert parts[1]["text"] == "compound: compound_2"
    assert parts[2]["text"] == "context: line_4"
    assert "20 responses" in str(explorer)
