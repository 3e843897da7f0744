"""What a comparison of the learned score with points comes to: the content of comparison.json.

Frozen plain data, strict about its keys; `Comparison.model_validate` reads back what
`Comparison.to_json` wrote. `headline` puts it into a sentence.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Verdict = Literal["learned", "points", "undecided"]
HybridName = Literal["points_as_feature", "bands_as_rule"]


class ResultPart(BaseModel):
    """A part of a comparison: immutable, strict about its keys, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return self.model_dump(mode="json")


class Measured(ResultPart):
    """A number with its 95 % interval, null where it is not defined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Difference(Measured):
    """Learned minus points."""

    standard_error: float | None = None
    p_value: float | None = None
    """Two-sided, of no difference."""
    detectable: float | None = None
    """The smallest true difference that this much data shows in four of five cases (at 95 %, two-
    sided): 2.8 standard errors."""
    shows: bool = False
    """Whether the interval leaves 0 out."""


class Pair(ResultPart):
    """One figure of both scores, and their difference."""

    learned: Measured
    points: Measured
    difference: Difference


class SwapSide(ResultPart):
    """Leads that one list calls and the other does not; tied leads count in part."""

    leads: float
    customers: float
    conversion: Measured
    """Share that converted."""
    probability: float | None
    points: float | None
    """Means."""
    amount: float | None
    """Sum of the known amounts of those that converted."""


class Trait(ResultPart):
    """What is more frequent, or higher, among the leads that only the learned score calls."""

    feature: str
    """The feature's name."""
    words: str
    """In words: ``source is Referral``, ``pricing pages viewed in the last 7 days``."""
    learned: float
    points: float
    """Share (or mean) among the leads that only the learned score, only the points call."""
    kind: Literal["share", "mean"]
    distance: float
    """The difference in standard deviations of all leads on the list."""


class SwapLead(ResultPart):
    """A lead of the swap set."""

    lead_id: str
    as_of: str | None
    week: str
    only: Literal["learned", "points"]
    """Which list calls it."""
    called_learned: float
    called_points: float
    """Share of it that each list calls (between 0 and 1 where points are tied at the cut)."""
    converted: bool
    amount: float | None
    probability: float
    points: float
    rank_learned: float
    rank_points: float
    reasons: tuple[str, ...] = ()
    """What moves its probability most, with sign."""
    ledger: tuple[str, ...] = ()
    """Which rules gave its points; empty for a score column, whose rules are not known."""


class Swap(ResultPart):
    """What changes if the learned score makes the list."""

    both: SwapSide
    neither: SwapSide
    only_learned: SwapSide
    only_points: SwapSide
    words: tuple[str, ...]
    traits: tuple[Trait, ...]
    """The strongest first."""
    leads: tuple[SwapLead, ...]
    """At most `swap.MOST_LEADS` a side, the highest ranked first; every lead is in
    leads.parquet."""


class Band(ResultPart):
    """Leads within a band of points or of probabilities."""

    label: str
    """``65 to 74 points``, ``2 % to 5 %``."""
    low: float
    high: float
    """The lowest and the highest value in it."""
    leads: int
    customers: int
    conversion: Measured
    """Wilson's interval."""
    probability: float | None = None
    """The mean."""
    learned_from_past: float | None = None
    """The share that converted among the leads of the learning part in this band."""
    words: str = ""
    """``65 to 74 points: 12 % become customers``."""


class OutOfOrder(ResultPart):
    """Two neighbouring bands of which the higher converts less."""

    lower: str
    higher: str
    """Their labels."""
    p_value: float | None
    """Of no difference, adjusted by Holm for the number of neighbours."""
    shows: bool
    """Whether it is more than chance."""


class Cell(ResultPart):
    """A cell of the agreement matrix: its bands by their number, from the lowest."""

    points_band: int
    probability_band: int
    leads: int
    customers: int
    conversion: Measured


