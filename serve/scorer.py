"""The scorer: a bundle at work, for a table of leads or for one lead.

Example
-------
>>> scorer = Scorer.load("data/runs/demo/bundle")
>>> scores = scorer.score(leads, events)
"""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import polars as pl

from leadcast.features.accounts.given_account import wrong_history
from leadcast.features.base.errors import Fault, in_words
from leadcast.features.changes.given_changes import wrong_changes
from leadcast.features.changes.lead_state import with_typed_changes
from leadcast.features.engine.engine import Matrix, engine_of
from leadcast.features.engine.inputs import unknown_column, unknown_of_events
from leadcast.features.engine.other_kinds import other_kinds_of_one
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.nonhuman.people_events import people_only_of_one
from leadcast.features.readers.frames import Frame, library_of
from leadcast.features.tables import ACCOUNT_HISTORY, CHANGES, TimeOrder
from leadcast.models.bundle.bundle import Bundle, load_bundle
from leadcast.models.bundle.extra_parts import asked_parts
from leadcast.serve.asked import (
    Asked,
    SignedEvent,
    age_of_one,
    asked_of,
    check_one,
    people_asked,
    refuse,
    without_account,
    without_events_of_one,
)
from leadcast.serve.asked import Event as Event
from leadcast.serve.plain_tables import canonical_events, canonical_leads, canonical_texts
from leadcast.serve.reasons import NO_REASONS, ReasonsAsked
from leadcast.serve.scores import Score, score_row, score_rows, unknown_categories
from leadcast.serve.served import not_served_one

if TYPE_CHECKING:
    import pandas

Given = TypeVar("Given")
CREATED = "2026-01-05T09:30:00Z"
AS_OF = "2026-01-12T06:00:00Z"
_SEEN = ("2026-01-05T09:31:00Z", "2026-01-09T14:00:00Z")
_VALUES = {"number": 100.0, "flag": True, "time": "2025-12-01T00:00:00Z"}
_TEXTS = {"email": "jane@example.com", "phone": "+44 20 7946 0000", "job_title": "Head of Sales"}


def example_leads(plan: FeaturePlan, attribute_types: Mapping[str, str]) -> pl.DataFrame:
    """Make two leads that a plan can read, the second without anything known, for a first try."""
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


logger = logging.getLogger("leadcast")


