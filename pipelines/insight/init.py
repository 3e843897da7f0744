"""`leadcast init`: look at an export, and write the draft of its source definition."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import write_text_out
from leadcast.features.base.ownership import PARAMS, SOURCES, refuse_foreign_file
from leadcast.features.discovery.discover import Discovered, ExportPlace, discover
from leadcast.models.steering.deny_names import denied_by_name


@dataclass(frozen=True)
class InitRequest:
    """What a user asks for; see the command's help."""

    name: str
    folder: Path | None = None
    crm: str | None = None
    database_env: str | None = None
    leads: str | None = None
    time_zone: str | None = None
    out: Path | None = None
    force: bool = False

    @property
    def file(self) -> Path:
        """Where the definition is wanted."""
        return self.out or SOURCES / f"{self.name}.yaml"


def draft_source(request: InitRequest) -> str:
    """Draft a source's definition, write it, and tell what was guessed.

    Parameters
    ----------
    request : InitRequest
        What is asked for.

    Returns
    -------
    str
        For the terminal.

    Raises
    ------
    LeadcastError
        If something cannot be read, no table holds leads, or the file is not Leadcast's; nothing
        is written then.
    """
    _check(request)
    refuse_foreign_file(request.file, force=request.force, quick=True)
    found = discover(
        ExportPlace(
            name=request.name,
            folder=request.folder,
            url_env=request.database_env,
            root=_root(request.folder),
            crm=request.crm,
            leads=request.leads,
            time_zone=request.time_zone,
            denies=denied_by_name,
        )
    )
    write_text_out(request.file, found.text, force=request.force)
    return _told(request, found)


def _check(request: InitRequest) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", request.name) or request.name == "template":
        raise LeadcastError(
            f"{request.name!r} is no name of a source: lower-case letters, digits and underscores, "
            "beginning with a letter"
        )
    if request.out is not None and request.out.stem != request.name:
        raise LeadcastError(
            f"--out {request.out}: call the file {request.name}.yaml, as the source"
        )
    if (request.folder is None) == (request.database_env is None):
        raise LeadcastError("name the FOLDER of the export, or --database-env, and not both")
    if request.time_zone is not None:
        import zoneinfo

        if request.time_zone not in zoneinfo.available_timezones():
            raise LeadcastError(
                f"--time-zone {request.time_zone}: is no name of the IANA database, such as "
                "Europe/Berlin or UTC"
            )


def _root(folder: Path | None) -> str:
    """Name the folder as the definition does, from the project's folder."""
    if folder is None:
        return "."
    return str(folder) if folder.is_absolute() else os.path.relpath(folder)


def _told(request: InitRequest, found: Discovered) -> str:
    lines = [f"{request.file}: written, a draft. It guesses:"]
    lines += [f"  {guess}" for guess in found.guesses]
    if found.counts:
        counted = ", ".join(f"{count:,} {end}" for end, count in found.counts.items())
        lines.append(f"Read so, the leads are: {counted}.")
        if found.counts.get("lost") and not found.counts.get("open"):
            lines.append(
                "None counts as open: leads too young to have been won count as lost, unless the "
                "export leaves them out."
            )
    if found.left_out:
        lines.append("Left out:")
        lines += [f"  {left}" for left in found.left_out]
    if found.to_do:
        lines.append("To be decided by you (TO DO in the file):")
        lines += [f"  {question}" for question in found.to_do]
    first = "decide these, then: " if found.to_do else ""
    if not PARAMS.exists():
        lines.append(
            "This folder is no project yet: `leadcast new .` makes it one, to run sources."
        )
    lines.append(f"Next: look at the file; {first}leadcast check {request.name}")
    return "\n".join(lines)
