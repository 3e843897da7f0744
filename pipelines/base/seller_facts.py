"""What a source's tables tell of who brought its leads: scorecards, junk, resales.

And what becomes of junk where a model learns, if the definition asks for it.
"""

from dataclasses import asdict
from typing import Any

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.ownership import PARAMS
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.tables import Tables, TimeOrder, moment_words
from leadcast.models.account import JUNK
from leadcast.models.sellers.expected import expected_conversions
from leadcast.models.sellers.junk import LIMIT, JunkFound, find_junk
from leadcast.models.sellers.junk_training import HONEST, counted_as
from leadcast.models.sellers.lead_facts import DUPLICATE_DAYS, SELLERS, lead_facts, spelt_alike
from leadcast.models.sellers.reselling import find_resellers
from leadcast.models.sellers.scorecard import scorecard
from leadcast.models.sellers.signals import signals_of
from leadcast.models.splits import FRESH
from leadcast.pipelines.base.params import Params, load_params, snapshot_settings

UNSOLD = "(not bought)"
AFTERWARDS = ("after",)
"""The signals that tell of what a lead did later; whoever sets leads apart by these keeps those
that were active, and the model promises too much."""


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


def junk_of(
    definition: SourceDefinition, tables: Tables, without: tuple[str, ...] = ()
) -> JunkFound | None:
    """Find junk among a source's leads by what is known at the end of its tables.

    Parameters
    ----------
    definition : SourceDefinition
    tables : Tables
    without : tuple of str
        Signals that are not looked at (`leadcast.models.sellers.signals.SIGNAL_WORDS`).

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
    return find_junk(signals.without(*without), seller.fill_null(UNSOLD), sold)


def disconnecting(definition: SourceDefinition) -> tuple[str, ...]:
    """Name the kinds of events that say that nobody is there."""
    every = (terms.disconnected_events for terms in definition.vendors.values())
    return tuple(dict.fromkeys(kind for kinds in every for kind in kinds))


def junk_on_arrival(definition: SourceDefinition, tables: Tables) -> pl.DataFrame:
    """Tell how likely each lead is junk, by how it came and not by what it did then.

    Parameters
    ----------
    definition : SourceDefinition
    tables : Tables

    Returns
    -------
    pl.DataFrame
        ``lead_id`` and ``junk`` (Float64).

    Raises
    ------
    LeadcastError
        If nothing is dated, or nobody tells who brought a lead.
    """
    found = junk_of(definition, tables, AFTERWARDS)
    if found is None:
        raise LeadcastError(
            f"{definition.file}: junk needs dated leads and an attribute vendor, source or "
            "campaign that tells who brought them; map one, or set junk_in_training to keep"
        )
    return pl.DataFrame({"lead_id": found.lead_id, "junk": found.probability})


def without_junk(
    definition: SourceDefinition, split: pl.DataFrame, tables: Tables, params: Params
) -> pl.DataFrame:
    """Tell what each snapshot counts in training; what counts nothing is no longer in it.

    The test keeps all of its leads: junk arrives when the model is used as well.

    Parameters
    ----------
    definition : SourceDefinition
    split : pl.DataFrame
        With ``part`` and ``reason``.
    tables : Tables
    params : Params

    Returns
    -------
    pl.DataFrame
        With `HONEST` where `junk_in_training` asks for it; the same where it does not.

    Raises
    ------
    LeadcastError
        If it is asked for and nobody can tell, or what is weighed is not known yet.
    """
    treatment = definition.junk_in_training
    if treatment == "keep":
        return split
    if treatment == "weigh" and params.model.fresh_snapshots:
        raise LeadcastError(
            f"{definition.file}: junk_in_training: weigh, and params.yaml: model.fresh_snapshots: "
            "found both; what is not known yet is not weighed: set junk_in_training to set_apart, "
            "or fresh_snapshots to false"
        )
    junk = split.select(pl.col("lead_id").cast(pl.String)).join(
        junk_on_arrival(definition, tables), on="lead_id", how="left", maintain_order="left"
    )
    counts = counted_as(junk["junk"].fill_null(0.0).to_numpy(), treatment)
    apart = (pl.col(HONEST) == 0) & pl.col("part").is_in(["train", FRESH])
    return split.with_columns(pl.Series(HONEST, counts)).with_columns(
        part=pl.when(apart).then(pl.lit("left_out")).otherwise("part"),
        reason=pl.when(apart).then(pl.lit(JUNK)).otherwise("reason"),
    )


def junk_words(snapshots: pl.DataFrame) -> tuple[str, ...]:
    """Tell what was done with junk among the snapshots to learn from.

    Parameters
    ----------
    snapshots : pl.DataFrame
        As `without_junk` gives them.

    Returns
    -------
    tuple of str
        Empty where nothing was done.
    """
    if HONEST not in snapshots.columns:
        return ()
    apart = snapshots.filter(pl.col("reason") == JUNK)
    if apart.height:
        leads = apart["lead_id"].n_unique()
        told = f"{apart.height:,} snapshots of {leads:,} leads that were likely junk when they"
        done = "arrived are not learned from (junk_in_training: set_apart)"
    else:
        learned = snapshots.filter(pl.col("part") == "train")
        counts = float(learned[HONEST].to_numpy().sum())
        told = f"{learned.height:,} snapshots are learned from with the weight of {counts:,.0f},"
        done = "each as it is likely not junk (junk_in_training: weigh)"
    return (f"{told} {done}; the test has all leads, so that it may come out below what is said",)
