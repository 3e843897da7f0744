"""The ideal customer profile (ICP) as a file: who is believed to buy, criterion by criterion."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from leadcast.features.base.errors import Fault, FaultsError, did_you_mean
from leadcast.features.base.files import read_text
from leadcast.features.definitions.yaml_lines import (
    Key,
    ModelWords,
    ReadYaml,
    read_yaml,
    validated,
    where,
)
from leadcast.features.values.readings import NEVER_FEATURES
from leadcast.models.rules.answers import column_faults, folded, read_values
from leadcast.models.rules.conditions import (
    AttributeCondition,
    Conditions,
    Name,
    Question,
    ReadAs,
    RuleSection,
    at_least_one,
)
from leadcast.models.rules.patterns import pattern_faults
from leadcast.models.rules.points_table import Rule, RuleTable

DOCUMENT = "docs/icp.md"
_WORDS = ModelWords("an ideal customer profile", DOCUMENT)


class Criterion(Question):
    """One criterion: a question to a field, as the conditions of points tables ask it.

    Parameters
    ----------
    attribute : str or None
        The field; None: it is called as the criterion.
    read_as : str or None
        What is read off a text before it is asked: ``size``, ``amount``, ``seniority``,
        ``job_function``, ``email_kind``, ``email_domain`` or ``phone_is_valid``.
    """

    attribute: Name | None = None
    read_as: ReadAs | None = None

    @model_validator(mode="after")
    def _knows_nothing_of_gaps(self) -> "Criterion":
        if self.is_missing is not None:
            raise ValueError("a question to a value; who has none is told apart anyway")
        return self

    def condition(self, name: str) -> AttributeCondition:
        """Put it as a condition on an attribute."""
        asked = self.model_dump(by_alias=True, exclude_defaults=True)
        return AttributeCondition.model_validate({"attribute": name, **asked})


def _as_question(value: object) -> object:
    if isinstance(value, str):
        return {"equals": value}
    return {"in": value} if isinstance(value, list) else value


class IdealProfile(RuleSection):
    """A profile; `docs/icp.md` explains each key.

    Parameters
    ----------
    title : str
        What it is.
    criteria : dict of str to Criterion
        What the ideal customer is like; a list of values is short for ``in:``.
    at_least : int or None
        So many criteria must be met to be inside; None: all.
    consider : tuple of str
        Further fields that a suggested profile may use.
    """

    title: str = ""
    criteria: Annotated[
        dict[Name, Annotated[Criterion, BeforeValidator(_as_question)]],
        AfterValidator(at_least_one),
    ]
    at_least: Annotated[int, Field(ge=1)] | None = None
    consider: Annotated[
        tuple[Name, ...], BeforeValidator(lambda it: [it] if isinstance(it, str) else it)
    ] = ()
    _read: ReadYaml | None = PrivateAttr(default=None)
    _name: str = PrivateAttr(default="profile")

    @cached_property
    def conditions(self) -> Mapping[str, AttributeCondition]:
        """Each criterion as a condition, by its name."""
        return {name: one.condition(name) for name, one in self.criteria.items()}

    @property
    def needed(self) -> int:
        """So many criteria must be met to be inside."""
        return len(self.criteria) if self.at_least is None else self.at_least

    def fault(self, key: Key, found: str, expected: str, remedy: str) -> Fault:
        """Make a fault of a key of the file."""
        line = 0 if self._read is None else self._read.line_of(key)
        place = self._name if self._read is None else where(self._read, self._name, key)
        return Fault(place, found, expected, remedy, line=line)


def load_profile(path: Path, leads: pl.DataFrame | None = None) -> IdealProfile:
    """Read a profile from its file, and check it against itself and against the leads.

    Parameters
    ----------
    path : Path
        The YAML file.
    leads : pl.DataFrame, optional
        As for `check_profile`; without it no data is asked.

    Returns
    -------
    IdealProfile

    Raises
    ------
    FaultsError
        With every fault of the file: the line, the key, and the nearest key for a misspelt one.
    LeadcastError
        If the file cannot be read.
    """
    return parse_profile(read_text(path), str(path), leads)


def parse_profile(
    text: str, name: str = "profile", leads: pl.DataFrame | None = None
) -> IdealProfile:
    """Read a profile from text.

    Parameters
    ----------
    text : str
        YAML.
    name : str
        What messages call it.
    leads : pl.DataFrame, optional
        As for `load_profile`.

    Returns
    -------
    IdealProfile

    Raises
    ------
    FaultsError
        With every fault; warnings alone raise nothing.
    """
    read = read_yaml(text, name)
    faults = list(read.faults)
    profile = None
    if isinstance(read.content, dict):
        faults += pattern_faults(read, name)
        profile = validated(IdealProfile, read, name, _WORDS, faults)
    elif not faults:
        remedy = f"{DOCUMENT} shows one."
        faults.append(Fault(name, "no keys", "the key criteria, with some", remedy, line=1))
    readable = profile or _what_is_readable(read)
    if readable is not None:
        readable._read, readable._name = read, name
        faults += _too_many(readable)
        faults += [] if leads is None else check_profile(readable, leads)
    if profile is None or any(fault.severity == "error" for fault in faults):
        raise FaultsError(f"profile {name}", sorted(faults, key=lambda fault: fault.line))
    return profile


def _what_is_readable(read: ReadYaml) -> IdealProfile | None:
    """Take what is well-formed of a profile that is not, so that all of it is checked at once."""
    content = read.content
    if not isinstance(content, dict) or not isinstance(content.get("criteria"), dict):
        return None
    criteria, found = content["criteria"], {}
    assert isinstance(criteria, dict)
    for name, one in criteria.items():
        try:
            Criterion.model_validate(_as_question(one)).condition(name)
        except ValidationError:
            continue
        found[name] = one
    consider = content.get("consider")
    rest = {"consider": consider} if isinstance(consider, list | str) else {}
    try:
        return IdealProfile.model_validate({"criteria": found, **rest})
    except ValidationError:
        return None


def _too_many(profile: IdealProfile) -> list[Fault]:
    if profile.needed <= len(profile.criteria):
        return []
    found, most = f"at_least {profile.needed}", f"at most {len(profile.criteria)}"
    return [profile.fault(("at_least",), found, most, "There are no more criteria.")]


def check_profile(profile: IdealProfile, leads: pl.DataFrame) -> list[Fault]:
    """Check a profile against data: what is not there, and values that nobody has.

    Parameters
    ----------
    profile : IdealProfile
    leads : pl.DataFrame
        As `leadcast.features.tables.Tables.leads`.

    Returns
    -------
    list of Fault
        Errors for fields that are not there, warnings for values; in the order of the lines.
    """
    faults: list[Fault] = []
    names = [name for name in leads.columns if name not in NEVER_FEATURES]
    for name, condition in profile.conditions.items():
        key: Key = ("criteria", name)
        found = column_faults(_table_of(name, condition), leads, None)
        faults += [_placed(profile, key, one) for one in found]
        if not found:
            faults += _unknown_values(profile, key, condition, leads)
    for index, name in enumerate(profile.consider):
        if name not in names:
            found_words = f"the field {name!r}, which is not there"
            remedy = did_you_mean(name, names)
            faults.append(profile.fault(("consider", index), found_words, "a field", remedy))
    return sorted(faults, key=lambda fault: fault.line)


def _table_of(name: str, condition: AttributeCondition) -> RuleTable:
    rule = Rule(name=name, points=1, when=Conditions(all_of=(condition,)))
    return RuleTable(rules=(rule,))


def _placed(profile: IdealProfile, key: Key, fault: Fault) -> Fault:
    place = profile.fault(key, "", "", "")
    return replace(fault, where=place.where, line=place.line)


def _unknown_values(
    profile: IdealProfile, key: Key, condition: AttributeCondition, leads: pl.DataFrame
) -> list[Fault]:
    sought = condition.one_of if condition.equals is None else (condition.equals,)
    values = read_values(condition, leads)
    if not sought or values.dtype != pl.String:
        return []
    known = values.drop_nulls().unique().sort().to_list()
    plain = {folded(one) for one in known}
    faults = []
    for one in sought:
        if folded(one) not in plain:
            place = profile.fault(
                key,
                f"the value {one!r}, which no lead has",
                "values that there are",
                did_you_mean(one, known),
            )
            faults.append(replace(place, severity="warning"))
    return faults
