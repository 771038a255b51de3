"""What the filters of a first layer look for: the sites where each fires, as a motif, held against known ones."""

import contextlib
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

from genolab.data.dataset import AnnDataset

Array = NDArray[np.float64]

_LEAST_KNOWN: Final = 100  # below, tomtom's background would rest on too few columns (it warns below 25)
_DECOY_WIDTH: Final = 12


@dataclass(frozen=True, eq=False)
class Motifs:
    """What filters fire on.

    Attributes
    ----------
    counts
        ``(n_filters, 4, width)``: how often each base stands at each place of a filter's sites.
    n_sites
        ``(n_filters,)``: number of sites on which a filter fired; 0 for one that never does.
    """

    counts: Array
    n_sites: NDArray[np.int64]

    @property
    def probabilities(self) -> Array:
        """``(n_filters, 4, width)``; one site's worth of an even background is added, so that none is 0."""
        counts = self.counts + 0.25
        shares: Array = counts / counts.sum(axis=1, keepdims=True)
        return shares

    @property
    def information(self) -> Array:
        """``(n_filters,)`` bits over an even background, 2 a position at most; 0 for one that never fires."""
        return np.array([information_content(p).sum() for p in self.probabilities])


def information_content(probabilities: ArrayLike) -> Array:
    """Return the heights of a logo's letters, in bits: each base's share of its position's information.

    Parameters
    ----------
    probabilities
        ``(4, length)``; each position adds up to 1, or to 0 for an unknown base, which then has no letter.

    Returns
    -------
    ``(4, length)``
        Over an even background: 2 bits for a position that is certain, 0 for one where all bases are as frequent.

    Raises
    ------
    ValueError
        A value is negative, or a position doesn't add up to 1.
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
    """Return the filters that read the sequence itself, ``(n_filters, 4, width)``.

    They are the model's ``first_filters``, as genolab's models have them, or else the weights of its first convolution
    over four channels.

    Raises
    ------
    ValueError
        There is none.
    """
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
    """Read the filters of the first layer as motifs: the mean of the sites where each fires (Alipanahi et al. 2015).

    Parameters
    ----------
    model
        With a convolution over ``(n, 4, length)`` as its first layer; it is only read.
    dataset
        Sequences, ``(n, 4, length)``; those that the model wasn't trained on tell more.
    threshold
        A site counts where the filter reaches this share of the most it reaches anywhere in the dataset.
    batch_size
        Sequences at a time.

    Returns
    -------
    Motifs
        A filter whose most is not above its value on average bases has no sites.

    Raises
    ------
    ValueError
        The model has no such layer, the sequences are shorter than its filters, or the threshold isn't in 0 to 1.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is a share of a filter's most, above 0 and up to 1, got {threshold}")
    weight = first_filters(model).float()
    weight = weight - weight.mean(dim=1, keepdim=True)  # what is the same for all bases tells none from another
    width = weight.shape[2]
    most = torch.zeros(len(weight), device=weight.device)
    for x in _sequences(dataset, batch_size, weight):
        if x.shape[2] < width:
            raise ValueError(f"the sequences have {x.shape[2]} bases, and the filters {width}: pass longer sequences")
        most = torch.maximum(most, functional.conv1d(x, weight).amax(dim=(0, 2)))
    counts = torch.zeros(weight.shape, dtype=torch.float64, device=weight.device)
    sites = torch.zeros(len(weight), dtype=torch.int64, device=weight.device)
    for x in _sequences(dataset, batch_size, weight):
        fires = (functional.conv1d(x, weight) >= threshold * most[:, None]) & (
            most[:, None] > 0
        )  # (n, filters, places)
        sites += fires.sum(dim=(0, 2))
        flat = fires.transpose(0, 1).flatten(1).float()  # (filters, n * places)
        for at in range(width):
            bases = x[:, :, at : at + fires.shape[2]].transpose(0, 1).flatten(1)  # (4, n * places)
            counts[:, :, at] += (flat @ bases.T).double()
    return Motifs(counts.cpu().numpy(), sites.cpu().numpy())


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
    """Hold motifs against known ones, by Tomtom's measure (Gupta et al. 2007, as memelite computes it).

    Parameters
    ----------
    motifs
        What `filter_motifs` found, or ``(4, width)`` probabilities each. Places at the ends that tell less than a
        quarter of a bit are cut off first: they say nothing, and Tomtom would weigh them.
    known
        Name to ``(4, width)`` probabilities, or the path of a file in MEME's format.
    filters
        Which motifs, by number; ``None``: all that fire.
    n_nearest
        Known motifs to tell for each.
    seed
        Draws decoys: Tomtom's p-values rest on all columns of the known motifs, so fewer than a hundred are joined by
        random ones up to that number, which are never reported.

    Returns
    -------
    pandas.DataFrame
        One row a filter and near motif, the nearest first: ``filter``, ``motif``, ``p_value`` (of the best alignment,
        corrected for the lengths), ``e_value`` (times the number of known motifs), ``offset``, ``overlap``, ``strand``.

    Raises
    ------
    ValueError
        There is no known motif, or one has not four rows.
    """
    from memelite import tomtom

    names, targets = _known(known)
    queries = motifs.probabilities if isinstance(motifs, Motifs) else [np.asarray(m, dtype=np.float64) for m in motifs]
    wanted = range(len(queries)) if filters is None else filters
    wanted = [at for at in wanted if not isinstance(motifs, Motifs) or motifs.n_sites[at] > 0]
    if not wanted:
        return pd.DataFrame(columns=["filter", "motif", "p_value", "e_value", "offset", "overlap", "strand"])
    with _quiet():
        found = tomtom([_core(queries[at]) for at in wanted], targets + _decoys(targets, seed), n_jobs=1)
    p_values, _, offsets, overlaps, strands = found[:, :, : len(targets)]
    rows = []
    for place, at in enumerate(wanted):
        for near in np.argsort(p_values[place], kind="stable")[:n_nearest]:
            p = float(p_values[place, near])
            strand = "-" if strands[place, near] else "+"
            where = {"offset": int(offsets[place, near]), "overlap": int(overlaps[place, near]), "strand": strand}
            rows.append({"filter": at, "motif": names[near], "p_value": p, "e_value": p * len(targets), **where})
    return pd.DataFrame(rows)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*target motifs.*")
        yield


