"""A model remembers what it was trained on: other data come in its order, by name, or are refused."""

import contextlib
import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from torch import nn
from toy_models import Line, counts, line_data

import genolab as gl
from genolab.checks import DataWarning
from genolab.data import AnnDataset
from genolab.run import load_model

GENES = [f"gene {i}" for i in range(30)]


def cells(n: int = 40, *, dense: bool = False) -> ad.AnnData:
    adata = counts(n)
    adata.var_names = GENES
    adata.obs["kind"] = adata.obs["kind"].astype("category")
    adata.obs["donor"] = adata.obs["donor"].astype("category")
    if dense:
        adata.X = adata.X.toarray()
    return adata


def vae(adata: ad.AnnData, **slots) -> gl.Run:
    data = AnnDataset(adata, **slots)
    model = gl.models.VariationalAutoencoder(30, n_latent=2, hidden=(8,), covariates=data.covariate_levels)
    return gl.Run(model, data, config=gl.RunConfig(epochs=1, batch_size=20)).fit()


class Classes(nn.Module):
    """A linear classifier of as many classes as there are."""

    def __init__(self, width: int, n: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, n)

    def loss(self, batch):
        return nn.functional.cross_entropy(self.layer(batch.x), batch.target)

    def predict(self, batch):
        return self.layer(batch.x).softmax(dim=1)


# ---- columns ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dense", [False, True])
def test_genes_in_another_order_are_read_by_name(dense):
    adata = cells(dense=dense)
    model = vae(adata).model
    known = gl.infer.embed(model, AnnDataset(adata))
    for other in (adata[:, ::-1], adata[:, ::-1].copy()):
        assert np.array_equal(gl.infer.embed(model, AnnDataset(other)), known)
        assert np.array_equal(gl.infer.embed(model, AnnDataset(other).to("cpu")), known)


def test_genes_beside_those_that_the_model_knows_are_left_out():
    adata = cells()
    model = vae(adata[:, :30]).model
    more = ad.concat([ad.AnnData(np.full((40, 2), 9.0), adata.obs, pd.DataFrame(index=["x", "y"])), adata], axis=1)
    assert np.array_equal(gl.infer.embed(model, AnnDataset(more)), gl.infer.embed(model, AnnDataset(adata)))


def test_missing_genes_are_refused_and_named():
    adata = cells()
    model = vae(adata).model
    adata.var_names = ["ACTB", "GAPDH", *GENES[2:]]
    with pytest.raises(ValueError, match="2 are missing: gene 0, gene 1; it has others, such as ACTB, GAPDH"):
        gl.infer.embed(model, AnnDataset(adata))
    adata.var_names = [*GENES[:29], "gene 5"]
    with pytest.raises(ValueError, match=r"some come twice \(gene 5\)"):
        gl.infer.embed(model, AnnDataset(adata))


def test_a_backed_file_in_another_order_is_read_by_name(tmp_path):
    adata = cells()
    model = vae(adata).model
    adata[:, ::-1].copy().write_h5ad(tmp_path / "cells.h5ad")
    backed = AnnDataset(ad.read_h5ad(tmp_path / "cells.h5ad", backed="r"))
    assert np.array_equal(gl.infer.embed(model, backed), gl.infer.embed(model, AnnDataset(adata)))


def test_what_is_rebuilt_has_the_genes_in_the_order_of_the_data():
    adata = cells()
    model = vae(adata).model
    rebuilt = gl.infer.reconstruct(model, AnnDataset(adata))
    assert np.array_equal(gl.infer.reconstruct(model, AnnDataset(adata[:, ::-1])), rebuilt[:, ::-1])


