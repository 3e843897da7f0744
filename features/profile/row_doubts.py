"""Doubts about rows: read twice, cut off at a limit, too early, too late, or without their lead."""

import math
from collections import Counter
from collections.abc import Iterator

import polars as pl

from leadcast.features.profile.collector import OTHERS
from leadcast.features.profile.doubts import Doubt
from leadcast.features.profile.raw_signs import IdSigns
from leadcast.features.profile.reading import SourceReading
from leadcast.features.profile.value_doubts import places_of
from leadcast.features.readers.issues import LATE_ROW, OUTCOME_BEFORE_CREATION, IssueKind

LEAST = 20
REPEATED_SHARE = 0.02
OVERLAP_SHARE = 0.02
WHOLE_SHARE = 0.98
LIMITS = (2_000, 10_000, 50_000, 65_535, 65_536, 100_000, 1_048_575, 1_048_576)
"""At so many rows CRMs and spreadsheets cut an export."""


def repeat_doubts(reading: SourceReading) -> Iterator[Doubt]:
    """Find events that stand there several times, within a file and across files."""
    sample, files = reading.collector.repeats.frame(), reading.collector.repeats.files
    if sample.is_empty():
        return
    again = sample.filter(pl.col("hash").is_duplicated())
    across = again.filter(pl.col("file").n_unique().over("hash") > 1)
    yield from _repeated_files(reading, sample, across, files)
    if reading.collector.events.whole_minutes:
        return
    within = again.filter(~pl.struct("file", "hash").is_first_distinct())
    if within.height < max(LEAST, REPEATED_SHARE * sample.height):
        return
    one_in = reading.collector.repeats.one_in
    first = again.filter(pl.col("hash") == within["hash"][0])
    count = within.height * one_in
    yield Doubt(
        "repeated_events",
        files[int(first["file"][0])][0],
        f"{'about ' if one_in > 1 else ''}{count:,} of {reading.collector.events.rows:,} events "
        f"({within.height / sample.height:.0%}) that another row has already, with the same lead, "
        f"time, kind and value: {_rows(first, files)}",
        count,
    )


def _rows(first: pl.DataFrame, files: list[tuple[str, str]]) -> str:
    told = [f"{files[row['file']][1]} row {row['number']}" for row in first.head(3).to_dicts()]
    return ", ".join(told) + (", …" if first.height > len(told) else "")


def _repeated_files(
    reading: SourceReading,
    sample: pl.DataFrame,
    across: pl.DataFrame,
    files: list[tuple[str, str]],
) -> Iterator[Doubt]:
    sizes = dict(sample.group_by("file").agg(pl.col("hash").n_unique()).iter_rows())
    # Equal files were refused when they were opened, and are not told once more.
    told = [place for place, one in enumerate(files) if one in reading.ledger.same_files]
    each = across.select("hash", "file").unique().filter(~pl.col("file").is_in(told))
    pairs = each.join(each, on="hash", suffix="_other").filter(
        pl.col("file") < pl.col("file_other")
    )
    counted = pairs.group_by("file", "file_other").len().sort("len", descending=True)
    for one, other, shared in counted.head(3).iter_rows():
        smaller = min(sizes[one], sizes[other])
        if shared < max(LEAST, OVERLAP_SHARE * smaller):
            continue
        share = shared / smaller
        is_same = share >= WHOLE_SHARE and sizes[one] == sizes[other]
        table, name = files[one]
        named = f"{name} and {files[other][1]}"
        count = shared * reading.collector.repeats.one_in
        first = across.filter(pl.col("hash") == _shared_hash(pairs, one, other))
        yield Doubt(
            "repeated_files",
            f"{table}: {named}",
            f"{'the same rows' if is_same else f'{share:.0%} of the smaller one in both'} "
            f"({count:,} events): {_rows(first.sort('file'), files)}",
            count,
            f"Take one of them out of `tables.{table}.read.files`."
            if share >= WHOLE_SHARE
            else "Export spans of time that do not overlap.",
            severity="error" if is_same else "warning",
        )