class Bands(ResultPart):
    """What points mean, and where both scores agree."""

    points: tuple[Band, ...]
    probability: tuple[Band, ...]
    """From the lowest."""
    cells: tuple[Cell, ...]
    """Of the agreement matrix; cells without leads are left out."""
    out_of_order: tuple[OutOfOrder, ...]
    rank_correlation: float | None
    """Spearman's, between points and probabilities."""
    words: tuple[str, ...]


class Segment(ResultPart):
    """Both scores within one segment."""

    dimension: str
    value: str
    """``industry``, ``software``."""
    snapshots: int
    leads: int
    customers: int
    auc_learned: Measured
    auc_points: Measured
    auc_difference: Difference
    """Its `p_value` is of this segment alone."""
    adjusted_p_value: float | None
    """Adjusted by Holm for every segment that was looked at."""
    winner: Verdict
    """By the adjusted p-value, at 5 %."""
    reached_learned: float
    reached_points: float
    """Customers of the segment that each list reaches at the capacity."""
    reached_difference: Measured


class Segmented(ResultPart):
    """Every segment that is large enough, and what stays of it after looking at so many."""

    segments: tuple[Segment, ...]
    method: str
    words: tuple[str, ...]


class Ranking(ResultPart):
    """How well both rank the same rows.

    Parameters
    ----------
    snapshots, leads, customers : int
        Test snapshots with both scores; the leads on the call list, and how many converted.
    auc_snapshots : Pair
        On every snapshot, DeLong's intervals clustered on leads (or accounts).
    auc : Pair
        Likewise on the call list, where a lead stands once.
    average_precision : Pair
        On the call list within each week, weighted by the week's customers.
    reached : Pair
        Customers reached at the capacity.
    gain : Pair
        The same as a share of all customers.
    """

    snapshots: int
    leads: int
    customers: int
    auc_snapshots: Pair
    auc: Pair
    average_precision: Pair
    reached: Pair
    gain: Pair


class Earned(ResultPart):
    """What the customers reached bring, in the currency of the amounts."""

    learned: Measured
    points: Measured
    difference: Measured
    """Each with its 95 % interval; the difference is learned minus points."""


class Capacity(ResultPart):
    """Both lists at one capacity."""

    calls_per_week: float
    calls: float
    """In all weeks together."""
    learned: Measured
    points: Measured
    difference: Measured
    """Customers reached."""
    expected_learned: float
    expected_points: float
    """Sums of the probabilities of those called: what was to be expected before."""
    revenue_learned: float | None = None
    revenue_points: float | None = None
    """Amounts of the customers reached; null where no amount is known."""
    profit_learned: float | None = None
    profit_points: float | None = None
    """What the customers are worth minus what the calls cost; null where either is not known."""
    earned: Earned | None = None
    """What the customers are worth, with intervals; null where it is not known."""


class Headline(ResultPart):
    """The result in words."""

    verdict: Verdict
    """Which reaches more customers at the capacity; undecided where the interval holds 0."""
    words: str
    """One sentence, or two, in customers."""
    money: str = ""
    """What these customers bring; empty where it is not known."""
    less_revenue: bool = False
    """Whether the list that reaches more customers brings less."""
    sure: str = ""
    """The difference with its interval."""
    more: tuple[str, ...] = ()
    """What else must be known to read it."""


class Week(ResultPart):
    """One week (or block of leads, where nothing is dated) of the call list."""

    week: str
    leads: int
    customers: int
    calls: float
    learned: float
    points: float


class Worth(ResultPart):
    """What one list is worth at the capacity."""

    calls: float
    customers: float
    expected_customers: float
    """Calls in all weeks; customers reached; the sum of the probabilities of those called."""
    revenue: float | None
    """Amounts of the customers reached."""
    cost: float | None
    """Of the calls."""
    cost_per_customer: float | None
    profit: float | None


