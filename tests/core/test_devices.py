"""Every model and verb on a device that refuses to mix with the CPU: CPU answers, and a model given back unchanged."""

import numpy as np
import pytest
import torch
from toy_device import NAME, ToyDevice, ToyTensor
from toy_models import Noisy
from toy_verbs import VERBS, Rows, cells, check, counts

import genolab as gl
from genolab.run.engine import Engine, _as_numbers


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_answers_on_the_cpu_from_any_device_and_leaves_the_model_as_it_was(verb):
    check(verb, NAME, ToyDevice())


def test_losses_are_read_from_a_device_without_float64():
    with ToyDevice():
        parts = {"loss": torch.tensor(1.5).to(NAME), "each": torch.tensor([1.0, 2.0])}
        assert _as_numbers(parts) == {"loss": 1.5, "each_0": 1.0, "each_1": 2.0}


# ---- the device itself: without it, the checks above would show nothing ----------------------------------------------


@pytest.mark.parametrize(
    "mistake",
    [
        lambda there, here: there + here,
        lambda there, here: here @ there,
        lambda there, here: torch.cat([there, here]),
        lambda there, here: torch.nn.functional.linear(here, there),
        lambda there, here: here[there.argmax(dim=1)],
        lambda there, here: there.numpy(),
        lambda there, here: np.asarray(there),
        lambda there, here: there.double(),
        lambda there, here: torch.where(here > 0, there, 0.0),
        lambda there, here: here.index_select(0, there.argmax(dim=1)),
    ],
)  # fmt: skip
def test_what_mixes_devices_is_refused(mistake):
    with ToyDevice():
        here = torch.ones(3, 3)
        with pytest.raises((RuntimeError, TypeError)):
            mistake(here.to(NAME), here)


def test_what_stays_on_the_device_gives_what_the_cpu_gives():
    with ToyDevice():
        here = torch.arange(9.0).reshape(3, 3)
        there = here.to(NAME)
        assert isinstance(there, ToyTensor)
        assert there.device.type == NAME
        assert torch.equal((there @ there + 1).cpu(), here @ here + 1)
        there[torch.tensor([0]), 1] = 5.0
        assert there[0].tolist() == [0.0, 5.0, 2.0]
        assert float(torch.arange(3, device=there.device).sum()) == 3


def test_a_seed_of_ours_leaves_the_generators_of_all_gpus_alone(monkeypatch):
    engine, seeded = Engine(Noisy(20), gl.RunConfig(device="cpu")), []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    engine.step(Rows(cells()).batch([0, 1]), gl.RunConfig(), rate=1e-3, number=0, total=1)
    gl.models.Autoencoder(20, n_latent=2)
    assert seeded == []


def test_rows_that_lie_on_a_device_can_be_moved_on():
    with ToyDevice():
        there = counts().to(NAME)
        assert there.batch([0]).x.device.type == NAME
        back = there.to("cpu").batch([3, 1])
    assert torch.equal(back.x, counts().batch([3, 1]).x)
    assert back.covariates["batch"].device.type == "cpu"


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "xpu"])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(ValueError, match=f"device '{name}' is not on this machine: use device='auto' or 'cpu'"):
        gl.run.resolve_device(name)
