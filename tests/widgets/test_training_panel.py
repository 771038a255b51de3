"""The training panel, from Python's side: it follows the run, obeys what was meant, and never touches the numbers."""

import asyncio
import base64
import time

import nbformat
import numpy as np
import pytest
import torch
import toy_browser
from nbclient import NotebookClient
from toy_models import Fragile, Line, counts, line_data

import genolab as gl
from genolab.data import AnnDataset, split
from genolab.run import NonFiniteLossError
from genolab.widgets import TrainingPanel
from genolab.widgets.training import widget

_VIEW = "application/vnd.jupyter.widget-view+json"


def line_run(**config) -> gl.Run:
    return gl.Run(
        Line(),
        line_data(),
        line_data(8),
        gl.RunConfig(**{"epochs": 4, "batch_size": 16, "learning_rate": 0.1} | config),
    )


def long_run() -> gl.Run:
    return line_run(epochs=100_000, learning_rate=1e-3)


def vae_run() -> gl.Run:
    train, valid, _ = split(AnnDataset(counts(), "layers/counts"), seed=0)
    model = gl.models.VariationalAutoencoder(30, n_latent=2, hidden=(16,), seed=1)
    return gl.Run(model, train, valid, gl.RunConfig(epochs=6, batch_size=16))


def send(panel: TrainingPanel, kind: str, **content) -> dict:
    """Send what a browser sends; return the reply."""
    return toy_browser.send(panel, kind, **{"view": "a", "seen": panel.run.status.state} | content).content


