"""What a lead's page shows, as JSON: how its score and points went, and why at a moment."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.changes.lead_state import lead_at
from leadcast.features.registry import humanise
from leadcast.features.tables import ACCOUNT_HISTORY, CHANGES, TIME
from leadcast.models.bundle.feature_words import as_the_field_says
from leadcast.models.curve.conversion_curve import CURVE
from leadcast.models.rules import RuleTable, evaluate, ledger
from leadcast.serve.page.run_tables import LeadTables, OneLead
from leadcast.serve.scorer import Scorer
from leadcast.serve.today.whatif import LeadTrial, what_if

MOST_MOMENTS = 60
"""At so many moments a lead is scored; among more events some are passed over, evenly."""
JUST_AFTER = timedelta(microseconds=1)
"""An event counts from the next microsecond on; see `leadcast.features.boundary`."""
MOST_EVENTS = 500
"""So many events are told, the latest ones."""
MOST_REASONS = 4
"""So many are told in short."""
_TELLING = ("email", "job_title", "company", "company_size", "industry", "source")
"""By these texts people tell leads apart."""
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True)
class Course:
    """A lead's scores at moments."""

    scores: pl.DataFrame
    """As `leadcast.serve.scorer.Scorer.score` gives them, a row a moment, in time's order."""
    points: list[float] | None
    """The points of a table at each moment; None without a table."""


def moments_of(lead: OneLead, wanted: datetime | None = None) -> list[datetime]:
    """Choose the moments at which a lead's score is told."""
    start = lead.created_at
    if start is None:
        return []
    ends = [time for time in (lead.ended_at, lead.observed_until) if time is not None]
    last = max(min(ends, default=datetime.now(UTC)), start)
    after = {
        time + JUST_AFTER
        for time in lead.events["occurred_at"].to_list()
        if start <= time and time + JUST_AFTER < last
    }
    kept = {start, last} | {
        time for time in (wanted,) if time is not None and start <= time <= last
    }
    return sorted(kept | set(_some(sorted(after - kept), MOST_MOMENTS - len(kept))))


def course_of(
    scorer: Scorer, lead: OneLead, moments: Sequence[datetime], table: RuleTable | None
) -> Course:
    """Score a lead at moments."""
    rows = lead.lead
    if moments:
        at = pl.DataFrame({"as_of": pl.Series(list(moments), dtype=TIME)})
        rows = rows.join(at, how="cross", maintain_order="right")
    unread: list[Fault] = []
    scores = scorer.score(rows, lead.events, warnings=unread)
    if table is None:
        return Course(scores, None)
    asked = scores.select("lead_id", "as_of")
    return Course(scores, evaluate(table, lead.lead, lead.events, asked).points.tolist())


def _some(moments: list[datetime], most: int) -> list[datetime]:
    if len(moments) <= most:
        return moments
    places = np.linspace(0, len(moments) - 1, most).round().astype(int)
    return [moments[place] for place in places]


