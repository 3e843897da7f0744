"""Results that are no longer what their stage wrote: a disk failed, a copy was cut short, an edit.

A folder carries the hash of each file in it; of a single file, `dvc.lock` tells it. DVC trusts its
cache, and what it has copied from there, for ever: so each stage that DVC runs looks for itself.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.ownership import agrees, mark_of
from leadcast.features.definitions.yaml_lines import plain_yaml
from leadcast.pipelines.base.paths import RunFolder

_PIPELINE, _LOCK, _RUN_BY_DVC = Path("dvc.yaml"), Path("dvc.lock"), "DVC_STAGE"
_OUTS = re.compile(r"^    outs:\n(?:    [- ].*\n?)*", re.MULTILINE)
"""The outputs of a stage in `dvc.lock`."""
_COPIES = Path(".dvc/cache/files/md5")
_NOT_OF_DAMAGE = (LeadcastError, KeyboardInterrupt, SystemExit, GeneratorExit)


@dataclass(frozen=True)
class Pipeline:
    """What the stages of one source read and write.

    Parameters
    ----------
    made_by : dict of Path to str
        The stage that makes each result.
    read_by : dict of str to tuple of Path
        The results that each stage reads.
    """

    made_by: Mapping[Path, str] = field(default_factory=dict)
    read_by: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, source: str) -> "Pipeline":
        """Read it from `dvc.yaml`; it is empty where there is none."""
        if not _PIPELINE.is_file():
            return cls()
        stages = plain_yaml(_PIPELINE.read_text(encoding="utf-8"))["stages"]
        made_by, read = dict[Path, str](), dict[str, list[Path]]()
        for name, stage in stages.items():
            content, kinds = stage.get("do", stage), ("outs", "metrics", "plots")
            read[name] = [_named(one, source) for one in content.get("deps", ())]
            outs = [one for kind in kinds for one in content.get(kind, ())]
            made_by |= {_named(one, source): name for one in outs}
        read_by = {
            name: tuple(path for path in paths if path in made_by) for name, paths in read.items()
        }
        return cls(made_by, read_by)

    def maker(self, path: Path) -> str:
        """Name the stage that makes a file, which may lie in a folder that it makes."""
        makers = [self.made_by[one] for one in (path, *path.parents) if one in self.made_by]
        return makers[0] if makers else "that made it"


def _named(one: str | Mapping[str, Any], source: str) -> Path:
    # With options it is a mapping of one key.
    return Path((one if isinstance(one, str) else next(iter(one))).replace("${item}", source))


def refuse_altered(stage: str, source: str) -> None:
    """Refuse to compute from what is not as another stage wrote it.

    Where DVC runs the stage, damaged copies in its cache are removed, and it is let see that the
    file has changed, so that the next run makes it anew.

    Parameters
    ----------
    stage : str
        The stage that is about to run.
    source : str

    Raises
    ------
    LeadcastError
        Names every altered file, the stage that makes it, and what to do.
    """
    pipeline = Pipeline.of(source)
    locked = _locked(source) if _RUN_BY_DVC in os.environ else {}
    told = list[str]()
    for path in pipeline.read_by.get(stage, ()):
        maker = pipeline.made_by[path]
        if path.is_dir():
            told += _altered_folder(path, maker, source, locked.get(path))
        elif path.is_file() and path in locked and _md5(path) != locked[path]:
            told.append(_altered_file(path, maker, source, locked[path]))
    _raise(told)


def _altered_file(path: Path, maker: str, source: str, expected: str) -> str:
    dropped = _drop_damaged_copies([expected])
    with suppress(OSError):
        # DVC looks at a file anew when its time has changed.
        os.utime(path)
    return (
        f"{path}: is not as the stage {maker} wrote it{dropped}; run again, which makes it anew: "
        f"leadcast run {source}"
    )


def _altered_folder(folder: Path, maker: str, source: str, expected: str | None) -> list[str]:
    _, files = mark_of(folder)
    listed = [(name, facts) for name, facts in files.items() if facts is not None]
    altered = [
        name
        for name, facts in listed
        if not ((folder / name).is_file() and agrees(folder / name, facts, quick=False))
    ]
    if not altered:
        return []
    names = _names_in(expected)
    dropped = _drop_damaged_copies([names[name] for name in altered if name in names])
    what = ", ".join(str(folder / name) for name in altered)
    return [
        f"{what}: not as the stage {maker} wrote it{dropped}; move the folder away (mv {folder} "
        f"{folder}.old) and run again, which makes it anew: leadcast run {source}"
    ]


@contextmanager
def damage_told(source: str) -> Iterator[None]:
    """Where the block fails as a result cannot be read, tell which, and what makes it anew.

    Parameters
    ----------
    source : str
        Whose results the block reads.

    Raises
    ------
    LeadcastError
        In place of an error without words for it, if any Parquet file of the run is unreadable.
    """
    try:
        yield
    except BaseException as error:
        # Polars' panics are no `Exception`.
        if not isinstance(error, _NOT_OF_DAMAGE):
            _raise(list(unreadable(source)))
        raise


def unreadable(source: str) -> Iterator[str]:
    """Tell each Parquet file of a run that cannot be read, and what makes it anew.

    Parameters
    ----------
    source : str
        None is told of what is no source with a run.

    Yields
    ------
    str
    """
    import polars as pl

    run = RunFolder(source)
    if re.fullmatch(r"\w+", source) is None or not run.path.is_dir():
        return
    pipeline = Pipeline.of(source)
    for path in sorted(run.path.rglob("*.parquet")):
        try:
            pl.read_parquet(path, memory_map=False)
        except BaseException as error:
            if isinstance(error, _NOT_OF_DAMAGE):
                raise
            first = str(error).strip().split("\n")[0]
            yield (
                f"{path}: cannot be read as Parquet, it was altered or cut short ({first}); the "
                f"stage {pipeline.maker(path)} writes it: move it away (mv {path} {path}.old) and "
                f"run again, which makes it anew: leadcast run {source}"
            )


def _raise(told: list[str]) -> None:
    if told:
        raise LeadcastError("\n  ".join(told)) from None


def _locked(source: str) -> dict[Path, str]:
    """Read from `dvc.lock` the MD5 of each result of a source."""
    if not _LOCK.is_file():
        return {}
    # The other sources' stages, and what is no output, are left out before anything is parsed; each
    # stage by itself, since those that have not changed were parsed before.
    text = _LOCK.read_text(encoding="utf-8")
    own = re.findall(rf"^  \w+@{source}:\n(?:   .*\n?)*", text, re.M)
    listed = (one for stage in own for one in _OUTS.findall(stage))
    outs = (out for one in listed for out in plain_yaml(one)["outs"])
    return {Path(out["path"]): out["md5"] for out in outs if "md5" in out}


def _names_in(folder_md5: str | None) -> dict[str, str]:
    """Read from DVC's cache the MD5 of each file that a folder had."""
    if folder_md5 is None:
        return {}
    with suppress(OSError, ValueError, TypeError, KeyError):
        listed = json.loads(_copy_of(folder_md5).read_text(encoding="utf-8"))
        return {one["relpath"]: one["md5"] for one in listed}
    return {}


def _drop_damaged_copies(expected: Iterable[str]) -> str:
    """Remove copies in DVC's cache that are not what their names say; tell it in words."""
    dropped = 0
    for md5 in expected:
        copy = _copy_of(md5)
        with suppress(OSError):
            if _md5(copy) != md5:
                copy.unlink()
                dropped += 1
    return " (DVC's cache held a damaged copy of it, which was removed)" if dropped else ""


def _copy_of(md5: str) -> Path:
    return _COPIES / md5[:2] / md5[2:]


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()