def test_training_on_and_validating_on_other_orders_gives_the_same_bits():
    adata = cells(dense=True)
    other = adata[:, ::-1].copy()
    losses = [
        gl.Run(gl.models.Autoencoder(30, hidden=(4,)), AnnDataset(one), AnnDataset(two), gl.RunConfig(epochs=1)).fit()
        for one, two in ((adata, adata), (adata, other))
    ]
    assert losses[0].history["valid_loss"].equals(losses[1].history["valid_loss"])
    again = gl.Run(losses[0].model, AnnDataset(other), AnnDataset(adata))
    assert torch.equal(again.train.batch([3]).x, AnnDataset(adata).batch([3]).x)


def test_a_baseline_remembers_too():
    adata = cells()
    pca = gl.models.PCABaseline(2).fit(AnnDataset(adata))
    known = gl.infer.embed(pca, AnnDataset(adata))
    assert np.array_equal(gl.infer.embed(pca, AnnDataset(adata[:, ::-1])), known)


def test_columns_of_a_table_in_obsm_have_names_and_an_array_has_a_width():
    adata = cells(8)
    adata.obsm["drug"] = pd.DataFrame({"dose": np.arange(8.0), "time": np.ones(8)}, index=adata.obs_names)
    adata.obsm["plain"] = np.ones((8, 3))
    model = gl.models.PCABaseline(1).fit(AnnDataset(adata, "obsm/drug"))
    known = gl.infer.embed(model, AnnDataset(adata, "obsm/drug"))
    adata.obsm["drug"] = adata.obsm["drug"][["time", "dose"]]
    assert np.array_equal(gl.infer.embed(model, AnnDataset(adata, "obsm/drug")), known)
    with pytest.raises(ValueError, match="2 columns with names, got 'obsm/plain', rows of the shape"):
        gl.infer.embed(model, AnnDataset(adata, "obsm/plain"))
    assert AnnDataset(adata, "obsm/plain").signature.inputs[0].names is None


def test_counts_that_are_logged_are_refused_and_another_slot_is_told():
    adata = cells()
    model = vae(adata, inputs="layers/counts").model
    known = gl.infer.embed(model, AnnDataset(adata, "layers/counts"))
    with pytest.warns(DataWarning, match="the model reads 'X' for 'layers/counts', which it was trained on"):
        assert np.array_equal(gl.infer.embed(model, AnnDataset(adata)), known)
    adata.X = adata.X.log1p()
    with pytest.raises(ValueError, match=r"built for raw counts .* these rows hold others, from 0 to"):
        gl.infer.embed(model, AnnDataset(adata))


@pytest.mark.parametrize(("count", "is_one"), [(5.00005, True), (5.0005, False), (4000.004, True), (4000.006, False)])
def test_what_passes_for_a_count_is_the_same_in_training_and_after(count, is_one):
    adata = cells(dense=True)
    model = vae(adata).model
    adata.X = adata.X.astype("float64")
    adata.X[0, 0] = count
    for ask in (lambda: vae(adata), lambda: gl.infer.embed(model, AnnDataset(adata))):
        with contextlib.nullcontext() if is_one else pytest.raises(ValueError, match="raw counts"):
            ask()


# ---- levels and classes -----------------------------------------------------------------------------------------


def test_levels_of_a_part_keep_their_meaning_though_its_categories_are_fewer():
    adata = cells()
    model = vae(adata, covariates="donor").model
    part = adata[adata.obs["donor"].isin(["donor 3", "donor 5"]).to_numpy()].copy()
    assert list(part.obs["donor"].cat.remove_unused_categories().cat.categories) == ["donor 3", "donor 5"]
    part.obs["donor"] = part.obs["donor"].astype(str)
    known = gl.infer.embed(model, AnnDataset(adata, covariates="donor"))[adata.obs_names.isin(part.obs_names)]
    assert np.allclose(gl.infer.embed(model, AnnDataset(part, covariates="donor")), known, atol=1e-6)


