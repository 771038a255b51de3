"""What the explorer draws across and up: dimensions of the coordinates, or their principal components."""

from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

Axis = int | str
"""A dimension, counted from 0, or the name of a principal component, ``"PC1"`` ..."""

_MOST: Final = 10  # components that a menu offers
_SAME: Final = 0.98  # cosine: turned by less than 11 degrees, a component keeps its name
_CHUNK: Final = 65_536  # rows, so that a million need little memory
_ROUNDING: Final = 1e-12  # share of the variance


@dataclass(frozen=True, eq=False)
class Axes:
    """Axes for coordinates of `n_dims` dimensions; of two dimensions there is nothing to choose.

    Attributes
    ----------
    mean, covariance
        Of the coordinates, ``(n_dims,)`` and ``(n_dims, n_dims)``.
    components
        Directions, ``(n_components, n_dims)``, the one of the largest variance first; none for two dimensions.
    turned
        Components that `turned_to` has turned away from their direction.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    components: NDArray[np.float64]
    turned: frozenset[Axis] = frozenset()

    @classmethod
    def of(cls, values: NDArray[Any]) -> Self:
        """Find the principal components of ``(n, n_dims)`` values; the largest entry of each is positive.

        One along which nothing varies, as where a latent space has collapsed, is 0: rounding is no direction.
        """
        n_dims = values.shape[1]
        if n_dims == 2:
            return cls(np.zeros(2), np.zeros((2, 2)), np.zeros((0, 2)))
        mean = values.mean(axis=0, dtype=np.float64)
        parts = (values[start : start + _CHUNK] - mean for start in range(0, len(values), _CHUNK))
        covariance = sum((part.T @ part for part in parts), np.zeros((n_dims, n_dims))) / len(values)
        variances, directions = eigh(covariance, subset_by_index=(max(0, n_dims - _MOST), n_dims - 1))
        components = directions.T[::-1]
        largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
        sign = np.where(variances[::-1] > _ROUNDING * np.trace(covariance), np.sign(largest[:, 0]), 0.0)
        return cls(mean, covariance, components * sign[:, None])

    @property
    def first(self) -> tuple[Axis, Axis]:
        """What is shown first: the two strongest directions."""
        return ("PC1", "PC2") if len(self.components) else (0, 1)

    @property
    def all(self) -> list[Axis]:
        """All that may be shown."""
        return [*(f"PC{i + 1}" for i in range(len(self.components))), *range(len(self.mean))]

    def project(self, values: NDArray[Any], axes: tuple[Axis, Axis]) -> NDArray[np.float64]:
        """Return ``(..., n_dims)`` values along two axes, ``(..., 2)``; those along components are centred."""
        along = [values[..., axis] if isinstance(axis, int) else self._along(values, axis) for axis in axes]
        return np.stack(along, axis=-1).astype(np.float64, copy=False)

    def _along(self, values: NDArray[Any], axis: str) -> NDArray[np.float64]:
        along: NDArray[np.float64] = (values - self.mean) @ self.components[_number(axis)]
        return along

    def turned_to(self, values: NDArray[Any], axes: tuple[Axis, Axis], before: NDArray[np.float64]) -> Self:
        """Turn the components among `axes` so that the points lie as near as can be to where they were before.

        From one epoch to the next components may change their sign and their order, and turn in their plane where
        their variances are alike; what is seen shall move only as far as the points do (orthogonal Procrustes).

        Parameters
        ----------
        values, before
            The points, ``(n, n_dims)``, and where they were on the same axes, ``(n, 2)``.
        """
        if all(isinstance(axis, int) for axis in axes):
            return self
        places = [place for place, axis in enumerate(axes) if isinstance(axis, str)]
        rows = [_number(str(axes[place])) for place in places]
        left, _, right = np.linalg.svd(before[:, places].T @ self.project(values, axes)[:, places])
        components = self.components.copy()
        components[rows] = left @ right @ components[rows]
        cosines = np.abs(np.einsum("ij,ij->i", components, self.components))
        return replace(
            self, components=components, turned=frozenset(f"PC{row + 1}" for row in rows if 0 < cosines[row] < _SAME)
        )

    def menu(self) -> list[tuple[Axis, str]]:
        """Return the axes with what a menu says of each, its name and its share of the variance; none for two."""
        names = {a: f"dim {a + 1}" if isinstance(a, int) else f"PC {_number(a) + 1}" for a in self.all}
        return (
            [(a, f"{name} ({_percent(self._share(a))})") for a, name in names.items()] if len(self.components) else []
        )

    def title(self, axis: Axis, basis: str) -> str:
        """Return what stands at an axis."""
        if isinstance(axis, int):
            return f"{basis} {axis + 1}"
        turned = ", turned" if axis in self.turned else ""
        return f"PC {_number(axis) + 1} of {basis}{turned} ({_percent(self._share(axis))})"

    def _share(self, axis: Axis) -> float:
        if isinstance(axis, int):
            variance = self.covariance[axis, axis]
        else:
            variance = self.components[_number(axis)] @ self.covariance @ self.components[_number(axis)]
        return float(variance / (np.trace(self.covariance) or 1.0))


def _number(axis: str) -> int:
    return int(axis[2:]) - 1


def _percent(share: float) -> str:
    return "under 1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"
