"""One spelling for each telephone number, and which addresses are a role's; in columns of millions.

Telephone numbers are brought to E.164 by the dialling code and the trunk prefix of their country;
a million of them take a second, where a parser of single numbers takes the better part of a minute.
"""

import polars as pl

from leadcast.features.values.contacts import NOBODYS, ROLES

_ROLE = rf"^(?:{'|'.join(sorted(ROLES))})[0-9]*$"

# Country: dialling code, trunk prefix, and the names that forms hold, in lower case.
_COUNTRIES = """
US 1 1 united states,usa,u.s.,u.s.a.,united states of america,america,vereinigte staaten
CA 1 1 canada,kanada
MX 52 - mexico,méxico
BR 55 0 brazil,brasil,brasilien
AR 54 0 argentina
CL 56 - chile
CO 57 - colombia
GB 44 0 united kingdom,uk,great britain,england,scotland,wales,großbritannien
IE 353 0 ireland,irland
DE 49 0 germany,deutschland,allemagne,alemania
AT 43 0 austria,österreich
CH 41 0 switzerland,schweiz,suisse,svizzera
FR 33 0 france,frankreich,francia
BE 32 0 belgium,belgien,belgique,belgië
NL 31 0 netherlands,the netherlands,niederlande,nederland,holland
LU 352 - luxembourg,luxemburg
ES 34 - spain,españa,spanien
PT 351 - portugal
IT 39 - italy,italia,italien
GR 30 - greece,griechenland,ελλάδα
DK 45 - denmark,danmark,dänemark
SE 46 0 sweden,sverige,schweden
NO 47 - norway,norge,norwegen
FI 358 0 finland,suomi,finnland
PL 48 - poland,polska,polen
CZ 420 - czech republic,czechia,česko,tschechien
SK 421 0 slovakia,slovensko,slowakei
HU 36 06 hungary,magyarország,ungarn
RO 40 0 romania,românia,rumänien
BG 359 0 bulgaria,bulgarien
HR 385 0 croatia,hrvatska,kroatien
SI 386 0 slovenia,slovenija,slowenien
UA 380 0 ukraine,україна
RU 7 8 russia,russian federation,россия,russland
TR 90 0 turkey,türkiye,türkei
IL 972 0 israel
AE 971 0 united arab emirates,uae
SA 966 0 saudi arabia
ZA 27 0 south africa,südafrika
EG 20 0 egypt
NG 234 0 nigeria
KE 254 0 kenya
IN 91 0 india,indien
PK 92 0 pakistan
CN 86 0 china
JP 81 0 japan
KR 82 0 south korea,korea
SG 65 - singapore
MY 60 0 malaysia
ID 62 0 indonesia
PH 63 0 philippines
TH 66 0 thailand
VN 84 0 vietnam
AU 61 0 australia,australien
NZ 64 0 new zealand,neuseeland
"""
_ROWS = [line.split(maxsplit=3) for line in _COUNTRIES.split("\n") if line]
_CODE = {name: code for code, _, _, names in _ROWS for name in (code.lower(), *names.split(","))}
_DIAL = {code: dial for code, dial, _, _ in _ROWS}
_TRUNK = {code: trunk.strip("-") for code, _, trunk, _ in _ROWS}
REGIONS = tuple(_DIAL)
"""The countries whose telephone numbers are understood without their dialling code."""
_FEWEST, _MOST = 7, 15
"""Digits of a number (E.164)."""


def is_role_address(email: pl.Expr) -> pl.Expr:
    """Tell addresses of a role (``info@``, ``sales2@``) from those of a person.

    Parameters
    ----------
    email : pl.Expr
        As `leadcast.features.base.addresses.one_spelling` gives them.

    Returns
    -------
    pl.Expr
        Boolean.
    """
    return email.str.extract(r"^([^@]+)@", 1).str.contains(_ROLE)


def country_code(country: pl.Expr) -> pl.Expr:
    """Give a country, as a form holds it, its two letters (ISO 3166); null where unknown."""
    plain = country.str.strip_chars().str.to_lowercase()
    return plain.replace_strict(_CODE, default=None, return_dtype=pl.String)


def normal_phone(number: pl.Expr, country: pl.Expr) -> pl.Expr:
    """Bring a telephone number to E.164, as far as its country is known.

    Parameters
    ----------
    number : pl.Expr
        Numbers as typed (String), perhaps with an extension, which is left out.
    country : pl.Expr
        Two letters, as `country_code` gives them; null where unknown.

    Returns
    -------
    pl.Expr
        String: ``+`` and the digits; the digits alone where neither a dialling code nor a country
        is known; null for what could not be called (fewer than 7 or more than 15 digits, one digit
        repeated, a run).
    """
    plain = number.str.replace(r"(?i)\s*(?:ext|durchwahl|x|#).*$", "").str.replace(
        "(0)", "", literal=True
    )
    digits = plain.str.replace_all(r"\D", "")
    dial = country.replace_strict(_DIAL, default=None, return_dtype=pl.String)
    trunk = country.replace_strict(_TRUNK, default="", return_dtype=pl.String).fill_null("")
    bare = digits.str.strip_prefix("00")
    has_trunk = (trunk != "") & digits.str.starts_with(trunk)
    national = pl.when(has_trunk).then(digits.str.slice(trunk.str.len_chars())).otherwise(digits)
    # Written with the dialling code, and without the plus.
    coded = digits.str.starts_with(dial) & (digits.str.len_chars() >= dial.str.len_chars() + 9)
    whole = (
        pl.when(plain.str.contains(r"^\s*\(?\+"))
        .then(pl.lit("+") + digits)
        .when(digits.str.starts_with("00"))
        .then(pl.lit("+") + bare)
        .when(dial.is_null())
        .then(digits)
        .when(coded & ~(has_trunk & (trunk != dial)))
        .then(pl.lit("+") + digits)
        .otherwise(pl.lit("+") + dial + national)
    )
    length = whole.str.strip_prefix("+").str.len_chars()
    tail = whole.str.slice(-_FEWEST)
    is_callable = length.is_between(_FEWEST, _MOST) & ~tail.is_in(sorted(NOBODYS))
    return pl.when(is_callable & (digits.str.len_chars() >= _FEWEST)).then(whole)
