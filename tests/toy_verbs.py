"""Every model, small, and every verb that asks it: what tests of devices go through, on whatever device.

``MODELS`` makes the models, on the CPU. ``VERBS`` names a model and what is asked of it; a verb gets the model and a
device's name, for those that are told where to compute. ``check`` asks, and compares answer and model.
"""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from scipy import sparse

import genolab as gl
from genolab.data.dataset import remember
from genolab.widgets.latent.follow_run import RunFollower

Rows = gl.data.AnnDataset

# ---- data ------------------------------------------------------------------------------------------------------------


@cache
def cells() -> AnnData:
    return gl.data.simulate_cells(60, 20, n_types=3, n_batches=2, seed=0)


def counts() -> Rows:
    return Rows(cells(), "layers/counts", covariates="batch")


def genes_turned() -> Rows:
    return Rows(cells()[:, ::-1].copy(), "layers/counts", covariates="batch")


@cache
def loci() -> AnnData:
    random = np.random.default_rng(0)
    texts = ["".join(row) for row in random.choice(list("ACGT"), (24, 20))]
    obs = pd.DataFrame({"kind": pd.Categorical(np.resize(list("abc"), 24))}, index=[f"s{row}" for row in range(24)])
    return AnnData(obs=obs, obsm={"sequence": gl.sequences.one_hot(texts)})


def sequences() -> Rows:
    return Rows(loci(), "obsm/sequence", target="obs/kind")


def few() -> Rows:
    return sequences().subset([0, 1, 2])


@cache
def chromosome() -> str:
    return "".join(np.random.default_rng(0).choice(list("ACGT"), 270))


@cache
def windows() -> AnnData:
    tags = np.random.default_rng(0).integers(0, len(gl.sequences.TAGS), (2, 135)).astype(np.uint8)
    obs = pd.DataFrame(index=["w0", "w1"])
    return AnnData(
        obs=obs, obsm={"sequence": gl.sequences.one_hot([chromosome()[:135], chromosome()[135:]]), "tags": tags}
    )


def tagged() -> Rows:
    return Rows(windows(), "obsm/sequence", target="obsm/tags")


@cache
def profiles() -> AnnData:
    course = gl.timecourse.simulate_time_course(40, (10, 12), periods=(60.0, 80.0), noise=0.3, irregular=0.4, seed=5)
    rows = gl.timecourse.courses(course)
    rows.obsm["cycles"] = gl.timecourse.estimate_cycles(rows).times(rows)
    return rows


def courses(target: str | None = "obs/phase") -> Rows:
    return Rows(profiles(), ("obsm/values", "obsm/cycles"), target=target)


@cache
def proteins() -> AnnData:
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list("ACDEFGHIKLMNPQRSTVWY"), int(random.integers(20, 40)))) for _ in range(12)]
    terms = np.resize([[1, 1, 1, 1, 0], [0, 0, 0, 0, 1], [1, 1, 0, 0, 0]], (12, 5)).astype(np.uint8)
    obsm = {"sequence": gl.sequences.encode_protein(texts), "terms": sparse.csr_matrix(terms)}
    obsm["numbers"] = random.normal(size=(12, 4)).astype(np.float32)
    rows = AnnData(obs=pd.DataFrame(index=[f"p{row}" for row in range(12)]), obsm=obsm)
    rows.uns |= {"terms": np.array([f"T:{at}" for at in range(5)]), "names": np.array(list("abcde"))}
    rows.uns |= {"parents": np.array([(1, 0), (2, 0), (3, 1), (3, 2)]), "namespaces": np.array(["process"] * 5)}
    return rows


def terms(*inputs: str) -> Rows:
    return Rows(proteins(), tuple(f"obsm/{name}" for name in inputs), target="obsm/terms")


SMILES = ["CCO", "CCN", "CCCO", "c1ccccc1O", "CC(=O)O", "CCCl", "c1ccncc1", "CC(C)O", "CCOC", "NCCN", "OCCO", "CCS"]


