"""What every single change of a sequence does to a `SequenceCNN`, computed only where the change reaches.

The idea is that of fastISM (Nair et al. 2022): a changed base moves what the first layer sees in a window as wide as a
filter, the next layer a little more, and nothing else. Here all sequences of a block are changed at the same position,
so that windows are slices; a layer passes on differences, so that what stays isn't computed; and what lies outside of
the window enters the strongest response by the maxima of both sides. tangermeme's saturation mutagenesis does the same
for any network, from its graph; knowing the network makes it ten times as fast.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import torch
from torch.nn import functional

from genolab.dna.known import Known, Window, take
from genolab.dna.model import SequenceCNN
from genolab.run.engine import cpu_threads

_BLOCK: Final = 64  # sequences at a time: what one position needs then stays in the processor's cache
_FEW: Final = 16  # up to so many, windows of many positions go together: one by one each would be too little work


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
    blocks = torch.split(x, _BLOCK)
    workers = min(len(blocks), torch.get_num_threads()) if x.device.type == "cpu" else 1
    if workers == 1:
        return torch.cat([_of_block(model, block) for block in blocks])
    # A core a block: products as small as these are no quicker when two cores share each
    with cpu_threads(1), ThreadPoolExecutor(workers) as pool:
        return torch.cat(list(pool.map(partial(_of_block, model), blocks)))


@torch.no_grad()
def _of_block(model: SequenceCNN, x: torch.Tensor) -> torch.Tensor:
    found = [Member(member).changes(x) for member in model.members]
    if model.config.reverse_complement == "average":
        turned = [Member(member).changes(x.flip(1, 2)).flip(1, 2) for member in model.members]
        found = [(one + other) / 2 for one, other in zip(found, turned, strict=True)]
    return torch.stack(found).mean(dim=0)


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


class Member:
    """One network of a `SequenceCNN`."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.layers = [_Layer(layer) for layer in (reader.first, *reader.deeper)]
        self.pool = int(reader.pooled)
        self.both = reader.strands == "share"
        # Places to either side that a change may reach, after the pooling
        self.reach = -(-self.layers[0].half // self.pool) + sum(layer.half for layer in self.layers[1:])

    def changes(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(n, 4, length, n_outputs)``, the other strand left out where it is to be averaged with."""
        known = Known.of(self, x)
        here = self._outputs(known, None, torch.arange(len(x), device=x.device))
        found = here[:, None, None, :].repeat(1, 4, x.shape[2], 1)
        for rows, places, part, at in self._tasks(known, x):
            there = x[rows, :, places]  # (m, 4)
            one, bases = torch.nonzero(there == 0, as_tuple=True)
            window = self._first(part, there, at, one, bases)
            if window.high > window.low:
                for number in range(1, len(self.layers)):
                    window = self._deeper(part, number, window, one)
                found[rows[one], bases, places[one]] = self._outputs(part, window, one)
        return found

    def _tasks(
        self, known: Known, x: torch.Tensor
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor, Known, int]]:  # fmt: skip
        """Give rows and places to change, what is known around them, and where in that all of them are changed."""
        n, _, length = x.shape
        every = torch.arange(n, device=x.device)
        if n > _FEW:
            for place in range(length):
                yield every, torch.full_like(every, place), known, place
            return
        for shift in range(self.pool):  # places that the pooling treats alike
            places = torch.arange(shift, length, self.pool, device=x.device)
            rows = every.repeat_interleave(len(places))
            places = places.repeat(n)
            for some in torch.split(torch.arange(len(rows), device=x.device), _BLOCK):
                around = known.around(rows[some], torch.div(places[some], self.pool, rounding_mode="floor"))
                yield rows[some], places[some], around, self.reach * self.pool + shift

    def _first(self, known: Known, there: torch.Tensor, place: int, rows: torch.Tensor, bases: torch.Tensor) -> Window:
        """Return what the first layer, and the pooling behind it, see of the changes at one place."""
        layer, length = self.layers[0], known.scores[0].shape[1]
        low, high = max(0, place - layer.half), min(length, place + layer.half + 1)
        effect = layer.spread[:, low - place + layer.half : high - place + layer.half]  # (4, window, filters)
        without = known.scores[0][:, low:high] - (there @ effect.flatten(1)).view(len(there), *effect.shape[1:])
        seen = take(without, rows).add_(take(effect, bases)).relu_()
        if self.pool == 1:
            return Window(seen.sub_(take(known.passed[0][:, low:high], rows)), low, high)
        first, last = low // self.pool, min(known.passed[0].shape[1], -(-high // self.pool))
        whole = take(known.scores[0][:, first * self.pool : last * self.pool].relu(), rows)
        end = min(high, last * self.pool)
        whole[:, low - first * self.pool : end - first * self.pool] = seen[:, : max(0, end - low)]
        pooled = whole.view(len(whole), last - first, self.pool, -1).amax(dim=2)
        return Window(pooled.sub_(take(known.passed[0][:, first:last], rows)), first, last)

    def _deeper(self, known: Known, number: int, before: Window, rows: torch.Tensor) -> Window:
        """Return what a deeper layer makes of a window, with what it was added to."""
        layer, scores, passed = self.layers[number], known.scores[number], known.passed[number]
        n, width, inputs = before.change.shape
        spread = (before.change.view(-1, inputs) @ layer.spread.flatten(1)).view(n, width, *layer.spread.shape[1:])
        low, high = max(0, before.low - layer.half), min(scores.shape[1], before.high + layer.half)
        change = take(scores[:, low:high], rows)
        for step in range(spread.shape[2]):
            start = before.low - layer.half + step
            first, last = max(start, low), min(start + width, high)
            if first < last:  # else all of it lies beyond an end
                change[:, first - low : last - low] += spread[:, first - start : last - start, step]
        change.relu_().sub_(take(passed[:, low:high], rows))
        change[:, before.low - low : before.high - low] += before.change
        return Window(change, low, high)

    def _outputs(self, known: Known, window: Window | None, rows: torch.Tensor) -> torch.Tensor:
        """Return the outputs ``(n, n_outputs)`` of changed sequences; of the known ones without a window."""
        hidden = self._hidden(known.responses(window, rows, turned=False))
        if self.both:
            hidden = (hidden + self._hidden(known.responses(window, rows, turned=True))) / 2
        found: torch.Tensor = self.reader.to_outputs(hidden)
        return found

    def _hidden(self, responses: torch.Tensor) -> torch.Tensor:
        reader, all_over = self.reader, responses
        if reader.rhythm is not None:
            all_over, phases = responses[:, : -reader.rhythm.period], responses[:, -reader.rhythm.period :]
        all_over = all_over.flatten(1)
        if reader.rhythm is not None:
            rhythms = reader.rhythm.of_phases(reader.rhythm.norm(phases.transpose(1, 2)))
            all_over = torch.cat([all_over, rhythms], dim=1)
        hidden: torch.Tensor = reader.activation(reader.to_hidden(reader.norm(all_over)))
        return hidden

    def profiles(self, n_places: int) -> tuple[torch.Tensor, ...]:
        """Return the weights of the places, ``(profiles, filters, places)``, also as the other strand has them.

        The phases of a rhythm are profiles too, the same for all filters; they come last.
        """
        own = [] if self.reader.profiles is None else [self.reader.profiles]
        if self.reader.rhythm is not None:
            place = torch.eye(n_places, device=self.layers[0].weight.device)
            phases = self.reader.rhythm.phases(place[None])[0].T  # (period, places)
            own.append(phases[:, None].expand(-1, len(self.layers[0].weight), -1))
        if not own:
            return ()
        both = torch.cat(own)
        return (both, both.flip(1, 2)) if self.both else (both,)
