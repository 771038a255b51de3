"""Motifs: what the filters of a first layer respond to, and which known motifs are similar."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn
from torch.nn import functional

from genolab.checks import check_share
from genolab.data.dataset import AnnDataset, aligned
from genolab.dna.meme import read_meme

Array = NDArray[np.float64]

_MIN_TARGETS: Final = 100  # below, Tomtom's background would rest on too few columns (it warns below 25)
_DECOY_WIDTH: Final = 12
_MIN_BITS: Final = 0.25  # of a position at a motif's end
_COLUMNS: Final = ["filter", "motif", "p_value", "e_value", "offset", "overlap", "strand"]


@dataclass(frozen=True, eq=False)
class Motifs:
    """What filters respond to: counts of the bases at their sites."""

    counts: Array  # (n_filters, 4, width)
    n_sites: NDArray[np.int64]  # (n_filters,), 0 for one that never responds

    @property
    def probabilities(self) -> Array:
        """``(n_filters, 4, width)``; a pseudocount of one site, a quarter of each base, is added."""
        counts = self.counts + 0.25
        probabilities: Array = counts / counts.sum(axis=1, keepdims=True)
        return probabilities

    @property
    def information(self) -> Array:
        """``(n_filters,)`` bits over an even background, at most 2 a position; 0 for a filter without sites."""
        return np.array([information_content(p).sum() for p in self.probabilities])


def information_content(probabilities: ArrayLike) -> Array:
    """Return the heights of a logo's letters in bits, ``(4, length)``: each base's share of its position's information.

    Each position of the probabilities adds up to 1, or to 0 for an unknown base. Over an even background a position has
    2 bits where it is certain, 0 where all bases are as frequent.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    total = p.sum(axis=0)
    wrong = np.flatnonzero(~(np.isclose(total, 1, atol=1e-3) | np.isclose(total, 0)) | (p < 0).any(axis=0))
    if len(wrong):
        raise ValueError(
            f"probabilities of a position must be 0 or more and add up to 1; position {wrong[0]} has {p[:, wrong[0]]}: "
            "divide counts by their sum, or draw scores with kind='scores'"
        )
    entropy = -np.where(p > 0, p * np.log2(np.where(p > 0, p, 1)), 0).sum(axis=0)
    heights: Array = p * np.where(total > 0, 2 - entropy, 0)
    return heights


def first_filters(model: nn.Module) -> torch.Tensor:
    """Return a model's ``first_filters``, or its first convolution over 4 channels, ``(n_filters, 4, width)``."""
    own = getattr(model, "first_filters", None)
    if isinstance(own, torch.Tensor):
        return own.detach()
    for layer in model.modules():
        if isinstance(layer, nn.Conv1d) and layer.in_channels == 4 and layer.groups == 1:
            return layer.weight.detach()
    raise ValueError(
        f"filters are read from a Conv1d with 4 input channels, and {type(model).__name__} has none: "
        "motifs can be read only from a model whose first layer is a convolution over the sequence"
    )


def filter_motifs(model: nn.Module, dataset: AnnDataset, *, threshold: float = 0.5, batch_size: int = 256) -> Motifs:
    """Read the filters of the first layer as motifs: the mean of each filter's sites (Alipanahi et al. 2015).

    The first layer is a convolution over ``(n, 4, length)``. A site is where a filter's response is at least
    `threshold` times its maximum over the dataset, best of sequences that the model wasn't trained on. A filter whose
    maximum isn't above its response to average bases has none.
    """
    check_share("threshold", threshold, zero=False)
    dataset = aligned(model, dataset)
    weight = first_filters(model).float()
    weight = weight - weight.mean(dim=1, keepdim=True)  # what is the same for all four bases distinguishes none
    width = weight.shape[2]
    maximum = torch.zeros(len(weight), device=weight.device)
    for x in _sequences(dataset, batch_size, weight):
        if x.shape[2] < width:
            raise ValueError(f"the sequences have {x.shape[2]} bases, and the filters {width}: pass longer sequences")
        maximum = torch.maximum(maximum, functional.conv1d(x, weight).amax(dim=(0, 2)))
    maximum = maximum[:, None]
    counts = torch.zeros(weight.shape, dtype=torch.float64)  # on the CPU: not every device has float64
    n_sites = torch.zeros(len(weight), dtype=torch.int64, device=weight.device)
    for x in _sequences(dataset, batch_size, weight):
        is_site = (functional.conv1d(x, weight) >= threshold * maximum) & (maximum > 0)  # (n, filters, positions)
        n_sites += is_site.sum(dim=(0, 2))
        flat = is_site.transpose(0, 1).flatten(1).float()  # (filters, n * positions)
        shifted = (x[:, :, at : at + is_site.shape[2]] for at in range(width))
        bases = [part.transpose(0, 1).flatten(1) for part in shifted]  # (4, n * positions) each
        counts += torch.stack([flat @ part.T for part in bases], dim=2).cpu()
    return Motifs(counts.numpy(), n_sites.cpu().numpy())