@cache
def screen() -> AnnData:
    random = np.random.default_rng(0)
    pair = np.stack(np.meshgrid(np.arange(len(SMILES)), np.arange(6), indexing="ij"), axis=-1).reshape(-1, 2)
    response = 6 + random.normal(size=len(SMILES))[pair[:, 0]] + random.normal(size=6)[pair[:, 1]]
    obs = pd.DataFrame({"response": response}, index=[f"r{row}" for row in range(len(pair))])
    obs["active"] = pd.Categorical(np.where(response > np.median(response), "yes", "no"), ["no", "yes"])
    obs["censored"] = pd.Categorical(np.where(random.random(len(pair)) < 0.2, ">", ""))
    obs["compound"], obs["context"] = [f"c{at}" for at in pair[:, 0]], [f"t{at}" for at in pair[:, 1]]
    names = pd.Index([f"c{number}" for number in range(len(SMILES))])
    compounds = pd.DataFrame({"smiles": SMILES, "canonical": SMILES}, index=names)
    contexts = pd.DataFrame(index=[f"t{number}" for number in range(6)])
    return AnnData(obs=obs, obsm={"pair": pair}, uns={"compounds": compounds, "contexts": contexts})


def responses() -> Rows:
    return Rows(screen(), "obsm/pair", target="obs/response", covariates="censored")


def classes() -> Rows:
    return Rows(screen(), "obsm/pair", target="obs/active")


@cache
def prints() -> Any:
    return gl.drugs.compounds.fingerprints(SMILES)


def tokens(texts: list[str]) -> Any:
    codes = np.zeros((len(texts), max(map(len, texts))), dtype=np.uint8)
    for row, text in zip(codes, texts, strict=True):
        row[: len(text)] = list(text.encode())
    return codes


CONTEXTS = np.eye(6, dtype=np.float32)
MUTATIONS = np.random.default_rng(1).integers(0, 2, (6, 3)).astype(np.float32)

# ---- models ----------------------------------------------------------------------------------------------------------


def _response_model(table: Any, **options: Any) -> Any:
    sizes = {"n_axes": 3, "width": 4, "hidden": 8, "members": 2}
    return gl.drugs.ResponseModel(table, options.pop("contexts", CONTEXTS), **sizes | options)


def _trained_vae() -> torch.nn.Module:
    model = MODELS["VariationalAutoencoder"]()
    remember(model, counts())
    return model


