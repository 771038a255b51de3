"""The training panel in a real JupyterLab: what is clicked, slid and typed arrives, and what is shown is true."""

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator

import genolab as gl
from browser import lab
from genolab.widgets.shared.linker import link

SETUP = """
import json, time
import genolab as gl
cells = gl.data.simulate_cells(1500, 300, n_types=3, seed=0)
train, valid, test = gl.data.split(gl.data.AnnDataset(cells, "layers/counts"), seed=0)
def make(epochs=100_000, **config):
    model = gl.models.VariationalAutoencoder(cells.n_vars, n_latent=4, hidden=(32,))
    return gl.Run(model, train, valid, gl.RunConfig(epochs=epochs, restore_best=False, **config))
run = make()
panel = gl.widgets.TrainingPanel(run)
"""

# The state of the run, from within the kernel, to compare with what the panel says.
FACTS = "print(json.dumps({'state': run.status.state, 'step': run.status.step, 'rate': run.live['learning_rate'][1]}))"


class Panel(lab.View):
    def __init__(self, book: lab.Notebook, cell: int) -> None:
        super().__init__(book, "gl-training", cell)
        self.node = self.root
        self.pace = self.node.locator(".gl-training-pace")
        self.message = self.node.locator(".gl-message")

    def button(self, key: str) -> Locator:
        return self.node.locator(f"button[data-key={key}]")

    def press(self, key: str, then: str) -> None:
        """Press a button and wait until the pace or the progress says `then`."""
        self.button(key).click()
        self.sees(then)

    def sees(self, text: str, *, seconds: float = 20) -> None:
        self.node.filter(has_text=text).wait_for(timeout=seconds * 1000)

    def control(self, name: str) -> Locator:
        return self.node.locator(f".gl-control[data-name={name}]")

    def type(self, name: str, text: str) -> None:
        box = self.control(name).locator(".gl-control-box")
        box.fill(text)
        box.press("Enter")

    def shown(self, name: str) -> str:
        return self.control(name).locator(".gl-control-box").input_value()

    def facts(self) -> dict[str, Any]:
        return json.loads(self.book.run_code(FACTS))

    def pause_(self) -> None:
        """Let what was sent arrive: two beats of the panel."""
        self.book.page.wait_for_timeout(300)


def opened(notebook, *more: str, **options) -> Panel:
    book = notebook([SETUP, "panel", *more], **options)
    book.run(0)
    book.run(1)
    return Panel(book, 1)


# ---- the buttons and the sliders -----------------------------------------------------------------------------------


def test_start_slide_pause_step_go_on_stop_and_slow_down(notebook):
    panel = opened(notebook)
    assert panel.pace.inner_text() == "not started"
    panel.press("start", "cells/s")
    assert panel.facts()["state"] == "running"

    slider = panel.control("learning_rate").locator("input[type=range]")
    box = slider.bounding_box()
    panel.book.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    panel.book.page.mouse.down()
    panel.book.page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2, steps=6)
    panel.book.page.mouse.up()
    panel.sees("learning rate 1.0e-3 → ")
    changes = json.loads(panel.book.run_code("print(json.dumps([[c.name, c.before, c.after] for c in run.changes]))"))
    assert [change[:2] for change in changes] == [["learning_rate", 1e-3]]
    assert changes[0][2] < 3e-4
    assert panel.facts()["rate"] == changes[0][2] == float(panel.shown("learning_rate"))
    panel.book.until(f"run.epochs and run.epochs[-1].settings['learning_rate'] == {changes[0][2]}")

    panel.press("pause", "paused at step")
    before = panel.facts()
    assert before["state"] == "paused"
    panel.pause_()
    assert panel.facts()["step"] == before["step"]
    panel.press("step", f"paused at step {before['step'] + 1:,}")
    assert panel.facts() == {**before, "step": before["step"] + 1}
    assert panel.button("start").inner_text() == "Go on"
    panel.press("start", "cells/s")
    assert panel.facts()["step"] > before["step"]
    panel.press("stop", "stopped at step")
    assert panel.facts()["state"] == "stopped"
    speed = panel.node.get_by_label("Speed")
    assert speed.locator("option:checked").inner_text() == "as fast as it can"
    speed.select_option("0.2")
    panel.press("start", "cells/s")
    panel.book.until("run.status.state == 'running' and run.status.speed_limit == 0.2")
    panel.book.run_code("run.limit_speed(0.0001)")  # 17 min a step
    speed.locator("option:checked", has_text="0.0001 epochs a second").wait_for(state="attached")
    panel.press("pause", "paused at step")
    panel.press("stop", "stopped at step")


