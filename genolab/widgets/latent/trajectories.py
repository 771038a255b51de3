"""Paths through a latent space, as the explorer draws them."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MANY = 40  # more trails than that are a tangle


class Paths(NamedTuple):
    """Where some points are from moment to moment.

    Attributes
    ----------
    places
        ``(paths, moments, n_dims)``, NaN where a path isn't there yet.
    names, moments
        What is written beside the paths, and beside the slider.
    """

    places: NDArray[np.float64]
    names: tuple[str, ...]
    moments: tuple[str, ...]

    @classmethod
    def of(cls, places: ArrayLike, names: Sequence[str], moments: Sequence[str], n_dims: int) -> Self:
        """Check what a person gave for a space of `n_dims`, and return it.

        Raises
        ------
        ValueError
            As in `genolab.widgets.LatentExplorer.path`.
        """
        found = np.asarray(places, dtype=np.float64)
        found = found[None] if found.ndim == 2 else found
        if found.ndim != 3 or found.shape[2] != n_dims or found.shape[1] < 2:
            raise ValueError(
                f"paths are (paths, moments, {n_dims}) in the space that is shown, of at least 2 moments, got the "
                f"shape {np.shape(places)}"
            )
        if not 1 <= len(found) <= _MANY:
            raise ValueError(f"1 to {_MANY} paths can be told apart, got {len(found)}")
        for what, given, wanted in (("names", names, len(found)), ("moments", moments, found.shape[1])):
            if given and len(given) != wanted:
                raise ValueError(f"there are {wanted} {what} to be named, got {len(given)} names")
        counted = [str(number) for number in range(1, found.shape[1] + 1)]
        return cls(found, tuple(map(str, names)) or ("",) * len(found), tuple(map(str, moments)) or tuple(counted))

    def placed(self, dims: tuple[int, int], offset: NDArray[Any]) -> dict[str, Any]:
        """Return the traits by which the browser draws the paths in two dimensions, about an offset."""
        shown = (self.places[:, :, list(dims)] - offset).astype(np.float32)
        return {
            "_trajectories": shown.tobytes(),
            "_trajectory_labels": {"names": list(self.names), "moments": list(self.moments)},
        }
