"""The files of the page: its templates, and its static files with their fingerprints.

What all views have in common: the frame with the navigation.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from leadcast.models.charts.glossary import OF_A_COMPARISON, terms

if TYPE_CHECKING:
    from fastapi import APIRouter
    from fastapi.responses import HTMLResponse

    from leadcast.serve.http.service import Service

STATIC, TEMPLATES = (Path(__file__).parent / name for name in ("static", "templates"))
STYLES = ("uplot.css", "page.css")
SCRIPTS = (
    *("page.js", "uplot.js", "datatables.js", "pieces.js"),
    *("charts.js", "lists.js", "calls.js", "sections.js", "swap.js", "overview.js"),
)
"""Of the overview, in the order in which they need each other."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class Asset:
    """A static file."""

    content: bytes
    media_type: str
    etag: str
    """Changes with the content."""


@cache
def assets() -> dict[str, Asset]:
    """Read all static files."""
    return {path.name: _read(path) for path in STATIC.iterdir() if path.suffix in _TYPES}


def environment() -> Environment:
    """Make the environment of the templates, which escapes every text."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["glossary"] = terms(OF_A_COMPARISON)
    return made


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, _TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:20]}"')


def always(run: Path | None) -> bool:
    """Say that a view stands in every navigation."""
    del run
    return True


@dataclass(frozen=True)
class View:
    """A view in the navigation."""

    name: str
    """As the navigation has it."""
    address: str
    """Where it is."""
    make_router: "Callable[[Service, Shell], APIRouter]"
    """Makes its addresses of the service and the shell."""
    has_content: "Callable[[Path | None], bool]" = always
    """Whether a run's folder has anything to show there; else the navigation leaves it out."""


class Shell:
    """The frame of every view."""

    def __init__(self, views: tuple[View, ...], source: str, run: Path | None = None) -> None:
        self._views, self._source, self._run = views, source, run
        self._environment = environment()

    def page(self, template: str, address: str, **content: Any) -> "HTMLResponse":  # noqa: ANN401
        """Give a view's page."""
        # The stages that write a page into a file need no server.
        from fastapi.responses import HTMLResponse

        views = [one for one in self._views if one.address == address or one.has_content(self._run)]
        frame = {"views": views, "address": address, "source": self._source}
        return HTMLResponse(self._environment.get_template(template).render(frame | content))
