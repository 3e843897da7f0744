"""What the overview shows, as JSON: the comparison and the leads on its call list."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from leadcast.features.base.files import read_json
from leadcast.models.comparison.comparison_store import NOTHING, RESULT, read_comparison
from leadcast.serve.batch.deliver import FORMULA, PLAIN_NUMBER

_KNOWN = (
    *("lead_id", "as_of", "week", "converted", "amount", "probability", "lower", "upper", "grade"),
    *("points", "rank_learned", "rank_points", "on_list", "landmark_days", "worked"),
    "random_slice",
)
_DIGITS = 6


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
        "columns": {series.name: _packed(series) for series in listed},
        "segments": [name for name in segments if name not in ("landmark", "month", "block")],
        "csv": {"formula": FORMULA, "plain_number": PLAIN_NUMBER},
    }


def as_json(content: dict[str, Any]) -> bytes:
    """Write JSON that can stand within a page's script element as well."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").encode()


def _packed(series: pl.Series) -> list[Any] | dict[str, list[Any]]:
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
