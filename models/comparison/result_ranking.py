"""Parts of the result: how well both rank, and what they reach at each capacity."""

from models.comparison.parts import Measured, Pair, Part, Verdict


class Ranking(Part):
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


class Capacity(Part):
    """Both lists at one capacity.

    Parameters
    ----------
    calls_per_week : float
    calls : float
        In all weeks together.
    learned, points, difference : Measured
        Customers reached.
    expected_learned, expected_points : float
        Sums of the probabilities of those called: what was to be expected before.
    revenue_learned, revenue_points : float or None
        Amounts of the customers reached; null where no amount is known.
    profit_learned, profit_points : float or None
        What the customers are worth minus what the calls cost; null where either is not known.
    """

    calls_per_week: float
    calls: float
    learned: Measured
    points: Measured
    difference: Measured
    expected_learned: float
    expected_points: float
    revenue_learned: float | None = None
    revenue_points: float | None = None
    profit_learned: float | None = None
    profit_points: float | None = None


class Headline(Part):
    """The result in words.

    Parameters
    ----------
    verdict : {"learned", "points", "undecided"}
        Which reaches more customers at the capacity; undecided where the interval holds 0.
    words : str
        One sentence, or two.
    more : tuple of str
        What else must be known to read it.
    """

    verdict: Verdict
    words: str
    more: tuple[str, ...] = ()


class Week(Part):
    """One week (or block of leads, where nothing is dated) of the call list."""

    week: str
    leads: int
    customers: int
    calls: float
    learned: float
    points: float
