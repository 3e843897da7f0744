"""One part of a world with everything that is hidden: what `leadcast.demo.simulate` writes down."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from leadcast.demo import world
from leadcast.demo.behaviour import Log, draw_log
from leadcast.demo.intent import Path, draw_paths
from leadcast.demo.law import Law, Risks, default_law, risks_of
from leadcast.demo.origins import Origins, draw_origins
from leadcast.demo.outcomes import Endings, draw_endings
from leadcast.demo.people import People, draw_people
from leadcast.demo.world import Integers

Bend = Callable[[Law, Risks], tuple[Law, Risks]]
"""Makes another world of the demo's: what follows of a part, and its truth, obey the bent law."""


@dataclass(frozen=True)
class Part:
    """Leads that arrive one after another, with their hidden state."""

    origins: Origins
    people: People
    law: Law
    risks: Risks
    path: Path
    """Each lead's states by day of age, as `leadcast.demo.intent.draw_paths` gives them."""
    endings: Endings
    log: Log

    def last_states(self) -> Integers:
        """Give each lead's state on the last day before the world ends."""
        created = self.origins.created
        return self.path[np.arange(len(created)), days_in_view(created) - 1].astype(np.int64)


def draw_part(
    rng: np.random.Generator, first: int, count: int, leads: int, bend: Bend | None = None
) -> Part:
    """Draw a part of a world, of the demo's law or a bent one."""
    created = world.arrival_seconds(rng, count, first / leads, (first + count) / leads)
    origins = draw_origins(rng, created)
    people = draw_people(rng, origins)
    law, risks = default_law(), risks_of(origins, people)
    if bend is not None:
        law, risks = bend(law, risks)
    path, won_day, lost_day = draw_paths(rng, law, risks, days_in_view(created))
    endings = draw_endings(rng, created, people, won_day, lost_day)
    log = draw_log(rng, origins, people, path)
    return Part(origins, people, law, risks, path, endings, log)


def draw_sizes(rng: np.random.Generator, first: int, count: int, leads: int) -> Integers:
    """Draw the sizes of the companies of a part alone: those that `draw_part` draws."""
    created = world.arrival_seconds(rng, count, first / leads, (first + count) / leads)
    return draw_people(rng, draw_origins(rng, created)).size


def days_in_view(created: Integers) -> Integers:
    """Count the days of age that begin before the world ends."""
    return -((created - world.LAST_SECOND) // world.DAY_SECONDS)
