"""Look into a latent space: every cell a point, coloured by what is known of it, and selected by hand.

The browser draws and selects; Python keeps the state. Traits go to the browser, which answers by messages; a selection
comes back as a bitmask, since a million cells are then 125 kB.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import traitlets as t
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray

from genolab.data.gene_names import gene_table, symbols_of
from genolab.widgets.latent.axes import Axes, Axis
from genolab.widgets.latent.colours import colour_by
from genolab.widgets.latent.coordinates import (
    checked_coordinates,
    checked_mask,
    choices,
    read_coordinates,
    unpacked_mask,
)
from genolab.widgets.latent.static import StaticView
from genolab.widgets.latent.tooltip import Hover, tooltip_of
from genolab.widgets.latent.trajectories import Trajectories
from genolab.widgets.shared.base import NotebookWidget
from genolab.widgets.shared.name_search import NameSearch

if TYPE_CHECKING:
    import pandas as pd

    from genolab.data.dataset import AnnDataset
    from genolab.run import Run

_MARK: Final = "genolab_selections"  # in .uns: the columns of obs that an explorer wrote, and may write again
_NO_TRAJECTORIES: Final[dict[str, Any]] = {"_trajectories": b"", "_trajectory_labels": {}}


class LatentExplorer(NotebookWidget):
    """Look at the rows of an AnnData in a latent space, colour them, select some, and go on with those in Python.

    Of more than two dimensions the first view is the two strongest directions, the principal components PC 1 and PC 2.
    The AnnData is read, never changed, except by `save_selection` and its button.

    Parameters
    ----------
    adata
        What is shown; one point a row.
    basis
        Key of ``obsm`` with the coordinates, at least two columns; ``None``: none yet, `watch` will bring them.
    color
        Column of ``obs`` or gene, by its id or symbol; ``None``: all points alike. A column goes before a gene of the
        same name.
    layer
        Layer that genes' values are taken from; ``None``: ``X``, or ``.raw`` for genes that only that has.
    hover
        Called with a row's number for what its tooltip shows beyond its name: parts as `genolab.widgets.latent.tooltip`
        makes them. ``None``: what a chapter knows of such rows, a sequence's logo or a compound's structure.
    rows
        What a row is called, ``"cells"`` or ``"clones"``; ``None``: sequences or compounds where there are some, else
        cells.

    Attributes
    ----------
    color, basis, dims, layer
        What is shown; set them to change it. `dims` are two columns of the basis, counted from 0, or principal
        components of it, ``("PC1", "PC2")``.
    n_selected
        Number of selected rows; observe it to follow the selection: ``explorer.observe(act, "n_selected")``.
    watching
        Whether a run is followed.

    Examples
    --------
    >>> explorer = LatentExplorer(cells, "X_vae", color="cell_type")
    >>> explorer  # lasso some points, then, in the next cell:
    >>> chosen = cells[explorer.selection]
    """

    color = t.Unicode(None, allow_none=True).tag(sync=True)
    basis = t.Unicode(None, allow_none=True).tag(sync=True)
    dims = t.Tuple(t.Union([t.Int(), t.Unicode()]), t.Union([t.Int(), t.Unicode()]), default_value=(0, 1)).tag(
        sync=True
    )
    layer = t.Unicode(None, allow_none=True).tag(sync=True)
    n_selected = t.Int(0, read_only=True).tag(sync=True)
    watching = t.Bool(False, read_only=True).tag(sync=True)

    _n_obs = t.Int().tag(sync=True)
    _rows = t.Unicode("cells").tag(sync=True)
    _points = t.Bytes().tag(sync=True)  # (n, 2) float32
    _frame = t.Dict().tag(sync=True)  # titles, offset, caption, and what may be an axis
    _codes = t.Bytes().tag(sync=True)  # (n,) uint8 or uint16
    _legend = t.Dict().tag(sync=True)
    _hidden = t.List(t.Int()).tag(sync=True)  # codes
    _mask = t.Bytes().tag(sync=True)  # bits, the lowest first
    _choices = t.Dict().tag(sync=True)
    _trajectories = t.Bytes().tag(sync=True)  # (n, times, 2) float32, as _points; NaN where one hasn't begun
    _trajectory_labels = t.Dict().tag(sync=True)  # names, times; empty without trajectories

    _coordinates: NDArray[Any] | None = None
    _shown: NDArray[np.float64] | None = None  # (n, 2), where the points are along the two axes
    _unwatch: Callable[[], None] | None = None  # here, since a widget is also closed where making it has failed

    def __init__(
        self,
        adata: AnnData,
        basis: str | None,
        *,
        color: str | None = None,
        layer: str | None = None,
        hover: Hover | None = None,
        rows: str | None = None,
    ) -> None:
        if adata.n_obs == 0:
            raise ValueError("an explorer needs at least one row; this AnnData has none")
        self._adata = adata
        self._take(read_coordinates(adata, basis))
        self._selected = np.zeros(adata.n_obs, dtype=np.bool_)
        self._colouring = colour_by(adata, color, layer=layer)
        self._coloured_by = (color, layer)
        self._caption = self._run_error = ""
        self._lines: Trajectories | None = None
        self._names: NameSearch | None = None
        dims = self._axes.first
        kind, known = tooltip_of(adata, lambda: self._shown)
        self._hover = known if hover is None else hover
        super().__init__(
            color=color,
            basis=basis,
            dims=dims,
            layer=layer,
            _n_obs=adata.n_obs,
            _rows=rows or kind,
            _codes=self._colouring.codes.tobytes(),
            _legend=self._colouring.legend(),
            **self._point_traits(basis, dims),
        )
        self._publish(_choices=self._all_choices())
        self.observe(self._show_colour, ["color", "layer"])
        self.observe(self._show_points, ["basis", "dims"])

    # ---- in Python ---------------------------------------------------------------------------

    @property
    def selection(self) -> NDArray[np.bool_]:
        """The selected rows, ``(n_obs,)`` booleans: ``adata[explorer.selection]``. Assign a mask to show it."""
        return self._selected.copy()

    @selection.setter
    def selection(self, mask: ArrayLike) -> None:
        self.select(mask)

    def select(self, mask: ArrayLike) -> None:
        """Select rows by ``(n_obs,)`` booleans, such as ``adata.obs["cell_type"] == "B cell"``."""
        self._set_selection(checked_mask(mask, self._adata))

    def clear(self) -> None:
        """Select nothing."""
        self._set_selection(np.zeros(len(self._selected), dtype=np.bool_))

    def save_selection(self, name: str) -> None:
        """Write the selection into the AnnData, as the boolean column `name` of ``obs``.

        The name is noted in ``uns["genolab_selections"]``. A column that is there already is written over only if it is
        noted there: one that came from elsewhere is kept, with a ``ValueError``.
        """
        name = name.strip()
        adata = self._unchanged()
        made = [str(column) for column in adata.uns.get(_MARK, [])]
        if not name:
            raise ValueError("a column of obs needs a name: type one, such as 'chosen'")
        if name in adata.obs.columns and not (name in made and adata.obs[name].dtype == np.bool_):
            raise ValueError(
                f"obs has a column {name!r} that was not saved from an explorer, and is kept: choose another name, or "
                f"delete it with del adata.obs[{name!r}]"
            )
        adata.obs[name] = self._selected.copy()
        adata.uns[_MARK] = np.array(sorted({*made, name}), dtype=object)
        if self.color == name:
            self.refresh()
        text = f"Saved {self.n_selected:,} of {adata.n_obs:,} {self._rows} as obs[{name!r}]."
        self._names = None
        self._publish(_choices=self._all_choices(), message=text, _is_error=False)

    @property
    def row_names(self) -> "pd.Index[Any]":
        """Names of the rows, ``adata.obs_names``."""
        names: pd.Index[Any] = self._adata.obs_names
        return names

    @property
    def hidden(self) -> tuple[str, ...]:
        """Labels of the categories that are hidden, and can't be selected; assign labels to hide those."""
        labels, missing = self._colouring.labels, self._colouring.missing
        return tuple("none" if code == missing else labels[code] for code in self._hidden)

    @hidden.setter
    def hidden(self, labels: Iterable[str]) -> None:
        code_of = {"none": self._colouring.missing} | {label: i for i, label in enumerate(self._colouring.labels)}
        wanted = [labels] if isinstance(labels, str) else list(labels)
        unknown = [label for label in wanted if label not in code_of]
        if unknown:
            raise KeyError(f"{unknown} can't be hidden: {self.color!r} has {list(self._colouring.labels)}")
        self._publish(_hidden=sorted({code_of[label] for label in wanted}))

    @property
    def coordinates(self) -> NDArray[Any] | None:
        """What is shown, all dimensions, ``(n_obs, n_dims)``; ``None`` before there is anything.

        After `watch` these are the run's, to be kept by ``adata.obsm["X_vae"] = explorer.coordinates``.
        """
        return None if self._coordinates is None else self._coordinates.copy()

    def refresh(self) -> None:
        """Read the coordinates and colours again, after the AnnData was changed; its rows must be the same."""
        adata = self._unchanged()
        if not self.watching:
            self._take(read_coordinates(adata, self.basis))
        self._colouring = colour_by(adata, self.color, layer=self.layer)
        self._names = None
        self._publish(**self._point_traits(), **self._colour_traits(), _choices=self._all_choices())

    def watch(self, run: "Run", dataset: "AnnDataset | None" = None, *, every: int = 1) -> Callable[[], None]:
        """Show the run's latent space as it trains; nothing is written into the AnnData.

        The cells are embedded between two epochs, as often as that takes at most 6 % of the training time, and once
        more when the run pauses or ends. To keep what is shown: ``adata.obsm["X_vae"] = explorer.coordinates``.
        Principal components are turned in their plane to lie as they did before, so that only the cells move.

        Parameters
        ----------
        run
            The run; it may be training already.
        dataset
            The explorer's rows as the model reads them; ``None``: made from the slots that the run reads, if it trains
            on this AnnData.
        every
            Show at most each so many epochs.

        Returns
        -------
        callable
            Ends it; so does `unwatch`.
        """
        from genolab.widgets.latent.follow_run import RunFollower, dataset_for

        if every < 1:
            raise ValueError(f"every counts epochs, at least 1, got {every}")
        rows = dataset_for(self._unchanged(), run, dataset)
        self.unwatch()
        self._caption = ""
        follower = RunFollower(rows, self._show_embedding, self._show_error, every=every)
        self._unwatch = run.listen(follower)
        self.set_trait("watching", True)
        follower.show(run)
        return self.unwatch

    def show_trajectories(
        self, positions: ArrayLike, *, names: Sequence[str] = (), times: Sequence[str] = ()
    ) -> Callable[[], None]:
        """Move points through the space that is shown, such as the states of a recurrent network as it reads on.

        A slider under the picture goes through the times, and a button plays them; each point leaves a line.

        Parameters
        ----------
        positions
            ``(n, times, n_dims)`` in the dimensions of the basis, or ``(times, n_dims)`` of one point; NaN where a
            trajectory hasn't begun. A handful can be distinguished.
        names
            One a trajectory, written at its end.
        times
            One a time, such as ``"35 min"``, written next to the slider; without any they are counted.

        Returns
        -------
        callable
            Takes them away; so does another basis.

        Examples
        --------
        >>> explorer.show_trajectories(states, names=genes, times=[f"{minutes:g} min" for minutes in times])
        """
        n_dims = 0 if self._coordinates is None else self._coordinates.shape[1]
        self._lines = lines = Trajectories.checked(positions, names, times, n_dims)
        self._publish(**self._point_traits())

        def take_away() -> None:
            if self._lines is lines:
                self._lines = None
                self._publish(**self._point_traits())

        return take_away

    def close(self) -> None:
        """Take the explorer away; a run that it follows goes on."""
        self.unwatch()
        super().close()

    def unwatch(self) -> None:
        """Stop following a run; what was shown last stays."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
            self.set_trait("watching", False)

    def png(self) -> bytes:
        """Draw what is shown, in its present colours and selection, as a PNG; empty while there are no coordinates."""
        if self._shown is None:
            return b""
        return StaticView(
            self._shown,
            self._colouring,
            self._selected,
            frozenset(self._hidden),
            self._titles(self.basis, self.dims),
            self._rows,
            () if self._lines is None else tuple(self._axes.project(self._lines.positions, self.dims)),
            () if self._lines is None else self._lines.names,
        ).png()

    def __repr__(self) -> str:
        where = f" in {self.basis}" if self.basis else ""
        colour = f", coloured by {self.color}" if self.color else ""
        return f"LatentExplorer: {self._n_obs:,} {self._rows}{where}{colour}, {self.n_selected:,} selected"

    # ---- to the browser -------------------------------------------------------------------------------

    def _take(self, coordinates: NDArray[Any] | None) -> bool:
        """Take coordinates up; return whether they have another number of dimensions than those before."""
        n_before = 0 if self._coordinates is None else self._coordinates.shape[1]
        self._coordinates = coordinates
        self._axes = Axes.of(np.zeros((1, 2)) if coordinates is None else coordinates)
        return coordinates is not None and coordinates.shape[1] != n_before

    def _titles(self, basis: str | None, dims: tuple[Axis, Axis]) -> tuple[str, str]:
        first, second = (self._axes.title(axis, basis or "latent") for axis in dims)
        return first, second

    def _point_traits(self, basis: str | None = None, dims: tuple[Axis, Axis] | None = None) -> dict[str, Any]:
        """Return the points as the browser gets them: float32 about an offset, which keeps their digits."""
        basis, dims = basis or self.basis, dims or self.dims
        if self._coordinates is None:
            self._shown = None
            frame = {"titles": [], "offset": [0, 0], "axes": [], "caption": ""}
            return {"_points": b"", "_frame": frame, **_NO_TRAJECTORIES}
        self._shown = shown = self._axes.project(self._coordinates, dims)
        low, high = shown.min(axis=0), shown.max(axis=0)
        offset = np.where(np.abs(low + high) > 1000 * (high - low), (low + high) / 2, 0.0)
        frame = {
            "titles": self._titles(basis, dims),
            "offset": offset.tolist(),
            "axes": self._axes.menu(),
            "caption": self._caption,
        }
        lines = _NO_TRAJECTORIES
        if self._lines is not None:
            lines = self._lines.traits(self._axes.project(self._lines.positions, dims) - offset)
        return {"_points": (shown - offset).astype(np.float32).tobytes(), "_frame": frame, **lines}

    def _colour_traits(self) -> dict[str, Any]:
        return {"_codes": self._colouring.codes.tobytes(), "_legend": self._colouring.legend(), "_hidden": []}

    def _all_choices(self) -> dict[str, Any]:
        """Name what can be shown, and what a row and a column of ``X`` are called."""
        is_gene = self._rows == "cells" or (symbols_of(self._adata.var) != "").any()
        variable = "" if self._adata.n_vars == 0 else "gene" if is_gene else "variable"
        return {**choices(self._adata), "row": self._rows.removesuffix("s"), "variable": variable}

    def _all_names(self) -> NameSearch:
        """Return what can be found by its name: columns, genes and rows."""
        if self._names is None:
            called = self._all_choices()
            self._names = NameSearch().add("column", called["columns"])
            with suppress(KeyError):  # neither X nor a layer nor .raw has values
                genes = gene_table(self._adata, layer=self.layer)
                self._names.add(called["variable"], genes["label"], genes["id"])
            self._names.add(called["row"], self.row_names)
        return self._names

    def _show_colour(self, change: Any) -> None:
        if change["name"] == "layer":
            self._names = None
        self._read_colour(self.color, self.layer)  # for None, which traitlets sets without asking `_check_colour`
        self._publish(**self._colour_traits(), _choices=self._all_choices())

    def _show_points(self, change: Any) -> None:
        if change["name"] == "basis":
            self.unwatch()
            self._caption = ""
            self._lines = None
            if self.basis is None:
                self._take(None)
        self._publish(**self._point_traits())

    def _set_selection(self, mask: NDArray[np.bool_]) -> None:
        self._selected = mask
        self._publish(_mask=np.packbits(mask, bitorder="little").tobytes(), n_selected=int(mask.sum()))

    def _show_embedding(self, coordinates: NDArray[np.float32], caption: str, is_resting: bool) -> None:
        """Show a run's latent space; called in the thread that trains. The error of a person's command stays."""
        checked_coordinates(coordinates, self._adata, "the run's latent space")
        before = self._shown if self._caption else None
        self._caption = caption
        with self._lock, self.hold_sync():
            if self._take(coordinates):
                self.dims = self._axes.first
            elif before is not None:
                self._axes = self._axes.turned_to(coordinates, self.dims, before)
            is_over = self.message == self._run_error
            said = {} if is_over else {"message": self.message, "_is_error": self._is_error}
            self._publish(**self._point_traits(), **said)
        if is_resting:
            self._update_picture()

    def _show_error(self, text: str) -> None:
        self._run_error = text
        self._publish(message=text, _is_error=True)

    # ---- checks --------------------------------------------------------------------------------------------

    def _unchanged(self) -> AnnData:
        if self._adata.n_obs != self._n_obs:
            raise ValueError(
                f"the AnnData has {self._adata.n_obs:,} rows, and had {self._n_obs:,} when the explorer was made: "
                "make a new explorer"
            )
        return self._adata

    @t.validate("color", "layer")
    def _check_colour(self, proposal: Any) -> Any:
        new = {"color": self.color, "layer": self.layer} | {proposal["trait"].name: proposal["value"]}
        self._read_colour(new["color"], new["layer"])
        return proposal["value"]

    def _read_colour(self, color: str | None, layer: str | None) -> None:
        if (color, layer) != self._coloured_by:
            self._colouring = colour_by(self._unchanged(), color, layer=layer)
            self._coloured_by = (color, layer)

    @t.validate("basis")
    def _check_basis(self, proposal: Any) -> Any:
        new = proposal["value"]
        if new != self.basis and self._take(read_coordinates(self._unchanged(), new)):
            self.set_trait("dims", self._axes.first)
        return proposal["value"]

    @t.validate("dims")
    def _check_dims(self, proposal: Any) -> Any:
        first, second = proposal["value"]
        if first == second or not {first, second} <= {*self._axes.all}:
            names = f', or of "PC1" to "PC{n}"' if (n := len(self._axes.components)) else ""
            raise ValueError(
                f"dims are two different columns of {self.basis or 'the latent space'}, counted from 0 to "
                f"{len(self._axes.mean) - 1}{names}; got {(first, second)}"
            )
        return proposal["value"]

    # ---- from the browser ----------------------------------------------------------------------------

    def _handle(self, kind: str, content: dict[str, Any]) -> Any:
        match kind:
            case "select":
                self._set_selection(unpacked_mask(content["buffers"][0], self._n_obs))
            case "hide":
                self._publish(_hidden=content["codes"])
            case "color":
                self.color = content["name"]
            case "basis":
                self.basis = content["name"]
            case "dims":
                self.dims = tuple(content["dims"])
            case "save":
                self.save_selection(content["name"])
            case _:
                return self._answer(kind, content)
        return None

    def _answer(self, kind: str, content: dict[str, Any]) -> Any:
        match kind:
            case "find":
                return self._all_names().answer(content["text"])
            case "row":
                rows = np.asarray(self.row_names.astype(str) == content["name"])
                self._set_selection(rows)
                return int(rows.argmax())
            case "hover":
                row = int(content["row"])
                point = {"name": str(self._unchanged().obs_names[row]), "value": self._colouring.value(row)}
                return point if self._hover is None else {**point, "parts": list(self._hover(row))}
            case "picture":
                return self.png()
        return None
