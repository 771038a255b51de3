"""A config's fields are its controls: bounds hold in code, and a screen reads the same ones."""

from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

import genolab as gl
from genolab.config import check, control, controls


@dataclass(frozen=True)
class Oven:
    """Two controls, one of them live, and a field that is none."""

    heat: float = control(180.0, low=50, high=250, live=True, help="How hot it is.", unit="C")
    minutes: int | None = control(None, low=1, high=600)
    dish: str = "cake"

    def __post_init__(self) -> None:
        check(self)


def test_controls_are_the_fields_that_carry_bounds_in_their_order():
    assert list(controls(Oven())) == ["heat", "minutes"]
    assert list(controls(Oven(), live_only=True)) == ["heat"]
    assert controls(Oven())["heat"].unit == "C"


def test_bounds_are_included_and_none_means_off():
    assert Oven(heat=50, minutes=None).heat == 50
    assert Oven(heat=250).heat == 250


@pytest.mark.parametrize("heat", [49.9, 251, float("nan"), float("inf"), "hot", True])
def test_out_of_bounds_says_field_bounds_value_and_help(heat):
    with pytest.raises(ValueError, match=r"Oven.heat must be between 50 and 250, got .* How hot it is"):
        Oven(heat=heat)


def test_a_changed_copy_is_checked_too_and_the_original_stays():
    oven = Oven()
    with pytest.raises(ValueError, match=r"Oven\.heat"):
        replace(oven, heat=1000)
    with pytest.raises(FrozenInstanceError):
        oven.heat = 100
    assert oven.heat == 180


@pytest.mark.parametrize("config", [gl.RunConfig(), gl.preprocess.Recipe()])
def test_every_control_of_ours_has_a_sentence_of_help(config):
    assert all(bounds.help.endswith(".") for bounds in controls(config).values())
