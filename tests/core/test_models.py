"""Models: likelihoods against textbook forms, what autoencoders learn, and what they refuse."""

import itertools
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse, stats
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from toy_models import counts

import genolab as gl
from genolab.data import AnnDataset
from genolab.models import Autoencoder, Baseline, PCABaseline, VariationalAutoencoder
from genolab.models.ensemble import Ensemble, mixture
from genolab.models.layers import SteadyNorm, drop
from genolab.models.likelihood import negative_binomial, normal, poisson, zero_inflated_negative_binomial


def drawn(n: int, genes: int = 40, *, dispersion: float = 0.0, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return counts, some large, and the scores and dispersions to judge them by, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.poisson(torch.rand(n, genes, generator=generator, dtype=torch.double) ** 6 * 60, generator=generator)
    x[:, 0] += 1
    return {
        "x": x,
        "scores": torch.randn(n, genes, generator=generator, dtype=torch.double).mul(2).requires_grad_(),
        "library": x.sum(dim=1, keepdim=True),
        "log_dispersion": (torch.randn(genes, generator=generator, dtype=torch.double) + dispersion).requires_grad_(),
    }


def textbook(x, scores, library, log_dispersion):
    """Return the negative binomial's negative log-likelihood as a book has it, with mean and dispersion."""
    mean, t = library * scores.softmax(dim=1), log_dispersion.exp()
    terms = torch.lgamma(x + t) - torch.lgamma(t) - torch.lgamma(x + 1)
    return -(terms + t * (t / (t + mean)).log() + x * (mean / (t + mean)).log())


@pytest.mark.parametrize(("n", "dispersion"), [(5, 0.0), (300, 0.0), (7, 9.0), (7, -6.0)])
def test_the_quick_negative_binomial_equals_the_textbook_form_in_value_and_gradient(n, dispersion):
    case = drawn(n, dispersion=dispersion)
    wrt = [case["scores"], case["log_dispersion"]]
    plain = textbook(**case).sum()
    quick = negative_binomial(**case)
    assert quick.item() == pytest.approx(plain.item(), rel=1e-6)
    for a, b in zip(torch.autograd.grad(plain, wrt), torch.autograd.grad(quick, wrt), strict=True):
        assert (a - b).abs().max() <= 1e-6 * a.abs().max()


def test_in_single_precision_it_stays_within_a_millionth():
    case = drawn(64)
    single = {name: value.detach().float().requires_grad_(value.requires_grad) for name, value in case.items()}
    exact = torch.autograd.grad(textbook(**case).sum(), [case["scores"]])[0]
    quick = negative_binomial(**single)
    assert quick.item() == pytest.approx(textbook(**case).sum().item(), rel=1e-6)
    assert (torch.autograd.grad(quick, [single["scores"]])[0] - exact).abs().max() <= 1e-6 * exact.abs().max()


def test_its_gradient_is_the_slope_of_its_value():
    case = drawn(3, 6)
    assert torch.autograd.gradcheck(
        lambda scores, t: negative_binomial(case["x"], scores, library=case["library"], log_dispersion=t),
        (case["scores"], case["log_dispersion"]),
    )


def test_a_gene_that_the_decoder_rules_out_gives_a_finite_loss():
    x = torch.tensor([[0.0, 3.0]])
    scores = torch.tensor([[200.0, -200.0]], requires_grad=True)
    loss = negative_binomial(x, scores, library=x.sum(1, keepdim=True), log_dispersion=torch.zeros(2))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(scores.grad).all()


def test_likelihoods_agree_with_scipy():
    case = {name: value.detach() for name, value in drawn(20).items()}
    x, mean, t = (
        case["x"].numpy(),
        (case["library"] * case["scores"].softmax(dim=1)).numpy(),
        case["log_dispersion"].exp().numpy(),
    )
    binomial = stats.nbinom.logpmf(x, t, t / (t + mean))
    assert negative_binomial(**case).item() == pytest.approx(-binomial.sum(), rel=1e-9)
    plain = poisson(case["x"], case["scores"], library=case["library"])
    assert plain.item() == pytest.approx(-stats.poisson.logpmf(x, mean).sum(), rel=1e-9)
    chance = torch.full_like(case["scores"], -1.0)
    q = 1 / (1 + np.e)
    inflated = np.log((1 - q) * np.exp(binomial) + q * (x == 0))
    found = zero_inflated_negative_binomial(**case, dropout_scores=chance)
    assert found.item() == pytest.approx(-inflated.sum(), rel=1e-9)
    real = normal(case["x"], case["scores"], log_scale=case["log_dispersion"])
    assert real.item() == pytest.approx(-stats.norm.logpdf(x, case["scores"].numpy(), t).sum(), rel=1e-9)


def test_known_and_searched_positions_give_the_same():
    batch = AnnDataset(counts()).batch(np.arange(40))
    known = {"library": batch.x.sum(1, keepdim=True), "log_dispersion": torch.zeros(30)}
    one = negative_binomial(batch.x, batch.x * 0, **known, nonzero=batch.nonzero)
    assert torch.equal(one, negative_binomial(batch.x, batch.x * 0, **known))


# ---- autoencoders -----------------------------------------------------------------------------------------------


def trained(model, dataset, epochs=60, **config):
    gl.Run(model, dataset, None, gl.RunConfig(epochs=epochs, batch_size=32, **config)).start().wait()
    return model


def separation(latent, kind):
    """Return the share of cells whose nearest other cell is of their own kind."""
    distance = np.linalg.norm(latent[:, None] - latent[None], axis=2) + np.diag(np.full(len(latent), np.inf))
    return np.mean(kind[distance.argmin(axis=1)] == kind)


def test_the_documented_example_has_the_layers_it_says():
    model = Autoencoder(1000, hidden=(256, 128, 64, 32, 16, 8, 4), n_latent=2)
    sizes = [(layer.in_features, layer.out_features) for layer in model.encoder.linear]
    assert sizes == list(itertools.pairwise((1000, 256, 128, 64, 32, 16, 8, 4)))
    assert (model.to_latent.out_features, model.to_genes.out_features) == (2, 1000)
    assert model.decode(torch.zeros(3, 2)).shape == (3, 1000)


def test_an_autoencoder_rebuilds_better_than_the_gene_means_and_tells_types_apart():
    adata = counts(240)
    adata.X = np.log1p(adata.X.toarray())
    dataset = AnnDataset(adata)
    model = trained(Autoencoder(30, hidden=(32,), n_latent=2, seed=1), dataset, learning_rate=1e-2)
    rebuilt = gl.infer.reconstruct(model, dataset)
    assert np.square(rebuilt - adata.X).mean() < 0.8 * np.square(adata.X.mean(axis=0) - adata.X).mean()
    assert separation(gl.infer.embed(model, dataset), adata.obs["kind"].to_numpy()) > 0.95


@pytest.mark.parametrize("likelihood", ["nb", "zinb", "poisson", "normal"])
def test_every_likelihood_learns_the_two_types(likelihood):
    adata = counts(240)
    dataset = AnnDataset(adata, "layers/counts")
    model = VariationalAutoencoder(30, n_latent=2, hidden=(32,), likelihood=likelihood, seed=1)
    before = float(model.eval().loss(dataset.batch(np.arange(240)))["loss"].detach())
    trained(model.train(), dataset, learning_rate=1e-2)
    assert float(model.eval().loss(dataset.batch(np.arange(240)))["loss"].detach()) < before
    assert separation(gl.infer.embed(model, dataset), adata.obs["kind"].to_numpy()) > 0.95


def test_expected_counts_add_up_to_the_library():
    dataset = AnnDataset(counts())
    model = VariationalAutoencoder(30)
    assert np.allclose(gl.infer.reconstruct(model, dataset).sum(axis=1), dataset.adata.X.sum(axis=1).A1, rtol=1e-4)
    assert np.allclose(gl.infer.decode(model, np.zeros((2, 10))).sum(axis=1), 1e4, rtol=1e-4)


def test_the_kl_divergence_is_that_of_the_formula():
    model = VariationalAutoencoder(30, n_latent=3).eval()
    batch = AnnDataset(counts()).batch(np.arange(50))
    mean, log_variance = model.encode(batch)
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    wanted = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).mean(dim=0)
    parts = model.loss(batch)
    assert torch.allclose(parts["kl_by_dimension"], wanted, atol=1e-5)
    assert parts["kl"].item() == pytest.approx(wanted.sum().item(), rel=1e-5)


