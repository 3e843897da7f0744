"""What was edited of a lead between two moments, by the history that it carries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from leadcast.features.changes.lead_state import Change, typed_value

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Edit:
    """The edits of one attribute since a moment."""

    attribute: str
    since: datetime
    before: object
    """What it said at the moment."""
    after: object
    """What it says later."""

    def earlier(self, changes: Sequence[Change]) -> list[dict[str, Any]]:
        """Let the edits be made just before the moment, so that they are known at it.

        Parameters
        ----------
        changes : sequence of mapping
            The lead's history.

        Returns
        -------
        list of dict
            In the same order; other attributes' changes are as they were.
        """
        last = self.since - _MICROSECOND
        return [
            {**one, "changed_at": min(one["changed_at"], last)}
            if one["attribute"] == self.attribute
            else dict(one)
            for one in changes
        ]


def edits_between(
    changes: Sequence[Change] | None,
    moments: tuple[datetime, datetime],
    attribute_types: Mapping[str, str],
) -> dict[str, Edit]:
    """Find what was edited at one moment or later, and is known at another.

    Parameters
    ----------
    changes : sequence of mapping or None
        A lead's history, in time's order.
    moments : (datetime, datetime)
        The earlier one and the later one.
    attribute_types : mapping of str to str
        As `leadcast.features.tables.Tables` has them.

    Returns
    -------
    dict of str to Edit
        By attribute.
    """
    since, as_of = moments
    found: dict[str, Edit] = {}
    for one in changes or ():
        if not since <= one["changed_at"] < as_of:
            continue
        name = one["attribute"]
        kind = attribute_types.get(name, "text")
        old, new = (typed_value(one[end], kind) for end in ("old_value", "new_value"))
        first = found.get(name)
        found[name] = Edit(name, since, old if first is None else first.before, new)
    return found
