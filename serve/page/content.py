"""What the overview shows, as JSON: the comparison and the leads on its call list."""

import json
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import polars as pl

from features.errors import LeadcastError
from features.files import read_json
from models.comparison.store import LEADS, NOTHING, RESULT, read_comparison
from serve.batch_output import FORMULA, PLAIN_NUMBER
from serve.http.problems import Problem

COMPARISON = "comparison"
"""The comparison's folder within a run's."""
_KNOWN = (
    *("lead_id", "as_of", "week", "converted", "amount", "probability", "lower", "upper", "grade"),
    *("points", "rank_learned", "rank_points", "on_list", "landmark_days", "worked"),
    "random_slice",
)
_DIGITS = 6


class Held:
    """The content of a run's comparison, packed once and again when its files change.

    Parameters
    ----------
    run : Path or None
        The run's folder.
    """

    def __init__(self, run: Path | None) -> None:
        self._folder = None if run is None else run / COMPARISON
        self._packed: dict[str, tuple[object, bytes]] = {}
        self._lock = Lock()

    def comparison(self) -> bytes:
        """Give the comparison as `comparison_content` makes it.

        Raises
        ------
        Problem
            404 where there is none; tells how to make one.
        """
        return self._get(RESULT, comparison_content)

    def leads(self) -> bytes:
        """Give the leads as `leads_content` makes them.

        Raises
        ------
        Problem
            404 where there are none; tells how to make them.
        """
        return self._get(LEADS, lambda folder: leads_content(pl.read_parquet(folder / LEADS)))

    def _get(self, name: str, make: Callable[[Path], dict[str, Any]]) -> bytes:
        if self._folder is None or not (self._folder / name).is_file():
            raise Problem("not-found", 404, _how_to_make(self._folder))
        stat = (self._folder / name).stat()
        stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        with self._lock:
            if self._packed.get(name, (None, b""))[0] != stamp:
                try:
                    self._packed[name] = (stamp, as_json(make(self._folder)))
                except LeadcastError as error:
                    raise Problem("no-comparison", 404, str(error)) from None
            return self._packed[name][1]


def comparison_content(folder: Path) -> dict[str, Any]:
    """Give a comparison, or the reason why there is none.

    Parameters
    ----------
    folder : Path
        With comparison.json.

    Returns
    -------
    dict
        The content of comparison.json as docs/comparison.md tells it.

    Raises
    ------
    LeadcastError
        If it is not as written.
    """
    content = read_json(folder / RESULT)
    if isinstance(content, dict) and NOTHING in content:
        return content
    return read_comparison(folder).to_json()


def leads_content(leads: pl.DataFrame) -> dict[str, Any]:
    """Pack the leads on the call list by columns, as `static/lists.js` reads them.

    Parameters
    ----------
    leads : pl.DataFrame
        As leads.parquet holds them.

    Returns
    -------
    dict
        `columns` by name: numbers as lists; times in seconds since 1970; texts as ``levels`` and
        ``codes``; `segments`, the names of the columns to tell leads by; `csv`, how to recognise
        what a spreadsheet would take for a formula.
    """
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


def _how_to_make(folder: Path | None) -> str:
    where = "The service does not know the run's folder" if folder is None else "There is none yet"
    return (
        f"{where}. Make a comparison with: leadcast compare SOURCE, and serve that run's bundle: "
        "leadcast serve --bundle data/runs/SOURCE/bundle (or name the run's folder by --run)."
    )
