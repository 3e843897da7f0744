"""Which events are not people's, and what it changes that they are left out."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from leadcast.features.nonhuman.telling import SIGN_WORDS
from leadcast.models.charts.chart import Column, table_of
from leadcast.models.charts.numbers import count, counted, decimal, percent
from leadcast.models.report.blocks import Block, Folded, Listing, Words

_ROLES = {
    "deliveries": "Deliveries of e-mails",
    "opens": "Opens of e-mails",
    "clicks": "Links followed",
    "visits": "Pages viewed",
    "other": "All others",
}


def nonhuman_blocks(change: Mapping[str, Any] | None) -> list[Block]:
    """Show which events are not people's, and what that changes.

    Parameters
    ----------
    change : mapping or None
        ``found`` (as `leadcast.features.nonhuman.telling.describe_nonhuman` gives it), ``points``
        and ``model`` (as `leadcast.pipelines.base.nonhuman_change.nonhuman_change` gives them).

    Returns
    -------
    list of Block
        Empty where the source was not asked for such events.
    """
    if not change:
        return []
    found = change["found"]
    share = found["nonhuman"] / max(found["events"], 1)
    what = "left out of features, rules and points" if found["dropped"] else "kept"
    words = (
        f"{count(found['nonhuman'])} of {counted(found['events'], 'event')} ({percent(share)}) "
        f"are, with a probability of at least {found['threshold']:g}, not what people did, and are "
        f"{what}. {counted(found['leads'], 'lead')} had such events, "
        f"{count(found['leads_without_events'])} of them no others."
    )
    return [
        Words([words]),
        Listing(table_of(_shares(found["roles"], "role", _ROLES), _BY_ROLE, "By kind of event")),
        *_points(change["points"]),
        *_model(change["model"]),
        Folded(
            "By sign", table_of(_shares(found["signs"], "sign", SIGN_WORDS), _BY_SIGN, "By sign")
        ),
        *_domains(found),
    ]


def _shares(rows: Any, name: str, words: Mapping[str, str]) -> pl.DataFrame:  # noqa: ANN401
    seen = [row for row in rows if row["events"]]
    return pl.DataFrame(
        {
            name: [words[row[name]] for row in seen],
            "events": [row["events"] for row in seen],
            "nonhuman": [row["nonhuman"] for row in seen],
            "share": [row["nonhuman"] / row["events"] for row in seen],
        },
        schema={name: pl.String, "events": pl.Int64, "nonhuman": pl.Int64, "share": pl.Float64},
    )


_COUNTS = (
    Column("events", "Events", count),
    Column("nonhuman", "Not people's", count),
    Column("share", "Share", percent),
)
_BY_ROLE = (Column("role", "Kind"), *_COUNTS)
_BY_SIGN = (Column("sign", "Sign"), *_COUNTS)
_BY_THRESHOLD = (
    Column("threshold", "Line"),
    Column("with_machines", "Above it with machines' events", count),
    Column("without", "Above it without", count),
    Column("no_more", "Above it only by machines", count),
)
_BY_MODEL = (
    Column("model", "The same recipe, fitted"),
    Column("auc", "AUC", decimal(4)),
    Column("log_loss", "Log loss", decimal(5)),
)
_BY_DOMAIN = (
    Column("domain", "Domain"),
    Column("leads", "Leads", count),
    Column("events", "Events", count),
    Column("nonhuman", "Not people's", count),
)


def _points(points: Any) -> list[Block]:  # noqa: ANN401 - JSON values
    if not points:
        return []
    frame = pl.DataFrame(points)
    words = (
        f"Of the test's {counted(frame['snapshots'][0], 'snapshot')}, so many reach a line of the "
        "points table:"
    )
    title = "Points with and without machines' events"
    return [Words([words]), Listing(table_of(frame, _BY_THRESHOLD, title))]


def _model(model: Mapping[str, Any] | None) -> list[Block]:
    if model is None:
        return []
    rows = [
        {"model": "with machines' events"} | model["with_machines"],
        {"model": "without"} | model["without"],
    ]
    mean, low, high = model["gain"]
    words = (
        f"Fitted without machines' events, the tested recipe has a log loss on the test's "
        f"{counted(model['snapshots'], 'snapshot')} that is {_signed(mean)} (95 % interval: from "
        f"{_signed(low)} to {_signed(high)})."
    )
    title = "The model: how well it sets the test's leads apart, each at the level that came"
    return [Words([words]), Listing(table_of(pl.DataFrame(rows), _BY_MODEL, title))]


def _signed(gain: float) -> str:
    return f"{abs(gain):.5f} nats {'lower' if gain >= 0 else 'higher'}"


def _domains(found: Mapping[str, Any]) -> list[Block]:
    if not found["domains"]:
        return []
    frame = pl.DataFrame(found["domains"])
    title = "Companies with most of them"
    return [Folded(title, table_of(frame, _BY_DOMAIN, title, total=found["n_domains"]))]
