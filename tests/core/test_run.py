"""Run: the numbers of training, and everything that may happen to it on the way."""

import _thread
import dataclasses
import json
import threading
import time

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from toy_models import Fragile, Line, Noisy, counts, line_data

import genolab as gl
from genolab import registry
from genolab.data import AnnDataset, split
from genolab.run import NonFiniteLossError, load_model, saving


def vae_run(epochs: int = 6, **config) -> gl.Run:
    train, valid, _ = split(AnnDataset(counts(), "layers/counts"), seed=0)
    model = gl.models.VariationalAutoencoder(30, n_latent=2, hidden=(16,), seed=1)
    return gl.Run(model, train, valid, gl.RunConfig(epochs=epochs, batch_size=16, **config))


def line_run(**config) -> gl.Run:
    return gl.Run(
        Line(),
        line_data(),
        line_data(8),
        gl.RunConfig(**{"epochs": 4, "batch_size": 16, "learning_rate": 0.1} | config),
    )


def same(one: gl.Run, other: gl.Run) -> bool:
    """Whether two runs agree bit for bit in weights, optimiser and history, seconds aside."""
    weights = [run.model.state_dict() | run._loop.engine.moments() for run in (one, other)]
    assert weights[0].keys() == weights[1].keys()
    equal = all(torch.equal(weights[0][name].cpu(), weights[1][name].cpu()) for name in weights[0])
    return equal and one.history.drop(columns="seconds").equals(other.history.drop(columns="seconds"))