def _shared_hash(pairs: pl.DataFrame, one: int, other: int) -> int:
    mine = pairs.filter((pl.col("file") == one) & (pl.col("file_other") == other))
    return int(mine["hash"][0])


def limit_doubts(reading: SourceReading) -> Iterator[Doubt]:
    """Find files and queries with exactly as many rows as exports are cut at."""
    for table, counts in reading.ledger.origin_totals.items():
        most = max(counts.values(), default=0)
        # Several files of which one has fewer rows are the pieces of a whole.
        if most in LIMITS and set(counts.values()) == {most}:
            names = ", ".join(list(counts)[:3])
            yield Doubt(
                "row_limit",
                f"{table}: {names}",
                f"exactly {most:,} rows, a number at which exports are cut",
                most,
                subject=table,
            )


def id_doubts(reading: SourceReading) -> Iterator[Doubt]:
    """Find identifiers that something has shortened."""
    for (table, column), signs in reading.collector.ids.items():
        where = f"{table}: column {column!r}"
        for words, count, places in _shortened(signs):
            yield Doubt(
                "shortened_ids",
                where,
                f"{count:,} of {signs.seen:,} identifiers {words}: {places}",
                count,
                subject=column,
            )
    yield from _short_and_long(reading)
    yield from _zeros_elsewhere(reading)


def _shortened(signs: IdSigns) -> Iterator[tuple[str, int, str]]:
    seen = signs.with_exponent
    if seen.count:
        yield "written with an exponent, as 1.23E+15", seen.count, places_of(seen)
    seen = signs.long_zeros
    if seen.count >= 3 and seen.count >= 0.9 * signs.long:
        yield "of 16 digits or more with zeros after the 15th", seen.count, places_of(seen)
    shorter = sum(n for length, n in signs.numbers.items() if length < signs.zero_width)
    if signs.led_by_zero.count >= 3 and shorter >= 3:
        words = (
            f"shorter than {signs.zero_width} digits without a zero at the beginning, where "
            f"{signs.led_by_zero.count:,} others have one"
        )
        yield words, shorter, places_of(signs.plain_number)


def _short_and_long(reading: SourceReading) -> Iterator[Doubt]:
    """Find Salesforce's identifiers of 15 letters beside those of 18, unless they meet."""
    if reading.definition.ids is not None:
        return
    ids = [one for one in reading.collector.ids.values() if one.about.name == "lead_id"]
    short = [one for one in ids if one.fifteen.count >= 3]
    long = [one for one in ids if one.eighteen.count >= 3]
    if not short or not long:
        return
    few, many = short[0], long[0]
    yield Doubt(
        "shortened_ids",
        f"{few.about.table}: column {few.about.column!r}",
        f"{few.fifteen.count:,} identifiers of 15 letters ({places_of(few.fifteen)}), and in "
        f"{many.about.table} {many.eighteen.count:,} of 18 ({places_of(many.eighteen)})",
        few.fifteen.count,
        "Set `ids: salesforce` at the top of the definition, or export the long form everywhere "
        "(in Salesforce: `CASESAFEID(Id)`).",
        subject=few.about.column,
    )


def _zeros_elsewhere(reading: SourceReading) -> Iterator[Doubt]:
    """Find a table whose identifiers have lost the zeros that those of another one have."""
    ids = [one for one in reading.collector.ids.values() if one.about.name == "lead_id"]
    led = [one for one in ids if one.led_by_zero.count >= 3]
    for one in ids:
        if not led or one in led or one.plain_number.count < 3:
            continue
        other = led[0]
        yield Doubt(
            "shortened_ids",
            f"{one.about.table}: column {one.about.column!r}",
            f"no identifier of {one.plain_number.count:,} that begins with a zero, where "
            f"{other.led_by_zero.count:,} do in {other.about.table} "
            f"({places_of(other.led_by_zero)}): {places_of(one.plain_number)}",
            one.plain_number.count,
            "Export the identifiers as text, with the zeros at their beginning.",
            subject=one.about.column,
        )


