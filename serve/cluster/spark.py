"""Scores where the leads already live in Apache Spark: by `mapInArrow`, with the bundle.

Each lead's events are collected into its row, so that a batch of rows is all that a worker needs;
the bundle travels with the task, so that the workers need no common file system. They need this
package and no Spark of another version than the driver's.

As a program, under ``spark-submit`` or alone::

    python -m leadcast.serve.cluster.spark --bundle DIR --leads LEADS --events EVENTS --out SCORES
"""

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from leadcast.features.base.errors import LeadcastError, in_words
from leadcast.features.base.letters import TRIMMED
from leadcast.features.engine.inputs import incomplete_events
from leadcast.features.nonhuman.people_events import NONHUMAN
from leadcast.features.nonhuman.signs import SIGNS
from leadcast.features.values.columns import EXACT
from leadcast.features.values.times import parse_moment
from leadcast.serve.scorer import Scorer

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql import Column, DataFrame

logger = logging.getLogger("leadcast")

_EVENTS = "events_of_lead"
_KEY = "text of lead_id"
_EVENT_COLUMNS = ("occurred_at", "event_type", "value", *SIGNS, NONHUMAN)
Packed = tuple[tuple[str, bytes], ...]
"""The files of a bundle: names and contents."""


def score_with_spark(
    bundle: Path,
    leads: "DataFrame",
    events: "DataFrame | None" = None,
    as_of: datetime | None = None,
    extra: tuple[str, ...] = (),
) -> "DataFrame":
    """Score a Spark table of leads."""
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    scorer = Scorer.load(bundle)
    moment = as_of or (datetime.now(UTC) if scorer.is_dated else None)
    # Scoring no leads tells every fault of the columns, and how the scores will look.
    none = pl.DataFrame(to_arrow_schema(leads.schema, timezone="UTC").empty_table())
    no_events = None
    if events is not None:
        no_events = pl.DataFrame(to_arrow_schema(events.schema, timezone="UTC").empty_table())
    looks = scorer.score(none, no_events, moment, extra=extra)
    empty = looks.to_arrow(compat_level=pl.CompatLevel.oldest())
    schema = from_arrow_schema(empty.schema, prefer_timestamp_ntz=False)
    _refuse_repeated(leads)
    if events is not None:
        _tell_of_events_without_lead(events)
    return _with_events(leads, events).mapInArrow(
        partial(
            score_batches,
            packed=pack(bundle),
            moment=moment,
            schema=to_arrow_schema(schema, timezone="UTC"),
            with_events=events is not None,
            extra=extra,
        ),
        schema,
    )


def score_batches(
    batches: Iterable["pyarrow.RecordBatch"],
    packed: Packed,
    moment: datetime | None,
    schema: "pyarrow.Schema",
    *,
    with_events: bool,
    extra: tuple[str, ...] = (),
) -> Iterator["pyarrow.RecordBatch"]:
    """Score what a worker is given."""
    scorer = _unpacked(packed)
    for batch in batches:
        rows = pl.DataFrame(batch)
        events = None
        if with_events:
            # A lead at several moments has its events in each of its rows.
            each = rows.select("lead_id", _EVENTS).unique("lead_id", keep="first")
            events = each.drop_nulls().explode(_EVENTS).unnest(_EVENTS)
        scores = scorer.score(rows.drop(_EVENTS, strict=False), events, moment, extra=extra)
        table = scores.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)
        yield from table.to_batches()


def pack(bundle: Path) -> Packed:
    """Read a bundle's files as they are, to be sent to workers."""
    files = sorted(path for path in bundle.rglob("*") if path.is_file())
    return tuple((str(path.relative_to(bundle)), path.read_bytes()) for path in files)


