"""A world whose probabilities are known, and an export of it in which outcomes begin late."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from leadcast.features.definitions.definition import SourceDefinition
from leadcast.models.data import Floats
from tests.source_samples import Keys, make_source

START = datetime(2023, 6, 1, tzinfo=UTC)
DAYS, RECORDED, UNTIL = 400.0, 183.0, 430.0
"""Leads come for so long, outcomes are recorded from 2023-12-01, and the export is so late."""
RATES = {"web": 0.15, "fair": 0.45}
"""How many leads of a source are won sooner or later."""
WIN_DAYS, LOSS_DAYS = 15.0, 40.0
"""How long winning and losing takes in the mean, exponentially."""


@dataclass(frozen=True)
class World:
    """Leads in days since `START`; a lead has one of two ends, infinity stands for the other."""

    created: Floats
    source: np.ndarray
    won: Floats
    lost: Floats

    @classmethod
    def of(cls, n_leads: int, seed: int = 3) -> "World":
        """Draw leads."""
        random = np.random.default_rng(seed)
        created = np.sort(random.uniform(0, DAYS, n_leads))
        source = random.choice([*RATES], n_leads)
        wins = random.random(n_leads) < np.array([RATES[one] for one in source])
        won = created + random.exponential(WIN_DAYS, n_leads)
        lost = created + random.exponential(LOSS_DAYS, n_leads)
        return cls(created, source, np.where(wins, won, np.inf), np.where(wins, np.inf, lost))

    def export(
        self,
        folder: Path,
        changes: Keys | None = None,
        recorded: float = RECORDED,
        *,
        strays: int = 0,
        only_open: bool = False,
    ) -> SourceDefinition:
        """Write an export in which outcomes from before a day are lacking, all but some strays.

        `only_open` leaves out the leads that had ended by then: a list of who was open.
        """
        end = np.minimum(self.won, self.lost)
        told = end >= recorded
        told[np.flatnonzero(~told)[:strays]] = True
        kept = told if only_open else np.ones(len(told), dtype=bool)
        leads = pl.DataFrame(
            {
                "id": [f"L{number}" for number in range(len(told))],
                "created": [_text(day) for day in self.created],
                "revenue": "1",
                "source": self.source,
            }
        )
        ends = leads.select("id").with_columns(
            pl.Series("won", [_text(day) for day in self.won]),
            pl.Series("lost", [_text(day) for day in self.lost]),
            amount=pl.lit("1"),
        )
        known = pl.Series(told & (end <= UNTIL))
        texts = (leads.filter(pl.Series(kept)), ends.filter(known))
        until = {"observed_until": _text(UNTIL)}
        leads_text, ends_text = (one.write_csv() for one in texts)
        files = {"leads": leads_text, "outcomes": ends_text}
        event = f"L{len(told) - 1},{_text(DAYS + 1)},form,1"
        events = f"id,at,type,seconds\n{event}\n"
        return make_source(folder, until | (changes or {}), events=events, **files)

    @staticmethod
    def truth(age: float, horizon: float) -> float:
        """Give the probability that a lead which is open at an age is won within a horizon."""
        chances = []
        for rate in RATES.values():
            open_to_win = rate * np.exp(-age / WIN_DAYS)
            open_to_lose = (1 - rate) * np.exp(-age / LOSS_DAYS)
            within = open_to_win * (1 - np.exp(-horizon / WIN_DAYS))
            chances.append((within, open_to_win + open_to_lose))
        won, still_open = (sum(one) for one in zip(*chances, strict=True))
        return float(won / still_open)


def _text(day: float) -> str:
    return "" if np.isinf(day) else (START + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ")