def test_an_unknown_level_is_refused_and_named_where_a_row_has_it():
    adata = cells()
    model = vae(adata, covariates="donor").model
    other = adata.copy()
    other.obs["donor"] = other.obs["donor"].cat.add_categories("donor 9")
    assert len(gl.infer.embed(model, AnnDataset(other, covariates="donor"))) == 40
    other.obs.loc[other.obs_names[3], "donor"] = "donor 9"
    with pytest.raises(ValueError, match=r"obs\['donor'\] has 1 that the model was not trained on: donor 9"):
        gl.infer.embed(model, AnnDataset(other, covariates="donor"))


def test_profiles_are_decoded_for_levels_by_name():
    model = vae(cells(), covariates="donor").model
    points = np.zeros((2, 2))
    by_name = gl.infer.decode(model, points, covariates={"donor": ["donor 4", "donor 1"]})
    assert np.array_equal(by_name, gl.infer.decode(model, points, covariates={"donor": [4, 1]}))
    with pytest.raises(ValueError, match="not trained on: donor 7"):
        gl.infer.decode(model, points, covariates={"donor": ["donor 7", "donor 1"]})
    with pytest.raises(ValueError, match="one value for each of 2 points, got donor: 3"):
        gl.infer.decode(model, points, covariates={"donor": [1, 1, 1]})


def test_classes_are_compared_by_name_whatever_their_order_and_however_few_the_test_set_has():
    adata = cells(60)
    adata.obs["kind"] = pd.Categorical(np.array(["a", "b", "c"])[np.arange(60) % 3])
    data = AnnDataset(adata, target="obs/kind")
    model = gl.Run(Classes(30, 3), data, config=gl.RunConfig(epochs=3)).fit().model
    baseline = gl.models.Baseline(LogisticRegression(C=0.01)).fit(data)
    models = {"network": model, "logistic": baseline}
    known = gl.evaluate.table(models, data, n_boot=0).set_index(["model", "metric", "class"])["value"]
    turned = adata.copy()
    turned.obs["kind"] = turned.obs["kind"].cat.reorder_categories(["c", "a", "b"])
    other = gl.evaluate.table(models, AnnDataset(turned, target="obs/kind"), n_boot=0)
    assert np.allclose(other.set_index(["model", "metric", "class"])["value"].loc[known.index], known)
    few = adata[adata.obs["kind"] != "b"].copy()
    few.obs["kind"] = few.obs["kind"].astype(str)
    table = gl.evaluate.confusion(model, AnnDataset(few, target="obs/kind"))
    expected = gl.evaluate.confusion(model, data).drop(index="b")
    assert table.loc[["a", "c"], ["a", "b", "c"]].to_numpy().tolist() == expected.to_numpy().tolist()
    few.obs["kind"] = "d"
    few.obs.loc[few.obs_names[0], "kind"] = "a"
    with pytest.raises(ValueError, match="'network' was not trained on what is true of some rows of the test set: d"):
        gl.evaluate.table({"network": model}, AnnDataset(few, target="obs/kind"), n_boot=0)


def test_a_run_trains_on_by_the_classes_that_its_model_knows():
    adata = cells()
    run = gl.Run(Classes(30, 2), AnnDataset(adata, target="obs/kind"), config=gl.RunConfig(epochs=1)).fit()
    adata.obs["kind"] = adata.obs["kind"].cat.reorder_categories(["b", "a"])
    again = gl.Run(run.model, AnnDataset(adata, target="obs/kind"))
    assert torch.equal(again.train.batch(range(40)).target, run.train.batch(range(40)).target)
    adata.obs["kind"] = adata.obs["kind"].cat.rename_categories({"a": "z"})
    with pytest.raises(ValueError, match="the target 'obs/kind' has 1 that the model was not trained on: z"):
        gl.Run(run.model, AnnDataset(adata, target="obs/kind"))


# ---- files ------------------------------------------------------------------------------------------------------


