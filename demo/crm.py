"""The demo's leads as a CRM exports them, a row each, and a column that leaks.

The e-mail addresses and telephone numbers of the demo's leads, none of which reaches anybody.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from leadcast.demo import handwriting, words
from leadcast.demo.export import as_times, lead_ids, numbered, numbers
from leadcast.demo.handwriting import one_of, where, with_gaps
from leadcast.demo.origins import CAMPAIGNS, CHANNELS, LANDINGS, REQUESTS, VENDORS, Origins
from leadcast.demo.people import BUSINESS_EMAIL, COUNTRIES, Flags, People
from leadcast.demo.world import Integers


def emails(rng: np.random.Generator, origins: Origins, people: People) -> pl.Series:
    """Write e-mail addresses; one person's are the same but for the case."""
    n_leads = len(origins.person)

    def per_person(names: Sequence[str]) -> pl.Series:
        return pl.Series(names).gather(rng.integers(len(names), size=n_leads)[origins.person])

    first, last = per_person(words.FIRST_NAMES), per_person(words.LAST_NAMES)
    digits = pl.Series(rng.integers(10, 99_999, n_leads)[origins.person]).cast(pl.String)
    kinds = (
        first + "." + last + "@" + _domains(rng, origins),
        first + last + digits + "@" + per_person(words.FREE_DOMAINS),
        last + digits + "@" + per_person(words.DISPOSABLE_DOMAINS),
        first + digits + "@" + last,
        pl.Series([None], dtype=pl.String).new_from_index(0, n_leads),
    )
    email = kinds[0]
    for number, written in enumerate(kinds[1:], start=1):
        email = where(people.email == number, written, email)
    return where(rng.random(n_leads) < 0.06, email.str.to_uppercase(), email)


def phones(rng: np.random.Generator, origins: Origins, people: People) -> pl.Series:
    """Write telephone numbers: 555 is nobody's; the invalid ones are what people type instead."""
    n_leads = len(origins.person)
    dial = pl.Series([words.DIAL_CODES[country] for country in COUNTRIES]).gather(people.country)
    digits = pl.Series(rng.integers(0, 10**7, n_leads)[origins.person]).cast(pl.String).str.zfill(7)
    national = "(555) " + digits.str.slice(0, 3) + "-" + digits.str.slice(3)
    valid = where(rng.random(n_leads) < 0.8, dial + " 555 " + digits, national)
    invalid = one_of(rng, [words.INVALID_PHONES], np.zeros(n_leads, np.int64))
    missing = np.where(people.phone_valid, 0.14, 0.3)
    return with_gaps(rng, where(people.phone_valid, valid, invalid), missing)


def _domains(rng: np.random.Generator, origins: Origins) -> pl.Series:
    names = pl.Series(words.COMPANY_WORDS)
    draws = rng.integers(len(names), size=(2, len(origins.account)))[:, origins.account]
    number = pl.Series(rng.integers(9999, size=len(origins.account))[origins.account])
    return (
        names.gather(draws[0]) + "-" + names.gather(draws[1]) + number.cast(pl.String) + ".example"
    )


STAGES = ("New", "Working", "Qualified", "Negotiation", "Closed Won", "Closed Lost")


def crm_rows(
    rng: np.random.Generator, origins: Origins, people: People, first_number: int
) -> pl.DataFrame:
    """Write the leads down as a CRM has them, but for points and stage."""
    return pl.DataFrame(
        {
            "Lead ID": lead_ids(first_number, len(origins.created)),
            "Created Date": as_times(origins.created),
            "Job Title": handwriting.job_titles(rng, people),
            "Company Size": handwriting.company_sizes(rng, people),
            "Annual Revenue": handwriting.revenues(rng, people),
            "Industry": handwriting.industries(rng, people),
            "Country": handwriting.countries(rng, people),
            "Email": emails(rng, origins, people),
            "Phone": phones(rng, origins, people),
            "Lead Source": _channels(rng, origins),
            "Campaign": _named(CAMPAIGNS, origins.campaign),
            "Vendor": _named(VENDORS, origins.vendor),
            "Request": _named(REQUESTS, origins.request),
            "Landing Page": _named(LANDINGS, origins.landing),
            "Visits Before": pl.Series(origins.visits_before),
            "Account ID": _accounts(rng, origins, people, first_number),
            "Cost": numbers(origins.cost),
        }
    )


def sales_stages(rng: np.random.Generator, state: Integers, won: Flags, lost: Flags) -> pl.Series:
    """Say where sales has each lead in its funnel on the day of the export.

    This is the leak that every CRM has: the stage is filled in as the deal goes on, so it tells
    the outcome of old leads and nothing that was known when they could have been scored.
    """
    hopeful = np.clip(state - (rng.random(len(state)) < 0.3), 0, 3)
    return pl.Series(STAGES).gather(np.select([won, lost], [4, 5], hopeful))


def _named(names: Sequence[str | None], number: Integers) -> pl.Series:
    """Look names up; -1 is none."""
    return pl.Series([*names, None], dtype=pl.String).gather(
        np.where(number < 0, len(names), number)
    )


def _accounts(
    rng: np.random.Generator, origins: Origins, people: People, first_number: int
) -> pl.Series:
    """Name accounts; a lead that is alone and gave no business address often has none."""
    alone = np.bincount(origins.account, minlength=len(origins.account))[origins.account] == 1
    unknown = alone & (people.email != BUSINESS_EMAIL)
    account = numbered("A", first_number + origins.account)
    return handwriting.with_gaps(rng, account, np.where(unknown, 0.8, 0.0))


def _channels(rng: np.random.Generator, origins: Origins) -> pl.Series:
    channel = _named(CHANNELS, origins.channel)
    tidy = pl.Series(rng.random(len(channel)) > 0.03)
    return handwriting.with_gaps(rng, channel.zip_with(tidy, channel.str.to_lowercase()), 0.02)
