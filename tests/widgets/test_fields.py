"""Fields: what the control of a number is, and that nothing out of bounds comes back from the screen."""

from dataclasses import dataclass
from typing import get_type_hints

import pytest

from genolab.config import control
from genolab.widgets.training.fields import Field, label, number_field


@dataclass(frozen=True)
class Toy:
    rate: float = control(1e-3, low=1e-6, high=1.0, scale="log", live=True, help="How far a step goes.", unit="a step")
    kl_weight: float = control(1.0, low=0, high=10, live=True)
    size: int = control(64, low=1, high=512)
    epochs: int = control(30, low=1, high=1_000_000)
    clip: float | None = control(None, low=0.1, high=10)


def bounds(name: str):
    return Toy.__dataclass_fields__[name].metadata["control"]


def field(name: str) -> Field:
    return number_field(name, bounds(name), getattr(Toy(), name), hint=get_type_hints(Toy)[name])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("learning_rate", "Learning rate"),
        ("kl_weight", "KL weight"),
        ("n_top_genes", "Number of top genes"),
        ("min_rna", "Min RNA"),
        ("x", "X"),
        ("", ""),
    ],
)
def test_a_field_is_named_in_words(name, words):
    assert label(name) == words


def test_a_field_carries_bounds_scale_help_and_unit_of_its_config():
    assert field("rate") == Field(
        "rate", "Rate", low=1e-6, high=1.0, scale="log", help="How far a step goes.", unit="a step"
    )


def test_whole_numbers_and_values_that_may_be_off_are_known_by_the_type():
    assert (field("size").integer, field("size").optional) == (True, False)
    assert (field("clip").integer, field("clip").optional) == (False, True)


def test_an_int_given_for_a_float_field_does_not_make_it_a_whole_number():
    assert not number_field("kl_weight", bounds("kl_weight"), 1, hint=float).integer


def test_a_wide_range_of_whole_numbers_moves_by_its_ratio():
    assert field("epochs").scale == "log"
    assert field("size").scale == "linear"


def test_without_a_type_the_value_decides_what_is_meant():
    assert number_field("size", bounds("size"), 3).integer
    assert not number_field("size", bounds("size"), 3.0).integer
    assert number_field("size", bounds("size"), None).optional


@pytest.mark.parametrize(("name", "value", "taken"), [("rate", 1, 1.0), ("size", 8.0, 8), ("clip", None, None)])
def test_a_value_within_bounds_comes_back_in_the_type_of_its_field(name, value, taken):
    got = field(name).accept(value)
    assert got == taken
    assert type(got) is type(taken)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("rate", 2.0, "between 1e-06 and 1, not 2"),
        ("rate", 0.0, "between"),
        ("rate", float("nan"), "is a number, not nan"),
        ("rate", float("inf"), "is a number"),
        ("rate", "<b>1</b>", "is a number, not '<b>1</b>'"),
        ("rate", None, "is a number"),
        ("rate", True, "is a number"),
        ("size", 2.5, "whole number"),
    ],
)
def test_what_does_not_fit_its_field_is_refused_with_the_rule(name, value, complaint):
    with pytest.raises(ValueError, match=complaint):
        field(name).accept(value)


def test_both_bounds_are_within_bounds():
    assert [field("size").accept(value) for value in (1, 512)] == [1, 512]
