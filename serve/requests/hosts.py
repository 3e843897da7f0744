"""By which names the service may be called, and from which pages.

Where no key is demanded, a page of the world that somebody opens could read leads: it points its
own name at this machine's address (DNS rebinding), and the browser takes the service for a part of
it. The header Host then still holds that name, so that it tells.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers

from leadcast.features.base.errors import LeadcastError
from leadcast.serve.requests.problems import Problem
from leadcast.serve.requests.settings import LOOPBACK, ServeSettings

_AUTHORITY = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?)\.?)"
    r"(?::(?P<port>[0-9]{0,5}))?"
)
_MOST_PORT = 65_535
_CHANGES_NOTHING = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Hosts:
    """The names by which a service answers."""

    names: frozenset[str]
    """In small letters, addresses as `ipaddress` writes them."""
    given: frozenset[str]
    """Those that the operator gave; a proxy may stand before them under another name."""
    any_address: bool
    """Whether any address in numbers will do: no name can be pointed elsewhere then."""

    @classmethod
    def of(cls, settings: ServeSettings) -> "Hosts | None":
        """Make the names of a service.

        Parameters
        ----------
        settings : ServeSettings

        Returns
        -------
        Hosts or None
            None where any name will do: keys are demanded, and no names were given.

        Raises
        ------
        LeadcastError
            If a name that was given is none.
        """
        given = frozenset(_given(settings.allow_hosts))
        if settings.keys is not None and not given:
            return None
        own = {*LOOPBACK, settings.host.lower()}
        is_local = settings.host in LOOPBACK
        if not is_local:
            own.add(socket.gethostname().lower())
        return cls(given | own, given, any_address=not is_local and settings.keys is None)

    def refuse_foreign(self, method: str, headers: Headers) -> None:
        """Refuse a request that was meant for another host, or that another site's page sends.

        Parameters
        ----------
        method : str
        headers : Headers

        Raises
        ------
        Problem
            400 where the header Host is none, 421 where it is another's, 403 where another
            site's page would change something.
        """
        told = headers.getlist("host")
        host = _host_of(told[0]) if len(told) == 1 else None
        if host is None:
            raise Problem("no-host", 400, "expected one header Host with the name of this service")
        if host not in self.names and not (self.any_address and _is_address(host)):
            detail = "this service is not called by that name; start it with --allow-host NAME"
            raise Problem("other-host", 421, detail)
        if method not in _CHANGES_NOTHING and self._is_of_other_site(told[0], headers):
            raise Problem("other-site", 403, "sent by a page of another site; nothing was done")

    def _is_of_other_site(self, authority: str, headers: Headers) -> bool:
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return True
        for origin in headers.getlist("origin"):
            _, _, its = origin.partition("://")
            if its.lower() != authority.lower() and _host_of(its) not in self.given:
                return True
        return False


def _host_of(authority: str) -> str | None:
    """Read ``NAME:PORT``; None where it is none, such as one with a user's name."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None or int(match["port"] or 0) > _MOST_PORT:
        return None
    if match["six"] is None:
        return match["name"].lower()
    try:
        return str(ipaddress.IPv6Address(match["six"]))
    except ValueError:
        return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _given(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        bare = name.removeprefix("[").removesuffix("]")
        # What has a colon is an address of IPv6, or has a port.
        host = _host_of(f"[{bare}]" if ":" in bare else bare)
        if host is None:
            raise LeadcastError(
                f"--allow-host {name}: expected a host's name or address alone, as "
                "leads.example.com, without a port"
            )
        yield host
