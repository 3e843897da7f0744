"""What the demo's leads do: events whose rates follow hidden intent, fit and temperament."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadcast.demo import world
from leadcast.demo.intent import OUT, Path
from leadcast.demo.law import KINDS, NAMES, Kind
from leadcast.demo.origins import INCENTIVISED, Origins
from leadcast.demo.people import INVALID_EMAIL, People
from leadcast.demo.world import Floats, Integers

_JOB_SEEKERS_CAREERS_PER_DAY = 0.10
_BOUNCES_PER_DAY = 0.02
_SCANNED_CLICKS_PER_OPENED = 0.6
# Who is paid for filling in forms does so at once, opens what comes, and is never seen again.
_PAID_FOR_LATER_ACTIVITY = 0.3
_PAID_FOR_BURST = {
    "form_submitted": 4.0,
    "email_opened": 5.0,
    "blog_page_viewed": 6.0,
    "product_page_viewed": 3.0,
    "video_watched": 2.0,
}
_BURST_MEAN_DAYS = 0.7


@dataclass(frozen=True)
class Log:
    """Events of a part of the leads, in time's order."""

    lead: Integers
    """The lead's number within the part."""
    at: Integers
    """Seconds since the world's start, before its end."""
    kind: Integers
    """A number of `KINDS`."""
    value: Floats
    """Seconds watched or spoken, minutes attended; NaN where the kind has none."""


@dataclass(frozen=True)
class _Spells:
    """Runs of days that a lead stays in one state."""

    lead: Integers
    state: Integers
    first: Integers
    days: Integers


def draw_log(rng: np.random.Generator, origins: Origins, people: People, path: Path) -> Log:
    """Draw what leads do."""
    spells = _spells_of(path)
    logs = [
        _usual(rng, origins, spells, number, _rates(kind, origins, people, spells))
        for number, kind in enumerate(KINDS)
    ]
    logs += [_burst(rng, origins, NAMES.index(name), n) for name, n in _PAID_FOR_BURST.items()]
    logs.append(_scanner_clicks(rng, people, logs[NAMES.index("email_opened")]))
    joined = _joined(logs)
    order = np.lexsort((joined.kind, joined.lead, joined.at))
    order = order[joined.at[order] < world.LAST_SECOND]
    return _taken(joined, order)


def _spells_of(path: Path) -> _Spells:
    changes = np.ones(path.shape, dtype=np.bool_)
    np.not_equal(path[:, 1:], path[:, :-1], out=changes[:, 1:])
    starts = np.flatnonzero(changes)
    days = np.diff(starts, append=path.size)
    state = path.ravel()[starts]
    seen = state != OUT
    lead, first = np.divmod(starts[seen], path.shape[1])
    return _Spells(lead, state[seen].astype(np.int64), first, days[seen])


def _rates(kind: Kind, origins: Origins, people: People, spells: _Spells) -> Floats:
    """Events a day of a kind, for each spell."""
    by_lead = np.exp(kind.hidden_fit * people.hidden_fit)
    reached = people.email < INVALID_EMAIL
    if kind.medium == "mail":
        by_lead *= people.mail_activity * reached
    elif kind.medium == "web":
        by_lead *= people.web_activity
    else:
        by_lead *= people.phone_valid
    by_lead *= np.where(origins.vendor == INCENTIVISED, _PAID_FOR_LATER_ACTIVITY, 1.0)
    rates = np.array(kind.rates)[spells.state] * by_lead[spells.lead]
    if kind.name == "careers_page_viewed":
        rates += _JOB_SEEKERS_CAREERS_PER_DAY * people.seeks_job[spells.lead]
    if kind.name == "email_bounced":
        rates += _BOUNCES_PER_DAY * (people.email == INVALID_EMAIL)[spells.lead]
    return rates


def _usual(
    rng: np.random.Generator, origins: Origins, spells: _Spells, number: int, rates: Floats
) -> Log:
    spell = np.repeat(np.arange(len(rates)), rng.poisson(rates * spells.days))
    day = spells.first[spell] + np.floor(rng.random(len(spell)) * spells.days[spell])
    lead, age = spells.lead[spell], day.astype(np.int64)
    date = (origins.created[lead] + world.DAY_SECONDS // 2) // world.DAY_SECONDS + age
    kept = rng.random(len(lead)) < world.activity_by_day()[date]
    return _dated(rng, origins, lead[kept], age[kept], number)


def _dated(
    rng: np.random.Generator, origins: Origins, lead: Integers, age: Integers, number: int
) -> Log:
    """Give events of a lead's day of age a moment of that day at which people are awake."""
    created = origins.created[lead]
    since = (world.time_of_day(rng, len(lead)) - created) % world.DAY_SECONDS
    at = created + age * world.DAY_SECONDS + since
    return Log(lead, at, np.full(len(lead), number), _values(rng, number, len(lead)))


def _values(rng: np.random.Generator, number: int, count: int) -> Floats:
    if not KINDS[number].value:
        return np.full(count, np.nan)
    median, spread = KINDS[number].value
    return np.round(median * rng.lognormal(0.0, spread, count))


def _burst(rng: np.random.Generator, origins: Origins, number: int, mean: float) -> Log:
    paid = np.flatnonzero(origins.vendor == INCENTIVISED)
    lead = np.repeat(paid, rng.poisson(mean, len(paid)))
    age = rng.exponential(_BURST_MEAN_DAYS, len(lead)) * world.DAY_SECONDS
    at = origins.created[lead] + age.astype(np.int64)
    return Log(lead, at, np.full(len(lead), number), _values(rng, number, len(lead)))


def _scanner_clicks(rng: np.random.Generator, people: People, opened: Log) -> Log:
    followed = people.scanned[opened.lead] & (
        rng.random(len(opened.lead)) < _SCANNED_CLICKS_PER_OPENED
    )
    clicks = _taken(opened, np.flatnonzero(followed))
    number = np.full(len(clicks.lead), NAMES.index("email_clicked"))
    return Log(clicks.lead, clicks.at + 2, number, clicks.value)


def _joined(logs: list[Log]) -> Log:
    return Log(
        lead=np.concatenate([log.lead for log in logs]),
        at=np.concatenate([log.at for log in logs]),
        kind=np.concatenate([log.kind for log in logs]),
        value=np.concatenate([log.value for log in logs]),
    )


def _taken(log: Log, rows: npt.NDArray[np.int64]) -> Log:
    return Log(log.lead[rows], log.at[rows], log.kind[rows], log.value[rows])