def _known(known: Mapping[str, ArrayLike] | str | Path) -> tuple[list[str], list[Array]]:
    if isinstance(known, str | Path):
        from memelite.io import read_meme

        found: Mapping[str, ArrayLike] = read_meme(str(known))
    else:
        found = known
    names, targets = list(found), [np.asarray(motif, dtype=np.float64) for motif in found.values()]
    if not names:
        raise ValueError("there is no known motif to compare with: pass {name: (4, width) probabilities}")
    for name, target in zip(names, targets, strict=True):
        if target.ndim != 2 or target.shape[0] != 4:
            raise ValueError(f"a known motif is (4, width) probabilities of A C G T; {name!r} has {target.shape}")
    return names, targets


def _core(probabilities: Array) -> Array:
    """Cut uninformative ends off; a motif without any informative place stays as it is."""
    telling = np.flatnonzero(information_content(probabilities).sum(axis=0) >= 0.25)
    return probabilities if len(telling) == 0 else probabilities[:, telling[0] : telling[-1] + 1]


def _decoys(targets: list[Array], seed: int) -> list[Array]:
    """Draw motifs whose columns are as sharp as real ones, mostly near one base."""
    random = np.random.default_rng(seed)
    missing = max(0, _LEAST_KNOWN - len(targets))
    return [random.dirichlet([0.25] * 4, size=_DECOY_WIDTH).T for _ in range(missing)]
