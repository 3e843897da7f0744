"""Raw data that can be made on the spot: a simulated source is simulated where it is absent."""

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
    with progress_bar("simulating", "leads", wanted.leads) as advance:
        simulate(wanted.leads, wanted.seed, definition.root, progress=advance)
    return f"{wanted.leads:,} leads simulated into {definition.root}, "


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
