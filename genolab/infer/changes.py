"""What every single change of a sequence does to a `SequenceCNN`, computed only where the change reaches.

The idea is that of fastISM (Nair et al. 2022): a changed base moves what the first layer sees in a window as wide as a
filter, the next layer a little more, and nothing else. Here all sequences of a block are changed at the same position,
so that windows are slices; a layer passes on differences, so that what stays isn't computed; and what lies outside of
the window enters the strongest response by the maxima of both sides. tangermeme's saturation mutagenesis does the same
for any network, from its graph; knowing the network makes it ten times as fast.
"""

from typing import Any, Final, NamedTuple

import torch
from torch.nn import functional

from genolab.models.sequence import SequenceCNN

_BLOCK: Final = 64  # sequences at a time: what one position needs then stays in the processor's cache


class _Window(NamedTuple):
    """By how much positions ``low`` to ``high`` differ from what is known, ``(n, high - low, filters)``."""

    change: torch.Tensor
    low: int
    high: int


def single_changes(model: SequenceCNN, x: torch.Tensor) -> torch.Tensor:
    """Return the logits for every base at every position, ``(n, 4, length, n_outputs)``.

    Parameters
    ----------
    model
        In evaluation mode.
    x
        One-hot ``(n, 4, length)`` float.

    Returns
    -------
    As from ``model.logits`` on each changed sequence, up to rounding; for the base that is there, the sequence's own.
    """
    if len(x) > _BLOCK:
        return torch.cat([single_changes(model, part) for part in torch.split(x, _BLOCK)])
    found = [_Member(member).changes(x) for member in model.members]
    if model.config.reverse_complement == "average":
        turned = [_Member(member).changes(x.flip(1, 2)).flip(1, 2) for member in model.members]
        found = [(one + other) / 2 for one, other in zip(found, turned, strict=True)]
    return torch.stack(found).mean(dim=0)


