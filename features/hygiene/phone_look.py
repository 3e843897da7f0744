"""Telephone numbers by the numbering plans of phonenumberslite, a port of Google's libphonenumber.

A number without its country's code means something in one country only. It is read in the lead's
where that is known; where it is not, nobody can tell, and nothing is said against it.
"""

import unicodedata
from functools import cache, lru_cache
from importlib import resources

from leadcast.features.hygiene.list_versions import library

REMEMBERED = 65_536
"""Of so many numbers it is remembered what was said of them."""
UNCLEAR, INVALID = "unclear", "invalid"
_LONGEST = 64
_NAMES = {
    0: "fixed",
    1: "mobile",
    2: "fixed or mobile",
    3: "toll-free",
    4: "premium",
    6: "voip",
}
"""By `phonenumbers.PhoneNumberType`; the rest is rare."""
_OTHER_NAMES = {
    "AE": "uae",
    "AT": "osterreich",
    "BE": "belgie, belgique",
    "BR": "brasil",
    "CH": "schweiz, suisse, svizzera",
    "CZ": "czechia, cesko, ceska republika",
    "DE": "deutschland",
    "DK": "danmark",
    "ES": "espana",
    "FI": "suomi",
    "GB": "uk, united kingdom, great britain, england, scotland, wales, northern ireland",
    "IT": "italia",
    "KR": "south korea, korea, republic of korea",
    "NL": "nederland, holland, the netherlands",
    "NO": "norge",
    "PL": "polska",
    "RU": "russian federation",
    "SE": "sverige",
    "TR": "turkiye",
    "US": "usa, united states of america, america",
}
"""What the list of ISO 3166 does not say: what countries call themselves, and what others do."""


def phone_kind(number: str, country: str | None = None) -> str:
    """Tell what kind of telephone number a lead left.

    Parameters
    ----------
    number : str
        As typed.
    country : str or None
        The lead's, by name or ISO 3166 code; None where nobody knows.

    Returns
    -------
    str
        ``"mobile"``, ``"fixed"``, ``"fixed or mobile"`` (plans that do not tell them apart),
        ``"toll-free"``, ``"voip"``, ``"premium"`` or ``"other"``; ``"invalid"`` where no plan has
        such a number; ``"unclear"`` where it names no country and the lead's is not known.
    """
    return _look_at(number, region_of(country))[0]


def phone_in_country(number: str, country: str) -> float | None:
    """Tell whether a telephone number is of the lead's country.

    Parameters
    ----------
    number, country : str
        As for `phone_kind`.

    Returns
    -------
    float or None
        1.0 or 0.0, by the country's calling code, which a few countries share (+1); None where
        the number is not valid or the country's name is not known.
    """
    region = region_of(country)
    kind, code = _look_at(number, region)
    if region is None or kind in (INVALID, UNCLEAR):
        return None
    return float(code == _calling_code(region))


@cache
def _regions() -> dict[str, str]:
    text = (resources.files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    known = {code.lower(): code for code, _ in rows} | {_plain(name): code for code, name in rows}
    others = [(name, code) for code, names in _OTHER_NAMES.items() for name in names.split(", ")]
    return known | dict(others)


@lru_cache(REMEMBERED)
def region_of(country: str | None) -> str | None:
    """Find the ISO 3166 code of a country by its code or name, in English or its own language.

    Parameters
    ----------
    country : str or None

    Returns
    -------
    str or None
        Two capitals; None where the name is not known.
    """
    return None if country is None else _regions().get(_plain(country))


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text[:100]).casefold()
    return " ".join(folded.encode("ascii", "ignore").decode().replace(".", "").split())


def _look_at(number: str, region: str | None) -> tuple[str, int | None]:
    # What is too long is not remembered either.
    return (INVALID, None) if len(number) > _LONGEST else _looked_at(number.strip(), region)


@lru_cache(REMEMBERED)
def _looked_at(number: str, region: str | None) -> tuple[str, int | None]:
    phonenumbers = library("phonenumberslite")
    if number.startswith("00"):
        # As many countries dial abroad; with a region it may be read so anyway.
        number = f"+{number[2:]}"
    if region is None and not number.startswith(("+", "＋")):
        return UNCLEAR, None
    try:
        found = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return INVALID, None
    if not phonenumbers.is_valid_number(found):
        return INVALID, found.country_code
    kind = phonenumbers.number_type(found)
    return _NAMES.get(kind, "other"), found.country_code


@cache
def _calling_code(region: str) -> int:
    return int(library("phonenumberslite").country_code_for_region(region))
