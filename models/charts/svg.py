"""From a matplotlib figure to an inline SVG that follows the page's colours and fonts."""

import io
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#20242c"
MUTED = "#667080"
GRID = "#e3e6eb"
ACCENT = "#1f5fbf"
SECOND = "#c4541c"
THIRD = "#8a93a2"
PAPER = "#ffffff"

DASHED: dict[str, Any] = {"color": MUTED, "linewidth": 1, "linestyle": (0, (4, 4))}
"""How a line is drawn that the numbers are held against."""
CSS_COLOURS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    ACCENT: "var(--accent)",
    SECOND: "var(--second)",
    THIRD: "var(--third)",
    PAPER: "var(--paper)",
}
"""Each colour a chart may draw with, and the page's variable that takes its place, so that one
picture is legible on light and on dark paper."""

STYLE: dict[str, Any] = {
    # Text stays text: it is searchable, takes the page's font and is read by screen readers.
    # It is laid out with the font that comes with matplotlib, which is wider than system fonts.
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 12,
    # Names come from the data: a dollar sign in one must not start a formula.
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": THIRD,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 12,
    "axes.titlesize": 12,
    "axes.titlecolor": MUTED,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": THIRD,
    "ytick.color": THIRD,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 12,
    "legend.borderpad": 0,
    "legend.handlelength": 1.4,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}

_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"#([\w.-]+)")


def draw_svg(
    draw: Callable[["Figure"], None], name: str, width_px: int, height_px: int, label: str
) -> str:
    """Draw a figure and write it as an SVG element for the body of an HTML page.

    The same drawing gives the same bytes: no dates, no random identifiers.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.style import context

    raw = io.StringIO()
    # From the defaults, so that what somebody has set for other plots changes nothing here.
    with context(["default", {**STYLE, "svg.hashsalt": name}]), warnings.catch_warnings():
        # The page's own fonts draw the text, so a glyph that matplotlib's font lacks is no fault.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(width_px / 72, height_px / 72), dpi=72)
        draw(figure)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        # The canvas itself: `savefig` would draw everything twice.
        FigureCanvasSVG(figure).print_svg(raw, metadata=nothing)  # type: ignore[no-untyped-call]
    return _inline(raw.getvalue(), name, label)


def svg_file(element: str, width_px: int, height_px: int) -> str:
    """Make a file of its own from an SVG element that was drawn for the page.

    Parameters
    ----------
    element : str
        As `draw_svg` gives it.
    width_px, height_px : int
        Its size in CSS pixels.

    Returns
    -------
    str
        An SVG document on light paper, with the colours in place of the page's variables.
    """
    for colour, variable in CSS_COLOURS.items():
        element = element.replace(variable, colour)
    head = (
        f'<svg xmlns="{_SVG}" width="{width_px}" height="{height_px}" '
        f'font-family="sans-serif" style="background:{PAPER}" '
    )
    return f"{element.replace('<svg ', head, 1)}\n"


def plain(text: str, longest: int = 60) -> str:
    """Make a name from the data fit for a label: one line, no control characters, not too long.

    Parameters
    ----------
    text : str
        Any text.
    longest : int
        How many characters may stay.

    Returns
    -------
    str
    """
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(printable.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _inline(svg: str, name: str, label: str) -> str:
    root = ElementTree.fromstring(svg)
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        element.text = (element.text or "").strip() if element.tag != "text" else element.text
        element.tail = None
        _tidy(element)
    _drop_styles(root)
    _rename(root, name)
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": label}
    return ElementTree.tostring(root, encoding="unicode")


def _drop_styles(root: ElementTree.Element) -> None:
    # A style element inside the body would apply to the whole page; the page's own CSS has it.
    for parent in root.iter():
        for child in [child for child in parent if child.tag in {"style", "metadata"}]:
            parent.remove(child)


def _tidy(element: ElementTree.Element) -> None:
    attributes = element.attrib
    if _LINK in attributes:
        attributes["href"] = attributes.pop(_LINK)
    if "rotate(-0 " in attributes.get("transform", ""):
        del attributes["transform"]
    for key in ("d", "x", "y", "transform", "points"):
        if key in attributes:
            short = _NUMBER.sub(lambda match: f"{float(match[0]):.2f}", attributes[key])
            attributes[key] = " ".join(short.split())
    if "style" in attributes:
        attributes["style"] = _page_style(attributes["style"])


def _page_style(style: str) -> str:
    kept = [part.strip() for part in style.split(";") if "font-family" not in part]
    text = ";".join(part for part in kept if part)
    for colour, variable in CSS_COLOURS.items():
        text = text.replace(colour, variable)
    return text


def _rename(root: ElementTree.Element, name: str) -> None:
    # Identifiers must be unique in the page, and most that matplotlib writes are used by nobody.
    used: set[str] = set()
    for element in root.iter():
        for key in ("href", "clip-path"):
            used.update(_REFERENCE.findall(element.attrib.get(key, "")))
    for element in root.iter():
        if element.attrib.get("id") in used:
            element.attrib["id"] = f"{name}-{element.attrib['id']}"
        else:
            element.attrib.pop("id", None)
        for key in ("href", "clip-path"):
            if key in element.attrib:
                element.attrib[key] = _REFERENCE.sub(rf"#{name}-\1", element.attrib[key])
