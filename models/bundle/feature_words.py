"""A feature's value in words."""

from dataclasses import replace

import numpy as np

from leadcast.features.registry import Feature

LONGEST_VALUE = 60


def value_words(feature: Feature, value: float) -> str:
    """Say a lead's own value of a feature.

    Parameters
    ----------
    feature : Feature
    value : float
        As the matrix has it: NaN where it is unknown, the code of a category.

    Returns
    -------
    str
    """
    if np.isnan(value):
        return "unknown"
    if feature.dtype == "flag":
        return "yes" if value else "no"
    if feature.dtype == "category":
        level = feature.levels[int(value) - 1] if value else "a rare or new value"
        return level if len(level) <= LONGEST_VALUE else level[: LONGEST_VALUE - 1] + "…"
    if feature.is_log10:
        amount = _rounded(10.0 ** min(value, 308.0) - 1)
        return value_words(
            replace(feature, is_log10=False), float(round(amount)) if amount > 1 else amount
        )
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.3g}"
    return f"{value:.3g}"


def as_the_field_says(feature: Feature, words: str, raw: object) -> str:
    """Put what a lead's own field says in the place of the amount that was read from it.

    Parameters
    ----------
    feature : Feature
    words : str
        Of a reason: the feature's, its value after a colon, and what such leads did after a
        semicolon.
    raw : object
        What the field says (``"201-500"``), as the lead has it.

    Returns
    -------
    str
        The words as they are, where the feature is no amount or the field holds no text.
    """
    if not feature.is_log10 or not isinstance(raw, str) or not raw.strip():
        return words
    name, colon, rest = words.partition(": ")
    _, semicolon, rate = rest.partition(";")
    said = raw.strip()
    said = said if len(said) <= LONGEST_VALUE else said[: LONGEST_VALUE - 1] + "…"
    return f"{name}{colon}{said}{semicolon}{rate}"


def _rounded(amount: float) -> float:
    # To what is left of it after a logarithm in single precision.
    return float(f"{amount:.4g}")
