"""Who is one person: how many pairs are found, how many of those are right, in which time.

    python -m benchmarks.identity                       # the demo's truth
    python -m benchmarks.identity --people 1000000      # people with names, of a law of their own

The demo's simulator knows which leads are one person; nothing of what it exports says so. The
people of ``--people`` have names after Zipf's law, work for companies, live with families and come
again with typing errors, other addresses, transliterated or changed names, or nothing but a name
and a company; twins and switchboards among them.
"""

import argparse
import resource
import time
from dataclasses import dataclass

import numpy as np
import polars as pl

from leadcast.demo.crm import crm_rows
from leadcast.demo.parts import draw_part
from leadcast.features.identity.match_errors import pairs_right
from leadcast.features.identity.persons import resolve
from leadcast.features.snapshots import person_ids

PART = 50_000
LEADS, SEED = 20_000, 7
"""Of the embedded demo."""


def demo_leads(leads: int = LEADS, seed: int = SEED) -> pl.DataFrame:
    """Draw the demo's leads once more, with the number of the person beside them."""
    starts = range(0, leads, PART)
    drawn = []
    for first, own in zip(starts, np.random.SeedSequence(seed).spawn(len(starts)), strict=True):
        rng = np.random.default_rng(own)
        part = draw_part(rng, first, min(PART, leads - first), leads)
        rows = crm_rows(rng, part.origins, part.people, first)
        drawn.append(rows.with_columns(truth=pl.Series(first + part.origins.person)))
    names = {"Lead ID": "lead_id", "Created Date": "created_at", "Email": "email"}
    names |= {"Phone": "phone", "Country": "country", "Vendor": "vendor"}
    return pl.concat(drawn).select(*names, "truth").rename(names)


@dataclass(frozen=True)
class Law:
    """How the people of the benchmark come again."""

    again: float = 0.15
    """The share of leads that are of a person who came before."""
    first_names: int = 600
    last_names: int = 8_000


def _words(rng: np.random.Generator, count: int, syllables: int) -> list[str]:
    heads, tails = (
        ["b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w"],
        [*("a", "e", "i", "o", "u", "an", "el", "in", "or", "us", "ai", "er")],
    )
    found: dict[str, None] = {}
    while len(found) < count:
        parts = rng.integers(len(heads), size=syllables), rng.integers(len(tails), size=syllables)
        found["".join(heads[i] + tails[j] for i, j in zip(*parts, strict=True))] = None
    return list(found)


def _zipf(rng: np.random.Generator, count: int, of: int) -> np.ndarray:
    shares = 1.0 / np.arange(3, of + 3)
    return rng.choice(of, size=count, p=shares / shares.sum())


def named_people(leads: int, seed: int, law: Law = Law()) -> pl.DataFrame:
    """Draw leads of people with names, with the number of the person beside them."""
    rng = np.random.default_rng(seed)
    people = int(leads * (1 - law.again))
    person = np.concatenate([np.arange(people), rng.integers(people, size=leads - people)])
    firsts, lasts = _words(rng, law.first_names, 2), _words(rng, law.last_names, 3)
    company = (people * rng.random(people) ** 2 / 12).astype(np.int64)
    # A tenth live with somebody of the same last name, at one address and with one landline.
    home = np.where(
        rng.random(people) < 0.1, np.maximum(np.arange(people) - 1, 0), np.arange(people)
    )
    last = _zipf(rng, people, law.last_names)[home]
    landline = rng.random(people) < 0.4
    truth = pl.DataFrame(
        {
            "truth": np.arange(people),
            "first": pl.Series(firsts).gather(_zipf(rng, people, law.first_names)),
            "last": pl.Series(lasts).gather(last),
            "company": pl.Series(company).cast(pl.String),
            "home": home,
            "number": np.where(landline, home, people + np.arange(people)) + 10_000_000,
            "firm_number": company + 90_000_000,
        }
    )
    # No two colleagues have one address.
    again = pl.int_range(pl.len()).over("first", "last", "company")
    truth = truth.with_columns(
        namesake=pl.when(again > 0).then(again).cast(pl.String).fill_null("")
    )
    rows = truth[person].with_columns(lead_id=pl.int_range(leads).cast(pl.String).str.zfill(8))
    return _as_typed(rng, rows, np.arange(leads) >= people)


