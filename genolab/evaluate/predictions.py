"""What models predict for the rows of a test set, beside what is true of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from genolab.checks import check_key, listing
from genolab.data.dataset import AnnDataset, trained_classes
from genolab.evaluate.bootstrap import Groups, group_numbers
from genolab.infer import predict

Array = NDArray[np.float64]

_THRESHOLD: Final = 0.5  # a label is predicted from this probability on


class Predictions(NamedTuple):
    """What is true of rows, and what models predict for them."""

    truth: NDArray[np.bool_]  # (n, k): which classes or labels each row has
    probabilities: dict[str, Array]  # model to (n, k)
    names: tuple[str, ...]  # of the classes or labels
    exclusive: bool  # a row has exactly one of them (classes), or any number (labels)

    def decisions(self, model: str) -> NDArray[np.bool_]:
        """Return the most probable class of each row, or every label of at least one half, as ``(n, k)``."""
        scores = self.probabilities[model]
        if not self.exclusive:
            return scores >= _THRESHOLD
        best: NDArray[np.bool_] = np.arange(len(self.names)) == scores.argmax(axis=1)[:, None]
        return best


class Numbers(NamedTuple):
    """What was measured of rows ``(n, k)``, and what models predict for them."""

    truth: Array
    predicted: dict[str, Array]
    names: tuple[str, ...]  # of the outputs; one without a name where there is one


def holds_numbers(test: AnnDataset) -> bool:
    """Return whether the target of a test set is numbers: neither classes nor labels of 0 and 1."""
    target = _target(test)
    return target.dtype != np.int64 and not np.isin(target, (0, 1)).all()


def collect_predictions(models: Mapping[str, Any], test: AnnDataset) -> Predictions:
    """Predict a test set by every model (see `genolab.evaluate.table`), and set the predictions beside the truth."""
    _check_models(models)
    truth, names, exclusive = _truth(test)
    own = names if exclusive else test.signature.outputs
    if exclusive:
        truth, names = _with_classes_of(models, truth, names)
    probabilities = {}
    for name, model in models.items():
        output = predict(model, test) if isinstance(model, nn.Module) else model
        known = trained_classes(model) if isinstance(model, nn.Module) else own
        output = _in_order(str(name), output, known or own, names if exclusive else own, truth)
        probabilities[str(name)] = _probabilities(str(name), output, truth.shape, exclusive=exclusive)
    return Predictions(truth, probabilities, names, exclusive)


def _with_classes_of(
    models: Mapping[str, Any], truth: NDArray[np.bool_], names: tuple[str, ...]
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Add the classes that models know and no row has: they may be predicted."""
    known = (trained_classes(model) for model in models.values() if isinstance(model, nn.Module))
    more = [name for name in dict.fromkeys(name for each in known for name in each) if name not in names]
    return np.pad(truth, ((0, 0), (0, len(more)))), (*names, *more)


def _in_order(name: str, output: Any, known: Sequence[str], names: Sequence[str], truth: NDArray[np.bool_]) -> Any:
    """Return a model's outputs in the order of the test set's classes or terms; 0 for classes that it doesn't know."""
    if not names or tuple(known) == tuple(names):
        return output
    scores = np.asarray(output, dtype=np.float64)
    if scores.shape == (len(truth),) and len(known) == 2:  # of the second class
        scores = np.stack([1 - scores, scores], axis=1)
    if scores.shape != (len(truth), len(known)):
        return output  # and it will be refused
    place = {each: at for at, each in enumerate(known)}
    present = set(np.flatnonzero(truth.any(axis=0)).tolist())
    if unknown := [each for at, each in enumerate(names) if at in present and each not in place]:
        raise ValueError(
            f"{name!r} was not trained on what is true of some rows of the test set: {listing(unknown)}; it knows "
            f"{listing(known)}. Leave these rows out, or train a model on theirs"
        )
    ordered = np.zeros((len(scores), len(names)))
    for at, each in enumerate(names):
        if each in place:
            ordered[:, at] = scores[:, place[each]]
    return ordered


