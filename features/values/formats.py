"""How values are written: what a source definition says of its numbers and times."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.functional_validators import BeforeValidator

AmbiguousTimes = Literal["set_aside", "earlier", "later"]


class TableSection(BaseModel):
    """A section of a source definition: immutable, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def as_list(value: object) -> object:
    """Take one text for a list of one."""
    return [value] if isinstance(value, str) else value


Values = Annotated[tuple[str, ...], BeforeValidator(as_list)]


class NumberFormat(TableSection):
    """How numbers are written where they are text.

    Parameters
    ----------
    decimal : {".", ","}
        The decimal mark.
    thousands : str
        The mark between groups of three digits; empty for none.
    strip : tuple of str
        Marks to take away before reading, such as ``€`` or ``%`` (12 % is then 12).
    """

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    strip: Values = ()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}")
        return self
