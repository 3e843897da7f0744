"""What an e-mail address and a telephone number say about a lead; neither is ever kept."""

import re
import unicodedata

from leadcast.features.base.addresses import LONGEST, email_domain

_FREE = """
126 163 abv alice aol arcor att bellsouth bigpond bk blueyonder bluewin bol btinternet centrum
charter comcast cox daum earthlink email fastmail foxmail free freenet gmail gmx googlemail hanmail
hetnet hey hotmail icloud ig inbox interia juno kpnmail laposte libero list live mac mail me msn
naver neuf ntlworld o2 onet optusnet orange outlook planet pm proton protonmail qq rambler
rediffmail rocketmail rogers sbcglobal seznam sfr shaw sina skynet sohu sympatico t-online
talktalk telenet terra tin tiscali tutamail tutanota ukr uol verizon virgilio virginmedia wanadoo
web wp xs4all yahoo yandex ymail ziggo zoho
"""
_DISPOSABLE = """
10minutemail 1secmail anonbox burnermail byom crazymailing discard dispostable dropmail einrot
emailfake emailondeck fakeinbox fakemail getnada grr guerrillamail guerrillamailblock
harakirimail inboxkitten jetable mailcatch maildrop mailinator mailnesia mailsac mintemail
minuteinbox mohmal moakt mytemp nada sharklasers spam4 spamgourmet temp-mail tempinbox tempmail
tempmailo tempr throwawaymail tmpmail trashmail wegwerfmail yopmail
"""
_ROLES = """
account accounts admin billing buero contact enquiries enquiry hello help hr info jobs kontakt mail
marketing no-reply noreply office post postmaster sales service support team test webmaster
"""
_LEGAL = """
ab ag aps as bv co company corp corporation gmbh group holding inc incorporated kg limited llc ltd
nv oy plc pty sa sarl sas se spa srl the ug
"""
FREE_PROVIDERS = frozenset(_FREE.split())
"""Names under which anybody gets an address, whatever the country's ending."""
DISPOSABLE_PROVIDERS = frozenset(_DISPOSABLE.split())
"""Names of providers of addresses that are made to be thrown away."""
_LEGAL_FORMS = frozenset(_LEGAL.split())
_SECOND_LEVEL = frozenset({"co", "com", "org", "net", "ac", "gov", "edu"})
ROLES = frozenset(_ROLES.split())
"""Names of addresses that belong to a role; digits may follow."""
_ROLE = re.compile(rf"({'|'.join(map(re.escape, sorted(ROLES)))})[0-9]*")
NOBODYS = frozenset(digit * 7 for digit in "0123456789") | {
    run[at : at + 7] for run in ("01234567890", "09876543210") for at in range(5)
}
"""Last seven digits that somebody types who does not want to be called."""
_EXTENSION = re.compile(r"(?:ext|x|#|durchwahl)", re.IGNORECASE)
_DIGITS, _SIGNS = b"0123456789", b" +()-./"
_USUAL_NUMBER = re.compile(r"[0-9 +()./-]*")


def email_kind(address: str) -> str:
    """Tell what kind of address a lead left.

    Parameters
    ----------
    address : str
        An e-mail address as typed.

    Returns
    -------
    str
        ``"business"``, ``"free"`` (a provider that gives anybody an address), ``"disposable"``
        (made to be thrown away), ``"education"``, ``"government"`` or ``"invalid"``.
    """
    domain = email_domain(address)
    if domain is None:
        return "invalid"
    labels = domain.split(".")
    provider = _provider(labels)
    if provider in DISPOSABLE_PROVIDERS:
        return "disposable"
    if provider in FREE_PROVIDERS:
        return "free"
    if "edu" in labels[-2:] or (labels[-2] == "ac" and len(labels) > 2):
        return "education"
    return "government" if {"gov", "gob", "gouv"} & set(labels[-2:]) else "business"


def email_is_shared(address: str) -> float:
    """Tell whether an address belongs to a role (``info@``, ``sales@``), not to a person."""
    local = address[:LONGEST].strip().lower().partition("@")[0]
    return float(_ROLE.fullmatch(local) is not None)


def email_digits(address: str) -> float:
    """Count the digits before the ``@``: addresses made by machines have many."""
    local = address[:LONGEST].partition("@")[0]
    if local.isascii():
        return float(len(local) - len(local.encode().translate(None, _DIGITS)))
    return float(sum(map(str.isdigit, local)))


def email_matches_company(address: str, company: str) -> float | None:
    """Tell whether an address is of the company that the lead names."""
    domain = email_domain(address)
    words = _company_words(company)
    if domain is None or not words:
        return None
    name = _provider(domain.split(".")).replace("-", "")
    long_words = {word for word in words if len(word) >= 4}
    initials = "".join(word[0] for word in words) if len(words) > 2 else ""
    return float(name in long_words | {"".join(words), initials} or words[0] == name)


def phone_is_valid(number: str) -> float:
    """Tell whether a telephone number could be called.

    Parameters
    ----------
    number : str
        A telephone number as typed, with or without an extension.

    Returns
    -------
    float
        1.0 where it has 7 to 15 digits (E.164) and no letters, and is neither one digit repeated
        nor a run such as 1234567; else 0.0.
    """
    if len(number) > 64:
        return 0.0
    plain = number.strip()
    if _USUAL_NUMBER.fullmatch(plain):
        digits = plain.encode().translate(None, _SIGNS).decode()
    else:
        plain = _EXTENSION.split(plain, maxsplit=1)[0]
        if any(map(str.isalpha, plain)):
            return 0.0
        digits = "".join(filter(str.isdecimal, unicodedata.normalize("NFKC", plain)))
    if not 7 <= len(digits) <= 15:
        return 0.0
    tail = digits[-7:]
    return float(len(set(tail)) > 1 and tail not in NOBODYS)


def _provider(labels: list[str]) -> str:
    # The name that was registered: "example" of mail.example.co.uk.
    registered = -3 if len(labels) > 2 and labels[-2] in _SECOND_LEVEL else -2
    return labels[registered]


def _company_words(company: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", company[:200]).casefold()
    folded = folded.encode("ascii", "ignore").decode()
    folded = re.sub(
        r"^https?://|^www\.|/.*$|\.(com|net|org|io|ai|de|nl|fr|uk|eu|co)\b", " ", folded
    )
    words = [word for word in re.split(r"[^a-z0-9]+", folded) if word and word != "www"]
    return [word for word in words if word not in _LEGAL_FORMS] or words