def test_a_typed_number_is_taken_and_one_out_of_bounds_is_refused_with_the_bounds(notebook):
    panel = opened(notebook)
    panel.type("learning_rate", "0.0003")
    panel.sees("learning rate 1.0e-3 → 3.0e-4, step 0")
    assert panel.shown("learning_rate") == "3.0e-4"
    panel.type("learning_rate", "7")
    panel.sees("Learning rate is between 1.0e-6 and 1.0.")
    panel.control("learning_rate").locator(".gl-control-box").press("Escape")
    assert panel.shown("learning_rate") == "3.0e-4"
    panel.type("kl_weight", "<b>1</b>")
    panel.sees("KL weight is a number such as 10, not “<b>1</b>”.")
    assert panel.facts()["rate"] == 3e-4


def test_keys_move_sliders_and_press_buttons_and_stay_out_of_the_notebook(notebook):
    panel = opened(notebook, "1", "2")
    book = panel.book
    slider = panel.control("kl_weight").locator("input[type=range]")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
    panel.sees("→ 0.70, step 0")
    assert panel.shown("kl_weight") == "0.70"
    for key in ("x", "d", "d", "b", "a", "ArrowDown", "Shift+M", "s"):
        book.page.keyboard.press(key)
    panel.sees("paused at step 1")  # by "s"
    assert book.page.locator(".jp-Notebook .jp-CodeCell").count() == 4
    assert slider.evaluate("node => node === document.activeElement")
    book.page.keyboard.press("p")
    panel.sees("cells/s")
    panel.button("pause").focus()
    book.page.keyboard.press("Space")
    panel.sees("paused at step")
    book.page.keyboard.press("p")
    panel.sees("cells/s")
    book.page.keyboard.press("Tab")
    assert panel.button("step").evaluate("node => node === document.activeElement")
    panel.press("stop", "stopped at step")


def test_what_is_turned_rarely_folds_away_and_still_works(notebook):
    panel = opened(notebook)
    assert panel.control("learning_rate").locator("input[type=range]").is_visible()
    rare = panel.control("weight_decay").locator("input[type=range]")
    assert not rare.is_visible()
    panel.node.locator(".gl-controls .gl-quiet").click()
    assert rare.is_visible()
    panel.type("weight_decay", "0.01")
    panel.sees("weight decay 0 → 0.010, step 0")


# ---- where it stands -----------------------------------------------------------------------------------------------


def test_it_follows_code_and_another_panel_and_a_cell_run_again(notebook):
    panel = opened(notebook, "gl.widgets.TrainingPanel(run)", "run.start()\nrun.tune(learning_rate=2e-3);", "panel")
    panel.book.run(2)
    other = Panel(panel.book, 2)
    panel.book.run(3)
    for one in (panel, other):
        one.sees("cells/s")
        one.sees("learning rate 1.0e-3 → 2.0e-3")
        assert one.shown("learning_rate") == "2.0e-3"
    other.press("pause", "paused at step")
    panel.sees(other.pace.inner_text())
    panel.book.run(4)
    again = Panel(panel.book, 4)
    again.sees(other.pace.inner_text())
    again.sees("learning rate 1.0e-3 → 2.0e-3")
    panel.book.run_code("old = run")
    panel.book.run(0)  # makes another run: those on the page still show the first
    panel.book.run(4)
    assert panel.book.page.locator(".gl-training .gl-trouble").count() == 0
    for cell in (1, 2):  # takes them from the page
        panel.book.run(cell)
    offer = Panel(panel.book, 1).node.locator(".gl-trouble")
    offer.filter(has_text="Another run, which no panel shows: VariationalAutoencoder").wait_for()
    panel.book.screenshot("training-panel-another-run", Panel(panel.book, 1).node)
    offer.get_by_text("Show it here").click()
    panel = Panel(panel.book, 1)
    panel.sees("learning rate 1.0e-3 → 2.0e-3")
    panel.sees("run = panel.run")
    panel.press("start", "cells/s")
    panel.book.until("old.status.state == 'running' and panel.run is old")
    panel.book.run_code("panel = gl.widgets.TrainingPanel(run)")
    panel.book.run(4)
    panel.book.run(1)
    offer.get_by_text("Stop it").click()
    panel.book.until("old.status.state == 'stopped'")
    offer.wait_for(state="detached")


