"""Vectors of 16 numbers, for functions compiled by numba: each operation takes all 16 at once.

Of a loop over lanes LLVM makes what it holds for best, which on some processors is three times as slow as on others of
their kind. Here the code says what a vector is: 16 numbers of 16 bits are 256 bits, one register of AVX2 and of AVX-512
alike, and two of SSE or NEON. Vectors that a loop carries along stay in registers.
"""

# ruff: noqa: ARG001 - numba hands over more than is needed

import operator
from typing import Any, Final

import numba.extending
from llvmlite import ir
from numba.core import types
from numba.extending import lower_builtin, models, register_model, type_callable

intrinsic: Any = numba.extending.intrinsic  # what it makes of a function has other arguments

WIDTH: Final = 16


class Vector(types.Type):
    """numba's type of `WIDTH` integers of one width."""

    def __init__(self, dtype: Any) -> None:
        super().__init__(name=f"Vector({dtype}, {WIDTH})")
        self.dtype = dtype


@register_model(Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, _vector_of(ir.IntType(kind.dtype.bitwidth)))


def _vector_of(element: ir.Type) -> ir.VectorType:
    return ir.VectorType(element, WIDTH)


@type_callable(operator.add)
@type_callable(operator.sub)
@type_callable(operator.or_)
def _type_arithmetic(context):
    return lambda one, other: one if isinstance(one, Vector) and one == other else None


@lower_builtin(operator.add, Vector, Vector)
def _add(context, builder, signature, args):
    return builder.add(*args)


@lower_builtin(operator.sub, Vector, Vector)
def _sub(context, builder, signature, args):
    return builder.sub(*args)


@lower_builtin(operator.or_, Vector, Vector)
def _or(context, builder, signature, args):
    return builder.or_(*args)


@intrinsic
def splat(typing_context, number):
    """Return a vector of one number, 16 times."""

    def generate(context, builder, signature, args):
        (value,) = args
        vector = ir.Constant(_vector_of(value.type), ir.Undefined)
        for lane in range(WIDTH):
            vector = builder.insert_element(vector, value, ir.Constant(ir.IntType(32), lane))
        return vector

    return Vector(number)(number), generate


@intrinsic
def load(typing_context, array, first):
    """Return 16 numbers in a row of an array, the first one counted through all of its dimensions."""

    def generate(context, builder, signature, args):
        return builder.load(_address(context, builder, signature, args, array.dtype.bitwidth), align=1)

    return Vector(array.dtype)(array, first), generate


@intrinsic
def store(typing_context, array, first, vector):
    """Write 16 numbers in a row of an array, cut back to the width of its numbers."""

    def generate(context, builder, signature, args):
        address = _address(context, builder, signature, args, array.dtype.bitwidth)
        is_wider = vector.dtype.bitwidth > array.dtype.bitwidth
        value = builder.trunc(args[2], _vector_of(ir.IntType(array.dtype.bitwidth))) if is_wider else args[2]
        builder.store(value, address, align=1)
        return context.get_dummy_value()

    return types.void(array, first, vector), generate


def _address(context: Any, builder: Any, signature: Any, args: Any, bits: int) -> Any:
    data = context.make_array(signature.args[0])(context, builder, args[0]).data
    return builder.bitcast(builder.gep(data, [args[1]]), _vector_of(ir.IntType(bits)).as_pointer())


@intrinsic
def maximum(typing_context, one, other):
    """Return the larger ones of two vectors' numbers."""

    def generate(context, builder, signature, args):
        return builder.select(builder.icmp_signed(">", *args), *args)

    return one(one, other), generate


@intrinsic
def where_equal(typing_context, one, other, then, otherwise):
    """Return numbers of `then` where two vectors are equal, of `otherwise` elsewhere."""

    def generate(context, builder, signature, args):
        return builder.select(builder.icmp_signed("==", *args[:2]), *args[2:])

    return then(one, other, then, otherwise), generate


@intrinsic
def where_greater(typing_context, one, other, then, otherwise):
    """Return numbers of `then` where those of `one` are greater than those of `other`, of `otherwise` elsewhere."""

    def generate(context, builder, signature, args):
        return builder.select(builder.icmp_signed(">", *args[:2]), *args[2:])

    return then(one, other, then, otherwise), generate
