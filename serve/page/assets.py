"""The files of the page: its templates, and its static files with their fingerprints."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

STATIC, TEMPLATES = (Path(__file__).parent / name for name in ("static", "templates"))
STYLES = ("uplot.css", "page.css")
SCRIPTS = (
    *("page.js", "uplot.js", "datatables.js", "pieces.js"),
    *("charts.js", "lists.js", "sections.js", "swap.js", "overview.js"),
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
    """A static file.

    Parameters
    ----------
    content : bytes
    media_type : str
    etag : str
        Changes with the content.
    """

    content: bytes
    media_type: str
    etag: str


@cache
def assets() -> dict[str, Asset]:
    """Read all static files.

    Returns
    -------
    dict of str to Asset
        By name.
    """
    return {path.name: _read(path) for path in STATIC.iterdir() if path.suffix in _TYPES}


def environment() -> Environment:
    """Make the environment of the templates, which escapes every text.

    Returns
    -------
    Environment
    """
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, _TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:20]}"')
