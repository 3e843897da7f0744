"""The points that the demo's marketing team gives: sensible, and plainly worse than could be.

A day after a lead has arrived, its points are added up once and stay as they are: profile and
request as the CRM has them, and what the lead did in its first day. The table has the usual
flaws: a form is a form, whoever paid for it; every bought lead gets a bonus because it is dear;
nothing is ever taken away for silence.
"""

import numpy as np
import polars as pl

from leadcast.demo import world
from leadcast.demo.behaviour import Log
from leadcast.demo.law import NAMES
from leadcast.demo.origins import CHANNELS, REQUESTS, Origins
from leadcast.demo.people import BUSINESS_EMAIL, People
from leadcast.demo.world import Integers

POINTS_AFTER_DAYS = 1
_BY_SENIORITY = (0, 0, 2, 8, 12, 16, 20, 12)
_BY_SIZE = (0, 2, 5, 8, 10, 12, 15, 15)
_BY_INDUSTRY = (8, 8, 4, 4, 4, 8, 0, 0, 4, 0, 0, 4)
_BY_CHANNEL = {"Referral": 8, "Event": 12, "Purchased": 10, "Telephone": 5}
_BY_REQUEST = {"Demo Request": 15, "Trial Sign-up": 12, "Contact Form": 8, "Content Download": 6}
_FOR_BUSINESS_EMAIL = 4
_BY_EVENT = {
    # points for each, and the most that the kind can give
    "form_submitted": (8, 24),
    "pricing_page_viewed": (4, 12),
    "product_page_viewed": (2, 8),
    "blog_page_viewed": (1, 6),
    "email_opened": (1, 5),
    "email_clicked": (3, 9),
    "video_watched": (3, 9),
    "webinar_attended": (10, 10),
    "careers_page_viewed": (1, 3),
}


def points_of(rows: pl.DataFrame, origins: Origins, people: People, log: Log) -> Integers:
    """Add up the points of leads, a day after they have arrived."""
    points = np.array(_BY_SENIORITY, np.int64)[people.seniority] * _written(rows, "Job Title")
    points += np.array(_BY_SIZE)[people.size] * _written(rows, "Company Size")
    points += np.array(_BY_INDUSTRY)[people.industry] * _written(rows, "Industry")
    points += np.array([_BY_CHANNEL.get(name, 0) for name in CHANNELS])[origins.channel]
    points += np.array([_BY_REQUEST.get(name or "", 0) for name in REQUESTS])[origins.request]
    points += np.where(people.email == BUSINESS_EMAIL, _FOR_BUSINESS_EMAIL, 0)
    return points + _of_first_day(origins, log)


def _written(rows: pl.DataFrame, column: str) -> Integers:
    return rows[column].is_not_null().to_numpy().astype(np.int64)


def _of_first_day(origins: Origins, log: Log) -> Integers:
    n_leads = len(origins.created)
    age = log.at - origins.created[log.lead]
    early = age < POINTS_AFTER_DAYS * world.DAY_SECONDS
    points = np.zeros(n_leads, dtype=np.int64)
    for name, (each, most) in _BY_EVENT.items():
        counted = log.lead[early & (log.kind == NAMES.index(name))]
        points += np.minimum(np.bincount(counted, minlength=n_leads) * each, most)
    return points