def _sequences(dataset: AnnDataset, batch_size: int, like: torch.Tensor) -> Iterator[torch.Tensor]:
    for batch in dataset.batches(batch_size):
        yield batch.x.to(like.device).float()


def match_motifs(
    motifs: Motifs | Sequence[ArrayLike],
    known: Mapping[str, ArrayLike] | str | Path,
    *,
    filters: Sequence[int] | None = None,
    n_nearest: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare motifs with known ones by Tomtom (Gupta et al. 2007), as memelite computes it.

    Parameters
    ----------
    motifs
        From `filter_motifs`, or ``(4, width)`` probabilities each. Ends with less than a quarter of a bit are trimmed.
    known
        Name to ``(4, width)`` probabilities, or the path of a file in MEME's format. Tomtom's p-values rest on all of
        their columns, so fewer than a hundred motifs are filled up with random ones, drawn by `seed` and never
        reported.
    filters
        Which motifs, by number; ``None``: all that have sites.

    Returns
    -------
    pandas.DataFrame
        One row a filter and near motif, the nearest first: ``filter``, ``motif``, ``p_value`` (of the best alignment,
        corrected for the lengths), ``e_value`` (times the number of known motifs), ``offset``, ``overlap``, ``strand``.
    """
    from memelite import tomtom

    names, targets = _known(known)
    queries = motifs.probabilities if isinstance(motifs, Motifs) else [np.asarray(m, dtype=np.float64) for m in motifs]
    numbers = range(len(queries)) if filters is None else filters
    numbers = [at for at in numbers if not isinstance(motifs, Motifs) or motifs.n_sites[at] > 0]
    if not numbers:
        return pd.DataFrame(columns=_COLUMNS)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*target motifs.*")
        results = tomtom([_trimmed(queries[at]) for at in numbers], targets + _decoys(targets, seed), n_jobs=1)
    p_values, _, offsets, overlaps, strands = results[:, :, : len(targets)]
    rows = []
    for row, at in enumerate(numbers):
        for near in np.argsort(p_values[row], kind="stable")[:n_nearest]:
            p, strand = float(p_values[row, near]), "-" if strands[row, near] else "+"
            place = (int(offsets[row, near]), int(overlaps[row, near]), strand)
            rows.append((at, names[near], p, p * len(targets), *place))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _known(known: Mapping[str, ArrayLike] | str | Path) -> tuple[list[str], list[Array]]:
    if isinstance(known, str | Path):
        known = read_meme(known)
    targets = {name: np.asarray(motif, dtype=np.float64) for name, motif in known.items()}
    if not targets:
        raise ValueError("there is no known motif to compare with: pass {name: (4, width) probabilities}")
    for name, target in targets.items():
        if target.ndim != 2 or target.shape[0] != 4:
            raise ValueError(f"a known motif is (4, width) probabilities of A C G T; {name!r} has {target.shape}")
    return list(targets), list(targets.values())


def _trimmed(probabilities: Array) -> Array:
    """Trim uninformative ends; a motif without any informative position stays as it is."""
    informative = np.flatnonzero(information_content(probabilities).sum(axis=0) >= _MIN_BITS)
    return probabilities if len(informative) == 0 else probabilities[:, informative[0] : informative[-1] + 1]


def _decoys(targets: list[Array], seed: int) -> list[Array]:
    """Draw motifs whose columns are as sharp as real ones, mostly near one base."""
    random = np.random.default_rng(seed)
    missing = max(0, _MIN_TARGETS - len(targets))
    return [random.dirichlet([0.25] * 4, size=_DECOY_WIDTH).T for _ in range(missing)]
