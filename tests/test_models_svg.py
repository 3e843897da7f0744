import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from leadcast.models.charts.svg import ACCENT, CSS_COLOURS, draw_svg, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NASTY = """</text><script>alert('$x^2$')</script>&amp; "漢字" --> ]]>"""


def drawn(name: str = "a-chart", label: str = "A label", text: str = "words") -> str:
    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        axes.plot([0, 1, 2], [0.1, 0.5, 0.2], "o-", color=ACCENT, label=text)
        axes.fill_between([0, 1, 2], [0, 0, 0], [1, 1, 1], color=ACCENT, alpha=0.2)
        axes.set_title(text)

    return draw_svg(draw, name, 300, 200, label)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def test_the_same_drawing_gives_the_same_bytes() -> None:
    assert drawn() == drawn()


def test_text_stays_text_and_is_escaped() -> None:
    texts = [element.text for element in parsed(drawn(text=NASTY)).iter("text")]
    assert NASTY in texts
    assert "<script" not in drawn(text=NASTY)


def test_a_label_cannot_leave_its_attribute() -> None:
    label = '" onload="alert(1)'
    root = parsed(drawn(label=label))
    assert root.attrib["aria-label"] == label
    assert "onload" not in root.attrib


def test_every_colour_is_one_of_the_page() -> None:
    svg = drawn()
    assert not re.search(r"#[0-9a-f]{6}", svg)
    assert CSS_COLOURS[ACCENT] in svg


def test_a_colour_of_its_own_would_be_seen() -> None:
    # The test above can fail: a colour that is not in the palette stays as it is.
    def draw(figure: "Figure") -> None:
        figure.subplots().plot([0, 1], [0, 1], color="#123456")

    assert "#123456" in draw_svg(draw, "odd", 300, 200, "")


def test_identifiers_are_unique_in_the_page_and_all_are_used() -> None:
    for name in ("one", "two"):
        svg = drawn(name)
        made = re.findall(r' id="([^"]*)"', svg)
        used = re.findall(r'(?:href="|url\()#([^")]*)', svg)
        assert len(made) == len(set(made))
        assert set(made) == set(used)
        assert all(identifier.startswith(f"{name}-") for identifier in made)


def test_the_picture_brings_no_style_no_metadata_and_no_fonts() -> None:
    svg = drawn()
    for unwanted in ("<style", "<metadata", "font-family", "xmlns", "<?xml", "DOCTYPE"):
        assert unwanted not in svg


def test_plots_set_up_by_others_change_nothing() -> None:
    from matplotlib import rc_context

    alone = drawn()
    with rc_context({"lines.linewidth": 9, "axes.grid": False, "font.size": 30}):
        assert drawn() == alone


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("two\nlines\tand\x00more", "two lines and more"),
        ("a" * 80, "a" * 59 + "…"),
        ("as it is", "as it is"),
        ("", ""),
    ],
)
def test_a_label_is_one_printable_line(text: str, wanted: str) -> None:
    assert plain(text) == wanted