MODELS: dict[str, Callable[[], torch.nn.Module]] = {
    "Autoencoder": lambda: gl.models.Autoencoder(20, hidden=(8,), n_latent=2),
    "VariationalAutoencoder": lambda: gl.models.VariationalAutoencoder(
        20, hidden=(8,), n_latent=3, covariates=counts().covariate_levels
    ),
    "VariationalAutoencoder, trained": _trained_vae,
    "PCABaseline": lambda: gl.models.PCABaseline(3).fit(counts()),
    "SequenceCNN": lambda: gl.dna.SequenceCNN(3, length=20, n_filters=4, width=5, hidden=8, members=2),
    "SequenceCNN, both strands": lambda: gl.dna.SequenceCNN(
        3, n_filters=4, width=5, hidden=8, reverse_complement="average", period=3
    ),
    "PWMBaseline": lambda: gl.dna.PWMBaseline().fit(sequences()),
    "KmerBaseline": lambda: gl.dna.KmerBaseline(2).fit(sequences()),
    "SequenceTagger": lambda: gl.genes.SequenceTagger(channels=4, n_hidden=4, dilations=(1,)),
    "ExpressionRNN, classes": lambda: gl.timecourse.ExpressionRNN(4, n_hidden=4, n_latent=3, members=2),
    "ExpressionRNN, forecasts": lambda: gl.timecourse.ExpressionRNN(cell="lstm", n_hidden=4, n_latent=3, members=2),
    "ProfileBaseline": lambda: gl.timecourse.ProfileBaseline("cosinor").fit(courses()),
    "NearestProfiles": lambda: gl.timecourse.NearestProfiles(3).fit(courses()),
    "FunctionClassifier": lambda: gl.function.FunctionClassifier(
        5, parents=proteins().uns["parents"], n_features=4, n_filters=4, hidden=8, members=2
    ),
    "FunctionClassifier, residues": lambda: gl.function.FunctionClassifier(5, n_filters=4, hidden=8),
    "FrequencyBaseline": lambda: gl.function.FrequencyBaseline().fit(terms("sequence")),
    "HomologBaseline": lambda: gl.function.HomologBaseline().fit(terms("sequence")),
    "DipeptideBaseline": lambda: gl.function.DipeptideBaseline().fit(terms("sequence")),
    "ResponseModel": lambda: _response_model(prints(), contexts=MUTATIONS),
    "ResponseModel, classes": lambda: _response_model(prints(), n_classes=2),
    "ResponseModel, tokens": lambda: _response_model(tokens(SMILES), compound_kind="tokens"),
    "ResponseModel, recurrent": lambda: _response_model(tokens(SMILES), compound_kind="recurrent"),
    "MeansBaseline": lambda: gl.drugs.MeansBaseline().fit(responses()),
    "NeighbourBaseline": lambda: gl.drugs.NeighbourBaseline(prints()).fit(responses()),
    "RidgeBaseline": lambda: gl.drugs.RidgeBaseline(prints()).fit(responses()),
    "ForestBaseline": lambda: gl.drugs.ForestBaseline(prints(), n_trees=3).fit(responses()),
    "KernelBaseline": lambda: gl.drugs.KernelBaseline(prints()).fit(responses()),
}

# ---- verbs -----------------------------------------------------------------------------------------------------------


class Verb(NamedTuple):
    model: str
    ask: Callable[[Any, str], Any]
    changes: tuple[str, ...] = ()  # buffers that it is there to set


def _of_rows(model: str, rows: Callable[[], Rows], *verbs: str) -> dict[str, Verb]:
    """Return verbs of `genolab.infer`, for rows on the CPU and for rows that lie on the device."""
    asked = {verb: getattr(gl.infer, verb) for verb in verbs}
    here = {f"{verb} by {model}": Verb(model, lambda m, _, ask=ask: ask(m, rows())) for verb, ask in asked.items()}
    there = Verb(model, lambda m, device: asked[verbs[0]](m, rows().to(device)))
    return here | {f"{verbs[0]} by {model}, rows there": there}


def _seen_and_asked(device: str = "cpu") -> tuple[Any, ...]:
    values, times = (torch.as_tensor(profiles().obsm[key][:5]).float().to(device) for key in ("values", "cycles"))
    return values[:, :6], times[:, :6], times[:, 6:8]


def _follow(model: Any, _device: str) -> Any:
    shown: list[Any] = []
    status = SimpleNamespace(state="finished", step=1, epoch=1, epochs=2)
    follower = RunFollower(counts(), lambda at, _: shown.append(at), shown.append)
    follower.show(SimpleNamespace(model=model, status=status))
    return shown[0]


def _mutate(model: Any, _device: str) -> Any:
    view = gl.dna.MutationView(model, loci().obsm["sequence"][0], names=["a", "b", "c"], target="b")
    view.mutate(3, "G" if view.sequence[3] != "G" else "T")
    view.refresh()
    return view.prediction, view.attribution


def _mutate_by_gradients(model: Any, _device: str) -> Any:
    positions = slice(20, 40)
    return gl.dna.MutationView(model, chromosome()[:81], method="gradients", positions=positions).attribution


def _browse(model: Any, _device: str) -> Any:
    codes = proteins().obsm["sequence"]
    browser = gl.function.FunctionBrowser(
        proteins(),
        gl.infer.predict(model, terms("sequence")),
        residues=lambda gene, term: gl.function.residue_scores(model, codes[gene], target=term),
    )
    browser.gene = "p3"
    return browser.explanation.terms["probability"].to_numpy(), browser.genes, browser._view["term"]["residues"]


