"""Tag whole chromosomes without a seam: the convolutions go by overlapping windows, the memory along the whole."""

import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from genolab.genes.model import SequenceTagger
from genolab.run.engine import resolve_device
from genolab.sequences.annotation import TAGS
from genolab.sequences.encode import one_hot

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

Array = NDArray[np.float32]


class Window(NamedTuple):
    """A stretch that is looked at at once, and what of it is kept."""

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
    """Return the probability of every tag for every base of a sequence of any length.

    The convolutions look at the sequence in windows, each with `overlap` bases more on either side, of which nothing is
    kept. As they see `model.reach` bases and no farther, this is what they would see without windows. What they tell
    the GRU takes two numbers a base, so the GRU walks along the whole sequence, from either end, and forgets nothing at
    a seam. So the tags are those that the model would give the whole sequence at once, up to rounding.

    Parameters
    ----------
    model
        A trained tagger; it is only read.
    sequence
        Letters; or an annotated genome or the path of a FASTA file, of which `chromosome` is tagged.
    chromosome, start, end
        What to tag of a genome; by default the whole chromosome.
    window
        Bases of a window that are kept, rounded down to whole places of the model.
    overlap
        Bases more on either side, rounded up to whole places; ``None``: ``model.reach``.
    device
        Where to compute; ``None``: where the model is.

    Returns
    -------
    ``(length, n_tags)`` float32; rows add up to 1.

    Raises
    ------
    ValueError
        The overlap is smaller than the model's reach, a window is shorter than a place, a letter is no DNA, or
        `chromosome` is missing.

    Examples
    --------
    >>> probabilities = gl.genes.tag(model, genome, chromosome="chrI")
    >>> genes = gl.genes.decode(probabilities, gl.sequences.chromosome(genome, "chrI"), chromosome="chrI")
    """
    bases = one_hot(_letters(sequence, chromosome, start, end))[0]  # (4, length)
    overlap = model.reach if overlap is None else overlap
    if window < model.stride or overlap < model.reach:
        raise ValueError(
            f"a window holds at least a place of the model ({model.stride} bases) and overlaps by what its "
            f"convolutions see ({model.reach} bases); got window={window}, overlap={overlap}"
        )
    cuts = cut(bases.shape[1], window // model.stride * model.stride, -(-overlap // model.stride) * model.stride)
    where = next(model.parameters()).device if device is None else resolve_device(device)
    own = copy.deepcopy(model).to(where).eval()
    with torch.no_grad():
        return _tags(own, torch.from_numpy(bases), cuts)


def cut(length: int, window: int, overlap: int) -> list[Window]:
    """Return the windows of a sequence, in order; what they keep covers each base once."""
    return [
        Window(max(0, first - overlap), min(length, first + window + overlap), first, min(length, first + window))
        for first in range(0, length, window)
    ]


def _letters(sequence: "AnnData | Path | str", chromosome: str | None, start: int | None, end: int | None) -> str:
    if isinstance(sequence, str) and chromosome is None:
        return sequence[start:end]
    from genolab.sequences.genome import chromosome as letters_of

    if chromosome is None:
        raise ValueError('of a genome, one chromosome is tagged at a time: say which, as in chromosome="chrI"')
    return letters_of(sequence, chromosome, start, end)


def _tags(model: SequenceTagger, bases: torch.Tensor, cuts: list[Window]) -> Array:
    """Return probabilities ``(length, n_tags)``: look once for what the GRU is told, and again for the tags."""
    gist = torch.cat(list(_seen(model, bases, cuts, model.gist)), dim=3)
    memory = model.remember(gist)  # (1, 6, 2 * n_hidden, places)
    found = np.empty((bases.shape[1], len(TAGS)), dtype=np.float32)
    for one, near in zip(cuts, _seen(model, bases, cuts, lambda near: near), strict=True):
        carried = memory[..., one.keep_start // model.stride : -(-one.keep_end // model.stride)]
        scores = model.tell(model.judge(near, carried))[0, :, : one.keep_end - one.keep_start]
        found[one.keep_start : one.keep_end] = scores.float().softmax(dim=0).T.cpu().numpy()
    return found


def _seen(
    model: SequenceTagger, bases: torch.Tensor, cuts: list[Window], made: Callable[[torch.Tensor], torch.Tensor]
) -> Iterator[torch.Tensor]:
    """Walk what the convolutions see in the middle of each window, in whole places."""
    device = next(model.parameters()).device
    for one in cuts:
        x = model.whole_places(bases[None, :, one.start : one.end].to(device))
        near = model.near(x)  # (1, 6, channels, places)
        per_place = x.shape[2] // near.shape[3]
        first, last = one.keep_start - one.start, -(-(one.keep_end - one.start) // model.stride) * model.stride
        yield made(near[..., first // per_place : last // per_place])
