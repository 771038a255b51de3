"""SequenceTagger: a label for every base, from a dilated convolutional network and a recurrent one on top of it."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from genolab.config import check, control
from genolab.data.dataset import AnnDataset, Batch
from genolab.data.tags import TAGS
from genolab.models.layers import drop, seeded

_CODON = 3  # the convolutions see one place a codon ...
_WORDS = 64
_STRIDE = 27  # ... and the recurrent part one every nine codons: it is for what lies far away


@dataclass(frozen=True)
class SequenceTaggerConfig:
    """How a `SequenceTagger` was built, and what of it may change while it trains."""

    n_tags: int = len(TAGS)
    channels: int = 48
    n_blocks: int = 4
    n_hidden: int = 48
    dropout: float = control(0.1, low=0, high=0.9, live=True, help="Share of channels dropped while training.")
    seed: int = 0

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in ("n_tags", "channels", "n_blocks", "n_hidden")}
        if min(sizes.values()) < 1 or self.n_tags < 2:
            raise ValueError(
                f"a tagger needs at least 2 tags, and 1 of channels, blocks and hidden values, got {sizes}"
            )
        check(self)


class _Block(nn.Module):
    """A dilated convolution whose result is added to what came in."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.wide = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.point = nn.Conv1d(channels, channels, 1)

    def forward(self, x: torch.Tensor, share: float, generator: torch.Generator | None) -> torch.Tensor:
        hidden = functional.relu(self.wide(functional.relu(self.norm(x))))  # (n, channels, places)
        if self.training and share > 0:
            kept = drop(torch.ones_like(hidden[:, :, :1]), share, generator)  # whole channels, as places are alike
            hidden = hidden * kept
        added: torch.Tensor = self.point(hidden)
        return x + added


