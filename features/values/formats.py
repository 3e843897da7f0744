"""How values are written: what a source definition says of its numbers and times."""

from ipaddress import ip_network
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


def known_network(text: str) -> str:
    """Take an address range, as ``203.0.113.0/24`` or a single address, or refuse it.

    Parameters
    ----------
    text : str
        IPv4 or IPv6, in CIDR notation.

    Returns
    -------
    str
        The same.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no address range such as 203.0.113.0/24") from None
    return text


def known_pattern(text: str) -> str:
    """Take a pattern of e-mail addresses with at most one star, or refuse it."""
    if text.count("*") > 1 or not text.strip("* "):
        raise ValueError(f"{text!r} is no address, nor one with a single *, such as qa+*")
    return text
