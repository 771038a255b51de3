import re

import pytest

from genolab.palette import DIVERGING, GLASBEY, NONE, OKABE_ITO, VIRIDIS, colours


def test_every_colour_is_a_six_digit_hex_colour():
    for colour in (*OKABE_ITO, *GLASBEY, *VIRIDIS, *DIVERGING, NONE):
        assert re.fullmatch(r"#[0-9a-f]{6}", colour)


def test_forty_categories_have_forty_colours_and_none_is_the_grey_of_nothing():
    assert len(set(colours(40))) == 40
    assert NONE not in colours(40)


def test_more_categories_than_colours_start_again():
    assert colours(41)[40] == colours(1)[0]


def test_adding_a_category_keeps_the_colours_of_the_others():
    assert colours(12)[:5] == colours(5) == OKABE_ITO[:5]


def test_a_negative_number_of_colours_is_refused():
    with pytest.raises(ValueError, match="0 or more, got -1"):
        colours(-1)
