"""How points fade with the age of the event that gave them."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from leadcast.models.rules.conditions import Days, RuleSection, at_least_one

Share = Annotated[float, Field(ge=0, le=1)]


class LinearDecay(RuleSection):
    """Points fade evenly, to nothing after so many days."""

    form: Literal["linear"]
    over_days: Days
    """The age at which nothing is left."""

    def kept(self, age_days: float) -> float:
        """Give the share of the points that is left at an age."""
        return max(0.0, 1.0 - age_days / self.over_days)


class ExponentialDecay(RuleSection):
    """Points halve every so many days."""

    form: Literal["exponential"]
    half_life_days: Days
    """The half-life."""

    def kept(self, age_days: float) -> float:
        """Give the share of the points that is left at an age."""
        return float(2.0 ** (-age_days / self.half_life_days))


class Step(RuleSection):
    """From an age on only a share is left."""

    after_days: Days
    """Of events older than this..."""
    keep: Share
    """...this share of the points is left, 0 to 1."""


class StepDecay(RuleSection):
    """Points fall in steps."""

    form: Literal["step"]
    steps: Annotated[tuple[Step, ...], AfterValidator(at_least_one)]
    """By rising age, each keeping less than the one before."""

    @model_validator(mode="after")
    def _falls(self) -> Self:
        ages = [step.after_days for step in self.steps]
        shares = [1.0, *(step.keep for step in self.steps)]
        if sorted(set(ages)) != ages or sorted(set(shares), reverse=True) != shares:
            raise ValueError("steps whose after_days rise and whose keep falls")
        return self

    def kept(self, age_days: float) -> float:
        """Give the share of the points that is left at an age."""
        passed = [step.keep for step in self.steps if age_days > step.after_days]
        return passed[-1] if passed else 1.0


class Expiry(RuleSection):
    """Points are whole until an age, and gone after it."""

    form: Literal["expiry"]
    after_days: Days
    """The last age at which they count."""

    def kept(self, age_days: float) -> float:
        """Give the share of the points that is left at an age."""
        return 1.0 if age_days <= self.after_days else 0.0


def _form_of(value: object) -> str:
    form = value.get("form") if isinstance(value, dict) else getattr(value, "form", "")
    return f"({form})"


Decay = Annotated[
    Annotated[LinearDecay, Tag("(linear)")]
    | Annotated[ExponentialDecay, Tag("(exponential)")]
    | Annotated[StepDecay, Tag("(step)")]
    | Annotated[Expiry, Tag("(expiry)")],
    Discriminator(
        _form_of,
        custom_error_type="decay_form",
        custom_error_message="form: linear, exponential, step or expiry",
    ),
]
