"""Mutate and see, in JupyterLab: what is drawn, what keys and clicks do, and how soon the answer is on the screen."""

import pytest

from browser import lab

SETUP = """
import numpy as np
import genolab as gl
random = np.random.default_rng(3)
letters = "".join(random.choice(list("ACGT"), {length}))
model = gl.dna.SequenceCNN(3, length={fixed}, seed=1)
import torch
with torch.no_grad():  # as sharp as a trained one
    for member in model.members:
        member.to_outputs.weight.mul_(12)
view = gl.dna.MutationView(model, letters, names=["donor", "acceptor", "neither"], target="donor")
"""
FACTS = "print(view.sequence == view.reference, view.changes, view.target)"


class View(lab.View):
    def __init__(self, book: lab.Notebook, cell: int = 1) -> None:
        super().__init__(book, "gl-mutation", cell)
        self.stage = self.root.locator(".gl-stage")
        self.canvas = self.root.locator("canvas")

    def press(self, *keys: str) -> None:
        self.stage.focus()
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def step(self) -> float:
        """Return pixels a base: the track's own measure, from its length."""
        box = self.canvas.bounding_box()
        return min(26, (box["width"] - 92 - 14) / int(self.root.get_attribute("data-shown")))

    def click(self, position: int, y: float) -> None:
        box = self.canvas.bounding_box()
        first = int(self.root.get_attribute("data-first"))
        x = box["x"] + 92 + (position - first + 0.5) * self.step()
        self.page.mouse.click(x, box["y"] + y)
        self.settle()

    def bars(self) -> list[str]:
        return [value.inner_text() for value in self.root.locator(".gl-bar-value").all()]

    def facts(self) -> str:
        return self.book.run_code(FACTS).strip()


def opened(notebook, length: int = 60, **options) -> View:
    book = notebook([SETUP.format(length=length, fixed=length if length < 100 else None), "view"], **options)
    book.run(0, timeout=120)
    book.run(1, timeout=120)
    return View(book)


@pytest.fixture
def view(notebook) -> View:
    return opened(notebook)


# rows of the track without an overview, from its top: the middle of each
SEQUENCE = 20 + 24 + 15
MAP = 20 + 24 + 30 + 8 + 104 + 8  # its top; a line is 19 pixels high


def test_typing_a_base_changes_it_and_goes_on_to_the_next(view):
    before = view.bars()
    first = view.book.run_code("print(letters[:3])").strip()
    typed = "".join("ACGT"[("ACGT".index(base) + 1) % 4] for base in first)
    view.press("Home", *typed.lower())
    assert view.book.run_code("print(view.sequence[:3])").strip() == typed
    assert view.bars() != before
    assert view.root.locator(".gl-where").inner_text().startswith("position 3: ")
    assert "3 bases changed" in view.root.locator(".gl-where").inner_text()
    was = [cell.inner_text() for cell in view.root.locator(".gl-bar-was").all()]
    assert was == [f"was {value}" for value in before]


def test_clicking_a_base_and_typing_changes_that_one(view):
    view.click(10, SEQUENCE)
    view.press("n")
    old = view.book.run_code("print(letters[10])").strip()
    assert view.facts() == f"False [Change(position=10, reference='{old}', now='N')] 0"


def test_clicking_in_the_map_makes_that_change(view):
    old = view.book.run_code("print(letters[20])").strip()
    new = "ACGT"[("ACGT".index(old) + 2) % 4]
    view.click(20, MAP + 19 * "ACGT".index(new) + 9)
    assert view.facts() == f"False [Change(position=20, reference='{old}', now='{new}')] 0"
    view.book.screenshot("mutation-changed", view.root)


def test_keys_and_buttons_take_back_and_do_again(view):
    view.press("Home", "ArrowDown", "ArrowRight", "ArrowDown")
    assert view.facts().count("Change(") == 2
    view.press("Control+z")
    assert view.facts().count("Change(") == 1
    view.press("Control+z")
    assert view.facts().startswith("True")
    assert view.root.get_by_role("button", name="Undo").is_disabled()
    view.press("Control+y", "Control+Shift+z")
    assert view.facts().count("Change(") == 2
    view.root.get_by_role("button", name="Reference").click()
    view.settle()
    assert view.facts().startswith("True")
    view.root.get_by_role("button", name="Undo").click()
    view.settle()
    view.press("Home", "Delete")
    assert view.facts().count("Change(") == 1
    assert len(view.page.locator(".jp-Notebook .jp-Cell").all()) == 2  # the notebook took no key