def test_a_loaded_model_remembers_names_and_holds_no_code(tmp_path):
    adata = cells()
    run = vae(adata, covariates="donor")
    path = run.save(tmp_path / "run")
    model = load_model(path)
    assert model.trained_on == run.model.trained_on
    assert model.trained_on.inputs[0].names == tuple(GENES)
    known = gl.infer.embed(run.model, AnnDataset(adata, covariates="donor"))
    assert np.array_equal(gl.infer.embed(model, AnnDataset(adata[:, ::-1], covariates="donor")), known)


def test_a_loaded_run_finds_its_rows_in_any_order_and_refuses_others(tmp_path):
    run = gl.Run(Line(), line_data(), line_data(8), gl.RunConfig(epochs=2, batch_size=16, learning_rate=0.1)).fit(1)
    path = run.save(tmp_path / "run")
    turned = line_data().subset(np.arange(64)[::-1])
    again = gl.Run.load(path, turned, line_data(8), model=Line())
    assert torch.equal(again.fit().model.weight, run.fit().model.weight)
    other = line_data()
    other.adata.X[:3] += 10
    with pytest.raises(ValueError, match=r"training rows that it had .* 3 of the 64 are others, such as '0', '1', '2'"):
        gl.Run.load(path, AnnDataset(other.adata, target="obs/response"), model=Line())
    with pytest.raises(ValueError, match="validation rows"):
        gl.Run.load(path, line_data(), line_data(9), model=Line())


def test_a_later_format_is_refused_by_name_and_an_earlier_one_read_with_a_word(tmp_path):
    path = gl.Run(Line(), line_data(), config=gl.RunConfig(epochs=1)).fit().save(tmp_path / "run")
    with safe_open(path, framework="np") as file:
        facts = json.loads(file.metadata()["genolab"])
    assert facts["format"] == 2
    tensors = load_file(path)
    save_file(tensors, tmp_path / "later", metadata={"genolab": json.dumps(facts | {"format": 7})})
    with pytest.raises(ValueError, match="is in format 7, and this genolab reads formats 1 to 2"):
        gl.Run.load(tmp_path / "later", line_data(), model=Line())
    old = {key: value for key, value in facts.items() if key not in {"format", "trained_on", "schedule"}}
    weights = {name: tensor for name, tensor in tensors.items() if not name.startswith("rows:")}
    save_file(weights, tmp_path / "old", metadata={"genolab": json.dumps(old)})
    with pytest.warns(DataWarning, match="in format 1, which knows nothing of genes"):
        assert len(gl.Run.load(tmp_path / "old", line_data(), model=Line()).epochs) == 1


def test_terms_are_compared_by_name():
    random = np.random.default_rng(0)
    adata = ad.AnnData(random.normal(size=(30, 4)).astype(np.float32))
    adata.obsm["terms"] = (adata.X[:, :3] > 0.2).astype(np.uint8)
    adata.uns["terms"] = ["GO:1", "GO:2", "GO:3"]
    data = AnnDataset(adata, target="obsm/terms")
    baseline = gl.models.Baseline(KNeighborsRegressor(3)).fit(data)
    turned = adata.copy()
    turned.obsm["terms"], turned.uns["terms"] = adata.obsm["terms"][:, [2, 0, 1]], ["GO:3", "GO:1", "GO:2"]
    other = AnnDataset(turned, target="obsm/terms")
    scores = [
        gl.evaluate.table({"near": baseline}, each, n_boot=0).set_index(["metric", "class"]) for each in (data, other)
    ]
    assert np.allclose(*(each["value"].xs("macro", level="class") for each in scores))
    assert scores[0].loc[("auroc", "2"), "value"] == scores[1].loc[("auroc", "0"), "value"]
    assert torch.equal(other.aligned(data.signature).batch([4, 2]).target, data.batch([4, 2]).target)
    turned.uns["terms"] = ["GO:3", "GO:1", "GO:9"]
    with pytest.raises(ValueError, match="not trained on what is true of some rows of the test set: GO:9"):
        gl.evaluate.table({"near": baseline}, AnnDataset(turned, target="obsm/terms"), n_boot=0)
