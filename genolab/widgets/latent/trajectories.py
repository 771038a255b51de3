"""Trajectories through a latent space, as the explorer draws them."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genolab import palette

_MOST: Final = 40  # more lines than that are a tangle


class Trajectories(NamedTuple):
    """Where some points are from time to time.

    Attributes
    ----------
    positions
        ``(n, times, n_dims)``, NaN where a trajectory hasn't begun.
    names, times
        What is written at the lines, and at the slider.
    """

    positions: NDArray[np.float64]
    names: tuple[str, ...]
    times: tuple[str, ...]

    @classmethod
    def checked(cls, positions: ArrayLike, names: Sequence[str], times: Sequence[str], n_dims: int) -> Self:
        """Check what a person gave for a space of `n_dims`, and return it."""
        values = np.asarray(positions, dtype=np.float64)
        values = values[None] if values.ndim == 2 else values
        if values.ndim != 3 or values.shape[2] != n_dims or values.shape[1] < 2:
            raise ValueError(
                f"trajectories are (n, times, {n_dims}) in the space that is shown, of at least 2 times, got the "
                f"shape {np.shape(positions)}"
            )
        n, n_times, _ = values.shape
        if not 1 <= n <= _MOST:
            raise ValueError(f"1 to {_MOST} trajectories can be distinguished, got {n}")
        for what, given, wanted in (("names", names, n), ("times", times, n_times)):
            if given and len(given) != wanted:
                raise ValueError(f"{what} are one for each of {wanted}, got {len(given)}")
        numbers = tuple(str(number) for number in range(1, n_times + 1))
        return cls(values, tuple(map(str, names)) or ("",) * n, tuple(map(str, times)) or numbers)

    def traits(self, shown: NDArray[Any]) -> dict[str, Any]:
        """Return the traits by which the browser draws them; `shown` is where they are in the picture."""
        labels = {"names": list(self.names), "times": list(self.times), "colours": palette.colours(len(self.names))}
        return {"_trajectories": shown.astype(np.float32).tobytes(), "_trajectory_labels": labels}
