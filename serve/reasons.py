"""Reasons: what made a lead's probability what it is, exactly, and in words for people.

All is on the log-odds scale, where a learner's parts add up:

    log_odds = base + groups (fit, engagement, source, timing) + calibrator
    groups   = up + down + others, feature by feature

The base is what all leads have in common, a contribution what the lead's own value of a feature
adds to it: the curve's height for the regression, the Shapley value for the trees (Lundberg et
al. 2018), both times their weights in the blend. The calibrator bends the sum of all features, so
that its effect belongs to none of them and is told by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, Self

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.registry import Feature, Group
from leadcast.models.bundle.bundle import Bundle
from leadcast.models.bundle.feature_words import value_words
from leadcast.models.data import Floats, Integers, Matrix

GROUPS: tuple[Group, ...] = ("fit", "engagement", "source", "timing")
MOST = 4
"""At most so many reasons each way."""
ROWS_AT_ONCE = 5_000
"""Rows are explained in blocks of so many, so that memory stays bounded."""
BETWEEN = " | "
"""Stands between reasons that are told in one text."""
LIKE_ALL = (0.95, 1.05)
"""Between these, leads convert as often as all."""
NEGLIGIBLE = 1e-9
"""Less than this on the log-odds scale is rounding, and no reason."""


@dataclass(frozen=True)
class Reason:
    """One feature's part in a lead's log-odds."""

    feature: str
    """The feature's name."""
    group: Group
    """Who the lead is, what it did, where it came from, or when."""
    contribution: float
    """What the lead's value adds to its log-odds; negative where it takes away."""
    words: str
    """What it is, the lead's own value, and how often leads with such a value converted."""


@dataclass(frozen=True)
class Groups:
    """What the features of each of the registry's groups add to the log-odds together."""

    fit: float
    engagement: float
    source: float
    timing: float


@dataclass(frozen=True)
class Reasons:
    """A lead's log-odds, split into parts that add up.

    Parameters
    ----------
    log_odds : float
        Of the lead's probability: base, groups and calibrator together.
    base : float
        What all leads have in common.
    groups : Groups
        What each group of features adds.
    calibrator : float
        What the calibrator adds.
    up, down : tuple of Reason
        The features that raise and lower the log-odds most, the strongest first; at most `MOST`.
    others : float
        What the features that are not among them add together.
    """

    log_odds: float
    base: float
    groups: Groups
    calibrator: float
    up: tuple[Reason, ...]
    down: tuple[Reason, ...]
    others: float


def reasons_of(bundle: Bundle, values: Matrix) -> list[Reasons]:
    """Explain rows of features."""
    words = _Words(bundle)
    blocks = range(0, len(values), ROWS_AT_ONCE)
    return [
        reasons
        for first in blocks
        for reasons in _block(bundle, words, values[first : first + ROWS_AT_ONCE])
    ]


def _block(bundle: Bundle, words: "_Words", values: Matrix) -> Iterator[Reasons]:
    contributions, base = bundle.learner.contributions(values)
    raw = bundle.learner.log_odds(values)
    log_odds = bundle.calibrator.log_odds(raw)
    groups = _by_group(bundle.plan.features, contributions)
    chosen = zip(_strongest(contributions), _strongest(-contributions), strict=True)
    for row, (ups, downs) in enumerate(chosen):
        parts, own = contributions[row], values[row]
        up, down = (
            tuple(words.reason(place, float(own[place]), float(parts[place])) for place in places)
            for places in (ups, downs)
        )
        told = sum(reason.contribution for reason in (*up, *down))
        yield Reasons(
            log_odds=float(log_odds[row]),
            base=float(base[row]),
            groups=Groups(*groups[row].tolist()),
            calibrator=float(log_odds[row] - raw[row]),
            up=up,
            down=down,
            others=float(parts.sum()) - told,
        )


def _by_group(features: Sequence[Feature], contributions: Floats) -> Floats:
    columns = [[i for i, feature in enumerate(features) if feature.group == g] for g in GROUPS]
    # In rows that lie together, whose sums do not depend on how many rows there are.
    parts = [np.ascontiguousarray(contributions[:, places]) for places in columns]
    return np.stack([part.sum(axis=1) for part in parts], axis=1)


def rate_words(ratio: float) -> str:
    """Say how often leads with such a value converted."""
    if np.isnan(ratio):
        return ""
    if ratio == 0:
        return "; no lead like this has converted so far"
    if LIKE_ALL[0] <= ratio < LIKE_ALL[1]:
        return "; leads like this convert as often as all"
    return f"; leads like this convert {ratio:.{1 if ratio >= 0.1 else 2}f} times as often"


