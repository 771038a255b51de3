"""The end of a lesson says which of its statements hold, and what to do about the others."""

import pytest
from toy_models import Line, line_data

import genolab as gl
from genolab.jupyter.statements import CheckError

run = None  # what a notebook calls its run


def test_nothing_more_is_said_where_all_hold(capsys: pytest.CaptureFixture[str]) -> None:
    gl.check({"1. one is one": lambda: 1 == 1})
    assert capsys.readouterr().out == "holds   1. one is one\n"


def test_each_is_told_and_a_setting_or_chance_are_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CheckError, match=r"1 of 2 statements can't be confirmed: 1\. one is two\nTo do: begin anew"):
        gl.check({"1. one is two": lambda: 1 == 2, "2. one is one": lambda: 1 == 1})
    assert capsys.readouterr().out == "fails   1. one is two\nholds   2. one is one\n"


def test_a_cell_that_was_left_out_hides_no_other_statement(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CheckError, match=r"To do: run the cells that make table \(menu Run, Run All Above"):
        gl.check({"1. it is high": lambda: table["high"] > 1, "2. one is one": lambda: 1 == 1})  # noqa: F821
    unknown, holds = capsys.readouterr().out.splitlines()
    assert unknown == "unknown 1. it is high (NameError: name 'table' is not defined)"
    assert holds == "holds   2. one is one"


def test_a_training_that_has_not_ended_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = gl.Run(Line(), line_data(), line_data(8), gl.RunConfig(epochs=3, batch_size=16))
    monkeypatch.setitem(globals(), "run", begun)
    loss_fell = {"1. the loss fell": lambda: run.best.valid["loss"] < 0}
    for done in (0, 1):
        with pytest.raises(CheckError, match=f"To do: run has trained {done} of 3 epochs: press Start or Go on in its"):
            gl.check(loss_fell)
        next(iter(begun))
    begun.fit()
    with pytest.raises(CheckError, match="begin anew"):
        gl.check(loss_fell)
