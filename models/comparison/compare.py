"""The whole comparison, from rows with both scores to its result."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.models.charts.numbers import duration
from leadcast.models.comparison.compared_rows import BLOCK_LEADS, Capacities, Compared
from leadcast.models.comparison.groups import bands, segmented
from leadcast.models.comparison.headline import headline
from leadcast.models.comparison.hybrid import Past, hybrids
from leadcast.models.comparison.result import About, Comparison, Missing, Week
from leadcast.models.comparison.score_ranking import lists_of, rank, replicate
from leadcast.models.comparison.swap import Described, swap_set
from leadcast.models.comparison.unseen import missing, selection
from leadcast.models.comparison.value import Money, capacities_of, value_of


@dataclass(frozen=True)
class ComparisonQuestion:
    """How to compare.

    Parameters
    ----------
    source : str
        The source's name.
    points_from : str
        Where the points come from, in words.
    calls_per_week : float or None
        The team's capacity; None: a fifth of a mean week's leads.
    money : Money
    replicates, seed : int
        Of the bootstrap.
    points_after_days : float
        The age from which on the points are known.
    worked_from : str or None
        What tells which leads were worked.
    """

    source: str
    points_from: str
    calls_per_week: float | None = None
    money: Money = field(default_factory=Money)
    replicates: int = 2000
    seed: int = 0
    points_after_days: float = 0.0
    worked_from: str | None = None


def compare_scores(
    every: Compared,
    question: ComparisonQuestion,
    described: Described | None = None,
    past: Past | None = None,
    *,
    too_young: int = 0,
) -> Comparison:
    """Compare the learned score with points on the same snapshots.

    Parameters
    ----------
    every : Compared
        Test snapshots, with and without points.
    question : ComparisonQuestion
    described : Described, optional
        A row for each row of the call list of the snapshots that have points.
    past : Past, optional
        Of the learning part, for hybrids and for what bands meant before.
    too_young : int
        How many test snapshots were left out as their points were not known yet.

    Returns
    -------
    Comparison

    Raises
    ------
    LeadcastError
        If no lead on the call list has points, or all that have ended alike.
    """
    compared = every.with_points
    listed = compared.on_list
    _refuse_what_cannot_be_compared(every, listed)
    every_capacity = every.capacities(question.calls_per_week)
    capacities = every_capacity.for_part(listed, every.on_list)
    segments, names = listed.segments()
    seeds = {"replicates": question.replicates, "seed": question.seed}
    drawn = replicate(listed, capacities, segments, **seeds)
    ranking = rank(compared, capacities, drawn)
    curve = capacities_of(listed, capacities, drawn, question.money)
    absent = missing(every, every_capacity, question.seed)
    team = next(one for one in curve if one.calls_per_week == capacities.calls_per_week)
    currency = question.money.currency
    head = headline(
        *(ranking, capacities.calls_per_week, every.per, every.n_weeks), team.earned, currency
    )
    notes = (*head.more, *_beware(every, question, absent, too_young))
    return Comparison(
        about=_about(every, question, capacities, too_young),
        headline=head.model_copy(update={"more": notes}),
        ranking=ranking,
        capacities=curve,
        weeks=_weeks(listed, capacities),
        swap=swap_set(listed, capacities.team, described),
        bands=bands(
            listed.floats("points"),
            listed.floats("probability"),
            listed.floats("converted"),
            None if past is None else past.listed(),
        ),
        segments=segmented(compared, names, drawn),
        value=value_of(listed, capacities, curve, question.money),
        selection=selection(compared, capacities, question.worked_from, question.seed),
        missing=absent,
        hybrids=hybrids(compared, capacities.team, past),
    )


def _refuse_what_cannot_be_compared(every: Compared, listed: Compared) -> None:
    if listed.frame.is_empty():
        raise LeadcastError(
            f"none of the {every.on_list.frame.height:,} leads on the call list has points; check "
            "rules_score in the source's definition, or the rules"
        )
    customers = int(listed.frame["converted"].sum())
    if customers in (0, listed.frame.height):
        told = "none" if customers == 0 else "each"
        raise LeadcastError(
            f"nothing to compare: {told} of the {listed.frame.height:,} leads with points on the "
            "call list became a customer; bring a longer history, or lengthen horizon_days"
        )


def _beware(
    every: Compared, question: ComparisonQuestion, absent: Missing, too_young: int
) -> tuple[str, ...]:
    notes = []
    if too_young:
        notes.append(
            f"{too_young:,} test snapshots are younger than "
            f"{duration(question.points_after_days)}, when the points were not known yet; "
            "neither score is judged on them."
        )
    if absent.without:
        notes.append(absent.words[0])
    if not every.is_dated:
        notes.append(
            f"The source has no dates: {BLOCK_LEADS} leads in the order of the test stand for a "
            "week."
        )
    return tuple(notes)


def _about(
    every: Compared, question: ComparisonQuestion, capacities: Capacities, too_young: int
) -> About:
    as_of = every.on_list.frame["as_of"]
    first, last = (None if end is None else end.isoformat() for end in (as_of.min(), as_of.max()))  # type: ignore[union-attr]
    told = question.calls_per_week is not None
    return About(
        source=question.source,
        points_from=question.points_from,
        calls_per_week=capacities.calls_per_week,
        capacity_from="told" if told else "a fifth of a mean week's leads",
        week=every.per,
        weeks=every.n_weeks,
        call_landmark_days=every.landmark_days,
        points_after_days=question.points_after_days,
        replicates=question.replicates,
        seed=question.seed,
        cost_per_call=question.money.cost_per_call,
        currency=question.money.currency,
        first_as_of=first,
        last_as_of=last,
        test_snapshots=every.frame.height + too_young,
        too_young=too_young,
    )


def _weeks(listed: Compared, capacities: Capacities) -> tuple[Week, ...]:
    converted = listed.floats("converted")
    learned, points = (each.called(capacities.team) for each in lists_of(listed))
    amounts = {
        "leads": np.ones(len(converted)),
        "customers": converted,
        "calls": learned,
        "learned": learned * converted,
        "points": points * converted,
    }
    by_week = pl.DataFrame({"week": listed.week, **amounts}).group_by("week").sum().sort("week")
    return tuple(
        Week.model_validate(row | {"week": listed.weeks[row["week"]]})
        for row in by_week.iter_rows(named=True)
    )
