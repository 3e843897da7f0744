"""The leakage gate: every check run once, and the run stopped where one finds an error.

Examples
--------
>>> from leadcast.models.leakage import LeakageContext, examine  # doctest: +SKIP
>>> report = examine(LeakageContext(tables, snapshots, training))  # doctest: +SKIP
>>> report.refuse()  # doctest: +SKIP
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from leadcast.features.base.errors import FaultsError
from leadcast.models.leakage.column_checks import (
    BulkClosing,
    DominantColumn,
    FilledAfterOutcome,
    ForbiddenColumn,
    NearPerfectColumn,
    UnexplainedPerformance,
)
from leadcast.models.leakage.context import Check, Finding, LeakageContext
from leadcast.models.leakage.few_checks import FewToldApart, TooFewOutcomes
from leadcast.models.leakage.name_checks import (
    IdLikeColumn,
    IdsAlone,
    OutcomeName,
    SellersJudgement,
    TellingValues,
)
from leadcast.models.leakage.time_checks import (
    FutureAttributes,
    FutureEvents,
    NearDuplicates,
    OutcomeEvents,
    SamePerson,
)

CHECKS: tuple[Check, ...] = (
    NearPerfectColumn(),
    DominantColumn(),
    UnexplainedPerformance(),
    FilledAfterOutcome(),
    OutcomeName(),
    SellersJudgement(),
    TellingValues(),
    IdLikeColumn(),
    IdsAlone(),
    SamePerson(),
    NearDuplicates(),
    FutureEvents(),
    OutcomeEvents(),
    FutureAttributes(),
    BulkClosing(),
    ForbiddenColumn(),
    FewToldApart(),
    TooFewOutcomes(),
)
"""Every check, by code."""


@dataclass(frozen=True)
class GateResult:
    """What one check came to."""

    check: Check
    """The check."""
    not_applicable: str | None
    """Why it could not say anything; None where it could."""
    findings: tuple[Finding, ...]
    """What it found."""

    @property
    def status(self) -> str:
        """``"error"``, ``"warning"``, ``"clean"`` or ``"not applicable"``."""
        if self.not_applicable is not None:
            return "not applicable"
        severities = {finding.severity for finding in self.findings}
        return "error" if "error" in severities else "warning" if severities else "clean"


@dataclass(frozen=True)
class LeakageReport:
    """What all checks came to.

    Parameters
    ----------
    examined : tuple of GateResult
        One for each check.
    """

    examined: tuple[GateResult, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found, errors first."""
        found = [finding for examined in self.examined for finding in examined.findings]
        return tuple(sorted(found, key=lambda finding: finding.severity != "error"))

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What fails the run."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def frame(self) -> pl.DataFrame:
        """Give the gate as a table, a row for each finding and each check that found nothing.

        Returns
        -------
        pl.DataFrame
            ``code``, ``title``, ``status``, ``subject``, ``found`` (why, where it is not
            applicable) and ``remedy``; String.
        """
        names = ("code", "title", "status", "subject", "found", "remedy")
        rows = [row for examined in self.examined for row in _rows(examined)]
        return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")

    def refuse(self, subject: str = "leakage gate") -> None:
        """Stop where there is an error.

        Parameters
        ----------
        subject : str
            What was examined.

        Raises
        ------
        FaultsError
            If any finding is an error; tells every finding.
        """
        if self.errors:
            raise FaultsError(subject, [finding.as_fault() for finding in self.findings])


def examine(context: LeakageContext, checks: Sequence[Check] = CHECKS) -> LeakageReport:
    """Run every check that applies.

    Parameters
    ----------
    context : LeakageContext
        What there is to look at.
    checks : sequence of Check
        The checks to run.

    Returns
    -------
    LeakageReport
        Findings that the user vouches for are warnings in it.
    """
    return LeakageReport(tuple(_examine(check, context) for check in checks))


def inspect(context: LeakageContext) -> tuple[Finding, ...]:
    """Run every check that applies, and give what was found.

    Parameters
    ----------
    context : LeakageContext
        What there is to look at.

    Returns
    -------
    tuple of Finding
        Errors first; empty where the gate is silent.
    """
    return examine(context).findings


def _examine(check: Check, context: LeakageContext) -> GateResult:
    reason = check.not_applicable(context)
    if reason is not None:
        return GateResult(check, reason, ())
    found = tuple(_as_vouched(finding, context.vouched) for finding in check.look(context))
    return GateResult(check, None, found)


def _as_vouched(finding: Finding, vouched: frozenset[str]) -> Finding:
    if not any(finding.vouched_by(name) for name in vouched):
        return finding
    return replace(finding, severity="warning", found=f"{finding.found} (vouched for)")


def _rows(examined: GateResult) -> list[tuple[str, ...]]:
    about = (examined.check.code, examined.check.title)
    if not examined.findings:
        return [(*about, examined.status, "", examined.not_applicable or "", "")]
    return [
        (*about, finding.severity, finding.subject, finding.found, finding.remedy)
        for finding in examined.findings
    ]
