"""What every single change of a sequence does to a `SequenceCNN`, computed only where the change reaches.

The idea is that of fastISM (Nair et al. 2022): a changed base moves the first layer's responses in a window as wide as
a filter, the next layer's a little more, and no others. All sequences of a block are changed at the same position, so
that windows are slices; layers pass on differences; and what lies outside of the window enters the maximum by the
running maxima of both sides. It is ten times as fast as tangermeme, which does this from the graph of any network.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

import torch
from torch.nn import functional

from genolab.dna.model import SequenceCNN
from genolab.run.engine import cpu_threads

_BLOCK: Final = 64  # sequences at a time: what one position needs then stays in the processor's cache
_FEW: Final = 16  # up to so many, windows of many positions go together: one by one each would be too little work
_BEYOND: Final = -1e30  # a score that no change lifts above zero, for positions beyond the ends

_Places = tuple[torch.Tensor, torch.Tensor]  # rows, and a position of each


def single_changes(model: SequenceCNN, x: torch.Tensor) -> torch.Tensor:
    """Return a model's logits for every base at every position, ``(n, 4, length, n_outputs)``, up to rounding.

    The model is in evaluation mode, and `x` one-hot ``(n, 4, length)`` float.
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
    outputs = [_Member(member).changes(x) for member in model.members]
    if model.config.reverse_complement == "average":
        turned = [_Member(member).changes(x.flip(1, 2)).flip(1, 2) for member in model.members]
        outputs = [(one + other) / 2 for one, other in zip(outputs, turned, strict=True)]
    return torch.stack(outputs).mean(dim=0)


class _Delta(NamedTuple):
    """By how much positions ``start`` to ``end`` of changed sequences differ, ``(n, end - start, filters)``."""

    values: torch.Tensor
    start: int
    end: int


