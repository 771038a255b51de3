"""What a `MutationView` takes: sequences, edits and options, checked."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from torch import nn

from genolab.checks import check_one_of
from genolab.sequences.encode import decode_one_hot, one_hot

_BY_MUTAGENESIS: Final = 400  # bases; a longer sequence would take more than a tenth of a second to change everywhere
_LONGEST: Final = 20_000  # bases that a person can still find a way about in


def as_bases(sequence: str | Any) -> str:
    """Return a sequence in A, C, G, T and N, from a string or one-hot ``(4, length)``."""
    if isinstance(sequence, str):
        hot = one_hot(sequence)
    else:
        hot = np.asarray(sequence)
        if hot.ndim != 2:
            raise ValueError(f"one sequence is a string or one-hot (4, length), got the shape {hot.shape}: pass x[0]")
    (bases,) = decode_one_hot(hot)
    if not 1 <= len(bases) <= _LONGEST:
        raise ValueError(f"a sequence to change has 1 to {_LONGEST:,} bases, got {len(bases):,}: cut a part of it")
    return bases


def check_lengths(now: str, before: str) -> None:
    """Refuse a sequence and a reference of different lengths."""
    if len(now) != len(before):
        raise ValueError(
            f"sequence and reference are compared base by base and must be of one length, got {len(now):,} and "
            f"{len(before):,}: make a new view for another sequence"
        )


def edited(sequence: str, position: Any, base: Any) -> str:
    """Return a sequence with another base at a position; refuse what is no position or no base."""
    if not isinstance(position, int | np.integer) or not 0 <= position < len(sequence):
        raise ValueError(f"positions of this sequence are 0 to {len(sequence) - 1:,}, got {position!r}")
    new = str(base).upper().replace("U", "T")
    if new not in tuple("ACGTN"):
        raise ValueError(f"a base is one of A, C, G, T (or U) and N, got {base!r}")
    return sequence[:position] + new + sequence[position + 1 :]


def checked_task(model: nn.Module, task: str | None) -> str:
    """Return what the outputs are: as given, or as in the model's config, or values."""
    task = getattr(getattr(model, "config", None), "task", "values") if task is None else task
    check_one_of("task", task, ("classes", "labels", "values"))
    return str(task)


def checked_method(method: str | None, length: int) -> str:
    """Return how contributions are computed: as given, or as the length allows."""
    if method is None:
        return "mutagenesis" if length <= _BY_MUTAGENESIS else "gradients"
    check_one_of("method", method, ("mutagenesis", "gradients"))
    return method


def checked_names(names: Sequence[str] | None, trained: Sequence[str], count: int) -> tuple[str, ...]:
    """Return the names of the outputs, all different: those given, or the classes of training, or numbers."""
    names = trained if names is None and len(trained) == count else names
    labels = tuple(f"output {i}" for i in range(count)) if names is None else tuple(str(name) for name in names)
    if len(labels) != count or len(set(labels)) != count:
        raise ValueError(f"names must be {count} different ones, one an output, got {list(labels)}")
    if set(labels) == set(trained) and labels != tuple(trained):
        raise ValueError(
            f"names must be in the order of the classes that the model was trained on, {list(trained)}, got "
            f"{list(labels)}: leave them out"
        )
    return labels