class SequenceTagger(nn.Module):
    """Tag every base of a sequence: what it belongs to, on which strand, at which codon position.

    Convolutions read the bases; dilated ones, at one place a codon, gather what lies within some hundred bases; and a
    bidirectional GRU, at one place every nine bases, carries along what lies farther off. The idea of a network under
    a structured decoder is that of Helixer (Stiehler et al. 2021) and Tiberius (Gabriel et al. 2024), at a size that
    two CPU cores train in minutes.

    What is near and what is remembered can be asked for apart, so that `genolab.infer.tag` has the convolutions look at
    a chromosome in pieces, and the GRU walk along the whole of it.

    Parameters
    ----------
    n_tags
        Number of tags; those of `genolab.data.TAGS` unless told otherwise.
    channels
        Width of the convolutions.
    n_blocks
        Dilated blocks; each doubles the reach.
    n_hidden
        Width of the GRU, for each direction.
    dropout
        Share of channels dropped while training, 0 to 0.9; may change while it trains.
    seed
        Draws the initial weights.

    Examples
    --------
    >>> windows = gl.data.windows(genome, 4500, strands="+-")
    >>> dataset = gl.data.AnnDataset(windows, "genome/sequence", target="genome/tags")
    >>> run = gl.Run(SequenceTagger(), *gl.data.split(dataset, by="chromosome")[:2])
    """

    def __init__(
        self,
        *,
        n_tags: int = len(TAGS),
        channels: int = 48,
        n_blocks: int = 4,
        n_hidden: int = 48,
        dropout: float = 0.1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = SequenceTaggerConfig(n_tags, channels, n_blocks, n_hidden, dropout, seed)
        with seeded(seed):
            self.words = nn.Conv1d(_WORDS, channels, 9, stride=_CODON, padding=3)
            self.blocks = nn.ModuleList(_Block(channels, 2**number) for number in range(n_blocks))
            self.norm = nn.BatchNorm1d(channels)
            self.far = nn.Conv1d(channels, n_hidden, _STRIDE // _CODON, stride=_STRIDE // _CODON)
            self.gru = nn.GRU(n_hidden, n_hidden, batch_first=True, bidirectional=True)
            self.join = nn.Conv1d(channels + 2 * n_hidden, channels, 1)
            self.to_tags = nn.Conv1d(channels, _CODON * n_tags, 1)

    @property
    def stride(self) -> int:
        """Bases a place of the coarsest layer covers: windows that start at multiples of it are tagged alike."""
        return _STRIDE

    @property
    def reach(self) -> int:
        """Bases to either side that the convolutions see, in whole places."""
        wide = 2 * _CODON + 2 + _CODON * (2 ** int(self.config.n_blocks) - 1)
        return -(-wide // _STRIDE) * _STRIDE

    def near(self, x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return what the convolutions see round each codon, ``(n, channels, length / 3)``, of ``(n, 4, length)``."""
        hidden: torch.Tensor = self.words(_words(x))
        for block in self.blocks:
            hidden = block(hidden, self.config.dropout, generator)
        return functional.relu(self.norm(hidden))

    def gist(self, near: torch.Tensor) -> torch.Tensor:
        """Return what the GRU is told of every nine codons, ``(n, n_hidden, length / 27)``."""
        return functional.relu(self.far(near))

    def remember(self, gist: torch.Tensor) -> torch.Tensor:
        """Return what the GRU carries along from either side, ``(n, 2 * n_hidden, length / 27)``."""
        memory: torch.Tensor = self.gru(gist.transpose(1, 2))[0].transpose(1, 2)
        return memory

    def judge(self, near: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
        """Return what the last layer reads, ``(n, channels, length / 3)``, from what is near and what is remembered."""
        memory = memory.repeat_interleave(_STRIDE // _CODON, dim=2)
        return functional.relu(self.join(torch.cat([near, memory], dim=1)))

    def tell(self, judged: torch.Tensor) -> torch.Tensor:
        """Return scores ``(n, n_tags, length)``: three bases a codon."""
        scores: torch.Tensor = self.to_tags(judged)  # (n, 3 * n_tags, length / 3)
        n, _, places = scores.shape
        scores = scores.view(n, self.config.n_tags, _CODON, places).transpose(2, 3)
        return scores.reshape(n, self.config.n_tags, places * _CODON)

    def logits(self, x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return scores ``(n, n_tags, length)`` for one-hot bases ``(n, 4, length)``, uint8 or float."""
        return self.tell(self._judged(x, generator))[:, :, : x.shape[2]]

    def _judged(self, x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        near = self.near(self.whole_places(x), generator)
        return self.judge(near, self.remember(self.gist(near)))

    def whole_places(self, x: torch.Tensor) -> torch.Tensor:
        """Return bases as numbers of the model's kind, filled up with N to whole places.

        Raises
        ------
        ValueError
            They are no one-hot bases.
        """
        _check_bases(x)
        return functional.pad(x.to(self.words.weight.dtype), (0, -x.shape[2] % _STRIDE))

    def embed(self, batch: Batch) -> torch.Tensor:
        """Return the mean over the places of what the last layer reads, ``(n, channels)``."""
        return self._judged(batch.x).mean(dim=2)

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return each base's probabilities of the tags, ``(n, n_tags, length)``."""
        return self.logits(batch.x).softmax(dim=1)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the cross-entropy a base, in nats, and the share of bases that are tagged right.

        While training, the windows are moved by up to eight bases, so that every gene is seen in every frame of the
        network's places.
        """
        if batch.target is None:
            raise ValueError("a tagger learns from tags: pass target='genome/tags' to AnnDataset")
        x, tags = batch.x, batch.target.long()
        if self.training:
            moved = int(torch.randint(_STRIDE, (1,), generator=batch.generator, device=x.device))
            x, tags = x[:, :, moved:], tags[:, moved:]
        scores = self.logits(x, batch.generator)
        return {
            "loss": functional.cross_entropy(scores, tags),
            "accuracy": (scores.argmax(dim=1) == tags).float().mean(),
        }

    def plan(self, dataset: AnnDataset, total_steps: int) -> str:
        """Check that the data suit the model before it trains, and say what will happen.

        Raises
        ------
        ValueError
            The rows are no one-hot sequences of one length, or they have no tags, or tags that the model doesn't know.
        """
        del total_steps
        first = dataset.batch([0])
        _check_bases(first.x)
        if first.target is None or first.target.shape != (1, first.x.shape[2]):
            came = "no target" if first.target is None else f"a target of shape {tuple(first.target.shape[1:])} a row"
            raise ValueError(
                f"a tagger learns a tag for each of the {first.x.shape[2]:,} bases of a row, and got {came}: pass "
                "target='genome/tags' to AnnDataset"
            )
        if int(first.target.max()) >= self.config.n_tags:
            raise ValueError(
                f"this model was built for the tags 0 to {self.config.n_tags - 1}, and got {int(first.target.max())}: "
                "build it with a larger n_tags"
            )
        return f"Cross-entropy a base over {self.config.n_tags} tags, windows of {first.x.shape[2]:,} bases."


def _words(x: torch.Tensor) -> torch.Tensor:
    """Return which word of three letters begins at each base, ``(n, 64, length)``, for bases ``(n, 4, length)``."""
    n, _, length = x.shape
    x = functional.pad(x, (0, 2))
    first, second, third = x[:, :, None, None, :length], x[:, None, :, None, 1 : length + 1], x[:, None, None, :, 2:]
    return (first * second * third).reshape(n, _WORDS, length)


def _check_bases(x: torch.Tensor) -> None:
    if x.ndim != 3 or x.shape[1] != 4 or x.shape[2] == 0:
        raise ValueError(
            f"a tagger reads one-hot bases, (n, 4, length), got the shape {tuple(x.shape)}: make them with "
            "gl.data.one_hot, or pass inputs='genome/sequence'"
        )
