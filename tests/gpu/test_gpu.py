"""Every model and verb on a GPU beside the CPU; training there. Skipped without a GPU: see run.sh."""

import os
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from toy_verbs import MODELS, VERBS, Rows, cells, check, counts, courses, responses, sequences, tagged, terms

import genolab as gl

DEVICE = os.environ.get("GENOLAB_TEST_DEVICE", "cuda")
TOLERANCE = 5e-3  # of an answer's largest value: convolutions on a GPU round to TF32

pytestmark = pytest.mark.skipif(DEVICE == "cuda" and not torch.cuda.is_available(), reason="there is no GPU here")

TRAINED = {
    "Autoencoder": lambda: Rows(cells()),
    "VariationalAutoencoder": counts,
    "SequenceCNN": sequences,
    "SequenceCNN, both strands": sequences,
    "SequenceTagger": tagged,
    "ExpressionRNN, classes": courses,
    "ExpressionRNN, forecasts": lambda: courses(None),
    "FunctionClassifier": lambda: terms("sequence", "numbers"),
    "ResponseModel": responses,
    "ResponseModel, recurrent": responses,
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_on_a_gpu_answers_as_on_the_cpu_and_leaves_the_model_as_it_was(verb):
    check(verb, DEVICE, nullcontext(), TOLERANCE)


@pytest.mark.parametrize("mixed", [False, True], ids=["float32", "mixed precision"])
@pytest.mark.parametrize("name", TRAINED)
def test_a_model_trains_on_a_gpu(name, mixed):
    model, rows = MODELS[name](), TRAINED[name]()
    config = gl.RunConfig(epochs=2, batch_size=16, device=DEVICE, mixed_precision=mixed, clip_norm=1.0)
    run = gl.Run(model, rows, rows, config)
    run.fit()
    assert np.isfinite(run.epochs[-1].train["loss"])
    assert next(model.parameters()).device.type == DEVICE


def test_a_run_is_saved_loaded_and_branched(tmp_path):
    rows = counts()
    model = MODELS["VariationalAutoencoder"]()
    run = gl.Run(model, rows, rows, gl.RunConfig(epochs=2, device=DEVICE, keep_every=1))
    run.fit()
    again = gl.Run.load(run.save(tmp_path / "run.safetensors"), rows, rows)
    np.testing.assert_allclose(gl.infer.embed(again.model, rows), gl.infer.embed(model, rows), atol=1e-5)
    again.fit(epochs=1)
    run.branch(1).fit(epochs=1)


def test_the_same_seed_gives_the_same_model_twice():
    latents = []
    for _ in range(2):
        model = MODELS["VariationalAutoencoder"]()
        gl.Run(model, counts(), None, gl.RunConfig(epochs=2, device=DEVICE)).fit()
        latents.append(gl.infer.embed(model, counts()))
    np.testing.assert_allclose(*latents, atol=1e-2)  # sums by atomic additions have no order


@pytest.mark.skipif(DEVICE == "cpu", reason="about the generator of a GPU")
def test_initial_weights_leave_the_gpus_generator_alone():
    before = torch.cuda.get_rng_state()
    gl.models.Autoencoder(10, n_latent=2, seed=1)
    assert torch.equal(torch.cuda.get_rng_state(), before)
