"""Machines and colleagues among the demo's events, and which they are.

Everything here is drawn from a stream of its own, so that a world without machines stays as it
is. E-mails go out by a schedule that knows nothing of the leads' intent; what people do is moved
and added to only so that it looks like what mail tools write down: an open before a click, now and
then a double click, a page after it, an e-mail read within seconds.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from leadcast.demo import world
from leadcast.demo.behaviour import Log
from leadcast.demo.intent import OUT, Path
from leadcast.demo.law import NAMES
from leadcast.demo.origins import Origins
from leadcast.demo.people import BUSINESS_EMAIL, SMALL_BANDS, Flags, People
from leadcast.demo.world import Floats, Integers
from leadcast.features.definitions.definition import SimulatedMachines

DELIVERED = "email_delivered"
KINDS = (*NAMES, DELIVERED)
OPENED, CLICKED = NAMES.index("email_opened"), NAMES.index("email_clicked")
PAGES = tuple(NAMES.index(f"{name}_page_viewed") for name in ("blog", "product", "pricing"))
ACTORS = ("person", "gateway", "privacy_proxy", "colleague", "test_lead", "mail_tool")
"""Who caused an event; a delivery is the mail tool's, and no behaviour of anybody."""
PERSON, GATEWAY, PRIVACY, COLLEAGUE, TEST, MAIL = range(len(ACTORS))
OWN_DOMAIN = "demo-seller.example"
_BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (Linux; Android 14; CUBOT X70) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537",
)
_SCANNERS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/124.0 Safari/537.36",
    "python-requests/2.31.0",
    "BarracudaLinkProtect/1.0",
)
AGENTS = (*_BROWSERS, *_SCANNERS, "Mozilla/5.0")
_PROXY = len(AGENTS) - 1
# Addresses that are nobody's: of benchmarks and of documentation (RFC 2544, RFC 5737).
ANYWHERE, LISTED, OFFICE = range(3)
_MAIL_DAYS = (0.02, 3.0, 7.0, 14.0, 21.0, 35.0, 50.0, 70.0)
_STYLES = (0.30, 0.25, 0.45)
"""Shares of gateways that name themselves, that come from a listed network, and that do neither."""
_NAMED, _FROM_LISTED, _STEALTHY = range(3)
_MS = 1000