def wait_until(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


# ---- numbers ----------------------------------------------------------------------------------------------------


def test_the_line_finds_its_slope():
    run = line_run(epochs=30, learning_rate=0.3).fit()
    assert run.model.weight.item() == pytest.approx(3, abs=0.01)


def test_the_first_step_of_adam_is_the_learning_rate():
    run = line_run(learning_rate=0.25, epochs=1)
    run.step()
    wait_until(lambda: run.status.state == "paused" and run.status.step == 1)
    run.stop().wait(5)
    assert run.model.weight.item() == pytest.approx(0.25, rel=1e-5)


def test_train_loss_is_the_mean_over_rows_of_the_losses_that_the_steps_saw():
    run = line_run(epochs=1, learning_rate=1e-6)
    run.fit()
    x = np.linspace(1, 2, 64)
    assert run.history.train_loss[0] == pytest.approx(np.mean((3 * x) ** 2), rel=1e-4)


def test_history_has_losses_parts_controls_and_seconds():
    history = line_run().fit().history
    wanted = {
        "epoch",
        "step",
        "train_loss",
        "train_error",
        "valid_loss",
        "valid_pull",
        "learning_rate",
        "pull",
        "seconds",
    }
    assert wanted <= set(history.columns)
    assert list(history.epoch) == [1, 2, 3, 4]
    assert list(history.step) == [4, 8, 12, 16]


def test_validation_does_not_touch_the_model():
    run = vae_run(epochs=1)
    before = run._loop.engine.weights()
    assert run._loop.engine.evaluate(run.valid) == run._loop.engine.evaluate(run.valid)
    assert all(torch.equal(before[name], value) for name, value in run._loop.engine.weights().items())


# ---- exactness --------------------------------------------------------------------------------------------------


def test_six_epochs_are_two_and_then_four():
    whole, parts = vae_run(6).fit(), vae_run(6)
    assert same(whole, parts.fit(2).fit(4))


def test_a_thread_gives_the_same_bits():
    assert same(vae_run().fit(), vae_run().start().wait())


def test_a_run_that_is_paused_stepped_and_resumed_gives_the_same_bits():
    run = vae_run()
    run.step(3)
    wait_until(lambda: run.status.step == 3 and run.status.state == "paused")
    run.step()
    wait_until(lambda: run.status.step == 4)
    run.resume().wait(20)
    assert same(vae_run().fit(), run)


def test_a_run_stopped_inside_an_epoch_goes_on_with_the_same_bits():
    run = vae_run()
    run.step(9)  # an epoch has 6 steps
    wait_until(lambda: run.status.step == 9)
    run.stop().wait(20)
    assert (run.status.state, run.status.epoch) == ("stopped", 1)
    assert same(vae_run().fit(), run.fit())


def test_breaking_out_of_the_loop_and_iterating_again_gives_the_same_bits():
    run = vae_run()
    for epoch in run:
        if epoch.number == 2:
            break
    assert run.status.state == "stopped"
    assert [epoch.number for epoch in run] == [3, 4, 5, 6]
    assert same(vae_run().fit(), run)


def test_saved_and_loaded_inside_an_epoch_a_run_goes_on_with_the_same_bits(tmp_path):
    run = vae_run()
    run.step(9)
    wait_until(lambda: run.status.step == 9 and run.status.state == "paused")
    run.save(tmp_path / "run.safetensors")
    run.stop().wait(20)
    again = gl.Run.load(tmp_path / "run.safetensors", run.train, run.valid)
    assert same(vae_run().fit(), again.fit())


def test_watching_a_run_changes_no_bit():
    run = vae_run()
    seen = []
    run.listen(lambda run, event: event == "epoch" and seen.append(gl.infer.embed(run.model, run.valid)))
    assert same(vae_run().fit(), run.fit())
    assert len(seen) == 6


def test_a_user_who_draws_random_numbers_meanwhile_changes_no_bit():
    run = vae_run(4).start()
    while run.status.state in ("ready", "running"):
        torch.randn(1000)
    assert same(vae_run(4).fit(), run.wait())


def test_torch_dropout_is_reproducible_and_the_global_generator_is_left_alone():
    runs = [gl.Run(Noisy(30), AnnDataset(counts()), None, gl.RunConfig(epochs=2)) for _ in range(2)]
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    runs[0].fit()
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(6)
    assert same(runs[0], runs[1].start().wait())


def test_another_seed_gives_another_run():
    assert not same(vae_run(2, seed=0).fit(), vae_run(2, seed=1).fit())


# ---- commands ---------------------------------------------------------------------------------------------------


def test_pause_halts_after_a_step_and_nothing_moves_until_resume():
    run = vae_run(500).start()
    wait_until(lambda: run.status.step > 5)
    run.pause()
    wait_until(lambda: run.status.state == "paused")
    step = run.status.step
    time.sleep(0.1)
    assert run.status.step == step
    run.resume()
    wait_until(lambda: run.status.step > step)
    run.stop().wait(20)
    assert run.status.state == "stopped"


def test_tune_acts_from_the_next_step_and_is_noted():
    run = vae_run(500)
    run.step(4)
    wait_until(lambda: run.status.step == 4 and run.status.state == "paused")
    run.tune(learning_rate=1e-4, kl_weight=0.5)
    run.step()
    wait_until(lambda: run.status.step == 5)
    run.stop().wait(20)
    noted = [(change.step, change.name, change.before, change.after) for change in run.changes]
    assert noted == [(4, "learning_rate", 1e-3, 1e-4), (4, "kl_weight", 1.0, 0.5)]
    assert run.config.learning_rate == 1e-4
    assert run.model.config.kl_weight == 0.5


def test_a_run_driven_by_hand_equals_one_that_is_tuned_at_the_same_steps():
    driven, plain = vae_run(), vae_run()
    driven.step(6)
    wait_until(lambda: driven.status.step == 6 and driven.status.state == "paused")
    driven.tune(learning_rate=1e-4).resume()
    driven.wait(20)
    plain.step(6)
    wait_until(lambda: plain.status.step == 6)
    plain.stop().wait(20)
    assert same(driven, plain.tune(learning_rate=1e-4).fit())


@pytest.mark.parametrize(
    "values", [{"learning_rate": 7.0}, {"kl_weight": -1}, {"kl_weight": float("nan")}, {"n_latent": 3}]
)
def test_a_tuning_out_of_bounds_says_so_and_changes_nothing(values):
    run = vae_run()
    with pytest.raises(ValueError, match=r"must be between|can't change"):
        run.tune(weight_decay=0.5, **values)
    assert run.config == vae_run().config
    assert run.live["weight_decay"][1] == 0


def test_a_branch_or_a_file_taken_while_it_trains_is_the_state_between_two_steps(tmp_path):
    def state(run):  # seconds aside
        facts = run._loop.progress.facts()
        facts["position"].pop("seconds")
        return facts["position"], run._loop.engine.weights() | run._loop.engine.moments()

    plain, states = vae_run(8), {}
    plain.listen(lambda run, event: event == "step" and states.update({run.status.step: state(run)}))
    plain.fit()
    hammered, taken = vae_run(8), []
    hammered.start()
    while hammered.status.step < 1:
        pass
    while hammered.status.state == "running":
        taken.append(hammered.branch())
        path = hammered.save(tmp_path / "run.safetensors")
        taken.append(gl.Run.load(path, hammered.train, hammered.valid))
    hammered.wait(20)
    inside = [run for run in taken if run.status.state != "finished"]
    assert len({run.status.step for run in inside}) > 2, "the toy trains too fast for this test to mean something"
    for position, tensors in map(state, inside):
        if position["in_epoch"]:
            assert position == states[position["step"]][0]
        expected = states[position["step"]][1]
        assert all(torch.equal(expected[name], value) for name, value in tensors.items())
    assert same(plain, hammered)
    assert same(plain, inside[-1].fit())


def test_listeners_are_called_without_the_lock():
    run, reached = vae_run(1), []

    def ask_from_another_thread(run, event):
        thread = threading.Thread(target=lambda: reached.append((event, run.status.step, len(run.branch().epochs))))
        thread.start()
        thread.join(10)
        assert not thread.is_alive()

    run.listen(ask_from_another_thread)
    run.fit().tune(learning_rate=1e-4)
    assert not run.listener_errors
    assert [event for event, *_ in reached] == ["state", *["step"] * 6, "epoch", "state", "tune"]
    assert [step for _, step, _ in reached] == [0, 1, 2, 3, 4, 5, 6, 6, 6, 6]


def test_a_loss_that_saves_its_own_run_is_refused():
    class Selfish(Line):
        def loss(self, batch):
            run.branch()

    run = gl.Run(Selfish(), line_data())
    with pytest.raises(RuntimeError, match="between two steps"):
        run.fit()


def test_a_pause_ends_steps_that_were_allowed():
    run = vae_run(500)
    run.step(400)
    wait_until(lambda: run.status.step > 3)
    run.pause()
    wait_until(lambda: run.status.state == "paused")
    assert run.status.step < 400
    run.stop().wait(20)


def test_training_twice_at_once_is_refused():
    run = vae_run(500).start()
    wait_until(lambda: run.status.step > 0)
    with pytest.raises(RuntimeError, match="being trained already"):
        run.fit()
    run.stop().wait(20)


def test_two_runs_that_train_one_model_at_once_are_refused():
    run = line_run(epochs=100_000).start()
    other = gl.Run(run.model, run.train)
    with pytest.raises(RuntimeError, match=r"trained by another run, Run\(Line, [\d,]+ of 100000 epochs"):
        other.start()
    run.stop().wait(20)
    assert other.fit(1).status.epoch == 1


def test_a_limit_of_speed_changes_no_bit_and_commands_act_while_it_waits():
    run = line_run().limit_speed(25).start()
    run.wait(20)
    assert same(line_run().fit(), run)
    slow = line_run().limit_speed(0.001).start()
    wait_until(lambda: slow.status.step == 1)
    for command, state in [(slow.pause, "paused"), (slow.resume, "running"), (slow.stop, "stopped")]:
        began = time.monotonic()
        command()
        wait_until(lambda state=state: slow.status.state == state)
        assert time.monotonic() - began < 0.15
    assert slow.status.step <= 2  # the second when it went on
    assert slow.status.speed_limit == 0.001
    for bad in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="above 0, or None"):
            slow.limit_speed(bad)


