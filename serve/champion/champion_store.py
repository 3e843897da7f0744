"""The champion's place: ``data/champion/NAME/``, replaced whole in one step and never absent.

    bundle/          the deployed model: what batches, services and files' readers score with
    judged/          the model that was tested, whose figures the deployed one carries
    promotion.json   which version it is, since when, by whom and why; and all that went before

Beside it, in ``data/champion/.NAME-versions/VERSION/``, stands each version that can come back.
The one exchange of folders is the promotion: before it nothing has changed, after it everything.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import write_json, written_whole
from leadcast.features.base.locks import locked
from leadcast.features.base.ownership import CHAMPIONS
from leadcast.features.base.plain import Plain, Text, checked, read_plain
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_files import of_one_version

KIND = "champion"
BUNDLE, JUDGED, PROMOTION = "bundle", "judged", "promotion.json"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,199}")
_PATIENCE_SECONDS = 0.0
Version = Annotated[int, Field(ge=1)]


class Lineage(Plain):
    """What a version was made of.

    Parameters
    ----------
    fingerprint : str
        The fingerprint of the export that it has learned from.
    bundle_id, judged_bundle_id : str
        Of the deployed model and of the one that was tested.
    trained_bundle_id : str or None
        Of the deployed model as its run left it, where its level was moved or its grades were set
        since; None where not.
    git_commit : str
        The code's, with ``+`` where files had changed; ``unknown`` outside a checkout.
    dvc_lock : str or None
        The SHA-256 of ``dvc.lock``; None where DVC has not run.
    code_version : str
        Leadcast's.
    parameters : dict
        What ``params.yaml`` said, and the snapshots' settings that followed from it.
    run_id, model_version : str or None
        MLflow's run and registered version; None while the tracking server was out of reach.
    """

    fingerprint: Text
    bundle_id: Text
    judged_bundle_id: Text
    git_commit: Text
    dvc_lock: Text | None
    code_version: Text
    parameters: dict[Text, Any]
    run_id: Text | None = None
    model_version: Text | None = None
    trained_bundle_id: Text | None = None

    @property
    def as_trained(self) -> str:
        """The id of the model as its run left it."""
        return self.trained_bundle_id or self.bundle_id


class PromotionStep(Plain):
    """One change of the champion.

    Parameters
    ----------
    version : int
        The version that is the champion from then on.
    kind : {"promoted", "forced", "rolled back", "recalibrated", "graded"}
        How it came to be it.
    at : datetime
        When.
    by : str
        Who.
    why : str
        The reason that was given; empty where none was asked for.
    bundle_id : str
        Of the deployed model.
    """

    version: Version
    kind: Literal["promoted", "forced", "rolled back", "recalibrated", "graded"]
    at: datetime
    by: Text
    why: Text
    bundle_id: Text


class Promotion(Plain):
    """What is known of a champion.

    Parameters
    ----------
    source : str
        The source whose leads it scores.
    version : int
        Counted from 1, a source.
    lineage : Lineage
        What it was made of.
    gate : dict
        What the gate found when it was promoted, as JSON.
    export : dict
        What the export was like, as JSON: an `ExportProfile` of `pipelines.lifecycle`.
    steps : tuple of PromotionStep
        Every change of the champion up to this one, the earliest first.
    """

    source: Text
    version: Version
    lineage: Lineage
    gate: dict[Text, Any]
    export: dict[Text, Any] = Field(default_factory=dict)
    steps: Annotated[tuple[PromotionStep, ...], Field(min_length=1)]

    @property
    def step(self) -> PromotionStep:
        """The change that made it the champion."""
        return self.steps[-1]


def champion_folder(source: str) -> Path:
    """Name the champion's place, whether it is there or not.

    Raises
    ------
    LeadcastError
        If the name is none of a source.
    """
    if _NAME.fullmatch(source) is None:
        raise LeadcastError(
            f"{source!r}: is no source's name; it has lower-case letters, digits and _"
        )
    return CHAMPIONS / source


def versions_folder(source: str) -> Path:
    """Name the folder with every version that can come back."""
    place = champion_folder(source)
    return place.with_name(f".{place.name}-versions")


def kept_folder(source: str, version: int) -> Path:
    """Name the folder of one of them, whether it is there or not."""
    return versions_folder(source) / str(version)


def has_champion(source: str) -> bool:
    """Tell whether anything was promoted yet."""
    return (champion_folder(source) / PROMOTION).is_file()


def champion_bundle(source: str) -> Path:
    """Give the folder of the deployed model that is to be used now.

    It is read with `leadcast.models.bundle.bundle.load_bundle`, which takes one whole version of
    it even where it is replaced meanwhile.

    Raises
    ------
    LeadcastError
        If nothing was promoted yet; tells how to.
    """
    return _promoted(source) / BUNDLE


def champion_judged(source: str) -> Path:
    """Give the folder of the champion's tested model, as `champion_bundle` does."""
    return _promoted(source) / JUDGED


