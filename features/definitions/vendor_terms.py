"""What was agreed with a vendor about leads that are sent back."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from leadcast.features.definitions.table_schema import Name
from leadcast.features.values.formats import TableSection, as_list

ReturnReason = Literal[
    "invalid_contact", "duplicate", "resold", "out_of_area", "disconnected", "junk"
]
Words = Annotated[tuple[Name, ...], BeforeValidator(as_list)]


class VendorTerms(TableSection):
    """By when and for which reasons a vendor takes leads back.

    Parameters
    ----------
    return_days : float
        Within so many days of a lead's creation.
    reasons : tuple of str
        ``invalid_contact`` (an e-mail address or a telephone number that can be nobody's),
        ``duplicate`` (the same person had come before, whoever brought it), ``resold`` (the same
        person had come before from this vendor or another one), ``out_of_area``, ``disconnected``
        and ``junk`` (faked, or paid for).
    duplicate_days : float
        The person had come so many days before, or less.
    area : dict of str to tuple of str
        Attributes of leads, each with the values that were ordered.
    disconnected_events : tuple of str
        Kinds of events that say that nobody is there.
    junk_from : float
        The probability of junk from which a lead is sent back.
    price : float or None
        Of a lead; None: the attribute ``cost``.
    """

    return_days: Annotated[float, Field(gt=0, le=3_650)]
    reasons: Annotated[tuple[ReturnReason, ...], BeforeValidator(as_list), Field(min_length=1)]
    duplicate_days: Annotated[float, Field(gt=0, le=3_650)] = 90.0
    area: dict[Name, Words] = Field(default_factory=dict)
    disconnected_events: Words = ()
    junk_from: Annotated[float, Field(gt=0, lt=1)] = 0.95
    price: Annotated[float, Field(ge=0)] | None = None
