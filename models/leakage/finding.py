"""What the leakage gate finds, and what a check is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from leadcast.features.base.errors import Fault
from leadcast.models.leakage.context import LeakageContext

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One sign that the model would know what cannot be known when leads are scored.

    Parameters
    ----------
    code : str
        The check's code (``"L001"``).
    title : str
        What the check looks for.
    severity : {"error", "warning"}
        An error fails the run.
    subject : str
        The column, the event type or the part concerned.
    found : str
        What was found, with its numbers.
    remedy : str
        What to do about it.
    """

    code: str
    title: str
    severity: Severity
    subject: str
    found: str
    remedy: str

    def vouched_by(self, name: str) -> bool:
        """Tell whether a user who vouches for this name vouches for the finding.

        Parameters
        ----------
        name : str
            A column, a feature or the code of a check.

        Returns
        -------
        bool
        """
        return name == self.code or f"'{name}'" in self.subject

    def as_fault(self) -> Fault:
        """Give the finding as a fault, which is how the command line tells what is wrong.

        Returns
        -------
        Fault
        """
        return Fault(
            where=f"{self.code} {self.subject}",
            found=self.found,
            expected="nothing that is known only after the moment of scoring",
            remedy=self.remedy,
            severity=self.severity,
        )


class Check(ABC):
    """One methodological check: a code, what it looks for, and what to do about what it finds."""

    code: ClassVar[str]
    """Stable: what users vouch by, and what reports refer to."""
    title: ClassVar[str]
    """What it looks for."""
    remedy: ClassVar[str]
    """What to do about what it finds."""
    severity: ClassVar[Severity] = "error"
    """What a finding is unless the check says otherwise; an error fails the run."""

    @abstractmethod
    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why the check cannot say anything here.

        Parameters
        ----------
        context : LeakageContext
            What there is to look at.

        Returns
        -------
        str or None
            The reason; None where it applies.
        """

    @abstractmethod
    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Look for leaks.

        Parameters
        ----------
        context : LeakageContext
            What there is to look at; the check applies to it.

        Yields
        ------
        Finding
        """

    def finding(self, subject: str, found: str, severity: Severity | None = None) -> Finding:
        """Make a finding of this check.

        Parameters
        ----------
        subject : str
            The column, the event type or the part concerned.
        found : str
            What was found.
        severity : {"error", "warning"}, optional
            Whether it fails the run; the check's own by default.

        Returns
        -------
        Finding
        """
        return Finding(
            self.code, self.title, severity or self.severity, subject, found, self.remedy
        )
