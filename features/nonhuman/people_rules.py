"""What decides whether an event is a person's: plain data, in a run's tables and in a bundle."""

import json
from collections.abc import Mapping
from functools import cached_property
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, FailFast, Field, Strict

from leadcast.features.base.addresses import email_domain
from leadcast.features.base.plain import MOST_COUNTED, Plain, checked
from leadcast.features.values.contacts import email_kind
from leadcast.features.values.formats import known_network, known_pattern

if TYPE_CHECKING:
    from leadcast.features.definitions.definition import SourceDefinition

_MOST = 1_000
"""Of kinds, names and networks; each event's agent is compared with all of them."""
_MOST_GATEWAYS = 200_000
_Short = Annotated[str, Strict(), Field(min_length=1, max_length=1_000)]
_Texts = Annotated[tuple[_Short, ...], FailFast(), Field(max_length=_MOST)]
_Networks = Annotated[
    tuple[Annotated[_Short, AfterValidator(known_network)], ...],
    FailFast(),
    Field(max_length=_MOST),
]
_Patterns = Annotated[
    tuple[Annotated[_Short, AfterValidator(known_pattern)], ...],
    FailFast(),
    Field(max_length=_MOST),
]
NEVER_US = 2**63 - 1
"""Later than any moment."""

OTHER, DELIVERY, OPEN, CLICK, VISIT = range(5)
"""What a kind of event is for the judgement."""
NETWORK = IPv4Network | IPv6Network


class Gateway(Plain):
    """A company's domain behind which a machine follows the links of e-mails."""

    domain: Annotated[str, Strict(), Field(pattern=r"^[0-9a-f]{16}$")]
    """The domain's digest, as `digest_of` gives it: whose it is stands in no bundle."""
    since_us: Annotated[int, Strict(), Field(ge=-MOST_COUNTED, le=MOST_COUNTED)]
    """From when on that was known, in microseconds since 1970."""


class PeopleRules(Plain):
    """How events of people are told from others; the same for a training row and a request.

    Parameters
    ----------
    version : str
        Of the list of known machines.
    deliveries, opens, clicks, visits : tuple of str
        The kinds of events.
    threshold : float
        From which probability on an event counts as not a person's.
    own_domains, test_leads, own_networks : tuple of str
        Whose events are no lead's at all.
    agents, not_agents, proxy_agents : tuple of str
        Parts of user agents in lower case: of machines; of devices that only sound so; and the
        whole user agents of privacy proxies.
    scanner_networks, proxy_networks, hosting_networks : tuple of str
        Address ranges.
    gateways : tuple of Gateway
        Domains that were found to be behind a scanner.
    """

    version: _Short
    deliveries: _Texts = ()
    opens: _Texts = ()
    clicks: _Texts = ()
    visits: _Texts = ()
    threshold: Annotated[float, Field(gt=0.5, lt=1)] = 0.9
    own_domains: _Texts = ()
    test_leads: _Patterns = ()
    own_networks: _Networks = ()
    agents: _Texts = ()
    not_agents: _Texts = ()
    proxy_agents: _Texts = ()
    proxy_networks: _Networks = ()
    scanner_networks: _Networks = ()
    hosting_networks: _Networks = ()
    gateways: Annotated[tuple[Gateway, ...], FailFast(), Field(max_length=_MOST_GATEWAYS)] = ()

    @classmethod
    def of(cls, definition: "SourceDefinition") -> Self | None:
        """Take what a source's definition says, and the list of known machines.

        Parameters
        ----------
        definition : SourceDefinition

        Returns
        -------
        PeopleRules or None
            None where the definition says nothing of such events.
        """
        said = definition.nonhuman
        if said is None:
            return None
        path = Path(__file__).with_name("known_machines.json")
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        agents = (*known["agents"], *(one.lower() for one in said.scanner_agents))
        networks = (*known["scanner_networks"], *said.scanner_networks)
        own = said.model_dump(exclude={"events", "scanner_agents", "scanner_networks"})
        domains = tuple(one.casefold().lstrip("@") for one in definition.own_domains)
        more = {"agents": agents, "scanner_networks": networks, "own_domains": domains}
        return cls(**(known | own | more))

    @classmethod
    def from_json(cls, content: object, where: str) -> Self:
        """Read what `to_json` gave; see `leadcast.features.base.plain.checked`."""
        subject = "what tells people's events from others cannot be used"
        return checked(cls, content, subject, where)

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        content: dict[str, Any] = self.model_dump(mode="json")
        return content

    def __hash__(self) -> int:
        # What was told of an agent or address is remembered by rules; their content is large.
        return id(self)

    @cached_property
    def roles(self) -> Mapping[str, int]:
        """The role of each kind that has one."""
        named = ((DELIVERY, self.deliveries), (OPEN, self.opens), (CLICK, self.clicks))
        return {kind: role for role, kinds in (*named, (VISIT, self.visits)) for kind in kinds}

    @cached_property
    def networks(self) -> Mapping[str, tuple[NETWORK, ...]]:
        """The address ranges, read: ``own``, ``proxy``, ``scanner`` and ``hosting``."""
        names = ("own", "proxy", "scanner", "hosting")
        return {
            name: tuple(ip_network(one, strict=False) for one in getattr(self, f"{name}_networks"))
            for name in names
        }

    @cached_property
    def _since(self) -> Mapping[str, int]:
        return {one.domain: one.since_us for one in self.gateways}

    def gateway_since(self, email: str | None) -> int:
        """Tell from when on a lead's domain was known to be behind a scanner.

        Parameters
        ----------
        email : str or None
            The lead's address.

        Returns
        -------
        int
            Microseconds since 1970; `NEVER_US` where it is not.
        """
        domain = company_domain(email) if self._since else None
        return NEVER_US if domain is None else self._since.get(digest_of(domain), NEVER_US)

    def is_nobody(self, email: str | None) -> bool:
        """Tell whether an address is a colleague's or a test lead's.

        Parameters
        ----------
        email : str or None

        Returns
        -------
        bool
        """
        if email is None or not (self.own_domains or self.test_leads):
            return False
        plain = email.strip().casefold()
        if plain.rpartition("@")[2] in self.own_domains:
            return True
        return any(_fits(plain, pattern.casefold()) for pattern in self.test_leads)


def _fits(address: str, pattern: str) -> bool:
    before, star, after = pattern.partition("*")
    if not star:
        return address == pattern
    long_enough = len(address) >= len(before) + len(after)
    return long_enough and address.startswith(before) and address.endswith(after)


def company_domain(email: str | None) -> str | None:
    """Take the domain of a company's address; of providers whose users share nothing, None."""
    if email is None or email_kind(email) in ("free", "disposable", "invalid"):
        return None
    return email_domain(email)


def digest_of(domain: str) -> str:
    """Give a domain's digest: 16 hexadecimal digits."""
    return blake2b(domain.encode(), digest_size=8).hexdigest()
