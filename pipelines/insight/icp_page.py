"""The page of ``leadcast icp``."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from markupsafe import Markup

from leadcast.models.charts.chart import Column, ends_of, table_of
from leadcast.models.charts.in_out_chart import CriteriaChart, ProfilesChart
from leadcast.models.charts.numbers import ShownEstimate, count, percent
from leadcast.models.profile_fit.profile_judged import NOTHING, TELLS, UNKNOWN, WRONG_WAY
from leadcast.models.report.blocks import (
    Banner,
    Block,
    Listing,
    Notice,
    Notices,
    Picture,
    Section,
    Words,
)
from leadcast.models.report.page import Page, render_page

ALONE = (
    "Each criterion is looked at by itself: one that goes along with another tells what that one "
    "tells. What is seen is who converted, not what a criterion brings about."
)
LATER = (
    "The suggestion was learned on the earlier leads alone, and both profiles are held against the "
    "later ones, whose outcomes nobody has looked at for it."
)
DRAWN = (
    "The source does not say which lead came first, so the leads were parted at random: how a "
    "profile does on later ones is not known."
)


def icp_page(found: Mapping[str, Any]) -> str:
    """Make the page.

    Parameters
    ----------
    found : mapping
        As ``icp.json`` holds it.

    Returns
    -------
    str
        HTML that needs nothing but itself.
    """
    believed = found["believed"]
    whole, horizon = believed["whole"], found["horizon_days"]
    until = "" if horizon is None else f" within {horizon:g} days"
    inside, outside = (
        ShownEstimate.of(whole, side).text(percent) for side in ("inside", "outside")
    )
    idle = [one["name"] for one in believed["criteria"] if one["fit"] in (NOTHING, WRONG_WAY)]
    return render_page(
        Page(
            eyebrow="Leadcast: ideal customer profile",
            title=found["title"],
            promise=f"Does the profile “{found['profile']}” say who becomes a customer?",
            banner=Banner(
                _ADVICE[whole["fit"]],
                f" Inside {inside} became customers{until}, outside {outside}.",
                whole["fit"] != TELLS,
            ),
            sentences=[
                f"{percent(believed['share_inside'])} of the {believed['known']:,} leads whose "
                f"outcome is known are inside, with {percent(believed['reached'])} of the "
                "customers.",
                f"Criteria that do nothing, or the contrary: {', '.join(idle)}."
                if idle
                else "No criterion surely does nothing.",
            ],
            sections=[
                Section("criteria", "Criterion by criterion", "Criteria", _criteria(believed)),
                Section("met", "By the number of criteria met", "Number met", _met(believed)),
                Section("outside", "Whom the profile overlooks", "Overlooked", _outside(found)),
                Section("suggested", "What the data suggest", "Suggestion", _suggested(found)),
            ],
        )
    )


_ADVICE = {
    TELLS: "Leads inside the profile convert more often.",
    NOTHING: "Being inside the profile makes no difference that matters.",
    WRONG_WAY: "Leads inside the profile convert less often than those outside.",
    UNKNOWN: "Whether leads inside the profile convert more often is not known yet.",
}


def _criteria(fit: Mapping[str, Any]) -> list[Block]:
    rows = [one | {"name": one["words"]} for one in fit["criteria"]]
    tells = sum(one["fit"] == TELLS for one in rows)
    words = f"{tells} of {len(rows)} criteria tell beyond chance who converts."
    frame = pl.DataFrame(
        [
            {
                "words": one["words"],
                "leads_inside": one["leads_inside"],
                "leads_outside": one["leads_outside"],
                "leads_unknown": one["leads_unknown"],
                "difference": one["difference"]["value"],
                "low": one["difference"]["low"],
                "high": one["difference"]["high"],
                "unknown": one["unknown"]["value"],
                "fit": one["fit"],
            }
            for one in rows
        ],
        infer_schema_length=None,
    )
    columns = (
        Column("words", "Criterion"),
        Column("leads_inside", "Leads in", count),
        Column("leads_outside", "out", count),
        Column("leads_unknown", "not known", count),
        Column("difference", "Difference in conversion", percent),
        *ends_of(percent),
        Column("unknown", "Where it is not known", percent),
        Column("fit", "What it does"),
    )
    listing = Listing(table_of(frame, columns, "What each criterion does"))
    return [Picture(CriteriaChart(rows, "in", "out", words)), listing, Words([ALONE])]


def _met(fit: Mapping[str, Any]) -> list[Block]:
    columns = (
        Column("met", "Criteria met", count),
        Column("leads", "Leads", count),
        Column("value", "Became customers", percent),
        *ends_of(percent),
    )
    frame = pl.DataFrame(fit["by_met"], infer_schema_length=None)
    return [Listing(table_of(frame, columns, "Conversion by the number of criteria met"))]


def _outside(found: Mapping[str, Any]) -> list[Block]:
    if not found["overlooked"]:
        return [Words(["No group outside converts as well as the leads inside."])]
    rows = [
        {
            "words": one["words"],
            "earlier": one["earlier"]["value"],
            "later": one["later"]["value"],
            "low": one["later"]["low"],
            "high": one["later"]["high"],
            "known": one["known_later"],
            "holds": {True: "as well as inside", False: "less than inside", None: "too few"}[
                one["holds"]
            ],
        }
        for one in found["overlooked"]
    ]
    columns = (
        Column("words", "Outside the profile"),
        Column("earlier", "Earlier", percent),
        Column("later", "Later", percent),
        *ends_of(percent),
        Column("known", "Leads", count),
        Column("holds", "Does it hold?"),
    )
    words = "Found on the earlier leads, and held against the leads inside on the later ones."
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return [
        Words([words]),
        Listing(table_of(frame, columns, "Groups outside that convert as well")),
    ]


def _suggested(found: Mapping[str, Any]) -> list[Block]:
    fields = ", ".join(one.replace("_", " ") for one in found["considered"])
    if found["suggested_later"] is None:
        text = f"None of these fields tells who converts beyond chance: {fields}."
        return [Notices([Notice("note", "No suggestion", text)])]
    both = (("believed", found["believed_later"]), ("suggested", found["suggested_later"]))
    rows = [
        {"name": f"{name}: {percent(fit['share_inside'])} of the leads inside"} | fit["whole"]
        for name, fit in both
    ]
    words = "; ".join(
        f"{name}: {percent(fit['share_inside'])} of the leads with {percent(fit['reached'])} of "
        "the customers"
        for name, fit in both
    )
    criteria = [one | {"name": one["words"]} for one in found["suggested_later"]["criteria"]]
    listing = ", ".join(f"{one['words']} ({one['fit']})" for one in criteria)
    yaml = Markup("<pre>{}</pre>").format(found["suggested_yaml"])
    return [
        Words([LATER if found["dated"] else DRAWN]),
        Picture(ProfilesChart(rows, "inside", "outside", f"{words}.")),
        Words([f"Its criteria on the later leads: {listing}.", f"Considered were: {fields}."]),
        Words([yaml]),
    ]
