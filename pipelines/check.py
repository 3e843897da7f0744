"""Check a source: its definition and its data, every fault told at once."""

from features.errors import FaultsError
from features.sources.ingest import check_source
from features.sources.load import find_definition
from pipelines.paths import SOURCES
from pipelines.raw import ensure_raw


def check(source: str) -> str:
    """Read a source's definition and data and tell what is there and what is wrong.

    Parameters
    ----------
    source : str
        The source's name.

    Returns
    -------
    str
        What was found, with the warnings.

    Raises
    ------
    FaultsError
        If anything is wrong that would stop the run; tells the warnings as well.
    """
    definition = find_definition(source, SOURCES)
    ensure_raw(definition)
    found = check_source(definition)
    if not found.is_fine:
        raise FaultsError(found.subject, found.faults)
    return str(found)
