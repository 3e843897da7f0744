"""What a user says must only rise or only fall."""

from collections.abc import Mapping

from features.errors import Fault, FaultsError
from features.registry import Feature
from features.sources.names import nearest_first


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
        where = f"model.monotone: {name!r}"
        if name not in places:
            near = ", ".join(nearest_first(name, places)[:5])
            remedy = f"Take its name in the report's table of features. The most alike: {near}."
            faults.append(Fault(where, "no such feature", "a feature", remedy))
        elif features[places[name]].dtype == "category":
            remedy = "Take it out: a category has no order to rise or fall by."
            faults.append(Fault(where, "a category", "a number or flag", remedy))
    if faults:
        raise FaultsError("learner settings", faults)
    return {places[name]: direction for name, direction in wanted.items()}