def _rank(model: Any, _device: str) -> Any:
    table = gl.drugs.rank(model, SMILES, "t1", train=screen(), describe=4, picks=2)
    gl.drugs.CompoundTable(table)
    return table.sort_values("smiles")[["score", "uncertainty"]].to_numpy()


def _align(_model: Any, device: str) -> Any:
    found = gl.align.align(["ACGTTACG", "GGAT"], ["CGTACTTG", "GAT"], backend="torch", device=device)
    return found.score, found.identity


VERBS: dict[str, Verb] = {
    **_of_rows("Autoencoder", lambda: Rows(cells()), "embed", "reconstruct"),
    **_of_rows("VariationalAutoencoder", counts, "embed", "reconstruct"),
    "decode by VariationalAutoencoder": Verb(
        "VariationalAutoencoder", lambda m, _: gl.infer.decode(m, np.ones((2, 3)), covariates={"batch": [0, 1]})
    ),
    "decode of points there": Verb("PCABaseline", lambda m, d: gl.infer.decode(m, torch.ones(2, 3).to(d))),
    "embed of genes in another order, rows there": Verb(
        "VariationalAutoencoder, trained", lambda m, d: gl.infer.embed(m, genes_turned().to(d))
    ),
    "LatentExplorer.watch": Verb("VariationalAutoencoder", _follow),
    **_of_rows("PCABaseline", counts, "embed", "reconstruct"),
    "decode by PCABaseline": Verb("PCABaseline", lambda m, _: gl.infer.decode(m, np.ones((2, 3)))),
    **_of_rows("SequenceCNN", sequences, "predict", "embed"),
    **_of_rows("SequenceCNN, both strands", sequences, "predict", "embed"),
    **{
        f"attribute by {method}, {model}": Verb(
            model, lambda m, _, method=method: gl.dna.attribute(m, few(), target="b", method=method)
        )
        for method, model in (
            ("mutagenesis", "SequenceCNN"),
            ("gradients", "SequenceCNN"),
            ("deeplift", "SequenceCNN"),
            ("mutagenesis", "SequenceCNN, both strands"),
            ("mutagenesis", "PWMBaseline"),
        )
    },
    "attribute, rows there": Verb("SequenceCNN", lambda m, d: gl.dna.attribute(m, few().to(d))),
    "filter_motifs": Verb("SequenceCNN", lambda m, _: gl.dna.filter_motifs(m, sequences()).counts),
    "filter_motifs, rows there": Verb("SequenceCNN", lambda m, d: gl.dna.filter_motifs(m, sequences().to(d)).n_sites),
    "MutationView": Verb("SequenceCNN", _mutate),
    "evaluate.table": Verb("SequenceCNN", lambda m, d: gl.evaluate.table({"m": m}, sequences().to(d), n_boot=0)),
    "evaluate.confusion": Verb("SequenceCNN", lambda m, _: gl.evaluate.confusion(m, sequences())),
    **_of_rows("PWMBaseline", sequences, "predict"),
    **_of_rows("KmerBaseline", sequences, "predict"),
    **_of_rows("SequenceTagger", tagged, "predict", "embed"),
    "tag": Verb("SequenceTagger", lambda m, _: gl.genes.tag(m, chromosome(), window=81)),
    "decode of genes": Verb(
        "SequenceTagger", lambda m, _: len(gl.genes.decode(gl.genes.tag(m, chromosome()), chromosome()))
    ),
    "attribute by a tagger": Verb(
        "SequenceTagger", lambda m, _: gl.dna.attribute(m, loci().obsm["sequence"][:1], positions=slice(5, 9))
    ),
    "MutationView of a tagger": Verb("SequenceTagger", _mutate_by_gradients),
    **_of_rows("ExpressionRNN, classes", courses, "predict", "embed"),
    "path": Verb("ExpressionRNN, classes", lambda m, d: gl.timecourse.path(m, courses().to(d))),
    **_of_rows("ExpressionRNN, forecasts", lambda: courses(None), "predict", "embed"),
    "forecast": Verb("ExpressionRNN, forecasts", lambda m, _: gl.timecourse.forecast(m, *_seen_and_asked())),
    "forecast of values there": Verb(
        "ExpressionRNN, forecasts", lambda m, d: gl.timecourse.forecast(m, *_seen_and_asked(d))
    ),
    "calibrate a forecast": Verb("ExpressionRNN, forecasts", lambda m, _: m.calibrate(courses(None)), ("band",)),
    "plot.forecast": Verb(
        "ExpressionRNN, forecasts",
        lambda m, _: gl.timecourse.plot.forecast(m, profiles(), list(profiles().obs["gene"].iloc[:2])).data[2].y,
    ),
    "evaluate_forecasts": Verb(
        "ExpressionRNN, forecasts",
        lambda m, _: gl.timecourse.evaluate_forecasts({"m": m}, profiles(), times="cycles", n_boot=0),
    ),
    **_of_rows("ProfileBaseline", courses, "predict"),
    **_of_rows("NearestProfiles", courses, "predict"),
    **_of_rows("FunctionClassifier", lambda: terms("sequence", "numbers"), "predict", "embed"),
    "calibrate functions": Verb(
        "FunctionClassifier",
        lambda m, _: gl.infer.predict(m.calibrate(terms("sequence", "numbers")), terms("sequence", "numbers")),
        ("scale", "shift"),
    ),
    "plan of functions, rows there": Verb(
        "FunctionClassifier", lambda m, d: m.plan(terms("sequence", "numbers").to(d), 1)
    ),
    "residue_scores": Verb(
        "FunctionClassifier, residues",
        lambda m, _: gl.function.residue_scores(m, proteins().obsm["sequence"][0], target=3),
    ),
    "FunctionBrowser": Verb("FunctionClassifier, residues", _browse),
    "evaluate of functions": Verb(
        "FunctionClassifier, residues",
        lambda m, _: gl.function.evaluate({"m": gl.infer.predict(m, terms("sequence"))}, terms("sequence"), n_boot=0),
    ),
    **_of_rows("FrequencyBaseline", lambda: terms("sequence"), "predict"),
    **_of_rows("HomologBaseline", lambda: terms("sequence"), "predict"),
    **_of_rows("DipeptideBaseline", lambda: terms("sequence"), "predict"),
    **_of_rows("ResponseModel", responses, "predict", "embed"),
    **_of_rows("ResponseModel, classes", classes, "predict", "embed"),
    **_of_rows("ResponseModel, tokens", responses, "predict", "embed"),
    **_of_rows("ResponseModel, recurrent", responses, "predict", "embed"),
    "score": Verb("ResponseModel", lambda m, _: m.score(prints()[:3], 2)),
    "score of classes": Verb("ResponseModel, classes", lambda m, _: m.score(prints()[:3], 2)),
    "score of tokens": Verb("ResponseModel, tokens", lambda m, _: m.score(tokens(SMILES[:3]), 2)),
    "score by a recurrent encoder": Verb("ResponseModel, recurrent", lambda m, _: m.score(tokens(SMILES[:3]), 2)),
    "score_contexts": Verb("ResponseModel", lambda m, _: m.score_contexts(1, MUTATIONS[:2])),
    "compound_vectors": Verb("ResponseModel", lambda m, _: m.compound_vectors()),
    "rank, and CompoundTable": Verb("ResponseModel", _rank),
    "atom_scores": Verb("ResponseModel", lambda m, _: gl.drugs.atom_scores(m, "CCO", 1)),
    "feature_scores": Verb(
        "ResponseModel",
        lambda m, _: gl.drugs.feature_scores(m, screen(), "c1", MUTATIONS, ["x", "y", "z"], min_contexts=2)[["effect"]],
    ),
    "calibrate a spread": Verb("ResponseModel", lambda m, _: m.calibrate(responses()), ("outcome.spread_factor",)),
    "calibrate classes": Verb("ResponseModel, classes", lambda m, _: m.calibrate(classes()), ("outcome.temperature",)),
    "plan of responses, rows there": Verb(
        "ResponseModel",
        lambda m, d: m.plan(responses().to(d), 1),
        ("outcome.centre", "outcome.scale", "outcome.bounds"),
    ),
    "evaluate of responses": Verb(
        "ResponseModel", lambda m, d: gl.drugs.evaluate({"m": m}, responses().to(d), n_boot=0)
    ),
    "calibration": Verb("ResponseModel", lambda m, _: gl.drugs.calibration({"m": m}, responses())),
    **_of_rows("MeansBaseline", responses, "predict"),
    **{
        f"predict by {model}": Verb(model, lambda m, _: gl.infer.predict(m, responses()))
        for model in ("NeighbourBaseline", "RidgeBaseline", "ForestBaseline", "KernelBaseline")
    },
    "evaluate by a forest's spread": Verb(
        "ForestBaseline", lambda m, d: gl.drugs.evaluate({"m": m}, responses().to(d), n_boot=0)
    ),
    "align by torch": Verb("MeansBaseline", _align),
}

