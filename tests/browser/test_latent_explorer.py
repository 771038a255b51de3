"""The latent explorer in JupyterLab: what is drawn, what a hand does, and what the next cell reads of it."""

import time
from io import BytesIO

import pytest
from PIL import Image

from browser import (
    lab,
    test_alignment_view,
    test_compound_table,
    test_function_browser,
    test_mutation_view,
    test_training_panel,
)
from genolab import palette

# A toy whose places are known on paper: a grid of 11 x 11 cells over 0..10; type "west" where x < 5, "east" elsewhere.
GRID = """
import anndata, numpy as np, pandas as pd
import genolab as gl
x, y = (side.ravel().astype(float) for side in np.meshgrid(np.arange(11), np.arange(11)))
names = [f"{a:g},{b:g}" for a, b in zip(x, y)]
obs = pd.DataFrame({"type": np.where(x < 5, "west", "east"), "height": y * 1.5}, index=names)
genes = [f"GENE{i}" for i in range(300)] + ["CD3D", "CD3E", "LYZ"]
cells = anndata.AnnData(np.tile(x[:, None], len(genes)).astype("float32"), obs=obs, var=pd.DataFrame(index=genes))
cells.obsm["X_vae"] = np.stack([x, y, x + y], axis=1)
cells.obsm["X_pca"] = np.stack([y, x], axis=1)
"""
SHOW = "explorer = gl.widgets.LatentExplorer(cells, 'X_vae', color='type'); explorer.dims = (0, 1)\nexplorer"
READ = "print(explorer.n_selected, *sorted(cells.obs_names[explorer.selection])[:6])"

WEST, EAST = palette.OKABE_ITO[1], palette.OKABE_ITO[0]  # by the alphabet, east is the first


