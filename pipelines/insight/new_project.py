"""`leadcast new`: a folder in which sources are described, run and scored, anywhere on the disk.

Its files are the project's own (`leadcast/project` links to them in a checkout, the wheel has them
there), so that no second copy can differ.
"""

import os
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import leadcast
from leadcast.features.base.errors import LeadcastError

TEMPLATES = Path(leadcast.__file__).parent / "project"
PLACES = {
    "params.yaml": "params.yaml",
    "dvc.yaml": "dvc.yaml",
    "data/sources/template.yaml": "template.yaml",
    "data/sources/demo.yaml": "demo.yaml",
    "data/rules/demo_hubspot.yaml": "demo_hubspot.yaml",
    ".gitignore": "gitignore",
    ".dvcignore": "dvcignore",
    ".dvc/config": "dvc_config",
    ".dvc/plots.html": "dvc_plots.html",
    ".dvc/plots.LICENSE.txt": "dvc_plots.LICENSE.txt",
}
"""Each file of a new project, and the template that it is made of."""
DEPS = re.compile(r"^      deps:\n(?:        [-#].*\n)+", re.MULTILINE)
CODE = re.compile(r"^        - (?:demo|features|models|pipelines|serve)(?:/\S*)?\n", re.MULTILINE)
VERSION = "        - data/runs/${item}/settings/leadcast.json\n"
OF_DVC = "/config.local\n/tmp\n/cache\n"
WITHOUT_GIT = "    # Remove this line once the folder is a git repository.\n    no_scm = true\n"
README = """# Leads
A Leadcast project: sources are described here, run, and scored.

    leadcast run                        # the embedded demo, to see how it looks
    leadcast init ours ../export        # look at an export, and draft data/sources/ours.yaml
    leadcast check ours                 # every issue at once, and what is odd
    leadcast run ours                   # data/runs/ours: report.html, metrics.json, bundle
    leadcast score --bundle data/runs/ours/bundle --source ours \\
        --leads new_leads.csv --events new_events.csv --out scores.csv

| | |
|---|---|
| `data/sources/` | a definition for each source; `template.yaml` explains every key |
| `params.yaml` | what a data scientist changes, for `dvc repro` and `dvc exp run` |
| `dvc.yaml` | the stages; another version of Leadcast runs them anew |
| `data/runs/` | results, not in git |

Made by Leadcast {version}.
"""


def template(name: str) -> str:
    """Read a file that new projects are made of.

    Parameters
    ----------
    name : str
        One of `PLACES`.

    Returns
    -------
    str
    """
    return (TEMPLATES / PLACES[name]).read_text(encoding="utf-8")


def stages_elsewhere(text: str) -> str:
    """Let the stages depend on Leadcast's version where its code is not.

    Parameters
    ----------
    text : str
        The `dvc.yaml` of a checkout, whose stages depend on folders of code.

    Returns
    -------
    str
        The same, with the version in their place; `leadcast.pipelines.fetch` writes it.
    """

    def elsewhere(deps: re.Match[str]) -> str:
        return CODE.sub("", CODE.sub(VERSION, deps[0], count=1))

    return DEPS.sub(elsewhere, text)


def contents_of(folder: Path) -> dict[str, str]:
    """Give the files of a new project and what is in them.

    Parameters
    ----------
    folder : Path
        Where it is to be; in a git repository DVC goes by it.

    Returns
    -------
    dict of str to str
    """
    found = {place: template(place) for place in PLACES}
    found["dvc.yaml"] = stages_elsewhere(found["dvc.yaml"])
    around = (folder.resolve(), *folder.resolve().parents)
    if not any((one / ".git").exists() for one in around):
        found[".dvc/config"] = found[".dvc/config"].replace("[core]\n", f"[core]\n{WITHOUT_GIT}")
    return found | {
        ".dvc/.gitignore": OF_DVC,
        "README.md": README.format(version=leadcast.__version__),
    }


def new_project(folder: Path) -> str:
    """Make a new project.

    Parameters
    ----------
    folder : Path
        A new folder, or one with files of its own, which stay.

    Returns
    -------
    str
        What was made and what comes next.

    Raises
    ------
    LeadcastError
        If a file of the project is there already; nothing is written then.
    """
    contents = contents_of(folder)
    in_the_way = {found for place in contents if (found := _in_the_way(folder, place))}
    if in_the_way:
        raise LeadcastError(
            f"{folder}: there already: {', '.join(map(str, sorted(in_the_way)))}; name another "
            "folder, or move these away"
        )
    _write_all(folder, contents)
    enter = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))}; "
    return (
        f"{folder}: a new project, with params.yaml, dvc.yaml, data/sources and a README.md\n"
        f"Next: {enter}leadcast run (the embedded demo), or leadcast init NAME FOLDER_OF_THE_EXPORT"
    )


def _in_the_way(folder: Path, place: str) -> Path | None:
    """Give what stands where a file of the project, or a folder on the way to it, is to be."""
    path = folder / place
    if os.path.lexists(path):
        return path
    way = (folder, *(folder / one for one in reversed(Path(place).parents)))
    return next((one for one in way if os.path.lexists(one) and not one.is_dir()), None)


def _write_all(folder: Path, contents: Mapping[str, str]) -> None:
    """Write all files, or none: what was made is taken away again where one cannot be written."""
    made: list[Path] = []
    try:
        for place, text in contents.items():
            path = folder / place
            missing = [one for one in path.parents if not one.exists()]
            path.parent.mkdir(parents=True, exist_ok=True)
            made += [*reversed(missing), path]
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError:
        for one in reversed(made):
            with suppress(OSError):
                one.rmdir() if one.is_dir() else one.unlink()
        raise
