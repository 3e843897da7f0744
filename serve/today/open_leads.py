"""Which leads are open at a moment, and what a model knows of them."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from leadcast.features.base.errors import Fault, LeadcastError
from leadcast.features.boundary import known
from leadcast.features.landmarks import states_at
from leadcast.features.tables import TIME, Tables, TimeOrder
from leadcast.models.data import Floats, Matrix
from leadcast.serve.asked import asked_of, columns_read
from leadcast.serve.plain_tables import canonical_leads
from leadcast.serve.scorer import Scorer


def require_dated(tables: Tables, doing: str) -> None:
    """Refuse a source whose leads have no age.

    Parameters
    ----------
    tables : Tables
    doing : str
        What is refused, as the error begins.

    Raises
    ------
    LeadcastError
        If the source is not dated.
    """
    if tables.time_order is not TimeOrder.DATED:
        raise LeadcastError(
            f"{doing}: this source has no creation times, so that nobody knows which leads are "
            "open now; score the leads that you name with `leadcast score`"
        )


def beyond_export(tables: Tables, as_of: datetime, what: str) -> str | None:
    """Say that a moment is one of which an export knows nothing yet.

    Parameters
    ----------
    tables : Tables
    as_of : datetime
    what : str
        What is made of that moment: ``"list"``, ``"forecast"``.

    Returns
    -------
    str or None
        None where the export reaches as far.
    """
    until = tables.observed_until
    if until is None or as_of <= until:
        return None
    return (
        f"the export ends at {until:%Y-%m-%d %H:%M} UTC, before the moment of this {what}: what "
        "leads did since, and which of them were closed, is not known"
    )


def leads_at(tables: Tables, as_of: datetime, *, closed: bool = False) -> pl.DataFrame:
    """Find the leads that are there at a moment.

    Parameters
    ----------
    tables : Tables
        Of a dated source.
    as_of : datetime
        The moment, with a time zone.
    closed : bool
        Whether those that were won or lost before are taken too.

    Returns
    -------
    pl.DataFrame
        The leads created by then, with ``state`` (``"open"``, ``"won"`` or ``"lost"``, as it was
        known strictly before the moment; at the very end of the export, what stands in it is
        known) and ``amount`` (of the outcome; null where unknown). An outcome without a time
        counts as known.
    """
    moment = pl.lit(as_of).cast(TIME)
    state = states_at(as_of, tables.observed_until)
    outcomes = tables.outcomes.select("lead_id", "amount", state=state)
    leads = tables.leads.drop("amount", "state", strict=False).filter(
        pl.col("created_at") <= moment
    )
    leads = leads.join(outcomes, on="lead_id", how="left", maintain_order="left")
    leads = leads.with_columns(pl.col("state").fill_null("open"))
    return leads if closed else leads.filter(pl.col("state") == "open")


def events_before(tables: Tables, leads: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Collect what some leads did before a moment, in time's order.

    Parameters
    ----------
    tables : Tables
    leads : pl.DataFrame
        With ``lead_id``.
    as_of : datetime

    Returns
    -------
    pl.DataFrame
        ``lead_id``, ``occurred_at``, ``event_type``, ``value``; by lead, time, kind and value, so
        that the order does not depend on the file's.
    """
    found = tables.events.filter(known(pl.col("occurred_at"), pl.lit(as_of).cast(TIME)))
    mine = found.join(leads.lazy().select("lead_id"), on="lead_id", how="semi")
    columns = ("lead_id", "occurred_at", "event_type", "value")
    return mine.select(columns).sort(columns).collect()


def attributes_read(scorer: Scorer, leads: pl.DataFrame) -> list[str]:
    """Name the attributes of leads on which their scores depend, and that are there.

    Parameters
    ----------
    scorer : Scorer
    leads : pl.DataFrame

    Returns
    -------
    list of str
        In alphabetical order.
    """
    own = {"lead_id", "created_at", "as_of"}
    return sorted((columns_read(scorer.bundle.plan) - own) & set(leads.columns))


@dataclass(frozen=True)
class Standing:
    """How leads stand at moments."""

    scores: pl.DataFrame
    """As `leadcast.serve.scorer.Scorer.score` gives them, without reasons."""
    log_odds: Floats
    """Of the probabilities, as the calibrator gives them; shape (n_rows,)."""
    values: Matrix
    """The features, shape (n_rows, n_features)."""


def stand(
    scorer: Scorer, leads: pl.DataFrame, events: pl.DataFrame, warnings: list[Fault] | None = None
) -> Standing:
    """Score leads that lie in canonical tables.

    Parameters
    ----------
    scorer : Scorer
    leads : pl.DataFrame
        A row for each score: ``lead_id`` (each once), ``created_at``, ``as_of`` and attributes;
        columns that the model does not read are left aside.
    events : pl.DataFrame
        Their events, in any order; others are ignored.
    warnings : list of Fault, optional
        What was worked around is added to it.

    Returns
    -------
    Standing
    """
    names = ["lead_id", "created_at", "as_of", *attributes_read(scorer, leads)]
    own, _ = canonical_leads(leads.select(names), scorer.bundle.manifest.origin.attribute_types)
    found: list[Fault] = []
    asked = asked_of(scorer.bundle, own, events.lazy(), None, found)
    values = scorer.features(asked, found)
    if warnings is not None:
        warnings += found
    log_odds = scorer.bundle.calibrator.log_odds(scorer.bundle.learner.log_odds(values))
    return Standing(scorer.score_features(asked, values), log_odds, values)