EARLY_SHARE = 0.05
AFTER_SHARE = 0.5
LEAST_EVENTS = 100
NEGATIVE_SHARE = 0.002
LEAST_NEGATIVE = 5
LATE_SHARE = 0.001


def age_doubts(reading: SourceReading) -> Iterator[Doubt]:
    """Find events and ends at ages that cannot be, or that hardly can."""
    facts = reading.collector.events
    if facts.early >= max(LEAST_EVENTS, EARLY_SHARE * facts.rows):
        yield Doubt(
            "early_events",
            "events",
            f"{facts.early:,} of {facts.rows:,} events ({facts.early / facts.rows:.0%}) half a "
            "year or more before the creation of their lead",
            facts.early,
        )
    if facts.after_end >= max(LEAST_EVENTS, AFTER_SHARE * facts.ended):
        yield Doubt(
            "events_after_end",
            "events",
            f"{facts.after_end:,} of the {facts.ended:,} events of ended leads "
            f"({facts.after_end / facts.ended:.0%}) after the lead's end",
            facts.after_end,
        )
    yield from _noted(reading, "ends_before_creation", OUTCOME_BEFORE_CREATION, NEGATIVE_SHARE)
    yield from _noted(reading, "late_rows", LATE_ROW, LATE_SHARE)


def _noted(reading: SourceReading, code: str, kind: IssueKind, share: float) -> Iterator[Doubt]:
    """Tell of rows that the reading itself has noted, where they are more than a few."""
    for found in reading.ledger.counts():
        if found["kind"] != kind.name:
            continue
        count, rows = int(found["count"]), max(int(found["rows"]), 1)
        if count < max(LEAST_NEGATIVE, share * rows):
            continue
        yield Doubt(
            code,
            f"{found['table']}: column {found['column']!r}",
            f"{count:,} of {rows:,} rows {found['words']}",
            count,
            subject=str(found["column"]),
        )


FEWEST_OF_KIND = 50
"""So many events of a kind are needed to say when it begins and ends."""
MONTHS_OF_KIND = 3
"""So many months are compared before and after, and must be there at either end."""
ALIKE_RATES = 3.0
"""Two kinds with so many times the events of each other in a month are not the same."""


def kind_doubts(reading: SourceReading) -> Iterator[Doubt]:
    """Find kinds of events that end as others begin, about as frequent: they were renamed."""
    by_type = reading.collector.events.by_type
    kinds = {
        kind: months
        for kind, months in by_type.items()
        if kind != OTHERS and months.total() >= FEWEST_OF_KIND
    }
    months = [month for counts in by_type.values() for month in counts]
    if not months:
        return
    begin, end, taken = min(months), max(months), set[str]()
    for old, counts in sorted(kinds.items(), key=lambda one: -one[1].total()):
        last = max(counts)
        if not begin + MONTHS_OF_KIND <= last + 1 <= end + 1 - MONTHS_OF_KIND:
            continue
        rate = _rate(counts, last - MONTHS_OF_KIND)
        heirs = {
            kind: abs(math.log(_rate(later, last + 1) / rate))
            for kind, later in kinds.items()
            if kind not in taken
            and last <= min(later) <= last + 1
            and min(later) > begin
            and rate * _rate(later, last + 1) > 0
        }
        new = min(heirs, key=lambda kind: heirs[kind], default=None)
        if new is None or heirs[new] > math.log(ALIKE_RATES):
            continue
        taken.add(new)
        yield Doubt(
            "renamed_kind",
            "events",
            f"{counts.total():,} events {old!r} until {_month(last)}, none later, and "
            f"{kinds[new].total():,} {new!r} from {_month(min(kinds[new]))} on, none earlier",
            kinds[new].total(),
            subject=old,
        )


def _rate(months: Counter[int], first: int) -> float:
    """Count events a month, in some whole months from one on."""
    return sum(months[first + later] for later in range(MONTHS_OF_KIND)) / MONTHS_OF_KIND


def _month(number: int) -> str:
    return f"{number // 12}-{number % 12 + 1:02d}"