def test_the_kl_weight_reaches_its_end_and_says_so():
    run = gl.Run(
        VariationalAutoencoder(30, kl_weight=0.5), AnnDataset(counts()), None, gl.RunConfig(epochs=10, batch_size=12)
    )
    assert run.plan == "KL weight grows from 0 to 0.5 over the first 50 of 100 steps."
    run.start().wait()
    assert run.history.train_kl_weight.iloc[-1] == 0.5
    assert run.history.train_kl_weight.iloc[0] == pytest.approx(0.5 * 5.5 / 50)


def test_a_warm_up_longer_than_the_run_is_refused():
    model = VariationalAutoencoder(30, kl_warmup_steps=1000)
    with pytest.raises(ValueError, match="must reach its end within the run"):
        gl.Run(model, AnnDataset(counts()), None, gl.RunConfig(epochs=1))


def test_covariates_take_a_batch_effect_out_of_the_latent_space():
    adata = counts(240, seed=3)
    batch = np.arange(240) // 120
    shifted = adata.X.toarray() * np.where((batch[:, None] == 1) & (np.arange(30) % 3 == 0), 4, 1)
    adata = ad.AnnData(sparse.csr_matrix(shifted), obs=adata.obs.assign(batch=batch.astype(str)))
    plain, told = AnnDataset(adata), AnnDataset(adata, covariates="batch")
    options = {"n_latent": 2, "hidden": (32,), "seed": 0}
    blind = trained(VariationalAutoencoder(30, **options), plain, learning_rate=1e-2)
    aware = trained(VariationalAutoencoder(30, covariates=told.covariate_levels, **options), told, learning_rate=1e-2)
    assert separation(gl.infer.embed(aware, told), batch) < separation(gl.infer.embed(blind, plain), batch) - 0.1
    with pytest.raises(KeyError, match="pass covariates='batch' to AnnDataset"):
        gl.infer.embed(aware, plain)