def test_a_reloaded_page_shows_the_present_state(notebook):
    panel = opened(notebook)
    page = panel.book.page
    panel.press("start", "cells/s")
    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")
    page.reload()
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    panel.book.wait_idle()
    panel = Panel(panel.book, 1)
    panel.sees("cells/s")
    first = panel.facts()["step"]
    panel.press("pause", "paused at step")
    assert panel.facts()["step"] > first


def test_out_of_sight_it_costs_nothing_and_back_in_sight_it_is_live(notebook):
    panel = opened(notebook, "print('line\\n' * 300)")
    page = panel.book.page
    panel.press("start", "cells/s")
    panel.book.run(2)
    scroll = "(to) => { document.querySelector('.jp-WindowedPanel-outer').scrollTop = to; }"
    page.evaluate(scroll, 4000)
    panel.book.until("not any(thread.name == 'genolab-throttle' for thread in __import__('threading').enumerate())")
    shown, step = panel.pace.inner_text(), panel.facts()["step"]
    panel.book.until(f"run.status.step > {step} + 50")
    assert panel.pace.inner_text() == shown
    page.evaluate(scroll, 0)
    panel.pace.filter(has_not_text=shown).wait_for()
    assert not panel.node.evaluate("node => node.classList.contains('gl-gone')")
    panel.press("pause", "paused at step")


def test_a_cell_that_awaits_the_panel_stays_busy_and_leaves_the_buttons_alive(notebook):
    panel = opened(notebook, "await panel.finished()\nprint('then', run.status.state)")
    panel.book.start(2)
    panel.sees("cells/s")  # the cell has started the run
    panel.press("pause", "paused at step")
    panel.press("start", "cells/s")
    panel.press("stop", "stopped at step")
    assert "then stopped" in panel.book.wait(2)


def test_a_cell_that_trains_in_the_foreground_is_followed_and_late_clicks_do_no_harm(notebook):
    panel = opened(notebook, "run = make(epochs=25); panel = gl.widgets.TrainingPanel(run); panel", "run.fit();")
    panel.book.run(2)
    panel = Panel(panel.book, 2)
    panel.book.start(3)
    panel.sees("cells/s")
    panel.button("stop").click()
    panel.book.wait(3)
    panel.pause_()
    assert panel.facts()["state"] in {"finished", "stopped"}  # stopped where this kernel takes clicks meanwhile
    panel.pause_()
    assert panel.facts()["state"] in {"finished", "stopped"}


def test_wait_leaves_the_final_picture_in_the_notebook(notebook):
    panel = opened(notebook, "run = make(epochs=3); panel = gl.widgets.TrainingPanel(run); panel", "panel.wait()")
    panel.book.run(2)
    _, before = panel.book.outputs(2)
    assert "not started" in before["data"]["text/plain"]
    panel.book.run(3)
    panel.book.draw()
    _, after = panel.book.outputs(2)
    assert "3 of 3 epochs, finished in" in after["data"]["text/plain"]
    assert after["data"]["image/png"] != before["data"]["image/png"]
    panel = Panel(panel.book, 2)
    panel.sees("finished in")
    panel.node.get_by_label("Epochs", exact=True).fill("2")
    panel.press("more", "5 of 5 epochs")
    assert panel.button("more").is_visible()


