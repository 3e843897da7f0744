"""The page itself: the sections put into the template."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from leadcast.features.base.files import written_whole
from leadcast.models.charts.chart import NARROW, WIDE, Chart
from leadcast.models.charts.glossary import OF_A_REPORT, terms
from leadcast.models.charts.numbers import NBSP, duration, sentence
from leadcast.models.charts.svg import svg_file
from leadcast.models.report.blocks import Banner, Figure, Picture, Section
from leadcast.models.report.inputs import ReportInputs
from leadcast.models.report.sections import sections
from leadcast.models.report.summary import banner, sentences, tiles

_HERE = Path(__file__).parent
_PERCENT = re.compile(r"(?<=\d) %")


@dataclass(frozen=True)
class Page:
    """What stands on a page, but for its style.

    Parameters
    ----------
    eyebrow, title, promise : str
        What kind of page it is, what it is about, and what it answers.
    sentences : sequence of str
        The summary; Markup stands as it is, other text is escaped.
    tiles : sequence of Figure
        Figures that stand out.
    notes : sequence of str
        What the reader should beware of.
    sections : sequence of Section
        In order; those without blocks are left out.
    homepage, licence : str or None
        Where the data are described, and under which terms they stand.
    banner : Banner or None
        The first line of the summary.
    glossary : sequence of (str, str)
        Terms with what they mean, folded away at the end; shown where sections are folded.
    """

    eyebrow: str
    title: str
    promise: str
    sentences: Sequence[str]
    tiles: Sequence[Figure] = ()
    notes: Sequence[str] = ()
    sections: Sequence[Section] = ()
    homepage: str | None = None
    licence: str | None = None
    banner: Banner | None = None
    glossary: Sequence[tuple[str, str]] = ()


def render_page(page: Page) -> str:
    """Make one HTML page that needs nothing but itself.

    Parameters
    ----------
    page : Page
        The same page gives the same bytes.

    Returns
    -------
    str
        Every text from the data is escaped in it; it loads nothing and runs nothing.
    """
    content = {field.name: getattr(page, field.name) for field in fields(page)}
    content["homepage"] = _web_address(page.homepage)
    content["sections"] = [section for section in page.sections if section.blocks]
    return _environment().get_template("page.html").render(content)


def render_report(inputs: ReportInputs) -> str:
    """Make the report.

    Parameters
    ----------
    inputs : ReportInputs
        What to show. The same inputs give the same bytes.

    Returns
    -------
    str
        The page; see `render_page`.
    """
    return render_page(_report_page(inputs))


def write_report(inputs: ReportInputs, path: Path, pictures: Path | None = None) -> None:
    """Make the report and write it, whole or not at all.

    Parameters
    ----------
    inputs : ReportInputs
        What to show.
    path : Path
        The HTML file to write.
    pictures : Path, optional
        A folder to write the pictures to as well, each as a file of its own, all or none:
        ``reliability.svg`` and so on, by the charts' names.
    """
    page = _report_page(inputs)
    text = render_page(page)
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    if pictures is not None:
        with written_whole(pictures, "plots") as temporary:
            temporary.mkdir()
            for chart in _charts(page):
                picture = svg_file(chart.svg(WIDE), WIDE.width_px, chart.height_px(WIDE))
                (temporary / f"{chart.name}.svg").write_text(picture, encoding="utf-8")


def _report_page(inputs: ReportInputs) -> Page:
    return Page(
        eyebrow="Leadcast report",
        title=inputs.source.title,
        promise=_promise(inputs.run.horizon_days),
        banner=banner(inputs),
        sentences=sentences(inputs),
        tiles=tiles(inputs),
        notes=inputs.notes,
        sections=sections(inputs),
        homepage=inputs.source.homepage,
        licence=inputs.source.licence,
        glossary=terms(OF_A_REPORT),
    )


def _charts(page: Page) -> list[Chart]:
    blocks = (block for section in page.sections for block in section.blocks)
    return [block.chart for block in blocks if isinstance(block, Picture)]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_unbroken,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["style"] = Markup(_style())
    environment.globals["pictures"] = _pictures
    environment.globals["zip"] = zip
    environment.filters["sentence"] = sentence
    environment.filters["coded"] = _coded
    return environment


def _coded(text: str) -> Markup:
    """Show what stands between backticks as what is to be typed."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # escaped above


def _unbroken(value: object) -> object:
    # A line never ends between a number and its per cent sign.
    return _PERCENT.sub(f"{NBSP}%", value) if type(value) is str else value


def _style() -> str:
    return (_HERE / "report.css").read_text(encoding="utf-8")


def _pictures(chart: Chart) -> list[tuple[str, Markup]]:
    # The labels in the picture are escaped by the XML writer, so it may stand as it is.
    return [(size.name, Markup(chart.svg(size))) for size in (WIDE, NARROW)]


def _web_address(homepage: str | None) -> str | None:
    # Any other scheme than these could run a script when it is clicked.
    return homepage if homepage and re.match(r"https?://", homepage) else None


def _promise(horizon_days: float | None) -> str:
    until = "" if horizon_days is None else f" within {duration(horizon_days)}"
    return f"The probability that a lead becomes a customer{until}."
