"""The bundle's files: a manifest that names each with its hash, and the check of all of them."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError

import leadcast
from leadcast.features.base.errors import Fault, FaultsError, LeadcastError
from leadcast.features.base.files import sha256_of, why_no_folder, write_json
from leadcast.features.base.plain import AGAIN, Count, Plain, Text, faults_of, read_plain
from leadcast.features.snapshots import SnapshotSettings
from leadcast.features.tables import TimeOrder
from leadcast.models.calibration.verdict import ModelVerdict

CODE_VERSION = leadcast.__version__
SCHEMA_VERSION = 4
"""2 added the observed rates, 3 what a model has seen, 4 the types that an estimator of others
needs; bundles of 1 to 3 are read as well."""
WITHOUT_TYPES = 3
"""What a bundle of a built-in learner is: it needs no types."""
KIND = "leadcast-bundle"
AttributeType = Literal["number", "category", "text", "flag", "time"]
MANIFEST = "manifest.json"
MOST_MANIFEST_BYTES = 2**20
MOST_BYTES = 2**28
"""Of all files together: they are held in memory when they are read."""
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_MOST_PARTS = 4
_MOST_TIMES = 100

Read = TypeVar("Read")


class Seen(Plain):
    """What a model has learned from.

    Parameters
    ----------
    snapshots : int
        Leads at a moment, each with its outcome.
    fresh : int
        Leads at a moment whose outcome was not all known yet, where these were learned from.
    first, last : datetime or None
        The moments of the first and the last of them; None where the source is not dated.
    known_until : datetime or None
        Nothing that became known later was used; None where the source is not dated.
    """

    snapshots: Count
    fresh: Count = 0
    first: datetime | None = None
    last: datetime | None = None
    known_until: datetime | None = None

    def describe(self) -> str:
        """Tell it for a person."""
        told = f"{self.snapshots:,} snapshots"
        if self.first is not None and self.last is not None:
            told += f" ({self.first:%Y-%m-%d} to {self.last:%Y-%m-%d})"
        if self.fresh:
            told += f" and {self.fresh:,} whose outcome was not all known"
        return told


class BundleOrigin(Plain):
    """Where a bundle comes from and how it is to be read.

    Parameters
    ----------
    source : str
        The source definition's name.
    fingerprint : str
        The fingerprint of the training data.
    time_order : TimeOrder
        Whether leads are scored at a moment.
    attribute_types : dict of str to str
        Each attribute's type as the source definition has it.
    snapshots : SnapshotSettings
        Landmarks and horizon of the training.
    sizes : dict of str to int
        How many snapshots (and the like) went into it, by what they are.
    insufficient_data : bool
        Whether there was too little data for more than a base rate.
    role : {"deployed", "judged"} or None
        Whether it is the model to be used, which was fitted on everything that was known, or the
        one that was tested; None in bundles of schema 1 and 2, which were tested and used.
    seen : Seen or None
        What it has learned from; None likewise.
    judged_by : str or None
        Of a deployed bundle the id of the judged one, whose figures it carries.
    verdict : ModelVerdict or None
        What the scores may be used for; None where it was not judged, as in older bundles.
    serves : dict of str to tuple of str
        For which leads it is: attributes, each with its values; empty for all leads.
    """

    source: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", max_length=200)]
    fingerprint: Text
    time_order: TimeOrder
    attribute_types: dict[Text, AttributeType]
    snapshots: SnapshotSettings
    sizes: dict[Text, Count] = Field(default_factory=dict)
    insufficient_data: bool = False
    role: Literal["deployed", "judged"] | None = None
    seen: Seen | None = None
    judged_by: Text | None = None
    verdict: ModelVerdict | None = None
    serves: dict[Text, tuple[Text, ...]] = Field(default_factory=dict)

    def describe(self) -> str:
        """Tell which model it is, what it has seen, and whose figures it carries."""
        seen = "" if self.seen is None else f" {self.seen.describe()}"
        if self.role == "deployed":
            twin = "" if self.judged_by is None else f" {self.judged_by[:12]}"
            return (
                f"Deployed: learned from{seen}, all that was known at the end of the export; the "
                f"figures are its recipe's, measured on the judged model{twin}, which had not "
                "seen the test."
            )
        if self.role == "judged":
            return (
                f"Judged: learned from{seen}, what was known when the test began; the figures are "
                "its own. What is deployed is the same recipe, fitted on the test as well."
            )
        return "The model that was tested, by a Leadcast that deployed it as it was."


class FileEntry(Plain):
    """What a file of the bundle must be."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """The hash of its bytes, in 64 hexadecimal digits."""
    n_bytes: Count
    """Its length."""


class Manifest(Plain):
    """The bundle's first file, which names all others."""

    kind: Literal["leadcast-bundle"] = "leadcast-bundle"
    """Always `KIND`."""
    schema_version: Annotated[int, Field(ge=1)] = SCHEMA_VERSION
    """Of the bundle's layout."""
    code_version: Text = CODE_VERSION
    """Of the code that wrote it; the same major version can read it."""
    created_at: datetime
    """When it was written: the only field that differs between two runs on the same data."""
    bundle_id: Text
    """A hash over all other fields but the time, and through them over every file."""
    origin: BundleOrigin
    """Where the bundle comes from."""
    notes: tuple[Text, ...]
    """What a reader of the scores must know, in words."""
    files: dict[str, FileEntry]
    """Every other file, by its path within the folder, with ``/``."""
    trusted_types: tuple[Text, ...] = ()
    """The types beyond those that skops trusts by itself that reading an estimator of others takes;
    absent in bundles of built-in learners, which are plain data."""

    def plain(self) -> dict[str, Any]:
        """Give it as plain data, without types where there are none."""
        absent = {"trusted_types"} if self.schema_version <= WITHOUT_TYPES else None
        return self.model_dump(mode="json", exclude=absent)