def test_a_kernel_that_was_restarted_leaves_a_panel_that_says_so(notebook):
    panel = opened(notebook)
    panel.book.spent = True
    panel.press("start", "cells/s")
    panel.book.page.evaluate(
        "async () => await jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()"
    )
    panel.sees("The kernel is gone", seconds=5)  # at once, not for its silence
    assert panel.node.evaluate("node => node.classList.contains('gl-gone')")
    assert {panel.button(key).get_attribute("aria-disabled") for key in ("start", "pause", "step", "stop")} == {"true"}
    panel.book.screenshot("training-panel-kernel-gone", panel.node)


def test_a_kernel_that_was_killed_leaves_a_panel_that_says_so(notebook):
    panel = opened(
        notebook, "import os, signal, threading\nthreading.Timer(0.2, os.kill, (os.getpid(), signal.SIGKILL)).start()"
    )
    panel.book.spent = True
    panel.press("start", "cells/s")
    panel.book.run(2)
    panel.sees("The kernel is gone", seconds=30)
    panel.book.errors.clear()  # JupyterLab reports the lost connection


# ---- what it shows -------------------------------------------------------------------------------------------------


def test_an_error_is_shown_calmly_and_as_text(notebook):
    panel = opened(notebook)
    attack = '<img src=x onerror=\\"document.body.dataset.hurt=1\\"><b>bold</b>'
    panel.book.run_code(f'def broken(*_, **__): raise RuntimeError("{attack}")\nrun.model.loss = broken')
    panel.press("start", "failed at step 1")
    assert '<img src=x onerror="document.body.dataset.hurt=1"><b>bold</b>' in panel.message.inner_text()
    assert panel.message.locator("img, b").count() == 0
    assert panel.book.page.evaluate("document.body.dataset.hurt") is None
    panel.book.screenshot("training-panel-failed", panel.node)
    panel.book.run_code("del run.model.loss; run.fit(2).tune(learning_rate=1.0); ok = run.model.loss")
    panel.book.run_code(
        "def bad(batch):\n    parts = ok(batch)\n    return parts | {'loss': parts['loss'] * float('nan')}\n"
        "run.model.loss = bad"
    )
    slider = panel.control("learning_rate").locator("input[type=range]")
    assert slider.get_attribute("aria-valuetext") == "1.0"  # beyond 0.1, where the slider usually ends
    assert slider.input_value() == slider.get_attribute("max")
    panel.press("start", "was not finite in epoch 3, step 21")
    assert {panel.button(key).get_attribute("aria-disabled") for key in ("start", "step")} == {"true"}
    panel.book.screenshot("training-panel-not-finite", panel.node)
    panel.node.get_by_text("Back to the best epoch, 2").click()
    panel.sees("It is back at the end of epoch 2. Lower the learning rate (now 0.001)")
    panel.book.run_code("run.model.loss = ok")
    panel.press("start", "cells/s")


def test_the_curve_reads_its_values_to_pointer_and_keys(notebook):
    panel = opened(notebook, "run = make(epochs=8).fit(); panel = gl.widgets.TrainingPanel(run); panel")
    panel.book.run(2)
    panel = Panel(panel.book, 2)
    history = json.loads(panel.book.run_code("print(run.history.to_json(orient='list'))".replace("list", "split")))
    column = history["columns"].index("valid_loss")
    canvas = panel.node.locator("canvas")
    box = canvas.bounding_box()
    canvas.hover(position={"x": 56 + (box["width"] - 68) * 3 / 8, "y": 80})
    panel.sees("epoch 3")
    assert shown_loss(panel, "valid") == pytest.approx(history["data"][2][column], abs=0.06)
    panel.book.page.mouse.move(0, 0)
    canvas.focus()
    canvas.press("ArrowLeft")
    panel.sees("epoch 8")
    canvas.press("ArrowLeft")
    panel.sees("epoch 7")
    assert shown_loss(panel, "valid") == pytest.approx(history["data"][6][column], abs=0.06)
    canvas.press("Escape")
    assert shown_loss(panel, "valid") == pytest.approx(history["data"][7][column], abs=0.06)
    assert "8 epochs" in canvas.get_attribute("aria-label")


