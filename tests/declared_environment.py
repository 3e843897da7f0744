"""A Python environment with what a requirements file declares, made of what is installed here."""

import sys
import venv
from collections import deque
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NO_EXTRAS = frozenset[str]()


def closure(declared: Iterable[str]) -> list[Distribution]:
    """The distributions that an installer would take for these requirements, as they are here."""
    waiting = deque(map(Requirement, declared))
    found: dict[str, Distribution] = {}
    done: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.popleft()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in done:
            continue
        done.add((name, extras))
        one = found.setdefault(name, _installed(wanted))
        assert wanted.specifier.contains(one.version, prereleases=True), f"{wanted}: {one.version}"
        needs = map(Requirement, one.requires or ())
        waiting += [need for need in needs if _applies(need, extras)]
    return list(found.values())


def _installed(wanted: Requirement) -> Distribution:
    try:
        return distribution(wanted.name)
    except PackageNotFoundError:
        raise AssertionError(f"{wanted} is needed, and not installed here") from None


def _applies(need: Requirement, extras: frozenset[str]) -> bool:
    marker = need.marker
    return marker is None or any(marker.evaluate({"extra": one}) for one in {"", *extras})


def make_environment(folder: Path, declared: Iterable[str]) -> Path:
    """Make a virtual environment of links to what the closure has; gives its ``bin``."""
    venv.EnvBuilder(symlinks=True).create(folder)
    site = folder / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    for one in closure(declared):
        for name, file in dict(_places(one)).items():
            link = site / name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(file)
        for script in one.entry_points.select(group="console_scripts"):
            _write_script(folder / "bin" / script.name, script.module, script.attr)
    return folder / "bin"


def _places(one: Distribution) -> Iterator[tuple[Path, Path]]:
    """Give what a distribution has: a package that is all its own whole, else file by file."""
    files = [name for name in one.files or () if ".." not in name.parts]
    whole = {name.parts[0] for name in files if name.parts[1:] == ("__init__.py",)}
    for name in files:
        # Scripts lie outside, and name the interpreter that they were installed for.
        top = Path(name.parts[0])
        is_whole = top.name in whole or top.suffix == ".dist-info"
        place = top if is_whole and len(name.parts) > 1 else Path(str(name))
        if is_whole or "__pycache__" not in name.parts:
            yield place, Path(str(one.locate_file(str(place))))


def _write_script(path: Path, module: str, attribute: str) -> None:
    run = f"import sys\nfrom {module} import {attribute}\nsys.exit({attribute}())\n"
    path.write_text(f"#!{path.parent / 'python'}\n{run}", encoding="utf-8")
    path.chmod(0o755)
