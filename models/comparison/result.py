"""What a comparison of the learned score with points comes to: the content of comparison.json.

`Comparison.model_validate` reads back what `Comparison.to_json` wrote.
"""

from typing import Literal

from models.comparison.parts import Part
from models.comparison.result_groups import Bands, Segmented, Swap
from models.comparison.result_ranking import Capacity, Headline, Ranking, Week
from models.comparison.result_value import Hybrids, Missing, Selection, Value


class About(Part):
    """What was compared, and how.

    Parameters
    ----------
    source : str
    points_from : str
        ``score column Lead Points``, ``rules rules.yaml``.
    calls_per_week : float
        The capacity; where nothing is dated, calls for every block of leads.
    capacity_from : str
        Who said so: ``told``, or the default share.
    week : str
        What stands for a week: ``week``, or ``block of 100 leads``.
    call_landmark_days : float or None
        The age at which a lead stands on the call list; null where nothing is dated.
    points_after_days : float
        The age from which on the points are known; younger snapshots are not compared.
    replicates, seed : int
        Of the bootstrap.
    cost_per_call : float or None
    first_as_of, last_as_of : str or None
        The time that the call list covers.
    test_snapshots : int
        In the test, of any age, with or without points.
    too_young : int
        Snapshots from before the points were known.
    """

    source: str
    points_from: str
    calls_per_week: float
    capacity_from: str
    week: str
    call_landmark_days: float | None
    points_after_days: float
    replicates: int
    seed: int
    cost_per_call: float | None
    first_as_of: str | None
    last_as_of: str | None
    test_snapshots: int
    too_young: int


class Comparison(Part):
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
