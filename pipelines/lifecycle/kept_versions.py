"""The versions that can come back: as they are kept, or else as MLflow's registry holds them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.pipelines.base import model_registry
from leadcast.pipelines.base.params import load_params
from leadcast.pipelines.tracking.tracking_store import store_file
from leadcast.serve.champion.champion_store import (
    BUNDLE,
    JUDGED,
    PROMOTION,
    Promotion,
    PromotionStep,
    keep_version,
    kept_folder,
    promotion_in,
)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class KeptVersion:
    """One version, and where it can be had from.

    Parameters
    ----------
    version : int
    bundle_id : str
        Of its deployed model.
    wrong : str
        Why it does not come back from its kept folder; empty where it does.
    registered : str or None
        The registered version that holds its bundle, looked for where something is wrong.
    no_registry : str
        Why it does not come back from MLflow either; empty where it does, or need not.
    """

    version: int
    bundle_id: str
    wrong: str = ""
    registered: str | None = None
    no_registry: str = ""

    @property
    def is_lost(self) -> bool:
        """Whether it cannot be had."""
        return bool(self.wrong) and self.registered is None

    def words(self, source: str) -> str:
        """Tell where it can be had from, or what is missing."""
        if not self.wrong:
            return f"version {self.version}: kept"
        name = model_registry.registered_name(source)
        if self.registered is not None:
            return (
                f"version {self.version}: {self.wrong}; a rollback fetches it from MLflow ({name}, "
                f"version {self.registered})"
            )
        return f"version {self.version} cannot be restored: {self.wrong}; {self.no_registry}"


def kept_versions(now: Promotion) -> list[KeptVersion]:
    """Tell of each version of a source where it can be had from, the earliest first.

    MLflow, slow to import and perhaps out of reach, is asked only where a kept one is not whole.

    Parameters
    ----------
    now : Promotion
        The champion, whose steps name all versions.

    Returns
    -------
    list of KeptVersion
    """
    ids = {step.version: step.bundle_id for step in now.steps}
    found = {one: _what_is_wrong(now.source, one, bundle_id) for one, bundle_id in ids.items()}
    registered, told = dict[str, str](), ""
    if any(found.values()):
        try:
            registered = _asked(lambda: model_registry.registered_versions(now.source))
        except LeadcastError as error:
            told = f"MLflow's registry does not answer ({error})"
    name = model_registry.registered_name(now.source)
    made = list[KeptVersion]()
    for version, bundle_id in sorted(ids.items()):
        number = registered.get(bundle_id) if found[version] else None
        absent = told or f"{name} in MLflow holds no bundle {bundle_id[:12]}"
        why = absent if found[version] and number is None else ""
        made.append(KeptVersion(version, bundle_id, found[version], number, why))
    return made


def have_back(now: Promotion, version: int) -> str:
    """See that a version is kept whole, from MLflow's registry where it is not.

    Call it within `leadcast.serve.champion.champion_store.promoting`.

    Parameters
    ----------
    now : Promotion
        The champion.
    version : int
        An earlier one of its steps.

    Returns
    -------
    str
        Where it was fetched from, and what of it is lost; empty where it was kept whole.

    Raises
    ------
    LeadcastError
        If it cannot be had; tells what is missing, and which versions can be.
    """
    step = next(one for one in reversed(now.steps) if one.version == version)
    if not _what_is_wrong(now.source, version, step.bundle_id):
        return ""
    all_of_them = kept_versions(now)
    wanted = next(one for one in all_of_them if one.version == version)
    if wanted.registered is None:
        raise _lost(now, wanted, wanted.words(now.source), all_of_them)
    print(f"{now.source}: {wanted.wrong}; fetching it from MLflow", flush=True)
    try:
        return _fetched(now, step, wanted.registered)
    except LeadcastError as error:
        told = _in_a_line(error)
        words = f"version {version} cannot be restored: {wanted.wrong}; from MLflow: {told}"
        raise _lost(now, wanted, words, all_of_them) from None


def _lost(
    now: Promotion, wanted: KeptVersion, words: str, versions: list[KeptVersion]
) -> LeadcastError:
    there = {one.version for one in versions if not one.is_lost}
    others = ", ".join(map(str, sorted(there - {now.version, wanted.version}))) or "none"
    return LeadcastError(
        f"{now.source}: {words}. Champion {now.version} stays in use; versions that can be had: "
        f"{others} (leadcast rollback {now.source} --to VERSION)"
    )


def _what_is_wrong(source: str, version: int, bundle_id: str) -> str:
    """Say what is wrong with a kept version; nothing where it is whole."""
    folder = kept_folder(source, version)
    if not folder.is_dir():
        return f"{folder} is gone"
    try:
        kept = promotion_in(folder).lineage
        for name, wanted in ((BUNDLE, bundle_id), (JUDGED, kept.judged_bundle_id)):
            found = read_manifest(folder / name).bundle_id
            if found != wanted:
                return f"{folder / name} is another bundle ({found[:12]}, not {wanted[:12]})"
    except (LeadcastError, OSError) as error:
        return f"{folder} is damaged ({_in_a_line(error)})"
    return ""


def _in_a_line(error: Exception) -> str:
    if not isinstance(error, FaultsError):
        return str(error)
    first, more = error.faults[0], len(error.faults) - 1
    return f"{first.where}: {first.found}{f', and {more} more' if more else ''}"


def _asked(ask: Callable[[], Answer]) -> Answer:
    """Ask MLflow, which is not made where there is none yet."""
    uri = load_params().tracking.uri
    file = store_file(uri)
    if file is not None and not file.exists():
        raise LeadcastError(f"{file}: there is no such file")
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return ask()
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise LeadcastError(f"{uri}: {str(error).strip().splitlines()[0]}") from None


def _fetched(now: Promotion, step: PromotionStep, registered: str) -> str:
    """Keep a version as MLflow holds it, every hash verified."""
    with TemporaryDirectory(prefix="leadcast-") as place:
        found = _asked(lambda: model_registry.fetch_version(now.source, registered, Path(place)))
        made, told = _record(now, step, found)
        for folder, wanted in (
            (found.bundle, step.bundle_id),
            (found.judged, made.lineage.judged_bundle_id),
        ):
            if (bundle_id := load_bundle(folder).manifest.bundle_id) != wanted:
                raise LeadcastError(
                    f"{model_registry.registered_name(now.source)}, version {registered}: holds "
                    f"bundle {bundle_id[:12]}, and {wanted[:12]} is wanted"
                )
        aside = _moved_aside(kept_folder(now.source, step.version))
        keep_version(made, found.bundle, found.judged)
    name = model_registry.registered_name(now.source)
    return f" (fetched from MLflow: {name}, version {registered}, every hash verified{told}{aside})"


def _record(
    now: Promotion, step: PromotionStep, found: model_registry.RegisteredVersion
) -> tuple[Promotion, str]:
    """Find what was known of a version: as it was kept, as MLflow holds it, or else by its tags."""
    for folder in (kept_folder(now.source, step.version), found.record):
        if folder is not None and (folder / PROMOTION).is_file():
            try:
                kept = promotion_in(folder)
            except LeadcastError:
                continue
            if (kept.version, kept.lineage.bundle_id) == (step.version, step.bundle_id):
                return kept, ""
    made = Promotion(
        source=now.source,
        version=step.version,
        lineage=found.lineage,
        gate={},
        # The same past is looked at in the next export, whichever champion described it.
        export=now.export,
        steps=tuple(one for one in now.steps if one.version <= step.version),
    )
    return made, f"; what the gate had found is lost, and the export is as {now.version} knew it"


def _moved_aside(folder: Path) -> str:
    if not folder.exists():
        return ""
    number = 1
    while (aside := folder.with_name(f"{folder.name}.damaged-{number}")).exists():
        number += 1
    folder.rename(aside)
    return f"; what was damaged is in {aside}"
