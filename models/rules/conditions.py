"""What a rule can ask of a lead: conditions on its attributes and on its events."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from models.rules.questions import Days, Name, Names, Question, ReadAs, Section, Span


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
    """A condition on a column of the events, such as ``value``.

    Parameters
    ----------
    column : str
        The column.
    """

    column: Name


Which = Literal["any", "first", "last", "first_of_all", "last_of_all"]


class EventCondition(Section):
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


class Conditions(Section):
    """Conditions together; in the YAML one condition, a list (all of them), or ``any:``.

    Parameters
    ----------
    all_of : tuple of Condition
        Key ``all``: each must hold.
    any_of : tuple of Condition
        Key ``any``: one at least must hold.
    """

    all_of: tuple[Condition, ...] = Field((), alias="all")
    any_of: tuple[Condition, ...] = Field((), alias="any")

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
