"""The profile that the data suggest: learned on earlier leads alone, by few and simple criteria.

Of each field the values are ordered by how often their leads converted, drawn towards the overall
rate where there are few; of the cuts in that order the one that tells most is taken, which is the
best of all ways to part the values in two (Breiman et al. 1984, section 4.5). A range of a number
is sought likewise among its edges. A criterion is kept only where its gain is more than chance
gives the best of all that were tried, leads of one account or person taken for what they are; so a
field that tells nothing is not suggested for having been searched.

References
----------
Breiman, L., Friedman, J. H., Olshen, R. A., Stone, C. J. (1984). Classification and Regression
Trees. Wadsworth.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.values.readings import NEVER_FEATURES
from leadcast.models.audit.lead_outcomes import LeadOutcomes
from leadcast.models.data import Flags, Floats, Integers
from leadcast.models.evaluation.bootstrap import LEVEL
from leadcast.models.profile_fit.ideal_profile import IdealProfile
from leadcast.models.profile_fit.profile_judged import answers
from leadcast.models.rules.answers import read_values
from leadcast.models.rules.conditions import AttributeCondition

PRIOR_LEADS = 50.0
"""A value's rate is drawn towards the overall one as if by so many more leads."""
FEWEST = 30
"""A value needs so many earlier leads with a known outcome to be named."""
PAYS = 3.0
"""So much log-likelihood a further criterion must gain: more than chance gives one in a hundred
times (half of chi-squared)."""
MOST_VALUES = 12
SIZES = (1, 2, 11, 51, 201, 501, 1001, 5001, 10_001)
"""Edges between the sizes of companies, as forms offer them."""
_ROLES = ("industry", "company_size", "revenue", "job_title", "country")
"""Fields that say who a lead is, and may stand in any profile."""
_READ_AS: Mapping[str, tuple[str, ...]] = {
    "job_title": ("seniority", "job_function"),
    "company_size": ("size",),
    "revenue": ("amount",),
}
_NUMBERS = ("size", "amount")


@dataclass(frozen=True)
class FieldReading:
    """A field as a criterion reads it.

    Parameters
    ----------
    name : str
        What the criterion is called.
    attribute : str
        The field.
    read_as : str or None
        As `leadcast.models.rules.conditions.AttributeCondition` has it.
    values : pl.Series
        What is read, for each lead: texts or numbers.
    """

    name: str
    attribute: str
    read_as: str | None
    values: pl.Series

    @property
    def is_number(self) -> bool:
        """Whether it is asked by a range."""
        return self.values.dtype.is_numeric()

    def condition(self, question: Mapping[str, Any]) -> AttributeCondition:
        """Ask it."""
        read_as = {} if self.read_as is None else {"read_as": self.read_as}
        return AttributeCondition.model_validate(
            {"attribute": self.attribute, **read_as, **question}
        )


def fields_to_consider(
    profile: IdealProfile, leads: pl.DataFrame, types: Mapping[str, str]
) -> list[FieldReading]:
    """List the fields that a suggestion may use: those that say who a lead is, or are named.

    Parameters
    ----------
    profile : IdealProfile
        What is believed; its fields, and those it lets be considered, are among them.
    leads : pl.DataFrame
    types : mapping of str to str
        Each attribute's type.

    Returns
    -------
    list of FieldReading
        What leads did, and where they came from, is none unless it is named: a profile says who.
    """
    believed = {one.attribute: one.read_as for one in profile.conditions.values()}
    named = dict.fromkeys((*believed, *_ROLES, *profile.consider))
    found = []
    for attribute in named:
        kind = types.get(attribute)
        if kind in (None, "time") or attribute in NEVER_FEATURES:
            continue
        for read_as in _readings(attribute, kind, believed.get(attribute), leads):
            name = attribute if read_as in (None, *_NUMBERS) else f"{attribute}_{read_as}"
            found.append(FieldReading(name, attribute, read_as, _values(attribute, read_as, leads)))
    return [one for one in found if one.values.count()]


def _readings(
    attribute: str, kind: str | None, believed: str | None, leads: pl.DataFrame
) -> tuple[str | None, ...]:
    if leads.schema[attribute].is_numeric() or kind == "flag":
        return (None,)
    usual = _READ_AS.get(attribute, (None,) if kind == "category" else ())
    return tuple(dict.fromkeys((*usual, *([believed] if believed else []))))


