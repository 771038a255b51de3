"""Why a model says what it says: how much each base of a sequence speaks for an output."""

import warnings
from collections.abc import Iterator
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genolab.data.dataset import AnnDataset
from genolab.dna.model import SequenceCNN
from genolab.dna.saturation import single_changes
from genolab.infer.scorer import Scorer
from genolab.run.engine import resolve_device

Array = NDArray[np.float32]
Method = Literal["mutagenesis", "gradients", "deeplift"]

_BLOCK: Final = 1024  # sequences taken from a dataset at a time
_STEPS: Final = 32  # points on the way of integrated gradients; over a network of ReLUs the sum holds to about 1 %
_OFF: Final = 0.05  # share of the difference by which DeepLIFT's sum may be off before it is refused


def attribute(
    model: nn.Module,
    rows: AnnDataset | Any,
    *,
    method: Method = "mutagenesis",
    target: int | str = 0,
    positions: int | slice | None = None,
    hypothetical: bool = False,
    n_shuffles: int = 20,
    batch_size: int = 512,
    device: str | None = None,
    seed: int = 0,
) -> Array:
    """Return how much each base of each sequence speaks for one output of a model.

    What is explained is the output before softmax or sigmoid, where evidence adds up; a probability is saturated.

    Parameters
    ----------
    model
        With ``logits(x)``, or any ``nn.Module``, over ``(n, 4, length)``. A copy of it computes: the model itself is
        only read, and may be training elsewhere.
    rows
        An `AnnDataset` whose first input holds sequences, or ``(n, 4, length)`` one-hot; one ``(4, length)`` will do.
    method
        ``"mutagenesis"``: change every base to every other and see (in-silico saturation mutagenesis; Zhou and
        Troyanskaya 2015). It asks the model itself, three times the length a sequence.
        ``"gradients"``: integrated gradients from an even mixture of the bases (Sundararajan et al. 2017); they add up
        to the output less that of the mixture. Quick for long sequences.
        ``"deeplift"``: DeepLIFT (Shrikumar et al. 2017) against shuffles of the sequence that keep its pairs of
        neighbours, by tangermeme; they add up to the output less the mean of the shuffles.
    target
        Which output: its number, or for a dataset with a categorical target the class's name.
    positions
        For models with an output a base, ``(n, n_outputs, length)``: those whose mean is explained; ``None``: all.
    hypothetical
        Whether to tell what each of the four bases would contribute at each position, not just the one that is there.
        Such scores, less that of the base that is there, are the effects of single changes; by mutagenesis exactly.
    n_shuffles
        Shuffles a sequence, for DeepLIFT.
    batch_size
        Sequences that the model reads at a time.
    device
        Where to compute; ``None``: where the model is.
    seed
        Draws the shuffles.

    Returns
    -------
    ``(n, 4, length)`` float32
        In the order A C G T. By mutagenesis and gradients the four hypothetical scores of a position add up to 0, by
        DeepLIFT they are about what stands there in the shuffles. Unless they are asked for, the bases that aren't
        there have 0, and so has an unknown base.

    Raises
    ------
    TypeError
        The model gives no tensor of outputs.
    ValueError
        The rows are no one-hot sequences, there is no such output or method, or DeepLIFT's sums are off, which happens
        where it has no rule for a part of the model.

    Examples
    --------
    >>> scores = attribute(model, test, target="donor")
    >>> genolab.dna.plot.logo(scores[0])
    """
    if method not in ("mutagenesis", "gradients", "deeplift"):
        raise ValueError(f"method must be 'mutagenesis', 'gradients' or 'deeplift', got {method!r}")
    where = None if device is None else resolve_device(device)
    scorer = Scorer(model, _number(target, rows), positions=positions, device=where)
    parts: list[Array] = []
    for x in _sequences(rows, scorer.device):
        if method == "mutagenesis":
            scores = mutagenesis(scorer, x, batch_size=batch_size)
        elif method == "gradients":
            scores = integrated_gradients(scorer, x, batch_size=batch_size)
        else:
            done = sum(len(part) for part in parts)
            scores = _deeplift(scorer, x, n_shuffles=n_shuffles, batch_size=batch_size, seed=seed + done)
        parts.append((scores if hypothetical else scores * x).float().cpu().numpy())
    return np.concatenate(parts)


def _number(target: int | str, rows: Any) -> int:
    if not isinstance(target, str):
        return int(target)
    names = getattr(rows, "target_names", ())
    if target not in names:
        raise ValueError(
            f"target names a class of the dataset's target, which has {list(names)}; got {target!r}: "
            "pass one of these, or the output's number"
        )
    return int(names.index(target))


def _sequences(rows: AnnDataset | Any, device: torch.device) -> Iterator[torch.Tensor]:
    """Give the sequences in blocks, ``(n, 4, length)`` float."""
    if isinstance(rows, AnnDataset):
        for batch in rows.batches(_BLOCK):
            yield checked_sequences(batch.x).to(device)
        return
    x = torch.as_tensor(rows)
    x = x[None] if x.ndim == 2 else x
    for first in range(0, len(x), _BLOCK):
        yield checked_sequences(x[first : first + _BLOCK]).to(device)


def checked_sequences(x: torch.Tensor) -> torch.Tensor:
    """Return one-hot sequences ``(n, 4, length)`` as float32, and refuse what is none.

    Raises
    ------
    ValueError
        The shape is another, or a position has more than one base or a share of one.
    """
    if x.ndim != 3 or x.shape[1] != 4 or x.shape[2] == 0:
        raise ValueError(
            f"sequences are one-hot, (n, 4, length), got the shape {tuple(x.shape)}: "
            "pass inputs='obsm/sequence' to AnnDataset, or make them by gl.sequences.one_hot"
        )
    if ((x != 0) & (x != 1)).any() or (x.sum(dim=1) > 1).any():
        raise ValueError("every position of a one-hot sequence has one 1, or none where the base is unknown")
    return x.float()