def write_manifest(
    folder: Path,
    origin: BundleOrigin,
    notes: Sequence[str] = (),
    created_at: datetime | None = None,
    trusted_types: tuple[str, ...] | None = None,
) -> Manifest:
    """Write the manifest of the files that a folder holds.

    ``trusted_types`` is None for a bundle without an estimator of others.
    """
    files = {
        name: FileEntry(sha256=sha256_of(folder / name), n_bytes=(folder / name).stat().st_size)
        for name in sorted(_files_in(folder))
    }
    when = (created_at or datetime.now(UTC)).astimezone(UTC)
    draft = Manifest(
        schema_version=WITHOUT_TYPES if trusted_types is None else SCHEMA_VERSION,
        created_at=when,
        bundle_id="",
        origin=origin,
        notes=tuple(notes),
        files=files,
        trusted_types=trusted_types or (),
    )
    manifest = draft.model_copy(update={"bundle_id": _identity(draft.plain())})
    write_json(folder / MANIFEST, manifest.plain())
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Read a bundle's manifest and verify every file that it names.

    Parameters
    ----------
    folder : Path
        The bundle.

    Returns
    -------
    Manifest

    Raises
    ------
    LeadcastError
        If the folder is no bundle, or one that this code cannot read; tells what to do. If files
        are missing, changed, truncated, unknown or outside the folder, all of them at once.
    """
    return of_one_version(folder, _verified)


def of_one_version(folder: Path, read: Callable[[Path], Read]) -> Read:
    """Read a folder that may be replaced as a whole meanwhile, all files from the same version."""
    for _ in range(_MOST_TIMES):
        before = _which(folder)
        try:
            found = read(folder)
        except Exception:
            if _which(folder) == before:
                raise
        else:
            if _which(folder) == before:
                return found
    raise LeadcastError(
        f"{folder}: was replaced {_MOST_TIMES} times while it was read; read it later"
    )


def _which(folder: Path) -> tuple[int, ...] | None:
    # A folder that takes another's place may have been given its inode, but not its times.
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def _verified(folder: Path) -> Manifest:
    manifest = _parsed(folder, _readable(folder))
    faults = [*_file_faults(folder, manifest.files), *_unknown_files(folder, manifest.files)]
    if faults:
        raise FaultsError(f"bundle {folder}", faults)
    return manifest


def _readable(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise LeadcastError(f"{folder}: {why_no_folder(folder)}; name the folder of a bundle")
    path = folder / MANIFEST
    if not path.is_file() or _leads_out(folder, path):
        raise LeadcastError(
            f"{folder}: is no bundle, because it has no {MANIFEST}; name the folder that the "
            "export wrote, as in data/runs/demo/bundle"
        )
    content = read_plain(path, MOST_MANIFEST_BYTES)
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise LeadcastError(f"{path}: is not the manifest of a Leadcast bundle")
    _refuse_other_versions(path, content.get("schema_version"), content.get("code_version"))
    return content


def _refuse_other_versions(path: Path, schema: object, code: object) -> None:
    if isinstance(schema, int) and schema > SCHEMA_VERSION:
        raise LeadcastError(
            f"{path}: has schema version {schema}, and this Leadcast ({CODE_VERSION}) reads up to "
            f"{SCHEMA_VERSION}; update Leadcast"
        )
    major = CODE_VERSION.split(".")[0]
    if isinstance(code, str) and code.split(".")[0] != major:
        told = code[:20] if code.isprintable() else "of no version"
        raise LeadcastError(
            f"{path}: was written by Leadcast {told}, and this is {CODE_VERSION}; score with a "
            f"version {told.split('.')[0]}, or export the bundle again with this one"
        )


def _parsed(folder: Path, content: dict[str, Any]) -> Manifest:
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        faults = faults_of(error, MANIFEST)
        where = ", ".join(f"{fault.where}: {fault.expected}" for fault in faults)
        raise LeadcastError(f"{path}: is damaged (wrong or missing: {where}). {AGAIN}") from None
    if manifest.bundle_id != _identity(content):
        raise LeadcastError(f"{path}: was changed after it was written. {AGAIN}")
    return manifest


def _identity(content: Mapping[str, Any]) -> str:
    lasting = {key: content[key] for key in content if key not in ("bundle_id", "created_at")}
    text = json.dumps(lasting, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _file_faults(folder: Path, files: Mapping[str, FileEntry]) -> Iterator[Fault]:
    if sum(entry.n_bytes for entry in files.values()) > MOST_BYTES:
        # Not even their hashes are computed: that takes as long as they are.
        most = f"at most {MOST_BYTES} bytes together"
        yield Fault(f"{folder}", "files that are too large", most, AGAIN)
        return
    for name, entry in sorted(files.items()):
        found = _what_is_wrong(folder, name, entry)
        if found is not None:
            yield Fault(f"{folder / name}", found, f"the file that {MANIFEST} names", AGAIN)


def _what_is_wrong(folder: Path, name: str, entry: FileEntry) -> str | None:
    parts = name.split("/")
    # Names are data of a stranger: a path out of the folder must not even be looked at.
    if len(parts) > _MOST_PARTS or not all(map(_PART.fullmatch, parts)):
        return "a name that is no path within the bundle"
    path = folder / name
    if _leads_out(folder, path):
        return "a symbolic link that leads out of the bundle"
    if not path.is_file():
        return "no file"
    if (size := path.stat().st_size) != entry.n_bytes:
        return f"{size} bytes instead of {entry.n_bytes}"
    return None if sha256_of(path) == entry.sha256 else "content that was changed"


def _leads_out(folder: Path, path: Path) -> bool:
    return not path.resolve().is_relative_to(folder.resolve())


def _unknown_files(folder: Path, files: Mapping[str, FileEntry]) -> Iterator[Fault]:
    for name in sorted(set(_files_in(folder)) - {MANIFEST, *files}):
        expected = f"only files that {MANIFEST} names"
        yield Fault(f"{folder / name}", "an unknown file", expected, "Take it out of the bundle.")


def _files_in(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            # What file managers leave behind begins with a dot, and nothing here reads it.
            if not name.startswith("."):
                yield (Path(parent) / name).relative_to(folder).as_posix()
