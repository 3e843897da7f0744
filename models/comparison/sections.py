"""The sections of the comparison's page, each from its part of the result."""

from collections.abc import Sequence

import polars as pl

from models.comparison.charts import CapacityChart, ProfitChart
from models.comparison.charts_groups import AgreementChart, PointsChart
from models.comparison.charts_segments import SegmentChart
from models.comparison.parts import Measured
from models.comparison.result import Comparison
from models.comparison.result_groups import SwapLead
from models.report.blocks import (
    Block,
    Facts,
    Folded,
    Listing,
    Notice,
    Notices,
    Picture,
    Section,
    Words,
)
from models.report.numbers import compact, count, decimal, duration, percent
from models.report.table import Column, table_of

SHOWN_LEADS = 12
"""So many leads a side stand open in the table of the swap set."""


def sections(found: Comparison) -> list[Section]:
    """Put the page together.

    Parameters
    ----------
    found : Comparison

    Returns
    -------
    list of Section
    """
    return [
        Section("capacity", "How many customers each list reaches", "Capacity", _capacity(found)),
        Section("swap", "What changes on Monday", "Swap set", _swap(found)),
        Section("points", "What the points mean", "Points", _points(found)),
        Section("segments", "For whom which is better", "Segments", _segments(found)),
        Section("value", "What it is worth", "Value", _value(found)),
        Section("unseen", "What this comparison cannot see", "Limits", _unseen(found)),
        Section("hybrid", "Both together", "Hybrid", _hybrid(found)),
        Section("how", "How it was compared", "Method", _how(found)),
    ]


def _capacity(found: Comparison) -> list[Block]:
    weeks = pl.DataFrame([week.to_json() for week in found.weeks], infer_schema_length=None)
    columns = (
        Column("week", found.about.week.capitalize()),
        Column("leads", "Leads", count),
        Column("customers", "Customers", count),
        Column("calls", "Calls", compact),
        Column("learned", "Learned score reaches", decimal(1)),
        Column("points", "Points reach", decimal(1)),
    )
    return [
        Picture(CapacityChart(found.capacities, found.about.calls_per_week, found.about.week)),
        Folded("Each week", table_of(weeks, columns, "What both lists reach in each week")),
    ]


def _swap(found: Comparison) -> list[Block]:
    swap = found.swap
    sides = (
        ("Called by both", swap.both),
        ("Only by the learned score", swap.only_learned),
        ("Only by the points", swap.only_points),
        ("By neither", swap.neither),
    )
    frame = pl.DataFrame(
        [
            {
                "who": name,
                "leads": side.leads,
                "customers": side.customers,
                "rate": side.conversion.value,
                "interval": _ends(side.conversion),
                "probability": side.probability,
                "points": side.points,
                "amount": side.amount,
            }
            for name, side in sides
        ],
        infer_schema_length=None,
    )
    if frame["amount"].count() == 0:
        frame = frame.drop("amount")
    blocks: list[Block] = [
        Words(swap.words),
        Listing(table_of(frame, _SIDES, "Leads by who calls them")),
    ]
    for only, title in (("learned", "Would be called"), ("points", "Would no longer be called")):
        leads = [lead for lead in swap.leads if lead.only == only]
        if leads:
            shown = _leads(leads[:SHOWN_LEADS])
            blocks.append(
                Folded(
                    f"{title}: the first {shown.height}",
                    table_of(shown, _LEADS, title, total=len(leads)),
                )
            )
    return blocks


_SIDES = (
    Column("who", "Leads"),
    Column("leads", "How many", decimal(0)),
    Column("customers", "Customers", decimal(0)),
    Column("rate", "Became customers", percent),
    Column("interval", "95 %"),
    Column("probability", "Mean probability", percent),
    Column("points", "Mean points", decimal(0)),
    Column("amount", "Amounts", count),
)
_LEADS = (
    Column("lead", "Lead"),
    Column("week", "Week"),
    Column("probability", "Probability", percent),
    Column("points", "Points", compact),
    Column("converted", "Customer"),
    Column("reasons", "Reasons of the learned score"),
    Column("ledger", "Rules that gave the points"),
)


