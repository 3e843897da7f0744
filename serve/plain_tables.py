"""A polars table as somebody holds it, to canonical texts: ids, categories, kinds of events.

What a value means does not depend on the type that holds it: 1001, 1001.0 and ``"1001"`` are one
lead here as in a file (`leadcast.features.values.columns`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from leadcast.features.accounts.given_account import canonical_account_history
from leadcast.features.base.errors import Fault
from leadcast.features.changes.given_changes import canonical_changes
from leadcast.features.tables import ACCOUNT_HISTORY, CHANGES
from leadcast.features.values.columns import MIXED, Parsed, column_of, parse_texts, shown
from leadcast.features.values.identifiers import joined_by, parse_id, parse_ids

_TEXTS = ("category", "text")


def canonical_leads(
    leads: pl.DataFrame, attribute_types: Mapping[str, str]
) -> tuple[pl.DataFrame, list[Fault]]:
    """Read ids, the history, and categories and texts that a number, flag or time holds.

    Parameters
    ----------
    leads : pl.DataFrame
        As somebody holds them.
    attribute_types : mapping of str to str
        The attributes' types, as `leadcast.features.tables.Tables` has them.

    Returns
    -------
    leads : pl.DataFrame
        These columns as String.
    faults : list of Fault
        What identifies nobody, or is no text.
    """
    columns: list[pl.Series] = []
    faults: list[Fault] = []
    for name, dtype in leads.schema.items():
        if name == CHANGES:
            changes, wrong = canonical_changes(leads[name])
            columns.append(changes)
            faults += wrong
            continue
        if name == ACCOUNT_HISTORY:
            history, wrong = canonical_account_history(leads[name])
            columns.append(history)
            faults += wrong
            continue
        if not _is_scalar(dtype):
            continue
        if name == "lead_id":
            parsed = parse_ids(leads[name])
        elif attribute_types.get(name) in _TEXTS and dtype not in _TEXT_TYPES:
            parsed = parse_texts(leads[name])
        else:
            continue
        columns.append(parsed.values)
        faults += _told(leads[name], parsed)
    return leads.with_columns(columns), faults


_TEXT_TYPES = (pl.String, pl.Categorical, pl.Enum, pl.Null)


def _is_scalar(dtype: pl.DataType) -> bool:
    # Of other types the engine tells that they are none that it reads.
    is_odd = isinstance(dtype, pl.Duration) or dtype == pl.Object
    return dtype == MIXED or not (dtype.is_nested() or is_odd)


def _told(given: pl.Series, parsed: Parsed) -> Iterator[Fault]:
    for words in parsed.problem.drop_nulls().unique(maintain_order=True):
        mine = (parsed.problem == words).fill_null(value=False)
        example = shown(given.filter(mine).head(1))[0]
        yield Fault(
            where=f"leads: column {given.name!r}",
            found=f"{example!r}, which {words}",
            expected="texts, or numbers that are exact",
            remedy="Give it as text, as the training data had it.",
            count=int(mine.sum()),
        )


def canonical_events(events: pl.LazyFrame) -> pl.LazyFrame:
    """Read the texts of events: whose they are, and of which kind; blank ones are null.

    Parameters
    ----------
    events : pl.LazyFrame
        As somebody holds them.

    Returns
    -------
    pl.LazyFrame
        With ``lead_id`` and ``event_type`` as String, where they are there.
    """
    schema = events.collect_schema()
    texts = {
        name: joined_by(pl.col(name), schema[name])
        for name in ("lead_id", "event_type")
        if name in schema and _is_scalar(schema[name])
    }
    return events.with_columns(
        pl.when(text != "").then(text).alias(name) for name, text in texts.items()
    )


def canonical_id(lead_id: Any) -> tuple[str | None, str | None]:  # noqa: ANN401 - of any type
    """Read one lead's id.

    Parameters
    ----------
    lead_id : object
        A text, which is trimmed, or a number of any type.

    Returns
    -------
    lead_id : str or None
        Its text.
    problem : str or None
        Why there is none (``"is a fraction, and no identifier"``).
    """
    if isinstance(lead_id, str):
        return parse_id(lead_id)
    if type(lead_id) is int:
        return str(lead_id), None
    if lead_id is None or isinstance(lead_id, bool):
        return None, "is neither a text nor a number"
    parsed = parse_ids(column_of("lead_id", [lead_id]))
    return parsed.values[0], parsed.problem[0] or ("is no id" if parsed.values[0] is None else None)


def canonical_texts(
    lead: Mapping[str, object], attribute_types: Mapping[str, str]
) -> Mapping[str, object]:
    """Read the categories and texts of one lead that numbers hold; others stay as they are.

    Parameters
    ----------
    lead : mapping of str to object
        Plain values.
    attribute_types : mapping of str to str
        As in `canonical_leads`.

    Returns
    -------
    mapping of str to object
    """
    numbers = {
        name: value
        for name, value in lead.items()
        if attribute_types.get(name) in _TEXTS
        and isinstance(value, int | float)
        and not isinstance(value, bool)
    }
    if not numbers:
        return lead
    read = {name: parse_texts(column_of(name, [value])) for name, value in numbers.items()}
    # What is not exact stays a number, and is told to be none of a text.
    exact = {name: one.values[0] for name, one in read.items() if one.problem[0] is None}
    return {**lead, **exact}