class Value(ResultPart):
    """What the lists are worth."""

    learned: Worth
    points: Worth
    value_per_customer: float | None
    """As told, else the mean of the known amounts."""
    known_amounts: float
    """Share of the customers whose amount is known."""
    probability_at_capacity: float | None
    points_at_capacity: float | None
    """The threshold that the capacity implies: the median over weeks of the last value called."""
    probability_worth_a_call: float | None
    """The threshold that the value implies: cost of a call over value of a customer."""
    calls_worth_it: float | None
    """Calls a week that this threshold would fill."""
    best_calls_learned: float | None
    best_calls_points: float | None
    """The capacity of the highest profit."""
    words: tuple[str, ...]


class Subset(ResultPart):
    """The ranking on a part of the leads."""

    name: str
    ranking: Ranking | None
    words: str


class Selection(ResultPart):
    """What the old points have done to the outcomes that one compares on."""

    known_from: str | None
    """What tells which leads were worked; null where nothing does."""
    worked: int
    unworked: int
    """Leads on the list."""
    worked_conversion: Measured
    unworked_conversion: Measured
    only_worked: Subset | None
    random_slice: Subset | None
    """The comparison on the worked leads, and on those that were worked at random."""
    words: tuple[str, ...]


class Missing(ResultPart):
    """Leads without points."""

    leads: int
    """On the call list, with or without points."""
    without: int
    """Of these, without."""
    conversion_with: Measured
    conversion_without: Measured
    p_value: float | None
    """Of points missing at random as far as the outcome goes (Fisher's exact test)."""
    auc_without: Measured
    """Of the learned score, on the snapshots without points."""
    with_them_last: Subset | None
    """The comparison on all leads, those without points at the end of the points' list."""
    words: tuple[str, ...]


class Hybrid(ResultPart):
    """A score made of both, fitted on the learning part and judged on the test."""

    name: HybridName
    words: str
    """How it is made."""
    added_points: dict[str, float]
    """For ``bands_as_rule``: what each grade adds to the points; else empty."""
    fitted_on: int
    """Rows of the learning part that it was fitted on."""
    auc: Measured
    """On the test's snapshots."""
    against_learned: Difference
    against_points: Difference
    """The hybrid's AUC minus the other's."""
    reached: float
    """Customers that it reaches at the capacity."""
    helps: bool
    """Whether it ranks better than both, each difference showing."""


class Hybrids(ResultPart):
    """Scores made of both; none where there is too little to fit them on."""

    hybrids: tuple[Hybrid, ...]
    words: tuple[str, ...]


class About(ResultPart):
    """What was compared, and how."""

    source: str
    points_from: str
    """``score column Lead Points``, ``rules rules.yaml``."""
    calls_per_week: float
    """The capacity; where nothing is dated, calls for every block of leads."""
    capacity_from: str
    """Who said so: ``told``, or the default share."""
    week: str
    """What stands for a week: ``week``, or ``block of 100 leads``."""
    weeks: int | None = None
    """How many of these the call list covers, rounded."""
    call_landmark_days: float | None
    """The age at which a lead stands on the call list; null where nothing is dated."""
    points_after_days: float
    """The age from which on the points are known; younger snapshots are not compared."""
    replicates: int
    seed: int
    """Of the bootstrap."""
    cost_per_call: float | None
    currency: str | None = None
    """Of the amounts and the costs; null where nobody said."""
    first_as_of: str | None
    last_as_of: str | None
    """The time that the call list covers."""
    test_snapshots: int
    """In the test, of any age, with or without points."""
    too_young: int
    """Snapshots from before the points were known."""


class Comparison(ResultPart):
    """The learned score against points, on the same leads at the same moments."""

    schema_version: Literal[1] = 1
    about: About
    headline: Headline
    ranking: Ranking
    capacities: tuple[Capacity, ...]
    weeks: tuple[Week, ...]
    swap: Swap
    bands: Bands
    segments: Segmented
    value: Value
    selection: Selection
    missing: Missing
    hybrids: Hybrids
