"""What both lists are worth: customers, revenue, the cost of calls, and where it stops paying."""

from dataclasses import dataclass

import numpy as np

from leadcast.models.charts.numbers import percent
from leadcast.models.comparison.compared_rows import Capacities, Compared
from leadcast.models.comparison.headline import amount, whole
from leadcast.models.comparison.lists import Segments, WeeklyList
from leadcast.models.comparison.result import Capacity, Earned, Measured, Value, Worth
from leadcast.models.comparison.score_ranking import (
    Replicated,
    around,
    interval,
    lists_of,
)
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.bootstrap import LEVEL
from leadcast.models.evaluation.delong import reach_of


@dataclass(frozen=True)
class Money:
    """What a call costs and a customer is worth, in one currency.

    Parameters
    ----------
    cost_per_call : float or None
    value_per_customer : float or None
        None: the mean of the known amounts.
    currency : str or None
        Of both and of the amounts, as it is written before them; None where nobody said.
    """

    cost_per_call: float | None = None
    value_per_customer: float | None = None
    currency: str | None = None

    def per_customer(self, listed: Compared) -> float | None:
        """Give what a customer is worth: as told, else the mean of the list's known amounts."""
        if self.value_per_customer is not None:
            return self.value_per_customer
        known = _amounts(listed)
        return float(known.mean()) if len(known) else None


def capacities_of(
    listed: Compared, capacities: Capacities, drawn: Replicated, money: Money
) -> tuple[Capacity, ...]:
    """Measure both lists at every capacity."""
    lists, found = lists_of(listed), []
    earned = _earned(lists, listed, capacities, drawn.freedom, money)
    for k, per_week in enumerate(capacities.per_week):
        worths = [_worth(each, listed, capacities.calls[:, k], money) for each in lists]
        draws = drawn.customers[:, :, k]
        seen = [reached.customers[k] for reached in drawn.seen]
        found.append(
            Capacity(
                calls_per_week=float(per_week),
                calls=worths[0].calls,
                learned=interval(seen[0], draws[:, 0]),
                points=interval(seen[1], draws[:, 1]),
                difference=around(seen[0] - seen[1], draws[:, 0] - draws[:, 1], drawn.freedom),
                expected_learned=worths[0].expected_customers,
                expected_points=worths[1].expected_customers,
                revenue_learned=worths[0].revenue,
                revenue_points=worths[1].revenue,
                profit_learned=worths[0].profit,
                profit_points=worths[1].profit,
                earned=earned[k] if earned else None,
            )
        )
    return tuple(found)


def _earned(
    lists: tuple[WeeklyList, WeeklyList],
    listed: Compared,
    capacities: Capacities,
    freedom: int,
    money: Money,
) -> list[Earned]:
    """Measure what the customers reached bring, at every capacity; empty where it is not known.

    Intervals have the standard error of the linearised sum (see `lists`), clustered on leads (or
    accounts), of which the bootstrap of the customers reached is a simulation.
    """
    worth = _worth_of_each(listed, money)
    if worth is None:
        return []
    nothing = Segments.none(len(worth))
    calls, chosen = capacities.calls, capacities.chosen
    rates = [each.at_cut(worth, calls, nothing, chosen).customers for each in lists]
    found = []
    for k in range(calls.shape[1]):
        called = [each.called(calls[:, k]) for each in lists]
        parts = [share * (worth - rate[k]) for share, rate in zip(called, rates, strict=True)]
        sums = [float((share * worth).sum()) for share in called]
        learned, points = (
            _sum_around(total, part, listed.group, freedom, least=0.0)
            for total, part in zip(sums, parts, strict=True)
        )
        gap = _sum_around(sums[0] - sums[1], parts[0] - parts[1], listed.group, freedom)
        found.append(Earned(learned=learned, points=points, difference=gap))
    return found


def _sum_around(
    value: float, part: Floats, group: Integers, freedom: int, least: float = -np.inf
) -> Measured:
    each = np.bincount(group, part)
    if freedom < 1 or len(each) < 2:
        return Measured(value=value)
    reach = reach_of(float(np.sqrt(len(each) * each.var())), freedom, LEVEL)
    return Measured(value=value, low=max(value - reach, least), high=value + reach)


def _worth_of_each(listed: Compared, money: Money) -> Floats | None:
    """Give what each row's customer brings; 0 for those that did not convert, None if not known."""
    converted = listed.floats("converted")
    if money.value_per_customer is not None:
        return converted * money.value_per_customer
    if not len(_amounts(listed)):
        return None
    return np.asarray(np.nan_to_num(listed.floats("amount")) * converted)