@dataclass(frozen=True)
class MachineLog:
    """Events of a part of the leads in time's order, with who caused them."""

    lead: Integers
    at_ms: Integers
    """Milliseconds since the world's start."""
    kind: Integers
    """A number of `KINDS`."""
    value: Floats
    agent: Integers
    """A number of `AGENTS`; -1 where none is known."""
    address: Integers
    """`ANYWHERE`, `LISTED` or `OFFICE`; -1 where none is known."""
    host: Integers
    """Which address of these."""
    filtered: Flags
    """Marked by the mail tool as a machine's."""
    actor: Integers
    """A number of `ACTORS`."""

    def as_log(self) -> Log:
        """Give what marketing's points are added up from."""
        return Log(self.lead, self.at_ms // _MS, self.kind, self.value)


def nobodys(rng: np.random.Generator, count: int, machines: SimulatedMachines) -> Flags:
    """Draw which leads are colleagues' tests."""
    return rng.random(count) < machines.test_leads


def with_machines(
    rng: np.random.Generator,
    origins: Origins,
    people: People,
    path: Path,
    log: Log,
    tests: Flags,
    machines: SimulatedMachines,
) -> MachineLog:
    """Add machines and colleagues to what people did."""
    mails = _deliveries(rng, origins, path)
    persons = _persons(rng, _without(log, tests, people), mails)
    parts = [
        replace(mails, actor=np.where(tests[mails.lead], TEST, mails.actor)),
        persons,
        _gateways(rng, origins, people, mails, machines),
        _privacy(rng, origins, mails, machines),
        _colleagues(rng, mails, machines),
        _tests(rng, origins, tests),
    ]
    whole = _joined(parts)
    order = np.lexsort((whole.kind, whole.lead, whole.at_ms))
    created = origins.created[whole.lead[order]] * _MS
    inside = (whole.at_ms[order] < world.LAST_SECOND * _MS) & (whole.at_ms[order] >= created)
    return _taken(whole, order[inside])


def _without(log: Log, tests: Flags, people: People) -> Log:
    """Leave out tests, and the simplest scanner that the world has: two seconds after an open."""
    far = int(world.LAST_SECOND) * 2
    moments = log.lead * far + log.at
    opened = np.unique(moments[log.kind == OPENED]) + 2
    simple = (log.kind == CLICKED) & people.scanned[log.lead] & np.isin(moments, opened)
    rows = np.flatnonzero(~tests[log.lead] & ~simple)
    return Log(log.lead[rows], log.at[rows], log.kind[rows], log.value[rows])


def _of(
    lead: Integers,
    at_ms: Floats | Integers,
    kind: int | Integers,
    actor: int,
    agent: int | Integers = -1,
    address: int | Integers = -1,
    host: int | Integers = 0,
    filtered: bool | Flags = False,
) -> MachineLog:
    n = len(lead)

    def whole(value: object) -> Integers:
        return np.broadcast_to(np.asarray(value, dtype=np.int64), n).copy()

    flags = np.broadcast_to(np.asarray(filtered, dtype=np.bool_), n).copy()
    numbers = (whole(agent), whole(address), whole(host), flags, whole(actor))
    return MachineLog(lead, whole(at_ms), whole(kind), np.full(n, np.nan), *numbers)


def _deliveries(rng: np.random.Generator, origins: Origins, path: Path) -> MachineLog:
    n_leads = len(origins.created)
    lead = np.repeat(np.arange(n_leads), len(_MAIL_DAYS))
    days = np.tile(np.array(_MAIL_DAYS), n_leads) + np.where(
        np.tile(np.arange(len(_MAIL_DAYS)), n_leads) > 0, rng.uniform(0.0, 1.0, len(lead)), 0.0
    )
    seen = path[lead, np.minimum(days.astype(np.int64), path.shape[1] - 1)] != OUT
    lead, days = lead[seen], days[seen]
    at = origins.created[lead] * _MS + days * world.DAY_SECONDS * _MS + rng.integers(0, _MS)
    return _of(lead, at, KINDS.index(DELIVERED), MAIL)


def _persons(rng: np.random.Generator, log: Log, mails: MachineLog) -> MachineLog:
    """Give what people did milliseconds and browsers, and write it down as mail tools do."""
    n = len(log.lead)
    at = log.at * _MS + rng.integers(0, _MS, n)
    quick = (log.kind == OPENED) & (rng.random(n) < 0.1)
    at = np.where(quick, _after_mail(rng, log.lead, at, mails), at)
    own = _of(log.lead, at, log.kind, PERSON, _browser(log.lead), ANYWHERE, _host(log.lead))
    own = MachineLog(**{**vars(own), "value": log.value})
    clicks = _taken(own, np.flatnonzero(own.kind == CLICKED))
    return _joined([own, *_around(rng, clicks)])


def _around(rng: np.random.Generator, clicks: MachineLog) -> list[MachineLog]:
    """Add to clicks what comes with them: an open before, a double click, a page after."""
    n = len(clicks.lead)
    # Whose mail program shows no pictures is never seen to open anything.
    blocked = (clicks.lead * 7919 + 13) % 100 < 15
    opens = np.flatnonzero(~blocked)
    twice = np.flatnonzero(rng.random(n) < 0.03)
    pages = np.flatnonzero(rng.random(n) < 0.4)
    page = np.array(PAGES)[rng.choice(len(PAGES), len(pages), p=(0.6, 0.3, 0.1))]
    return [
        _moved(_taken(clicks, opens), -rng.uniform(3_000, 90_000, len(opens)), OPENED),
        _moved(_taken(clicks, twice), rng.uniform(250, 1_500, len(twice)), CLICKED),
        _moved(_taken(clicks, pages), rng.uniform(400, 3_000, len(pages)), page),
    ]


def _after_mail(
    rng: np.random.Generator, lead: Integers, at: Integers, mails: MachineLog
) -> Integers:
    """Move moments to soon after the lead's last e-mail before them, where there is one."""
    far = int(world.LAST_SECOND) * _MS * 2
    keys = mails.lead * far + mails.at_ms
    order = np.argsort(keys)
    place = np.searchsorted(keys[order], lead * far + at, side="right") - 1
    mail = order[np.maximum(place, 0)]
    known = (place >= 0) & (mails.lead[mail] == lead)
    soon = mails.at_ms[mail] + rng.lognormal(np.log(90_000.0), 1.0, len(lead)).astype(np.int64)
    return np.where(known, soon, at)


def _gateways(
    rng: np.random.Generator,
    origins: Origins,
    people: People,
    mails: MachineLog,
    machines: SimulatedMachines,
) -> MachineLog:
    """Let gateways open e-mails, follow their links and render the pages behind them."""
    n_leads, account = len(origins.created), origins.account
    large = people.size > SMALL_BANDS
    share = np.clip(machines.gateways * np.where(large, 1.5, 0.75), 0.0, 1.0)
    guarded = (rng.random(n_leads)[account] < share) & (people.email == BUSINESS_EMAIL)
    style = rng.choice(3, n_leads, p=_STYLES)[account]
    pace = rng.lognormal(0.0, 0.5, n_leads)[account] * machines.delay_seconds
    spread = np.where(rng.random(n_leads)[account] < 0.15, 4_000.0, 1_200.0)
    mail = np.flatnonzero(guarded[mails.lead] & (rng.random(len(mails.lead)) < 0.9))
    again = mail[rng.random(len(mail)) < 0.1]
    first = pace[mails.lead[mail]] * rng.lognormal(0.0, 0.6, len(mail))
    early = rng.random(len(mail)) < 0.1
    first = np.where(early, -rng.uniform(0.1, 1.8, len(mail)), first)
    later = rng.uniform(1.0, 20.0, len(again)) * 3600.0
    scan = np.concatenate([mail, again])
    begin = mails.at_ms[scan] + np.concatenate([first, later]) * _MS
    lead = mails.lead[scan]
    links = 1 + rng.poisson(2.5, len(scan))
    each = np.repeat(np.arange(len(scan)), links)
    within = begin[each] + rng.random(len(each)) * spread[lead[each]]
    page = np.flatnonzero(rng.random(len(each)) < 0.5)
    shown = np.array(PAGES)[rng.choice(len(PAGES), len(page))]
    render = within[page] + rng.uniform(400, 3_000, len(page))
    moments = np.concatenate([begin, within, render])
    who = np.concatenate([lead, lead[each], lead[each][page]])
    kind = np.concatenate([np.full(len(scan), OPENED), np.full(len(each), CLICKED), shown])
    named = len(_BROWSERS) + account[who] % len(_SCANNERS)
    agent = np.where(style[who] == _NAMED, named, _browser(account[who]))
    address = np.where(style[who] == _FROM_LISTED, LISTED, ANYWHERE)
    marked = rng.random(len(who)) < np.where(style[who] == _NAMED, 0.5, 0.05)
    return _of(who, moments, kind, GATEWAY, agent, address, _host(account[who]), marked)


def _privacy(
    rng: np.random.Generator, origins: Origins, mails: MachineLog, machines: SimulatedMachines
) -> MachineLog:
    """Let privacy proxies fetch the pictures of every e-mail, whether or not it is read."""
    n_leads = len(origins.created)
    hidden = rng.random(n_leads)[origins.person] < machines.privacy_proxies
    mail = np.flatnonzero(hidden[mails.lead] & (rng.random(len(mails.lead)) < 0.95))
    delay = rng.lognormal(np.log(1_200.0), 1.5, len(mail)) * _MS
    at, lead = mails.at_ms[mail] + delay, mails.lead[mail]
    return _of(lead, at, OPENED, PRIVACY, _PROXY, ANYWHERE, rng.integers(0, 60_000, len(mail)))


def _colleagues(
    rng: np.random.Generator, mails: MachineLog, machines: SimulatedMachines
) -> MachineLog:
    """Let colleagues look at e-mails that they have sent, from the office."""
    mail = np.flatnonzero(rng.random(len(mails.lead)) < machines.colleagues)
    at = mails.at_ms[mail] + rng.exponential(2 * world.DAY_SECONDS * _MS, len(mail))
    return _of(mails.lead[mail], at, OPENED, COLLEAGUE, 0, OFFICE, mail % 200)


def _tests(rng: np.random.Generator, origins: Origins, tests: Flags) -> MachineLog:
    """Let colleagues try what leads can do, with addresses of their own."""
    lead = np.repeat(np.flatnonzero(tests), rng.poisson(14.0, int(tests.sum())))
    kind = rng.choice(len(NAMES) - 2, len(lead))
    at = origins.created[lead] * _MS + rng.exponential(3 * world.DAY_SECONDS * _MS, len(lead))
    return _of(lead, at, kind, TEST, _browser(lead), ANYWHERE, _host(lead))


def _browser(number: Integers) -> Integers:
    return (number * 31 + 7) % len(_BROWSERS)


def _host(number: Integers) -> Integers:
    return (number * 7919 + 101) % 65_000


def _moved(log: MachineLog, by_ms: Floats, kind: int | Integers) -> MachineLog:
    at = log.at_ms + by_ms.astype(np.int64)
    same = (log.actor[:1].item() if len(log.actor) else PERSON, log.agent, log.address, log.host)
    return _of(log.lead, at, kind, *same)


def _joined(logs: list[MachineLog]) -> MachineLog:
    names = MachineLog.__dataclass_fields__
    return MachineLog(**{name: np.concatenate([vars(log)[name] for log in logs]) for name in names})


def _taken(log: MachineLog, rows: npt.NDArray[np.int64]) -> MachineLog:
    return MachineLog(**{name: column[rows] for name, column in vars(log).items()})
