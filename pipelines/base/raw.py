"""A source's raw data: there, or simulated."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from leadcast.demo.accounts.groups import add_accounts
from leadcast.demo.histories.edits import add_histories
from leadcast.demo.machines.written import machines_of
from leadcast.demo.sellers.overlay import add_sellers
from leadcast.demo.simulate import SIMULATOR_VERSION, WORLD, simulate
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.features.base.ownership import refuse_foreign_folder
from leadcast.features.definitions.definition import (
    SimulatedMachines,
    Simulation,
    SourceDefinition,
)
from leadcast.features.ingest.ingest import ingest
from leadcast.features.tables import Tables
from leadcast.pipelines.base.stage import progress_bar


def ensure_raw(definition: SourceDefinition) -> str:
    """Simulate a source's raw data, unless it is not simulated or they are there already."""
    wanted = definition.simulation
    if wanted is None or _is_there(definition, wanted):
        return ""
    _refuse_foreign(definition)
    _simulate(wanted, definition.root)
    return f"{wanted.leads:,} leads simulated into {definition.root}, "


@contextmanager
def with_raw(definition: SourceDefinition) -> Iterator[SourceDefinition]:
    """Give a source whose raw data can be read, and leave the project as it is."""
    wanted = definition.simulation
    if wanted is None or _is_there(definition, wanted):
        yield definition
        return
    _refuse_foreign(definition)
    with tempfile.TemporaryDirectory(prefix="leadcast-") as folder:
        # Called as the source's own folder is, so that what is told of it can be recognised.
        root = Path(folder) / definition.root.name
        _simulate(wanted, root)
        yield definition.model_copy(update={"root": root})


def _simulate(wanted: Simulation, out: Path) -> None:
    machines = wanted.machines
    about = (wanted.leads, wanted.seed, out)
    worlds = {name: getattr(wanted, name) for name in ("sellers", "histories", "accounts")}
    more: dict[str, Any] = {"machines": machines, **worlds}
    simulate_with_progress(*about, **more)


def simulate_with_progress(
    leads: int,
    seed: int,
    out: Path,
    *,
    sellers: bool = False,
    histories: bool = False,
    accounts: bool = False,
    machines: SimulatedMachines | None = None,
) -> None:
    """Simulate a world, with a progress bar."""
    more: dict[str, Any] = {"change": add_sellers} if sellers else {}
    if histories:
        more = {"change": add_histories, "marks": {"histories": True}}
    if accounts:
        more = {"change": add_accounts, "marks": {"accounts": True}}
    if machines is not None:
        marks = {"machines": machines.model_dump(mode="json")}
        more = {"change": machines_of(machines), "marks": marks}
    done = 0
    with progress_bar("simulating", "leads") as tell:

        def advance(written: int) -> None:
            nonlocal done
            done += written
            tell(done, leads)

        simulate(leads, seed, out, progress=advance, **more)


def _is_there(definition: SourceDefinition, wanted: Simulation) -> bool:
    about = definition.root / "about.json"
    found = read_json(about) if about.is_file() else None
    world = {"leads": wanted.leads, "seed": wanted.seed, "simulator_version": SIMULATOR_VERSION}
    if not isinstance(found, dict) or not world.items() <= found.items():
        return False
    machines = None if wanted.machines is None else wanted.machines.model_dump(mode="json")
    same = bool(found.get("sellers", False)) == wanted.sellers
    same &= bool(found.get("histories", False)) == wanted.histories
    same &= bool(found.get("accounts", False)) == wanted.accounts
    return same and found.get("machines") == machines


def _refuse_foreign(definition: SourceDefinition) -> None:
    try:
        refuse_foreign_folder(definition.root, WORLD, is_named=True)
    except LeadcastError as error:
        raise LeadcastError(
            f"{definition.file}: simulation: the simulator would write to the root, and there is "
            f"something else: {error}. If these are your own data, remove the key `simulation`"
        ) from None


@contextmanager
def read_anew(definition: SourceDefinition) -> Iterator[Tables]:
    """Read a source's export into a folder that is removed at the end."""
    with (
        with_raw(definition) as readable,
        tempfile.TemporaryDirectory(prefix="leadcast-") as folder,
    ):
        ingest(readable, Path(folder) / "tables")
        yield Tables.read(Path(folder) / "tables")