def value_of(
    listed: Compared, capacities: Capacities, curve: tuple[Capacity, ...], money: Money
) -> Value:
    """Tell what both lists are worth, and which thresholds capacity and value imply."""
    lists, worth_a_call = lists_of(listed), None
    learned, points = (_worth(each, listed, capacities.team, money) for each in lists)
    each = money.per_customer(listed)
    if each and money.cost_per_call is not None:
        worth_a_call = min(money.cost_per_call / each, 1.0)
    probability = listed.floats("probability")
    weeks = max(float(capacities.share.sum()), 1e-9)
    customers = max(float(listed.floats("converted").sum()), 1.0)
    enough = None if worth_a_call is None else float((probability >= worth_a_call).sum() / weeks)
    value = Value(
        learned=learned,
        points=points,
        value_per_customer=each,
        known_amounts=len(_amounts(listed)) / customers,
        probability_at_capacity=_cut(lists[0], listed, probability, capacities.team),
        points_at_capacity=_cut(lists[1], listed, listed.floats("points"), capacities.team),
        probability_worth_a_call=worth_a_call,
        calls_worth_it=enough,
        best_calls_learned=_best(curve, "profit_learned"),
        best_calls_points=_best(curve, "profit_points"),
        words=(),
    )
    return value.model_copy(update={"words": _words(value, money.currency)})


def _worth(each: WeeklyList, listed: Compared, capacity: Floats, money: Money) -> Worth:
    called, converted = each.called(capacity), listed.floats("converted")
    customers, calls = float((called * converted).sum()), float(called.sum())
    bought = np.nan_to_num(listed.floats("amount")) * converted
    revenue = float((called * bought).sum()) if len(_amounts(listed)) else None
    cost = None if money.cost_per_call is None else money.cost_per_call * calls
    each_one = money.per_customer(listed)
    earned = revenue if money.value_per_customer is None else customers * (each_one or 0.0)
    return Worth(
        calls=calls,
        customers=customers,
        expected_customers=float((called * listed.floats("probability")).sum()),
        revenue=revenue,
        cost=cost,
        cost_per_customer=cost / customers if cost is not None and customers > 0 else None,
        profit=None if cost is None or earned is None else earned - cost,
    )


def _amounts(listed: Compared) -> Floats:
    known = listed.floats("amount")[listed.floats("converted") == 1]
    return np.asarray(known[np.isfinite(known)])


def _cut(each: WeeklyList, listed: Compared, value: Floats, capacity: Floats) -> float | None:
    # The last value called in each week that cannot call everybody.
    called, week = each.called(capacity), listed.week
    cuts = [
        float(value[(week == one) & (called > 0)].min())
        for one in np.unique(week)
        if (called[week == one] > 0).any() and (called[week == one] < 1).any()
    ]
    return float(np.median(cuts)) if cuts else None


def _best(curve: tuple[Capacity, ...], name: str) -> float | None:
    known = [(getattr(one, name), -one.calls_per_week) for one in curve]
    known = [(profit, calls) for profit, calls in known if profit is not None]
    return -max(known)[1] if known else None


def _words(value: Value, currency: str | None) -> tuple[str, ...]:
    learned, points = value.learned, value.points
    words = [
        f"Of {learned.calls:,.0f} calls, {whole(learned.customers):,} reach a customer by the "
        f"learned score (it expected {whole(learned.expected_customers):,}) and "
        f"{whole(points.customers):,} by the points."
    ]
    if learned.revenue is not None and points.revenue is not None:
        words.append(
            f"The customers reached bring {amount(learned.revenue, currency)} against "
            f"{amount(points.revenue, currency)}; "
            f"the amount of {percent(value.known_amounts)} of all customers is known."
        )
    if value.probability_at_capacity is not None and value.points_at_capacity is not None:
        words.append(
            "The capacity implies a threshold of about "
            f"{percent(value.probability_at_capacity)} probability, or "
            f"{value.points_at_capacity:g} points."
        )
    if value.probability_worth_a_call is not None and value.calls_worth_it is not None:
        words.append(
            "A call pays for itself from a probability of "
            f"{percent(value.probability_worth_a_call)} on, if calling makes the sale: "
            f"{value.calls_worth_it:,.0f} leads a week have it."
        )
    return tuple(words)
