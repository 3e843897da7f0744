"""Which attributes are edited after leads came: the same leads in two exports, one after the other.

Where an export has no history of its fields, this is how it shows that one would be needed.
"""

from typing import Any

import polars as pl

from leadcast.features.changes.attribute_changes import tracked
from leadcast.features.tables import Tables, moment_words


def edited_between(before: Tables, after: Tables) -> dict[str, Any] | None:
    """Compare the attributes of the leads that two exports of a source have.

    Parameters
    ----------
    before, after : Tables
        The earlier export and the later one.

    Returns
    -------
    dict or None
        ``since`` and ``until`` (of the exports, as words), ``leads`` (how many both have), ``won``
        (how many of them were won in between) and ``attributes``: for each that both exports have
        and of which no history is known ``edited`` (leads whose value differs), ``filled_in``
        (those that were blank), ``blank`` (leads that were blank), ``edited_won`` (of the leads
        won in between). None where either export is not dated, or the later one is not later.
    """
    if before.observed_until is None or after.observed_until is None:
        return None
    if after.observed_until <= before.observed_until:
        return None
    both = before.leads.join(after.leads, on="lead_id", suffix=_LATER).join(
        _won_between(before, after), on="lead_id", how="left"
    )
    known = {*before.attribute_types} & {*after.attribute_types} - {*tracked(after.attribute_types)}
    found = {
        name: _counted(both, name)
        for name in after.attribute_types
        if name in known
        and name in before.leads.columns
        and before.leads.schema[name] == after.leads.schema.get(name)
    }
    return {
        "since": moment_words(before.observed_until),
        "until": moment_words(after.observed_until),
        "leads": both.height,
        "won": int(both["won"].fill_null(value=False).sum()),
        "attributes": found,
    }


_LATER = " later"


def _won_between(before: Tables, after: Tables) -> pl.DataFrame:
    """Tell of each lead whether it was won after the earlier export."""
    until = pl.lit(before.observed_until)
    return after.outcomes.select("lead_id", won=(pl.col("won_at") > until).fill_null(value=False))


def _counted(both: pl.DataFrame, name: str) -> dict[str, int]:
    then, now = pl.col(name), pl.col(f"{name}{_LATER}")
    differs = then.ne_missing(now)
    won = pl.col("won").fill_null(value=False)
    counts = both.select(
        edited=differs.sum(),
        filled_in=(differs & then.is_null()).sum(),
        blank=then.is_null().sum(),
        edited_won=(differs & won).sum(),
    )
    return {key: int(value) for key, value in counts.row(0, named=True).items()}
