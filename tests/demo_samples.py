"""Demo worlds that several tests look at, each drawn once."""

from functools import lru_cache

import numpy as np

from leadcast.demo.origins import Origins
from leadcast.demo.parts import Part, draw_part
from leadcast.demo.people import People

WORLD_LEADS = 40_000


@lru_cache(maxsize=1)
def world_part() -> Part:
    """Draw a whole world of 40,000 leads in one part."""
    return draw_part(np.random.default_rng(20_240_101), 0, WORLD_LEADS, WORLD_LEADS)


def uniform_people(count: int, fit: float = 0.0) -> People:
    """Make people who are all the same: the first of every tuple, fully reachable."""
    zeros, ones = np.zeros(count, np.int64), np.ones(count)
    return People(
        **dict.fromkeys(("seniority", "function", "size", "industry", "country", "email"), zeros),
        employees=zeros + 1,
        revenue=ones,
        phone_valid=zeros == 0,
        seeks_job=zeros == 1,
        scanned=zeros == 1,
        hidden_fit=0.0 * ones,
        fit=fit * ones,
        price_fit=-0.3 * ones,
        ramp_days=3.0 * ones,
        loss_factor=ones,
        web_activity=ones,
        mail_activity=ones,
    )


def uniform_origins(count: int, created: int, first_state: int = 0) -> Origins:
    """Make origins that are all the same, `created` seconds after the world's start."""
    zeros, own = np.zeros(count, np.int64), np.arange(count)
    return Origins(
        created=zeros + created,
        channel=zeros,
        vendor=zeros - 1,
        campaign=zeros - 1,
        request=zeros,
        landing=zeros,
        weak=zeros == 1,
        first_state=zeros + first_state,
        visits_before=zeros,
        cost=np.full(count, np.nan),
        account=own,
        person=own,
    )
