"""Parts of the result: what the lists are worth, what is not seen, and scores made of both."""

from typing import Literal

from models.comparison.parts import Difference, Measured, Part
from models.comparison.result_ranking import Ranking


class Worth(Part):
    """What one list is worth at the capacity.

    Parameters
    ----------
    calls, customers, expected_customers : float
        Calls in all weeks; customers reached; the sum of the probabilities of those called.
    revenue : float or None
        Amounts of the customers reached.
    cost : float or None
        Of the calls.
    cost_per_customer : float or None
    profit : float or None
    """

    calls: float
    customers: float
    expected_customers: float
    revenue: float | None
    cost: float | None
    cost_per_customer: float | None
    profit: float | None


class Value(Part):
    """What the lists are worth.

    Parameters
    ----------
    learned, points : Worth
    value_per_customer : float or None
        As told, else the mean of the known amounts.
    known_amounts : float
        Share of the customers whose amount is known.
    probability_at_capacity, points_at_capacity : float or None
        The threshold that the capacity implies: the median over weeks of the last value called.
    probability_worth_a_call : float or None
        The threshold that the value implies: cost of a call over value of a customer.
    calls_worth_it : float or None
        Calls a week that this threshold would fill.
    best_calls_learned, best_calls_points : float or None
        The capacity of the highest profit.
    words : tuple of str
    """

    learned: Worth
    points: Worth
    value_per_customer: float | None
    known_amounts: float
    probability_at_capacity: float | None
    points_at_capacity: float | None
    probability_worth_a_call: float | None
    calls_worth_it: float | None
    best_calls_learned: float | None
    best_calls_points: float | None
    words: tuple[str, ...]


class Subset(Part):
    """The ranking on a part of the leads."""

    name: str
    ranking: Ranking | None
    words: str


class Selection(Part):
    """What the old points have done to the outcomes that one compares on.

    Parameters
    ----------
    known_from : str or None
        What tells which leads were worked; null where nothing does.
    worked, unworked : int
        Leads on the list.
    worked_conversion, unworked_conversion : Measured
    only_worked, random_slice : Subset or None
        The comparison on the worked leads, and on those that were worked at random.
    words : tuple of str
    """

    known_from: str | None
    worked: int
    unworked: int
    worked_conversion: Measured
    unworked_conversion: Measured
    only_worked: Subset | None
    random_slice: Subset | None
    words: tuple[str, ...]


class Missing(Part):
    """Leads without points.

    Parameters
    ----------
    leads : int
        On the call list, with or without points.
    without : int
        Of these, without.
    conversion_with, conversion_without : Measured
    p_value : float or None
        Of points missing at random as far as the outcome goes (Fisher's exact test).
    auc_without : Measured
        Of the learned score, on the snapshots without points.
    with_them_last : Subset or None
        The comparison on all leads, those without points at the end of the points' list.
    words : tuple of str
    """

    leads: int
    without: int
    conversion_with: Measured
    conversion_without: Measured
    p_value: float | None
    auc_without: Measured
    with_them_last: Subset | None
    words: tuple[str, ...]


class Hybrid(Part):
    """A score made of both, fitted on the learning part and judged on the test.

    Parameters
    ----------
    name : {"points_as_feature", "bands_as_rule"}
    words : str
        How it is made.
    added_points : dict of str to float
        For ``bands_as_rule``: what each grade adds to the points; else empty.
    fitted_on : int
        Rows of the learning part that it was fitted on.
    auc : Measured
        On the test's snapshots.
    against_learned, against_points : Difference
        The hybrid's AUC minus the other's.
    reached : float
        Customers that it reaches at the capacity.
    helps : bool
        Whether it ranks better than both, each difference showing.
    """

    name: Literal["points_as_feature", "bands_as_rule"]
    words: str
    added_points: dict[str, float]
    fitted_on: int
    auc: Measured
    against_learned: Difference
    against_points: Difference
    reached: float
    helps: bool


class Hybrids(Part):
    """Scores made of both; none where there is too little to fit them on."""

    hybrids: tuple[Hybrid, ...]
    words: tuple[str, ...]
