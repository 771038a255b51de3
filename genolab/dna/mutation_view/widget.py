"""Change a sequence base by base, and see at once what a model predicts for it and why.

The browser draws and takes keys and clicks; Python keeps the sequence and computes. What is typed is shown at once;
what comes while the model computes travels together, so that fast typing never piles up.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import torch
import traitlets as t
from numpy.typing import NDArray
from torch import nn

from genolab.data.dataset import trained_classes
from genolab.dna.attribution import checked_sequences, every_change, integrated_gradients
from genolab.dna.mutation_view.arguments import (
    as_bases,
    check_lengths,
    checked_method,
    checked_names,
    checked_task,
    edited,
)
from genolab.dna.mutation_view.static import StaticView
from genolab.infer.lend import to_numpy
from genolab.infer.scorer import Scorer
from genolab.sequences.encode import one_hot
from genolab.widgets.shared.base import NotebookWidget

Task = Literal["classes", "labels", "values"]
Method = Literal["mutagenesis", "gradients"]

_AT_ONCE: Final = 1024


class Change(NamedTuple):
    """Where the sequence differs from the reference.

    Attributes
    ----------
    position
        Counted from 0.
    reference, now
        The bases, ``"N"`` for an unknown one.
    """

    position: int
    reference: str
    now: str


class MutationView(NotebookWidget):
    """Change a sequence and see the prediction and the contributions of the bases move, compared with the reference.

    Click a base, then type A, C, G, T or N; or click in the map of changes what it shall become. Arrow keys go from
    base to base and try another one, Delete puts the reference's base back, Ctrl+Z takes back, Ctrl+Y does again.

    Parameters
    ----------
    model
        With ``logits(x)``, or any ``nn.Module``, over ``(n, 4, length)``. It is only read: train on, then `refresh`.
    sequence
        A string of bases, or one-hot ``(4, length)``.
    reference
        What it is compared with, of the same length; ``None``: the sequence as it is given.
    names
        Names of the outputs, in order; ``None``: the classes that the model was trained on, else their numbers.
    target
        The output whose contributions are shown, by number or name; the widget has a list of them, too.
    task
        What the outputs are: ``"classes"`` (shown as probabilities by softmax), ``"labels"`` (by sigmoid) or
        ``"values"``; ``None``: as the model's config says, else values.
    method
        How contributions are computed, see `genolab.dna.attribute`: ``"mutagenesis"`` or, quicker for long sequences,
        ``"gradients"``; ``None``: mutagenesis up to 400 bases.
    positions
        For models with an output a base: those whose mean is shown and explained; ``None``: all.

    Attributes
    ----------
    sequence
        The sequence as it is now, a string; set it to change it.
    reference
        What it is compared with.
    target
        Number of the output that is explained; set it to change it.

    Examples
    --------
    >>> view = MutationView(model, "ACGT...", target="donor")
    >>> view  # change some bases, then, in the next cell:
    >>> view.changes, view.prediction
    """

    sequence = t.Unicode().tag(sync=True)
    reference = t.Unicode(read_only=True).tag(sync=True)
    target = t.Int(0).tag(sync=True)

    _state = t.Dict().tag(sync=True)  # outputs, prediction now and of the reference, what can be taken back, the method
    _scores = t.Bytes().tag(sync=True)  # (4, length) float32: what each base would contribute

    def __init__(
        self,
        model: nn.Module,
        sequence: str | Any,
        *,
        reference: str | Any = None,
        names: Sequence[str] | None = None,
        target: int | str = 0,
        task: Task | None = None,
        method: Method | None = None,
        positions: int | slice | None = None,
    ) -> None:
        now = as_bases(sequence)
        before = now if reference is None else as_bases(reference)
        check_lengths(now, before)
        self._model, self._positions = model, positions
        self._task = checked_task(model, task)
        self._method = checked_method(method, len(now))
        self._scorer = Scorer(model, None, positions=positions)
        self._reference_prediction = self._predict(before)
        self._names = checked_names(names, trained_classes(model), len(self._reference_prediction))
        self._undo_stack: list[str] = []
        self._redo_stack: list[str] = []
        self._now = now
        number = self._output_number(target)
        super().__init__(sequence=now, target=number, **self._output_traits(now, number))
        self.set_trait("reference", before)
        self.observe(self._update, ["sequence", "target"])

    # ---- in Python ---------------------------------------------------------------------------

    @property
    def prediction(self) -> NDArray[np.float32]:
        """What the model predicts for the sequence, ``(n_outputs,)``: probabilities, or values."""
        return np.array(self._state["prediction"], dtype=np.float32)

    @property
    def attribution(self) -> NDArray[np.float32]:
        """What each base contributes to the target, ``(4, length)``; 0 for those that aren't there."""
        hypothetical = np.frombuffer(self._scores, dtype=np.float32).reshape(4, -1)
        present: NDArray[np.float32] = hypothetical * one_hot(self.sequence)[0]
        return present

    @property
    def changes(self) -> list[Change]:
        """Where the sequence differs from the reference."""
        pairs = enumerate(zip(self.reference, self.sequence, strict=True))
        return [Change(at, old, new) for at, (old, new) in pairs if old != new]

    def mutate(self, position: int, base: str) -> None:
        """Put a base, one of A, C, G, T and N, at a position, counted from 0."""
        self._apply({"do": "edit", "position": position, "base": base})

    def undo(self) -> None:
        """Take the last change back."""
        self._apply({"do": "undo"})

    def redo(self) -> None:
        """Do again what was taken back."""
        self._apply({"do": "redo"})

    def reset(self) -> None:
        """Put the whole reference back; this can be taken back, too."""
        self._apply({"do": "reset"})

    def refresh(self) -> None:
        """Ask the model again, after it was trained on or changed."""
        self._scorer = Scorer(self._model, None, positions=self._positions)
        self._reference_prediction = self._predict(self.reference)
        self._publish(**self._output_traits(self._now, self.target))

    def png(self) -> bytes:
        """Draw what is shown, as a PNG; of a long sequence the part that matters most."""
        scores = np.frombuffer(self._scores, dtype=np.float32).reshape(4, -1)
        return StaticView(self.sequence, self.reference, scores, self._state, self.target).png()

    def __repr__(self) -> str:
        n = len(self.changes)
        name, value = self._names[self.target], self.prediction[self.target]
        return f"MutationView: {len(self.sequence):,} bases, {n:,} changed, {name} {value:.3g}"

    # ---- the model ------------------------------------------------------------------------------------

    def _one_hot(self, sequence: str) -> torch.Tensor:
        return checked_sequences(torch.as_tensor(one_hot(sequence))).to(self._scorer.device)

    def _predict(self, sequence: str) -> list[float]:
        """Return the outputs as they are shown: probabilities, or values."""
        with torch.no_grad():
            output = self._scorer(self._one_hot(sequence))
        if self._task != "values":
            output = output.softmax(dim=1) if self._task == "classes" else output.sigmoid()
        return [float(value) for value in output[0].cpu()]

    def _output_traits(self, sequence: str, target: int) -> dict[str, Any]:
        """Return prediction and contributions of a sequence as the browser gets them."""
        state = {
            "outputs": list(self._names),
            "prediction": self._predict(sequence),
            "before": self._reference_prediction,
            "isProbability": self._task != "values",
            "method": self._method,
            "canUndo": bool(self._undo_stack),
            "canRedo": bool(self._redo_stack),
        }
        return {"_state": state, "_scores": self._contributions(sequence, target).tobytes()}

    def _contributions(self, sequence: str, target: int) -> NDArray[np.float32]:
        x = self._one_hot(sequence)
        self._scorer.target = target
        try:
            if self._method == "mutagenesis":
                values = every_change(self._scorer, x, batch_size=_AT_ONCE)[..., 0]
                scores = values - values.mean(dim=1, keepdim=True)
            else:
                scores = integrated_gradients(self._scorer, x, batch_size=64)
        finally:
            self._scorer.target = None
        return np.ascontiguousarray(to_numpy(scores[0]))

    def _output_number(self, target: int | str) -> int:
        known = list(self._names)
        number = known.index(target) if isinstance(target, str) and target in known else target
        if not isinstance(number, int | np.integer) or not 0 <= number < len(known):
            raise ValueError(f"target is one of the outputs, {known} or its number, got {target!r}")
        return int(number)

    # ---- changes -------------------------------------------------------------------------------------------

    def _apply(self, *actions: dict[str, Any]) -> None:
        """Do what was asked for, one after the other, and ask the model once; of what is refused, do nothing."""
        try:
            for action in actions:
                self._act(action)
            if self._now != self.sequence:
                self._publish(**self._output_traits(self._now, self.target), sequence=self._now)
        except Exception:
            self._now = self.sequence
            raise

    def _act(self, action: dict[str, Any]) -> None:
        match action["do"]:
            case "edit":
                self._set_sequence(edited(self._now, action["position"], action["base"]))
            case "reset":
                self._set_sequence(self.reference)
            case "undo" if self._undo_stack:
                self._redo_stack.append(self._now)
                self._now = self._undo_stack.pop()
            case "redo" if self._redo_stack:
                self._undo_stack.append(self._now)
                self._now = self._redo_stack.pop()

    def _set_sequence(self, sequence: str) -> None:
        if sequence != self._now:
            self._undo_stack.append(self._now)
            self._redo_stack.clear()
            self._now = sequence

    @t.validate("sequence")
    def _check_sequence(self, proposal: Any) -> str:
        bases = as_bases(proposal["value"])
        if self.reference:
            check_lengths(bases, self.reference)
        return bases

    @t.validate("target")
    def _check_target(self, proposal: Any) -> int:
        return self._output_number(proposal["value"])

    def _update(self, change: Any) -> None:
        """Take up what was set in Python; what was set from `_apply` is known already."""
        if self.sequence != self._now:
            self._set_sequence(self.sequence)
            self._publish(**self._output_traits(self._now, self.target))
        elif change["name"] == "target":
            self._publish(**self._output_traits(self._now, self.target))

    def _handle(self, _kind: str, content: dict[str, Any]) -> None:
        if "target" in content:
            self.target = content["target"]
        self._apply(*content["actions"])
