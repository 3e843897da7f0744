"""Promotion, its way back and its history; the registry's alias follows the champion's place."""

import getpass
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.features.definitions.load import find_definition
from leadcast.models.bundle.bundle_files import CODE_VERSION, Manifest, read_manifest
from leadcast.pipelines.base import model_registry
from leadcast.pipelines.base.params import load_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.lifecycle.export_change import profile_of
from leadcast.pipelines.lifecycle.kept_versions import have_back, kept_versions
from leadcast.pipelines.lifecycle.promotion_gate import GateFindings, examine_challenger
from leadcast.pipelines.track import dvc_lock, git_commit, parameters_of
from leadcast.pipelines.tracking.tracking_store import told_without_traceback
from leadcast.serve.champion.champion_store import (
    BUNDLE,
    JUDGED,
    Lineage,
    Promotion,
    PromotionStep,
    champion_folder,
    has_champion,
    promoting,
    promotion_in,
    put_champion,
    read_promotion,
    version_folder,
)
from leadcast.serve.champion.grade_bounds import graded_as_before

Outcome = Literal["promoted", "refused", "nothing new", "previewed"]
NOT_FOLLOWED = "the registry could not be reached; the next command lets its alias follow"


@dataclass(frozen=True)
class PromotionAsked:
    """How a promotion is asked for.

    Parameters
    ----------
    by : str
        Who asks; the user of this process, if empty.
    why : str
        The reason; required where the gate is to be overruled.
    force : bool
        Whether to promote what the gate refuses.
    dry_run : bool
        Whether to look only.
    """

    by: str = ""
    why: str = ""
    force: bool = False
    dry_run: bool = False

    def checked(self) -> "PromotionAsked":
        """Refuse force without a reason, and fill in who asks."""
        if self.force and not self.why.strip():
            raise LeadcastError("--force: needs --why TEXT, which is kept with the promotion")
        return replace(self, by=self.by.strip() or _user(), why=self.why.strip())


@dataclass(frozen=True)
class PromotionAnswer:
    """What came of a promotion.

    Parameters
    ----------
    outcome : {"promoted", "refused", "nothing new", "previewed"}
    words : str
        For a person.
    gate : GateFindings or None
        What the gate found; None where there was nothing to look at.
    version : int or None
        The champion's by now; None where there is none.
    """

    outcome: Outcome
    words: str
    gate: GateFindings | None
    version: int | None


def promote(source: str, asked: PromotionAsked) -> PromotionAnswer:
    """Make a run's model the champion, where the gate lets it pass.

    Parameters
    ----------
    source : str
    asked : PromotionAsked

    Returns
    -------
    PromotionAnswer

    Raises
    ------
    LeadcastError
        If there is no such source or no finished run, another process is promoting, a bundle is
        damaged or force is asked for without a reason.
    """
    asked, run = asked.checked(), RunFolder(source)
    find_definition(source)
    for path in (run.bundle, run.judged, run.metrics, run.test_scores):
        run.require(path)
    with promoting(source):
        deployed, judged = read_manifest(run.bundle), read_manifest(run.judged)
        before = read_promotion(source) if has_champion(source) else None
        if before is not None and before.lineage.as_trained == deployed.bundle_id:
            followed = "" if asked.dry_run else _told_followed(source)
            moved = ", changed since" if before.lineage.trained_bundle_id else ""
            words = (
                f"Nothing new: this model is champion {before.version} of {source}{moved}{followed}"
            )
            return PromotionAnswer("nothing new", words, None, before.version)
        _refuse_other_run(deployed, judged, run)
        gate = examine_challenger(source)
        version = None if before is None else before.version
        if asked.dry_run or not (gate.passed or asked.force):
            return _not_promoted(source, gate, version, dry_run=asked.dry_run)
        with graded_as_before(source, run.bundle) as (bundle, graded):
            new = _promotion(source, before, (deployed, judged), gate, asked)
            new = new if graded is None else _as_graded(new, graded)
            put_champion(new, bundle, run.judged)
    return PromotionAnswer("promoted", _promoted_words(new, gate), gate, new.version)