def test_running_statistics_are_the_mean_of_the_first_batches():
    norm = SteadyNorm(1)
    for value in (1.0, 2.0, 6.0):
        norm(torch.tensor([[value - 1], [value + 1]]))
    assert norm.running_mean.item() == pytest.approx(3)
    norm.eval()(torch.tensor([[100.0]]))
    assert norm.running_mean.item() == pytest.approx(3)


def test_dropout_keeps_the_expectation_and_its_generator_decides():
    x = torch.ones(200, 200)
    one, other = (drop(x, 0.3, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(one, other)
    assert one.mean().item() == pytest.approx(1, abs=0.02)
    assert (one == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)


def test_a_seed_draws_the_weights_and_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, same, other = (Autoencoder(30, seed=seed).to_genes.weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_an_ensemble_stacks_its_members_outputs_or_sets_them_side_by_side():
    members = Ensemble(torch.nn.Linear(1, 2) for _ in range(3))
    for number, member in enumerate(members):
        torch.nn.init.constant_(member.weight, number)
        torch.nn.init.zeros_(member.bias)
    x = torch.ones(4, 1)
    stacked = members.stack(lambda member: member(x))  # noqa: PD013 - an ensemble, not a table
    assert stacked[:, 0].tolist() == [[0, 0], [1, 1], [2, 2]]
    assert members.concat(lambda member: member(x))[0].tolist() == [0, 0, 1, 1, 2, 2]
    assert list(members.state_dict()) == [f"{i}.{name}" for i in range(3) for name in ("weight", "bias")]
    assert isinstance(members[:2], Ensemble)


def test_a_mixtures_variance_is_the_mean_variance_plus_that_of_the_means():
    mean, variance = mixture(torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0], [4.0]]))
    assert (mean.tolist(), variance.tolist()) == ([2], [4])


# ---- baseline and infer -----------------------------------------------------------------------------------------


