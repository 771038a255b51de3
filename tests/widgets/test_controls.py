"""Controls: what is drawn for a config, and that nothing out of bounds comes back from the screen."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import pytest

import genolab as gl
from genolab.config import check, control
from genolab.widgets.shared.controls import controls_for, form
from genolab.widgets.shared.fields import Field, accept, fields_of, label, number_field


@dataclass(frozen=True)
class Toy:
    rate: float = control(1e-3, low=1e-6, high=1.0, scale="log", live=True, help="How far a step goes.", unit="a step")
    kl_weight: float = control(1.0, low=0, high=10, live=True)
    size: int = control(64, low=1, high=512)
    epochs: int = control(30, low=1, high=1_000_000)
    clip: float | None = control(None, low=0.1, high=10)
    keep: bool = True
    flavor: Literal["plain", "rich"] = "plain"
    device: str = "auto"

    def __post_init__(self) -> None:
        check(self)
        if self.clip is not None and self.size > 256:
            raise ValueError("clip needs a size of at most 256: lower size, or leave clip off")


@pytest.fixture
def toy() -> Toy:
    return Toy()


def field(name: str) -> Field:
    return {one.name: one for one in fields_of(Toy())}[name]


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


def test_a_field_carries_bounds_scale_help_and_unit_of_its_config(toy):
    assert field("rate") == Field(
        "rate", "Rate", low=1e-6, high=1.0, scale="log", help="How far a step goes.", unit="a step"
    )


def test_a_config_shows_its_controls_switches_and_choices_and_leaves_free_text_alone(toy):
    kinds = {one.name: one.kind for one in fields_of(toy)}
    assert kinds == {
        "rate": "number",
        "kl_weight": "number",
        "size": "number",
        "epochs": "number",
        "clip": "number",
        "keep": "switch",
        "flavor": "choice",
    }
    assert field("flavor").choices == ("plain", "rich")


def test_live_only_shows_what_may_change_while_training(toy):
    assert [one.name for one in fields_of(toy, live_only=True)] == ["rate", "kl_weight"]


def test_whole_numbers_and_values_that_may_be_off_are_told_by_the_type():
    assert (field("size").integer, field("size").optional) == (True, False)
    assert (field("clip").integer, field("clip").optional) == (False, True)


def test_an_int_given_for_a_float_field_does_not_make_it_a_whole_number():
    (weight,) = [one for one in fields_of(Toy(kl_weight=1)) if one.name == "kl_weight"]
    assert not weight.integer


def test_a_wide_range_of_whole_numbers_moves_by_its_ratio():
    assert field("epochs").scale == "log"
    assert field("size").scale == "linear"


def test_without_a_type_the_value_tells_what_is_meant():
    bounds = Toy.__dataclass_fields__["size"].metadata["control"]
    assert number_field("size", bounds, 3).integer
    assert not number_field("size", bounds, 3.0).integer
    assert number_field("size", bounds, None).optional


@pytest.mark.parametrize(("name", "value", "taken"), [("rate", 1, 1.0), ("size", 8.0, 8), ("clip", None, None)])
def test_a_value_within_bounds_comes_back_in_the_type_of_its_field(name, value, taken):
    got = accept(field(name), value)
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
        ("flavor", "bitter", "one of plain, rich"),
    ],
)
def test_what_does_not_fit_its_field_is_refused_with_the_rule(name, value, complaint):
    with pytest.raises(ValueError, match=complaint):
        accept(field(name), value)


def test_both_bounds_are_within_bounds():
    assert [accept(field("size"), value) for value in (1, 512)] == [1, 512]


# ---- a list of controls -----------------------------------------------------------------------------------------


def test_a_change_from_the_browser_reaches_on_change_and_is_shown(toy):
    told = []
    widget = controls_for(toy, lambda name, value: told.append((name, value)))
    widget._handle_custom_msg({"do": "set", "name": "size", "value": 128}, [])
    assert told == [("size", 128)]
    assert widget.values["size"] == 128


def test_a_refused_change_is_not_passed_on_and_is_explained_beside_its_control(toy):
    told = []
    widget = controls_for(toy, lambda name, value: told.append(name))
    widget.change("size", 4096)
    assert told == []
    assert widget.values["size"] == 64
    assert widget.complaints == {"size": "Size is between 1 and 512, not 4096."}
    widget.change("size", 100)
    assert widget.complaints == {}


def test_the_same_refusal_twice_tells_the_browser_twice(toy):
    widget = controls_for(toy, lambda name, value: None)
    seen = []
    widget.observe(lambda change: seen.append(change.new), "answers")
    widget.change("size", 4096)
    widget.change("size", 4096)
    assert seen == [1, 2]


def test_a_message_about_an_unknown_control_changes_nothing(toy):
    told = []
    widget = controls_for(toy, lambda name, value: told.append(name))
    for message in ({"do": "set", "name": "device", "value": "cuda"}, {"do": "run", "name": "size"}, {}):
        widget._handle_custom_msg(message, [])
    assert told == []


def test_controls_can_be_made_from_what_a_run_says_may_be_tuned():
    bounds = {name: spec.metadata["control"] for name, spec in Toy.__dataclass_fields__.items() if spec.metadata}
    widget = controls_for({"rate": (bounds["rate"], 0.01), "clip": (bounds["clip"], None)}, lambda name, value: None)
    assert [one["name"] for one in widget.fields] == ["rate", "clip"]
    assert widget.values == {"rate": 0.01, "clip": None}
    assert widget.fields[1]["optional"]


def test_a_rule_that_on_change_holds_is_shown_and_the_value_stays(toy):
    def refuse(name: str, value: object) -> None:
        raise ValueError("not now")

    widget = controls_for(toy, refuse)
    widget.change("size", 100)
    assert (widget.values["size"], widget.complaints["size"]) == (64, "not now")


# ---- a form ---------------------------------------------------------------------------------------------------


def test_a_form_gives_a_new_config_and_leaves_the_old_one_as_it_was(toy):
    edited = form(toy)
    edited.change("size", 128)
    edited.change("keep", False)
    edited.change("clip", 2)
    assert edited.value == dataclasses.replace(toy, size=128, keep=False, clip=2.0)
    assert toy == Toy()


def test_a_form_holds_the_rules_between_fields_too(toy):
    edited = form(toy)
    edited.change("size", 512)
    edited.change("clip", 1)
    assert edited.value.clip is None
    assert "lower size" in edited.complaints["clip"]


def test_a_form_tells_each_new_config(toy):
    told = []
    edited = form(toy, on_change=told.append)
    edited.change("size", 7)
    edited.change("size", -7)
    assert told == [dataclasses.replace(toy, size=7)]


@pytest.mark.parametrize("config", [gl.RunConfig(), gl.preprocess.Recipe()], ids=["RunConfig", "Recipe"])
def test_genolabs_own_configs_can_be_edited(config):
    edited = form(config)
    assert edited.value == config
    numbers = [one for one in fields_of(config) if one.kind == "number"]
    assert len(numbers) >= 6
    for one in numbers:
        edited.change(one.name, one.low)
        assert getattr(edited.value, one.name) == one.low or one.name in edited.complaints


def test_the_form_is_reached_without_an_import_of_its_own():
    assert gl.widgets.controls.form(gl.RunConfig()).value == gl.RunConfig()
