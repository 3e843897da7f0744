"""E-mail addresses by their syntax and by lists of domains; nothing is looked up in the network.

The syntax is that of email-validator (RFC 5321, RFC 6531 for international addresses), and the
disposable domains are those of the list disposable-email-domains. Libraries are loaded when the
first address is read, so that whoever has none pays nothing.
"""

from functools import lru_cache

from leadcast.features.hygiene.list_versions import library

RELAYS = frozenset(
    {
        *("privaterelay.appleid.com", "relay.firefox.com", "mozmail.com", "duck.com"),
        *("simplelogin.com", "simplelogin.co", "simplelogin.fr", "simplelogin.io", "slmail.me"),
        *("aleeas.com", "slmails.com", "silomails.com", "8alias.com", "8shield.net"),
        *("dralias.com", "passmail.net", "passmail.com", "passinbox.com", "passfwd.com"),
        *("anonaddy.com", "anonaddy.me", "addy.io", "opayq.com", "cloaked.id", "33mail.com"),
    }
)
"""Domains that hand mail on to an address that stays hidden: of people who can be reached and want
to keep their address, which is not the same as one that is thrown away."""
RESERVED, RELAY, DISPOSABLE, INVALID = "reserved", "relay", "disposable", "invalid"
_RESERVED_ENDINGS = ("example", "test", "invalid", "localhost")
_RESERVED_DOMAINS = frozenset({"example.com", "example.net", "example.org"})
_LONGEST = 400
REMEMBERED = 65_536
"""Of so many domains, and of so many odd addresses, it is remembered what was said of them."""


def email_class(address: str, kind: str) -> str:
    """Tell the class of an e-mail address.

    Parameters
    ----------
    address : str
        As typed.
    kind : str
        What its pattern says, as `leadcast.features.values.contacts.email_kind` gives it.

    Returns
    -------
    str
        ``"invalid"`` (no mail can be sent there), ``"reserved"`` (a domain that nobody can have,
        as ``example.com``; RFC 2606), ``"relay"`` (`RELAYS`), ``"disposable"``, else the kind:
        ``"free"``, ``"education"``, ``"government"`` or ``"business"``.
    """
    plain = address.strip()
    local, at, domain = plain.rpartition("@")
    if not at or len(plain) > _LONGEST:
        return INVALID
    domain = domain.lower()
    if is_reserved(domain):
        return RESERVED
    # What the pattern accepts has a name that is good; its domain is asked once for all.
    said = _said_of(f"a@{domain}") if kind != INVALID else _said_of(f"{local}@{domain}")
    if said == INVALID:
        return INVALID
    if _is_on(domain, RELAYS):
        return RELAY
    if _is_on(domain, disposable_domains()) or kind == DISPOSABLE:
        return DISPOSABLE
    return "business" if kind == INVALID else kind


def is_reserved(domain: str) -> bool:
    """Tell whether a domain is reserved for examples and tests (RFC 2606, RFC 6761)."""
    ending = domain.rpartition(".")[2]
    return ending in _RESERVED_ENDINGS or _is_on(domain, _RESERVED_DOMAINS)


@lru_cache(1)
def disposable_domains() -> frozenset[str]:
    """Give the list of domains whose addresses are made to be thrown away."""
    return frozenset(library("disposable-email-domains").blocklist)


@lru_cache(REMEMBERED)
def _said_of(address: str) -> str:
    found = library("email-validator")
    try:
        found.validate_email(address, check_deliverability=False)
    except found.EmailNotValidError:
        return INVALID
    return "valid"


def _is_on(domain: str, listed: frozenset[str]) -> bool:
    # The list names domains; mail to a domain below one goes the same way.
    parts = domain.split(".")
    return any(".".join(parts[start:]) in listed for start in range(max(len(parts) - 1, 1)))
