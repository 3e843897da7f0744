"""What a worker holds at a time, and how much of it one caller may have."""

import ipaddress
from collections import Counter

from leadcast.serve.requests.problems import Problem
from leadcast.serve.requests.settings import RequestLimits

_SOON = {"Retry-After": "1"}


class Places:
    """Counts one worker's requests, and the bytes of their bodies, by their callers.

    Parameters
    ----------
    limits : RequestLimits
    """

    def __init__(self, limits: RequestLimits) -> None:
        self._limits = limits
        self._requests: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._n_requests = self._n_bytes = 0
        # The largest body of one caller, and of another at the same time, always fit.
        self._most_bytes = max(limits.max_held_bytes, 2 * limits.max_body_bytes)
        self._most_of_one = max(limits.shared(self._most_bytes), limits.max_body_bytes)

    def take(self, caller: str) -> None:
        """Take a place for a request, until `leave`.

        Parameters
        ----------
        caller : str

        Raises
        ------
        Problem
            429 where the caller has its share, 503 where there is no place.
        """
        most = self._limits.shared(self._limits.max_in_flight)
        if self._n_requests >= self._limits.max_in_flight:
            raise Problem("busy", 503, "too many requests at once; try again", headers=_SOON)
        if self._requests[caller] >= most:
            detail = f"one caller may have {most:,} requests at a time; wait for their answers"
            raise Problem("too-many", 429, detail, headers=_SOON)
        self._requests[caller] += 1
        self._n_requests += 1

    def hold(self, caller: str, n_bytes: int) -> None:
        """Hold a part of a body, until `leave`.

        Parameters
        ----------
        caller : str
        n_bytes : int

        Raises
        ------
        Problem
            As `take`.
        """
        closing = {**_SOON, "Connection": "close"}
        if self._n_bytes + n_bytes > self._most_bytes:
            raise Problem("busy", 503, "too many large bodies at once; try again", headers=closing)
        if self._bytes[caller] + n_bytes > self._most_of_one:
            detail = f"one caller may send {self._most_of_one:,} bytes at a time; wait for answers"
            raise Problem("too-many", 429, detail, headers=closing)
        self._bytes[caller] += n_bytes
        self._n_bytes += n_bytes

    def leave(self, caller: str, n_bytes: int) -> None:
        """Give a request's place back, and what was held of its body."""
        self._requests[caller] -= 1
        self._n_requests -= 1
        self._bytes[caller] -= n_bytes
        self._n_bytes -= n_bytes
        if not self._requests[caller]:
            # Callers come and go; nothing is kept of them.
            del self._requests[caller], self._bytes[caller]


def network_of(address: str) -> str:
    """Give whose an address is: of IPv6 a household has 2 to the power of 64.

    Parameters
    ----------
    address : str

    Returns
    -------
    str
    """
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network(f"{address.partition('%')[0]}/64", strict=False))
    except ValueError:
        return address
