"""Check a source: its definition and its data, every fault told at once."""

from features.errors import FaultsError
from features.sources.ingest import check_source
from features.sources.load import find_definition
from pipelines.paths import SOURCES
from pipelines.raw import with_raw


def check(source: str) -> str:
    """Read a source's definition and data and tell what is there and what is wrong.

    Writes nothing: a simulated source whose data are not there yet is simulated into a folder that
    is removed at the end.

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
    with with_raw(definition) as readable:
        found = check_source(readable)
    if not found.is_fine:
        raise FaultsError(found.subject, found.faults)
    if readable is definition:
        return str(found)
    aside = f"Simulated for this check alone; `leadcast run {source}` writes {definition.root}"
    return f"{found}\n{aside}"