def test_an_interrupt_ends_after_the_step_at_work_and_loses_nothing():
    run = vae_run(3)
    run.listen(lambda run, event: event == "step" and run.status.step == 8 and _thread.interrupt_main())
    with pytest.raises(KeyboardInterrupt):
        run.fit()
    assert (run.status.step, run.status.state) == (8, "stopped")
    run._listeners.clear()
    assert same(vae_run(3).fit(), run.fit())


def test_a_listener_that_fails_does_not_stop_training():
    run = line_run()
    run.listen(lambda run, event: 1 / 0)
    run.fit()
    assert run.status.state == "finished"
    assert isinstance(run.listener_errors[0], ZeroDivisionError)


def test_wait_with_a_timeout_says_that_it_still_trains():
    run = vae_run(5000).start()
    with pytest.raises(TimeoutError, match="still"):
        run.wait(0.05)
    run.stop().wait(20)


def test_status_tells_where_a_run_stands():
    run = vae_run()
    assert (run.status.state, run.status.epoch, run.status.total_steps) == ("ready", 0, 36)
    run.fit()
    status = run.status
    assert (status.state, status.epoch, status.fraction, status.seconds_left) == ("finished", 6, 1.0, 0.0)
    assert "best at epoch" in status.message


# ---- stopping ---------------------------------------------------------------------------------------------------


