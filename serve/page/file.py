"""What the overview shows, as JSON, and the overview as one self-contained file of it."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from leadcast.features.base.files import read_json
from leadcast.models.calibration.readiness import readiness
from leadcast.models.calibration.verdict import ModelVerdict
from leadcast.models.comparison.comparison_store import NOTHING, RESULT, read_comparison
from leadcast.models.comparison.result import Comparison
from leadcast.serve.batch.deliver import FORMULA, PLAIN_NUMBER
from leadcast.serve.page.assets import SCRIPTS, STYLES, assets, environment

_KNOWN = (
    *("lead_id", "as_of", "week", "converted", "amount", "probability", "lower", "upper", "grade"),
    *("points", "rank_learned", "rank_points", "on_list", "landmark_days", "worked"),
    "random_slice",
)
NOT_JUDGED: Mapping[str, Any] = {"verdict": None, "readiness": None}
"""What `verdict_content` gives where nobody judged."""
_DIGITS = 6
_AT_ONCE = 5_000
"""So many values of a list are written before others may work."""


def comparison_content(folder: Path) -> dict[str, Any]:
    """Give a comparison, or the reason why there is none."""
    content = read_json(folder / RESULT)
    if isinstance(content, dict) and NOTHING in content:
        return content
    return read_comparison(folder).to_json()


def leads_content(leads: pl.DataFrame) -> dict[str, Any]:
    """Pack the leads on the call list by columns, as `static/lists.js` reads them."""
    listed = leads.filter(pl.col("on_list")).drop("on_list")
    segments = [name for name in listed.columns if name not in _KNOWN]
    return {
        "count": listed.height,
        "columns": {series.name: packed_column(series) for series in listed},
        "segments": [name for name in segments if name not in ("landmark", "month", "block")],
        "csv": {"formula": FORMULA, "plain_number": PLAIN_NUMBER},
    }


def verdict_content(
    verdict: ModelVerdict | None, metrics: Mapping[str, Any], leaks: Sequence[str] = ()
) -> dict[str, Any]:
    """Give what the model's scores may be used for, as `static/page.js` reads it.

    Parameters
    ----------
    verdict : ModelVerdict or None
        None where nobody judged.
    metrics : mapping
        As ``metrics.json`` and a bundle have them.
    leaks : sequence of str
        What the leakage gate found, in words.

    Returns
    -------
    dict
        ``verdict`` as it is, and ``readiness``: the answer with its reasons.
    """
    if verdict is None:
        return dict(NOT_JUDGED)
    ready = readiness(verdict, metrics, leaks)
    return {"verdict": verdict.model_dump(mode="json"), "readiness": ready.to_json()}


def as_json(content: dict[str, Any]) -> bytes:
    """Write JSON that can stand within a page's script element as well."""
    return b"".join(part.replace("<", "\\u003c").encode() for part in _parts(content))


def _parts(value: object) -> Iterator[str]:
    """Write JSON in parts: the encoder lets no other thread work before its text is whole."""
    if isinstance(value, dict):
        for number, (name, one) in enumerate(value.items()):
            yield f"{',' if number else '{'}{_written(name)}:"
            yield from _parts(one)
        yield "}" if value else "{}"
    elif isinstance(value, list) and len(value) > _AT_ONCE:
        for first in range(0, len(value), _AT_ONCE):
            yield ("," if first else "[") + _written(value[first : first + _AT_ONCE])[1:-1]
        yield "]"
    else:
        yield _written(value)


_written = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def packed_column(series: pl.Series) -> list[Any] | dict[str, list[Any]]:
    """Pack a column for a script: texts as places in their levels, times in seconds since 1970."""
    if series.name == "lead_id":
        return series.to_list()
    if isinstance(series.dtype, pl.Datetime):
        return series.dt.epoch("s").to_list()
    if series.dtype == pl.String:
        levels = series.unique().drop_nulls().sort()
        codes = series.replace_strict(levels, pl.int_range(len(levels), eager=True), default=-1)
        return {"levels": levels.to_list(), "codes": codes.to_list()}
    if series.dtype == pl.Boolean:
        return series.cast(pl.Int8).to_list()
    return series.cast(pl.Float64).round_sig_figs(_DIGITS).to_list()


@dataclass(frozen=True)
class Inlined:
    """A style or script within the page."""

    content: Markup
    digest: str
    """As a content security policy names it."""


def render_comparison(
    found: Comparison,
    leads: pl.DataFrame,
    title: str,
    verdict: Mapping[str, Any] = NOT_JUDGED,
) -> str:
    """Make the page of a comparison.

    Parameters
    ----------
    found : Comparison
    leads : pl.DataFrame
        As `leadcast.models.comparison.comparison_store.lead_frame` makes it.
    title : str
        The source's name for people.
    verdict : mapping
        What the learned score may be used for, as `verdict_content` gives it: a card of its own,
        and the page's first line where it is a warning.

    Returns
    -------
    str
        One HTML page that loads nothing and runs nothing but its own scripts, which its policy
        names by their digests; texts from the data are escaped.
    """
    content = {"comparison": found.to_json(), "leads": leads_content(leads)}
    return _render(title, found.headline.words, content | {"verdict": dict(verdict)})


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
    content = {"comparison": {NOTHING: reason}, "verdict": dict(NOT_JUDGED)}
    return _render(title, reason, content)


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
