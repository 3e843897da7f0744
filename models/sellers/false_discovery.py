"""Saying of whom something is true, so that few of those of whom it is said are not."""

from collections.abc import Mapping

FALSE_SHARE = 0.05
"""So large may the expected share of the falsely found be, of all that are found."""


def found_with_few_false(probability: Mapping[str, float], share: float = FALSE_SHARE) -> set[str]:
    """Choose names by how likely it is true of them.

    Taken by falling probability, as long as the mean doubt over those taken is small (Newton and
    others 2004, Biostatistics 5: Bayesian false discovery rate).

    Parameters
    ----------
    probability : mapping of str to float
        By name, how likely it is true.
    share : float
        The mean doubt that is allowed.

    Returns
    -------
    set of str

    Examples
    --------
    >>> sorted(found_with_few_false({"a": 0.999, "b": 0.94, "c": 0.2}))
    ['a', 'b']
    """
    found, doubt = set[str](), 0.0
    for name, likely in sorted(probability.items(), key=lambda one: (-one[1], one[0])):
        doubt += 1 - likely
        if doubt > share * (len(found) + 1):
            break
        found.add(name)
    return found
