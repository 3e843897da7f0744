"""A project folder for each split, in which the pipeline's own stages run.

The code is linked, not copied. What Leadcast does here is therefore what ``make run`` does, with
nothing rebuilt for the benchmark but the cut between learning and test.
"""

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.splits import Split, divide, share_to_test
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import written_whole
from leadcast.features.base.ownership import PARAMS, SOURCES
from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.features.snapshots import SnapshotSettings, has_dated_outcome, make_snapshots
from leadcast.features.tables import Tables
from leadcast.models.splits import with_fresh
from leadcast.pipelines.base.params import horizon_days, load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder

FOLDER = Path("data/bench")
LINKED = ("leadcast", "data/sources")
SECONDS = re.compile(r"\(([\d.]+) s\)$")
FEATURE_CODE = ("features", "models/splits.py", "pipelines/features.py", "benchmarks/splits.py")
"""What decides the rows and the columns of a split, with the tables and the parameters."""


def source_stages(source: str, last: str) -> None:
    """Run a source's first stages in this project, where their results are not there yet.

    Parameters
    ----------
    source : str
        The source's name.
    last : {"ingest", "features"}
        The stage whose results are wanted; what is there is taken as it is (``make run`` brings
        it up to date).

    Raises
    ------
    LeadcastError
        If the source's files are not there, or are at fault.
    """
    run = RunFolder(source)
    if not (run.tables / "tables.json").exists():
        for stage in ("fetch", "ingest"):
            run_stage_in(Path(), stage, source)
    if last == "features" and not run.matrix.exists():
        for stage in ("snapshots", "features"):
            run_stage_in(Path(), stage, source)


def test_share_of(source: str) -> float:
    """Choose the share of a source's test parts.

    Parameters
    ----------
    source : str
        Its tables must be there.

    Returns
    -------
    float
        As `benchmarks.splits.share_to_test` gives it.

    Raises
    ------
    LeadcastError
        If no snapshot is mature, or the mature ones hold one outcome only.
    """
    params, tables = load_params(), Tables.read(RunFolder(source).tables)
    settings = snapshot_settings(source, params)
    snapshots = make_snapshots(tables, settings, params.seed)
    return share_to_test(snapshots, horizon_days(tables, settings))


def project_of(split: Split) -> Path:
    """Lay out the project of a split, with snapshots and features made.

    Nothing is done where it is there already, from the same tables, parameters and code.

    Parameters
    ----------
    split : Split
        Its source's tables must be there.

    Returns
    -------
    Path
        The project's folder; its results lie in ``data/runs/SOURCE`` as in any other project.

    Raises
    ------
    LeadcastError
        If the split cannot be made, or a stage fails.
    """
    project = FOLDER / split.source / split.name.replace(" ", "_")
    _link(project, RunFolder(split.source))
    stamp, wanted = project / "stamp.txt", _stamp(split)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return project
    stamp.unlink(missing_ok=True)
    settings = _settings(split)
    write_params(project, settings.model_dump(mode="json"))
    run = project / RunFolder(split.source).path
    tables = Tables.read(run / "tables")
    snapshots = make_snapshots(tables, settings, load_params().seed)
    divided = divide(snapshots, split, horizon_days(tables, settings))
    divided = with_fresh(divided) if has_dated_outcome(tables) else divided
    with written_whole(run / "snapshots.parquet", replacing=True) as temporary:
        divided.write_parquet(temporary)
    run_stage_in(project, "features", split.source)
    stamp.write_text(wanted, encoding="utf-8")
    return project


def lay_out_source(folder: Path, definition: dict[str, Any]) -> None:
    """Write a source's definition, and this project's parameters, into an empty folder.

    Parameters
    ----------
    folder : Path
    definition : dict
        With its ``name``.
    """
    for path, text in (
        (SOURCES / f"{definition['name']}.yaml", yaml_text(definition)),
        (PARAMS, PARAMS.read_text(encoding="utf-8")),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def run_stage_in(project: Path, stage: str, source: str) -> float:
    """Run one stage of the pipeline in a project.

    Parameters
    ----------
    project : Path
        The project's folder.
    stage : str
        The stage's name.
    source : str
        The source's name.

    Returns
    -------
    float
        The seconds that the stage says it took: starting Python and importing not included.

    Raises
    ------
    LeadcastError
        If the stage fails; with what it said.
    """
    command = [sys.executable, "-m", f"leadcast.pipelines.{stage}", source]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    said = SECONDS.search(done.stdout.strip())
    if done.returncode or said is None:
        raise LeadcastError(
            f"stage {stage} of {source} failed in {project}: {done.stderr.strip()[-2000:]}"
        )
    return float(said[1])


def digest_of(paths: Iterable[Path], *more: object) -> str:
    """Take a digest of files' contents, folders' Python files included.

    Parameters
    ----------
    paths : iterable of Path
        Files, or folders.
    *more : object
        Anything else that counts, by its `repr`.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.sha256(repr(more).encode())
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def write_params(project: Path, snapshots: dict[str, Any], threads: int | None = None) -> None:
    """Write a project's parameters: this project's as they are now, with its own snapshots.

    Parameters
    ----------
    project : Path
        The project's folder.
    snapshots : dict
        When leads are looked at.
    threads : int, optional
        How many the learner may use; as the parameters say if not given.
    """
    params: dict[str, Any] = plain_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    params["snapshots"] = snapshots
    # The benchmark measures the scores itself.
    params["evaluation"] = {"replicates": 100, "slice_replicates": 100}
    if threads is not None:
        params["model"]["num_threads"] = threads
    (project / "params.yaml").write_text(yaml_text(params), encoding="utf-8")


def _stamp(split: Split) -> str:
    params = load_params()
    fingerprint = RunFolder(split.source).fingerprint
    tables = RunFolder(split.source).tables / "tables.json"
    definition = Path("data/sources") / f"{split.source}.yaml"
    code = [Path(name) for name in FEATURE_CODE]
    return digest_of([fingerprint, tables, definition, *code], split, params.seed, params.features)


def _link(project: Path, run: RunFolder) -> None:
    (project / run.path).mkdir(parents=True, exist_ok=True)
    for name in (*LINKED, str(run.tables)):
        link, target = project / name, Path(name).resolve()
        # A folder that was moved or copied must not run another one's code.
        if link.is_symlink() and link.resolve() != target:
            link.unlink()
        if not link.exists():
            link.symlink_to(target)


def _settings(split: Split) -> SnapshotSettings:
    settings = snapshot_settings(split.source, load_params())
    if split.landmarks_days is None:
        return settings
    return settings.model_copy(update={"landmarks_days": split.landmarks_days})
