"""Parts of the result: who changes place, what points mean, and where which score ranks better."""

from typing import Literal

from models.comparison.parts import Difference, Measured, Part, Verdict


class SwapSide(Part):
    """Leads that one list calls and the other does not; tied leads count in part.

    Parameters
    ----------
    leads, customers : float
    conversion : Measured
        Share that converted.
    probability, points : float or None
        Means.
    amount : float or None
        Sum of the known amounts of those that converted.
    """

    leads: float
    customers: float
    conversion: Measured
    probability: float | None
    points: float | None
    amount: float | None


class Trait(Part):
    """What is more frequent, or higher, among the leads that only the learned score calls.

    Parameters
    ----------
    feature : str
        The feature's name.
    words : str
        In words: ``source is Referral``, ``pricing pages viewed in the last 7 days``.
    learned, points : float
        Share (or mean) among the leads that only the learned score, only the points call.
    kind : {"share", "mean"}
    distance : float
        The difference in standard deviations of all leads on the list.
    """

    feature: str
    words: str
    learned: float
    points: float
    kind: Literal["share", "mean"]
    distance: float


class SwapLead(Part):
    """A lead of the swap set.

    Parameters
    ----------
    only : {"learned", "points"}
        Which list calls it.
    called_learned, called_points : float
        Share of it that each list calls (between 0 and 1 where points are tied at the cut).
    reasons : tuple of str
        What moves its probability most, with sign.
    ledger : tuple of str
        Which rules gave its points; empty for a score column, whose rules are not known.
    """

    lead_id: str
    as_of: str | None
    week: str
    only: Literal["learned", "points"]
    called_learned: float
    called_points: float
    converted: bool
    amount: float | None
    probability: float
    points: float
    rank_learned: float
    rank_points: float
    reasons: tuple[str, ...] = ()
    ledger: tuple[str, ...] = ()


class Swap(Part):
    """What changes if the learned score makes the list.

    Parameters
    ----------
    both, neither, only_learned, only_points : SwapSide
    words : tuple of str
    traits : tuple of Trait
        The strongest first.
    leads : tuple of SwapLead
        At most `models.comparison.swap.MOST_LEADS` a side, the highest ranked first; every lead
        is in leads.parquet.
    """

    both: SwapSide
    neither: SwapSide
    only_learned: SwapSide
    only_points: SwapSide
    words: tuple[str, ...]
    traits: tuple[Trait, ...]
    leads: tuple[SwapLead, ...]


class Band(Part):
    """Leads within a band of points or of probabilities.

    Parameters
    ----------
    label : str
        ``65 to 74 points``, ``2 % to 5 %``.
    low, high : float
        The lowest and the highest value in it.
    leads, customers : int
    conversion : Measured
        Wilson's interval.
    probability : float or None
        The mean.
    learned_from_past : float or None
        The share that converted among the leads of the learning part in this band.
    words : str
        ``65 to 74 points: 12 % become customers``.
    """

    label: str
    low: float
    high: float
    leads: int
    customers: int
    conversion: Measured
    probability: float | None = None
    learned_from_past: float | None = None
    words: str = ""


class OutOfOrder(Part):
    """Two neighbouring bands of which the higher converts less.

    Parameters
    ----------
    lower, higher : str
        Their labels.
    p_value : float or None
        Of no difference, adjusted by Holm for the number of neighbours.
    shows : bool
        Whether it is more than chance.
    """

    lower: str
    higher: str
    p_value: float | None
    shows: bool


class Cell(Part):
    """A cell of the agreement matrix: its bands by their number, from the lowest."""

    points_band: int
    probability_band: int
    leads: int
    customers: int
    conversion: Measured


class Bands(Part):
    """What points mean, and where both scores agree.

    Parameters
    ----------
    points, probability : tuple of Band
        From the lowest.
    cells : tuple of Cell
        Of the agreement matrix; cells without leads are left out.
    out_of_order : tuple of OutOfOrder
    rank_correlation : float or None
        Spearman's, between points and probabilities.
    words : tuple of str
    """

    points: tuple[Band, ...]
    probability: tuple[Band, ...]
    cells: tuple[Cell, ...]
    out_of_order: tuple[OutOfOrder, ...]
    rank_correlation: float | None
    words: tuple[str, ...]


class Segment(Part):
    """Both scores within one segment.

    Parameters
    ----------
    dimension, value : str
        ``industry``, ``software``.
    snapshots, leads, customers : int
    auc_learned, auc_points : Measured
    auc_difference : Difference
        Its `p_value` is of this segment alone.
    adjusted_p_value : float or None
        Adjusted by Holm for every segment that was looked at.
    winner : {"learned", "points", "undecided"}
        By the adjusted p-value, at 5 %.
    reached_learned, reached_points : float
        Customers of the segment that each list reaches at the capacity.
    reached_difference : Measured
    """

    dimension: str
    value: str
    snapshots: int
    leads: int
    customers: int
    auc_learned: Measured
    auc_points: Measured
    auc_difference: Difference
    adjusted_p_value: float | None
    winner: Verdict
    reached_learned: float
    reached_points: float
    reached_difference: Measured


class Segmented(Part):
    """Every segment that is large enough, and what stays of it after looking at so many."""

    segments: tuple[Segment, ...]
    method: str
    words: tuple[str, ...]