def contradicts(ratio: float, *, raises: bool) -> bool:
    """Tell whether what such leads did speaks against what the value does to this one's score.

    Both are right: a rate counts whatever such leads have in common, a contribution this value
    alone, beside all others. Told in one line they would contradict one another.
    """
    return ratio < LIKE_ALL[0] if raises else ratio >= LIKE_ALL[1]


class _Words:
    """Words for a feature's value, made once for each value that comes up again."""

    def __init__(self, bundle: Bundle) -> None:
        self._features, self._rates = bundle.plan.features, bundle.rates
        self._known: dict[tuple[int, float, bool], str] = {}

    def reason(self, place: int, value: float, contribution: float) -> Reason:
        key = (place, value, contribution > 0)
        if key not in self._known:
            self._known[key] = self._made(*key)
        feature = self._features[place]
        return Reason(feature.name, feature.group, contribution, self._known[key])

    def _made(self, place: int, value: float, raises: bool) -> str:
        feature, ratio = self._features[place], np.nan
        if self._rates is not None:
            is_number = feature.dtype == "number"
            ratio = self._rates.ratio(place, np.array([value]), is_number=is_number)[0]
        if contradicts(ratio, raises=raises):
            ratio = np.nan
        # Of a logarithm the amount itself is told, so that its words need no bracket.
        words = feature.words.partition(" (")[0] if feature.is_log10 else feature.words
        return f"{words}: {value_words(feature, value)}{rate_words(ratio)}"


def _strongest(contributions: Floats) -> Iterator[list[int]]:
    """Find in each row the columns of the largest positive numbers, the largest first."""
    # Sorted stably, so that the same row has the same reasons wherever it stands.
    order = np.argsort(-contributions, axis=1, kind="stable")[:, :MOST]
    largest = np.take_along_axis(contributions, order, axis=1)
    for places, numbers in zip(order, largest, strict=True):
        yield places[numbers > NEGLIGIBLE].tolist()


_REASON = pl.Struct(
    {
        "feature": pl.String(),
        "group": pl.String(),
        "contribution": pl.Float64(),
        "words": pl.String(),
    }
)
REASONS = pl.Struct(
    {
        "log_odds": pl.Float64(),
        "base": pl.Float64(),
        "groups": pl.Struct({group: pl.Float64() for group in GROUPS}),
        "calibrator": pl.Float64(),
        "up": pl.List(_REASON),
        "down": pl.List(_REASON),
        "others": pl.Float64(),
    }
)
"""The column ``reasons``: the fields of `reasons.Reasons`; null where none are asked."""


@dataclass(frozen=True)
class ReasonsAsked:
    """For which leads reasons are wanted; they cost far more than scores.

    Parameters
    ----------
    which : {"none", "all", "cut", "top"}
        Nobody, everybody, the leads above the cut (of grade A), or those that score highest.
    top : int
        How many, where they are those that score highest.
    """

    which: Literal["none", "all", "cut", "top"] = "none"
    top: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a user wrote.

        Parameters
        ----------
        text : str
            ``"none"``, ``"all"``, ``"cut"`` or ``"top:200"``.

        Returns
        -------
        ReasonsAsked

        Raises
        ------
        LeadcastError
            If it is none of these.
        """
        if text in ("none", "all", "cut"):
            return cls(text)  # type: ignore[arg-type]
        name, _, number = text.partition(":")
        if name != "top" or not number.isascii() or not number.isdigit() or int(number) < 1:
            raise LeadcastError(
                f"reasons: found {text!r}; expected top:N (for the N leads that score highest), "
                "cut (those of grade A), all or none"
            )
        return cls("top", int(number))

    def __str__(self) -> str:
        return f"top:{self.top}" if self.which == "top" else self.which

    def rows(self, bundle: Bundle, probability: Floats) -> Integers:
        """Choose the leads to explain.

        Parameters
        ----------
        bundle : Bundle
            Knows where the cut is.
        probability : ndarray of float64, shape (n_rows,)

        Returns
        -------
        ndarray of int64
            Rows, ascending.
        """
        if self.which == "top":
            # Of equal ones the first, so that it is always so many.
            first = np.argsort(-probability, kind="stable")[: self.top]
            return np.sort(first).astype(np.int64)
        if self.which == "cut":
            return np.flatnonzero(probability >= bundle.reference.bounds[0])
        return np.arange(len(probability) if self.which == "all" else 0)


NO_REASONS = ReasonsAsked()


def reasons_column(bundle: Bundle, values: Matrix, rows: Integers) -> pl.Series:
    """Explain some rows of a table."""
    column: list[dict[str, object] | None] = [None] * len(values)
    explained: Sequence[Reasons] = reasons_of(bundle, values[rows])
    for row, reasons in zip(rows.tolist(), explained, strict=True):
        column[row] = asdict(reasons)
    return pl.Series("reasons", column, dtype=REASONS)