def shown_loss(panel: Panel, name: str) -> float:
    return float(panel.node.locator(f".gl-key-{name} .gl-training-value").inner_text().replace(",", ""))


def test_the_parts_of_the_loss_can_be_chosen_and_the_axis_made_logarithmic(notebook):
    panel = opened(notebook, "run = make(epochs=5).fit(); panel = gl.widgets.TrainingPanel(run); panel")
    panel.book.run(2)
    panel = Panel(panel.book, 2)
    part = panel.node.locator(".gl-training-part")
    assert part.locator("option").all_inner_texts() == ["Loss", "Reconstruction", "KL", "KL weight"]
    part.select_option("kl")
    last = float(panel.book.run_code("print(run.history.train_kl.iloc[-1])"))
    assert shown_loss(panel, "train") == pytest.approx(last, rel=0.01)
    linear = panel.node.locator("canvas").screenshot()
    panel.node.locator("summary").click()
    panel.node.get_by_text("logarithmic").click()
    panel.book.draw()
    assert panel.node.locator("canvas").screenshot() != linear


def test_it_fits_its_cell_and_can_be_read_in_both_themes(notebook):
    panel = opened(notebook, "run = make(epochs=24); panel = gl.widgets.TrainingPanel(run); panel", scale=2)
    panel.book.run(2)
    panel = Panel(panel.book, 2)
    panel.book.check_contrast(training_panel_ready=panel.node)
    panel.book.run_code("run.start(8).wait(); run.tune(learning_rate=3e-4); run.start(8).wait(); run.start()")
    panel.press("pause", "paused at step")
    for width in (1700, 1280, 900, 700, 510):
        panel.resize(width)
        panel.book.screenshot(f"training-panel-paused-{width}", panel.node)
        sizes = panel.node.evaluate(
            """node => ({
                over: node.scrollWidth - node.clientWidth,
                dots: node.querySelector('canvas').width / node.querySelector('canvas').clientWidth,
            })"""
        )
        assert sizes["over"] <= 0
        assert sizes["dots"] == pytest.approx(2, abs=0.01)
    panel.check_texts_and_controls()
    panel.book.check_contrast(training_panel_paused=panel.node)
    panel.press("start", "finished in")
    panel.book.check_contrast(training_panel_finished=panel.node)


# ---- the functions of the front end --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def js(browser, tmp_path_factory):
    """Call a function of the panel's files with JSON values."""
    page = browser.new_page()
    folder = tmp_path_factory.mktemp("js")
    names = {
        "training/controls.js": "stopsOf, valueText",
        "training/curve.js": "rangeOf, lastEpoch, tickTexts, lossText, longer",
    }
    widgets = os.path.relpath(Path(gl.__file__).parent / "widgets", folder)
    lines = [f'import {{ {found} }} from "{widgets}/{file}";' for file, found in names.items()]
    view = folder / "view.js"
    view.write_text("\n".join([*lines, f"export default {{ {', '.join(names.values())} }};"]))
    source = link(view).esm
    page.evaluate(
        """async (source) => {
            const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
            window.functions = (await import(url)).default; }""",
        source,
    )
    yield lambda name, *values: page.evaluate("([name, values]) => window.functions[name](...values)", [name, values])
    page.close()


def number(low: float, high: float, **facts) -> dict[str, Any]:
    return {"low": low, "high": high, "scale": "linear", "integer": False, "optional": False, "label": "X", **facts}


def test_a_log_slider_stops_at_round_numbers_and_both_bounds(js):
    stops = js("stopsOf", number(1e-6, 1, scale="log"))
    assert (stops[0], stops[-1]) == (1e-6, 1)
    assert {1e-5, 1e-3, 3e-4, 5e-4, 1e-2} <= set(stops)
    ratios = [b / a for a, b in itertools.pairwise(stops)]
    assert max(ratios) < 1.25
    assert stops == sorted(set(stops))
    narrow = js("stopsOf", number(1e-6, 1, scale="log", slider=[1e-5, 0.1]))
    assert (narrow[0], narrow[-1]) == (1e-5, 0.1)


