"""Raw data that can be made on the spot: a simulated source is simulated where it is absent."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.simulate import SIMULATOR_VERSION, WORLD, simulate
from features.errors import LeadcastError
from features.files import read_json
from features.ownership import refuse_foreign_folder
from features.sources.definition import Simulation, SourceDefinition
from features.sources.ledger import Ledger
from features.sources.opening import find_files
from features.sources.schema import FileReader
from pipelines.console import progress_bar


def ensure_raw(definition: SourceDefinition) -> str:
    """Simulate a source's raw data, unless it is not simulated or they are there already.

    Parameters
    ----------
    definition : SourceDefinition
        The source.

    Returns
    -------
    str
        What was simulated, in words; empty where nothing was.

    Raises
    ------
    LeadcastError
        If the source's folder holds what no simulator has written.
    """
    wanted = definition.simulation
    if wanted is None or _is_there(definition, wanted):
        return ""
    _refuse_foreign(definition)
    simulate_with_progress(wanted.leads, wanted.seed, definition.root)
    return f"{wanted.leads:,} leads simulated into {definition.root}, "


@contextmanager
def with_raw(definition: SourceDefinition) -> Iterator[SourceDefinition]:
    """Give a source whose raw data can be read, and leave the project as it is.

    Parameters
    ----------
    definition : SourceDefinition
        The source.

    Yields
    ------
    SourceDefinition
        The same; or, where its data are simulated and not there yet, with a world of its own as
        root, which is removed in the end.

    Raises
    ------
    LeadcastError
        As `ensure_raw` does.
    """
    wanted = definition.simulation
    if wanted is None or _is_there(definition, wanted):
        yield definition
        return
    _refuse_foreign(definition)
    with tempfile.TemporaryDirectory(prefix="leadcast-") as folder:
        # Called as the source's own folder is, so that what is told of it can be recognised.
        root = Path(folder) / definition.root.name
        simulate_with_progress(wanted.leads, wanted.seed, root)
        yield definition.model_copy(update={"root": root})


def raw_files(definition: SourceDefinition) -> list[Path]:
    """List the files that a source is read from, as far as they are there.

    Parameters
    ----------
    definition : SourceDefinition
        The source.

    Returns
    -------
    list of Path
    """
    about = (definition.root, definition.where_to_get, Ledger())
    readers = definition.readers().items()
    files = [(name, one) for name, one in readers if isinstance(one, FileReader)]
    return [path for name, one in files for path in find_files(name, one, *about)]


def simulate_with_progress(leads: int, seed: int, out: Path) -> None:
    """Simulate a world, with a progress bar.

    Parameters
    ----------
    leads, seed, out
        As `demo.simulate.simulate` takes them.
    """
    done = 0
    with progress_bar("simulating", "leads") as tell:

        def advance(more: int) -> None:
            nonlocal done
            done += more
            tell(done, leads)

        simulate(leads, seed, out, progress=advance)


def _is_there(definition: SourceDefinition, wanted: Simulation) -> bool:
    about = definition.root / "about.json"
    found = read_json(about) if about.is_file() else None
    world = {"leads": wanted.leads, "seed": wanted.seed, "simulator_version": SIMULATOR_VERSION}
    return isinstance(found, dict) and world.items() <= found.items()


def _refuse_foreign(definition: SourceDefinition) -> None:
    try:
        refuse_foreign_folder(definition.root, WORLD)
    except LeadcastError as error:
        raise LeadcastError(
            f"{definition.file}: simulation: the simulator would write to the root, and there is "
            f"something else: {error}. If these are your own data, remove the key `simulation`"
        ) from None
