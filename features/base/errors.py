"""What went wrong, in the words of the person who can mend it.

The nearest of the names there are, for a name that is not among them.
"""

import difflib
import errno
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from leadcast.features.base.letters import plainest, told_letters

T = TypeVar("T")


class LeadcastError(Exception):
    """An error that a user can mend; the command line prints its message without a traceback."""


class PassingError(LeadcastError):
    """An error of the moment (no room, a database that is gone): what was done so far is kept."""


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

    @property
    def level(self) -> str:
        """How it is told: ``"error"``, ``"warning"``, or ``"note"`` where it is usual."""
        return "note" if self.is_usual and self.severity == "warning" else self.severity

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


_RIGHTS = "name a place where you may do that, or ask for the right to"
_REMEDIES = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _RIGHTS,
    errno.ENOTDIR: "one of its folders is a file; name another place, or move that file away",
    errno.EEXIST: "something else stands there; name another place, or move it away",
    errno.ENOENT: "look the path up; what is to be written needs a folder that can be made",
    errno.EISDIR: "a folder stands there; name a file, or another place",
    errno.ENAMETOOLONG: "give it a shorter name",
    errno.ELOOP: "links lead in a circle; name the place itself",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n)",
}


def system_words(error: Exception) -> str:
    """Say what the system refused, and what to do about it.

    Parameters
    ----------
    error : Exception
        Of an `OSError` with a path it is told where, what and the remedy; any other in its own
        words.

    Returns
    -------
    str

    Examples
    --------
    >>> system_words(OSError(36, "File name too long", "new.csv"))
    'new.csv: File name too long; give it a shorter name'
    """
    if not isinstance(error, OSError) or not error.strerror or error.filename is None:
        return str(error)
    paths = (one for one in (error.filename, error.filename2) if one is not None)
    where = " -> ".join(os.fsdecode(one) if isinstance(one, bytes) else str(one) for one in paths)
    remedy = _REMEDIES.get(error.errno or 0)
    return f"{where}: {error.strerror}" + (f"; {remedy}" if remedy else "")


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
    """Tell all faults in one text, errors first, and last what a healthy export brings every night.

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
    told = {"error": 0, "warning": 0, "note": 0}
    lines = []
    for kind in told:
        own = [fault for fault in faults if fault.level == kind]
        told[kind] = len(own)
        lines += [f"  {kind}: {fault}" for fault in own]
    counts = [in_number(n, kind) for kind, n in told.items() if n or kind != "note"]
    return "\n".join([f"{subject}: {', '.join(counts)}", *lines])


def in_number(number: int, noun: str) -> str:
    """Tell how many, as people say it.

    Parameters
    ----------
    number : int
    noun : str
        What is counted, of which there is one.

    Returns
    -------
    str

    Examples
    --------
    >>> in_number(1, "lead"), in_number(2_000, "lead")
    ('1 lead', '2,000 leads')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def nearest_first(name: str, names: Iterable[str]) -> list[str]:
    """Sort names by their likeness to a name, the most alike first.

    Parameters
    ----------
    name : str
        What somebody typed.
    names : iterable of str
        The names there are.

    Returns
    -------
    list of str
        All of `names`; equal likeness in alphabetical order.
    """
    return sorted(names, key=lambda other: (-_likeness(name, other), other))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Find the name that was probably meant.

    Parameters
    ----------
    name : str
        What somebody typed.
    names : iterable of str
        The names there are.

    Returns
    -------
    str or None
        The most alike name; None where none is alike enough to suggest.

    Examples
    --------
    >>> nearest("lead number", ["Prospect ID", "Lead Number"])
    'Lead Number'
    """
    ranked = nearest_first(name, names)
    return ranked[0] if ranked and _likeness(name, ranked[0]) >= 0.6 else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Word the suggestion for a name that is not there.

    Parameters
    ----------
    name : str
        What somebody typed.
    names : iterable of str
        The names there are.

    Returns
    -------
    str
        A sentence: the nearest name, or the names there are (the first 20), or that there are none.
    """
    known = list(dict.fromkeys(names))
    if not known:
        return "There are none."
    candidate = nearest(name, known)
    if candidate is not None:
        odd = [(one, told_letters(one)) for one in (name, candidate)]
        letters = [f"{one!r} has {told}" for one, told in odd if told]
        return f"Did you mean {candidate!r}?" + (f" ({'; '.join(letters)})" if letters else "")
    shown = ", ".join(repr(other) for other in known[:20])
    return f"There are: {shown}{', …' if len(known) > 20 else ''}."


def canonical_name(column: str) -> str:
    """Make an attribute's name from a column's.

    Parameters
    ----------
    column : str
        The export's name.

    Returns
    -------
    str
        In lower case with underscores.

    Examples
    --------
    >>> canonical_name("Total Time Spent (Website)")
    'total_time_spent_website'
    """
    words = re.sub(r"[^a-z0-9]+", "_", column.casefold()).strip("_")
    return words if words[:1].isalpha() else f"column_{words}".rstrip("_")


def _likeness(name: str, other: str) -> float:
    return difflib.SequenceMatcher(None, _plain(name), _plain(other)).ratio()


def _plain(name: str) -> str:
    # "Lead Number", "lead_number" and "lead-number" are the same word to a person.
    return "".join(letter for letter in plainest(name).casefold() if letter.isalnum())
