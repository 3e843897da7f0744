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


def _rounded(amount: float) -> float:
    # To what is left of it after a logarithm in single precision.
    return float(f"{amount:.4g}")
