"""What a rule can ask of a lead: questions to one value, and conditions made of them."""

import math
from collections.abc import Callable, Sized
from typing import Annotated, Literal, Self, TypeVar

import polars as pl
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from leadcast.features.base.addresses import email_domain
from leadcast.features.base.plain import LARGEST
from leadcast.features.values.amounts import read_amount, read_size
from leadcast.features.values.contacts import email_kind, phone_is_valid
from leadcast.features.values.titles import job_function, seniority
from leadcast.models.rules.patterns import fault_of

Name = Annotated[str, Field(min_length=1)]
Items = TypeVar("Items", bound=Sized)
Days = Annotated[float, Field(gt=0)]
Points = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
"""Far below where the sum of a lead's points, or a product of two, overflows."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def at_least_one(items: Items) -> Items:
    """Refuse a list without items; one with a faulty item is told for that item alone."""
    if not items:
        raise ValueError("at least one")
    return items


Names = Annotated[tuple[Name, ...], BeforeValidator(_as_list), AfterValidator(at_least_one)]


class RuleSection(BaseModel):
    """A part of a points table: immutable, and strict about its keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True
    )


READ_AS: dict[str, Callable[[str], str | float | None]] = {
    "size": read_size,
    "amount": read_amount,
    "seniority": seniority,
    "job_function": job_function,
    "email_kind": email_kind,
    "email_domain": email_domain,
    "phone_is_valid": phone_is_valid,
}
"""What can be read off a free text before it is compared, as the features read it."""
ReadAs = Literal[
    "size", "amount", "seniority", "job_function", "email_kind", "email_domain", "phone_is_valid"
]


def _a_pattern(pattern: str) -> str:
    fault = fault_of(pattern)
    if fault is not None:
        raise ValueError(f"{fault[0]}. {fault[1]}")
    return pattern


class Span(RuleSection):
    """A range of numbers.

    Parameters
    ----------
    min : float or None
        The least number that is within.
    max, below : float or None
        The largest number that is within, or the first that is not; at most one of the two.
    """

    min: float | None = None
    max: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.max is not None and self.below is not None:
            raise ValueError("a range ends with max or with below, not with both")
        end = self.max if self.max is not None else self.below
        if self.min is None and end is None:
            raise ValueError("a range has min, max or below")
        start = self.min if self.min is not None else -math.inf
        if end is not None and (end < start or (self.below is not None and end == start)):
            raise ValueError("a range that ends after it begins")
        return self

    def holds(self, number: pl.Expr) -> pl.Expr:
        """Say whether numbers are within; null where they are missing."""
        held = number.is_not_null()
        if self.min is not None:
            held &= number >= self.min
        if self.max is not None:
            held &= number <= self.max
        if self.below is not None:
            held &= number < self.below
        return held


class Question(RuleSection):
    """A question about one value: exactly one of the keys but `negated`.

    Texts are compared without regard to capitals and to blanks around them. A missing value
    passes `is_missing` only; with ``not: true`` it passes whatever the others refuse.
    """

    equals: str | None = None
    """YAML key ``equals``: this value. A number is compared as a number, a flag as ``true`` or
    ``false``."""
    one_of: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field((), alias="in")
    """Key ``in``: one of these values."""
    span: Span | None = Field(None, alias="range")
    """Key ``range``: a number within it."""
    contains: Annotated[tuple[Name, ...], BeforeValidator(_as_list)] = ()
    """A text that contains one of these."""
    matches: Annotated[Name, AfterValidator(_a_pattern)] | None = None
    """A text in which this regular expression (Rust's syntax) is found, capitals ignored."""
    is_missing: bool | None = None
    """Whether there is no value."""
    negated: bool = Field(False, alias="not")
    """Key ``not``: turns the answer round."""

    @model_validator(mode="after")
    def _asks_once(self) -> Self:
        if len(self.asked()) != 1:
            found = ", ".join(self.asked()) or "none"
            keys = "equals, in, range, contains, matches, is_missing"
            raise ValueError(f"exactly one of {keys} (there is {found})")
        return self

    def asked(self) -> list[str]:
        """Name the keys, as in the YAML, that hold a question."""
        held = {
            "equals": self.equals is not None,
            "in": bool(self.one_of),
            "range": self.span is not None,
            "contains": bool(self.contains),
            "matches": self.matches is not None,
            "is_missing": self.is_missing is not None,
        }
        return [name for name, is_asked in held.items() if is_asked]


