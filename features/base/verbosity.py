"""How much is told besides the answer: nothing, how far it is, or each step with its time."""

import logging
import os
import sys
from enum import StrEnum

VERBOSITY = "LEADCAST_VERBOSITY"
"""The environment variable by which a command tells its stages."""


class Verbosity(StrEnum):
    """How much is told besides the answer and errors."""

    quiet = "quiet"
    normal = "normal"
    verbose = "verbose"


class _Asked:
    verbosity = Verbosity.normal


LOG = logging.getLogger("leadcast")
_HANDLER = "leadcast-steps"


def set_verbosity(asked: Verbosity | None = None) -> None:
    """Tell as much as is asked for, until it is set anew.

    Parameters
    ----------
    asked : Verbosity or None
        None: as the environment says, for whoever is run by another command.
    """
    known = {one.value: one for one in Verbosity}
    found = asked or known.get(os.environ.get(VERBOSITY, ""), Verbosity.normal)
    _Asked.verbosity = found
    for handler in [one for one in LOG.handlers if one.name == _HANDLER]:
        LOG.removeHandler(handler)
    LOG.setLevel(logging.NOTSET)
    if found is Verbosity.verbose:
        handler = logging.StreamHandler(sys.stderr)
        handler.name = _HANDLER
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
        LOG.addHandler(handler)
        LOG.setLevel(logging.DEBUG)


def verbosity() -> Verbosity:
    """Give how much is told."""
    return _Asked.verbosity


def is_quiet() -> bool:
    """Whether nothing is told but errors and the answer."""
    return _Asked.verbosity is Verbosity.quiet


def is_watched() -> bool:
    """Whether a person waits before a terminal and wants to see how far it is."""
    return sys.stderr.isatty() and not is_quiet()