class Explorer(lab.View):
    """An explorer on the page; places are given in the toy's own coordinates, 0..10."""

    def __init__(self, book: lab.Notebook, cell: int = 1) -> None:
        super().__init__(book, "gl-latent", cell)
        self.picture = self.root.locator(".gl-picture")
        self.picture.wait_for()
        self.book.draw()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place on the page of a place in the grid, as long as the camera shows all."""
        self.picture.scroll_into_view_if_needed()
        box = self.picture.bounding_box()
        assert box is not None
        wide, high = box["width"] - 54, box["height"] - 46  # less the margins for the axes
        return box["x"] + 46 + 18 + x / 10 * (wide - 36), box["y"] + 22 + 18 + (10 - y) / 10 * (high - 36)

    def colour(self, x: float, y: float) -> tuple[int, ...]:
        """Return the colour on the screen at a place in the grid."""
        self.book.draw()
        px, py = self.at(x, y)
        shot = self.page.screenshot(clip={"x": px - 1, "y": py - 1, "width": 3, "height": 3})
        return Image.open(BytesIO(shot)).convert("RGB").getpixel((1, 1))

    def becomes(self, x: float, y: float, colour: str) -> None:
        """Wait for a colour at a place in the grid."""
        end = time.monotonic() + 10
        while not near(self.colour(x, y), colour):
            assert time.monotonic() < end, f"{self.colour(x, y)} at {(x, y)}, not {colour}"

    def tool(self, name: str) -> None:
        self.root.get_by_role("button", name=name, exact=True).click()

    def draw(self, *places: tuple[float, float], steps: int = 6) -> None:
        """Drag from place to place."""
        spots = [self.at(*place) for place in places]
        self.page.mouse.move(*spots[0])
        self.page.mouse.down()
        for spot in spots[1:]:
            self.page.mouse.move(*spot, steps=steps)
        self.page.mouse.up()

    def box(self, x0: float, y0: float, x1: float, y1: float) -> None:
        self.tool("Box")
        self.draw((x0, y0), (x1, y1))

    def key(self, label: str):
        return self.root.locator(".gl-key").filter(has_text=label)

    def shows(self, selector: str, text: str) -> None:
        """Wait until a part of the explorer holds a text."""
        self.root.locator(selector).filter(has_text=text).first.wait_for(timeout=10_000)

    def column(self, name: str) -> None:
        self.root.get_by_label("Colour by", exact=True).select_option(name)


@pytest.fixture
def explorer(notebook) -> Explorer:
    book = notebook([GRID, SHOW, READ])
    book.run(0)
    book.run(1)
    return Explorer(book)


def near(colour: tuple[int, ...], wanted: str, *, most: int = 30) -> bool:
    return all(abs(c - int(wanted[i : i + 2], 16)) <= most for c, i in zip(colour, (1, 3, 5), strict=True))


# ---- what is drawn ----


def test_points_lie_where_they_should_in_the_colours_of_their_category(explorer):
    assert near(explorer.colour(2, 7), WEST)
    assert near(explorer.colour(8, 3), EAST)
    assert near(explorer.colour(2.5, 6.5), "#ffffff")
    keys = explorer.root.locator(".gl-key").all_inner_texts()
    assert [key.split() for key in keys] == [["east", "66"], ["west", "55"]]


def test_another_dimension_is_chosen_for_an_axis(explorer):
    explorer.book.screenshot("explorer-toy", explorer.root)
    up = explorer.root.get_by_label("Dimension up")
    shares = ["PC 1 (75 %)", "PC 2 (25 %)", "PC 3 (0 %)", "dim 1 (25 %)", "dim 2 (25 %)", "dim 3 (50 %)"]
    assert up.locator("option").all_inner_texts() == shares
    up.select_option("PC1")
    explorer.book.until("explorer.dims == (0, 'PC1')")
    assert up.input_value() == "PC1"
    up.select_option("2")
    explorer.book.until("explorer.dims == (0, 2)")
    explorer.book.screenshot("explorer-other-dimension", explorer.root)


def test_another_basis_moves_the_points(explorer):
    explorer.root.get_by_label("Coordinates").select_option("X_pca")
    explorer.becomes(7, 2, WEST)  # x and y have changed places
    assert explorer.book.run_code("print(explorer.basis)") == "X_pca\n"


def test_a_screen_of_double_density_gets_four_times_the_pixels(notebook):
    book = notebook([GRID, SHOW], scale=2)
    book.run(0)
    book.run(1)
    explorer = Explorer(book)
    sizes = explorer.picture.evaluate(
        "(el) => [...el.querySelectorAll('canvas')].map((c) => [c.width / c.clientWidth, c.height / c.clientHeight])"
    )
    assert sizes == [pytest.approx([2, 2], abs=0.01)] * 2
    book.screenshot("explorer-density-2", explorer.root)


def test_the_explorer_follows_the_width_of_its_cell(explorer):
    before = explorer.picture.bounding_box()["width"]
    explorer.resize(700)
    assert explorer.picture.bounding_box()["width"] < before - 200
    overflow = explorer.root.evaluate("(el) => el.scrollWidth > el.clientWidth")
    assert not overflow
    assert near(explorer.colour(2, 7), WEST)
    explorer.book.screenshot("explorer-narrow")


def test_both_themes_suit_the_page(explorer):
    explorer.book.check_contrast(explorer=explorer.root)
    explorer.book.theme(dark=True)
    assert max(explorer.colour(2.5, 6.5)) < 40  # paper
    assert near(explorer.colour(2, 7), WEST)


def test_no_text_is_small_and_every_control_has_a_name_and_a_sentence_that_explains_it(explorer):
    explorer.check_texts_and_controls()


# ---- colours ----


def test_a_column_of_numbers_gets_a_scale_with_numbers(explorer):
    explorer.column("height")
    explorer.shows(".gl-bar-numbers", "15")
    assert near(explorer.colour(3, 0), palette.VIRIDIS[0])
    assert near(explorer.colour(3, 10), palette.VIRIDIS[-1])
    assert explorer.root.locator(".gl-bar-numbers span").all_inner_texts() == ["15", "11.3", "7.5", "3.75", "0"]
    assert explorer.book.run_code("print(explorer.color)") == "height\n"
    explorer.book.screenshot("explorer-numbers", explorer.root)


def test_a_gene_is_found_by_a_part_of_its_name_and_colours_the_cells(explorer):
    field = explorer.root.get_by_label("Find a cell, gene or column")
    field.press_sequentially("cd3")
    explorer.shows(".gl-option", "CD3E")
    explorer.book.screenshot("explorer-search", explorer.root)
    field.press("ArrowDown")
    field.press("ArrowDown")
    field.press("Enter")
    explorer.shows(".gl-legend-name", "CD3E")
    assert near(explorer.colour(10, 4), palette.VIRIDIS[-1])
    assert explorer.root.get_by_label("Colour by", exact=True).input_value() == "CD3E"
    assert near(explorer.colour(0, 4), palette.ZERO)
    assert explorer.root.locator(".gl-legend .gl-key").inner_text().split() == ["zero", "11"]


def test_an_unknown_name_is_answered_with_the_nearest_and_a_row_that_is_found_is_selected(explorer):
    field = explorer.root.get_by_label("Find a cell")
    field.fill("heigth")
    field.press("Enter")
    explorer.shows(".gl-none", "Nothing is called \u201cheigth\u201d. Did you mean:")
    assert explorer.root.locator(".gl-option").inner_text().split() == ["height", "column"]
    assert explorer.root.locator(".gl-legend-name").inner_text() == "type"
    explorer.root.get_by_role("button", name="Zoom in").click()
    field.fill("0,10")
    field.press("Enter")
    explorer.shows(".gl-tip", "0,10")
    explorer.shows(".gl-counts", "1 selected")
    assert near(explorer.colour(0, 10), WEST)  # it was out of sight
    assert explorer.book.run(2) == "1 0,10\n"


def test_a_colour_set_in_python_is_shown(explorer):
    explorer.book.run_code("explorer.color = 'LYZ'")
    explorer.shows(".gl-legend-name", "LYZ")
    explorer.book.run_code("explorer.color = None")
    explorer.root.locator(".gl-legend").wait_for(state="hidden")
    assert near(explorer.colour(2, 7), palette.OKABE_ITO[0])


def test_missing_values_are_grey_and_called_none(explorer):
    explorer.book.run_code("cells.obs.loc['2,7', 'type'] = None; explorer.refresh()")
    explorer.shows(".gl-key", "none")
    assert near(explorer.colour(2, 7), palette.NONE)


def test_labels_that_hold_html_are_shown_as_text(notebook):
    bad = '<img src=x onerror=\\"window.hacked = true\\"><script>window.hacked = true</script>'
    lines = [
        GRID,
        f'bad = "{bad}"',
        "cells.obs['type'] = bad",
        "cells.obs[bad] = 1.5",
        "cells.obs_names = [bad] * cells.n_obs",
        "cells.var_names = [bad] + genes[1:]",
        "cells.obsm[bad] = cells.obsm['X_vae']",
        "explorer = gl.widgets.LatentExplorer(cells, bad, color='type')",
    ]
    book = notebook(["\n".join(lines), "explorer"])
    book.run(0)
    book.run(1)
    explorer = Explorer(book)
    explorer.page.mouse.move(*explorer.at(2, 7))
    explorer.shows(".gl-tip-name", "<img")
    explorer.root.get_by_label("Find a cell").press_sequentially("<img")
    explorer.shows(".gl-option", "<script>")
    book.run_code("explorer.color = bad")
    explorer.shows(".gl-legend-name", "<script>")
    book.run_code("explorer.selection = [True] * cells.n_obs; explorer.save_selection(bad + '2')")
    explorer.shows(".gl-message", "<script>")
    assert explorer.root.locator("img, script").count() == 0
    assert explorer.page.evaluate("window.hacked") is None


def test_200_categories_fit_into_a_legend_that_scrolls(explorer):
    explorer.book.run_code("cells.obs['many'] = [f'type {i}' for i in range(121)]; explorer.color = 'many'")
    explorer.shows(".gl-key", "type 120")
    keys = explorer.root.locator(".gl-keys")
    assert keys.evaluate("(el) => el.scrollHeight > el.clientHeight + 100")
    assert explorer.root.bounding_box()["height"] < 640
    explorer.book.screenshot("explorer-many-categories", explorer.root)


# ---- selection ----


def test_a_lasso_selects_what_it_goes_round_and_the_next_cell_reads_it(explorer):
    explorer.tool("Lasso")
    explorer.draw((0.5, 0.5), (3.5, 0.5), (3.5, 2.5), (0.5, 2.5))
    explorer.shows(".gl-counts", "121 cells, 6 selected")
    assert explorer.book.run(2) == "6 1,1 1,2 2,1 2,2 3,1 3,2\n"
    assert near(explorer.colour(2, 2), WEST)
    assert not near(explorer.colour(2, 7), WEST)  # the others fade
    explorer.book.screenshot("explorer-selection", explorer.root)


def test_a_triangle_takes_only_its_own_side(explorer):
    explorer.tool("Lasso")
    explorer.draw((-0.2, -0.2), (9.7, -0.2), (-0.2, 9.7), steps=40)
    explorer.shows(".gl-counts", "55 selected")
    expected = "print(sorted(cells.obs_names[explorer.selection]) == sorted(cells.obs_names[x + y < 9.5]))"
    assert explorer.book.run_code(expected) == "True\n"


def test_shift_adds_alt_removes_and_escape_clears(explorer):
    explorer.box(-0.5, -0.5, 1.5, 1.5)
    explorer.shows(".gl-counts", "4 selected")
    explorer.page.keyboard.down("Shift")
    explorer.box(8.5, 8.5, 10.5, 10.5)
    explorer.page.keyboard.up("Shift")
    explorer.shows(".gl-counts", "8 selected")
    explorer.page.keyboard.down("Alt")
    explorer.box(0.5, -0.5, 9.5, 9.5)
    explorer.page.keyboard.up("Alt")
    explorer.shows(".gl-counts", "5 selected")
    assert explorer.book.run(2) == "5 0,0 0,1 10,10 10,9 9,10\n"
    explorer.box(-0.5, -0.5, 0.5, 0.5)
    explorer.shows(".gl-counts", " 1 selected")
    explorer.picture.press("Escape")
    explorer.shows(".gl-counts", " 0 selected")
    assert explorer.book.run(2) == "0\n"


def test_escape_gives_up_a_lasso_that_is_being_drawn(explorer):
    explorer.box(-0.5, -0.5, 1.5, 1.5)
    explorer.shows(".gl-counts", "4 selected")
    explorer.page.mouse.move(*explorer.at(3, 3))
    explorer.page.mouse.down()
    explorer.page.mouse.move(*explorer.at(9, 9), steps=5)
    explorer.page.keyboard.press("Escape")
    explorer.page.mouse.up()
    explorer.book.draw()
    assert explorer.book.run(2) == "4 0,0 0,1 1,0 1,1\n"


def test_a_selection_made_in_python_is_shown(explorer):
    long = "a type with a long name, which is read to its end"
    explorer.book.run_code(f"cells.obs['type'] = cells.obs['type'].replace('east', '{long}')")
    explorer.book.run_code("explorer.refresh(); explorer.selection = cells.obs['type'] == 'west'")
    explorer.shows(".gl-counts", "55 selected")
    name = explorer.key("long").locator(".gl-key-label")
    assert name.evaluate("(el) => el.scrollWidth <= el.clientWidth && getComputedStyle(el).textOverflow === 'clip'")
    explorer.book.run_code(f"cells.obs['type'] = cells.obs['type'].replace('{long}', 'east'); explorer.refresh()")
    explorer.shows(".gl-key", "east")
    assert near(explorer.colour(2, 7), WEST)
    assert not near(explorer.colour(8, 3), EAST)
    assert explorer.key("west").inner_text().split() == ["west", "55", "55"]
    assert explorer.key("east").inner_text().split() == ["east", "0", "66"]
    explorer.root.get_by_role("button", name="Clear").click()
    explorer.shows(".gl-counts", " 0 selected")
    assert explorer.book.run(2) == "0\n"


def test_a_selection_made_while_the_kernel_is_busy_arrives_when_it_is_free(notebook):
    wait = "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.05)"
    book = notebook([GRID, SHOW, READ, wait])
    book.run(0)
    book.run(1)
    explorer = Explorer(book)
    book.start(3)
    explorer.box(-0.5, -0.5, 0.5, 0.5)
    explorer.shows(".gl-counts", " 1 selected")
    explorer.box(9.5, 9.5, 10.5, 10.5)
    explorer.box(-0.5, -0.5, 1.5, 0.5)
    explorer.shows(".gl-counts", " 2 selected")
    explorer.column("height")
    explorer.shows(".gl-message", "Working")
    (book.folder / "go").touch()
    book.wait(3)
    explorer.shows(".gl-bar-numbers", "15")
    explorer.shows(".gl-counts", " 2 selected")  # no echo of an earlier one undoes it
    assert book.run(2) == "2 0,0 1,0\n"


def test_what_a_busy_cell_selects_is_shown_although_something_was_clicked_meanwhile(notebook):
    wait = "import pathlib, time\nwhile not pathlib.Path('on').exists():\n    time.sleep(0.05)\n"
    book = notebook([GRID, SHOW, wait + "explorer.selection = cells.obs['type'] == 'west'"])
    book.run(0)
    book.run(1)
    explorer = Explorer(book)
    book.start(2)
    explorer.key("east").click()
    (book.folder / "on").touch()
    book.wait(2)
    explorer.shows(".gl-counts", "55 selected")
    assert explorer.key("east").get_attribute("aria-pressed") == "false"


def test_hidden_categories_are_gone_and_cannot_be_selected(explorer):
    explorer.key("west").click()
    assert near(explorer.colour(2, 7), "#ffffff")
    explorer.box(3.5, -0.5, 6.5, 0.5)
    explorer.shows(".gl-counts", " 2 selected")
    assert explorer.book.run(2) == "2 5,0 6,0\n"
    assert explorer.book.run_code("print(explorer.hidden)") == "('west',)\n"
    explorer.key("east").click()
    explorer.shows(".gl-counts", "2 selected (2 of them hidden)")
    explorer.root.get_by_role("button", name="show all").click()
    assert near(explorer.colour(2, 7), WEST) is False  # shown, but faded: it isn't selected
    explorer.picture.press("Escape")
    assert near(explorer.colour(2, 7), WEST)


def test_double_click_and_shift_enter_show_one_category_alone(explorer):
    explorer.key("west").dblclick()
    assert near(explorer.colour(8, 3), "#ffffff")
    assert near(explorer.colour(2, 7), WEST)
    explorer.key("west").dblclick()
    explorer.page.mouse.move(*explorer.at(2.5, 6.5))  # a label under the pointer makes the others fade
    assert near(explorer.colour(8, 3), EAST)
    explorer.key("east").press("Shift+Enter")
    assert near(explorer.colour(2, 7), "#ffffff")
    explorer.key("west").press("Enter")
    assert near(explorer.colour(2, 7), WEST)
    assert explorer.book.run_code("print(explorer.hidden)") == "()\n"


def test_saving_writes_a_column_and_refuses_one_from_elsewhere(explorer):
    explorer.box(-0.5, -0.5, 1.5, 1.5)
    explorer.root.get_by_role("button", name="Save as obs column").click()
    field = explorer.root.get_by_label("Name of the new column")
    field.fill("type")
    field.press("Enter")
    explorer.shows(".gl-error", "was not saved from an explorer, and is kept: choose another name")
    field.fill("corner")
    explorer.book.screenshot("explorer-save", explorer.root)
    explorer.root.get_by_role("button", name="Save", exact=True).click()
    explorer.shows(".gl-message", "Saved 4 of 121 cells as obs['corner'].")
    assert explorer.book.run_code("print(cells.obs['corner'].sum(), cells.obs['type'].nunique())") == "4 2\n"
    explorer.column("corner")
    explorer.shows(".gl-key", "True")


def test_the_keyboard_alone_can_select_and_nothing_reaches_the_notebook(explorer):
    n_cells = explorer.page.locator(".jp-Notebook .jp-Cell").count()
    explorer.key("west").press("Shift+Enter")
    explorer.picture.focus()
    for key in ("a", "l", "b", "p", "ArrowLeft", "ArrowDown", "+", "-", "0", "x", "d", "d", "m"):
        explorer.page.keyboard.press(key)
    explorer.shows(".gl-counts", "55 selected")
    assert explorer.page.locator(".jp-Notebook .jp-Cell").count() == n_cells
    assert explorer.book.run(2).startswith("55 ")


# ---- moving about ----


def test_the_wheel_scrolls_the_page_until_the_picture_is_clicked(explorer):
    explorer.page.mouse.move(*explorer.at(5, 5))
    explorer.page.mouse.wheel(0, -300)
    explorer.shows(".gl-message", "Click the picture first")
    assert near(explorer.colour(2, 7), WEST)
    explorer.page.mouse.click(*explorer.at(5, 5))
    explorer.page.mouse.wheel(0, -300)
    explorer.book.draw()
    assert near(explorer.colour(5, 5), EAST)  # the place under the pointer stays
    assert not near(explorer.colour(2, 7), WEST)
    explorer.page.mouse.dblclick(*explorer.at(2.5, 7.5))
    assert near(explorer.colour(2, 7), WEST)


def test_ctrl_and_wheel_zoom_as_a_pinch_does(explorer):
    explorer.page.mouse.move(*explorer.at(5, 5))
    explorer.page.keyboard.down("Control")
    explorer.page.mouse.wheel(0, -60)
    explorer.page.keyboard.up("Control")
    assert not near(explorer.colour(2, 7), WEST)


def test_two_fingers_zoom(explorer):
    send = """([el, id, type, x, y]) => el.dispatchEvent(new PointerEvent(type, {
        pointerId: id, pointerType: 'touch', clientX: x, clientY: y, bubbles: true, isPrimary: id === 11 }))"""
    picture = explorer.picture.element_handle()
    explorer.page.evaluate("(el) => { el.setPointerCapture = () => {}; }", picture)  # no real finger to capture
    near_middle, far = (explorer.at(4, 5), explorer.at(6, 5)), (explorer.at(3, 5), explorer.at(7, 5))
    for finger, spot in zip((11, 12), near_middle, strict=True):
        explorer.page.evaluate(send, [picture, finger, "pointerdown", *spot])
    for finger, spot in zip((11, 12), far, strict=True):
        explorer.page.evaluate(send, [picture, finger, "pointermove", *spot])
    for finger, spot in zip((11, 12), far, strict=True):
        explorer.page.evaluate(send, [picture, finger, "pointerup", *spot])
    assert near(explorer.colour(3, 5), WEST)  # what lay at 4 lies at 3 now, what lay at 6 at 7
    assert near(explorer.colour(7, 5), EAST)
    assert near(explorer.colour(1, 5), WEST)
    assert near(explorer.colour(2, 5), "#ffffff")


def test_dragging_buttons_and_keys_move_the_picture(explorer):
    explorer.draw((2, 2), (3, 2))
    assert near(explorer.colour(5, 5), WEST)  # what was at 4
    explorer.root.get_by_role("button", name="All", exact=True).click()
    assert near(explorer.colour(5, 5), EAST)
    explorer.root.get_by_role("button", name="Zoom in").click()
    explorer.root.get_by_role("button", name="Zoom out").click()
    assert near(explorer.colour(2, 7), WEST)
    explorer.picture.press("ArrowRight")
    assert not near(explorer.colour(0, 7), WEST)
    explorer.picture.press("0")
    assert near(explorer.colour(0, 7), WEST)


def test_a_lasso_in_a_zoomed_picture_takes_what_is_seen(explorer):
    explorer.root.get_by_role("button", name="Zoom in").click()
    explorer.root.get_by_role("button", name="Zoom in").click()
    explorer.picture.press("a")
    explorer.shows(".gl-counts", "25 selected")  # 3..7 of 0..10 at 2.25 times
    assert explorer.book.run(2).startswith("25 3,3 ")


def test_hovering_shows_the_name_and_the_value(explorer):
    explorer.page.mouse.move(*explorer.at(3, 7))
    explorer.shows(".gl-tip", "3,7")
    assert explorer.root.locator(".gl-tip").inner_text().split("\n") == ["3,7", "type: west"]
    explorer.book.screenshot("explorer-hover", explorer.root)
    explorer.column("height")
    explorer.shows(".gl-bar-numbers", "15")
    explorer.page.mouse.move(*explorer.at(8, 3))
    explorer.shows(".gl-tip", "height: 4.5")
    explorer.page.mouse.move(*explorer.at(8.5, 3.5))
    explorer.root.locator(".gl-tip").wait_for(state="hidden")


# ---- views ----


def test_two_views_of_one_explorer_agree(notebook):
    book = notebook([GRID, SHOW, "explorer", READ])
    for cell in (0, 1, 2):
        book.run(cell)
    first, second = Explorer(book, 1), Explorer(book, 2)
    first.box(-0.5, -0.5, 1.5, 1.5)
    second.shows(".gl-counts", "4 selected")
    second.key("east").click()
    assert near(first.colour(8, 3), "#ffffff")
    assert book.run(3) == "4 0,0 0,1 1,0 1,1\n"


def test_showing_it_again_and_again_works_and_keeps_its_state(notebook):
    book = notebook([GRID, SHOW, "explorer.selection = cells.obs['type'] == 'west'", "explorer"])
    for cell in (0, 1, 2):
        book.run(cell)
    for _ in range(20):  # a page may have 16 WebGL contexts: each view must give its own back
        book.run(3)
    again = Explorer(book, 3)
    again.shows(".gl-counts", "55 selected")
    assert near(again.colour(2, 7), WEST)
    assert near(Explorer(book, 1).colour(2, 7), WEST)


def test_an_explorer_that_was_off_the_page_is_drawn_when_it_comes_back(explorer):
    off = "(el) => { window.home = el.parentNode; window.away = el; el.remove(); }"
    explorer.root.evaluate(off)
    explorer.book.draw()
    explorer.book.run_code("explorer.selection = cells.obs['type'] == 'west'")
    explorer.book.draw()
    explorer.page.evaluate("window.home.append(window.away)")
    explorer.shows(".gl-counts", "55 selected")
    assert near(explorer.colour(2, 7), WEST)
    assert not near(explorer.colour(8, 3), EAST)


def test_a_change_of_labels_alone_is_drawn(explorer):
    explorer.book.run_code("cells.obs['type'] = np.roll(cells.obs['type'].to_numpy(), 5); explorer.refresh()")
    assert explorer.book.run_code("print((cells.obs['type'] == 'west').sum())") == "55\n"
    explorer.becomes(7, 7, WEST)  # 5 to the right of where it was
    assert near(explorer.colour(2, 7), EAST)


def test_a_reloaded_page_shows_the_state_again(explorer):
    explorer.box(-0.5, -0.5, 1.5, 1.5)
    explorer.shows(".gl-counts", "4 selected")
    explorer.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    explorer.page.reload()
    explorer.page.wait_for_selector(".gl-latent .gl-picture", timeout=30_000)
    again = Explorer(explorer.book)
    again.shows(".gl-counts", "4 selected")
    again.box(-0.5, -0.5, 0.5, 0.5)
    again.shows(".gl-counts", " 1 selected")
    assert explorer.book.run(2) == "1 0,0\n"


# ---- without its kernel ----

# Beside the notebook, a view of a cell's outputs as JupyterLab restores one: it waits for the widget for good.
SECOND = """(area) => {
    const copy = area.cloneNode(true);
    copy.id = 'second';
    copy.querySelector('.jp-OutputArea-output').replaceChildren('Loading widget...');
    document.querySelector('.jp-NotebookPanel').append(copy); }"""


def test_a_killed_kernel_is_told_and_the_notebook_opened_again_shows_the_pictures_of_all_six_kinds(notebook):
    others = [
        f"{test_training_panel.SETUP}panel",
        f"{test_mutation_view.SETUP.format(length=60, fixed=60)}view",
        f"{test_alignment_view.SETUP}view",
        f"{test_function_browser.SETUP}browser",
        f"{test_compound_table.SETUP}table",
    ]
    figure = "gl.plot.history(pd.DataFrame({'epoch': [1], 'train_loss': [1.0]}))"
    book = notebook([GRID, SHOW, *others, figure])
    book.spent = True
    for cell in range(3 + len(others)):
        book.run(cell, timeout=120)
    explorer = Explorer(book)
    picture = book.cell(1).locator(".genolab-picture")
    assert not picture.is_visible()
    second = book.page.locator("#second .jp-OutputArea-child")
    book.page.evaluate(SECOND, book.cell(1).locator(".jp-OutputArea").element_handle())
    assert [one.is_visible() for one in second.all()] == [False, True]
    kill = "import os, signal, threading; threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()"
    book.run_code(kill)
    book.page.get_by_text("appears to have died").wait_for(timeout=30_000)
    book.page.keyboard.press("Escape")
    explorer.page.mouse.move(*explorer.at(3, 7))
    explorer.shows(".gl-message", "The kernel is gone")
    assert not picture.is_visible()
    book.screenshot("explorer-kernel-gone", explorer.root)
    book.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    book.page.reload()
    picture.locator("img").wait_for(timeout=90_000)
    gone = book.page.get_by_text("model not found")  # JupyterLab's, and hidden
    gone.nth(5).wait_for(state="attached", timeout=90_000)
    assert "run the notebook to use it" in picture.inner_text()
    pictures = book.page.locator(".genolab-picture img").all()
    assert [one.evaluate("(el) => el.checkVisibility() && el.naturalWidth > 400") for one in pictures] == [True] * 6
    assert not any(text.is_visible() for text in gone.all())
    for dark in (False, True):
        book.theme(dark=dark)
        book.screenshot(f"explorer-reopened-{'dark' if dark else 'light'}")
    last = book.cell(2 + len(others))
    last.scroll_into_view_if_needed()
    drawn = last.locator(".js-plotly-plot .main-svg").first  # no picture, and in the page's colours
    drawn.wait_for()
    assert drawn.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(17, 17, 17)"
    book.errors.clear()  # JupyterLab reports the lost connection and the widget that isn't there


# ---- a browser that can't ----


def test_a_lost_picture_says_so_and_comes_back(explorer):
    lose = """(el) => {
        window.gone = el.getContext('webgl2').getExtension('WEBGL_lose_context');
        window.gone.loseContext(); }"""
    explorer.root.locator("canvas.gl-points").evaluate(lose)
    explorer.shows(".gl-notice", "taken back the memory")
    explorer.book.screenshot("explorer-lost", explorer.root)
    explorer.page.evaluate("window.gone.restoreContext()")
    explorer.root.locator(".gl-notice").wait_for(state="hidden")
    assert near(explorer.colour(2, 7), WEST)
    explorer.root.locator("canvas.gl-points").evaluate(lose)
    explorer.root.get_by_role("button", name="Draw again").click()
    assert near(explorer.colour(2, 7), WEST)


def test_without_webgl2_the_static_picture_stands_in_and_colours_work(notebook):
    off = """const real = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
          return kind === 'webgl2' ? null : real.call(this, kind, ...rest); };"""
    book = notebook([GRID, SHOW], init=off)
    book.run(0)
    book.run(1)
    explorer = Explorer(book)
    explorer.shows(".gl-notice", "draws no WebGL2")
    image = explorer.root.locator("img.gl-static")
    image.wait_for()
    before = image.get_attribute("src")
    explorer.column("height")
    explorer.shows(".gl-bar-numbers", "15")
    explorer.page.wait_for_function("([el, before]) => el.querySelector('img').src !== before", arg=[
        explorer.root.element_handle(), before])  # fmt: skip
    book.screenshot("explorer-without-webgl", explorer.root)


# ---- watching ----

WATCH = """
train, valid, test = gl.data.split(gl.data.AnnDataset(cells), seed=0)
model = gl.models.Autoencoder(n_genes=cells.n_vars, n_latent=2, hidden=(16,), seed=0)
run = gl.Run(model, train, valid, gl.RunConfig(epochs=40, batch_size=16, threads=1))
explorer = gl.widgets.LatentExplorer(cells, None, color="type")
"""


def test_watching_shows_the_latent_space_while_it_trains(notebook):
    book = notebook([GRID + WATCH, "explorer", "stop = explorer.watch(run); run.start()", "run.wait(); stop()"])
    book.run(0, timeout=120)
    book.run(1)
    explorer = Explorer(book)
    explorer.shows(".gl-notice", "No coordinates yet")
    book.run(2)
    explorer.shows(".gl-caption", "watching: epoch ")
    book.screenshot("explorer-watching", explorer.root)
    book.run(3, timeout=120)
    explorer.shows(".gl-caption", "epoch 40 of 40")
    explorer.page.wait_for_timeout(500)  # the points move for 450 ms
    book.run_code("now = gl.infer.embed(model, gl.data.AnnDataset(cells))")
    assert book.run_code("print(np.array_equal(explorer.coordinates, now), *cells.obsm)") == "True X_vae X_pca\n"
    explorer.tool("Box")
    explorer.draw((-0.4, -0.4), (10.4, 10.4))
    explorer.shows(".gl-counts", "121 selected")  # all of it is in the picture
    book.screenshot("explorer-watched", explorer.root)


# ---- trajectories ----


def test_a_trajectory_is_played_from_time_to_time_and_taken_away(notebook) -> None:
    states = "np.array([[0, 0, 0], [5, 0, 5], [10, 10, 20.0]])"
    show = f"away = explorer.show_trajectories({states}, names=['<b>g</b>'], times='abc')"
    book = notebook([GRID, SHOW.replace("\nexplorer", f"\n{show}\nexplorer"), "away()"])
    book.run(0)
    book.run(1)
    explorer = Explorer(book)
    lines = explorer.root.locator(".gl-trajectories")
    slider = lines.get_by_label("Time along the trajectories")
    explorer.shows(".gl-time", "c")
    assert near(explorer.colour(10, 10), "#1f1f1f", most=60)  # the head, over its point
    slider.focus()
    book.page.keyboard.press("ArrowLeft")
    explorer.shows(".gl-time", "b")
    assert not near(explorer.colour(10, 10), "#1f1f1f", most=60)
    slider.fill("0")
    explorer.shows(".gl-time", "a")
    lines.get_by_role("button", name="Play").click()
    explorer.shows(".gl-time", "c")
    lines.get_by_role("button", name="Play").wait_for()
    book.run(2)
    lines.wait_for(state="hidden")