def _as_graded(new: Promotion, bundle_id: str) -> Promotion:
    """Name the bundle that has the bounds which people have set for the champion's grades."""
    ids = {"bundle_id": bundle_id, "trained_bundle_id": new.lineage.bundle_id}
    lineage = new.lineage.model_copy(update=ids)
    step = new.step.model_copy(update={"bundle_id": bundle_id})
    return new.model_copy(update={"lineage": lineage, "steps": (*new.steps[:-1], step)})


def _not_promoted(
    source: str, gate: GateFindings, version: int | None, *, dry_run: bool
) -> PromotionAnswer:
    stays = f"champion {version} stays" if version else "there is no champion yet"
    failed = ", ".join(one.name for one in gate.failed)
    would = "would pass the gate" if gate.passed else f"would be refused ({failed})"
    head = (
        f"{source}: {would}; nothing was changed, {stays}"
        if dry_run
        else f"{source}: refused ({failed}); {stays}"
    )
    outcome: Outcome = "previewed" if dry_run else "refused"
    forced = f"If it is wanted all the same: leadcast promote {source} --force --why TEXT"
    lines = [head, gate.words(), *([] if gate.passed else [forced])]
    return PromotionAnswer(outcome, "\n".join(lines), gate, version)


def _promoted_words(new: Promotion, gate: GateFindings) -> str:
    forced = f", forced by {new.step.by}: {new.step.why}" if new.step.kind == "forced" else ""
    head = f"{new.source}: version {new.version} is the champion{forced}"
    place = f"  {champion_folder(new.source) / BUNDLE}"
    return "\n".join([f"{head}{_told_followed(new.source)}", place, gate.words()])


def _refuse_other_run(deployed: Manifest, judged: Manifest, run: RunFolder) -> None:
    if deployed.origin.judged_by != judged.bundle_id:
        raise LeadcastError(
            f"{run.bundle}: its figures are of {str(deployed.origin.judged_by)[:12]}, and "
            f"{run.judged} is {judged.bundle_id[:12]}: a run was stopped between them; "
            f"run it again: leadcast run {run.source}"
        )


def _promotion(
    source: str,
    before: Promotion | None,
    manifests: tuple[Manifest, Manifest],
    gate: GateFindings,
    asked: PromotionAsked,
) -> Promotion:
    deployed, judged = manifests
    steps = () if before is None else before.steps
    step = PromotionStep(
        version=max((one.version for one in steps), default=0) + 1,
        kind="promoted" if gate.passed else "forced",
        at=datetime.now(UTC),
        by=asked.by,
        why=asked.why,
        bundle_id=deployed.bundle_id,
    )
    run, logged = RunFolder(source), _logged(source, deployed.bundle_id)
    until = None if deployed.origin.seen is None else deployed.origin.seen.known_until
    lineage = Lineage(
        fingerprint=deployed.origin.fingerprint,
        bundle_id=deployed.bundle_id,
        judged_bundle_id=judged.bundle_id,
        git_commit=git_commit(),
        dvc_lock=dvc_lock(),
        code_version=CODE_VERSION,
        parameters=parameters_of(source, load_params()),
        run_id=logged.get("run_id"),
        model_version=logged.get("model_version"),
    )
    return Promotion(
        source=source,
        version=step.version,
        lineage=lineage,
        # Through JSON, so that what is compared is what is read back.
        gate=json.loads(json.dumps(gate.to_json())),
        export=profile_of(run, until).model_dump(mode="json"),
        steps=(*steps, step),
    )


def _logged(source: str, bundle_id: str) -> dict[str, Any]:
    with suppress(LeadcastError):
        found = read_json(RunFolder(source).tracking)
        # What was logged last may be a result of before.
        if isinstance(found, dict) and found.get("bundle_id") == bundle_id:
            return found
    return {}