def test_early_stopping_stops_and_gives_back_the_best_weights():
    run = line_run(epochs=400, learning_rate=1.0, patience=3)
    run.fit()
    assert len(run.epochs) == run.best.number + 3 < 400
    assert run.model.loss(run.valid.batch(range(8)))["loss"].item() == pytest.approx(run.best.valid["loss"], rel=1e-5)
    assert "Stopped early" in run.status.message


def test_more_epochs_than_the_patience_bore_are_trained_when_they_are_asked_for():
    run = line_run(epochs=400, learning_rate=1.0, patience=3).fit()
    early = len(run.epochs)
    assert run.fit().status.epoch == early
    assert run.fit(2).status.epoch == run.status.epochs == early + 2
    assert run.status.state == "finished"
    assert run.branch(epochs=early + 3).fit().status.epoch == early + 3


def test_epochs_beyond_the_config_that_were_stopped_are_gone_on_with(tmp_path):
    run = line_run().fit()
    for epoch in run._train(6):
        if epoch.number == 7:
            break
    assert (run.status.state, run.status.epochs) == ("stopped", 10)
    again = gl.Run.load(run.save(tmp_path / "run"), run.train, run.valid, model=Line())
    assert len(again.fit().epochs) == len(run.fit().epochs) == 10
    assert run.status.state == "finished"


def test_a_finished_run_goes_on_from_its_last_weights_not_from_its_best():
    short = vae_run(4, learning_rate=1.0).fit()
    assert short.best.number < 4, "the toy must overshoot for this test to mean something"
    long = vae_run(4, learning_rate=1.0)
    assert same(short.fit(3), long.fit(7))