def read_promotion(source: str) -> Promotion:
    """Read what is known of the champion.

    Raises
    ------
    LeadcastError
        If nothing was promoted yet, or the file is damaged; tells what to do.
    """
    return of_one_version(_promoted(source), promotion_in)


def promotion_in(folder: Path) -> Promotion:
    """Read what a version's folder says of it."""
    path = folder / PROMOTION
    return checked(Promotion, read_plain(path), "what was promoted is damaged", f"{path}")


def _promoted(source: str) -> Path:
    place = champion_folder(source)
    if not has_champion(source):
        raise LeadcastError(
            f"{place}: nothing promoted yet: leadcast promote {source} (after leadcast run "
            f"{source})"
        )
    return place


def known_versions(source: str) -> list[int]:
    """List the versions that can come back, the earliest first."""
    folder = versions_folder(source)
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if (path / PROMOTION).is_file())
    return sorted(int(path.name) for path in found if path.name.isdecimal())


def version_folder(source: str, version: int) -> Path:
    """Give the folder of a version that can come back.

    Raises
    ------
    LeadcastError
        If it is not there; tells which are.
    """
    folder = kept_folder(source, version)
    if not (folder / PROMOTION).is_file():
        there = ", ".join(map(str, known_versions(source))) or "none"
        raise LeadcastError(f"{folder}: there is no version {version}; there are: {there}")
    return folder


@contextmanager
def promoting(source: str) -> Iterator[None]:
    """Keep every other promotion of the source out; who comes second is told at once.

    Raises
    ------
    LeadcastError
        If another process is promoting.
    """
    what = "another process changes the champion"
    with locked(champion_folder(source), what, _PATIENCE_SECONDS):
        yield


def put_champion(promotion: Promotion, bundle: Path, judged: Path) -> None:
    """Make a model the champion; call it within `promoting`.

    The version is kept first, then the champion's folder changes places with the new one. Killed
    in between, the champion is the one before, and the kept version is written anew by the next.

    Parameters
    ----------
    promotion : Promotion
        What is to be known of it.
    bundle, judged : Path
        The deployed model and the tested one; copied, and the copies verified.

    Raises
    ------
    LeadcastError
        If a bundle is damaged or is not the one that `promotion` names, or if something that
        Leadcast did not write stands in the champion's place.
    """
    if promotion.step.kind != "rolled back":
        keep_version(promotion, bundle, judged)
    _write(champion_folder(promotion.source), promotion, bundle, judged)


def keep_version(promotion: Promotion, bundle: Path, judged: Path) -> None:
    """Keep a version, so that it can come back; call it within `promoting`.

    Parameters, and what is raised, are those of `put_champion`.
    """
    _write(kept_folder(promotion.source, promotion.version), promotion, bundle, judged)


def _write(folder: Path, promotion: Promotion, bundle: Path, judged: Path) -> None:
    with written_whole(folder, KIND, is_named=True) as new:
        new.mkdir()
        _copied(bundle, new / BUNDLE, promotion.lineage.bundle_id)
        _copied(judged, new / JUDGED, promotion.lineage.judged_bundle_id)
        write_json(new / PROMOTION, promotion.model_dump(mode="json"))


def _copied(bundle: Path, copy: Path, bundle_id: str) -> None:
    def copied(folder: Path) -> None:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)

    of_one_version(bundle, copied)
    found = load_bundle(copy).manifest.bundle_id
    if found != bundle_id:
        raise LeadcastError(
            f"{bundle}: is bundle {found[:12]}, and {bundle_id[:12]} was to be promoted; it was "
            "replaced meanwhile: begin again"
        )
