"""Scores leads of a request, one after the other, and lets others in between."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from leadcast.features.base.errors import Fault, LeadcastError
from leadcast.features.changes.attribute_changes import derived_types, tracked
from leadcast.features.changes.history_told import some_of
from leadcast.features.nonhuman.people_events import people_only_of_one
from leadcast.features.nonhuman.people_rules import PeopleRules
from leadcast.features.tables import ACCOUNT_HISTORY, CHANGES
from leadcast.models.bundle.extra_parts import asked_parts
from leadcast.serve.asked import created_too_early, is_too_early
from leadcast.serve.batch.parts import summed
from leadcast.serve.plain_tables import canonical_id
from leadcast.serve.requests.problems import FieldFault, invalid, of_leads, shortened
from leadcast.serve.requests.questions import RequestQuestion
from leadcast.serve.requests.turns import Turn
from leadcast.serve.scorer import Scorer
from leadcast.serve.scores import Score

MOST_UNKNOWN = 100
"""So many attributes that the model does not know are told by name."""


async def score_question(
    scorer: Scorer,
    question: RequestQuestion,
    warnings: list[Fault],
    turn: Turn,
    *,
    with_reasons: bool = False,
    extra: Sequence[str] = (),
) -> Sequence[Score]:
    """Score every lead of a request, or none.

    Others get their turn after every lead, so that many leads of one caller do not hold up one
    lead of another, and a time limit can end the work.

    Parameters
    ----------
    scorer : Scorer
    question : RequestQuestion
        As `leadcast.serve.requests.questions.Questions.read` gives it.
    warnings : list of Fault
        What was worked around is added to it, counted over the leads.
    turn : Turn
        This request's.
    with_reasons : bool
        Whether to tell each score's reasons as well, which takes far longer.
    extra : sequence of str
        Optional parts of the bundle whose columns to add.

    Returns
    -------
    sequence of Score
        In the order of the leads: for each what `Scorer.score` gives, bit for bit.

    Raises
    ------
    Problem
        If leads repeat or cannot be scored, all of them (also one whose id identifies nobody, or
        that came to be before 1980), or the bundle has not such a part.
    """
    leads, parts = _usable(question.leads, is_dated=scorer.is_dated), _parts(scorer, extra)
    as_of = question.as_of or (datetime.now(UTC) if scorer.is_dated else None)
    _refuse_repeated(leads, as_of)
    scores: list[Score] = []
    errors: list[tuple[int, LeadcastError]] = []
    found: list[Fault] = []
    for number, lead in enumerate(leads):
        of_lead: list[Fault] = []
        try:
            scores.append(_score(scorer, lead, as_of, of_lead, (with_reasons, parts)))
        except LeadcastError as error:
            errors.append((number, error))
        found = summed([*found, *of_lead])
        await turn.pause()
    if errors:
        raise of_leads(errors)
    warnings += [*_names(scorer, question), *found]
    return scores


def _score(
    scorer: Scorer,
    lead: Mapping[str, Any],
    as_of: datetime | None,
    warnings: list[Fault],
    more: tuple[bool, tuple[str, ...]],
) -> Score:
    with_reasons, extra = more
    plain = {
        **lead.get("attributes", {}),
        "lead_id": lead["lead_id"],
        "created_at": lead.get("created_at"),
    }
    if "attribute_changes" in lead:
        plain[CHANGES] = lead["attribute_changes"]
    if "account" in lead:
        # Imported where it is used: few requests tell of colleagues.
        from leadcast.features.accounts.account_history import account_history

        plain[ACCOUNT_HISTORY] = account_history(lead["account"]["leads"])
    people, own = scorer.bundle.plan.people, _events(lead)
    moment = lead.get("as_of") or as_of
    if people is None:
        own = [event[:3] for event in own]
    others, pool = lead.get("same_person"), scorer.bundle.plan.pool_history
    if not others or pool is None:
        asked: Any = own
        return scorer.score_one(
            plain, asked, moment, warnings, with_reasons=with_reasons, extra=extra
        )
    # Imported where it is used: few requests tell of other records.
    from leadcast.features.identity.pooling import pooled_of_one

    if people is not None:
        # Each record is judged by itself: what others did may count from one moment on, and many
        # events at one moment are a machine's.
        own = people_only_of_one(people, plain, own)
        others = [_people_of(people, plain, record) for record in others]
    asked = own + pooled_of_one(lead["created_at"], others, pool)
    return scorer.score_one(
        plain,
        asked,
        moment,
        warnings,
        with_reasons=with_reasons,
        are_people=True,
        extra=extra,
    )


def _parts(scorer: Scorer, extra: Sequence[str]) -> tuple[str, ...]:
    try:
        return asked_parts(extra, scorer.bundle.extras)
    except LeadcastError:
        # Without what the caller has sent.
        held = ", ".join(scorer.bundle.extras) or "none, as this model has no optional parts"
        detail = f"parameter 'extra': found what this model has not; expected {held}"
        absent = invalid([FieldFault(pointer="", detail=detail)])
        raise replace(absent, kind="no-such-part", status=409) from None


def _events(record: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Give a record's events, each with what tells machines from people."""
    return [
        (event["occurred_at"], event["event_type"], event.get("value"), event)
        for event in record.get("events", ())
    ]


