"""A Dask cluster: the one at an address, or worker processes of this machine."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from leadcast.features.base.errors import LeadcastError
from leadcast.serve.batch.batch import no_progress
from leadcast.serve.batch.parts import Progress

if TYPE_CHECKING:
    from distributed import Client

TIMEOUT_SECONDS = 20
"""So long a scheduler may take to answer."""
RETRIES = 2
"""So often a task that failed is tried again; one whose worker died is given to another anyway."""
PACKAGES = ("leadcast", "polars", "numpy")
"""What must be of one version everywhere: the hash that shuffles leads is polars' own."""
ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
"""Local workers are processes, one a core: threads of their own would only get in their way."""


@contextmanager
def connected(scheduler: str | None, n_workers: int | None = None) -> Iterator["Client"]:
    """Connect to a cluster, or start one on this machine for as long as the block lasts.

    Parameters
    ----------
    scheduler : str or None
        The scheduler's address (``"tcp://10.0.0.1:8786"``); None for worker processes here.
    n_workers : int, optional
        How many processes, where they are started here; as many as there are cores, if not given.

    Yields
    ------
    distributed.Client

    Raises
    ------
    LeadcastError
        If Dask is not installed, nothing answers at the address, there are no workers, or they
        have other versions of what must be the same.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise LeadcastError(
            "--engine dask: Dask is not installed; install leadcast[dask] here and on the workers"
        ) from None
    if scheduler is None:
        with (
            LocalCluster(
                n_workers=n_workers or os.cpu_count() or 1,
                threads_per_worker=1,
                dashboard_address=":0",
                # What its processes say while they are stopped would only alarm.
                silence_logs=logging.CRITICAL,
                env=ONE_THREAD,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=TIMEOUT_SECONDS)
    except (OSError, ValueError) as error:
        raise LeadcastError(
            f"--scheduler {scheduler}: no Dask scheduler answers there ({error})"
        ) from None
    with client:
        refuse_other_versions(client.run(versions))
        yield client


def versions() -> dict[str, str]:
    """Give the versions of what must be the same on all machines."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def refuse_other_versions(of_workers: dict[str, dict[str, str]]) -> None:
    """Refuse workers that would compute something else."""
    if not of_workers:
        raise LeadcastError("the Dask cluster has no workers; start some (`dask worker ADDRESS`)")
    own = versions()
    others = {
        f"{package} {found[package]} on {worker}, {own[package]} here"
        for worker, found in of_workers.items()
        for package in PACKAGES
        if found[package] != own[package]
    }
    if others:
        raise LeadcastError(
            "the workers have other versions, and could give other numbers: "
            + "; ".join(sorted(others))
        )


def run_all(
    client: "Client",
    function: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    progress: Progress = no_progress,
) -> list[Any]:
    """Run a function once for each set of arguments, anywhere, and wait.

    A task whose worker died runs again on another, so it must leave whole files or none, and may
    find those of its own first try.
    """
    from distributed import KilledWorker, as_completed

    futures = [
        client.submit(function, *each, pure=False, retries=RETRIES, key=_key(function, number))
        for number, each in enumerate(arguments)
    ]
    for done, _ in enumerate(as_completed(futures), start=1):
        progress(done, len(futures))
    try:
        return list(client.gather(futures))
    except KilledWorker as error:
        raise LeadcastError(
            f"{function.__name__}: several workers died of it, most likely for lack of memory "
            f"({error}). Give the workers more, or take smaller parts."
        ) from None


def _key(function: Callable[..., Any], number: int) -> str:
    return f"{function.__name__}-{os.urandom(8).hex()}-{number}"