def test_principal_components_are_scikit_learns():
    from sklearn.decomposition import PCA

    adata = counts(100)
    dataset = AnnDataset(adata)
    ours = gl.infer.embed(PCABaseline(5).fit(dataset), dataset)
    theirs = PCA(5, svd_solver="full").fit(adata.X.toarray())
    assert np.allclose(np.abs(ours), np.abs(theirs.transform(adata.X.toarray())), atol=1e-3)
    rebuilt = gl.infer.reconstruct(PCABaseline(5).fit(dataset), dataset)
    assert np.allclose(rebuilt, theirs.inverse_transform(theirs.transform(adata.X.toarray())), atol=1e-3)


def labelled(columns: dict[str, list], **obsm: list) -> ad.AnnData:
    """Return rows with one feature, 0 0 1 1, and the given columns of obs and arrays of obsm."""
    adata = ad.AnnData(np.array([[0.0], [0], [1], [1]], np.float32))
    for name, values in columns.items():
        adata.obs[name] = values
    adata.obsm.update({name: np.array(values, np.float32) for name, values in obsm.items()})
    return adata


def test_a_classifier_gives_the_shares_of_all_classes_and_none_to_those_that_training_lacked():
    kinds = pd.Categorical(["b", "d", "b", "b"], categories=["a", "b", "c", "d"])
    dataset = AnnDataset(labelled({"kind": kinds}), target="obs/kind")
    baseline = Baseline(DummyClassifier(strategy="prior")).fit(dataset)
    assert gl.infer.predict(baseline, dataset) == pytest.approx(np.tile([0, 0.75, 0, 0.25], (4, 1)))
    batch = dataset.batch([0, 1])
    assert float(baseline.loss(batch)["loss"]) == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)
    assert baseline.predict(batch).device == batch.x.device


def test_a_regressor_gives_numbers_one_a_row_or_several():
    adata = labelled({"response": [1.0, 3, 5, 7]}, two=[[1, 0], [3, 0], [5, 4], [7, 4]])
    for target, expected in (("obs/response", [2, 2, 6, 6]), ("obsm/two", [[2, 0], [2, 0], [6, 4], [6, 4]])):
        dataset = AnnDataset(adata, target=target)
        baseline = Baseline(LinearRegression()).fit(dataset)
        assert gl.infer.predict(baseline, dataset) == pytest.approx(np.array(expected), abs=1e-6)
    assert float(baseline.loss(dataset.batch(range(4)))["loss"]) == pytest.approx(0.5)
    dummy = Baseline(DummyRegressor()).fit(dataset)
    assert gl.infer.predict(dummy, dataset) == pytest.approx(np.tile([4, 2], (4, 1)))


@pytest.mark.parametrize("classifier", [DecisionTreeClassifier(), OneVsRestClassifier(DecisionTreeClassifier())])
def test_a_classifier_gives_a_probability_for_each_label(classifier):
    terms = [[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]]  # the feature, every second row, all rows
    dataset = AnnDataset(labelled({}, terms=terms), target="obsm/terms")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn remarks that a label is always there
        baseline = Baseline(classifier).fit(dataset)
    expected = [[0, 0.5, 1], [0, 0.5, 1], [1, 0.5, 1], [1, 0.5, 1]]
    assert gl.infer.predict(baseline, dataset) == pytest.approx(np.array(expected))
    assert float(baseline.loss(dataset.batch([0]))["loss"]) == pytest.approx(np.log(2) / 3)


def test_sparse_features_reach_the_estimator_as_they_are_and_the_estimator_stays_unfitted():
    class Mean(RegressorMixin, BaseEstimator):
        def fit(self, x, y):
            assert sparse.issparse(x)
            self.mean_ = float(x.sum())
            return self

        def predict(self, x):
            assert sparse.issparse(x)
            return np.full(x.shape[0], self.mean_)

    dataset = AnnDataset(labelled({"response": [1.0, 3, 5, 7]}), target="obs/response")
    estimator = Mean()
    baseline = Baseline(estimator, lambda batch: sparse.csr_matrix(batch.x.numpy())).fit(dataset)
    assert gl.infer.predict(baseline, dataset).tolist() == [2, 2, 2, 2]
    assert not hasattr(estimator, "mean_")