# ---- the check -------------------------------------------------------------------------------------------------------


def numbers(answer) -> list[np.ndarray]:
    """Return all that an answer holds, as numpy; tensors must lie on the CPU, and remember no gradient."""
    if isinstance(answer, torch.Tensor):
        assert answer.device.type == "cpu"
        assert not answer.requires_grad
        return [answer.numpy()]
    if isinstance(answer, pd.DataFrame):
        return [answer.select_dtypes("number").to_numpy()]
    answer = list(answer.values()) if isinstance(answer, dict) else answer
    if isinstance(answer, tuple | list):
        return [each for part in answer for each in numbers(part)]
    return [] if isinstance(answer, str) else [np.asarray(answer)]


def assert_alike(answer, expected, tolerance=1e-4) -> None:
    answer, expected = numbers(answer), numbers(expected)
    assert len(answer) == len(expected)
    for one, other in zip(answer, expected, strict=True):
        scale = max(1.0, float(np.nanmax(np.abs(other.astype(float)), initial=0)))
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale, equal_nan=True)


def prepared(model: torch.nn.Module) -> torch.nn.Module:
    """Put a model into a state of which every part can be lost: modes, frozen parameters, gradients."""
    model.train()
    list(model.modules())[-1].eval()
    for number, parameter in enumerate(model.parameters()):
        parameter.requires_grad_(number % 3 > 0)
        parameter.grad = torch.ones_like(parameter) if number % 3 == 1 else None
    return model


def state(model: torch.nn.Module, but: tuple[str, ...]) -> dict:
    parts = {f"mode of {name}": part.training for name, part in model.named_modules()}
    for name, value in (*model.named_parameters(), *model.named_buffers()):
        gradient = None if value.grad is None else value.grad.tolist()
        parts[name] = (id(value), value.device, value.requires_grad, gradient, None if name in but else value.tolist())
    return parts


def check(verb: str, device: str, there: AbstractContextManager, tolerance: float = 1e-4) -> None:
    """Ask a model on a device, and a copy of it on the CPU: both answer alike, and the model is as it was."""
    name, ask, changes = VERBS[verb]
    model = MODELS[name]()
    expected = ask(prepared(copy.deepcopy(model)), "cpu")
    with there:
        model = prepared(model.to(device))
        before, generator = state(model, changes), torch.get_rng_state()
        answer = ask(model, device)
        assert_alike(answer, expected, tolerance)
        assert state(model, changes) == before
        assert torch.equal(torch.get_rng_state(), generator)
        assert torch.is_grad_enabled()