def _truth(test: AnnDataset) -> tuple[NDArray[np.bool_], tuple[str, ...], bool]:
    target = _target(test)
    if target.dtype == np.int64:
        return np.arange(len(test.target_names)) == target[:, None], test.target_names, True
    target = target.reshape(len(target), -1)
    if not np.isin(target, (0, 1)).all():
        raise ValueError(
            "this needs classes or labels, and the target holds other numbers than 0 and 1: make a column of "
            "categories the target, as in adata.obs[column].astype('category')"
        )
    return target.astype(bool), _output_names(test, target.shape[1]), False


def _target(test: AnnDataset) -> NDArray[Any]:
    parts = [batch.target for batch in test.batches(8192)]
    if parts[0] is None:
        raise ValueError("to evaluate models the truth is needed: pass target='obs/...' to AnnDataset")
    return np.concatenate([part.cpu().numpy() for part in parts if part is not None])


def _output_names(test: AnnDataset, count: int) -> tuple[str, ...]:
    return test.target_names or tuple(map(str, range(count)))


def _check_models(models: Mapping[str, Any]) -> None:
    if not models:
        raise ValueError("there are no models to compare: pass a dictionary of names and models")


def _probabilities(name: str, output: Any, shape: tuple[int, ...], *, exclusive: bool) -> Array:
    scores = np.asarray(output, dtype=np.float64)
    if exclusive and shape[1] == 2 and scores.shape == shape[:1]:  # of the second class, as of a baseline for numbers
        scores = np.stack([1 - scores, scores], axis=1)
    if scores.shape != shape:
        raise ValueError(
            f"{name!r} must give a probability for each of {shape[0]:,} rows and {shape[1]} classes, got the shape "
            f"{scores.shape}"
        )
    _check_finite(name, scores)
    return scores


def collect_numbers(models: Mapping[str, Any], test: AnnDataset) -> Numbers:
    """Predict a test set of numbers by every model, and set the predictions beside what was measured."""
    _check_models(models)
    target = _target(test).astype(np.float64)
    truth = target.reshape(len(target), -1)
    if (unknown := ~np.isfinite(truth).all(axis=1)).any():
        raise ValueError(f"the target of {unknown.sum():,} of {len(truth):,} rows is NaN or infinite: leave them out")
    names = ("",) if truth.shape[1] == 1 else _output_names(test, truth.shape[1])
    own, predicted = test.signature.outputs or (), {}
    for name, model in models.items():
        known = trained_classes(model) if isinstance(model, nn.Module) else own
        output = predict(model, test) if isinstance(model, nn.Module) else model
        output = _in_order(str(name), output, known or own, own, np.ones(truth.shape, dtype=bool))
        predicted[str(name)] = _numbers(str(name), output, truth.shape)
    return Numbers(truth, predicted, names)


def _numbers(name: str, output: Any, shape: tuple[int, ...]) -> Array:
    values = np.asarray(output, dtype=np.float64)
    if shape[1] == 1 and values.shape == shape[:1]:
        values = values[:, None]
    if values.shape != shape:
        raise ValueError(
            f"{name!r} must give {shape[1]} number{'s' * (shape[1] > 1)} for each of {shape[0]:,} rows, got the shape "
            f"{values.shape}"
        )
    _check_finite(name, values)
    return values


def _check_finite(name: str, values: Array) -> None:
    if not np.isfinite(values).all():
        raise ValueError(f"{name!r} gives NaN or infinity for {(~np.isfinite(values)).any(axis=1).sum():,} rows")


def groups_of(test: AnnDataset, by: str | ArrayLike | None) -> Groups | None:
    """Return the number of each row's group, ``(n,)``: by a column of ``obs``, or by names, one a row."""
    if isinstance(by, str):
        check_key(test.adata, "obs", by)
        by = test.adata.obs[by].iloc[test.rows]
    return group_numbers(by, len(test))