def wait_until(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def running():
    """A panel on a long run, looked at by a browser; stopped at the end."""
    panel = TrainingPanel(long_run())
    send(panel, "watch", on=True)
    yield panel
    panel.run.stop()
    panel.run.wait(20)
    panel.close()


# ---- what it shows -----------------------------------------------------------------------------------------------


def test_before_training_it_says_so_and_shows_the_plan():
    panel = TrainingPanel(vae_run())
    assert panel.status["state"] == "ready"
    assert panel.status["progress"] == "0 of 6 epochs"
    assert panel.status["pace"] == "not started"
    assert panel.status["message"] == panel.run.plan
    assert repr(panel) == "TrainingPanel(0 of 6 epochs, not started)"


def test_the_learning_rate_and_the_models_own_controls_are_in_sight_and_the_rest_folds_away():
    panel = TrainingPanel(vae_run())
    names = [one["name"] for one in panel.controls["fields"]]
    main = panel.controls["main"]
    assert names[0] == "learning_rate"
    assert "kl_weight" in names[:main]
    assert "weight_decay" in names[main:]
    assert set(panel.values) == set(names) == set(panel.run.live)


def test_the_curve_holds_the_history_and_names_its_parts():
    panel = TrainingPanel(vae_run())
    panel.wait()
    parts = panel.columns["parts"]
    assert parts[:3] == ["loss", "reconstruction", "kl"]
    assert not any(part.startswith("kl_by_dimension") for part in parts)
    assert panel.columns["labels"][:3] == ["Loss", "Reconstruction", "KL"]
    rows = np.frombuffer(panel.curve, dtype=np.float32).reshape(-1, 1 + 2 * len(parts))
    wanted = panel.run.history[["epoch", *(f"train_{p}" for p in parts), *(f"valid_{p}" for p in parts)]]
    np.testing.assert_allclose(rows, wanted.to_numpy(), rtol=1e-6)


def test_without_validation_data_there_is_one_line():
    panel = TrainingPanel(gl.Run(Line(), line_data(), None, gl.RunConfig(epochs=2, batch_size=16)))
    panel.wait()
    assert not panel.columns["valid"]
    assert np.frombuffer(panel.curve, dtype=np.float32).reshape(2, -1).shape[1] == 1 + len(panel.columns["parts"])


def test_a_change_is_listed_with_its_step_and_its_place_on_the_curve():
    panel = TrainingPanel(line_run())
    panel.run.fit(2)
    panel.run.tune(learning_rate=0.03)
    panel.refresh()
    assert panel.changes == [
        {"epoch": 2, "step": 8, "name": "learning_rate", "before": 0.1, "after": 0.03, "at": 2.0},
    ]
    assert panel.values["learning_rate"] == 0.03


def test_it_follows_a_run_that_is_driven_from_elsewhere(running):
    running.run.start()
    wait_until(lambda: running.status["state"] == "running" and running.status["step"] > 10)
    running.run.pause()
    wait_until(lambda: running.status["state"] == "paused")
    assert running.status["step"] == running.run.status.step
    assert running.status["pace"] == f"paused at step {running.run.status.step:,}"
    running.run.tune(pull=0.5)
    wait_until(lambda: running.values["pull"] == 0.5)


def test_two_panels_on_one_run_agree(running):
    other = TrainingPanel(running.run)
    send(other, "watch", on=True)
    send(running, "start")
    wait_until(lambda: other.status["state"] == "running")
    send(other, "pause")
    wait_until(lambda: running.status["state"] == other.status["state"] == "paused")
    assert running.status["step"] == other.status["step"]
    assert running.curve == other.curve
    other.close()


def test_a_panel_made_late_shows_the_present_state():
    run = line_run().fit()
    panel = TrainingPanel(run)
    assert panel.status["state"] == "finished"
    assert len(panel.curve) == 4 * 4 * (1 + 2 * 3)


def test_numbers_that_json_has_no_word_for_never_reach_the_browser():
    run = line_run(learning_rate=1.0)
    run.train.adata.obs["response"] = np.float32(1e30)  # its square is infinite
    panel = TrainingPanel(gl.Run(Line(), AnnDataset(run.train.adata, target="obs/response"), None, run.config))
    with pytest.raises(NonFiniteLossError):
        panel.wait()
    assert panel.status["so_far"] is None
    assert "Lower the learning rate" in panel.status["message"]
    assert panel.status["state"] == "failed"


def test_after_a_loss_that_is_not_finite_the_panel_goes_on_from_the_best_epoch():
    run = gl.Run(Fragile(), line_data(), line_data(8), gl.RunConfig(epochs=6, batch_size=16, learning_rate=0.1))
    run.fit(3).tune(learning_rate=0.9)
    panel = TrainingPanel(run)
    with pytest.raises(NonFiniteLossError):
        run.fit()
    panel.refresh()
    assert panel.status["back_to"] == [[3, "Back to the best epoch, 3"]]
    send(panel, "tune", name="learning_rate", value=0.05)
    send(panel, "back", epochs=3)
    assert (run.status.state, run.config.learning_rate) == ("stopped", 0.05)
    send(panel, "start")
    run.wait(20)
    panel.refresh()
    assert (panel.status["state"], panel.status["back_to"], len(run.epochs)) == ("finished", [], 6)
    rows = np.frombuffer(panel.curve, np.float32).reshape(6, -1)
    assert rows[:, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert np.allclose(rows[:, 1], run.history["train_loss"])


# ---- what it does ------------------------------------------------------------------------------------------------


def test_the_buttons_start_pause_step_resume_and_stop(running):
    run = running.run
    send(running, "start")
    wait_until(lambda: run.status.step > 5)
    send(running, "pause")
    wait_until(lambda: run.status.state == "paused")
    at = run.status.step
    time.sleep(0.1)
    assert run.status.step == at
    send(running, "step")
    wait_until(lambda: run.status.step == at + 1 and run.status.state == "paused")
    send(running, "resume")
    wait_until(lambda: run.status.step > at + 1)
    send(running, "stop")
    wait_until(lambda: run.status.state == "stopped")
    send(running, "start")
    wait_until(lambda: run.status.state == "running")


def test_a_finished_run_is_given_more_epochs_and_a_limit_of_speed():
    panel = TrainingPanel(line_run())
    panel.run.fit()
    send(panel, "limit", value=100.0)
    send(panel, "more", epochs=3)
    panel.wait(20)
    assert panel.status["progress"] == "7 of 7 epochs"
    assert panel.status["speed_limit"] == 100


def test_a_run_that_no_panel_shows_is_named_and_shown_or_stopped(running):
    running.run.start()
    new = TrainingPanel(line_run())
    send(new, "watch", on=True)
    assert new.others == {}  # the other one is on the page
    send(running, "watch", on=False)
    new.refresh()
    assert new.others == {}  # out of sight, but on the page
    send(running, "watch", on=None)
    ((key, text),) = wait_for_others(new).items()
    assert text.startswith("Another run, which no panel shows: Line, ")
    assert send(new, "end", run="0")["result"] is False
    hidden, own = running.run, new.run
    send(new, "show", run=key)
    assert (new.run, new.others) == (hidden, {})
    assert (own._listeners, len(hidden._listeners)) == ([], 1)
    wait_until(lambda: new.status["step"] > 5)
    assert "run = panel.run" in new.status["message"]
    send(new, "watch", on=None)
    third = TrainingPanel(gl.Run(hidden.model, hidden.train))
    assert next(iter(third.others.values())).startswith("Another run of the same model, which no panel shows: Line")
    assert "trained by another run" in send(third, "start")["error"]
    send(third, "end", run=key)
    hidden.wait(20)
    third.refresh()
    assert (third.others, hidden.status.state) == ({}, "stopped")
    send(third, "limit", value=5)
    assert third.message == ""


def wait_for_others(panel: TrainingPanel) -> dict:
    panel.refresh()
    wait_until(lambda: panel.others)
    return panel.others


def test_an_error_goes_when_what_failed_is_done_otherwise(running, monkeypatch):
    def refuse(run: gl.Run) -> gl.Run:
        raise RuntimeError("not now")

    monkeypatch.setitem(widget._COMMANDS, "start", refuse)
    send(running, "start")
    assert running.message == "not now"
    running.run.start()
    wait_until(lambda: running.message == "")


def test_a_late_click_does_nothing_else_than_what_was_meant():
    panel = TrainingPanel(line_run())
    panel.run.fit()
    assert send(panel, "start", seen="ready")["result"] is False
    assert panel.run.status.state == "finished"


def test_an_unknown_command_is_refused():
    panel = TrainingPanel(line_run())
    assert send(panel, "save")["result"] is False


def test_a_slider_tunes_the_run_and_out_of_bounds_it_complains(running):
    send(running, "tune", name="learning_rate", value=0.01)
    wait_until(lambda: running.values["learning_rate"] == 0.01)
    assert running.run.changes[-1].after == 0.01
    for bad in (7.0, "fast", None):
        assert "Learning rate is" in send(running, "tune", name="learning_rate", value=bad)["result"]
    assert running.run.live["learning_rate"][1] == 0.01
    assert send(running, "tune", name="learning_rate", value=0.02)["result"] == ""


def test_only_live_controls_can_be_tuned(running):
    assert "error" in send(running, "tune", name="epochs", value=1)
    assert running.run.config.epochs == 100_000


def test_a_command_that_fails_is_shown_and_not_raised(running, monkeypatch):
    def refuse(run: gl.Run) -> gl.Run:
        raise RuntimeError("no space left for <b>this</b>")

    monkeypatch.setitem(widget._COMMANDS, "start", refuse)
    assert send(running, "start")["error"] == "no space left for <b>this</b>"
    assert (running.message, toy_browser.synced(running, "_is_error")) == ("no space left for <b>this</b>", True)
    send(running, "step")
    assert (running.message, toy_browser.synced(running, "_is_error")) == ("", False)


def test_an_error_in_the_users_model_is_shown_and_raised_by_wait():
    run = line_run()
    run.model.loss = lambda batch: batch.x.nonsense()
    panel = TrainingPanel(run)
    with pytest.raises(AttributeError):
        panel.wait(20)
    assert "nonsense" in panel.status["message"]


# ---- it never touches the numbers ----------------------------------------------------------------------------------


def test_a_run_under_a_panel_equals_a_headless_one_bit_for_bit():
    alone = vae_run().fit()
    panel = TrainingPanel(vae_run())
    send(panel, "watch", on=True)
    send(panel, "step")
    wait_until(lambda: panel.run.status.state == "paused")
    send(panel, "resume")
    wait_until(lambda: panel.run.status.step > 3)
    send(panel, "pause")
    wait_until(lambda: panel.run.status.state in {"paused", "finished"})
    send(panel, "resume")
    panel.wait(20)
    panel._repr_mimebundle_()
    for name, weight in alone.model.state_dict().items():
        assert torch.equal(weight, panel.run.model.state_dict()[name]), name
    assert alone.history.drop(columns="seconds").equals(panel.run.history.drop(columns="seconds"))
    panel.close()


def test_looking_does_not_keep_a_thread_or_a_listener_when_nobody_looks():
    panel = TrainingPanel(long_run())
    assert panel.run._listeners == []
    send(panel, "watch", on=True)
    send(panel, "watch", on=True, view="b")
    assert len(panel.run._listeners) == 1
    send(panel, "watch", on=False)
    assert len(panel.run._listeners) == 1
    send(panel, "watch", on=False, view="b")
    assert panel.run._listeners == []
    wait_until(lambda: not panel._throttle.alive)


def test_closing_a_panel_leaves_the_run_running():
    panel = TrainingPanel(long_run())
    send(panel, "watch", on=True)
    send(panel, "start")
    wait_until(lambda: panel.run.status.step > 5)
    panel.close()
    at = panel.run.status.step
    wait_until(lambda: panel.run.status.step > at + 5)
    assert panel.run._listeners == []
    panel.run.stop().wait(20)
    assert not panel.run.listener_errors


def test_an_error_on_the_way_to_the_screen_is_kept_and_training_goes_on(running, monkeypatch):
    def broken() -> None:
        raise OSError("the browser is gone")

    monkeypatch.setattr(running, "refresh", broken)
    running.run.start()
    wait_until(lambda: running.run.status.step > 20)
    wait_until(lambda: any("browser" in str(error) for error in running.run.listener_errors))


# ---- waiting -------------------------------------------------------------------------------------------------------


def test_wait_starts_a_run_that_nobody_started_and_ends_with_it():
    panel = TrainingPanel(line_run())
    panel.wait()
    assert panel.status["progress"] == "4 of 4 epochs"
    assert panel.status["pace"].startswith("finished in ")


def test_wait_refuses_a_paused_run_and_says_how_to_go_on():
    panel = TrainingPanel(long_run())
    panel.run.step()
    wait_until(lambda: panel.run.status.state == "paused")
    with pytest.raises(RuntimeError, match=r"press Go on first.*await panel.finished"):
        panel.wait()
    panel.run.stop().wait(20)


def test_wait_gives_up_after_its_timeout_and_the_run_goes_on():
    panel = TrainingPanel(long_run())
    with pytest.raises(TimeoutError):
        panel.wait(0.05)
    assert panel.run.status.state == "running"
    panel.run.stop().wait(20)


def test_finished_leaves_the_loop_free_and_ends_with_the_run():
    panel = TrainingPanel(long_run())
    ticks = []

    async def cell() -> None:
        waiting = asyncio.ensure_future(panel.finished())
        while panel.run.status.step < 5:
            ticks.append(panel.run.status.step)
            await asyncio.sleep(0.005)
        panel.run.pause()
        await asyncio.sleep(0.05)
        assert not waiting.done()
        panel.run.stop()
        await asyncio.wait_for(waiting, 20)

    asyncio.run(cell())
    assert ticks
    assert panel.status["state"] == "stopped"
    assert panel.run._listeners == []


def test_finished_returns_at_once_where_the_run_has_ended_and_raises_what_ended_it():
    panel = TrainingPanel(line_run())
    panel.run.fit()
    asyncio.run(asyncio.wait_for(panel.finished(), 5))
    data = line_data()
    data.adata.obs["response"] = np.float32(1e30)
    broken = TrainingPanel(gl.Run(Line(), AnnDataset(data.adata, target="obs/response"), None, gl.RunConfig(epochs=1)))
    with pytest.raises(NonFiniteLossError):
        asyncio.run(asyncio.wait_for(broken.finished(), 20))


# ---- the static picture ------------------------------------------------------------------------------------------


def test_the_bundle_holds_the_widget_a_picture_and_a_line_of_text():
    panel = TrainingPanel(line_run())
    panel.run.fit()
    data, metadata = panel._repr_mimebundle_()
    assert data[_VIEW]["model_id"] == panel.model_id
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"].startswith("TrainingPanel(4 of 4 epochs, finished in ")
    assert metadata == {}


@pytest.mark.parametrize("epochs", [0, 1, 4])
def test_the_picture_can_be_drawn_at_any_time(epochs):
    panel = TrainingPanel(line_run())
    if epochs:
        panel.run.fit(epochs)
    assert panel._repr_mimebundle_()[0]["image/png"]


NOTEBOOK = """
import genolab as gl
cells = gl.data.simulate_cells(60, 20, n_types=2, seed=0)
dataset = gl.data.AnnDataset(cells, "layers/counts")
run = gl.Run(gl.models.VariationalAutoencoder(20), dataset, None, gl.RunConfig(epochs=2))
panel = gl.widgets.TrainingPanel(run)
panel
"""


def test_a_notebook_run_without_a_screen_keeps_the_final_picture():
    cells = [NOTEBOOK, "panel.wait()\nrun.status.state"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    NotebookClient(book, timeout=120, kernel_name="python3").execute()
    live, shown = book.cells[0].outputs
    assert _VIEW in live.data
    assert shown.data["text/plain"].startswith("TrainingPanel(2 of 2 epochs, finished in ")
    assert base64.b64decode(shown.data["image/png"]).startswith(b"\x89PNG")
    assert book.cells[1].outputs[0].data["text/plain"] == "'finished'"
