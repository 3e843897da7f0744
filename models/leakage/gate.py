"""The leakage gate: every check run once, and the run stopped where one finds an error.

Examples
--------
>>> from leadcast.models.leakage import LeakageContext, examine  # doctest: +SKIP
>>> report = examine(LeakageContext(tables, snapshots, training))  # doctest: +SKIP
>>> report.refuse()  # doctest: +SKIP
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.models.leakage.column_checks import (
    BulkClosing,
    DominantColumn,
    FilledAfterOutcome,
    ForbiddenColumn,
    NearPerfectColumn,
    UnexplainedPerformance,
)
from leadcast.models.leakage.context import Check, Finding, LeakageContext
from leadcast.models.leakage.edit_checks import EditedLater
from leadcast.models.leakage.few_checks import FewToldApart, TooFewOutcomes
from leadcast.models.leakage.future_checks import FutureAttributes
from leadcast.models.leakage.name_checks import (
    IdLikeColumn,
    IdsAlone,
    OutcomeName,
    SellersJudgement,
    TellingValues,
)
from leadcast.models.leakage.strength import auc_within_blocks
from leadcast.models.leakage.time_checks import (
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
    EditedLater(),
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
        """Everything that was found, the worst first; each column is weighed once."""
        found = [finding for examined in self.examined for finding in examined.findings]
        told: set[str] = set()
        ordered = []
        for finding in sorted(found, key=_mildness):
            ordered.append(replace(finding, weight="") if finding.subject in told else finding)
            told.add(finding.subject)
        return tuple(ordered)

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
            applicable), ``remedy`` and ``weight`` (how bad it is); String. ``auc`` (Float64, of
            what was found alone) and ``vouched`` (Boolean). The worst comes first, then what is
            not applicable, then what is clean.
        """
        found = [_row_of(finding) for finding in self.findings]
        silent = [examined for examined in self.examined if not examined.findings]
        silent.sort(key=lambda examined: examined.not_applicable is None)
        rows = [*found, *map(_row_of_silent, silent)]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

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
            raise FaultsError(subject, self.faults())

    def faults(self) -> list[Fault]:
        """Give what was found as faults, the worst first.

        Returns
        -------
        list of Fault
            One for each column or other subject, with all that was found of it.
        """
        by_subject: dict[str, list[Finding]] = {}
        for finding in self.findings:
            by_subject.setdefault(finding.subject, []).append(finding)
        return [_as_fault(findings) for findings in by_subject.values()]


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
    weigh = _Scales(context)
    examined = [_examine(check, context) for check in checks]
    return LeakageReport(
        tuple(replace(one, findings=tuple(map(weigh, one.findings))) for one in examined)
    )


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
    found = f"{finding.found} (vouched for)"
    return replace(finding, severity="warning", found=found, vouched=True)


def _as_fault(findings: list[Finding]) -> Fault:
    # The first is the worst of them, and gives the severity.
    codes = ", ".join(dict.fromkeys(finding.code for finding in findings))
    told = [text for finding in findings for text in (finding.found, finding.weight) if text]
    return Fault(
        where=f"{findings[0].subject} ({codes})",
        found="; ".join(dict.fromkeys(told)),
        expected="nothing that is known only after the moment of scoring",
        remedy=" ".join(dict.fromkeys(finding.remedy for finding in findings)),
        severity=findings[0].severity,
    )


def _mildness(finding: Finding) -> tuple[bool, bool, float, str]:
    strength = 0.5 if finding.auc is None else finding.auc
    return finding.severity != "error", finding.vouched, -strength, finding.code


_SCHEMA = {
    **dict.fromkeys(("code", "title", "status", "subject", "found", "remedy"), pl.String),
    "weight": pl.String,
    "auc": pl.Float64,
    "vouched": pl.Boolean,
}


def _row_of(finding: Finding) -> tuple[str | float | None, ...]:
    told = (finding.severity, finding.subject, finding.found, finding.remedy, finding.weight)
    return (finding.code, finding.title, *told, finding.auc, finding.vouched)


def _row_of_silent(examined: GateResult) -> tuple[str | None, ...]:
    check, reason = examined.check, examined.not_applicable or ""
    return (check.code, check.title, examined.status, "", reason, "", "", None, None)


_MOST_WEIGHED = 10
"""Columns that are weighed; each takes fitting a model without it."""


class _Scales:
    """Tells of a finding about a column what the model has of it, once for each column."""

    def __init__(self, context: LeakageContext) -> None:
        self._context = context
        self._weights: dict[str, tuple[float, str]] = {}

    def __call__(self, finding: Finding) -> Finding:
        if self._context.too_few_outcomes() is not None:
            return finding
        subject = finding.subject
        if subject not in self._weights and len(self._weights) < _MOST_WEIGHED:
            numbers = self._context.columns_named(subject)
            if numbers:
                self._weights[subject] = self._weigh(numbers)
        if subject not in self._weights:
            return finding
        auc, words = self._weights[subject]
        alone = "" if "AUC of" in finding.found else f"alone it has an AUC of {auc:.3f}; "
        return replace(finding, auc=max(auc, finding.auc or 0.0), weight=alone + words)

    def _weigh(self, numbers: list[int]) -> tuple[float, str]:
        context = self._context
        best = max(numbers, key=lambda number: context.aucs[number].value)
        alone, full = context.aucs[best].value, context.full_auc.value
        known = ~np.isnan(context.sample.values[:, best])
        leads = len(np.unique(context.sample.group[known]))
        words = f"{leads:,} of {len(np.unique(context.sample.group)):,} leads have a value"
        # Trees on few rows learn less than the column tells: they would make it look harmless.
        if full >= alone - 0.05:
            without = context.log_odds_of(context.others(best))
            rest = auc_within_blocks(without, context.sample).value
            words = f"all columns have {full:.3f}, without it {rest:.3f}; {words}"
        return alone, words
