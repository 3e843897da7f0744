"""The page of ``leadcast sellers``."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from leadcast.models.charts.chart import Column, table_of
from leadcast.models.charts.numbers import MISSING, count, decimal, percent
from leadcast.models.charts.sellers_chart import (
    JUNK_COLUMNS,
    RESALE_COLUMNS,
    CampaignsChart,
    SellersChart,
    SourcesChart,
)
from leadcast.models.report.blocks import Banner, Block, Folded, Listing, Picture, Section, Words
from leadcast.models.report.page import Page, render_page

CHARTS = {"vendor": SellersChart, "source": SourcesChart, "campaign": CampaignsChart}
_HEADINGS = {"vendor": "Vendors", "source": "Sources", "campaign": "Campaigns"}
_WHOLE = decimal(0)
_DELIVERED: Sequence[Column] = (
    Column("seller", "Seller"),
    Column("leads", "Leads", count),
    Column("valid", "Valid contact", percent),
    Column("reachable", "Reachable", percent),
    Column("duplicate", "Duplicate", percent),
    Column("resold", "Resold", percent),
    Column("junk", "Junk", percent),
)
_COSTS: Sequence[Column] = (
    Column("seller", "Seller"),
    Column("cost_per_lead", "Cost of a lead", decimal(2)),
    Column("cost_per_customer", "Cost of a customer", _WHOLE),
    Column("cost_low", "95 % from", _WHOLE),
    Column("cost_high", "to", _WHOLE),
)
_RANKS: Sequence[Column] = (
    Column("seller", "Seller"),
    Column("rank_low", "Rank from", count),
    Column("rank_high", "to", count),
    Column("best", "Best", percent),
    Column("worst", "Worst", percent),
    Column("earlier", "Ratio, older half", decimal(2)),
    Column("later", "newer half", decimal(2)),
    Column("trend", "Trend"),
    Column("verdict", "Verdict"),
)
_MOST = 40


def sellers_page(facts: Mapping[str, Any]) -> str:
    """Make the page.

    Parameters
    ----------
    facts : mapping
        As ``sellers.json`` holds them.

    Returns
    -------
    str
        HTML that needs nothing but itself.
    """
    horizon = "" if facts["horizon_days"] is None else f" within {facts['horizon_days']:g} days"
    page = Page(
        eyebrow="Leadcast sellers",
        title=facts["title"],
        promise="What are the leads worth that each vendor, source and campaign brings?",
        sentences=[
            f"{facts['leads']:,} leads; of {facts['known']:,} it is known whether they became "
            f"customers{horizon}, and {facts['converted']:,.0f} did.",
            "What is expected says a model that sees neither source nor vendor nor campaign, and "
            "that has not learned from the lead itself.",
        ],
        banner=_banner(facts),
        sections=[
            *(_card_section(one) for one in facts["scorecards"]),
            Section("junk", "Leads that nobody asked for", "Junk", _junk(facts)),
            Section("resold", "Leads that had come before", "Resold", _resales(facts)),
        ],
    )
    return render_page(page)


def _banner(facts: Mapping[str, Any]) -> Banner:
    junk = [one["seller"] for one in facts["junk"] if one["found"]]
    resold = [one["seller"] for one in facts["resales"] if one["found"]]
    told = [
        f" {words}: {', '.join(names)}."
        for words, names in (("They deliver junk", junk), ("They resell", resold))
        if names
    ]
    if not told:
        return Banner(
            "Nothing to complain of.", " Nobody is said to deliver junk or to resell.", False
        )
    return Banner("Talk to your vendors.", "".join(told), True)


def _card_section(card: Mapping[str, Any]) -> Section:
    kind, frame = card["attribute"], pl.DataFrame(card["cards"], infer_schema_length=None)
    most = frame.sort("leads", descending=True)["seller"].head(_MOST)
    shown = frame.filter(pl.col("seller").is_in(most.implode()))
    blocks: list[Block] = [Picture(CHARTS[kind](frame))]
    tables = [
        (_DELIVERED, "What was delivered"),
        (_COSTS, "What it cost"),
        (_RANKS, "Ranks, and whether it rises or falls"),
    ]
    for columns, caption in tables:
        if shown.select(column.name for column in columns)[:, 1:].null_count().sum_horizontal()[
            0
        ] < (shown.height * (len(columns) - 1)):
            blocks.append(Listing(table_of(shown, columns, caption, frame.height)))
    return Section(f"by-{kind}", _HEADINGS[kind], _HEADINGS[kind], blocks)


def _junk(facts: Mapping[str, Any]) -> list[Block]:
    if not facts["junk"]:
        return []
    words = (
        "Junk is a form that somebody was paid for, or that a program filled in. It is told by how "
        "quickly forms were filled in, pasted fields, devices and addresses, bursts and nights, "
        "running numbers, contacts, and whether anybody did anything afterwards; not by whether "
        f"leads convert. Looked at here: {', '.join(facts['signals']).replace('_', ' ')}."
    )
    rule = (
        f"Somebody is said to deliver junk where more than {facts['junk_limit']:.0%} of the leads "
        "are likely to be, by hints of more than one kind, and so that of all who are said to do "
        "so one in twenty, at most, is expected not to."
    )
    return [Words([words, rule]), Listing(table_of(junk_rows(facts), JUNK_COLUMNS, "Junk"))]


def junk_rows(facts: Mapping[str, Any]) -> pl.DataFrame:
    """Give the rows of the table of junk."""
    return pl.DataFrame(
        [
            {name: value for name, value in one.items() if name not in ("families", "hints")}
            | {
                "said": "yes" if one["found"] else "no",
                "shows": "; ".join(
                    f"{words}: {mine:.0%}, others {usual:.1%}"
                    for words, mine, usual in one["hints"][:3]
                )
                or MISSING,
            }
            for one in facts["junk"][:_MOST]
        ],
        infer_schema_length=None,
    )


def _resales(facts: Mapping[str, Any]) -> list[Block]:
    if not facts["resales"]:
        return []
    frame = pl.DataFrame(facts["resales"], infer_schema_length=None).with_columns(
        said=pl.when("found").then(pl.lit("yes")).otherwise(pl.lit("no"))
    )
    words = (
        f"The same person had come at most {facts['duplicate_days']:g} days before, from the "
        "vendor itself, from another one, or by itself."
    )
    table = table_of(frame.head(_MOST), RESALE_COLUMNS, "Leads that had come before", frame.height)
    return [Words([words]), Listing(table) if frame["resold"].sum() else Folded("None", table)]
