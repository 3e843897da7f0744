"""A profile against what converts: each criterion, in and out, and the profile as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from leadcast.models.audit.lead_outcomes import Contrast, LeadOutcomes
from leadcast.models.data import Flags, Integers
from leadcast.models.evaluation.bootstrap import Estimate
from leadcast.models.profile_fit.ideal_profile import IdealProfile
from leadcast.models.rules.answers import answers_of, read_values
from leadcast.models.rules.conditions import AttributeCondition

MARGIN = 0.25
"""A difference of less than this share of the overall rate does not matter."""
TELLS, WRONG_WAY, NOTHING, UNKNOWN = "tells", "wrong way", "does nothing", "not known yet"


@dataclass(frozen=True)
class Answers:
    """Who meets a criterion.

    Parameters
    ----------
    inside, outside : ndarray of bool, shape (n_leads,)
        Who meets it, and who does not; neither where the lead has no such value.
    """

    inside: Flags
    outside: Flags

    @property
    def known(self) -> Flags:
        """Of whom it can be told."""
        return self.inside | self.outside


@dataclass(frozen=True)
class CriterionFit:
    """What a criterion does.

    Parameters
    ----------
    name, words : str
        What it is called, and what it asks.
    leads_inside, leads_outside, leads_unknown : int
        So many leads meet it, do not, and have no such value.
    contrast : Contrast
        How those who meet it convert beside those who do not.
    unknown : Estimate
        How those convert of whom it cannot be told.
    verdict : str
        `TELLS`, `WRONG_WAY`, `NOTHING` (the difference is surely too small to matter) or `UNKNOWN`.
    """

    name: str
    words: str
    leads_inside: int
    leads_outside: int
    leads_unknown: int
    contrast: Contrast
    unknown: Estimate
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "name": self.name,
            "words": self.words,
            "leads_inside": self.leads_inside,
            "leads_outside": self.leads_outside,
            "leads_unknown": self.leads_unknown,
            "unknown": self.unknown.to_json(),
            "fit": self.verdict,
            **self.contrast.to_json(),
        }


@dataclass(frozen=True)
class ProfileFit:
    """What a profile does.

    Parameters
    ----------
    base : Estimate
        How all leads convert.
    known : int
        Of so many leads it is known.
    criteria : tuple of CriterionFit
    whole : Contrast
        Leads inside the profile beside those outside.
    share_inside : float
        Of all leads with a known outcome.
    reached : float or None
        The share of the customers who are inside; None without customers.
    by_met : list of dict
        By the number of criteria met: ``met``, ``leads``, ``value``, ``low``, ``high``.
    """

    base: Estimate
    known: int
    criteria: tuple[CriterionFit, ...]
    whole: Contrast
    share_inside: float
    reached: float | None
    by_met: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "base": self.base.to_json(),
            "known": self.known,
            "criteria": [one.to_json() for one in self.criteria],
            "whole": self.whole.to_json() | {"fit": verdict_of(self.whole.difference, self.base)},
            "share_inside": self.share_inside,
            "reached": self.reached,
            "by_met": self.by_met,
        }


def answers(condition: AttributeCondition, leads: pl.DataFrame) -> Answers:
    """Tell who meets a condition, who does not, and of whom it cannot be told."""
    values = read_values(condition, leads)
    if values.dtype == pl.String:
        values = values.str.strip_chars().replace("", None)
    given = (values.is_not_null() & values.is_not_nan() if values.dtype.is_float()
             else values.is_not_null()).to_numpy()  # fmt: skip
    held = answers_of(condition, values)
    return Answers(held & given, ~held & given)


def inside_of(profile: IdealProfile, leads: pl.DataFrame) -> tuple[Flags, Integers]:
    """Tell who is inside a profile, and how many criteria each lead meets.

    Parameters
    ----------
    profile : IdealProfile
    leads : pl.DataFrame
        As `leadcast.features.tables.Tables.leads`.

    Returns
    -------
    inside : ndarray of bool, shape (n_leads,)
    met : ndarray of int64, shape (n_leads,)
        What cannot be told is not met.
    """
    each = [answers(one, leads).inside for one in profile.conditions.values()]
    met = np.sum(each, axis=0).astype(np.int64)
    return met >= profile.needed, met


def judge_profile(profile: IdealProfile, outcomes: LeadOutcomes) -> ProfileFit:
    """Hold a profile against what converts.

    Parameters
    ----------
    profile : IdealProfile
    outcomes : LeadOutcomes

    Returns
    -------
    ProfileFit
        A profile that was learned must be judged on other leads than those it was learned from.
    """
    leads, known = outcomes.leads, outcomes.known
    everybody = np.ones(leads.height, dtype=bool)
    base = outcomes.rate(everybody)
    criteria = tuple(
        _criterion(name, condition, outcomes, base)
        for name, condition in profile.conditions.items()
    )
    inside, met = inside_of(profile, leads)
    won = known & (outcomes.converted == 1.0)
    by_met = [
        {"met": number, "leads": int((known & (met == number)).sum())}
        | outcomes.rate(met == number).to_json()
        for number in range(len(criteria) + 1)
    ]
    return ProfileFit(
        base,
        int(known.sum()),
        criteria,
        outcomes.contrast(inside),
        float(inside[known].mean()) if known.any() else 0.0,
        float(inside[won].mean()) if won.any() else None,
        by_met,
    )


def _criterion(
    name: str, condition: AttributeCondition, outcomes: LeadOutcomes, base: Estimate
) -> CriterionFit:
    found = answers(condition, outcomes.leads)
    contrast = outcomes.contrast(found.inside, found.known)
    return CriterionFit(
        name,
        condition_words(condition),
        int(found.inside.sum()),
        int(found.outside.sum()),
        int((~found.known).sum()),
        contrast,
        outcomes.rate(~found.known),
        verdict_of(contrast.difference, base),
    )


def verdict_of(difference: Estimate, base: Estimate) -> str:
    """Say what a difference between in and out comes to.

    Parameters
    ----------
    difference : Estimate
        In less out.
    base : Estimate
        How all leads convert, by which it is told what would matter.

    Returns
    -------
    str
        `TELLS` or `WRONG_WAY` where the interval lies on one side of nothing; `NOTHING` where it
        lies within `MARGIN` of the overall rate; else `UNKNOWN`.
    """
    if difference.low is None or difference.high is None or base.value is None:
        return UNKNOWN
    margin = MARGIN * base.value
    if -margin <= difference.low and difference.high <= margin:
        return NOTHING
    if difference.low > 0:
        return TELLS
    return WRONG_WAY if difference.high < 0 else UNKNOWN


def condition_words(condition: AttributeCondition) -> str:
    """Say what a condition asks."""
    field = condition.attribute.replace("_", " ")
    if condition.read_as in ("seniority", "job_function", "email_kind", "email_domain"):
        field = f"{condition.read_as.replace('_', ' ')} by {field}"
    return f"{field} {'not ' if condition.negated else ''}{_asked(condition)}"


def _asked(condition: AttributeCondition) -> str:
    if condition.span is not None:
        low, high = condition.span.min, condition.span.max
        ends = [f"from {low:,g}"] if low is not None else []
        ends += [f"to {high:,g}"] if high is not None else []
        ends += [f"below {condition.span.below:,g}"] if condition.span.below is not None else []
        return " ".join(ends)
    if condition.matches is not None:
        return f"like {condition.matches}"
    if condition.contains:
        return f"with {_listed(condition.contains)}"
    return _listed(condition.one_of if condition.equals is None else (condition.equals,))


def _listed(values: Sequence[str]) -> str:
    told = ", ".join(values[:6])
    return f"{told}, … ({len(values)})" if len(values) > 6 else told
