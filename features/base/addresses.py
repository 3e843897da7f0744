"""E-mail addresses, each reading of them: as compared, the domain, and the one spelling of many.

Which reading is right depends on what follows. Who is to be forgotten is found by the address as
it was typed, so that nobody else is; who is one person by the spelling that all of an address's
spellings have; what a lead's address says by its domain where the address is valid; and what is to
be told of a faulty address by whatever stands after its last ``@``.
"""

import re

import polars as pl

LONGEST = 320
"""The longest address of RFC 5321 (64 + 1 + 255 characters); what is longer is invalid."""

_MAIL_OF_GOOGLE = ("gmail.com", "googlemail.com")
_NO_ADDRESSES = "^(?:none|null|na|n/a|unknown|keine|nomail|asdf|xxx)$"
# No dot at either end of the name, nor two together.
_ADDRESS = re.compile(
    r"(?=[^@]{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24})"
)


def plain_address(address: str) -> str:
    """Write an e-mail address as it is compared: lower case, trimmed.

    Parameters
    ----------
    address : str
        As typed.

    Returns
    -------
    str
    """
    return address.strip().lower()


def domain_of(address: str) -> str | None:
    """Take what stands after the last ``@``, whether or not the address is valid.

    Parameters
    ----------
    address : str
        As typed.

    Returns
    -------
    str or None
        In lower case; None where there is none.
    """
    _, at, domain = plain_address(address).rpartition("@")
    return domain if at and domain else None


def email_domain(address: str) -> str | None:
    """Take the domain of an e-mail address.

    Parameters
    ----------
    address : str
        An e-mail address as typed.

    Returns
    -------
    str or None
        The domain in lower case; None where the address is not valid (a plain address of
        RFC 5321: no quotes, no comments, a domain with a dot).
    """
    if len(address) > LONGEST + 40:
        return None
    plain = plain_address(address)
    found = _ADDRESS.fullmatch(plain)
    return None if found is None or len(plain) > LONGEST else found[1]


def one_spelling(address: pl.Expr) -> pl.Expr:
    """Give an e-mail address the one spelling that all of its spellings have.

    Lower case, no blanks, no ``mailto:`` and angle brackets, no tag after a plus; for Google's
    mail no dots in the name and one name of the provider.

    Parameters
    ----------
    address : pl.Expr
        Addresses as typed (String).

    Returns
    -------
    pl.Expr
        String; null where there is no ``@`` with something on both sides, or a word that means
        that somebody has no address.
    """
    plain = address.str.to_lowercase().str.replace_all(r"^[^<]*<|^mailto:|>.*$|\s", "")
    parts = plain.str.extract(r"^(.+)@", 1), plain.str.extract(r"@([^@]+?)\.?$", 1)
    local, domain = parts[0].str.replace(r"^([^+]+)\+.*$", "$1"), parts[1]
    is_google = domain.is_in(_MAIL_OF_GOOGLE)
    local = pl.when(is_google).then(local.str.replace_all(".", "", literal=True)).otherwise(local)
    domain = pl.when(is_google).then(pl.lit(_MAIL_OF_GOOGLE[0])).otherwise(domain)
    return pl.when(local.str.len_chars() > 0, ~local.str.contains(_NO_ADDRESSES)).then(
        pl.concat_str(local, pl.lit("@"), domain)
    )
