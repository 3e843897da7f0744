"""What a user says must only rise or only fall."""

from collections.abc import Mapping

from features.errors import Fault, FaultsError
from features.registry import Feature


def directions(features: tuple[Feature, ...], wanted: Mapping[str, int]) -> dict[int, int]:
    """Look up the features whose effect is constrained.

    Parameters
    ----------
    features : tuple of Feature
    wanted : mapping of str to int
        Feature names to -1 (falling) or 1 (rising).

    Returns
    -------
    dict of int to int
        By the features' places.

    Raises
    ------
    FaultsError
        If a name is unknown, or belongs to a category, which has no order; tells all of them.
    """
    places = {feature.name: place for place, feature in enumerate(features)}
    faults = []
    for name in wanted:
        if name not in places:
            remedy = f"Known names: {', '.join(sorted(places)[:20])}."
            faults.append(Fault(f"monotone: '{name}'", "no such feature", "a feature", remedy))
        elif features[places[name]].dtype == "category":
            remedy = "Take it out of `monotone`."
            faults.append(Fault(f"monotone: '{name}'", "a category", "a number or flag", remedy))
    if faults:
        raise FaultsError("learner settings", faults)
    return {places[name]: direction for name, direction in wanted.items()}
