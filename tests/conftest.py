"""What tests of several modules need: a PostgreSQL server, and the real exports."""

import gc
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from distributed import Client
    from xdist.remote import Producer

PROJECT = Path(__file__).parents[1]
TOGETHER = {
    "dask": (
        "pipelines_cluster",
        "serve_cluster_dask",
        "serve_cluster_nonhuman",
        "serve_training",
    ),
    "mlflow": (
        "pipelines_model_registry",
        "pipelines_tracking",
        "pipelines_tracking_lost",
        "serve_pyfunc",
    ),
    "demo": ("demo_behaviour", "demo_intent", "demo_outcomes", "demo_people"),
    "syntax trees": ("architecture", "house"),
    "report": ("models_page", "models_report_browser"),
}
"""The modules of tests that need the same dear thing, by what that is."""
SCOPES = {f"tests/test_{name}.py": scope for scope, names in TOGETHER.items() for name in names}
# Not by importing it, which takes a second: every worker looks at every module.
NEEDS_DASK = pytest.mark.skipif(
    find_spec("distributed") is None, reason="Dask is not installed (requirements/cluster.txt)"
)
# Workers keep every core busy: threads within them would but wait for each other, and burn while
# they do. What Polars computes does not depend on them: `test_pipelines_dvc` runs the stages with
# as many as there are cores, and holds their bytes to those of one thread.
POLARS_THREADS = "POLARS_MAX_THREADS"
os.environ |= dict.fromkeys((POLARS_THREADS, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
# Spark's Java lives for seconds: to compile what it runs more than once takes longer than it gains.
os.environ["SPARK_SUBMIT_OPTS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
# What is found while tests are collected stays: nothing of it is looked for until then.
gc.disable()
# Where a test says no number of its own; how long an example takes hangs on what else runs.
settings.register_profile("leadcast", max_examples=30, deadline=None)
settings.load_profile("leadcast")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules of slow tests: else one worker runs them while the other waits."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    dear = slow | {
        item.path for item in items if "dask_client" in getattr(item, "fixturenames", ())
    }
    items.sort(key=lambda item: item.path not in dear)


def pytest_collection_finish() -> None:
    """Let the collector pass over what stays to the end, and look less often at the rest."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 20)


class SharedScopes(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """A worker takes a module at a time, and all that need the same dear thing as one."""

    def _split_scope(self, nodeid: str) -> str:
        # A parameter may hold two colons as well.
        module = nodeid.split("::", 1)[0]
        return SCOPES.get(module, module)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> SharedScopes:
    """Let no second worker begin a cluster of its own, nor make again what another has made."""
    # Who hands out tests collects none.
    gc.enable()
    return SharedScopes(config, log)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real exports; the test is skipped where there is none."""
    folder = Path(os.environ.get("LEADCAST_REAL_DATA") or PROJECT / "../shared/data")
    if not folder.is_dir():
        pytest.skip(f"no real exports: {folder} is absent (set LEADCAST_REAL_DATA)")
    return folder


@pytest.fixture(scope="session")
def dask_client() -> "Iterator[Client]":
    """A Dask cluster of two processes; skipped where Dask is absent."""
    pytest.importorskip("distributed", reason="Dask is not installed (`make cluster`)")
    from leadcast.serve.cluster.connection import connected

    with connected(None, n_workers=2) as client:
        yield client


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL server of this session alone; skipped where there is no server."""
    binaries = _postgres_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server: initdb is neither on PATH nor under /usr/lib/postgresql")
    # Not pytest's own folder: a socket's path must be short, and the server's user must reach it.
    folder = Path(tempfile.mkdtemp(prefix="lc-pg-", dir="/tmp"))
    user = _unprivileged_user()
    if user is not None:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        command = [str(binaries / program), "-D", str(folder / "data"), *arguments]
        done = subprocess.run(
            command, cwd=folder, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        if done.returncode:
            pytest.fail(f"{program}: {done.stderr.decode(errors='replace')}")

    try:
        run("initdb", "-U", "leadcast", "--auth=trust", "--encoding=UTF8", "--locale=C")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        run("pg_ctl", "-w", "-o", options, "-l", str(folder / "log"), "start")
        yield f"postgresql://leadcast@/postgres?host={folder}"
        run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_binaries() -> Path | None:
    versions = Path("/usr/lib/postgresql")
    newest_first = sorted(versions.glob("*/bin"), key=lambda path: path.parent.name, reverse=True)
    on_path = shutil.which("initdb")
    folders = [*newest_first, *([] if on_path is None else [Path(on_path).parent])]
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


def _unprivileged_user() -> str | None:
    # PostgreSQL refuses to run as root.
    return "nobody" if os.geteuid() == 0 else None
