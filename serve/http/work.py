"""Scores leads of a request, one after the other, and lets others in between."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from features.errors import Fault, LeadcastError
from serve.batch_parts import summed
from serve.http.problems import FieldFault, invalid, of_leads
from serve.http.questions import Question
from serve.scorer import Scorer
from serve.scores import Score

SECONDS_AT_A_TIME = 0.005


async def score_question(
    scorer: Scorer, question: Question, warnings: list[Fault], *, with_reasons: bool = False
) -> Sequence[Score]:
    """Score every lead of a request, or none.

    After `SECONDS_AT_A_TIME` other requests get their turn, so that many leads of one caller do
    not hold up one lead of another, and a time limit can end the work.

    Parameters
    ----------
    scorer : Scorer
    question : Question
        As `serve.http.questions.Questions.read` gives it.
    warnings : list of Fault
        What was worked around is added to it, counted over the leads.
    with_reasons : bool
        Whether to tell each score's reasons as well, which takes far longer.

    Returns
    -------
    sequence of Score
        In the order of the leads: for each what `Scorer.score` gives, bit for bit.

    Raises
    ------
    Problem
        If leads repeat or cannot be scored; tells all of them.
    """
    leads = question["leads"]
    as_of = question.get("as_of") or (datetime.now(UTC) if scorer.is_dated else None)
    _refuse_repeated(leads, as_of)
    scores: list[Score] = []
    errors: list[tuple[int, LeadcastError]] = []
    found: list[Fault] = []
    turn_ends = time.perf_counter() + SECONDS_AT_A_TIME
    for number, lead in enumerate(leads):
        try:
            scores.append(_score(scorer, lead, as_of, found, with_reasons))
        except LeadcastError as error:
            errors.append((number, error))
        if time.perf_counter() > turn_ends:
            await asyncio.sleep(0)
            turn_ends = time.perf_counter() + SECONDS_AT_A_TIME
    if errors:
        raise of_leads(errors)
    warnings += [*_names(scorer, leads), *summed(found)]
    return scores


def _score(
    scorer: Scorer,
    lead: Mapping[str, Any],
    as_of: datetime | None,
    warnings: list[Fault],
    with_reasons: bool,
) -> Score:
    plain = {
        **lead.get("attributes", {}),
        "lead_id": lead["lead_id"],
        "created_at": lead.get("created_at"),
    }
    events = [
        (event["occurred_at"], event["event_type"], event.get("value"))
        for event in lead.get("events", ())
    ]
    moment = lead.get("as_of") or as_of
    return scorer.score_one(plain, events, moment, warnings, with_reasons=with_reasons)


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


def _names(scorer: Scorer, leads: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Warn of attributes that the model does not know, and of those that nobody gave."""
    known = scorer.bundle.manifest.origin.attribute_types
    given = [lead.get("attributes", {}).keys() for lead in leads]
    unknown = [
        replace(_unknown(name), count=1) for names in given for name in names if name not in known
    ]
    missing = known.keys() - set[str]().union(*given)
    return [*summed(unknown), *(_missing(name, len(given)) for name in sorted(missing))]


def _unknown(name: str) -> Fault:
    expected = "only attributes that the model was trained with"
    where = f"attributes: {name!r}"
    return Fault(where, "an unknown attribute", expected, "It is left aside.", "warning")


def _missing(name: str, count: int) -> Fault:
    where, remedy = f"attributes: {name!r}", "It counts as missing; add it if it is known."
    return Fault(where, "no such attribute in any lead", "one", remedy, "warning", count)