def _leads(leads: Sequence[SwapLead]) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "lead": [lead.lead_id for lead in leads],
            "week": [lead.week for lead in leads],
            "probability": [lead.probability for lead in leads],
            "points": [lead.points for lead in leads],
            "converted": ["yes" if lead.converted else "no" for lead in leads],
            "reasons": ["; ".join(lead.reasons) for lead in leads],
            "ledger": ["; ".join(lead.ledger) for lead in leads],
        }
    )
    empty = [name for name in ("reasons", "ledger") if not any(frame[name].to_list())]
    return frame.drop(empty)


def _points(found: Comparison) -> list[Block]:
    bands = found.bands
    blocks: list[Block] = [Picture(PointsChart(bands))]
    shown = [pair for pair in bands.out_of_order if pair.shows]
    if shown:
        notices = [
            Notice(
                "warning",
                f"{pair.higher} convert less than {pair.lower}",
                "More than chance explains, after Holm's adjustment for every pair of neighbours.",
                "See which rules lift these leads.",
            )
            for pair in shown
        ]
        blocks.append(Notices(notices))
    return [*blocks, Picture(AgreementChart(bands))]


def _segments(found: Comparison) -> list[Block]:
    segmented = found.segments
    if not segmented.segments:
        return [Words(segmented.words)]
    return [Picture(SegmentChart(segmented.segments, segmented.words)), Words([segmented.method])]


def _value(found: Comparison) -> list[Block]:
    value = found.value
    frame = pl.DataFrame(
        [
            {"list": name, **worth.to_json()}
            for name, worth in (("Learned score", value.learned), ("Points", value.points))
        ],
        infer_schema_length=None,
    )
    known = frame.select(column for column in frame if column.count())
    blocks: list[Block] = [
        Words(value.words),
        Listing(table_of(known, _WORTHS, "What both are worth")),
    ]
    if value.learned.profit is not None:
        chart = ProfitChart(found.capacities, found.about.calls_per_week, found.about.week)
        blocks.append(Picture(chart))
    return blocks


_WORTHS = (
    Column("list", "List"),
    Column("calls", "Calls", count),
    Column("customers", "Customers reached", decimal(1)),
    Column("expected_customers", "Expected by the learned score", decimal(1)),
    Column("revenue", "Revenue", count),
    Column("cost", "Cost of calls", count),
    Column("cost_per_customer", "Cost a customer", count),
    Column("profit", "Value minus cost", count),
)


def _unseen(found: Comparison) -> list[Block]:
    return [Words([*found.selection.words, *found.missing.words])]


def _hybrid(found: Comparison) -> list[Block]:
    words = list(found.hybrids.words)
    words += [f"How: {one.words}" for one in found.hybrids.hybrids]
    if found.hybrids.hybrids and not any(one.helps for one in found.hybrids.hybrids):
        words.append(
            "No hybrid is known to rank better than both of its parts: it is not worth it."
        )
    return [Words(words)]


def _how(found: Comparison) -> list[Block]:
    about = found.about
    age = about.call_landmark_days
    pairs = (
        ("Points from", about.points_from),
        (
            "Capacity",
            f"{compact(about.calls_per_week)} calls a {about.week} ({about.capacity_from})",
        ),
        (
            "A lead stands on the list",
            "once" if age is None else f"once, at the age of {duration(age)}",
        ),
        ("Points known from the age of", duration(about.points_after_days)),
        ("Test snapshots", count(about.test_snapshots)),
        (
            "Compared",
            f"{count(found.ranking.snapshots)} snapshots, {count(found.ranking.leads)} leads",
        ),
        ("From", about.first_as_of),
        ("To", about.last_as_of),
        ("Bootstrap", f"{count(about.replicates)} draws of leads, seed {about.seed}"),
    )
    words = (
        "Leads are ranked within the week in which they reach that age, as sales works; leads that "
        "are tied at the cut are called in proportion. AUCs have DeLong's intervals for correlated "
        "curves, clustered on leads (or accounts); everything else has intervals of a paired "
        "bootstrap that draws leads. Where only a part of a week's leads is compared, it "
        "has the same part of the calls."
    )
    return [Words([words]), Facts([(name, str(value)) for name, value in pairs if value])]


def _ends(measured: Measured) -> str:
    if measured.low is None or measured.high is None:
        return ""
    return f"{percent(measured.low)} to {percent(measured.high)}"
