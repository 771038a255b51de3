"""A run in one file: tensors in safetensors, everything else as JSON in its header. Nothing in it can be executed."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from genolab import registry
from genolab.checks import listing, meant_file, warn
from genolab.data.dataset import AnnDataset, remember
from genolab.data.faults import reads
from genolab.data.signature import Signature

Tensors = dict[str, torch.Tensor]

_HEADER = "genolab"
_FORMAT = 2
"""1 had no number, and nothing of the data but the number of rows."""


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


@reads("a saved run")
def read(path: str | Path) -> Checkpoint:
    """Read a checkpoint; the tensors are on the CPU."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"no run is saved at {path}: Run.load reads what run.save(path) wrote{meant_file(path)}"
        )
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = (file.metadata() or {}).get(_HEADER)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or no safetensors file ({error}): save the run again") from error
    if header is None:
        raise ValueError(f"{path} holds tensors but no run: Run.load reads what run.save(path) wrote")
    checkpoint = Checkpoint(tensors, json.loads(header))
    _check_format(path, checkpoint.facts)
    return checkpoint


def _check_format(path: Path, facts: dict[str, Any]) -> None:
    version = facts.get("format", 1)
    if version == 1:
        warn(
            f"{path} was saved by an earlier genolab, in format 1, which knows nothing of genes, classes and rows: "
            "make sure that the data are those it was trained on, and save it again"
        )
    elif version != _FORMAT:
        raise ValueError(
            f"{path} is in format {version!r}, and this genolab reads formats 1 to {_FORMAT}: a later genolab wrote "
            "it; install that one (pip install --upgrade genolab)"
        )


def described(checkpoint: Checkpoint, signature: Signature, rows: Mapping[str, NDArray[np.uint64]]) -> Checkpoint:
    """Add to a checkpoint what tells its data."""
    hashes = {name: torch.from_numpy(each.view(np.int64)) for name, each in rows.items()}
    facts = checkpoint.facts | {"format": _FORMAT, "trained_on": signature.facts()}
    return Checkpoint(checkpoint.tensors | group(rows=hashes), facts)


def trained_on(saved: Checkpoint) -> Signature | None:
    """Return what a saved model was trained on; ``None`` where the file is too old to say."""
    facts = saved.facts.get("trained_on")
    return None if facts is None else Signature.from_facts(facts)


def recognised(dataset: AnnDataset, saved: Checkpoint, part: Literal["train", "valid"]) -> AnnDataset:
    """Return rows in the order that they had in the saved run, or refuse them where they are others."""
    wanted = ungroup(saved.tensors, "rows").get(part)
    if wanted is None:
        return dataset
    before, here = wanted.numpy().view(np.uint64), dataset.hashes(target=True)
    if np.array_equal(before, here):
        return dataset
    old, new = np.argsort(before, kind="stable"), np.argsort(here, kind="stable")
    if len(before) != len(here) or not np.array_equal(before[old], here[new]):
        known = np.isin(here, before)
        what = {"train": "training", "valid": "validation"}[part]
        names = listing(map(repr, dataset.adata.obs_names[dataset.rows[~known]][:3]))
        others = (
            f"{(~known).sum():,} of the {len(here):,} are others, such as {names}" if len(names) else "some are gone"
        )
        raise ValueError(
            f"a run goes on with the {what} rows that it had ({len(before):,}, recognised by input and target): "
            f"{others}. Pass the same part of the split, prepared in the same way; to train on other data, make a new "
            "Run(run.model, ...)"
        )
    order = np.empty_like(old)
    order[old] = new
    return dataset.subset(order)


def group(**groups: Tensors) -> Tensors:
    """Join groups of tensors into one, as ``<group>:<name>``."""
    return {f"{place}:{name}": value for place, tensors in groups.items() for name, value in tensors.items()}


def ungroup(tensors: Tensors, place: str) -> Tensors:
    """Return one group of joined tensors under their own names."""
    prefix = f"{place}:"
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


@reads("a saved run")
def load_model(path: str | Path) -> nn.Module:
    """Rebuild one of genolab's models from a saved run, with the weights it had: all that `gl.infer` needs."""
    return rebuild(read(path), path)


def check_fits(model: nn.Module, saved: Checkpoint) -> None:
    """Refuse a model of the user's own whose weights have other names or shapes than the saved ones."""
    here, there = (
        {name: tuple(value.shape) for name, value in tensors.items()}
        for tensors in (model.state_dict(), ungroup(saved.tensors, "weights"))
    )
    names = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    if names:
        pairs = listing(f"{name} {here.get(name, 'none')} for {there.get(name, 'none')}" for name in names)
        raise ValueError(f"the model isn't built as the saved one was, it has {pairs}: build it with the same settings")


def rebuild(saved: Checkpoint, path: str | Path) -> nn.Module:
    """Rebuild the model of a checkpoint that was read from `path`."""
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
    remember(model, trained_on(saved))
    return model.eval()
