"""Which of a source's leads are one person, written beside its tables; and what these share."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from leadcast.features.base.files import write_json
from leadcast.features.definitions.identity_section import IdentityDefaults
from leadcast.features.identity.keys import PERSON
from leadcast.features.identity.match_errors import measured
from leadcast.features.identity.persons import Resolved, resolve
from leadcast.features.identity.pooling import pooled_events, pooled_outcomes
from leadcast.features.tables import Tables, TimeOrder


def write_persons(
    about: IdentityDefaults, tables: Tables, merges: pl.DataFrame | None, folder: Path
) -> Tables:
    """Find out who is one person, write it down, and let these share their history.

    Parameters
    ----------
    about : IdentityDefaults
        How.
    tables : Tables
        What was read; of leads with the columns that tell who they are.
    merges : pl.DataFrame or None
        What the CRM has merged.
    folder : Path
        The tables' folder, with the events: ``persons.parquet``, ``linked.parquet`` and
        ``identity.json`` are written to it, and the events that are shared.

    Returns
    -------
    Tables
        Without the columns that tell who leads are, and with a person's outcomes, where pooled.
    """
    leads = tables.leads
    without = leads.drop(name for name in leads.columns if name.startswith(PERSON))
    if about.match == "off":
        return replace(tables, leads=without)
    found = resolve(leads, about.match, merges, about.threshold, about.default_country)
    found.persons.write_parquet(folder / "persons.parquet")
    found.linked.write_parquet(folder / "linked.parquet")
    outcomes, shared, pool = tables.outcomes, 0, None
    if about.pool_history != "no" and tables.time_order is TimeOrder.DATED:
        pool = about.pool_history
        events = pl.scan_parquet(folder / "events" / "*.parquet")
        more = pooled_events(leads, events, outcomes, found.linked, pool).collect()
        shared = more.height
        if shared:
            more.write_parquet(folder / "events" / "part-of-same-person.parquet")
        outcomes = pooled_outcomes(leads, outcomes, found.linked, pool)
    won = outcomes["won_at"].count() - tables.outcomes["won_at"].count()
    pooled = {"pool_history": about.pool_history, "shared_events": shared, "wins_of_twins": won}
    write_json(folder / "identity.json", _described(about, leads, found) | pooled)
    return replace(
        tables, leads=without, outcomes=outcomes, persons=found.persons, pool_history=pool
    )


def _described(about: IdentityDefaults, leads: pl.DataFrame, found: Resolved) -> dict[str, object]:
    persons = found.persons
    told = measured(leads, found, about.default_country)
    return {
        "match": about.match,
        "threshold": about.threshold,
        "leads": persons.height,
        "persons": persons["person_id"].n_unique(),
        "thresholds": told,
    }