def test_an_estimator_that_does_not_fit_the_target_is_refused():
    adata = labelled({"kind": pd.Categorical(["a", "a", "b", "b"]), "response": [1.0, 3, 5, 7]})
    with pytest.raises(ValueError, match="target='obs/"):
        Baseline(DummyRegressor()).fit(AnnDataset(adata))
    with pytest.raises(ValueError, match="got numbers"):
        Baseline(DummyClassifier()).fit(AnnDataset(adata, target="obs/response"))
    with pytest.raises(ValueError, match="LinearSVC gives no probabilities"):
        Baseline(LinearSVC()).fit(AnnDataset(adata, target="obs/kind"))
    with pytest.raises(ValueError, match="a Baseline must be fitted"):
        gl.infer.predict(Baseline(DummyRegressor()), AnnDataset(adata))


def test_a_baseline_must_be_fitted_and_small_enough():
    dataset = AnnDataset(counts())
    with pytest.raises(ValueError, match="call fit"):
        gl.infer.embed(PCABaseline(), dataset)
    with pytest.raises(ValueError, match="lower n_latent"):
        PCABaseline(31).fit(dataset)


def test_asking_a_model_leaves_it_as_it_was():
    model = Autoencoder(30).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gl.infer.embed(model, AnnDataset(counts()))
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_the_batch_size_does_not_matter():
    model, dataset = VariationalAutoencoder(30), AnnDataset(counts())
    assert np.allclose(gl.infer.embed(model, dataset, batch_size=7), gl.infer.embed(model, dataset), atol=1e-6)


def test_a_model_without_the_verb_is_named():
    with pytest.raises(TypeError, match=r"Linear has no embed\(\)"):
        gl.infer.embed(torch.nn.Linear(2, 2), AnnDataset(counts()))


# ---- what is refused --------------------------------------------------------------------------------------------


def with_values(values) -> AnnDataset:
    adata = counts()
    matrix = adata.X.toarray()
    matrix[3, :2] = values
    return AnnDataset(ad.AnnData(matrix, obs=adata.obs))


@pytest.mark.parametrize(
    ("values", "said"),
    [((-1, 0), "smallest value is -1"), ((0.5, 0), "it holds fractions"), ((np.nan, np.inf), "2 are NaN or infinite")],
)
def test_what_is_no_count_is_refused_where_counts_are_asked(values, said):
    with pytest.raises(ValueError, match=said):
        gl.Run(VariationalAutoencoder(30), with_values(values))


def test_what_is_no_count_says_where_counts_are():
    dataset = with_values((0.5, 0))
    with pytest.raises(ValueError, match=r"apply\(cells, round_counts=True\): if they are estimated counts"):
        gl.Run(VariationalAutoencoder(30), dataset)
    dataset.adata.raw = counts()
    with pytest.raises(ValueError, match=r"apply\(cells, counts='raw'\): raw has some, or choose"):
        gl.Run(VariationalAutoencoder(30), dataset)
    dataset.adata.layers["umi"] = counts().X
    with pytest.raises(ValueError, match="Pass inputs='layers/umi', or choose likelihood='normal'"):
        gl.Run(VariationalAutoencoder(30), dataset)


def test_an_empty_cell_is_named():
    adata = counts()
    matrix = adata.X.toarray()
    matrix[7] = 0
    with pytest.raises(ValueError, match=r"1 have none in 'X' \(such as 7\)"):
        gl.Run(VariationalAutoencoder(30), AnnDataset(ad.AnnData(matrix)))


@pytest.mark.parametrize("make", [Autoencoder, VariationalAutoencoder])
def test_a_model_and_data_of_different_width_are_told_apart(make):
    with pytest.raises(ValueError, match=r"built for 20 genes, but 'X' has 30"):
        gl.Run(make(20), AnnDataset(counts()))
    with pytest.raises(ValueError, match="built for 20 genes, got 30"):
        gl.infer.embed(make(20), AnnDataset(counts()))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Autoencoder(1),
        lambda: Autoencoder(30, n_latent=0),
        lambda: Autoencoder(30, input_dropout=1.0),
        lambda: VariationalAutoencoder(30, likelihood="gamma"),
        lambda: VariationalAutoencoder(30, kl_weight=-1),
        lambda: VariationalAutoencoder(30, hidden=(8, 0)),
    ],
)
def test_impossible_models_are_refused(make):
    with pytest.raises(ValueError, match=r"must be|needs at least"):
        make()