def test_another_output_is_explained_when_it_is_chosen(view):
    before = view.book.run_code("print(view.attribution.sum())")
    view.root.get_by_label("Explain").select_option("acceptor")
    view.settle()
    assert view.facts() == "True [] 1"
    assert view.book.run_code("print(view.attribution.sum())") != before
    assert view.root.locator(".gl-chosen .gl-bar-name").inner_text() == "acceptor"


def test_hovering_in_the_map_shows_what_a_change_would_do(view):
    box = view.canvas.bounding_box()
    old = view.book.run_code("print(letters[5])").strip()
    new = "ACGT"[("ACGT".index(old) + 1) % 4]
    x = box["x"] + 92 + 5.5 * view.step()
    view.page.mouse.move(x, box["y"] + MAP + 19 * "ACGT".index(new) + 9)
    tip = view.root.locator(".gl-tip")
    tip.wait_for()
    assert tip.inner_text().startswith(f"5: {old} to {new}: ")
    view.book.run_code(f"view.mutate(5, '{new}')")
    tip.filter(has_text=f"5: {new}, contributes").wait_for()  # the new base, although the mouse rests


def test_changes_made_in_python_are_shown(view):
    view.book.run_code("view.sequence = 'A' * 60")
    view.settle()
    assert "bases changed" in view.root.locator(".gl-where").inner_text()
    view.book.run_code("view.undo()")
    view.settle()
    assert "0 bases changed" in view.root.locator(".gl-where").inner_text()


def test_fast_typing_loses_nothing_and_ends_where_python_is(view):
    view.press("Home")
    view.page.keyboard.type("ACGTACGTACGTACGTACGTACGTACGTACGTACGTACGT", delay=4)
    view.settle()
    assert view.book.run_code("print(view.sequence[:40])").strip() == "ACGT" * 10
    assert view.bars() == [
        f"{100 * value:.1f} %" for value in map(float, view.book.run_code("print(*view.prediction)").split())
    ]


def test_no_text_is_small_and_every_control_has_a_name_and_a_sentence_that_explains_it(view):
    view.press("Home", "ArrowDown", "PageDown")
    view.check_texts_and_controls()
    assert "A C G T N put a base" in view.stage.get_attribute("aria-label")
    view.book.check_contrast(mutation=view.root)


def test_a_narrow_cell_and_a_long_sequence_get_a_window_that_follows_the_cursor(notebook):
    view = opened(notebook, length=1500)
    view.press("End", "ArrowDown")
    assert view.facts().count("Change(position=1499") == 1
    assert int(view.root.get_attribute("data-first")) > 1400
    view.book.screenshot("mutation-long", view.root)
    view.resize(700)
    assert not view.root.evaluate("(el) => el.scrollWidth > el.clientWidth")
    view.book.screenshot("mutation-narrow", view.root)
    box = view.canvas.bounding_box()
    view.page.mouse.click(box["x"] + 92 + 3, box["y"] + 18)  # the overview
    view.settle()
    assert int(view.root.get_attribute("data-first")) == 0


def test_two_views_of_one_widget_agree(notebook):
    book = notebook([SETUP.format(length=40, fixed=40), "view", "view"])
    for cell in range(3):
        book.run(cell, timeout=120)
    first, second = View(book, 1), View(book, 2)
    first.press("Home", "ArrowDown")
    second.settle()
    assert "1 base changed" in second.root.locator(".gl-where").inner_text()
    second.press("Control+z")
    first.settle()
    assert "0 bases changed" in first.root.locator(".gl-where").inner_text()


def test_the_notebook_keeps_a_static_picture(view):
    outputs = view.book.outputs(1)
    assert any("image/png" in output.get("data", {}) for output in outputs)
