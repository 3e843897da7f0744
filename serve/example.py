"""Two leads as a bundle takes them: for signatures, documentation and a first try."""

import json
from collections.abc import Mapping

import polars as pl

from features.plan import FeaturePlan
from features.tables import TimeOrder

CREATED = "2026-01-05T09:30:00Z"
AS_OF = "2026-01-12T06:00:00Z"
_SEEN = ("2026-01-05T09:31:00Z", "2026-01-09T14:00:00Z")
_VALUES = {"number": 100.0, "flag": True, "time": "2025-12-01T00:00:00Z"}
_TEXTS = {"email": "jane@example.com", "phone": "+44 20 7946 0000", "job_title": "Head of Sales"}


def example_leads(plan: FeaturePlan, attribute_types: Mapping[str, str]) -> pl.DataFrame:
    """Make two leads that a plan can read, the second without anything known.

    Parameters
    ----------
    plan : FeaturePlan
        What is read.
    attribute_types : mapping of str to str
        The attributes' types as the source had them.

    Returns
    -------
    pl.DataFrame
        ``lead_id``; where the source is dated ``created_at``, ``as_of`` (texts) and ``events``
        (JSON); the attributes.
    """
    rows: dict[str, list[object]] = {"lead_id": ["example 1", "example 2"]}
    if plan.time_order is TimeOrder.DATED:
        rows |= {"created_at": [CREATED] * 2, "as_of": [AS_OF] * 2}
        rows |= {"events": [json.dumps(_events(plan)), "[]"]}
    for name, kind in sorted(attribute_types.items()):
        value = _VALUES.get(kind, _text(plan, name))
        # A flag that is missing would make the column's type another one in pandas.
        rows[name] = [value, value if kind == "flag" else None]
    return pl.DataFrame(rows)


def _events(plan: FeaturePlan) -> list[dict[str, object]]:
    kinds = (plan.kinds or ("page_viewed",)) * 2
    return [
        {"occurred_at": time, "event_type": kind, "value": 1.0}
        for time, kind in zip(_SEEN, kinds, strict=False)
    ]


def _text(plan: FeaturePlan, attribute: str) -> str:
    for column in plan.attributes:
        if column.reading == "category" and column.inputs == (attribute,) and column.levels:
            return column.levels[0]
    return _TEXTS.get(attribute, "example")