class Scorer:
    """Scores leads with a bundle.

    Each row's score depends on its lead, that lead's events and the moment alone: neither the
    other rows nor their order change a bit of it.

    Parameters
    ----------
    bundle : Bundle
        A bundle, verified and read.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.is_dated = bundle.plan.time_order is TimeOrder.DATED

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Verify and read a bundle.

        Parameters
        ----------
        path : Path or str
            The bundle's folder.

        Returns
        -------
        Scorer

        Raises
        ------
        LeadcastError
            If it is no bundle, a damaged one, or one of another version; tells what to do.
        """
        return cls(load_bundle(Path(path)))

    def score(
        self,
        leads: Given,
        events: Frame | None = None,
        as_of: datetime | None = None,
        warnings: list[Fault] | None = None,
        reasons: ReasonsAsked = NO_REASONS,
        extra: Sequence[str] = (),
    ) -> Given:
        """Score leads.

        Parameters
        ----------
        leads : DataFrame
            Of pandas, polars or Arrow: ``lead_id`` (text, or whole numbers of any type),
            ``created_at`` where the source is dated, attributes by their canonical names, and
            perhaps ``as_of``: a row is then a lead at a moment of its own.
        events : DataFrame, optional
            Of any of these, or a `polars.LazyFrame`: ``lead_id``, ``occurred_at``, ``event_type``
            and perhaps ``value``; where the model was trained without events of machines, perhaps
            ``user_agent``, ``ip_address`` and ``filtered``, by which they are told.
        as_of : datetime, optional
            The moment at which to score, with a time zone, where there is no such column; now, if
            not given and the source is dated.
        warnings : list of Fault, optional
            What was worked around is added to it; without it, it is logged.
        reasons : ReasonsAsked
            For which leads to tell reasons, as ``ReasonsAsked.parse("top:200")``.
        extra : sequence of str
            Optional parts of the bundle whose columns to add, as ``("curve",)``: see
            `leadcast.models.bundle.extra_parts.PARTS`.

        Returns
        -------
        DataFrame
            Of the library that `leads` is of (pandas: with its index), a row for each row, in
            their order: ``lead_id``, ``as_of``,
            ``probability`` (of becoming a customer within the horizon, strictly between 0 and 1),
            ``lower`` and ``upper`` (its interval; null where the bundle has none), ``score`` (100
            times the probability, to one decimal), ``percentile`` (0 to 100, in the bundle's
            reference population), ``grade`` (A to D, by bounds that are frozen in the bundle),
            ``model_version``, ``insufficient_data``; and, where they are asked, the columns of
            optional parts (``bundle.extras[name].columns`` lists them), and ``reasons``
            (`leadcast.serve.reasons.REASONS`, null for the leads that are not explained).

        Raises
        ------
        FaultsError
            If it is no table, a required column is missing, a column has a wrong type, an id
            repeats or is null, a time has no zone, or a ``created_at`` that is needed is null or
            before 1980; all at once.
        LeadcastError
            If the bundle does not hold a part that is asked for.

        Examples
        --------
        >>> scorer = Scorer.load("data/runs/demo/bundle")  # doctest: +SKIP
        >>> scorer.score(pandas.read_csv("new_leads.csv"))  # doctest: +SKIP
        """
        given: Frame = leads
        if isinstance(given, pl.DataFrame) and isinstance(
            events, pl.DataFrame | pl.LazyFrame | None
        ):
            own: Given = self._score(given, events, as_of, warnings, (reasons, extra))
            return own
        from leadcast.serve.pandas_tables import as_asked, asked_frames

        taken = asked_frames(given, events, self.bundle.manifest.origin.attribute_types)
        found = self._score(*taken, as_of, warnings, (reasons, extra))
        scores: Given = as_asked(found, given, library_of(given, "leads"))
        return scores

    def _score(
        self,
        leads: pl.DataFrame,
        events: pl.LazyFrame | pl.DataFrame | None,
        as_of: datetime | None,
        warnings: list[Fault] | None,
        more: tuple[ReasonsAsked, Sequence[str]],
    ) -> Any:  # noqa: ANN401 - a pl.DataFrame, which mypy cannot know to be what was given
        found: list[Fault] = []
        reasons, extra = more
        asked_parts(extra, self.bundle.extras)
        leads, wrong = canonical_leads(leads, self.bundle.manifest.origin.attribute_types)
        lazy = canonical_events(events.lazy()) if events is not None else None
        refuse(self.bundle.plan, leads, lazy, as_of, wrong)
        theirs = people_asked(self.bundle.plan, leads, lazy)
        asked = asked_of(self.bundle, leads, theirs, as_of, found)
        given = [] if lazy is None else lazy.collect_schema().names()
        found += [unknown_column(name, 0, "events") for name in unknown_of_events(given)]
        scores = self.score_features(asked, self.features(asked, found), reasons, extra)
        if warnings is not None:
            warnings += found
        else:
            for fault in found:
                logger.warning("%s", in_words(fault))
        return scores

    def features(self, asked: Asked, warnings: list[Fault]) -> Matrix:
        """Compute the features of what was checked.

        Parameters
        ----------
        asked : Asked
            As `leadcast.serve.asked.asked_of` gave it.
        warnings : list of Fault
            Columns that are not there, leads without events, and kinds of events and categories
            that the model does not know, are added to it.

        Returns
        -------
        ndarray of float32, shape (n_rows, n_features)
        """
        engine = engine_of(self.bundle.plan)
        values = engine.compute_checked(asked.leads, asked.events, asked.rows, warnings)
        warnings += unknown_categories(self.bundle, values)
        return values

    def score_features(
        self,
        asked: Asked,
        values: Matrix,
        reasons: ReasonsAsked = NO_REASONS,
        extra: Sequence[str] = (),
    ) -> pl.DataFrame:
        """Score what was checked, by its features.

        Parameters
        ----------
        asked : Asked
            As `leadcast.serve.asked.asked_of` gave it.
        values : ndarray of float32, shape (n_rows, n_features)
            As `features` gave them.
        reasons : ReasonsAsked
            As in `score`.
        extra : sequence of str
            As in `score`.

        Returns
        -------
        pl.DataFrame
            As `score` gives it.
        """
        log_odds = self.bundle.learner.log_odds(values)
        parts = asked_parts(extra, self.bundle.extras)
        return score_rows(self.bundle, asked.rows, values, log_odds, reasons, parts)

    def score_one(
        self,
        lead: Mapping[str, object],
        events: Sequence[Event | SignedEvent] = (),
        as_of: datetime | None = None,
        warnings: list[Fault] | None = None,
        *,
        with_reasons: bool = False,
        are_people: bool = False,
        extra: Sequence[str] = (),
    ) -> Score:
        """Score one lead given as plain Python values, without any table.

        Parameters
        ----------
        lead : mapping of str to object
            ``lead_id``, ``created_at`` where the source is dated, and attributes: str, float,
            bool, datetime with a time zone, or None; perhaps ``attribute_changes``, as
            `leadcast.features.changes.lead_state.lead_at` takes them, and ``account_history``, as
            `leadcast.features.accounts.account_history.account_history` gives it.
        events : sequence of (datetime, str, float or None[, mapping])
            The lead's events in any order: when (with a time zone), what kind, which value, and
            perhaps ``user_agent``, ``ip_address`` and ``filtered`` as in `score`.
        as_of : datetime, optional
            As in `score`.
        warnings : list of Fault, optional
            That it has no events, and kinds of events and categories that the model does not know,
            are added to it.
        with_reasons : bool
            Whether to tell the reasons as well.
        are_people : bool
            Whether the events are a run's own, from which those of machines were taken out when
            its export was read.
        extra : sequence of str
            As in `score`.

        Returns
        -------
        Score
            What `score` gives for this lead, bit for bit.

        Raises
        ------
        FaultsError
            If there is no ``lead_id``, no ``created_at`` where the source is dated or one before
            1980, a value is of the wrong type, or a time has no time zone; all at once.
        """
        moment = as_of or (datetime.now(UTC) if self.is_dated else None)
        lead = canonical_texts(lead, self.bundle.manifest.origin.attribute_types)
        wrong = [*wrong_changes(lead.get(CHANGES)), *wrong_history(lead.get(ACCOUNT_HISTORY))]
        if not wrong:
            lead = with_typed_changes(lead, self.bundle.manifest.origin.attribute_types)
        rules = self.bundle.plan.people
        done: Sequence[Any] = events
        if rules is not None and not are_people:
            done = people_only_of_one(rules, lead, events)
        asked = check_one(self.bundle.plan, lead, done, moment, wrong)
        row = asked.values.reshape(1, -1)
        if warnings is not None:
            warnings += without_events_of_one(self.bundle.plan, done)
            warnings += age_of_one(self.bundle, asked, lead.get("created_at"))
            warnings += without_account(self.bundle.plan, lead)
            warnings += not_served_one(lead, self.bundle.manifest.origin.serves)
            warnings += other_kinds_of_one(self.bundle.plan, (event[1] for event in done))
            warnings += unknown_categories(self.bundle, row)
        return score_row(
            self.bundle,
            asked.lead_id,
            asked.as_of,
            row,
            with_reasons=with_reasons,
            extra=asked_parts(extra, self.bundle.extras),
        )

    def example(self) -> pl.DataFrame:
        """Make two leads as this bundle takes them, all in one table, times and events as texts.

        Returns
        -------
        pl.DataFrame
            As `score_pandas` takes them.
        """
        return example_leads(self.bundle.plan, self.bundle.manifest.origin.attribute_types)

    def score_pandas(
        self, frame: "pandas.DataFrame", extra: Sequence[str] = ()
    ) -> "pandas.DataFrame":
        """Score leads in a pandas table, events and all; see `leadcast.serve.pandas_tables`.

        Parameters
        ----------
        frame : pandas.DataFrame
            As `score` takes leads; times may be texts in ISO format with a zone, and ``events``
            may hold each lead's events as JSON.
        extra : sequence of str
            As in `score`.

        Returns
        -------
        pandas.DataFrame
            As `score` gives it, with ``as_of`` as text in ISO format.

        Raises
        ------
        LeadcastError
            As `score` does, or if events cannot be read.
        """
        from leadcast.serve.pandas_tables import from_pandas, to_pandas

        leads, events = from_pandas(frame, self.bundle.manifest.origin.attribute_types)
        return to_pandas(self.score(leads, events, extra=extra))
