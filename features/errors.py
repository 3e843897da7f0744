"""What went wrong, in the words of the person who can mend it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

T = TypeVar("T")


class LeadcastError(Exception):
    """An error that a user can mend; the command line prints its message without a traceback."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input.

    Parameters
    ----------
    where : str
        The file, table, column or key, as the user named it (``"leads.csv: column 'Tags'"``).
    found : str
        What was found there.
    expected : str
        What was expected instead.
    remedy : str
        What to do about it.
    severity : {"error", "warning"}
        A warning is counted and told; an error stops the work.
    count : int
        How many rows are concerned (0 where the fault is not about rows).
    line : int
        The line of the file, from 1, for an editor that marks it (0 where there is none).
    is_usual : bool
        Whether a healthy export brings it every night: a warning that is told and counted, and
        nothing to be alarmed by.
    """

    where: str
    found: str
    expected: str
    remedy: str
    severity: Literal["error", "warning"] = "error"
    count: int = 0
    line: int = 0
    is_usual: bool = False

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}; expected {self.expected}. {self.remedy}"


class FaultsError(LeadcastError):
    """Every fault of an input, told at once.

    Parameters
    ----------
    subject : str
        What was examined (``"source 'demo'"``).
    faults : iterable of Fault
        The faults, errors and warnings alike.
    tell_counts : bool
        Whether the message tells each fault's count; its own words then do not.
    """

    def __init__(self, subject: str, faults: Iterable[Fault], *, tell_counts: bool = False) -> None:
        self.subject = subject
        self.faults: Sequence[Fault] = tuple(faults)
        told = [*map(in_words, self.faults)] if tell_counts else self.faults
        super().__init__(describe_faults(subject, told))


class Checks:
    """Makes several checks and tells the errors of all.

    ::

        checks = Checks()
        moment = checks.of(lambda: moment_of("--as-of", text), None)
        checks.raise_errors()
    """

    def __init__(self) -> None:
        self._errors: list[LeadcastError] = []

    def of(self, check: Callable[[], T], otherwise: T) -> T:
        """Make a check.

        Parameters
        ----------
        check : callable
            May raise a `LeadcastError`.
        otherwise : T
            What to give where it does, until `raise_errors`.

        Returns
        -------
        T
            What the check gives.
        """
        try:
            return check()
        except LeadcastError as error:
            self._errors.append(error)
            return otherwise

    def raise_errors(self) -> None:
        """Raise what was found.

        Raises
        ------
        LeadcastError
            If there was an error; what is told of several stands line by line.
        """
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            lines = "".join(f"\n  error: {error}" for error in self._errors)
            raise LeadcastError(f"{len(self._errors)} errors{lines}")


def in_words(fault: Fault) -> Fault:
    """Put a fault's count into its words, once all of its kind have been counted.

    Parameters
    ----------
    fault : Fault

    Returns
    -------
    Fault
    """
    if not fault.count:
        return fault
    rows = "1 row" if fault.count == 1 else f"{fault.count:,} rows"
    return replace(fault, found=f"{fault.found} ({rows})")


def describe_faults(subject: str, faults: Sequence[Fault]) -> str:
    """Tell all faults in one text, errors first.

    Parameters
    ----------
    subject : str
        What was examined.
    faults : sequence of Fault
        The faults to tell.

    Returns
    -------
    str
        A heading with the counts, then a line a fault.
    """
    errors = [fault for fault in faults if fault.severity == "error"]
    warnings = [fault for fault in faults if fault.severity == "warning"]
    heading = f"{subject}: {_counted(len(errors), 'error')}, {_counted(len(warnings), 'warning')}"
    lines = [f"  error: {fault}" for fault in errors]
    lines += [f"  warning: {fault}" for fault in warnings]
    return "\n".join([heading, *lines])


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