def test_a_log_slider_that_reaches_zero_has_zero_as_its_first_stop(js):
    stops = js("stopsOf", number(0, 1, scale="log"))
    assert stops[:2] == [0, 1e-6]


def test_a_log_slider_of_whole_numbers_has_the_powers_of_two(js):
    stops = js("stopsOf", number(1, 4096, scale="log", integer=True))
    assert {1, 2, 3, 64, 128, 256, 512, 1000, 4096} <= set(stops)
    assert all(stop == int(stop) for stop in stops)


@pytest.mark.parametrize(
    ("field", "count", "some"),
    [
        (number(0, 10), 101, [0, 0.1, 9.9, 10]),
        (number(0, 0.9), 91, [0, 0.01, 0.89, 0.9]),
        (number(1, 7, integer=True), 7, [1, 2, 7]),
        (number(0, 1.05), 54, [0, 0.02, 1.04, 1.05]),
        (number(3, 3), 1, [3]),
    ],
)
def test_a_linear_slider_has_about_a_hundred_round_steps(js, field, count, some):
    stops = js("stopsOf", field)
    assert len(stops) == count
    assert set(some) <= set(stops)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-3, "1.0e-3"),
        (0.00125, "1.25e-3"),
        (0.1, "0.10"),
        (0.123456, "0.123456"),
        (1, "1.0"),
        (12.5, "12.5"),
        (100, "100"),
        (10_000, "10000"),
        (0, "0"),
        (None, "off"),
        (-0.5, "-0.50"),
        (2e6, "2.0e+6"),
    ],
)
def test_a_value_shows_the_digits_it_has_and_at_least_two(js, value, text):
    assert js("valueText", number(-1e9, 1e9), value) == text


def test_the_axis_leaves_out_first_epochs_far_above_the_rest_but_never_the_newest(js):
    losses = [2300, 1200, 900, 850, 840, 835, *range(830, 806, -1)]
    found = js("rangeOf", losses, [807])
    assert 850 < found["high"] < 1200
    assert found["low"] < 807
    assert found["above"] == 2300
    assert js("rangeOf", losses, [807], {"whole": True})["high"] > 2300
    assert js("rangeOf", [*losses, 5000], [5000])["high"] > 5000


def test_the_axis_bears_few_equal_negative_and_missing_values(js):
    assert js("rangeOf", [], [])["above"] is None
    for losses in ([5.0], [5.0, 5.0, 5.0], [-3.0, -9.0], [0, 0]):
        found = js("rangeOf", losses, losses[-1:])
        assert found["low"] < min(losses)
        assert found["high"] > max(losses)
    assert js("rangeOf", [-1, 0, 10, 1000], [10], {"log": True})["low"] > 0


def test_the_x_axis_is_the_whole_of_a_short_run_and_grows_with_a_long_one(js):
    assert [js("lastEpoch", *pair) for pair in ((1, 0), (12, 3), (30, 30))] == [1, 12, 30]
    assert js("lastEpoch", 1000, 0) == 30
    assert js("lastEpoch", 1000, 100) == 240
    assert js("lastEpoch", 1000, 1000) == 1000


def test_tick_labels_have_the_decimals_of_their_step(js):
    assert js("tickTexts", [0, 500, 1000, 1500]) == ["0", "500", "1,000", "1,500"]
    assert js("tickTexts", [0.1, 0.15, 0.2]) == ["0.10", "0.15", "0.20"]
    assert js("tickTexts", [-2, 0, 2]) == ["-2", "0", "2"]


def test_the_trail_of_an_epoch_starts_anew_with_each_and_stays_short(js):
    assert js("longer", [[2.2, 6.0]], [2.3, 5.0]) == [[2.2, 6.0], [2.3, 5.0]]
    full = [[2.2 + i / 2000, 5.0] for i in range(400)]
    assert js("longer", full, [2.9, 4.0]) == [*full[::2], [2.9, 4.0]]
    assert js("longer", full, [3.5, 4.0]) == [[3.5, 4.0]]
    assert js("longer", full, None) == []
