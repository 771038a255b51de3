"""A run's progress in words, numbers and a picture."""

import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from genolab.run import Change, Epoch, RunStatus
from genolab.widgets.training import progress


def status(**facts) -> RunStatus:
    base = {
        "state": "running",
        "epoch": 12,
        "epochs": 30,
        "step": 125,
        "steps_per_epoch": 10,
        "total_steps": 300,
        "fraction": 0.4,
        "seconds_left": 41.2,
        "rows_per_second": 9812.0,
        "loss": 812.4,
        "message": "",
    }
    return RunStatus(**base | facts)


def epoch(number: int, train: dict, valid: dict | None = None) -> Epoch:
    return Epoch(number, number * 10, train, valid or {}, {}, 1.0, best=False)


def test_a_running_run_says_how_far_how_long_and_how_fast():
    assert progress.status_text(status()) == ("12 of 30 epochs", "41 s left, 9,800 cells/s")
    assert progress.status_text(status(), rows="sequences").pace == "41 s left, 9,800 sequences/s"


def test_without_a_speed_it_is_starting():
    assert progress.status_text(status(seconds_left=None, rows_per_second=None)).pace == "starting"


@pytest.mark.parametrize(
    ("state", "pace"),
    [
        ("ready", "not started"),
        ("paused", "paused at step 125"),
        ("stopped", "stopped at step 125"),
        ("finished", "finished in 3 min 20 s"),
        ("failed", "failed at step 126"),
    ],
)
def test_every_other_state_has_its_words(state, pace):
    assert progress.status_text(status(state=state), seconds=200).pace == pace


def test_one_epoch_is_singular():
    assert progress.status_text(status(epoch=1, epochs=1)).progress == "1 of 1 epoch"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.6, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7300, "2 h 1 min"),
        (90_000, "25 h 0 min"),
    ],
)
def test_a_time_is_put_in_words(seconds, words):
    assert progress.duration(seconds) == words


@pytest.mark.parametrize(("speed", "text"), [(0.123, "0.12"), (9.9, "9.9"), (98.7, "99"), (1.25e6, "1,200,000")])
def test_a_speed_is_rounded_to_two_digits(speed, text):
    assert progress.status_text(status(rows_per_second=speed)).pace.endswith(f", {text} cells/s")


def test_the_end_of_the_curve_lies_inside_the_epoch_that_is_trained():
    assert progress.epoch_so_far(status()) == [12.5, 812.4]
    assert progress.epoch_so_far(status(loss=None)) is None
    assert progress.epoch_so_far(status(loss=math.nan)) is None


def test_a_change_knows_its_place_in_epochs():
    assert progress.change_facts(Change(125, 12, "kl_weight", 1.0, 0.5), 10)["at"] == 12.5


def test_the_curve_reads_only_what_is_new():
    curve = progress.LossCurve()
    assert not curve.update(())
    first = epoch(1, {"loss": 3.0, "kl": 1.0, "kl_0": 0.5}, {"loss": 4.0, "kl": 2.0})
    assert curve.update((first,))
    assert not curve.update((first,))
    assert curve.parts == ["loss", "kl"]
    assert curve.update((first, epoch(2, {"loss": 2.0}, {"loss": 3.0, "kl": 1.5})))
    expected = [[1, 3, 1, 4, 2], [2, 2, math.nan, 3, 1.5]]
    np.testing.assert_array_equal(curve.table(), np.array(expected, dtype=np.float32))


def test_a_run_that_begins_anew_is_read_anew():
    curve = progress.LossCurve()
    curve.update((epoch(1, {"loss": 3.0}), epoch(2, {"loss": 2.0})))
    curve.update((epoch(1, {"loss": 9.0}),))
    assert curve.table().tolist() == [[1.0, 9.0]]


def test_a_loss_beyond_float32_is_infinite_and_not_an_error():
    curve = progress.LossCurve()
    curve.update((epoch(1, {"loss": 1e300}),))
    assert math.isinf(curve.table()[0, 1])


def test_of_very_many_epochs_the_browser_gets_evenly_many():
    curve = progress.LossCurve()
    curve.update([epoch(i + 1, {"loss": float(i)}) for i in range(5000)])
    table = curve.table()
    assert len(table) <= 2000
    assert len(np.unique(np.diff(table[:, 0]))) == 1


def test_first_epochs_far_above_the_rest_run_off_the_top():
    losses = np.array([2300.0, 1200, 900, 850, 840, 835, *np.linspace(830, 812, 24)])
    low, high = progress.robust_range(losses, [812.0])
    assert low < 812
    assert 850 < high < 1200


def test_the_range_holds_everything_while_there_are_few_epochs_and_the_newest_always():
    assert progress.robust_range(np.array([2300.0, 900, 812]), [812.0])[1] > 2300
    diverging = np.array([*np.linspace(900, 800, 30), 5000.0])
    assert progress.robust_range(diverging, [5000.0])[1] > 5000


@pytest.mark.parametrize("losses", [[], [math.nan], [math.inf, math.nan]])
def test_where_nothing_is_finite_there_is_no_range(losses):
    assert progress.robust_range(np.array(losses), []) is None


def test_equal_losses_still_have_a_range():
    low, high = progress.robust_range(np.zeros(5), [0.0])
    assert low < 0 < high


def test_the_picture_shows_both_lines_the_changes_and_the_state():
    curve, figure = progress.LossCurve(), Figure()
    curve.update([epoch(i, {"loss": 10.0 / i}, {"loss": 11.0 / i}) for i in range(1, 9)])
    facts = {"epochs": 30, "progress": "8 of 30 epochs", "pace": "paused at step 80"}
    progress.draw(figure, curve, facts, [{"at": 4.0}])
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines[:2]] == ["train 1.250", "valid 1.375"]
    assert axes.get_title(loc="left") == "8 of 30 epochs, paused at step 80"
    assert axes.lines[2].get_xdata()[0] == 4.0
    assert axes.get_xlim() == (0, 30)
