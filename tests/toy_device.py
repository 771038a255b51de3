"""A second device that needs no GPU: its tensors are computed by the processor, but don't mix with the processor's.

It goes by the name of "meta", and is there within ``with ToyDevice():``. As on a GPU, ``numpy()`` is refused, numbers
(tensors without a dimension) go with everything, and indices of the processor may index its tensors but not the other
way round. As on Apple's GPUs, there is no float64.
"""

import numpy as np
import torch
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

NAME = "meta"

_PACK = "aten::_pack_padded_sequence"  # takes its lengths from the processor
_MAY_MIX = {"aten::_to_copy", "aten::copy_", _PACK}
_INDEXING = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}


class ToyTensor(torch.Tensor):
    """A tensor of that device, around one of the processor."""

    inner: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner):
        if inner.dtype == torch.float64:
            raise TypeError("this device has no float64: take float32, or compute on the CPU")
        sizes = {"strides": inner.stride(), "storage_offset": inner.storage_offset()}
        return torch.Tensor._make_wrapper_subclass(cls, inner.size(), dtype=inner.dtype, device=NAME, **sizes)

    def __init__(self, inner):
        self.inner = inner

    def __getitem__(self, at):
        return super().__getitem__(_index(at))

    def __setitem__(self, at, value):
        super().__setitem__(_index(at), value)

    def tolist(self):
        return self.inner.tolist()

    def __repr__(self):
        return f"ToyTensor({self.inner!r})"

    def numpy(self, *_, **__):
        raise TypeError("can't convert a tensor of the toy device to numpy: use Tensor.cpu() first")

    __array__ = numpy

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return _compute(function, args, kwargs or {})


class ToyDevice(TorchDispatchMode):
    """Within it, the device is there."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return _compute(function, args, kwargs or {})

    def __enter__(self):
        self._tensor, self._as_tensor = torch.tensor, torch.as_tensor
        torch.tensor, torch.as_tensor = _made_here(torch.tensor), _made_here(torch.as_tensor)
        return super().__enter__()

    def __exit__(self, *error):
        torch.tensor, torch.as_tensor = self._tensor, self._as_tensor
        return super().__exit__(*error)


def _made_here(make):
    """Return what makes a tensor on the CPU and moves it: torch fills a tensor from a list past any dispatch."""

    def made(*args, device=None, **kwargs):
        return make(*args, **kwargs) if device is None else make(*args, **kwargs).to(device)

    return made


def _index(at):
    """Return an index without lists and arrays, which torch would bring to the device past any dispatch."""
    if isinstance(at, tuple):
        return tuple(map(_index, at))
    return torch.from_numpy(np.asarray(at)) if isinstance(at, list | np.ndarray) else at


def _compute(function, args, kwargs):
    """Compute on the processor what is asked of either device, and refuse what asks both."""
    name, device = function._schema.name, kwargs.get("device")
    toys = _checked(name, args, kwargs)
    inner_args, inner = tree_map(lambda x: x.inner if isinstance(x, ToyTensor) else x, (args, kwargs))
    result = function(*inner_args, **inner | ({} if device is None else {"device": "cpu"}))
    if name == "aten::copy_":
        return args[0]
    if toys and torch.Tag.inplace_view in function.tags:
        with no_dispatch():
            function(*args, **kwargs)  # so that the outside has the new shape
        return args[0]
    if torch.device(device).type != NAME if device is not None else not toys:
        return result
    if name == _PACK:
        return ToyTensor(result[0]), result[1]  # the sizes of its batches stay on the processor
    outside = {id(toy.inner): toy for toy in toys}
    return tree_map(lambda x: outside.get(id(x), ToyTensor(x)) if isinstance(x, torch.Tensor) else x, result)


def _checked(name, args, kwargs):
    """Return the arguments of this device, once it is seen that what belongs together is on one device."""
    tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
    toys = [x for x in tensors if isinstance(x, ToyTensor)]
    others = [x for x in tensors if not isinstance(x, ToyTensor) and x.ndim > 0]
    if any(x.device.type == NAME for x in others):
        raise NotImplementedError(f"{name} got a tensor of torch's own device {NAME}, which holds nothing")
    indexes = name in _INDEXING and isinstance(args[0], ToyTensor)
    indexes = indexes and (name == "aten::index" or isinstance(args[2], ToyTensor) or args[2].ndim == 0)
    if toys and others and not indexes and name not in _MAY_MIX:
        raise RuntimeError(f"Expected all tensors to be on the same device, but found the toy device and cpu in {name}")
    return toys
