"""Tag whole chromosomes: the convolutions by overlapping windows, the GRU along the whole."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from genolab.genes.model import SequenceTagger
from genolab.infer.lend import lend, to_numpy
from genolab.sequences.annotation import TAGS
from genolab.sequences.encode import one_hot
from genolab.waiting import bar

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

Array = NDArray[np.float32]


class Window(NamedTuple):
    """What the convolutions see at once, and what of it is kept."""

    start: int
    end: int
    keep_start: int
    keep_end: int


def tag(
    model: SequenceTagger,
    sequence: "AnnData | Path | str",
    *,
    chromosome: str | None = None,
    start: int | None = None,
    end: int | None = None,
    window: int = 27_000,
    overlap: int | None = None,
    device: str | None = None,
) -> Array:
    """Return the probability of every tag for every base, ``(length, n_tags)`` float32, of a sequence of any length.

    The convolutions see the sequence in windows, each with `overlap` bases more on either side, of which nothing is
    kept. As they reach `model.reach` bases and no farther, this is what they would see without windows. Their output,
    downsampled, takes little memory, so the GRU reads the whole sequence, from either end. So the tags are those that
    the model would give the whole sequence at once, up to rounding.

    Parameters
    ----------
    sequence
        Bases as text; or an annotated genome or the path of a FASTA file, of which `chromosome` is tagged, from `start`
        to `end`.
    window, overlap
        Bases of a window that are kept, and more on either side, by default ``model.reach``; both in whole places of
        the model.

    Examples
    --------
    >>> probabilities = gl.genes.tag(model, genome, chromosome="chrI")
    >>> genes = gl.genes.decode(probabilities, gl.sequences.chromosome(genome, "chrI"), chromosome="chrI")
    """
    bases = one_hot(_bases(sequence, chromosome, start, end))[0]  # (4, length)
    overlap = model.reach if overlap is None else overlap
    if window < model.stride or overlap < model.reach:
        raise ValueError(
            f"a window holds at least a place of the model ({model.stride} bases) and overlaps by what its "
            f"convolutions see ({model.reach} bases); got window={window}, overlap={overlap}"
        )
    windows = cut(bases.shape[1], window // model.stride * model.stride, -(-overlap // model.stride) * model.stride)
    lent, _ = lend(model, device)
    with torch.no_grad(), bar("Tagging", 2 * len(windows), unit="windows") as shown:
        return _probabilities(lent, torch.from_numpy(bases), windows, shown.update)


def cut(length: int, window: int, overlap: int) -> list[Window]:
    """Return the windows of a sequence, in order; what they keep covers each base once."""
    return [
        Window(max(0, first - overlap), min(length, first + window + overlap), first, min(length, first + window))
        for first in range(0, length, window)
    ]


def _bases(sequence: "AnnData | Path | str", chromosome: str | None, start: int | None, end: int | None) -> str:
    if isinstance(sequence, str) and chromosome is None:
        return sequence[start:end]
    from genolab.sequences.genome import chromosome as bases_of

    if chromosome is None:
        raise ValueError('of a genome, one chromosome is tagged at a time: say which, as in chromosome="chrI"')
    return bases_of(sequence, chromosome, start, end)


def _probabilities(
    model: SequenceTagger, bases: torch.Tensor, windows: list[Window], done: Callable[[], object]
) -> Array:
    """Return ``(length, n_tags)``: once over the windows for the GRU's input, and once for the tags."""
    coarse = torch.cat(list(_of_windows(model, bases, windows, model.downsample, done)), dim=3)
    context = model.context(coarse)  # (1, 6, 2 * n_hidden, places)
    probabilities = np.empty((bases.shape[1], len(TAGS)), dtype=np.float32)
    for window, local in zip(windows, _of_windows(model, bases, windows, lambda local: local, done), strict=True):
        near = context[..., window.keep_start // model.stride : -(-window.keep_end // model.stride)]
        logits = model.to_logits(model.broadcast(local, near))[0, :, : window.keep_end - window.keep_start]
        probabilities[window.keep_start : window.keep_end] = to_numpy(logits.float().softmax(dim=0).T)
    return probabilities


def _of_windows(
    model: SequenceTagger,
    bases: torch.Tensor,
    windows: list[Window],
    output: Callable[[torch.Tensor], torch.Tensor],
    done: Callable[[], object],
) -> Iterator[torch.Tensor]:
    """Give an output of the local features in the middle of each window, in whole places."""
    device = next(model.parameters()).device
    for one in windows:
        x = model.padded(bases[None, :, one.start : one.end].to(device))
        local = model.local(x)  # (1, 6, channels, places)
        per_place = x.shape[2] // local.shape[3]
        first, last = one.keep_start - one.start, -(-(one.keep_end - one.start) // model.stride) * model.stride
        yield output(local[..., first // per_place : last // per_place])
        done()