@dataclass(frozen=True)
class Viewer:
    """Tells about leads of a run.

    Parameters
    ----------
    scorer : Scorer
    tables : LeadTables
    judged : Scorer or None
        The model that made the call list, where there is one: it had not seen how the test's leads
        ended, as `scorer` has, and scores those on the list as they stood there.
    """

    scorer: Scorer
    tables: LeadTables
    judged: Scorer | None = None

    def found(self, text: str) -> list[dict[str, Any]]:
        """Tell the leads that `LeadTables.search` finds, with words to tell them apart."""
        rows = self.tables.search(text)
        texts = [name for name in _TELLING if rows.schema.get(name) == pl.String]
        return [
            {
                "lead_id": row["lead_id"],
                "created_us": microseconds(row["created_at"]),
                "words": [row[name] for name in texts if row[name]],
            }
            for row in rows.to_dicts()
        ]

    def view(self, lead_id: str, table: RuleTable | None) -> dict[str, Any]:
        """Tell who a lead is, what it did, and how its score went.

        Parameters
        ----------
        lead_id : str
        table : RuleTable or None
            A points table, to add up as well.

        Returns
        -------
        dict
            As `static/lead.js` reads it; times in microseconds since 1970.

        Raises
        ------
        Problem
            404 where there is no such lead.
        LeadcastError
            If the tables are not as the bundle or the points table needs them.
        """
        lead, listed = self.tables.read(lead_id), self.tables.listed(lead_id)
        wanted, scorer = None if listed is None else listed["as_of"], self._scorer_of(lead_id)
        moments, intervals = moments_of(lead, wanted), scorer.bundle.intervals
        origin, row = scorer.bundle.manifest.origin, lead.lead.row(0, named=True)
        course = course_of(scorer, lead, moments, table)
        chosen = moments.index(wanted) if wanted in moments else max(len(moments) - 1, 0)
        return {
            "lead_id": lead_id,
            "created_us": microseconds(lead.created_at),
            "outcome": _outcome(lead) | {"currency": self.tables.currency()},
            "attributes": _attributes(lead),
            "score_column": row.get("rules_score"),
            "listed": _plain(listed) if listed is not None else None,
            "judged": scorer is self.judged,
            "learned_from": self.tables.learned_from(lead_id, with_test=scorer is not self.judged),
            "moments": _moments(course),
            "chosen": chosen,
            "events": _events(lead, moments),
            "n_events": lead.events.height,
            "interval_level": None if intervals is None else intervals.level,
            "horizon_days": origin.snapshots.horizon_days if scorer.is_dated else None,
        }

    def moment(self, lead_id: str, at_us: int | None, table: RuleTable | None) -> dict[str, Any]:
        """Tell a score with its reasons, and the ledger of its points, at a moment.

        Raises as `view` does, and an OverflowError if it lies outside the years 1 to 9999.
        """
        as_of = None if at_us is None else _EPOCH + at_us * _MICROSECOND
        lead = self.tables.read(lead_id)
        score = self._scored(lead_id, lead, as_of)
        if table is None:
            return {"score": score, "ledger": None, "points": None}
        account = ledger(table, lead.lead, lead.events, lead_id, as_of)
        rows = [_plain(row) for row in account.to_dicts()]
        return {"score": score, "ledger": rows, "points": float(account["points"].sum())}

    def why(self, lead_id: str, table: RuleTable | None) -> dict[str, Any]:
        """Tell in short why a lead stands where it does on the call list.

        Parameters
        ----------
        lead_id : str
        table : RuleTable or None
            The table that gave the points.

        Returns
        -------
        dict
            ``reasons``, the strongest first, and ``ledger`` (null without a table), as texts; as
            the comparison keeps them for the first leads of the swap set.

        Raises
        ------
        Problem, LeadcastError
            As `view`.
        """
        lead, listed = self.tables.read(lead_id), self.tables.listed(lead_id)
        as_of = None if listed is None else listed["as_of"]
        reasons = self._scored(lead_id, lead, as_of)["reasons"]
        told = sorted([*reasons["up"], *reasons["down"]], key=lambda one: -abs(one["contribution"]))
        words = [f"{'+' if one['contribution'] > 0 else '−'} {one['words']}" for one in told]
        if table is None:
            return {"reasons": words[:MOST_REASONS], "ledger": None}
        asked = pl.DataFrame({"lead_id": lead_id, "as_of": pl.Series([as_of], dtype=TIME)})
        ledger = evaluate(table, lead.lead, lead.events, asked).in_words(0)
        return {"reasons": words[:MOST_REASONS], "ledger": list(ledger)}

    def trial(self, lead_id: str, sets: Sequence[str], events: Sequence[str]) -> dict[str, Any]:
        """Tell what can be tried with a lead, or its score as it stands and with what is tried.

        Raises as `view` does, and a FaultsError if that cannot be tried.
        """
        lead = self.tables.read(lead_id)
        moments, origin = moments_of(lead), self.scorer.bundle.manifest.origin
        if not moments:
            return {"attributes": [], "kinds": []}
        if not sets and not events:
            names = sorted(set(origin.attribute_types) & set(lead.attributes))
            kinds = self.scorer.bundle.plan.kinds
            return {
                "attributes": [{"key": one, "name": humanise(one)} for one in names],
                "kinds": [{"key": one, "name": humanise(one)} for one in kinds],
            }
        tried = LeadTrial.parse(self.scorer, sets, events, moments[-1])
        found = what_if(self.scorer, lead.lead, lead.events, moments[-1], tried)
        sides = {"before": found.before, "after": found.after}
        return {"tried": found.tried} | {name: _plain(asdict(one)) for name, one in sides.items()}

    def _scorer_of(self, lead_id: str) -> Scorer:
        if self.judged is None or self.tables.listed(lead_id) is None:
            return self.scorer
        return self.judged

    def _scored(self, lead_id: str, lead: OneLead, as_of: datetime | None) -> dict[str, Any]:
        scorer = self._scorer_of(lead_id)
        known = scorer.bundle.manifest.origin.attribute_types
        row = lead.lead.row(0, named=True)
        own = (*known, "lead_id", "created_at", ACCOUNT_HISTORY, CHANGES)
        plain = {name: row[name] for name in own if name in row}
        events = list(lead.events.select("occurred_at", "event_type", "value").iter_rows())
        unread: list[Any] = []
        when = tuple(name for name in (CURVE,) if name in scorer.bundle.extras)
        score = scorer.score_one(
            plain, events, as_of, unread, with_reasons=True, are_people=True, extra=when
        )
        told: dict[str, Any] = _plain(asdict(score))
        stood = lead_at(plain, microseconds(as_of), known)
        features = {one.name: one for one in scorer.bundle.plan.features}
        for reason in (*told["reasons"]["up"], *told["reasons"]["down"]):
            feature = features[reason["feature"]]
            field = feature.inputs[0].removeprefix("leads.") if len(feature.inputs) == 1 else ""
            reason["words"] = as_the_field_says(feature, reason["words"], stood.get(field))
        return told