def roll_back(source: str, to: int | None, why: str, by: str) -> str:
    """Make an earlier version the champion again.

    Parameters
    ----------
    source : str
    to : int or None
        Which one; None for the one before.
    why, by : str
        The reason and who asks; the user of this process, if empty.

    Returns
    -------
    str
        What was done, for a person.

    Raises
    ------
    LeadcastError
        If nothing was promoted yet, there is no such version, it is neither kept whole nor in
        MLflow's registry, or another process is promoting.
    """
    _refuse_unknown(source)
    with promoting(source):
        now = read_promotion(source)
        version = _before(now) if to is None else to
        if version not in {step.version for step in now.steps} or version == now.version:
            others = sorted({step.version for step in now.steps} - {now.version})
            there = ", ".join(map(str, others)) or "none"
            raise LeadcastError(
                f"--to {version}: is no earlier version of {source} (the champion is "
                f"{now.version}); there are: {there}"
            )
        fetched = have_back(now, version)
        folder = version_folder(source, version)
        kept = promotion_in(folder)
        step = PromotionStep(
            version=version,
            kind="rolled back",
            at=datetime.now(UTC),
            by=by.strip() or _user(),
            why=why.strip(),
            bundle_id=kept.lineage.bundle_id,
        )
        new = kept.model_copy(update={"steps": (*now.steps, step)})
        put_champion(new, folder / BUNDLE, folder / JUDGED)
    return (
        f"{source}: version {version} is the champion again, in place of {now.version}{fetched}"
        f"{_told_followed(source)}"
    )


def _refuse_unknown(source: str) -> None:
    # What is in use may have outlived its definition.
    if not has_champion(source):
        find_definition(source)


def _before(now: Promotion) -> int:
    for step in reversed(now.steps):
        if step.version != now.version:
            return step.version
    raise LeadcastError(
        f"{champion_folder(now.source)}: version {now.version} is the first; there is none before"
    )


def tell_promotions(source: str) -> str:
    """Tell every change of a source's champion, the latest first, and what cannot come back.

    Raises
    ------
    LeadcastError
        If nothing was promoted yet.
    """
    _refuse_unknown(source)
    now = read_promotion(source)
    kept = {one.version: one for one in kept_versions(now)}
    lines = [f"{'when':<17} {'version':>7}  {'what':<12} {'by':<12} {'bundle':<12}  why"]
    for step in reversed(now.steps):
        lost = "!" if kept[step.version].is_lost else " "
        lines.append(
            f"{step.at:%Y-%m-%d %H:%M}Z {step.version:>7}{lost} {step.kind:<12} {step.by:<12} "
            f"{step.bundle_id[:12]}  {step.why}".rstrip()
        )
    lines += [
        f"{'! ' if one.is_lost else '  '}{one.words(source)}"
        for one in reversed(kept.values())
        if one.wrong
    ]
    made = now.lineage
    registered = made.model_version or "not registered when it was promoted"
    return "\n".join(
        [
            *lines,
            f"champion: version {now.version}, in {champion_folder(source) / BUNDLE}",
            f"  export {made.fingerprint[:12]}, git {made.git_commit[:13]}, dvc.lock "
            f"{(made.dvc_lock or 'none')[:12]}, Leadcast {made.code_version}, "
            f"{model_registry.registered_name(source)} {registered}",
        ]
    )


def _told_followed(source: str) -> str:
    try:
        with told_without_traceback(load_params().tracking.uri):
            version = model_registry.follow_champion(source)
    except LeadcastError as error:
        return f"; {NOT_FOLLOWED} ({error})"
    if version is None:
        moved = read_promotion(source).lineage.trained_bundle_id is not None
        return (
            "; MLflow holds the model as it was before its level was moved or its grades were set, "
            "and its alias stays"
            if moved
            else "; it is not registered in MLflow yet: the next run logs it"
        )
    return f" ({model_registry.uri_of(source, model_registry.CHAMPION)} is version {version})"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
