"""How one side of a pair, a compound or a context, is read: from a table of features, or from letters.

A table holds one row for each compound or context, however many pairs speak of it, so that a step reads each once.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from genolab.drugs.pairs import feature_matrix
from genolab.models.layers import drop

Kind = Literal["features", "letters", "recurrent"]
"""How a side is read: as features, as letters by filters, or as letters one after the other."""

_LETTERS: Final = 256  # what a byte can hold; 0 stands for no letter
_LETTER_WIDTH: Final = 32
_FILTER_WIDTH: Final = 7  # letters that a filter sees: about a group of atoms, or two turns of a helix


class Features(nn.Module):
    """A table of features, centred, turned onto its principal axes where there are many, and of a common size.

    Counts, which an unsigned type tells, are read as log1p: a substructure that occurs twice isn't twice as telling.

    Parameters
    ----------
    table
        ``(n, f)``, dense or sparse.
    n_axes
        Principal axes that are kept where the table has more; ``None`` keeps the features as they are.
    name
        What an error calls the table.
    """

    rows: torch.Tensor
    centre: torch.Tensor
    axes: torch.Tensor
    size: torch.Tensor
    counts: torch.Tensor

    def __init__(self, table: Any, n_axes: int | None, name: str) -> None:
        super().__init__()
        raw = feature_matrix(table, name)
        self.name, self.n_features = name, raw.shape[1]
        self.register_buffer("counts", torch.tensor(raw.dtype.kind == "u"))
        values = self._values(raw)
        centre = values.mean(axis=0)
        turned = n_axes is not None and min(values.shape) > n_axes
        axes = _principal_axes(values - centre, n_axes) if turned else np.zeros((0, 0), np.float32)
        rows = (values - centre) @ axes if turned else values - centre
        size = float(np.sqrt((rows**2).mean())) or 1.0
        self.register_buffer("rows", torch.from_numpy(rows / np.float32(size)))  # (n, width)
        self.register_buffer("centre", torch.from_numpy(centre))  # (f,)
        self.register_buffer("axes", torch.from_numpy(axes))  # (f, width)
        self.register_buffer("size", torch.tensor(size))

    @property
    def width(self) -> int:
        """Numbers a row."""
        return self.rows.shape[1]

    def of(self, table: ArrayLike) -> torch.Tensor:
        """Return features that are not in the table ``(m, f)`` as a row of it would be, ``(m, width)``."""
        raw = feature_matrix(table, self.name)
        if raw.shape[1] != self.n_features:
            raise ValueError(
                f"{self.name} has {self.n_features:,} features, got {raw.shape[1]:,}: make them as the model's own"
            )
        values = torch.from_numpy(self._values(raw)).to(self.rows.device) - self.centre
        return (values @ self.axes if len(self.axes) else values) / self.size

    def _values(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        values = raw.astype(np.float32)
        return np.log1p(values) if self.counts else values

    def reader(self, hidden: int, width: int) -> "FeatureReader":
        """Return layers that read rows of this table."""
        return FeatureReader(self.width, hidden, width)


class FeatureReader(nn.Module):
    """Two layers over features: ``(n, features)`` to ``(n, width)``."""

    def __init__(self, n_features: int, hidden: int, width: int) -> None:
        super().__init__()
        self.to_hidden = nn.Linear(n_features, hidden)
        self.to_vector = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor, dropout: float, generator: torch.Generator | None) -> torch.Tensor:
        """Read features; `dropout` is of the hidden layer."""
        found: torch.Tensor = self.to_vector(drop(self.to_hidden(x).relu(), dropout, generator))
        return found


class Letters(nn.Module):
    """A table of texts as bytes: SMILES, or proteins.

    Parameters
    ----------
    table
        ``(n, length)`` uint8, 0 behind the end of a text; see `genolab.drugs.compounds.encode_smiles`.
    name
        What an error calls the table.
    recurrent
        Whether they are read one after the other, by a `RecurrentReader`, rather than by a `LetterReader`.
    """

    rows: torch.Tensor

    def __init__(self, table: Any, name: str, *, recurrent: bool = False) -> None:
        super().__init__()
        self.name, self.recurrent = name, recurrent
        self.register_buffer("rows", self.of(table))  # (n, length)

    def of(self, table: ArrayLike) -> torch.Tensor:
        """Return texts that are not in the table, ``(m, length)`` uint8 of any length."""
        codes = feature_matrix(table, self.name)
        if codes.dtype != np.uint8:
            raise ValueError(
                f"{self.name} as letters must be bytes, (n, length) uint8, got {codes.dtype}: read features by "
                "kind 'features'"
            )
        if not codes.any(axis=1).all():
            raise ValueError(f"{self.name} has a text without any letter, in row {int((~codes.any(axis=1)).argmax())}")
        return torch.from_numpy(codes)

    def reader(self, hidden: int, width: int) -> "LetterReader | RecurrentReader":
        """Return layers that read rows of this table."""
        return RecurrentReader(hidden, width) if self.recurrent else LetterReader(hidden, width)


class LetterReader(nn.Module):
    """Two layers of filters over letters, then the strongest response of each: ``(n, length)`` to ``(n, width)``.

    Each position of the second layer sees 19 letters. What lies behind the end of a text is never seen.
    """

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.to_letters = nn.Embedding(_LETTERS, _LETTER_WIDTH, padding_idx=0)
        self.first = nn.Conv1d(_LETTER_WIDTH, hidden, _FILTER_WIDTH, padding="same")
        self.second = nn.Conv1d(hidden, hidden, _FILTER_WIDTH, padding="same", dilation=2)
        self.to_vector = nn.Linear(hidden, width)

    def forward(self, codes: torch.Tensor, dropout: float, generator: torch.Generator | None) -> torch.Tensor:
        """Read letters; `dropout` is of what the filters found."""
        longest = int((codes != 0).sum(dim=1).max())
        codes = codes[:, :longest].int()
        there = (codes != 0)[:, None]  # (n, 1, length)
        found = functional.relu(self.first(self.to_letters(codes).transpose(1, 2))) * there  # (n, hidden, length)
        found = (found + functional.relu(self.second(found))) * there
        vector: torch.Tensor = self.to_vector(drop(found.amax(dim=2), dropout, generator))
        return vector


class RecurrentReader(nn.Module):
    """Gated recurrent units that read a text forwards and backwards: ``(n, length)`` to ``(n, width)``.

    What they know at either end stands for the text. They see how far apart things are, which filters don't, and take
    about three times as long.
    """

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.to_letters = nn.Embedding(_LETTERS, _LETTER_WIDTH, padding_idx=0)
        self.units = nn.GRU(_LETTER_WIDTH, hidden, batch_first=True, bidirectional=True)
        self.to_vector = nn.Linear(2 * hidden, width)

    def forward(self, codes: torch.Tensor, dropout: float, generator: torch.Generator | None) -> torch.Tensor:
        """Read letters; `dropout` is of what is known at the ends."""
        places = torch.arange(1, codes.shape[1] + 1, device=codes.device)
        lengths = ((codes != 0) * places).amax(dim=1).cpu()
        packed = pack_padded_sequence(self.to_letters(codes.int()), lengths, batch_first=True, enforce_sorted=False)
        _, ends = self.units(packed)  # (2, n, hidden)
        vector: torch.Tensor = self.to_vector(drop(torch.cat([*ends], dim=1), dropout, generator))
        return vector


def blank(tensors: Mapping[str, torch.Tensor], name: str) -> NDArray[Any]:
    """Return a table of the shape that a saved one had, for its weights to be loaded into."""
    rows, centre = tensors[f"{name}.rows"], tensors.get(f"{name}.centre")
    if centre is None:
        return np.ones(rows.shape, dtype=np.uint8)
    return np.zeros((len(rows), len(centre)), dtype=np.float32)


def _principal_axes(values: NDArray[np.float32], count: int | None) -> NDArray[np.float32]:
    """Return the axes ``(f, count)`` along which centred values differ most, each with its largest entry positive."""
    few_rows = len(values) < values.shape[1]
    product = values @ values.T if few_rows else values.T @ values
    strength, vectors = np.linalg.eigh(product.astype(np.float64))
    kept = np.argsort(-strength, kind="stable")[:count]
    axes = values.T.astype(np.float64) @ vectors[:, kept] if few_rows else vectors[:, kept]
    axes /= np.maximum(np.linalg.norm(axes, axis=0), 1e-12)
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    found: NDArray[np.float32] = axes.astype(np.float32)
    return found