def _people_of(
    people: PeopleRules, lead: Mapping[str, Any], record: Mapping[str, Any]
) -> dict[str, Any]:
    """Take the events of machines out of another record of a lead."""
    kept = people_only_of_one(people, lead, _events(record))
    names = ("occurred_at", "event_type", "value")
    return {**record, "events": [dict(zip(names, event, strict=True)) for event in kept]}


def _usable(leads: Sequence[Mapping[str, Any]], *, is_dated: bool) -> list[Mapping[str, Any]]:
    """Read ids as a batch does, and refuse what it refuses of a lead that is one by its types."""
    read: list[Mapping[str, Any]] = []
    faults: list[FieldFault] = []
    for number, lead in enumerate(leads):
        lead_id, problem = canonical_id(lead["lead_id"])
        if problem is not None:
            detail = f"found a text that {problem}; expected the lead's id. Give it as it is known."
            faults.append(FieldFault(pointer=f"/leads/{number}/lead_id", detail=detail))
        if is_dated and is_too_early(lead["created_at"]):
            (fault,) = created_too_early(1)
            detail = f"found {fault.found}; expected {fault.expected}. {fault.remedy}"
            faults.append(FieldFault(pointer=f"/leads/{number}/created_at", detail=detail))
        read.append({**lead, "lead_id": lead_id})
    if faults:
        # Not 422: the document of the service cannot say this, so by it the request is valid.
        raise replace(invalid(faults), kind="unusable", status=409)
    return read


def _refuse_repeated(leads: Sequence[Mapping[str, Any]], as_of: datetime | None) -> None:
    keys = [(lead["lead_id"], lead.get("as_of") or as_of) for lead in leads]
    if len(set(keys)) == len(leads):
        return
    first: dict[tuple[str, datetime | None], int] = {}
    faults = []
    for number, key in enumerate(keys):
        earlier = first.setdefault(key, number)
        if earlier != number:
            detail = (
                f"found the id of lead {earlier} again; expected each once at each moment. "
                "Take one out, or give it an as_of of its own."
            )
            faults.append(FieldFault(pointer=f"/leads/{number}/lead_id", detail=detail))
    # Not 422: the document of the service cannot say that ids differ, so by it this is valid.
    raise replace(invalid(faults), kind="repeated", status=409)


def _names(scorer: Scorer, question: RequestQuestion) -> Iterator[Fault]:
    """Warn of attributes that the model does not know, and of those that nobody gave."""
    unknown = list(question.unknown.items())
    for name, count in unknown[:MOST_UNKNOWN]:
        yield _unknown(f"attributes: {shortened(name)!r}", "an unknown attribute", count)
    if others := unknown[MOST_UNKNOWN:]:
        found = f"{len(others):,} more unknown attributes"
        yield _unknown("attributes", found, max(count for _, count in others))
    given = set[str]().union(*(lead.get("attributes", ()) for lead in question.leads))
    types = scorer.bundle.manifest.origin.attribute_types
    missing, names = types.keys() - given, tracked(types)
    if names and not (derived := derived_types(names).keys()) & given:
        # Nobody sends these: they are read off the history.
        missing -= derived
        if not any(CHANGES in lead for lead in question.leads):
            yield _no_history(names, len(question.leads))
    yield from (_missing(name, len(question.leads)) for name in sorted(missing))


def _unknown(where: str, found: str, count: int) -> Fault:
    expected = "only attributes that the model was trained with"
    return Fault(where, found, expected, "It is left aside.", "warning", count)


def _no_history(names: Sequence[str], count: int) -> Fault:
    remedy = (
        "How often and when they were changed counts as missing; send what was changed, and an "
        "empty list where nothing was."
    )
    expected = f"the history of {some_of(names)}"
    return Fault(CHANGES, "none of any lead", expected, remedy, "warning", count)


def _missing(name: str, count: int) -> Fault:
    where, remedy = f"attributes: {name!r}", "It counts as missing; add it if it is known."
    return Fault(where, "no such attribute in any lead", "one", remedy, "warning", count)
