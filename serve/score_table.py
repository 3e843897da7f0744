"""A database's table of scores: the latest score of each lead by each model version."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from leadcast.features.base.errors import LeadcastError, PassingError
from leadcast.models.bundle.extra_parts import is_extra_column
from leadcast.serve.scores import SCHEMA

if TYPE_CHECKING:
    import sqlalchemy as sa

ROWS_AT_ONCE = 10_000
PATIENCE_SECONDS = 600
"""So long a batch waits for another that writes to the same SQLite file."""
KEY = ("lead_id", "model_version")
_NAME = re.compile(r"(?:([A-Za-z_]\w*)\.)?([A-Za-z_]\w*)", re.ASCII)
_DATABASES = ("postgresql", "sqlite")


@dataclass(frozen=True)
class ScoreTable:
    """A table with a row for each lead and model version; made where there is none.

    Parameters
    ----------
    name : str
        ``scores`` or ``schema.scores``.
    url_env : str
        The environment variable that holds the database's SQLAlchemy URL.
    """

    name: str
    url_env: str

    def refuse_unusable(self) -> None:
        """Refuse a name or database that cannot be used, before any work.

        Raises
        ------
        LeadcastError
            If the name is none, the variable is not set, the database is neither PostgreSQL nor
            SQLite or does not answer, or the table has not the columns of scores, or not their
            key. The URL is never told: it may hold a password.
        """
        import sqlalchemy as sa

        with self._connected() as connection:
            table = self._table()
            inspector = sa.inspect(connection)
            present = _columns(inspector, table)
            if present is None:
                return
            missing = sorted({column.name for column in table.columns} - present)
            faults = [f"no column {', '.join(missing)}"] if missing else []
            faults += _key_faults(inspector, table)
            if faults:
                raise LeadcastError(
                    f"table {self.name}: has {' and '.join(faults)}; name another table, or let "
                    "this one be made anew"
                )

    def refuse_columns(self, extra: Sequence[str]) -> None:
        """Refuse a table that was made without columns that are asked for now, before any work.

        Parameters
        ----------
        extra : sequence of str
            Columns of optional parts.

        Raises
        ------
        LeadcastError
            If the table has not all of them; tells the statement that adds them.
        """
        import sqlalchemy as sa

        with self._connected() as connection:
            present = _columns(sa.inspect(connection), self._table())
        missing = [] if present is None else [name for name in extra if name not in present]
        if missing:
            add = " ".join(
                f"ALTER TABLE {self.name} ADD COLUMN {name} DOUBLE PRECISION;" for name in missing
            )
            raise LeadcastError(
                f"table {self.name}: has no column {', '.join(missing)}, which --extra asks for; "
                f"add them ({add}), name another table, or score without --extra"
            )

    def upsert(self, scores: pl.LazyFrame) -> int:
        """Insert scores, or put them in the place of earlier ones, in one transaction.

        A score at an earlier moment than the one that is there changes nothing. Columns of optional
        parts that the table has and the scores have not become null: what stood there was said of
        an earlier score.

        Parameters
        ----------
        scores : pl.LazyFrame
            As `leadcast.serve.scorer.Scorer.score` gives them.

        Returns
        -------
        int
            How many scores changed nothing, as there was one of a later moment.

        Raises
        ------
        PassingError
            If the database does not answer, or is gone in the middle.
        LeadcastError
            If it refuses. Nothing has been changed in either case.
        """
        import sqlalchemy as sa

        extra, n_later = [n for n in scores.collect_schema() if is_extra_column(n)], 0
        with self._connected() as connection, connection.begin():
            dialect = connection.dialect.name
            # As one that is there already has them, too.
            present = _columns(sa.inspect(connection), self._table()) or set()
            stale = sorted(name for name in present - {*extra} if is_extra_column(name))
            table = self._table([*extra, *stale])
            if dialect == "postgresql":
                # Two batches that make the table, or change the same leads, would end each other.
                turn = sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"leadcast {self.name}"))
                connection.execute(sa.select(turn))
            connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
            statement = _upsert(table, dialect)
            for frame in scores.collect_batches(chunk_size=ROWS_AT_ONCE, maintain_order=True):
                for rows in frame.iter_slices(ROWS_AT_ONCE):
                    absent = [pl.lit(None, pl.Float64).alias(name) for name in stale]
                    values = _as_stored(rows.with_columns(absent), dialect).to_dicts()
                    if values:
                        changed = connection.execute(statement, values).rowcount
                        n_later += max(len(values) - changed, 0) if changed >= 0 else 0
        return n_later

    def _table(self, extra: Sequence[str] = ()) -> "sa.Table":
        import sqlalchemy as sa

        match = _NAME.fullmatch(self.name)
        if match is None:
            raise LeadcastError(
                f"table {self.name!r}: expected a name such as scores or crm.scores, of letters, "
                "digits and underscores"
            )
        types: Mapping[pl.DataType, Any] = {
            pl.String(): sa.Text(),
            pl.Float64(): sa.Double(),
            pl.Boolean(): sa.Boolean(),
        }
        columns = [
            sa.Column(
                name,
                types.get(dtype, sa.DateTime(timezone=True)),
                primary_key=name in KEY,
                nullable=name not in KEY,
            )
            for name, dtype in SCHEMA.items()
        ]
        columns += [sa.Column("reasons", sa.Text())]
        columns += [sa.Column(name, sa.Double()) for name in extra]
        return sa.Table(match[2], sa.MetaData(), *columns, schema=match[1])

    def _engine(self) -> "sa.Engine":
        import sqlalchemy as sa

        url = os.environ.get(self.url_env, "").strip() if self.url_env else ""
        if not url:
            variable = self.url_env or "(none named)"
            raise LeadcastError(
                f"table {self.name}: the environment variable {variable} with the database's URL "
                "is not set; set it, as postgresql://user:password@host/name, and name it with "
                "--database-env"
            )
        try:
            parsed = sa.make_url(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url))
            if parsed.get_backend_name() not in _DATABASES:
                raise LeadcastError(
                    f"table {self.name}: the database is {parsed.get_backend_name()}; scores can "
                    f"be put into {' or '.join(_DATABASES)}"
                )
            is_file = parsed.get_backend_name() == "sqlite"
            waits = {"timeout": PATIENCE_SECONDS} if is_file else {}
            return sa.create_engine(parsed, connect_args=waits)
        except (sa.exc.SQLAlchemyError, ImportError, ValueError):
            raise LeadcastError(
                f"table {self.name}: what {self.url_env} holds is no URL of a database"
            ) from None

    @contextmanager
    def _connected(self) -> "Iterator[sa.Connection]":
        import sqlalchemy as sa

        engine = self._engine()
        try:
            with engine.connect() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            words = " ".join(str(getattr(error, "orig", None) or error).split())
            passes = isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError))
            raise (PassingError if passes else LeadcastError)(
                f"table {self.name}: the database refuses ({words}); nothing was written. Look at "
                "the URL, the rights and the table's columns"
            ) from None
        finally:
            engine.dispose()


def _columns(inspector: "sa.Inspector", table: "sa.Table") -> set[str] | None:
    """List the columns that a table has; None where there is no such table."""
    if not inspector.has_table(table.name, schema=table.schema):
        return None
    return {column["name"] for column in inspector.get_columns(table.name, table.schema)}


def _key_faults(inspector: "sa.Inspector", table: "sa.Table") -> list[str]:
    """Tell what keeps a table from holding one row for each lead and model version."""
    import sqlalchemy as sa

    columns = inspector.get_columns(table.name, table.schema)
    odd = [
        f"{column['name']} as {column['type']} instead of a text"
        for column in columns
        if column["name"] in KEY and not isinstance(column["type"], sa.String)
    ]
    place = (table.name, table.schema)
    keys: list[Sequence[str | None]] = [inspector.get_pk_constraint(*place)["constrained_columns"]]
    keys += [one["column_names"] for one in inspector.get_unique_constraints(*place)]
    keys += [one["column_names"] for one in inspector.get_indexes(*place) if one["unique"]]
    if any(set(key) == set(KEY) for key in keys):
        return odd
    return [*odd, f"no primary key ({', '.join(KEY)})"]


def _upsert(table: "sa.Table", dialect: str) -> "sa.Executable":
    from sqlalchemy import or_
    from sqlalchemy.dialects import postgresql, sqlite

    insert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    new = insert.excluded
    is_later = or_(table.c.as_of.is_(None), new.as_of.is_(None), new.as_of >= table.c.as_of)
    changed = {column.name: new[column.name] for column in table.columns if column.name not in KEY}
    return insert.on_conflict_do_update(index_elements=KEY, set_=changed, where=is_later)


def _as_stored(scores: pl.DataFrame, dialect: str) -> pl.DataFrame:
    reasons = pl.lit(None, dtype=pl.String).alias("reasons")
    if "reasons" in scores.columns:
        present = pl.col("reasons").is_not_null()
        reasons = pl.when(present).then(pl.col("reasons").struct.json_encode()).alias("reasons")
    stored = scores.with_columns(reasons)
    if dialect == "sqlite":
        # SQLite has no type for moments; what is stored is UTC.
        stored = stored.with_columns(pl.col("as_of").dt.replace_time_zone(None))
    # PostgreSQL's texts cannot hold a null character.
    return stored.with_columns(pl.col("lead_id").str.replace_all("\0", "\ufffd", literal=True))