def microseconds(time: datetime | None) -> int | None:
    """Tell a time in microseconds since 1970, which JSON keeps exactly."""
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def _moments(course: Course) -> list[dict[str, Any]]:
    told = course.scores.select("as_of", "probability", "lower", "upper", "percentile", "grade")
    points: Sequence[float | None] = course.points or [None] * told.height
    return [
        _plain(row) | {"points": point} for row, point in zip(told.to_dicts(), points, strict=True)
    ]


def _events(lead: OneLead, moments: Sequence[datetime]) -> list[dict[str, Any]]:
    place = {moment: number for number, moment in enumerate(moments)}
    return [
        {
            "at_us": microseconds(row["occurred_at"]),
            "kind": humanise(row["event_type"]),
            "value": row["value"],
            "moment": place.get(row["occurred_at"] + JUST_AFTER),
        }
        for row in lead.events.tail(MOST_EVENTS).to_dicts()
    ]


def _outcome(lead: OneLead) -> dict[str, Any]:
    told: dict[str, Any] = {"state": "open", "at_us": None, "amount": None}
    told["until_us"] = microseconds(lead.observed_until)
    if lead.outcome.is_empty():
        return told
    row = lead.outcome.row(0, named=True)
    if row["won_at"] is not None or row["converted"]:
        return told | {
            "state": "won",
            "at_us": microseconds(row["won_at"]),
            "amount": row["amount"],
        }
    if row["lost_at"] is not None or row["converted"] is False:
        return told | {"state": "lost", "at_us": microseconds(row["lost_at"])}
    return told


def _attributes(lead: OneLead) -> list[dict[str, Any]]:
    row = lead.lead.row(0, named=True)
    kept = [(name, row[name]) for name in lead.attributes if row[name] is not None]
    return [{"name": humanise(name), "value": _plain(value)} for name, value in kept]


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of a table
    """Put a value into what JSON has; times as microseconds, under a name that says so."""
    if isinstance(value, dict):
        return {
            f"{name.removesuffix('_at')}_us" if isinstance(one, datetime) else name: _plain(one)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return microseconds(value)
    # NaN is no JSON; in a table it stands for nothing known.
    return None if isinstance(value, float) and value != value else value
