"""What a source's tables tell of who brought its leads: scorecards, junk, resales."""

from dataclasses import asdict
from typing import Any

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.ownership import PARAMS
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.tables import Tables, TimeOrder, moment_words
from leadcast.models.sellers.expected import expected_conversions
from leadcast.models.sellers.junk import LIMIT, JunkFound, find_junk
from leadcast.models.sellers.lead_facts import DUPLICATE_DAYS, SELLERS, lead_facts, spelt_alike
from leadcast.models.sellers.reselling import find_resellers
from leadcast.models.sellers.scorecard import scorecard
from leadcast.models.sellers.signals import signals_of
from leadcast.pipelines.base.params import Params, load_params, snapshot_settings

UNSOLD = "(not bought)"


def seller_facts(
    definition: SourceDefinition, tables: Tables, without: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Find what there is to tell of a source's sellers.

    Parameters
    ----------
    definition : SourceDefinition
    tables : Tables
        Read by it.
    without : tuple of str
        As `SellersRequest` has it.

    Returns
    -------
    dict
        JSON values: ``scorecards``, ``junk``, ``resales`` and what they are of.
    """
    named = [name for name in SELLERS if name in tables.leads.columns]
    if not named:
        raise LeadcastError(
            f"{definition.file}: tables.leads.attributes has none of {', '.join(SELLERS)}; map the "
            "column that says who brought a lead"
        )
    params = load_params() if PARAMS.exists() else Params()
    settings = snapshot_settings(definition.name, params, tables)
    expected = expected_conversions(tables, settings, without, params.features)
    junk = junk_of(definition, tables)
    dead = disconnecting(definition)
    facts = lead_facts(tables, expected, junk, dead)
    cards = [scorecard(facts, name) for name in named]
    dated = tables.time_order is TimeOrder.DATED
    resold = find_resellers(tables.leads, DUPLICATE_DAYS) if dated and "vendor" in named else ()
    until = tables.observed_until
    return {
        "source": definition.name,
        "title": definition.title,
        "leads": facts.height,
        "known": expected.height,
        "converted": float(expected["converted"].sum()),
        "known_until": None if until is None else moment_words(until),
        "horizon_days": settings.horizon_days if dated else None,
        "without": list(without),
        "scorecards": [card.to_json() for card in cards if card is not None],
        "junk": [] if junk is None else [asdict(one) for one in junk.sellers],
        "junk_of": "vendor" if "vendor" in named else named[0],
        "junk_limit": LIMIT,
        "signals": [] if junk is None else sorted(junk.signals.levels),
        "resales": [asdict(one) for one in resold],
        "duplicate_days": DUPLICATE_DAYS,
    }


def vendors_for_report(
    definition: SourceDefinition, tables: Tables
) -> tuple[pl.DataFrame | None, tuple[str, ...]]:
    """Score the vendors with whom something was agreed about their leads, for a run's report.

    Parameters
    ----------
    definition : SourceDefinition
    tables : Tables

    Returns
    -------
    cards : pl.DataFrame or None
        A row a vendor; None where nothing was agreed with any.
    words : tuple of str
        Who is said to deliver junk or to resell.
    """
    if not definition.vendors:
        return None, ()
    facts = seller_facts(definition, tables)
    cards: list[dict[str, Any]] = []
    for one in facts["scorecards"]:
        cards += one["cards"] if one["attribute"] == "vendor" else []
    found = [one["seller"] for part in ("junk", "resales") for one in facts[part] if one["found"]]
    named = ", ".join(dict.fromkeys(found)) or "nobody"
    words = f"Said to deliver junk or to resell: {named}. `leadcast sellers {definition.name}`"
    frame = pl.DataFrame(cards, infer_schema_length=None) if cards else None
    return frame, (f"{words} tells why",)


def junk_of(definition: SourceDefinition, tables: Tables) -> JunkFound | None:
    """Find junk among a source's leads by what is known at the end of its tables.

    Parameters
    ----------
    definition : SourceDefinition
    tables : Tables

    Returns
    -------
    JunkFound or None
        None where nothing is dated, or nobody tells who brought a lead.
    """
    named = [name for name in SELLERS if name in tables.leads.columns]
    until = tables.observed_until
    if tables.time_order is not TimeOrder.DATED or not named or until is None:
        return None
    seller = spelt_alike(tables.leads[named[0]])
    sold = seller.is_not_null()
    signals = signals_of(tables, seller.fill_null(UNSOLD), until, disconnecting(definition))
    return find_junk(signals, seller.fill_null(UNSOLD), sold)


def disconnecting(definition: SourceDefinition) -> tuple[str, ...]:
    """Name the kinds of events that say that nobody is there."""
    every = (terms.disconnected_events for terms in definition.vendors.values())
    return tuple(dict.fromkeys(kind for kinds in every for kind in kinds))