class AttributeCondition(Question):
    """A condition on an attribute of the lead.

    Parameters
    ----------
    attribute : str
        A column of the leads.
    read_as : str or None
        A key of `READ_AS`: what is read off the text before it is compared.
    days_ago : Span or None
        For a time: so many days lie between it and the moment of the score. A time that is not
        before that moment is not known yet, hence missing.
    """

    attribute: Name
    read_as: ReadAs | None = None
    days_ago: Span | None = None

    def asked(self) -> list[str]:
        """Name the keys that hold a question; see `Question.asked`."""
        return super().asked() + (["days_ago"] if self.days_ago is not None else [])


class EventTest(Question):
    """A condition on a column of the events, such as ``value``."""

    column: Name
    """The column."""


Which = Literal["any", "first", "last", "first_of_all", "last_of_all"]


class EventCondition(RuleSection):
    """A condition on what the lead did before the moment of the score.

    Parameters
    ----------
    event : tuple of str
        Kinds of events; ``any`` stands for every kind.
    where : tuple of EventTest
        What else must hold of an event for it to count.
    at_least : int
        So many events must count.
    within_days : float or None
        Only events of the last so many days count: ``as_of - within_days <= occurred_at < as_of``.
    which : {"any", "first", "last", "first_of_all", "last_of_all"}
        ``first`` and ``last``: only the first or the last of the lead's events of this kind
        counts (several, if they happened at one moment). ``first_of_all`` and ``last_of_all``:
        only the lead's very first or last event, where it is of this kind.
    negated : bool
        Key ``not``: turns the answer round (nothing of this kind within the last days).
    """

    event: Names
    where: Annotated[
        tuple[EventTest, ...], BeforeValidator(lambda it: [it] if isinstance(it, dict) else it)
    ] = ()
    at_least: Annotated[int, Field(ge=1)] = 1
    within_days: Days | None = None
    which: Which = "any"
    negated: bool = Field(False, alias="not")

    @model_validator(mode="after")
    def _one_is_one(self) -> Self:
        if self.which != "any" and self.at_least > 1:
            raise ValueError(f"at_least 1 where which is {self.which!r}, which is one event")
        return self


def _kind_of(value: object) -> str:
    # In brackets, so that no key of a table is called like a variant.
    has_event = isinstance(value, dict) and "event" in value
    return "(event)" if has_event or isinstance(value, EventCondition) else "(attribute)"


Condition = Annotated[
    Annotated[EventCondition, Tag("(event)")] | Annotated[AttributeCondition, Tag("(attribute)")],
    Discriminator(_kind_of),
]


def _as_conditions(value: object) -> object:
    if isinstance(value, list):
        return {"all": value}
    if isinstance(value, dict) and not {"all", "any"} & set(value):
        return {"all": [value]}
    return value


class Conditions(RuleSection):
    """Conditions together; in the YAML one condition, a list (all of them), or ``any:``."""

    all_of: tuple[Condition, ...] = Field((), alias="all")
    """Key ``all``: each must hold."""
    any_of: tuple[Condition, ...] = Field((), alias="any")
    """Key ``any``: one at least must hold."""

    @model_validator(mode="after")
    def _has_some(self) -> Self:
        if not self.all_of and not self.any_of:
            raise ValueError("at least one condition")
        return self

    def each(self) -> tuple[AttributeCondition | EventCondition, ...]:
        """List the conditions of both kinds, `all_of` first."""
        return (*self.all_of, *self.any_of)

    def events(self) -> tuple[EventCondition, ...]:
        """List the conditions on events."""
        return tuple(one for one in self.each() if isinstance(one, EventCondition))


When = Annotated[Conditions, BeforeValidator(_as_conditions)]
