"""A query, read in chunks."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl

from leadcast.features.base.errors import Fault, nearest
from leadcast.features.definitions.table_schema import SqlReader
from leadcast.features.readers.origins import NumberedPart, OnBroken, UnreadableError, WithoutLines
from leadcast.features.readers.sql_reading import (
    read_only_url,
    refuse_writes,
    refused_query,
    told_of_writing,
)
from leadcast.features.values.columns import column_of

if TYPE_CHECKING:
    import sqlalchemy as sa

# A colon before a word would be a parameter to SQLAlchemy; definitions have none.
_PARAMETER_LIKE = re.compile(r"(?<![:\w\\]):(?=\w)")


class SqlOrigin(WithoutLines):
    """One query of a database.

    Parameters
    ----------
    reader : SqlReader
        The query, and the variable that holds the database's URL.
    name : str
        How it is called in messages.
    """

    def __init__(self, reader: SqlReader, name: str) -> None:
        self.name = name
        self._reader = reader

    def columns(self) -> list[str]:
        """Ask the database for the columns' names.

        Returns
        -------
        list of str
            All different.

        Raises
        ------
        UnreadableError
            If the variable is not set, the database does not answer or refuses the query, or two
            columns have one name.
        """
        with self._result() as result:
            names = [str(name) for name in result.keys()]  # noqa: SIM118 - not a dict
        twins = sorted({name for name in names if names.count(name) > 1})
        if twins:
            raise UnreadableError(
                Fault(
                    self.name,
                    f"more than one column called {', '.join(map(repr, twins))}",
                    "a different name for each column",
                    "Give them names with AS.",
                )
            )
        return names

    def parts(
        self,
        columns: Sequence[str],
        on_broken: OnBroken,  # noqa: ARG002 - no broken rows here
    ) -> Iterator[NumberedPart]:
        """Read some columns chunk by chunk; rows are numbered in the order of the result.

        Parameters
        ----------
        columns : sequence of str
            Names among `columns`.
        on_broken : callable
            Never called: a database has no broken rows.

        Yields
        ------
        tuple of (pl.DataFrame, pl.Series of Int64)
            The columns, and the rows' numbers from 1.

        Raises
        ------
        UnreadableError
            If the database stops answering.
        """
        first = 1
        with self._result() as result:
            names = [str(name) for name in result.keys()]  # noqa: SIM118
            wanted = [names.index(column) for column in columns]
            for rows in result.partitions(self._reader.chunk_rows):
                frame = pl.DataFrame(
                    [
                        column_of(name, [row[index] for row in rows])
                        for name, index in zip(columns, wanted, strict=True)
                    ]
                )
                yield frame, pl.int_range(first, first + len(rows), eager=True)
                first += len(rows)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Read the result row by row, as Python values.

        Yields
        ------
        tuple
            One row.
        """
        with self._result() as result:
            for rows in result.partitions(self._reader.chunk_rows):
                yield from (tuple(row) for row in rows)

    @contextmanager
    def _result(self) -> "Iterator[sa.CursorResult[Any]]":
        import sqlalchemy as sa

        sql = self._reader.sql.strip().rstrip("; \t\r\n")
        fault = refused_query(sql, self.name)
        if fault is not None:
            raise UnreadableError(fault)
        engine, denied = self._engine(), list[str]()
        refuse_writes(engine, denied)
        query = sa.text(_PARAMETER_LIKE.sub(r"\\:", sql))
        try:
            with engine.connect() as connection:
                options = {"stream_results": True, "yield_per": self._reader.chunk_rows}
                if engine.dialect.name == "postgresql":
                    options["postgresql_readonly"] = True
                with connection.execution_options(**options).execute(query) as result:
                    yield result
        except sa.exc.SQLAlchemyError as error:
            raise self._refused(error, denied) from None
        finally:
            engine.dispose()

    def _engine(self) -> "sa.Engine":
        import sqlalchemy as sa

        url = os.environ.get(self._reader.url_env, "").strip()
        if not url:
            raise UnreadableError(self._no_variable())
        try:
            # Some services still hand out the scheme that SQLAlchemy has dropped.
            named = sa.make_url(re.sub(r"^postgres://", "postgresql://", url))
            return sa.create_engine(read_only_url(named))
        except (sa.exc.SQLAlchemyError, ImportError, ValueError) as error:
            # The URL itself may hold a password, so it is not shown.
            raise UnreadableError(
                Fault(
                    f"{self.name}: environment variable {self._reader.url_env}",
                    f"a URL that cannot be used ({error})",
                    "a SQLAlchemy URL, such as postgresql://user@host/database",
                    "Correct it; for other databases than PostgreSQL and SQLite install the "
                    "driver that the URL names.",
                )
            ) from None

    def _no_variable(self) -> Fault:
        name = self._reader.url_env
        similar = nearest(name, os.environ)
        hint = "" if similar is None else f"There is {similar}; did you mean that?"
        return Fault(
            f"{self.name}: read.url_env",
            f"the environment variable {name}, which is not set",
            "the database's SQLAlchemy URL in it",
            f"Set it, for example {name}=postgresql://user:password@host/database. {hint}".strip(),
        )

    def _refused(self, error: Exception, denied: list[str]) -> UnreadableError:
        cause = getattr(error, "orig", None) or error
        # PostgreSQL shows the query once more, within a cursor that the user knows nothing of.
        words = " ".join(str(cause).partition("\nLINE ")[0].split())
        writing = told_of_writing(words, denied, self.name)
        if writing is not None:
            return UnreadableError(writing)
        return UnreadableError(
            Fault(
                self.name,
                f"a database that does not answer the query ({words})",
                "rows",
                "Run the query by hand with the same user; look at the tables' names, the "
                "rights and the URL.",
            )
        )
