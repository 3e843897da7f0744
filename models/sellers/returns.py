"""Which leads go back to their vendor, by when, and what speaks for it in the vendor's terms."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from leadcast.features.definitions.vendor_terms import VendorTerms
from leadcast.features.tables import TIME, Tables
from leadcast.features.values.categories import key
from leadcast.features.values.columns import worded
from leadcast.models.sellers.contact_quality import contact_faults, earlier_leads
from leadcast.models.sellers.junk import JunkFound

REASON_WORDS: Mapping[str, str] = {
    "invalid_contact": "invalid contact",
    "duplicate": "duplicate",
    "resold": "resold",
    "out_of_area": "out of area",
    "disconnected": "disconnected",
    "junk": "junk",
}
BETWEEN = "; "
COLUMNS = (
    *("vendor", "lead_id", "created_at", "deadline", "hours_left", "reasons", "evidence", "price"),
    "earlier_lead_id",
)


@dataclass(frozen=True)
class ReturnList:
    """Leads to send back.

    Parameters
    ----------
    frame : pl.DataFrame
        `COLUMNS`, the nearest deadline first: ``created_at`` and ``deadline`` (`TIME`),
        ``hours_left`` (Float64), ``reasons`` and ``evidence`` (String), ``price`` (Float64, null
        where nobody knows it), ``earlier_lead_id`` (String, null where there is none).
    as_of : datetime
        The moment.
    missed : pl.DataFrame
        Likewise of those whose deadline has passed in the days that were asked for.
    in_window : dict of str to int
        By vendor, the leads that could still be sent back.
    unknown : tuple of str
        Vendors of the terms of which there is no lead.
    without_terms : tuple of str
        Vendors of leads without terms.
    """

    frame: pl.DataFrame
    missed: pl.DataFrame
    as_of: datetime
    in_window: dict[str, int]
    unknown: tuple[str, ...]
    without_terms: tuple[str, ...]

    def due(self, hours: float) -> pl.DataFrame:
        """Take those whose deadline is at most so many hours away."""
        return self.frame.filter(pl.col("hours_left") <= hours)


def to_send_back(
    tables: Tables,
    vendors: Mapping[str, VendorTerms],
    as_of: datetime,
    junk: JunkFound | None = None,
    sent: Collection[str] = (),
    missed_days: float = 0.0,
) -> ReturnList:
    """Find the leads that may still be sent back, and for which of the vendor's reasons.

    Parameters
    ----------
    tables : Tables
        Of a dated source with the attribute ``vendor``.
    vendors : mapping of str to VendorTerms
        By the vendor's name, whatever its case.
    as_of : datetime
        The moment, with its zone: what came later is not known, and a lead whose deadline has
        passed is not listed.
    junk : JunkFound, optional
        Of these leads, by what was known then; without it nothing is sent back for ``junk``.
    sent : collection of str
        Ids of leads that were sent back before, and are not listed again.
    missed_days : float
        Of so many days before the leads are listed whose deadline has passed.

    Returns
    -------
    ReturnList
    """
    named = {key(name): name for name in vendors}
    leads = tables.leads.filter(pl.col("created_at") <= as_of)
    vendor = leads["vendor"].map_elements(
        lambda text: named.get(key(text)), return_dtype=pl.String, skip_nulls=True
    )
    days = {name: terms.return_days for name, terms in vendors.items()}
    length = pl.col("terms").replace_strict(days, default=None, return_dtype=pl.Float64)
    within = leads.with_columns(terms=vendor).with_columns(
        deadline=pl.col("created_at")
        + pl.duration(microseconds=(length * 86_400_000_000).cast(pl.Int64))
    )
    unsent = within.filter(~pl.col("lead_id").is_in(list(sent)))
    since = as_of - timedelta(days=missed_days)
    looked_at = unsent.filter(pl.col("deadline") >= since)
    found = pl.concat([_empty(), *_evidence(tables, leads, looked_at, vendors, as_of, junk)])
    listed, in_time = _listed(found, looked_at, vendors, as_of), pl.col("deadline") >= as_of
    open_now = unsent.filter(in_time)
    present = set(vendor.drop_nulls())
    others = leads["vendor"].drop_nulls().unique()
    counts = dict(open_now["terms"].value_counts().iter_rows())
    return ReturnList(
        listed.filter(in_time),
        listed.filter(~in_time),
        as_of,
        {name: counts.get(name, 0) for name in vendors},
        tuple(name for name in vendors if name not in present),
        tuple(sorted(name for name in others if key(name) not in named)),
    )


def _empty() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "lead_id": pl.String,
            "reason": pl.String,
            "words": pl.String,
            "earlier_lead_id": pl.String,
        }
    )


def _listed(
    found: pl.DataFrame, leads: pl.DataFrame, vendors: Mapping[str, VendorTerms], as_of: datetime
) -> pl.DataFrame:
    """Put a lead's reasons into one row."""
    order = {name: place for place, name in enumerate(REASON_WORDS)}
    each = (
        found.with_columns(place=pl.col("reason").replace_strict(order, return_dtype=pl.Int64))
        .sort("lead_id", "place")
        .group_by("lead_id", maintain_order=True)
        .agg(
            reasons=pl.col("reason").replace(REASON_WORDS).str.join(BETWEEN),
            evidence=pl.col("words").unique(maintain_order=True).str.join(BETWEEN),
            earlier_lead_id=pl.col("earlier_lead_id").drop_nulls().first(),
        )
    )
    agreed = {name: terms.price for name, terms in vendors.items() if terms.price is not None}
    paid = leads["cost"] if "cost" in leads.columns else pl.lit(None, pl.Float64)
    price = pl.col("vendor").replace_strict(agreed, default=None, return_dtype=pl.Float64)
    known = leads.select("lead_id", "created_at", "deadline", vendor="terms", cost=paid)
    left = (pl.col("deadline") - pl.lit(as_of).cast(TIME)).dt.total_seconds() / 3600
    return (
        known.join(each, on="lead_id", how="inner")
        .with_columns(price=pl.coalesce(price, "cost"), hours_left=left.round(1))
        .sort("deadline", "vendor", "lead_id")
        .select(COLUMNS)
    )