class Poison(Line):
    """A line that meets NaN at a given step."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def loss(self, batch):
        parts = super().loss(batch)
        if batch.step == self.at:
            parts["pull"] = parts["pull"] * float("nan")
            parts["loss"] = parts["error"] + parts["pull"]
        return parts


def test_a_nan_stops_the_run_names_its_place_and_keeps_the_last_good_weights():
    clean, bad = line_run(), line_run()
    bad = gl.Run(Poison(at=6), bad.train, bad.valid, bad.config)
    with pytest.raises(NonFiniteLossError, match=r"loss, pull was not finite in epoch 2, step 7") as caught:
        bad.fit()
    assert "Lower the learning rate" in str(caught.value)
    assert bad.status.state == "failed"
    clean.step(6)
    wait_until(lambda: clean.status.step == 6)
    clean.stop().wait(20)
    assert torch.equal(bad.model.weight, clean.model.weight)
    assert torch.equal(bad.model.seen, clean.model.seen)


def test_a_nan_in_a_thread_is_raised_by_wait():
    run = gl.Run(Poison(at=2), line_data(), None, gl.RunConfig(epochs=2, batch_size=16)).start()
    with pytest.raises(NonFiniteLossError):
        run.wait(20)


def test_gradient_clipping_bounds_the_gradient():
    run = line_run(clip_norm=1e-3, epochs=1)
    run.fit()
    assert run.model.weight.grad.abs().item() == pytest.approx(1e-3, rel=1e-3)


def test_the_model_keeps_its_mode():
    run = line_run()
    run.model.eval()
    run.fit()
    assert not run.model.training


# ---- files ------------------------------------------------------------------------------------------------------


def test_a_saved_run_is_safetensors_with_json(tmp_path):
    path = vae_run(1).fit().save(tmp_path / "run.safetensors")
    with safe_open(path, framework="np") as file:
        facts = json.loads(file.metadata()["genolab"])
    assert facts["model"] == "VariationalAutoencoder"
    assert facts["config"]["epochs"] == 1


def test_a_loaded_model_embeds_as_the_saved_one_did(tmp_path):
    run = vae_run(3).fit()
    model = load_model(run.save(tmp_path / "run.safetensors"))
    assert np.array_equal(gl.infer.embed(model, run.valid), gl.infer.embed(run.model, run.valid))


def test_every_registered_model_is_a_class_of_that_name():
    for name, target in registry.table("models").items():
        assert issubclass(kind := registry.load(target), torch.nn.Module)
        assert kind.__name__ == name


def test_a_failed_save_leaves_the_older_file(tmp_path, monkeypatch):
    run = vae_run(1).fit()
    path = run.save(tmp_path / "run.safetensors")
    before = path.read_bytes()
    monkeypatch.setattr("genolab.run.saving.save_file", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        run.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_run_is_refused_in_words(tmp_path):
    train = line_data()
    with pytest.raises(FileNotFoundError, match="no run is saved"):
        gl.Run.load(tmp_path / "none", train)
    (tmp_path / "junk").write_bytes(b"not tensors")
    with pytest.raises(ValueError, match="damaged"):
        gl.Run.load(tmp_path / "junk", train)
    save_file({"a": torch.zeros(1)}, tmp_path / "other")
    with pytest.raises(ValueError, match="no run"):
        gl.Run.load(tmp_path / "other", train)


def spoiled_best(facts):
    facts["epochs"][-1] |= {"best": True, "valid": {}}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda facts: facts["epochs"][0].update(valid=None), "got None"),
        (lambda facts: facts["epochs"][0]["train"].update(loss="low"), "got 'low'"),
        (lambda facts: facts["epochs"][1].update(seconds=None), "got None"),
        (lambda facts: facts["position"].update(step="7"), "got '7'"),
        (lambda facts: facts["position"]["mean"].update(sums=[1]), r"got \[1\]"),
        (spoiled_best, "the best epoch, 2, has no validation loss"),
    ],
)
def test_a_saved_run_whose_history_is_no_numbers_is_refused_as_it_is_loaded(tmp_path, spoil, said):
    run = line_run().fit(2)
    path = run.save(tmp_path / "run.safetensors")
    assert len(gl.Run.load(path, run.train, run.valid, model=Line()).history) == 2
    saved = saving.read(path)
    spoil(saved.facts)
    saving.write(path, saved)
    with pytest.raises(ValueError, match=rf"run\.safetensors: .*{said}"):
        gl.Run.load(path, run.train, run.valid, model=Line())


def test_a_model_of_the_users_own_is_loaded_by_passing_it(tmp_path):
    run = line_run().fit(2)
    path = run.save(tmp_path / "run.safetensors")
    with pytest.raises(ValueError, match="none of genolab's models"):
        gl.Run.load(path, run.train, run.valid)
    again = gl.Run.load(path, run.train, run.valid, model=Line())
    assert same(line_run().fit(), again.fit())
    with pytest.raises(ValueError, match=r"isn't built as the saved one was, it has bias \(1,\) for none") as caught:
        gl.Run.load(path, run.train, run.valid, model=torch.nn.Linear(1, 1))
    assert "damaged" not in str(caught.value)


def test_other_data_than_it_was_trained_on_is_refused(tmp_path):
    run = line_run().fit(1)
    with pytest.raises(ValueError, match="64 rows, got 8"):
        gl.Run.load(run.save(tmp_path / "run"), line_data(8), model=Line())


def test_a_branch_lives_its_own_life_from_a_kept_epoch():
    run = vae_run(6, keep_every=2).fit()
    other = run.branch(4, learning_rate=1e-4, kl_weight=0.1)
    assert (len(other.epochs), other.config.learning_rate, other.model.config.kl_weight) == (4, 1e-4, 0.1)
    before = run._loop.engine.weights()
    other.fit()
    assert all(torch.equal(before[name], value) for name, value in run._loop.engine.weights().items())
    assert same(run, run.branch(2).fit())
    with pytest.raises(KeyError, match=r"kept are \[2, 4, 6\]"):
        run.branch(3)


# ---- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("weight_decay", -1),
        ("patience", 0),
        ("seed", -1),
        ("epochs", "30"),
    ],
)
def test_a_config_out_of_bounds_names_field_bounds_and_value(field, value):
    with pytest.raises(ValueError, match=rf"RunConfig.{field} must be between .* got {value!r}"):
        gl.RunConfig(**{field: value})


def test_a_config_can_not_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        gl.RunConfig().epochs = 3


def test_one_row_is_too_few_to_train():
    with pytest.raises(ValueError, match="at least 2 rows, got 1"):
        gl.Run(Line(), line_data().subset([0]))


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="not on this machine"):
        line_run(device="cuda:99")


def test_a_thread_that_is_training_does_not_outlive_the_interpreter():
    run = vae_run(5000).start()
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "genolab-run"] == [True]
    run.stop().wait(20)


def test_one_cycle_rises_to_the_learning_rate_and_falls_to_nothing():
    config = gl.RunConfig(learning_rate=0.5, schedule="one cycle")
    rates = [config.rate(step, 100) for step in range(100)]
    assert max(rates) == pytest.approx(0.5, abs=0.01)
    assert np.argmax(rates) in (9, 10)
    assert rates[0] < 0.06
    assert rates[-1] < 1e-3
    assert np.all(np.diff(rates[10:]) < 0)
    assert {gl.RunConfig(learning_rate=0.5).rate(step, 100) for step in range(100)} == {0.5}
    with pytest.raises(ValueError, match="schedule must be one of constant, one cycle, got 'cosine'"):
        gl.RunConfig(schedule="cosine")


def test_a_schedule_reaches_the_optimiser_and_survives_a_cut():
    whole = line_run(schedule="one cycle").fit()
    cut = line_run(schedule="one cycle")
    for epoch in cut:
        if epoch.number == 2:
            break
    assert same(whole, cut.fit())
    assert not torch.equal(whole.model.weight, line_run().fit().model.weight)


def test_a_notebook_gets_progress_as_text_that_it_can_keep(capsys, monkeypatch):
    monkeypatch.setattr("IPython.get_ipython", object)
    line_run().fit()
    shown = capsys.readouterr()
    assert ("Training: 100%" in shown.out, shown.err) == (True, "")


def test_epochs_beyond_the_schedule_have_a_cycle_of_their_own_which_history_and_files_know(tmp_path, capsys):
    run = line_run(schedule="one cycle").fit()
    before = run.model.weight.item()
    run.fit(3)
    assert run.model.weight.item() != before
    assert "12 steps, from step 17 to 28" in capsys.readouterr().out
    steps = np.arange(4, 13, 4) - 1
    assert run.history["rate"].tolist()[4:] == [run.config.rate(step, 12) for step in steps]
    cut = line_run(schedule="one cycle").fit()
    for _ in cut._train(3):
        break
    again = gl.Run.load(cut.save(tmp_path / "run"), cut.train, cut.valid, model=Line())
    assert same(run, again.fit(2))


def test_more_epochs_than_the_config_has_are_one_cycle_from_the_start():
    assert same(line_run(schedule="one cycle").fit(8), line_run(schedule="one cycle", epochs=8).fit())
    assert "rate" not in line_run().fit(1).history


def ruined_run() -> gl.Run:
    run = gl.Run(Fragile(), line_data(), line_data(8), gl.RunConfig(epochs=6, batch_size=16, learning_rate=0.1))
    run.fit(3).tune(learning_rate=0.9)
    with pytest.raises(NonFiniteLossError, match=r"run.go_back\(\) returns to the best epoch, 3"):
        run.fit()
    return run


def test_after_a_ruined_epoch_a_run_goes_back_to_its_best_one_and_on():
    run = ruined_run()
    with pytest.raises(NonFiniteLossError):
        run.fit()
    assert run.status.back_to == {3: "the best epoch, 3"}
    run.go_back()
    assert (run.status.state, len(run.epochs), run.config.learning_rate, run.changes) == ("stopped", 3, 0.1, ())
    assert "Lower the learning rate (now 0.1)" in run.status.message
    assert run.model.weight.item() < 4
    assert run.fit().status.state == "finished"
    assert np.isfinite(run.history["valid_loss"]).all()


def test_going_back_keeps_what_was_tuned_in_answer_to_the_failure():
    run = ruined_run().tune(learning_rate=0.01)
    run.go_back()
    assert run.config.learning_rate == 0.01
    assert run.status.message == "It is back at the end of epoch 3."
    assert [(c.step, c.epoch, c.before, c.after) for c in run.changes] == [(12, 3, 0.1, 0.01)]


def test_without_validation_a_run_goes_back_to_its_last_finite_epoch_or_to_the_start():
    run = gl.Run(Poison(0), line_data(), None, gl.RunConfig(epochs=4, batch_size=16, learning_rate=0.1))
    with pytest.raises(ValueError, match="here none: no epoch has ended"):
        run.go_back()
    for epoch, name in [(0, "the start"), (2, "the last finite epoch, 2")]:
        run.model.at = 4 * epoch + 1
        with pytest.raises(NonFiniteLossError):
            run.fit()
        assert run.status.back_to == {epoch: name}
        with pytest.raises(ValueError, match=f"here {name}, not to epoch 3"):
            run.go_back(3)
        run.go_back()
        assert (run.status.state, run.status.step) == ("stopped" if epoch else "ready", 4 * epoch)
    run.model.at = None
    assert len(run.fit().epochs) == 4
    assert np.isfinite(run.history["train_loss"]).all()


def test_a_batch_of_one_row_under_batch_norm_is_refused_in_words():
    run = gl.Run(gl.models.Autoencoder(30, hidden=(4,)), AnnDataset(counts(4)), config=gl.RunConfig(batch_size=1))
    with pytest.raises(ValueError, match=r"at least 2 rows a step, got 1: raise RunConfig.batch_size"):
        run.fit()
