"""Bodies of requests that hold as much of one thing as a service's limits allow, or more."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from leadcast.serve.scorer import CREATED

LARGEST = 8 * 1024 * 1024


@dataclass(frozen=True)
class Attack:
    """A request, and how it is sent.

    Parameters
    ----------
    name : str
    body : bytes
    at_once : int
        By so many callers of one address.
    query : str
        With a question mark.
    address : str
        Asked by GET where there is no body.
    """

    name: str
    body: bytes
    at_once: int = 1
    query: str = ""
    address: str = "/v1/score"


def attacks(lead: dict[str, Any]) -> Iterator[Attack]:
    """Make the requests.

    Parameters
    ----------
    lead : dict
        One that the service can score.

    Yields
    ------
    Attack
    """
    texts = {name: "x" for name, value in lead["attributes"].items() if isinstance(value, str)}
    event = {"occurred_at": CREATED, "event_type": "call", "value": 1.0}
    names = b",".join(b'"n%d":0' % number for number in range(780_000))
    yield Attack(
        "780,000 unknown names of one lead", _one(lead, names[:7_700_000].rsplit(b",", 1)[0])
    )
    many = [_with(lead, n, {f"{n}-{k}": 0 for k in range(600)}) for n in range(1000)]
    yield Attack("600 names of its own in each of 1,000 leads", body_of(many))
    same = [_with(lead, n, {f"n{k}": 0 for k in range(800)}) for n in range(1000)]
    yield Attack("800 same unknown names in each of 1,000 leads", body_of(same))
    yield Attack(
        "2.6 million empty lists under one unknown name",
        _one(lead, b'"x":[' + b"[]," * 2_600_000 + b"[]]"),
    )
    lists = [_with(lead, n, {"x": [[]] * 2_500}) for n in range(1000)]
    yield Attack("2,500 empty lists in each of 1,000 leads", body_of(lists))
    yield Attack("nested without end", b'{"leads":' + b"[" * (LARGEST - 9))
    yield Attack(
        "a name of 8 million letters", _one(lead, b'"' + b"n" * (LARGEST - 5_000) + b'":0')
    )
    yield Attack(
        "a name of a million of what is written as escapes",
        _one(lead, b'"' + b"\\u0001" * 1_300_000 + b'":0'),
    )
    yield Attack("a number of 8 million digits", _one(lead, b'"x":' + b"1" * (LARGEST - 5_000)))
    yield Attack("a fraction of 8 million digits", _one(lead, b'"x":0.' + b"1" * (LARGEST - 5_000)))
    yield Attack(
        "10,000 events of each of 10 leads",
        body_of([_with(lead, n, {}, [event] * 10_000) for n in range(10)]),
    )
    yield Attack("100,000 events of one lead", body_of([_with(lead, 0, {}, [event] * 100_000)]))
    some = [_with(lead, n, {}, [event] * 95) for n in range(1000)]
    yield Attack(
        "95 events of each of 1,000 leads, with reasons", body_of(some), query="?reasons=true"
    )
    yield Attack("8 of those at once", body_of(some), 8, "?reasons=true")
    yield Attack(
        "1,000 small leads, with reasons, 32 at once",
        body_of([_with(lead, n, {}) for n in range(1000)]),
        32,
        "?reasons=true",
    )
    long = [
        _with(lead, n, dict.fromkeys(texts, "a.b " * 2500))
        for n in range(LARGEST // (10_300 * len(texts)))
    ]
    yield Attack("texts of 10,000 letters", body_of(long))
    yield Attack("a thousand leads of one id", body_of([_with(lead, 0, {})] * 1000))
    yield Attack("100,000 leads", b'{"leads":[' + b"{}," * 99_999 + b"{}]}")
    yield Attack(
        "1.6 million names where leads belong", b'{"leads":{' + b'"":0,' * 1_600_000 + b'"":0}}'
    )
    wrong = [_with(lead, n, {}) | {f"x{k}": 0 for k in range(800)} for n in range(1000)]
    yield Attack("800 faults in each of 1,000 leads", body_of(wrong))
    yield Attack("an unknown field of 7 million letters", body_of([lead | {"x" * 7_000_000: 0}]))


def page_attacks(lead_id: str) -> Iterator[Attack]:
    """Make the questions of the page that cost most.

    Parameters
    ----------
    lead_id : str
        Of a lead with many events.

    Yields
    ------
    Attack
    """
    for address in ("/page/lead", "/page/lead/moment", "/page/lead/why"):
        yield Attack(f"{address}, 32 at once", b"", 32, f"?id={lead_id}&at={10**15}", address)
    yield Attack("/page/lead/search, 32 at once", b"", 32, "?text=1", "/page/lead/search")
    yield Attack("/page/leads, 32 at once", b"", 32, address="/page/leads")


def _with(
    lead: dict[str, Any], number: int, attributes: dict[str, Any], events: list[Any] | None = None
) -> dict[str, Any]:
    own = lead["attributes"] | attributes
    return lead | {"lead_id": str(number), "attributes": own, "events": events or []}


def body_of(leads: list[dict[str, Any]]) -> bytes:
    """Write a request for leads, cut at `LARGEST`."""
    return json.dumps({"leads": leads}, separators=(",", ":")).encode()[:LARGEST]


def _one(lead: dict[str, Any], attributes: bytes) -> bytes:
    own = json.dumps(lead | {"attributes": {}}, separators=(",", ":")).encode()
    return (
        b'{"leads":[' + own.replace(b'"attributes":{}', b'"attributes":{%s}' % attributes) + b"]}"
    )
