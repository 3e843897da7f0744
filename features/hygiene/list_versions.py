"""By which versions of which lists addresses and numbers are judged, and what needs them."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from leadcast.features.base.errors import LeadcastError

LIBRARIES = {
    "email-validator": "the syntax of e-mail addresses",
    "disposable-email-domains": "domains of addresses that are made to be thrown away",
    "phonenumberslite": "the numbering plans of all countries",
}
"""What each is asked for."""
_MODULES = {
    "email-validator": "email_validator",
    "disposable-email-domains": "disposable_email_domains",
    "phonenumberslite": "phonenumbers",
}
OF_ADDRESSES = ("email-validator", "disposable-email-domains")
OF_NUMBERS = ("phonenumberslite",)
NEEDED_BY = {
    "email_class": OF_ADDRESSES,
    "phone_kind": OF_NUMBERS,
    "phone_in_country": OF_NUMBERS,
}
"""Which readings of `leadcast.features.values.readings` need which library."""


def list_versions() -> dict[str, str | None]:
    """Give the version of each library.

    Returns
    -------
    dict of str to (str or None)
        None for one that is not installed.
    """
    return {name: _version(name) for name in LIBRARIES}


def library(name: str) -> Any:  # noqa: ANN401 - a module
    """Load a library, which only those pay for who have addresses or numbers.

    Parameters
    ----------
    name : str
        A key of `LIBRARIES`.

    Returns
    -------
    module

    Raises
    ------
    LeadcastError
        If it is not installed.
    """
    try:
        return import_module(_MODULES[name])
    except ModuleNotFoundError:
        raise LeadcastError(
            f"{name} is not installed, which tells {LIBRARIES[name]}; install what "
            "requirements/run.txt pins"
        ) from None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