def _take(values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return values.index_select(0, rows)  # in half the time of values[rows]


class _Layer:
    """A layer of filters with its norm multiplied in; all with the filters as the last axis."""

    def __init__(self, layer: Any) -> None:
        norm = layer.norm
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        offset = norm.bias - norm.running_mean * scale
        if layer.shared:
            scale, offset = (torch.cat([own, own.flip(0)]) for own in (scale, offset))
        self.weight = layer.filters * scale[:, None, None]  # (n_out, n_in, width)
        # With thresholds a position, (n_out, length); else (n_out, 1)
        self.offset = offset[:, None] if layer.thresholds is None else offset[:, None] + layer.thresholds
        self.half = self.weight.shape[2] // 2
        # What a position adds to those around it, the leftmost first: (n_in, width, n_out)
        self.spread = self.weight.flip(2).permute(1, 2, 0).contiguous()

    def scores(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(n, n_in, length)`` as scores before the activation, ``(n, length, n_out)``."""
        scores: torch.Tensor = functional.conv1d(x, self.weight, padding=self.half) + self.offset
        return scores.transpose(1, 2).contiguous()


class _Member:
    """One network of a `SequenceCNN`."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.layers = [_Layer(layer) for layer in (reader.first, *reader.deeper)]
        self.pool = int(reader.pool.kernel_size)
        self.both = reader.strands == "share"

    def changes(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(n, 4, length, n_outputs)``, the other strand left out where it is to be averaged with."""
        known = _Known(self, x)
        here = self._outputs(known, None, torch.arange(len(x), device=x.device))
        found = here[:, None, None, :].repeat(1, 4, x.shape[2], 1)
        for place in range(x.shape[2]):
            rows, bases = torch.nonzero(x[:, :, place] == 0, as_tuple=True)
            window = self._first(known, x[:, :, place], place, rows, bases)
            if window.high > window.low:
                for number in range(1, len(self.layers)):
                    window = self._deeper(known, number, window, rows)
                found[rows, bases, place] = self._outputs(known, window, rows)
        return found

    def _first(
        self, known: "_Known", there: torch.Tensor, place: int, rows: torch.Tensor, bases: torch.Tensor
    ) -> _Window:
        """Return what the first layer, and the pooling behind it, see of the changes at one place."""
        layer, length = self.layers[0], known.scores[0].shape[1]
        low, high = max(0, place - layer.half), min(length, place + layer.half + 1)
        effect = layer.spread[:, low - place + layer.half : high - place + layer.half]  # (4, window, filters)
        without = known.scores[0][:, low:high] - (there @ effect.flatten(1)).view(len(there), *effect.shape[1:])
        seen = _take(without, rows).add_(_take(effect, bases)).relu_()
        if self.pool == 1:
            return _Window(seen.sub_(_take(known.passed[0][:, low:high], rows)), low, high)
        first, last = low // self.pool, min(known.passed[0].shape[1], -(-high // self.pool))
        whole = _take(known.scores[0][:, first * self.pool : last * self.pool].relu(), rows)
        end = min(high, last * self.pool)
        whole[:, low - first * self.pool : end - first * self.pool] = seen[:, : max(0, end - low)]
        pooled = whole.view(len(whole), last - first, self.pool, -1).amax(dim=2)
        return _Window(pooled.sub_(_take(known.passed[0][:, first:last], rows)), first, last)

    def _deeper(self, known: "_Known", number: int, before: _Window, rows: torch.Tensor) -> _Window:
        """Return what a deeper layer makes of a window, with what it was added to."""
        layer, scores, passed = self.layers[number], known.scores[number], known.passed[number]
        n, width, inputs = before.change.shape
        spread = (before.change.view(-1, inputs) @ layer.spread.flatten(1)).view(n, width, *layer.spread.shape[1:])
        low, high = max(0, before.low - layer.half), min(scores.shape[1], before.high + layer.half)
        change = _take(scores[:, low:high], rows)
        for step in range(spread.shape[2]):
            start = before.low - layer.half + step
            first, last = max(start, low), min(start + width, high)
            if first >= last:
                continue  # all of it lies beyond an end
            change[:, first - low : last - low] += spread[:, first - start : last - start, step]
        change.relu_().sub_(_take(passed[:, low:high], rows))
        change[:, before.low - low : before.high - low] += before.change
        return _Window(change, low, high)

    def _outputs(self, known: "_Known", window: _Window | None, rows: torch.Tensor) -> torch.Tensor:
        """Return the outputs ``(n, n_outputs)`` of changed sequences; of the known ones without a window."""
        hidden = self._hidden(known.responses(window, rows, turned=False))
        if self.both:
            hidden = (hidden + self._hidden(known.responses(window, rows, turned=True))) / 2
        found: torch.Tensor = self.reader.to_outputs(hidden)
        return found

    def _hidden(self, responses: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.reader.activation(self.reader.to_hidden(self.reader.norm(responses)))
        return hidden


class _Known:
    """What a member sees of the sequences as they are, all with the filters as the last axis.

    Attributes
    ----------
    scores
        Of each layer, before its activation, ``(n, length, filters)``.
    passed
        Of each layer, what comes from the activation (and the pooling, for the first).
    found
        The sum that the outputs are read from, ``(n, places, filters)``.
    """

    def __init__(self, member: _Member, x: torch.Tensor) -> None:
        self.member = member
        first = member.layers[0].scores(x)
        self.scores, self.passed = [first], [first.relu()]
        if member.pool > 1:
            places = first.shape[1] // member.pool
            parts = self.passed[0][:, : places * member.pool].reshape(len(x), places, member.pool, -1)
            self.passed[0] = parts.amax(dim=2)
        self.found = self.passed[0]
        for layer in member.layers[1:]:
            self.scores.append(layer.scores(self.found.transpose(1, 2)))
            self.passed.append(self.scores[-1].relu())
            self.found = self.found + self.passed[-1]
        # The strongest response before each place, and from it on; all are above zero
        none = torch.zeros_like(self.found[:, :1])
        self.before = torch.cat([none, self.found.cummax(dim=1).values], dim=1)
        self.after = torch.cat([self.found.flip(1).cummax(dim=1).values.flip(1), none], dim=1)
        self.placed = [self.by_place(self.found, 0, turned=turned) for turned in self._sides()]

    def _sides(self) -> tuple[bool, ...]:
        if self.member.reader.profiles is None:
            return ()
        return (False, True) if self.member.both else (False,)

    def responses(self, window: _Window | None, rows: torch.Tensor, *, turned: bool) -> torch.Tensor:
        """Return what the hidden layer reads, ``(n, 2 filters)`` or ``(n, profiles * filters)``."""
        if self.member.reader.profiles is None:
            both = torch.stack([self.strongest(window, rows), self.mean(window, rows)], dim=1)
            return (both.flip(2) if turned else both).flatten(1)
        sums = _take(self.placed[turned], rows)
        if window is not None:
            sums = sums + self.by_place(window.change, window.low, turned=turned)
        return sums.flatten(1)

    def strongest(self, window: _Window | None, rows: torch.Tensor) -> torch.Tensor:
        """Return the strongest response of each filter, ``(n, filters)``."""
        if window is None:
            return self.before[:, -1][rows]
        outside = torch.maximum(self.before[:, window.low], self.after[:, window.high])[rows]
        inside = _take(self.found[:, window.low : window.high], rows).add_(window.change).amax(dim=1)
        return torch.maximum(outside, inside)

    def mean(self, window: _Window | None, rows: torch.Tensor) -> torch.Tensor:
        """Return the mean response of each filter, ``(n, filters)``."""
        mean = self.found.mean(dim=1)[rows]
        return mean if window is None else mean + window.change.sum(dim=1) / self.found.shape[1]

    def by_place(self, values: torch.Tensor, low: int, *, turned: bool) -> torch.Tensor:
        """Return the sums over places from `low` on by the weights of each, ``(n, profiles, filters)``."""
        if turned:
            values, low = values.flip(1, 2), self.found.shape[1] - low - values.shape[1]
        profiles = self.member.reader.profiles[:, :, low : low + values.shape[1]]  # (profiles, filters, window)
        return torch.einsum("nlc,pcl->npc", values, profiles)