@lru_cache(maxsize=1)
def _unpacked(packed: Packed) -> Scorer:
    """Make a scorer, once a worker process; loading verifies what has been sent."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in packed:
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return Scorer.load(folder)


def _refuse_repeated(leads: "DataFrame") -> None:
    """Refuse a lead that stands twice: its rows may come in batches that do not see each other."""
    from pyspark.sql import functions

    keys = [name for name in ("lead_id", "as_of") if name in leads.columns]
    found = leads.groupBy(*keys).count().filter(functions.col("count") > 1).limit(1).collect()
    if found:
        raise LeadcastError(
            f"leads: column 'lead_id': found {found[0]['lead_id']!r} {found[0]['count']} times; "
            "expected each lead once, or once at each as_of. Take the others out."
        )


def _tell_of_events_without_lead(events: "DataFrame") -> None:
    """Log how many events no worker sees; each tells itself what else its events lack."""
    from pyspark.sql import functions

    count = events.filter(functions.col("lead_id").isNull()).count()
    for fault in incomplete_events([count, 0, 0]):
        logger.warning("%s", in_words(fault))


def _with_events(leads: "DataFrame", events: "DataFrame | None") -> "DataFrame":
    if events is None:
        return leads
    from pyspark.sql import functions

    columns = [name for name in _EVENT_COLUMNS if name in events.columns]
    listed = functions.collect_list(functions.struct(*columns)).alias(_EVENTS)
    each = events.groupBy(_joined_by(events).alias(_KEY)).agg(listed)
    # Spark would take the text 007 for the number 7.
    return leads.withColumn(_KEY, _joined_by(leads)).join(each, _KEY, "left").drop(_KEY)


def _joined_by(table: "DataFrame") -> "Column":
    """Give the text by which ids meet, as `leadcast.features.values.identifiers.joined_by` does."""
    from pyspark.sql import functions, types

    column, dtype = functions.col("lead_id"), table.schema["lead_id"].dataType
    text = column.cast("string")
    if isinstance(dtype, types.StringType):
        ends = "".join(f"\\u{ord(letter):04x}" for letter in TRIMMED)
        return functions.regexp_replace(text, f"^[{ends}]+|[{ends}]+$", "")
    if isinstance(dtype, types.FloatType | types.DoubleType):
        is_whole = (column == functions.floor(column)) & (functions.abs(column) < EXACT)
        return functions.when(is_whole, column.cast("bigint").cast("string")).otherwise(text)
    if isinstance(dtype, types.DecimalType):
        return functions.regexp_replace(text, r"\.0*$|(\.\d*?)0+$", "$1")
    return text


def main() -> None:
    """Score Parquet tables, wherever Spark reads them, into a folder of Parquet."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import SparkSession

    parser = argparse.ArgumentParser(prog="python -m leadcast.serve.cluster.spark")
    parser.add_argument("--bundle", type=Path, required=True, help="the bundle's folder, here")
    parser.add_argument("--leads", required=True, help="Parquet: a path or address Spark reads")
    parser.add_argument("--events", help="likewise")
    parser.add_argument("--as-of", type=parse_moment, help="with its zone; or now")
    parser.add_argument("--extra", action="append", default=[], help="curve: see leadcast score")
    parser.add_argument("--out", required=True, help="the folder of scores; must not exist yet")
    asked = parser.parse_args()
    # Workers of this machine: with this Python, unless somebody says otherwise.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = SparkSession.builder.appName("leadcast").getOrCreate()
    try:
        events = session.read.parquet(asked.events) if asked.events else None
        leads = session.read.parquet(asked.leads)
        scores = score_with_spark(asked.bundle, leads, events, asked.as_of, tuple(asked.extra))
        scores.write.parquet(asked.out)
        print(f"{session.read.parquet(asked.out).count():,} leads scored into {asked.out}")
    except AnalysisException as error:
        # A path that is not there, or is there already: the first line tells which.
        raise SystemExit(f"error: Spark refuses: {str(error).splitlines()[0]}") from None
    except LeadcastError as error:
        raise SystemExit(f"error: {error}") from None
    finally:
        session.stop()


if __name__ == "__main__":
    # Under its own name, by which the workers find what they are sent.
    main()
