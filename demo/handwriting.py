"""How people fill in forms: many ways to write one thing, typing errors, nonsense and gaps."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from leadcast.demo import words
from leadcast.demo.people import COUNTRIES, FUNCTIONS, INDUSTRIES, SIZE_BOUNDS, Flags, People
from leadcast.demo.world import Floats, Integers

_TRANSLATED_SHARE = 0.55
_TYPING_ERRORS = 0.03


def job_titles(rng: np.random.Generator, people: People) -> pl.Series:
    """Write job titles: in the person's language or English, in any case, at times nonsense."""
    n_leads = len(people.seniority)
    spoken = [words.LANGUAGES.index(words.LANGUAGE_BY_COUNTRY.get(c, "en")) for c in COUNTRIES]
    translated = rng.random(n_leads) < _TRANSLATED_SHARE
    language = np.where(translated, np.array(spoken)[people.country], 0)
    number = (people.seniority * len(FUNCTIONS) + people.function) * len(words.LANGUAGES) + language
    title = _mistyped(rng, one_of(rng, words.all_titles(), number))
    style = rng.random(n_leads)
    title = where(style < 0.12, title.str.to_lowercase(), title)
    title = where((style > 0.5) & (style < 0.52), title + " ", title)
    title = where(style > 0.96, title.str.to_uppercase(), title)
    nonsense = one_of(rng, [words.NONSENSE_TITLES], np.zeros(n_leads, np.int64))
    return with_gaps(rng, where(rng.random(n_leads) < 0.01, nonsense, title), 0.07)


def company_sizes(rng: np.random.Generator, people: People) -> pl.Series:
    """Write numbers of employees: mostly as a band, else as a number."""
    bounds = pairwise(SIZE_BOUNDS)
    bands = [words.size_variants(low, high - 1) for low, high in bounds]
    employees = pl.Series(people.employees).cast(pl.String)
    style = rng.random(len(employees))
    text = where(style < 0.25, employees, one_of(rng, bands, people.size))
    text = where(style < 0.04, "ca. " + employees, text)
    unknown = pl.Series(["unknown"]).new_from_index(0, len(text))
    return with_gaps(rng, where(style > 0.98, unknown, text), 0.10)


def revenues(rng: np.random.Generator, people: People) -> pl.Series:
    """Write revenues: often nothing, at times 0, at times in thousands by mistake."""
    slip = rng.random(len(people.revenue))
    revenue = np.where(slip < 0.02, people.revenue / 1000.0, people.revenue)
    return with_gaps(rng, pl.Series(np.where(slip > 0.97, 0.0, np.round(revenue))), 0.38)


def industries(rng: np.random.Generator, people: People) -> pl.Series:
    """Write industries, some of them in two or three ways."""
    return with_gaps(rng, _ways(rng, words.INDUSTRY_VARIANTS, INDUSTRIES, people.industry), 0.09)


def countries(rng: np.random.Generator, people: People) -> pl.Series:
    """Write countries: as a name in English or its own language, or as a code."""
    return with_gaps(rng, _ways(rng, words.COUNTRY_VARIANTS, COUNTRIES, people.country), 0.03)


def one_of(rng: np.random.Generator, ways: Sequence[Sequence[str]], number: Integers) -> pl.Series:
    """Choose one of the ways to write each value, the first ways more often."""
    counts = np.array([len(variants) for variants in ways])
    first = np.cumsum(counts) - counts
    chosen = np.floor(rng.random(len(number)) ** 1.5 * counts[number]).astype(np.int64)
    return pl.Series([way for variants in ways for way in variants]).gather(first[number] + chosen)


def with_gaps(rng: np.random.Generator, column: pl.Series, share: float | Floats) -> pl.Series:
    """Leave some values out."""
    return column.set(pl.Series(rng.random(len(column)) < share), None)


def where(condition: Flags, yes: pl.Series, no: pl.Series) -> pl.Series:
    """Choose between two columns, row by row."""
    return yes.zip_with(pl.Series(condition), no)


def _ways(
    rng: np.random.Generator,
    variants: Mapping[str, Sequence[str]],
    names: Sequence[str],
    number: Integers,
) -> pl.Series:
    return one_of(rng, [variants.get(name, (name,)) for name in names], number)


def _mistyped(rng: np.random.Generator, column: pl.Series) -> pl.Series:
    """Swap two neighbouring letters in some of the texts."""
    rows = np.flatnonzero(rng.random(len(column)) < _TYPING_ERRORS)
    places = rng.random(len(rows))
    texts = column.gather(rows).to_list()
    swapped = [_swapped(text, int(p * len(text))) for text, p in zip(texts, places, strict=True)]
    return column.scatter(rows, pl.Series(swapped, dtype=pl.String))


def _swapped(text: str, place: int) -> str:
    return text[:place] + text[place : place + 2][::-1] + text[place + 2 :]