def _values(attribute: str, read_as: str | None, leads: pl.DataFrame) -> pl.Series:
    condition = AttributeCondition.model_validate(
        {"attribute": attribute, "is_missing": True} | ({"read_as": read_as} if read_as else {})
    )
    values = read_values(condition, leads)
    if values.dtype.is_numeric():
        return values.cast(pl.Float64).fill_nan(None)
    return values.cast(pl.String).str.strip_chars().replace("", None)


def suggest_profile(
    believed: IdealProfile, outcomes: LeadOutcomes, types: Mapping[str, str]
) -> IdealProfile | None:
    """Learn a profile.

    Parameters
    ----------
    believed : IdealProfile
        Tells which fields to consider.
    outcomes : LeadOutcomes
        The earlier leads; those whose outcome is NaN are not looked at.
    types : mapping of str to str
        Each attribute's type.

    Returns
    -------
    IdealProfile or None
        None where no criterion tells anything.
    """
    fields = fields_to_consider(believed, outcomes.leads, types)
    # Each of so many fields has a chance to seem to tell something (Bonferroni).
    most = (1 - LEVEL) / max(len(fields), 1)
    design = _design_effect(outcomes)
    criteria: dict[str, AttributeCondition] = {}
    for field in fields:
        best = _best_question(field, outcomes.known, outcomes.converted)
        if best is not None and best.chance(design) <= most:
            criteria[field.name] = field.condition(best.question)
    if not criteria:
        return None
    return _as_profile(believed, criteria, outcomes)


def _as_profile(
    believed: IdealProfile, criteria: Mapping[str, AttributeCondition], outcomes: LeadOutcomes
) -> IdealProfile:
    known, leads = outcomes.known, outcomes.leads
    met = {name: answers(one, leads).inside[known] for name, one in criteria.items()}
    names, needed = _chosen(met, outcomes.converted[known])
    content = {
        "title": "Suggested by what converted",
        "criteria": {name: plain_criterion(name, criteria[name]) for name in names},
        **({} if needed == len(names) else {"at_least": needed}),
        **({"consider": list(believed.consider)} if believed.consider else {}),
    }
    return IdealProfile.model_validate(content)


def _chosen(met: Mapping[str, Flags], won: Floats) -> tuple[list[str], int]:
    """Add criteria one by one, each that parts best together with those before, while it pays."""
    chosen: list[str] = []
    needed, strongest = 1, 0.0
    while len(chosen) < len(met):
        tried = []
        for name in met:
            if name not in chosen:
                counts = np.sum([met[one] for one in (*chosen, name)], axis=0)
                tried.append((*_best_number(counts, won, len(chosen) + 1), name))
        gain, number, name = max(tried, key=lambda one: one[0])
        if chosen and gain < strongest + PAYS:
            break
        chosen.append(name)
        needed, strongest = number, gain
    # In the order of the fields.
    return [name for name in met if name in chosen], needed


def plain_criterion(name: str, condition: AttributeCondition) -> Any:  # noqa: ANN401 - YAML
    """Write a condition as a profile's file has it."""
    content = condition.model_dump(by_alias=True, exclude_defaults=True, mode="json")
    if "range" in content:
        ends = content["range"].items()
        content["range"] = {key: int(end) if end == int(end) else end for key, end in ends}
    if content["attribute"] == name:
        del content["attribute"]
    return content["in"] if set(content) == {"in"} else content


def plain_profile(profile: IdealProfile) -> dict[str, Any]:
    """Write a profile as plain data, which can be read as the next one.

    Parameters
    ----------
    profile : IdealProfile

    Returns
    -------
    dict
    """
    return {
        "title": profile.title,
        "criteria": {name: plain_criterion(name, one) for name, one in profile.conditions.items()},
        **({} if profile.at_least is None else {"at_least": profile.at_least}),
        **({"consider": list(profile.consider)} if profile.consider else {}),
    }


@dataclass(frozen=True)
class _Best:
    """The question to a field that tells most."""

    question: dict[str, Any]
    gain: float
    """So much log-likelihood it gains."""
    cells: int
    """Into so many parts the field could have been parted at most."""

    def chance(self, design_effect: float) -> float:
        """Give at most how likely such a gain is where the field tells nothing.

        No parting in two gains more than one into all cells, whose gain is half of chi-squared; so
        the search is paid for, whatever it tried.
        """
        from scipy.special import chdtrc

        return float(chdtrc(max(self.cells - 1, 1), max(2 * self.gain / design_effect, 0.0)))


