"""Checks a points table while somebody types it: its faults, each with its line."""

from collections.abc import Sequence
from threading import Lock
from typing import Any

import polars as pl

from features.errors import Fault, FaultsError
from features.tables import TIME
from models.rules import RuleTable, check_rules, parse_rules
from serve.page.lead_tables import LeadTables

NAME = "table"
"""What faults call the text."""
MOST_FAULTS = 100


class RulesCheck:
    """Checks texts against the columns and kinds of events of a run's tables.

    No row of the tables is looked at, so that an answer takes milliseconds whatever their size;
    what a rule does on data is for the comparison to tell.

    Parameters
    ----------
    tables : LeadTables
    """

    def __init__(self, tables: LeadTables) -> None:
        self._tables = tables
        self._known: tuple[object, pl.DataFrame, pl.DataFrame] | None = None
        # One at a time, so that texts made to be slow cannot take every thread of a worker.
        self._lock = Lock()

    def faults(self, text: str) -> tuple[RuleTable | None, Sequence[Fault]]:
        """Find what is wrong with a text.

        Parameters
        ----------
        text : str
            YAML.

        Returns
        -------
        table : RuleTable or None
            None where the text is no points table.
        faults : sequence of Fault
            In the order of the lines.

        Raises
        ------
        Problem
            404 where there are no tables.
        """
        with self._lock:
            leads, events = self._schemas()
            try:
                table = parse_rules(text, NAME)
            except FaultsError as error:
                return None, error.faults
            return table, check_rules(table, leads, events, _NO_ROWS)

    def answer(self, text: str) -> dict[str, Any]:
        """Tell what is wrong with a text, as JSON.

        Parameters
        ----------
        text : str

        Returns
        -------
        dict
            ``usable``, ``summary`` in words, and ``faults`` with ``line``, ``severity`` and
            ``words``; at most `MOST_FAULTS` of them.
        """
        table, faults = self.faults(text)
        errors = [fault for fault in faults if fault.severity == "error"]
        told = [
            {"line": fault.line, "severity": fault.severity, "words": _words(fault)}
            for fault in faults[:MOST_FAULTS]
        ]
        usable = table is not None and not errors
        return {"usable": usable, "summary": _summary(table, faults), "faults": told}

    def _schemas(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        stamp = self._tables.stamp()
        if self._known is None or self._known[0] != stamp:
            self._known = (stamp, self._tables.schema(), self._tables.kinds())
        return self._known[1:]


_NO_ROWS = pl.DataFrame(schema={"lead_id": pl.String(), "as_of": TIME})


def _words(fault: Fault) -> str:
    where = fault.where.removeprefix(f"{NAME} line {fault.line}").removeprefix(": ")
    place = f"{where}: " if where and where != NAME else ""
    return f"{place}found {fault.found}; expected {fault.expected}. {fault.remedy}"


def _summary(table: RuleTable | None, faults: Sequence[Fault]) -> str:
    if faults:
        return "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    assert table is not None
    rules, groups = len(table.rules), len(table.groups)
    return f"No faults: {rules} rule{'s' * (rules != 1)} in {groups} group{'s' * (groups != 1)}"
