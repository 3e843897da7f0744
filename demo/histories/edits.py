"""What sales fills in: hardly ever of a lead that goes nowhere, nearly always before a win.

Who looks at the export sees a telephone number where a lead was won, and takes the one for a sign
of the other. When the number came is in the history.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from leadcast.demo import world
from leadcast.demo.export import as_times
from leadcast.demo.parts import Part
from leadcast.demo.simulate import WorldTables
from leadcast.demo.world import Integers

_STREAM = 20_261
FIELDS = ("Phone", "Job Title", "Company Size")
"""What the forms ask for and many leave blank."""
_BLANK = 0.35
_FILLED_BEFORE_WIN, _FILLED_ELSE = 0.85, 0.10
_DAYS_BEFORE_WIN = (0.2, 12.0)
_MEAN_DAYS = 20.0


def add_histories(tables: WorldTables, part: Part, seed: int, number: int) -> WorldTables:
    """Let sales fill in fields of a part's leads, and write down when.

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
        The leads with more blanks in `FIELDS`, but for what was filled in by the end of the world;
        and ``changes``: ``Lead ID``, ``Changed At``, ``Field``, ``Old Value``, ``New Value``.
    """
    rng = np.random.default_rng([seed, number, _STREAM])
    leads, changes = tables.leads, []
    created, won = part.origins.created, part.endings.won_at
    for name in FIELDS:
        blank = rng.random(leads.height) < _BLANK
        filled = _filled_at(rng, created, won)
        in_view = filled < world.LAST_SECOND
        known = leads[name].is_not_null().to_numpy()
        late = blank & in_view & known
        changes.append(
            pl.DataFrame(
                {
                    "Lead ID": leads["Lead ID"],
                    "Changed At": as_times(filled),
                    "Field": pl.Series([name] * leads.height),
                    "Old Value": pl.Series([None] * leads.height, dtype=pl.String),
                    "New Value": leads[name],
                }
            ).filter(pl.Series(late))
        )
        kept = pl.Series(~blank | in_view)
        leads = leads.with_columns(pl.when(kept).then(pl.col(name)).alias(name))
    ordered = pl.concat(changes).sort("Changed At", "Lead ID", "Field")
    return replace(tables, leads=leads, changes=ordered)


def _filled_at(rng: np.random.Generator, created: Integers, won: Integers) -> Integers:
    """Say when a blank field is filled in, in seconds; after the world where it never is."""
    n_leads = len(created)
    never = np.full(n_leads, world.LAST_SECOND + 1, np.int64)
    before = rng.uniform(*_DAYS_BEFORE_WIN, n_leads) * world.DAY_SECONDS
    near_win = np.maximum(created + 3600, (won - before).astype(np.int64))
    some_day = created + (rng.exponential(_MEAN_DAYS, n_leads) * world.DAY_SECONDS).astype(np.int64)
    chance = rng.random(n_leads)
    is_won = won >= 0
    near_win = np.where(near_win < won, near_win, never)
    return np.select(
        [is_won & (chance < _FILLED_BEFORE_WIN), ~is_won & (chance < _FILLED_ELSE)],
        [near_win, some_day],
        never,
    )
