"""SequenceTagger: a label for every base, by dilated convolutions and a recurrent network over them."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import nn
from torch.nn import functional

from genolab.config import check, control, share_control
from genolab.data.dataset import AnnDataset, Batch
from genolab.models.layers import drop, seeded
from genolab.sequences.annotation import TAGS

_CODON: Final = 3  # the convolutions have one place a codon ...
_STRIDE: Final = 27  # ... and the GRU one every nine codons: it is for what lies far away
_FRAMES: Final = 6  # three on either strand
_CODON_DIM: Final = 16  # size of a codon's embedding
_RARE: Final = ("intron+", "intron-", "tRNA+", "tRNA-")
_OFFSETS: Final = 5  # a place's three bases lie -2 to 2 bases from where a frame's codon begins
_KINDS: Final = 4  # coding, intergenic, intron, tRNA


@dataclass(frozen=True)
class SequenceTaggerConfig:
    """How a `SequenceTagger` was built, and what of it may change while it trains."""

    channels: int = 32
    dilations: tuple[int, ...] = (1, 3, 9)
    n_hidden: int = 32
    dropout: float = share_control(0.0, "Share of channels dropped while training.")
    rare_weight: float = control(
        10.0, low=1, high=1000, scale="log", live=True, help="Weight of a base of an intron or a tRNA in the loss."
    )
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.channels, self.n_hidden, *self.dilations, 1) < 1:
            raise ValueError(
                "a tagger needs at least 1 channel, 1 hidden value and dilations of at least 1, got "
                f"channels={self.channels}, n_hidden={self.n_hidden}, dilations={self.dilations}"
            )
        check(self)


class SequenceTagger(nn.Module):
    """Tag every base of a sequence: what it belongs to, on which strand, at which codon position.

    The same network reads all six frames, codon by codon: convolutions and dilated ones see some fifty bases; then the
    frames exchange what they have seen, and a bidirectional GRU, at one place every nine codons, adds what lies farther
    off. As the frames share their weights, one known gene teaches all six, and a sequence and its reverse complement
    get the same tags. The idea of a network under a structured decoder is that of Helixer (Stiehler et al. 2021) and
    Tiberius (Gabriel et al. 2024), at a size that two CPU cores train in minutes.

    The steps `local`, `downsample`, `context`, `broadcast` and `to_logits` can be called one by one, so that
    `genolab.genes.tag` runs the convolutions over a chromosome in windows, and the GRU along the whole of it.

    Parameters
    ----------
    channels, n_hidden
        Width of the convolutions, and of the GRU in each direction, for each frame.
    dilations
        Steps, in codons, of the dilated convolutions.
    dropout, rare_weight
        May change while it trains; see `SequenceTaggerConfig`.

    Examples
    --------
    >>> windows = gl.sequences.windows(genome, 4500)
    >>> run = gl.Run(SequenceTagger(), gl.data.AnnDataset(windows, "genome/sequence", target="genome/tags"))
    """

    def __init__(
        self,
        *,
        channels: int = 32,
        dilations: tuple[int, ...] = (1, 3, 9),
        n_hidden: int = 32,
        dropout: float = 0.0,
        rare_weight: float = 10.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = SequenceTaggerConfig(channels, tuple(dilations), n_hidden, dropout, rare_weight, seed)
        with seeded(seed):
            self.codons = _Pointwise(64, _CODON_DIM)
            self.first = nn.Conv1d(_CODON_DIM, channels, 7, padding=3)
            self.blocks = nn.ModuleList(_Block(channels, dilation) for dilation in dilations)
            self.norm = nn.BatchNorm1d(channels)
            self.exchange = _FrameExchange(channels, channels)
            self.to_coarse = nn.Conv1d(channels, n_hidden, _STRIDE // _CODON, stride=_STRIDE // _CODON)
            self.gru = nn.GRU(n_hidden, n_hidden, batch_first=True, bidirectional=True)
            self.from_context = _FrameExchange(2 * n_hidden, channels)
            self.from_local = _Pointwise(channels, channels)
            self.to_tags = _Pointwise(channels, _KINDS * _OFFSETS)

    @property
    def stride(self) -> int:
        """Bases that a place of the coarsest layer covers."""
        return _STRIDE

    @property
    def reach(self) -> int:
        """Bases to either side that the convolutions see, in whole places."""
        bases = _CODON * (3 + sum(self.config.dilations)) + 4
        return -(-bases // _STRIDE) * _STRIDE

    def padded(self, x: torch.Tensor) -> torch.Tensor:
        """Return one-hot bases in the model's number type, padded with N to whole places."""
        _check_bases(x)
        return functional.pad(x.to(self.codons.weight.dtype), (0, -x.shape[2] % _STRIDE))

    def local(self, x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return the features of each codon in each frame, ``(n, 6, channels, length / 3)``, for `padded` bases.

        The frames of the + strand come first, then those of the - strand; places go along the + strand.
        """
        n, _, length = x.shape
        both = torch.cat([x, x.flip(1, 2)])  # (2 n, 4, length): as either strand is read
        codons = self.codons(_codons(both))  # (2 n, _CODON_DIM, length)
        frames = torch.stack([codons[:, :, frame::_CODON] for frame in range(3)], dim=1)
        hidden = self.first(frames.flatten(0, 1))  # (6 n, channels, length / 3)
        for block in self.blocks:
            hidden = block(hidden, self.config.dropout, generator)
        hidden = functional.relu(self.norm(hidden)).view(2, n, 3, -1, length // _CODON)
        frames = torch.cat([hidden[0], hidden[1].flip(-1)], dim=1)  # (n, 6, channels, length / 3)
        return functional.relu(self.exchange(frames))

    def downsample(self, local: torch.Tensor) -> torch.Tensor:
        """Return the input of the GRU, of every nine codons in each frame, ``(n, 6, n_hidden, length / 27)``."""
        return _as_read(_by_frame(functional.relu(self.to_coarse(_as_read(local).flatten(0, 1)))))

    def context(self, coarse: torch.Tensor) -> torch.Tensor:
        """Return the output of the GRU in each frame, ``(n, 6, 2 * n_hidden, length / 27)``."""
        steps = _as_read(coarse).flatten(0, 1).transpose(1, 2)  # (6 n, places, n_hidden)
        return _as_read(_by_frame(self.gru(steps)[0].transpose(1, 2)))

    def broadcast(self, local: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """Return what the last layer reads, ``(n, 6, channels, length / 3)``: the context added to local features."""
        fine = self.from_context(context).repeat_interleave(_STRIDE // _CODON, dim=3)
        return functional.relu(self.from_local(local) + fine)

    def to_logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return logits ``(n, n_tags, length)``, from the scores of all frames for each place's three bases."""
        n, _, _, places = hidden.shape
        scores = self.to_tags(hidden).reshape(n, 2, -1, places)  # (n, 2, 3 frames x kinds x offsets, places)
        plus = _by_base(scores[:, 0])  # coding+0, +1, +2, intergenic, intron, tRNA: (n, 6, length)
        minus = _by_base(scores[:, 1].flip(-1)).flip(-1)
        intergenic = (plus[:, 3:4] + minus[:, 3:4]) / 2
        rare = torch.stack([plus[:, 4:], minus[:, 4:]], dim=2).flatten(1, 2)  # intron+, intron-, tRNA+, tRNA-
        return torch.cat([intergenic, plus[:, :3], minus[:, :3], rare], dim=1)

    def logits(self, x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return logits ``(n, n_tags, length)`` for one-hot bases ``(n, 4, length)``, uint8 or float."""
        return self.to_logits(self._hidden(x, generator))[:, :, : x.shape[2]]

    def _hidden(self, x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        local = self.local(self.padded(x), generator)
        return self.broadcast(local, self.context(self.downsample(local)))

    def embed(self, batch: Batch) -> torch.Tensor:
        """Return the mean over the places of what the last layer reads, ``(n, channels)``."""
        return self._hidden(batch.x).mean(dim=(1, 3))

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return each base's probabilities of the tags, ``(n, n_tags, length)``."""
        return self.logits(batch.x).softmax(dim=1)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the cross-entropy a base, in nats, and the accuracy.

        In training, up to 26 bases are cut off at the start, so that genes are seen in every frame of the places.
        """
        if batch.target is None:
            raise ValueError("a tagger learns from tags: pass target='genome/tags' to AnnDataset")
        x, tags = batch.x, batch.target.long()
        if self.training:
            by = int(torch.randint(_STRIDE, (1,), generator=batch.generator, device=x.device))
            x, tags = x[:, :, by:], tags[:, by:]
        logits = self.logits(x, batch.generator)
        weight = torch.tensor([self.config.rare_weight if tag in _RARE else 1.0 for tag in TAGS], device=logits.device)
        return {
            "loss": functional.cross_entropy(logits, tags, weight=weight),
            "accuracy": (logits.argmax(dim=1) == tags).float().mean(),
        }

    def plan(self, dataset: AnnDataset, total_steps: int) -> str:
        """Refuse data that don't suit the model before it trains, and return a sentence on what will be learned."""
        del total_steps
        first = dataset.batch([0])
        _check_bases(first.x)
        if first.target is None or first.target.shape != (1, first.x.shape[2]):
            target = "no target" if first.target is None else f"a target of shape {tuple(first.target.shape[1:])} a row"
            raise ValueError(
                f"a tagger learns a tag for each of the {first.x.shape[2]:,} bases of a row, and got {target}: pass "
                "target='genome/tags' to AnnDataset"
            )
        if int(first.target.max()) >= len(TAGS):
            raise ValueError(
                f"there are {len(TAGS)} tags, 0 to {len(TAGS) - 1}, and a row has {int(first.target.max())}: make them "
                "with gl.sequences.tag_genome"
            )
        return f"Cross-entropy a base over {len(TAGS)} tags, windows of {first.x.shape[2]:,} bases."


class _Pointwise(nn.Linear):
    """A linear layer at every place, ``(..., channels, places)``: as a batched product it is quicker than any other."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(0, -3)  # (n, channels, places)
        output = torch.bmm(self.weight.expand(len(flat), -1, -1), flat)
        output = output if self.bias is None else output + self.bias[:, None]
        return output.reshape(*x.shape[:-2], *output.shape[1:])


class _Block(nn.Module):
    """A dilated convolution with a residual connection."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.dilated = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.pointwise = _Pointwise(channels, channels)

    def forward(self, x: torch.Tensor, share: float, generator: torch.Generator | None) -> torch.Tensor:
        hidden = functional.relu(self.dilated(functional.relu(self.norm(x))))  # (n, channels, places)
        if self.training and share > 0:
            hidden = hidden * drop(torch.ones_like(hidden[:, :, :1]), share, generator)  # the same at all places
        residual: torch.Tensor = self.pointwise(hidden)
        return x + residual


class _FrameExchange(nn.Module):
    """Add to every frame, ``(n, 6, channels, places)``, the means of its strand's frames and of the other strand's."""

    def __init__(self, channels: int, n_out: int) -> None:
        super().__init__()
        self.own = _Pointwise(channels, n_out)
        self.same = _Pointwise(channels, n_out, bias=False)
        self.other = _Pointwise(channels, n_out, bias=False)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        strands = frames.reshape(len(frames), 2, 3, *frames.shape[2:]).mean(dim=2)  # (n, 2, channels, places)
        shared = self.same(strands) + self.other(strands.flip(1))
        output: torch.Tensor = self.own(frames) + shared.repeat_interleave(3, dim=1)
        return output


def _codons(x: torch.Tensor) -> torch.Tensor:
    """Return which codon begins at each base, ``(n, 64, length)``, for bases ``(n, 4, length)``."""
    n, _, length = x.shape
    x = functional.pad(x, (0, 2))
    first, second, third = x[:, :, None, None, :length], x[:, None, :, None, 1 : length + 1], x[:, None, None, :, 2:]
    return (first * second * third).reshape(n, 64, length)


def _channel(frame: int, kind: int, base: int) -> int:
    """Return the channel of a strand's scores for a kind of tag, in a frame, of one of a place's three bases."""
    return (frame * _KINDS + kind) * _OFFSETS + 2 - frame + base


# At base b of a place, the frame whose codons begin at base f has the codon position b - f.
_CODING: Final = [_channel((base - position) % 3, 0, base) for position in range(3) for base in range(3)]
_SHARED: Final = [_channel(frame, kind, base) for frame in range(3) for kind in range(1, _KINDS) for base in range(3)]


def _by_base(scores: torch.Tensor) -> torch.Tensor:
    """Return ``(n, 6, length)``: three codon positions, each from its frame, and other kinds, as the frames' mean."""
    n, _, places = scores.shape
    chosen = scores[:, _CODING + _SHARED]  # one look-up, as its gradient is one sum
    coding = chosen[:, : len(_CODING)].reshape(n, 3, 3, places)
    shared = chosen[:, len(_CODING) :].reshape(n, 3, 3, 3, places).mean(dim=1)
    return torch.cat([coding, shared], dim=1).transpose(2, 3).reshape(n, 6, 3 * places)


def _by_frame(flat: torch.Tensor) -> torch.Tensor:
    """Return ``(n, 6, channels, places)`` of ``(6 n, channels, places)``."""
    return flat.reshape(-1, _FRAMES, *flat.shape[1:])


def _as_read(frames: torch.Tensor) -> torch.Tensor:
    """Flip the - strand's frames: from places along the + strand to the order in which they are read, or back."""
    return torch.cat([frames[:, :3], frames[:, 3:].flip(-1)], dim=1)


def _check_bases(x: torch.Tensor) -> None:
    if x.ndim != 3 or x.shape[1] != 4 or x.shape[2] == 0:
        raise ValueError(
            f"a tagger reads one-hot bases, (n, 4, length), got the shape {tuple(x.shape)}: make them with "
            "gl.sequences.one_hot, or pass inputs='genome/sequence'"
        )
