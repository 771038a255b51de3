"""Follow a run while it trains: embed the explorer's cells from time to time, at a small share of the run's time."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

from genolab.data.dataset import AnnDataset
from genolab.infer import embed

if TYPE_CHECKING:
    from genolab.run import Run

SHARE: Final = 0.06
"""Part of the training time that embedding and sending may take; with the browser's share it stays below a tenth."""

_INTERVAL: Final = 0.3  # seconds of training: the browser takes this long to move the points, on the same processor


def dataset_for(adata: AnnData, run: "Run", dataset: AnnDataset | None) -> AnnDataset:
    """Return a dataset with one row for each row of `adata`, in their order, in the slots that the run reads."""
    if dataset is None:
        if run.train.adata is not adata:
            raise ValueError(
                f"watch embeds the explorer's own cells, but the run trains on another AnnData "
                f"({run.train.adata.n_obs:,} rows; here {adata.n_obs:,}): pass dataset=AnnDataset(adata, inputs=...) "
                "over the AnnData that the explorer shows"
            )
        return AnnDataset(adata, run.train.inputs, covariates=tuple(run.train.covariate_levels))
    if len(dataset) != adata.n_obs or not np.array_equal(dataset.rows, np.arange(adata.n_obs)):
        raise ValueError(
            f"watch needs one row for each of the explorer's {adata.n_obs:,} cells, in their order; this dataset has "
            f"{len(dataset):,}: pass the whole AnnDataset, not a part of a split"
        )
    return dataset


class RunFollower:
    """A listener for `Run.listen` that embeds a dataset, at most each `every` epochs.

    It works in the training thread, between two steps, and waits until what it has taken is at most `SHARE` of the time
    trained: a slow embedding is shown less often. When the run pauses or ends, its last state is always shown. `show`
    gets ``(n, n_latent)`` coordinates, a caption such as "epoch 12 of 30", and whether the run rests, `show_error` one
    sentence.
    """

    def __init__(
        self,
        dataset: AnnDataset,
        show: Callable[[NDArray[np.float32], str, bool], None],
        show_error: Callable[[str], None],
        *,
        every: int = 1,
    ) -> None:
        self._dataset, self._show, self._show_error, self._every = dataset, show, show_error, every
        self._trained = self._trained_when_shown = self._spent = self._cost = 0.0  # seconds
        self._lock = threading.Lock()

    def __call__(self, run: "Run", event: str) -> None:
        """Listen to the run."""
        if event == "epoch":
            self._after_epoch(run)
        elif event == "state":
            self._after_change(run)

    def _after_epoch(self, run: "Run") -> None:
        self._trained += run.epochs[-1].seconds
        due = len(run.epochs) % self._every == 0 and self._trained - self._trained_when_shown >= _INTERVAL
        if due and self._spent + self._cost <= SHARE * self._trained:
            self.show(run)
            self._spent += self._cost
            self._trained_when_shown = self._trained

    def _after_change(self, run: "Run") -> None:
        state = run.status.state
        if state == "finished":
            self.show(run)
        elif state in {"paused", "stopped"}:
            # Not here: the thread that trains waits for its listeners, and "resume" shall not wait for us.
            threading.Thread(target=self.show, args=(run,), name="genolab-watch", daemon=True).start()

    def show(self, run: "Run") -> None:
        """Show the model as it is now. `embed` computes on a copy, so that any thread may call this."""
        with self._lock:
            start = time.perf_counter()
            status = run.status
            caption = f"epoch {status.epoch} of {status.epochs}" if status.step else "before training"
            try:
                self._show(embed(run.model, self._dataset), caption, status.state != "running")
            except Exception as error:  # noqa: BLE001 - shown to the person; training goes on
                self._show_error(f"The run could not be shown: {error}")
            self._cost = time.perf_counter() - start