def mutagenesis(scorer: Scorer, x: torch.Tensor, *, batch_size: int) -> torch.Tensor:
    """Return one output for all single changes, less the mean over the four bases: ``(n, 4, length)``.

    A `SequenceCNN` is computed only where a change reaches; for other models tangermeme finds out where that is, if
    that pays.
    """
    if isinstance(scorer.model, SequenceCNN):
        values = every_change(scorer, x, batch_size=batch_size)[..., 0]
        return values - values.mean(dim=1, keepdim=True)
    from tangermeme.saturation_mutagenesis import saturation_mutagenesis

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="saturation_mutagenesis is using fast=False")
        found: torch.Tensor = saturation_mutagenesis(
            scorer, x, target=0, batch_size=batch_size, hypothetical=True, device=x.device
        )
    return found.to(x)


def every_change(scorer: Scorer, x: torch.Tensor, *, batch_size: int) -> torch.Tensor:
    """Return the outputs for every base at every position, ``(n, 4, length, n_outputs)``.

    Parameters
    ----------
    scorer
        ``(n, 4, length)`` to ``(n, n_outputs)``.
    x
        One-hot ``(n, 4, length)`` float.
    batch_size
        Changed sequences at a time, for a model that isn't known from within.
    """
    with torch.no_grad():
        if isinstance(scorer.model, SequenceCNN):
            return scorer.chosen(single_changes(scorer.model, x).flatten(0, 2)).view(*x.shape, -1)
        here = torch.cat([scorer(part) for part in torch.split(x, batch_size)])  # (n, n_outputs)
        found = here[:, None, None, :].repeat(1, 4, x.shape[2], 1)
        rows, bases, places = (torch.split(index, batch_size) for index in torch.nonzero(x == 0, as_tuple=True))
        for row, base, place in zip(rows, bases, places, strict=True):
            changed, each = x[row], torch.arange(len(row), device=x.device)
            changed[each, :, place] = 0
            changed[each, base, place] = 1
            found[row, base, place] = scorer(changed)
    return found


def integrated_gradients(scorer: Scorer, x: torch.Tensor, *, batch_size: int, steps: int = _STEPS) -> torch.Tensor:
    """Return the mean gradient on the straight way from an even mixture of the bases to `x`, about its mean.

    Taken at the bases that are there, it adds up to ``scorer(x) - scorer(mixture)``: each position goes from a quarter
    of every base to the whole of one, and a gradient that is the same for all four does nothing. An unknown base stays
    unknown on the way.

    Parameters
    ----------
    scorer, x
        As in `every_change`, with one output.
    batch_size
        Points on the way at a time.
    steps
        Points a sequence, at the middles of as many equal parts.
    """
    parts = []
    at = ((torch.arange(steps, device=x.device) + 0.5) / steps).view(-1, 1, 1, 1)
    for one in torch.split(x, max(1, batch_size // steps)):
        mixture = 0.25 * one.sum(dim=1, keepdim=True).expand_as(one)
        way = (mixture + at * (one - mixture)).flatten(0, 1).requires_grad_()  # (steps * n, 4, length)
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(scorer(way).sum(), way)
        parts.append(slope.view(steps, *one.shape).mean(dim=0))
    slope = torch.cat(parts)
    return slope - slope.mean(dim=1, keepdim=True)


def _deeplift(scorer: Scorer, x: torch.Tensor, *, n_shuffles: int, batch_size: int, seed: int) -> torch.Tensor:
    """Ask tangermeme, and turn its warning about what it has no rule for into an error that names a way out."""
    from tangermeme.deep_lift_shap import deep_lift_shap
    from tangermeme.ersatz import dinucleotide_shuffle

    shuffles = dinucleotide_shuffle(x.cpu(), n=n_shuffles, random_state=seed, allow_N=True).to(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its deltas are judged below, over all sequences
        raw: torch.Tensor = deep_lift_shap(
            scorer, x, references=shuffles, batch_size=batch_size, hypothetical=True, device=x.device, only_warn=True,
            additional_nonlinear_ops=scorer.rules(),
        ).to(x)  # fmt: skip
    known = x.any(dim=1).all(dim=1)  # what an unknown base contributes is in no score, so its sum would be off
    if known.any():
        _check_sums(scorer, x[known], shuffles[known], raw[known], batch_size)
    return raw


def _check_sums(
    scorer: Scorer, x: torch.Tensor, shuffles: torch.Tensor, raw: torch.Tensor, batch_size: int
) -> None:  # fmt: skip
    with torch.no_grad():
        here = torch.cat([scorer(part) for part in torch.split(x, batch_size)])
        there = torch.cat([scorer(part) for part in torch.split(shuffles.flatten(0, 1), batch_size)])
    wanted = here - there.view(len(x), -1, 1).mean(dim=1)  # (n, 1)
    off = (raw * x).sum(dim=(1, 2)) - wanted[:, 0]
    share = float(off.abs().sum() / wanted.abs().sum().clamp_min(1e-12))
    if share > _OFF:
        raise ValueError(
            f"DeepLIFT's contributions must add up to the difference to the shuffles, but are off by {share:.0%}: "
            "it has no rule for a part of this model; use method='mutagenesis' or 'gradients'"
        )