def _as_typed(rng: np.random.Generator, rows: pl.DataFrame, again: np.ndarray) -> pl.DataFrame:
    n = rows.height

    def when(share: float, yes: pl.Expr, no: pl.Expr) -> pl.Expr:
        return pl.when(pl.Series(again & (rng.random(n) < share))).then(yes).otherwise(no)

    def gap(share: float, column: pl.Expr) -> pl.Expr:
        return pl.when(pl.Series(rng.random(n) >= share)).then(column)

    first, last = pl.col("first"), pl.col("last")
    cut = last.str.slice(0, 2) + last.str.slice(3)
    doubled = last.str.slice(0, 3) + last.str.slice(2)
    surname = when(0.05, cut, when(0.04, doubled, when(0.02, pl.lit("neu") + last, last)))
    private = first + "." + last + pl.col("truth").cast(pl.String) + "@gmail.com"
    work = first + "." + last + pl.col("namesake") + "@firm" + pl.col("company") + ".example"
    own = pl.lit("+49 171 ") + pl.col("number").cast(pl.String)
    desk = pl.lit("+49 89 ") + pl.col("firm_number").cast(pl.String)
    initial = first.str.slice(0, 1) + "."
    firm = pl.lit("Firm ") + pl.col("company") + when(0.5, pl.lit(" GmbH"), pl.lit(""))
    return rows.select(
        "lead_id",
        "truth",
        created_at=pl.lit(0).cast(pl.Datetime("us", "UTC")) + pl.duration(hours=pl.int_range(n)),
        person_first_name=gap(0.02, when(0.1, initial, first.str.to_titlecase())),
        person_last_name=gap(0.01, surname.str.to_titlecase()),
        person_company=gap(0.1, firm),
        person_address=gap(0.5, pl.lit("Street ") + pl.col("home").cast(pl.String)),
        person_postal_code=gap(0.3, (pl.col("home") % 9000 + 10000).cast(pl.String)),
        email=gap(0.1, when(0.4, private, work)),
        phone=gap(0.35, when(0.3, desk, own)),
        country=pl.lit("DE"),
    ).sample(fraction=1.0, shuffle=True, seed=1)  # fmt: skip


def report(leads: pl.DataFrame, kinds: tuple[str, ...]) -> None:
    """Print a row a way of matching."""
    true = leads["truth"]
    print(f"{leads.height:,} leads, {true.n_unique():,} people")
    print(
        "way                        precision   recall   persons   seconds   CPU seconds   peak MiB"
    )
    for kind in kinds:
        begin, spent = time.perf_counter(), time.process_time()
        if kind == "as typed":
            person = person_ids(leads)
        else:
            match, _, threshold = kind.partition(" ")
            found = resolve(leads, match, threshold=float(threshold or 0.9))  # type: ignore[arg-type]
            person = found.persons["person_id"]
        seconds, spent = time.perf_counter() - begin, time.process_time() - spent
        precision, recall = pairs_right(person, true)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{kind:<26} {precision:>9.4f} {recall:>8.4f} {person.n_unique():>9,}"
            f" {seconds:>9.1f} {spent:>13.1f} {peak:>10,.0f}"
        )


def main() -> None:
    """Measure, as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, help="so many leads of people with names")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", help="one way of matching, such as 'probabilistic 0.9'")
    asked = parser.parse_args()
    if asked.people:
        ways = ("exact", *(f"probabilistic {one}" for one in (0.5, 0.8, 0.9, 0.95, 0.99)))
        report(named_people(asked.people, asked.seed), (asked.only,) if asked.only else ways)
    else:
        report(demo_leads(seed=asked.seed), ("as typed", "exact", "probabilistic"))


if __name__ == "__main__":
    main()
