"""Raw data that can be made on the spot: a simulated source is simulated where it is absent."""

from pathlib import Path

from demo.simulate import SIMULATOR_VERSION, simulate
from features.files import read_json
from features.sources.definition import Simulation, SourceDefinition
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
    """
    wanted = definition.simulation
    if wanted is None or _is_there(definition, wanted):
        return ""
    simulate_with_progress(wanted.leads, wanted.seed, definition.root)
    return f"{wanted.leads:,} leads simulated into {definition.root}, "


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
    if not about.exists():
        return False
    found = read_json(about)
    return (found["leads"], found["seed"], found["simulator_version"]) == (
        wanted.leads,
        wanted.seed,
        SIMULATOR_VERSION,
    )