def _evidence(
    tables: Tables,
    leads: pl.DataFrame,
    open_now: pl.DataFrame,
    vendors: Mapping[str, VendorTerms],
    as_of: datetime,
    junk: JunkFound | None,
) -> Iterator[pl.DataFrame]:
    faults = contact_faults(open_now)
    earlier = earlier_leads(leads)
    sold = earlier_leads(leads, leads["vendor"].is_not_null())
    happened = tables.events.filter(pl.col("occurred_at") <= as_of)
    for name, terms in vendors.items():
        own = open_now.filter(pl.col("terms") == name)
        if own.is_empty():
            continue
        if "invalid_contact" in terms.reasons:
            yield _invalid(own, faults)
        if "duplicate" in terms.reasons:
            near = timedelta(days=terms.duplicate_days)
            yield _again(own, earlier, "duplicate", near)
        if "resold" in terms.reasons:
            yield _again(own, sold, "resold", None)
        if "out_of_area" in terms.reasons:
            yield from (_outside(own, name, ordered) for name, ordered in terms.area.items())
        if "disconnected" in terms.reasons:
            yield _disconnected(own, happened, terms.disconnected_events)
        if "junk" in terms.reasons and junk is not None:
            yield _junk(own, junk, terms.junk_from)


def _told(
    frame: pl.DataFrame, reason: str, words: pl.Expr, earlier: pl.Expr | None = None
) -> pl.DataFrame:
    none = pl.lit(None, pl.String)
    return frame.select(
        "lead_id",
        reason=pl.lit(reason),
        words=words,
        earlier_lead_id=none if earlier is None else earlier,
    )


def _invalid(own: pl.DataFrame, faults: pl.DataFrame) -> pl.DataFrame:
    known = own.select("lead_id", *(_text(own, name) for name in ("email", "phone")))
    wrong = known.join(faults, on="lead_id", how="inner")
    wrong = wrong.filter(pl.any_horizontal(pl.col("email_fault", "phone_fault").is_not_null()))
    words = [
        worded(f"{name} {{}}: {{}}", column, f"{column}_fault")
        for name, column in (("e-mail", "email"), ("telephone", "phone"))
    ]
    return _told(wrong, "invalid_contact", pl.concat_str(words, separator=", ", ignore_nulls=True))


def _text(own: pl.DataFrame, name: str) -> pl.Expr:
    return (
        pl.col(name) if own.schema.get(name) == pl.String else pl.lit(None, pl.String).alias(name)
    )


def _again(
    own: pl.DataFrame, earlier: pl.DataFrame, reason: str, near: timedelta | None
) -> pl.DataFrame:
    same = own.select("lead_id", "created_at").join(earlier, on="lead_id", how="inner")
    since = pl.col("created_at") - pl.col("earlier_at")
    if near is not None:
        same = same.filter(since <= near)
    words = worded(
        "same {} as {}, which came {} days before ({}) from {}",
        "same",
        "earlier_id",
        since.dt.total_days(),
        pl.col("earlier_at").dt.strftime("%Y-%m-%d"),
        pl.col("earlier_vendor").fill_null("no vendor"),
    )
    return _told(same, reason, words, pl.col("earlier_id"))


def _outside(own: pl.DataFrame, attribute: str, ordered: tuple[str, ...]) -> pl.DataFrame:
    allowed = {key(value) for value in ordered}
    values = own[attribute].cast(pl.String)
    names = [value for value in values.drop_nulls().unique() if key(value) not in allowed]
    outside = own.with_columns(value=values).filter(pl.col("value").is_in(names))
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    listed = f"{', '.join(ordered[:3])}{more}"
    words = worded("{} is {}, ordered were {}", pl.lit(attribute), "value", pl.lit(listed))
    return _told(outside, "out_of_area", words)


def _disconnected(
    own: pl.DataFrame, happened: pl.LazyFrame, kinds: tuple[str, ...]
) -> pl.DataFrame:
    found = (
        happened.filter(pl.col("event_type").is_in(list(kinds)))
        .join(own.lazy().select("lead_id"), on="lead_id", how="semi")
        .sort("occurred_at")
        .group_by("lead_id", maintain_order=True)
        .agg(pl.col("event_type", "occurred_at").first(), n=pl.len())
        .collect()
    )
    when = pl.col("occurred_at").dt.strftime("%Y-%m-%d %H:%M UTC")
    return _told(found, "disconnected", worded("{} on {}", "event_type", when))


def _junk(own: pl.DataFrame, junk: JunkFound, least: float) -> pl.DataFrame:
    likely = pl.DataFrame(
        {"lead_id": junk.lead_id, "junk": junk.probability, "hints": junk.hints_of_leads()}
    )
    found = own.select("lead_id").join(likely, on="lead_id", how="inner")
    found = found.filter(pl.col("junk") >= least)
    words = worded("{} % likely junk: {}", (100 * pl.col("junk")).floor().cast(pl.Int64), "hints")
    return _told(found, "junk", words)
