"""The overview as one self-contained file: the same content, styles and scripts, all inlined."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import polars as pl
from markupsafe import Markup

from leadcast.models.comparison.comparison_store import NOTHING
from leadcast.models.comparison.result import Comparison
from leadcast.serve.page.assets import SCRIPTS, STYLES, assets, environment
from leadcast.serve.page.content import as_json, leads_content


@dataclass(frozen=True)
class Inlined:
    """A style or script within the page."""

    content: Markup
    digest: str
    """As a content security policy names it."""


def render_comparison(found: Comparison, leads: pl.DataFrame, title: str) -> str:
    """Make the page of a comparison.

    Parameters
    ----------
    found : Comparison
    leads : pl.DataFrame
        As `leadcast.models.comparison.comparison_store.lead_frame` makes it.
    title : str
        The source's name for people.

    Returns
    -------
    str
        One HTML page that loads nothing and runs nothing but its own scripts, which its policy
        names by their digests; texts from the data are escaped.
    """
    content = {"comparison": found.to_json(), "leads": leads_content(leads)}
    return _render(title, found.headline.words, content)


def render_nothing(title: str, reason: str) -> str:
    """Make the page of a source that has no points.

    Parameters
    ----------
    title : str
        The source's name for people.
    reason : str
        Why there is nothing to compare, and what to do.

    Returns
    -------
    str
    """
    return _render(title, reason, {"comparison": {NOTHING: reason}})


def _render(title: str, headline: str, content: dict[str, dict[str, Any]]) -> str:
    held = {name: Markup(as_json(part).decode()) for name, part in content.items()}
    return (
        environment()
        .get_template("file.html")
        .render(
            title=title,
            headline=headline,
            icon=base64.b64encode(assets()["icon.svg"].content).decode(),
            styles=[_inlined(name) for name in STYLES],
            scripts=[_inlined(name) for name in SCRIPTS],
            content=held,
        )
    )


def _inlined(name: str) -> Inlined:
    text = assets()[name].content.decode()
    # Between its tags stands the text with the line break that the template puts before it.
    digest = hashlib.sha256(f"\n{text}".encode()).digest()
    return Inlined(Markup(text), f"'sha256-{base64.b64encode(digest).decode()}'")