def _design_effect(outcomes: LeadOutcomes) -> float:
    """Tell by how much leads of one account or person make a rate less sure; at least 1."""
    won = outcomes.converted[outcomes.known]
    if not len(won) or won.min() == won.max():
        return 1.0
    pulls = np.bincount(outcomes.group[outcomes.known], weights=won - won.mean())
    return max(1.0, float(pulls @ pulls) / (len(won) * float(won.var())))


def _best_question(field: FieldReading, mask: Flags, converted: Floats) -> _Best | None:
    given = mask & field.values.is_not_null().to_numpy()
    if given.sum() < 2 * FEWEST:
        return None
    values, won = field.values.filter(pl.Series(given)), converted[given]
    return _best_range(field, values, won) if field.is_number else _best_values(values, won)


def _best_values(values: pl.Series, won: Floats) -> _Best | None:
    frame = pl.DataFrame({"value": values, "won": won})
    counts = frame.group_by("value").agg(n=pl.len(), won=pl.col("won").sum())
    base = float(won.mean())
    shrunken = (pl.col("won") + PRIOR_LEADS * base) / (pl.col("n") + PRIOR_LEADS)
    ranked = counts.filter(pl.col("n") >= FEWEST).sort(shrunken, "value", descending=[True, False])
    best, strongest = None, 0.0
    total_n, total_won, n, w = len(won), float(won.sum()), 0, 0.0
    for place, row in enumerate(ranked.iter_rows(named=True), start=1):
        n, w = n + row["n"], w + row["won"]
        gain = _gain(n, w, total_n, total_won)
        if n < total_n and place <= MOST_VALUES and gain > strongest:
            best, strongest = ranked["value"][:place].to_list(), gain
    # What is too rare to be named is one more cell.
    return None if best is None else _Best({"in": sorted(best)}, strongest, ranked.height + 1)


def _best_range(field: FieldReading, values: pl.Series, won: Floats) -> _Best | None:
    numbers = values.to_numpy()
    edges = [*_edges(field, numbers)]
    total_n, total_won = len(won), float(won.sum())
    best, strongest = None, 0.0
    for low, high in _ranges(edges):
        inside = (numbers >= low) & (numbers < high)
        n = int(inside.sum())
        if FEWEST <= n <= total_n - FEWEST:
            gain = _gain(n, float(won[inside].sum()), total_n, total_won)
            if gain > strongest:
                best, strongest = (low, high), gain
    if best is None:
        return None
    ends = {"min": best[0], "below": best[1]}
    question = {"range": {name: end for name, end in ends.items() if np.isfinite(end)}}
    return _Best(question, strongest, len(edges) + 1)


def _ranges(edges: Sequence[float]) -> Iterator[tuple[float, float]]:
    ends = [-np.inf, *edges, np.inf]
    for first, low in enumerate(ends[:-1]):
        for high in ends[first + 1 :]:
            if np.isfinite(low) or np.isfinite(high):
                yield float(low), float(high)


def _edges(field: FieldReading, numbers: Floats) -> list[float]:
    if field.read_as == "size":
        return [float(size) for size in SIZES[1:]]
    quantiles = np.quantile(numbers, np.linspace(0, 1, 9)[1:-1])
    # Two digits: a profile is for people.
    return sorted({float(f"{one:.2g}") for one in quantiles})


def _best_number(met: Integers, won: Floats, most: int) -> tuple[float, int]:
    """Choose how many criteria must be met: the number that parts best, and what that gains."""
    gains = [
        _gain(int((met >= number).sum()), float(won[met >= number].sum()), len(won), won.sum())
        for number in range(1, most + 1)
    ]
    return max(gains), int(np.argmax(gains)) + 1


def _gain(n: int, won: float, total_n: int, total_won: float) -> float:
    """Give the log-likelihood that telling inside from outside gains, if inside is better."""
    rest_n, rest_won = total_n - n, total_won - won
    if not n or not rest_n or won / n <= rest_won / rest_n:
        return 0.0
    return (
        _log_likelihood(n, won)
        + _log_likelihood(rest_n, rest_won)
        - _log_likelihood(total_n, total_won)
    )


def _log_likelihood(n: float, won: float) -> float:
    lost = n - won
    return float(
        (won * np.log(won / n) if won > 0 else 0.0) + (lost * np.log(lost / n) if lost > 0 else 0.0)
    )
