"""What both lists are worth: customers, revenue, the cost of calls, and where it stops paying."""

from dataclasses import dataclass

import numpy as np

from leadcast.models.charts.numbers import percent
from leadcast.models.comparison.compared_rows import Capacities, Compared
from leadcast.models.comparison.lists import WeeklyList
from leadcast.models.comparison.result import Capacity, Value, Worth
from leadcast.models.comparison.score_ranking import (
    Replicated,
    around,
    interval,
    lists_of,
)
from leadcast.models.data import Floats


@dataclass(frozen=True)
class Money:
    """What a call costs and a customer is worth, in one currency.

    Parameters
    ----------
    cost_per_call : float or None
    value_per_customer : float or None
        None: the mean of the known amounts.
    """

    cost_per_call: float | None = None
    value_per_customer: float | None = None

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
            )
        )
    return tuple(found)


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
    return value.model_copy(update={"words": _words(value)})


def _worth(each: WeeklyList, listed: Compared, capacity: Floats, money: Money) -> Worth:
    called, converted = each.called(capacity), listed.floats("converted")
    customers, calls = float((called * converted).sum()), float(called.sum())
    amount = np.nan_to_num(listed.floats("amount")) * converted
    revenue = float((called * amount).sum()) if len(_amounts(listed)) else None
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
    amount = listed.floats("amount")[listed.floats("converted") == 1]
    return np.asarray(amount[np.isfinite(amount)])


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


def _words(value: Value) -> tuple[str, ...]:
    learned, points = value.learned, value.points
    words = [
        f"Of {learned.calls:,.0f} calls, {learned.customers:,.0f} reach a customer by the learned "
        f"score (it expected {learned.expected_customers:,.0f}) and {points.customers:,.0f} by the "
        "points."
    ]
    if learned.revenue is not None and points.revenue is not None:
        words.append(
            f"The customers reached bring {learned.revenue:,.0f} against {points.revenue:,.0f}; "
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
