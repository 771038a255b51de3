"""A run in one file: tensors in safetensors, everything else as JSON in its header. Nothing in it can be executed."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from genolab import registry

Tensors = dict[str, torch.Tensor]

_HEADER = "genolab"


class Checkpoint(NamedTuple):
    """Tensors by name, and JSON-able facts."""

    tensors: Tensors
    facts: dict[str, Any]


def write(path: str | Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint: whole or not at all, an older file staying until the new one is complete."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        tensors = {key: value.contiguous() for key, value in checkpoint.tensors.items()}
        save_file(tensors, name, metadata={_HEADER: json.dumps(checkpoint.facts)})
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def read(path: str | Path) -> Checkpoint:
    """Read a checkpoint; the tensors are on the CPU."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no run is saved at {path}: Run.load reads what run.save(path) wrote")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = (file.metadata() or {}).get(_HEADER)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or no safetensors file ({error}): save the run again") from error
    if header is None:
        raise ValueError(f"{path} holds tensors but no run: Run.load reads what run.save(path) wrote")
    return Checkpoint(tensors, json.loads(header))


def group(**groups: Tensors) -> Tensors:
    """Join groups of tensors into one, as ``<group>:<name>``."""
    return {f"{place}:{name}": value for place, tensors in groups.items() for name, value in tensors.items()}


def ungroup(tensors: Tensors, place: str) -> Tensors:
    """Return one group of joined tensors under their own names."""
    prefix = f"{place}:"
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def load_model(path: str | Path) -> nn.Module:
    """Rebuild one of genolab's models from a saved run, with the weights it had: all that `gl.infer` needs."""
    saved = read(path)
    name, config = saved.facts["model"], saved.facts["model_config"]
    known = registry.table("models")
    if name not in known or config is None:
        raise ValueError(
            f"{path} holds a {name}, which is none of genolab's models ({', '.join(known)}): "
            "build it yourself and pass it as Run.load(path, train, model=...)"
        )
    weights = ungroup(saved.tensors, "best" if saved.facts["shows_best"] else "weights")
    kind = registry.load(known[name])
    # A model that is built from more than its config, such as tables of features, finds it among its weights.
    model: nn.Module = kind.rebuild(config, weights) if hasattr(kind, "rebuild") else kind(**config)
    model.load_state_dict(weights)
    return model.eval()