def _take(values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return some rows; it takes half the time of ``values[rows]``."""
    return values.index_select(0, rows)


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


@dataclass(frozen=True)
class _Cache:
    """What a member computes for the unchanged sequences, or in windows of them; filters are the last axis."""

    scores: tuple[torch.Tensor, ...]  # of each layer, before its activation, (n, length, filters)
    activated: tuple[torch.Tensor, ...]  # after the activation, and for the first layer the pooling
    total: torch.Tensor  # the sum over the layers that the outputs are read from, (n, positions, filters)
    before: torch.Tensor  # the maximum before each position, (n, positions + 1, filters), at least 0
    after: torch.Tensor  # the maximum from each position on
    mean: torch.Tensor  # over all positions, (n, filters)
    n_positions: int  # of a whole sequence, after the pooling
    weights: tuple[torch.Tensor, ...]  # of positions, by strand, (profiles, filters, positions); windows: (n, ...)
    weighted: tuple[torch.Tensor, ...]  # the sums of `total` by these weights, (n, profiles, filters)

    def strongest(self, delta: _Delta | None, rows: torch.Tensor) -> torch.Tensor:
        if delta is None:
            return self.before[:, -1][rows]
        outside = torch.maximum(self.before[:, delta.start], self.after[:, delta.end])[rows]
        inside = _take(self.total[:, delta.start : delta.end], rows).add_(delta.values).amax(dim=1)
        return torch.maximum(outside, inside)

    def average(self, delta: _Delta | None, rows: torch.Tensor) -> torch.Tensor:
        mean = self.mean[rows]
        return mean if delta is None else mean + delta.values.sum(dim=1) / self.n_positions

    def by_position(self, delta: _Delta | None, rows: torch.Tensor, strand: int) -> torch.Tensor:
        before = _take(self.weighted[strand], rows)
        if delta is None:
            return before
        weights = self.weights[strand][..., delta.start : delta.end]
        if weights.ndim == 3:
            return before + torch.einsum("nlc,pcl->npc", delta.values, weights)
        return before + torch.einsum("nlc,npcl->npc", delta.values, _take(weights, rows))


class _Member:
    """One network of a `SequenceCNN`."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.layers = [_Layer(layer) for layer in (network.first, *network.deeper)]
        self.pool = int(network.pooled)
        self.both = network.strands == "share"
        # Positions to either side that a change may reach, after the pooling
        self.reach = -(-self.layers[0].half // self.pool) + sum(layer.half for layer in self.layers[1:])

    def changes(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(n, 4, length, n_outputs)``, without the other strand where the two are averaged."""
        cache = self._cache(x)
        unchanged = self._outputs(cache, None, torch.arange(len(x), device=x.device))
        outputs = unchanged[:, None, None, :].repeat(1, 4, x.shape[2], 1)
        for rows, positions, part, at in self._tasks(cache, x):
            present = x[rows, :, positions]  # (m, 4)
            one, bases = torch.nonzero(present == 0, as_tuple=True)
            delta = self._first(part, present, at, one, bases)
            if delta.end > delta.start:
                for number in range(1, len(self.layers)):
                    delta = self._deeper(part, number, delta, one)
                outputs[rows[one], bases, positions[one]] = self._outputs(part, delta, one)
        return outputs

    def _cache(self, x: torch.Tensor) -> _Cache:
        first = self.layers[0].scores(x)
        n_positions = first.shape[1] // self.pool
        total = first[:, : n_positions * self.pool].relu().view(len(x), n_positions, self.pool, -1).amax(dim=2)
        scores, activated = [first], [total]
        for layer in self.layers[1:]:
            scores.append(layer.scores(total.transpose(1, 2)))
            activated.append(scores[-1].relu())
            total = total + activated[-1]
        none, weights = torch.zeros_like(total[:, :1]), self._position_weights(n_positions)
        return _Cache(
            tuple(scores),
            tuple(activated),
            total,
            before=torch.cat([none, total.cummax(dim=1).values], dim=1),
            after=torch.cat([total.flip(1).cummax(dim=1).values.flip(1), none], dim=1),
            mean=total.mean(dim=1),
            n_positions=n_positions,
            weights=weights,
            weighted=tuple(torch.einsum("nlc,pcl->npc", total, weight) for weight in weights),
        )

    def _position_weights(self, n_positions: int) -> tuple[torch.Tensor, ...]:
        """Return ``(profiles, filters, positions)``, also as the other strand has them.

        The phases of a period are profiles too, the same for all filters; they come last.
        """
        network = self.network
        own = [] if network.profiles is None else [network.profiles]
        if network.periodic is not None:
            position = torch.eye(n_positions, device=self.layers[0].weight.device)
            phases = network.periodic.phases(position[None])[0].T  # (period, positions)
            own.append(phases[:, None].expand(-1, len(self.layers[0].weight), -1))
        if not own:
            return ()
        both = torch.cat(own)
        return (both, both.flip(1, 2)) if self.both else (both,)

    def _tasks(self, cache: _Cache, x: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor, _Cache, int]]:
        """Give rows and positions to change, the cache around them, and where in that all of them are changed."""
        n, _, length = x.shape
        every = torch.arange(n, device=x.device)
        if n > _FEW:
            for position in range(length):
                yield every, torch.full_like(every, position), cache, position
            return
        for shift in range(self.pool):  # positions that the pooling treats alike
            positions = torch.arange(shift, length, self.pool, device=x.device)
            rows = every.repeat_interleave(len(positions))
            positions = positions.repeat(n)
            for some in torch.split(torch.arange(len(rows), device=x.device), _BLOCK):
                around = self._around(cache, rows[some], torch.div(positions[some], self.pool, rounding_mode="floor"))
                yield rows[some], positions[some], around, self.reach * self.pool + shift

    def _around(self, cache: _Cache, rows: torch.Tensor, positions: torch.Tensor) -> _Cache:
        """Return the cache in a window round one position of each of some rows."""
        width, cut = 2 * self.reach + 1, partial(self._cut, at=(rows, positions))
        used = cache.scores[0][:, : cache.n_positions * self.pool]  # what the pooling leaves over does nothing
        last = cache.before[:, -1:].expand(-1, self.reach + 1, -1)
        weights = (functional.pad(weight, (self.reach, self.reach + 1)) for weight in cache.weights)
        return _Cache(
            (
                cut(used, width=width * self.pool, beyond=_BEYOND, step=self.pool),
                *(cut(layer, width=width, beyond=_BEYOND) for layer in cache.scores[1:]),
            ),
            tuple(cut(layer, width=width) for layer in cache.activated),
            cut(cache.total, width=width),
            before=cut(torch.cat([cache.before, last], dim=1), width=width + 1),
            after=cut(cache.after, width=width + 1),
            mean=cache.mean[rows],
            n_positions=cache.n_positions,
            weights=tuple(weight.unfold(2, width, 1)[:, :, positions].permute(2, 0, 1, 3) for weight in weights),
            weighted=tuple(sums[rows] for sums in cache.weighted),
        )

    def _cut(
        self, values: torch.Tensor, *, at: _Places, width: int, beyond: float = 0, step: int = 1
    ) -> torch.Tensor:  # fmt: skip
        """Return `width` positions of each row of ``(n, length, filters)``, from `reach` before the given one on."""
        rows, positions = at
        padded = functional.pad(values, (0, 0, self.reach * step, (self.reach + 1) * step), value=beyond)
        start = rows * padded.shape[1] + positions * step
        index = (start[:, None] + torch.arange(width, device=rows.device)).ravel()
        return padded.flatten(0, 1).index_select(0, index).view(len(rows), width, -1)

    def _first(
        self, cache: _Cache, present: torch.Tensor, at: int, rows: torch.Tensor, bases: torch.Tensor
    ) -> _Delta:  # fmt: skip
        """Return the change of the first layer, and of the pooling after it, by the changes at one position."""
        layer, scores, activated = self.layers[0], cache.scores[0], cache.activated[0]
        low, high = max(0, at - layer.half), min(scores.shape[1], at + layer.half + 1)
        effect = layer.spread[:, low - at + layer.half : high - at + layer.half]  # (4, window, filters)
        without = scores[:, low:high] - (present @ effect.flatten(1)).view(len(present), *effect.shape[1:])
        changed = _take(without, rows).add_(_take(effect, bases)).relu_()
        if self.pool == 1:
            return _Delta(changed.sub_(_take(activated[:, low:high], rows)), low, high)
        first, last = low // self.pool, min(activated.shape[1], -(-high // self.pool))
        whole = _take(scores[:, first * self.pool : last * self.pool].relu(), rows)
        end = min(high, last * self.pool)
        whole[:, low - first * self.pool : end - first * self.pool] = changed[:, : max(0, end - low)]
        pooled = whole.view(len(whole), last - first, self.pool, -1).amax(dim=2)
        return _Delta(pooled.sub_(_take(activated[:, first:last], rows)), first, last)

    def _deeper(self, cache: _Cache, number: int, delta: _Delta, rows: torch.Tensor) -> _Delta:
        """Return the change after a deeper layer, the change that it was added to included."""
        layer, scores, activated = self.layers[number], cache.scores[number], cache.activated[number]
        n, width, inputs = delta.values.shape
        spread = (delta.values.view(-1, inputs) @ layer.spread.flatten(1)).view(n, width, *layer.spread.shape[1:])
        low, high = max(0, delta.start - layer.half), min(scores.shape[1], delta.end + layer.half)
        values = _take(scores[:, low:high], rows)
        for step in range(spread.shape[2]):
            start = delta.start - layer.half + step
            first, last = max(start, low), min(start + width, high)
            if first < last:  # else all of it lies beyond an end
                values[:, first - low : last - low] += spread[:, first - start : last - start, step]
        values.relu_().sub_(_take(activated[:, low:high], rows))
        values[:, delta.start - low : delta.end - low] += delta.values
        return _Delta(values, low, high)

    def _outputs(self, cache: _Cache, delta: _Delta | None, rows: torch.Tensor) -> torch.Tensor:
        """Return the outputs ``(n, n_outputs)`` of changed sequences; without a delta, of the unchanged ones."""
        hidden = self._hidden(self._pooled(cache, delta, rows, strand=0))
        if self.both:
            hidden = (hidden + self._hidden(self._pooled(cache, delta, rows, strand=1).flip(2))) / 2
        outputs: torch.Tensor = self.network.to_outputs(hidden)
        return outputs

    def _pooled(self, cache: _Cache, delta: _Delta | None, rows: torch.Tensor, *, strand: int) -> torch.Tensor:
        """Return what the hidden layer reads of each filter, ``(n, numbers, filters)``."""
        parts = []
        if self.network.profiles is None:
            parts.append(torch.stack([cache.strongest(delta, rows), cache.average(delta, rows)], dim=1))
        if cache.weights:
            parts.append(cache.by_position(delta, rows, strand))
        return torch.cat(parts, dim=1)

    def _hidden(self, pooled: torch.Tensor) -> torch.Tensor:
        network = self.network
        if network.periodic is None:
            features = pooled.flatten(1)
        else:
            period = network.periodic.period
            phases = network.periodic.norm(pooled[:, -period:].transpose(1, 2))
            features = torch.cat([pooled[:, :-period].flatten(1), network.periodic.of_phases(phases)], dim=1)
        hidden: torch.Tensor = network.activation(network.to_hidden(network.norm(features)))
        return hidden
