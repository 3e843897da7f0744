"""Buying groups: several leads of a company, a budget that nobody sees, and the truth of both.

Half of the leads come as colleagues of a recent one. A lead's hazard to win is multiplied by what
holds when it arrives: whether an earlier colleague decides, and whether one was evaluating already;
and by its company's budget, which no column tells and which all its leads share. So the leads of an
account rise and fall together, and ``1 - prod(1 - p)`` of what can be known of them says too much.
Given all that is hidden they are independent: the truth of an account is exact.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from leadcast.demo import world
from leadcast.demo.behaviour import draw_log
from leadcast.demo.export import as_times
from leadcast.demo.handwriting import with_gaps
from leadcast.demo.intent import OPEN_STATES, draw_paths, win_probabilities
from leadcast.demo.law import risks_of
from leadcast.demo.origins import Origins
from leadcast.demo.outcomes import HORIZONS_DAYS, draw_endings
from leadcast.demo.parts import Part, days_in_view
from leadcast.demo.people import SENIORITIES, People, draw_people
from leadcast.demo.simulate import WorldTables, written
from leadcast.demo.world import Floats, Integers

_STREAM = 20_262
_JOINS, _LARGEST = 0.6, 8
_BACK = 60.0
"""How many leads ago the colleague came on average, of 20,000 in two years."""
_DECIDES = tuple(map(SENIORITIES.index, ("vp", "c_level", "owner")))
_EVALUATING = 2
_ENGAGED_DAYS = 60
_WITH_DECIDER, _WITH_ENGAGED = 1.8, 2.2
_BUDGETS, _BUDGET_SHARES = (0.25, 2.6), (0.6, 0.4)
_UNNAMED = 0.4
MOMENT_DAYS = 14
"""The truth is told at each day since 1970 whose number this divides."""


def add_accounts(tables: WorldTables, part: Part, seed: int, number: int) -> WorldTables:
    """Let the leads of a part come in buying groups.

    Parameters
    ----------
    tables : WorldTables
        The part as it is written without.
    part : Part
        With what is hidden.
    seed, number : int
        The world's seed, and the part's number: what is drawn hangs on these alone.

    Returns
    -------
    WorldTables
        Of other leads, who arrive at the same times; many of them without ``Account ID``. And
        ``accounts``: ``lead_id``, ``account`` (the true one), ``as_of``, ``horizon_days`` and
        ``true_probability`` of each lead that is open at a moment (`MOMENT_DAYS`).
    """
    rng = np.random.default_rng([seed, number, _STREAM])
    first = int(tables.leads["Lead ID"][0][1:])
    origins = replace(part.origins, account=_groups(rng, part.origins))
    people = draw_people(rng, origins)
    factor = _budgets(rng, origins) * _of_colleagues(origins, people)
    risks = risks_of(origins, people)
    risks = risks._replace(win_factor=risks.win_factor * factor)
    path, won_day, lost_day = draw_paths(rng, part.law, risks, days_in_view(origins.created))
    endings = draw_endings(rng, origins.created, people, won_day, lost_day)
    log = draw_log(rng, origins, people, path)
    own = Part(origins, people, part.law, risks, path, endings, log)
    found = written(own, rng, first)
    unnamed = np.full(found.leads.height, _UNNAMED)
    ids = with_gaps(rng, found.leads["Account ID"], unnamed).alias("Account ID")
    leads = found.leads.with_columns(ids)
    return replace(found, leads=leads, accounts=_truth(own, leads["Lead ID"], first))


def _groups(rng: np.random.Generator, origins: Origins) -> Integers:
    """Put leads into companies: the number of the first lead of each."""
    n_leads = len(origins.created)
    joins, back = rng.random(n_leads) < _JOINS, rng.exponential(_BACK, n_leads)
    account, size = np.arange(n_leads), np.zeros(n_leads, np.int64)
    for lead in range(n_leads):
        person, colleague = origins.person[lead], lead - 1 - int(back[lead])
        if person < lead:
            account[lead] = account[person]
        elif joins[lead] and colleague >= 0 and size[account[colleague]] < _LARGEST:
            account[lead] = account[colleague]
        size[account[lead]] += 1
    return account


def _budgets(rng: np.random.Generator, origins: Origins) -> Floats:
    """Draw each company's budget, which nobody sees."""
    which = rng.choice(len(_BUDGETS), len(origins.account), p=_BUDGET_SHARES)
    return np.array(_BUDGETS)[which][origins.account]


def _of_colleagues(origins: Origins, people: People) -> Floats:
    """Say what earlier colleagues mean for each lead's hazard, as it holds on arrival."""
    n_leads = len(origins.created)
    decides = np.isin(people.seniority, _DECIDES)
    decided = np.zeros(n_leads, np.bool_)
    engaged = np.full(n_leads, -np.inf)
    factor = np.ones(n_leads)
    for lead in range(n_leads):
        account, now = origins.account[lead], origins.created[lead]
        if decided[account]:
            factor[lead] *= _WITH_DECIDER
        if now - engaged[account] <= _ENGAGED_DAYS * world.DAY_SECONDS:
            factor[lead] *= _WITH_ENGAGED
        decided[account] |= decides[lead]
        if origins.first_state[lead] >= _EVALUATING:
            engaged[account] = now
    return factor


def _truth(part: Part, ids: pl.Series, first: int) -> pl.DataFrame:
    """Compute the true probability of every open lead at every moment."""
    created, start = part.origins.created, int(world.START.timestamp())
    step = MOMENT_DAYS * world.DAY_SECONDS
    moments = np.arange(-(-start // step) * step - start, world.LAST_SECOND, step)
    lead, which = np.nonzero(created[:, None] < moments[None, :])
    as_of = moments[which]
    age = (as_of - created[lead]) // world.DAY_SECONDS
    ended = [
        (end[lead] >= 0) & (end[lead] <= as_of)
        for end in (part.endings.won_at, part.endings.lost_at)
    ]
    state = part.path[lead, age]
    is_open = (state < OPEN_STATES) & ~ended[0] & ~ended[1]
    lead, as_of, age, state = (one[is_open] for one in (lead, as_of, age, state))
    horizons = np.array(HORIZONS_DAYS)
    told = win_probabilities(part.law, part.risks, lead, age, state.astype(np.int64), horizons)
    row = np.repeat(np.arange(len(lead)), len(horizons))
    return pl.DataFrame(
        {
            "lead_id": ids.gather(lead[row]),
            "account": pl.Series(first + part.origins.account[lead[row]]),
            "as_of": as_times(as_of[row]),
            "horizon_days": np.tile(horizons.astype(np.float64), len(lead)),
            "true_probability": told.ravel(),
        }
    )
