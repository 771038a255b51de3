"""One optimiser step, one look at held-out data: the arithmetic of training, without threads, screens or files.

A step is a function of the weights, the optimiser's moments and the step's number: the order of the rows and all noise
are drawn from the seed and that number. So a run may be cut anywhere and go on elsewhere, and no bit will differ.
"""

import dataclasses
import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from genolab.data.dataset import AnnDataset, Batch
from genolab.run.progress import RunningMean
from genolab.run.records import Losses, RunConfig

Tensors = dict[str, torch.Tensor]

_VALID_BATCH = 1024
_DRAWS_GLOBALLY = (nn.modules.dropout._DropoutNd, nn.RNNBase, nn.MultiheadAttention, nn.RReLU)
_global_draws = threading.Lock()


class NonFiniteLossError(ArithmeticError):
    """Training met NaN or infinity, and stopped before it could reach the weights."""


def resolve_device(name: str) -> torch.device:
    """Return the device of a name; ``"auto"`` is CUDA where there is one, else Apple's MPS, else the CPU.

    The variable ``GENOLAB_DEVICE``, which a Jupyter kernel may set, goes before that choice.
    """
    if name == "auto" and "GENOLAB_DEVICE" in os.environ:
        name = os.environ["GENOLAB_DEVICE"]
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        reason = next(iter(str(error).splitlines()), "")
        raise ValueError(f"device {name!r} is not on this machine: use device='auto' or 'cpu' ({reason})") from None
    return device


def on_this_machine(config: RunConfig) -> RunConfig:
    """Return the config with a device that is here: a run trained on a GPU loads on a laptop."""
    try:
        resolve_device(config.device)
    except ValueError:
        return dataclasses.replace(config, device="auto")
    return config


@contextmanager
def cpu_threads(count: int | None) -> Iterator[None]:
    """Compute with `count` CPU threads for a while; ``None`` leaves one core to the notebook and the browser.

    With all cores taken, training and a browser that watches it slow each other down many times over.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count or max(1, min(before, (os.cpu_count() or 2) - 1)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Engine:
    """A model and its optimiser on a device."""

    def __init__(self, model: nn.Module, config: RunConfig) -> None:
        self.device = resolve_device(config.device)
        self.model = model.to(self.device)
        self.seed = config.seed
        self.mixed_precision = config.mixed_precision and self.device.type == "cuda"
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=0.0, fused=self.device.type != "mps")
        self._generator = torch.Generator(self.device)
        self._draws_globally = any(isinstance(part, _DRAWS_GLOBALLY) for part in model.modules())

    def step(self, batch: Batch, config: RunConfig, *, number: int, total: int, rate: float | None = None) -> Losses:
        """Take optimiser step `number` of `total`, from 0, and return the loss and its parts.

        Without a learning `rate`, it is the schedule's over that total.

        On a `NonFiniteLossError` (a part of the loss, or the gradient) the model is as it was before the step.
        """
        rate = config.rate(number, total) if rate is None else rate
        for group in self.optimiser.param_groups:
            group["lr"], group["weight_decay"] = rate, config.weight_decay
        buffers = [buffer.clone() for buffer in self.model.buffers()]
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        try:
            parts = self._parts(batch, draw=number, step=number, total_steps=total)
            parts["loss"].backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            losses = _as_numbers(parts)
            self._check(losses, config.clip_norm)
        except BaseException as error:
            with torch.no_grad():
                for buffer, before in zip(self.model.buffers(), buffers, strict=True):
                    buffer.copy_(before)
            if len(batch) == 1 and "more than 1 value per channel" in str(error):  # torch's, of batch norm
                raise ValueError(
                    "a model with batch norm needs at least 2 rows a step, got 1: raise RunConfig.batch_size"
                ) from error
            raise
        self.optimiser.step()
        return losses

    def _check(self, losses: Losses, clip_norm: float | None) -> None:
        """Refuse a step that is not finite, and clip the gradient."""
        bad = [name for name, value in losses.items() if not math.isfinite(value)]
        if bad:
            raise NonFiniteLossError(", ".join(bad))
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if not torch.isfinite(norm):
            raise NonFiniteLossError("gradient")
        if clip_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(self.model.parameters(), clip_norm, norm)

    def evaluate(self, dataset: AnnDataset) -> Losses:
        """Return the loss and its parts over a dataset: no dropout, the same draws every time."""
        self.model.eval()
        mean = RunningMean()
        with torch.no_grad():
            for number, batch in enumerate(dataset.batches(_VALID_BATCH)):
                parts = self._parts(batch, draw=-1 - number, step=None, total_steps=None)
                mean.add(_as_numbers(parts), len(batch))
        return mean.values()

    def _parts(self, batch: Batch, *, draw: int, step: int | None, total_steps: int | None) -> Tensors:
        seed = int(np.random.SeedSequence([self.seed, abs(draw), int(draw < 0)]).generate_state(1, np.uint64)[0] >> 1)
        self._generator.manual_seed(seed)
        batch = dataclasses.replace(
            batch.to(self.device), step=step, total_steps=total_steps, generator=self._generator
        )
        precision = torch.autocast("cuda", torch.bfloat16) if self.mixed_precision else nullcontext()
        with precision, self._global_generator(seed):
            loss = cast("Any", self.model).loss(batch)
        return {"loss": loss} if isinstance(loss, torch.Tensor) else dict(loss)

    @contextmanager
    def _global_generator(self, seed: int) -> Iterator[None]:
        """Seed torch's global generator for layers that draw from it (``nn.Dropout``), and put it back as it was."""
        if not self._draws_globally:
            yield
            return
        devices = [self.device] if self.device.type == "cuda" else []
        with _global_draws, torch.random.fork_rng(devices=devices):
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would set those of all devices
            if self.device.type != "cpu":
                torch.get_device_module(self.device).manual_seed(seed)
            yield

    def weights(self) -> Tensors:
        """Return a copy of the model's weights and buffers, on the CPU."""
        return {name: value.detach().to("cpu", copy=True) for name, value in self.model.state_dict().items()}

    def moments(self) -> Tensors:
        """Return a copy of the optimiser's state, on the CPU, as ``<parameter>/<moment>``."""
        names = {id(p): name for name, p in self.model.named_parameters()}
        return {
            f"{names[id(p)]}/{moment}": value.detach().to("cpu", copy=True)
            for p, state in self.optimiser.state.items()
            for moment, value in state.items()
        }

    def restore(self, weights: Tensors, moments: Tensors | None = None) -> None:
        """Set the model's weights, and the optimiser's state where it is given, from copies."""
        self.model.load_state_dict(weights)
        if moments is None:
            return
        parameters = dict(self.model.named_parameters())
        self.optimiser.state.clear()
        for name, value in moments.items():
            parameter, _, moment = name.rpartition("/")
            self.optimiser.state[parameters[parameter]][moment] = value.to(self.device, copy=True)


def _as_numbers(parts: Tensors) -> Losses:
    """Bring all parts to the CPU in one transfer; a vector becomes ``name_0``, ``name_1``, ..."""
    names: list[str] = []
    for name, value in parts.items():
        names += [name] if value.ndim == 0 else [f"{name}_{i}" for i in range(value.numel())]
    device = parts["loss"].device
    wide = torch.float64 if device.type in {"cpu", "cuda"} else torch.float32  # Apple's GPUs have no float64
    flat = torch.cat([value.detach().reshape(-1).to(device, wide) for value in parts.values()])
    return dict(zip(names, flat.tolist(), strict=True))
