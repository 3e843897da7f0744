"""The e-mail addresses and telephone numbers of the demo's leads, none of which reaches anybody."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from demo import words
from demo.handwriting import one_of, where, with_gaps
from demo.origins import Origins
from demo.people import COUNTRIES, People


def emails(rng: np.random.Generator, origins: Origins, people: People) -> pl.Series:
    """Write e-mail addresses; one person's are the same but for the case.

    Parameters
    ----------
    rng : Generator
        Where the chance comes from.
    origins : Origins
    people : People

    Returns
    -------
    pl.Series of String
        Null where the person gave none.
    """
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
    """Write telephone numbers: 555 is nobody's; the invalid ones are what people type instead.

    Parameters
    ----------
    rng : Generator
        Where the chance comes from.
    origins : Origins
    people : People

    Returns
    -------
    pl.Series of String
    """
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
