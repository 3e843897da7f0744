"""MLflow's registry: a registered model a source, whose aliases name champion and challenger.

What is in use is told by ``data/champion/NAME``; the alias follows it, so that a registry that was
out of reach is set right by the next command.
"""

import json
import os
import re
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from leadcast.features.base.errors import LeadcastError
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.pipelines.base.params import load_params
from leadcast.serve.champion.champion_store import (
    JUDGED,
    PROMOTION,
    Lineage,
    champion_folder,
    read_promotion,
)

_BUNDLE = "artifacts/bundle"
RESULT_TAG = "leadcast.result"
"""Of a run and of a version: which result it holds, so that each is logged and registered once."""
_RECORD = "champion"
"""The folder of a run's artifacts with what was known of its model when it was promoted."""
_REGISTERED = re.compile(r"models:/[^/@]+(@[^/@]+|/[0-9]+)")
CHAMPION, CHALLENGER = "champion", "challenger"
_PATIENCE = {
    # Read when MLflow is imported; its bar would stand between the lines of a log.
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A server that is down is told in seconds; by default it takes minutes a call.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


class OutOfReachError(LeadcastError):
    """A registry, or the place where it keeps artefacts, does not answer."""


def registered_name(source: str) -> str:
    """Name the registered model of a source."""
    return f"leadcast-{source}"


def uri_of(source: str, alias: str) -> str:
    """Give what names a source's model by its alias, as ``--bundle`` takes it."""
    return f"models:/{registered_name(source)}@{alias}"


def with_mlflow(uri: str | None = None) -> Any:  # noqa: ANN401 - a module
    """Import MLflow, slow as it is, and point it to a store; to that of the parameters by itself.

    The environment's ``MLFLOW_TRACKING_URI`` counts for `downloaded` alone: a run that is tracked
    and promoted stays in the store of its project.
    """
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    import mlflow

    mlflow.set_tracking_uri(load_params().tracking.uri if uri is None else uri)
    return mlflow


def register(source: str, model_uri: str, tags: dict[str, str], bundle_id: str) -> str:
    """Make a model a version of the source's, and its challenger; never its champion.

    A result that has a version already, as the server was lost after that, is given no other one.

    Parameters
    ----------
    source : str
    model_uri : str
        The model that was logged.
    tags : dict of str to str
        The version's lineage.
    bundle_id : str
        Of the bundle that it must hold.

    Returns
    -------
    str
        The version.

    Raises
    ------
    LeadcastError
        If what comes back by the alias is not the bundle that was registered.
    """
    mlflow = with_mlflow()
    version = _version_tagged(source, RESULT_TAG, tags[RESULT_TAG]) if RESULT_TAG in tags else None
    if version is None:
        # It tells of itself on standard error, between the lines of the stages.
        with redirect_stderr(StringIO()):
            made = mlflow.register_model(model_uri, registered_name(source), tags=tags)
        version = str(made.version)
    set_alias(source, CHALLENGER, version, bundle_id)
    return version


def describe(source: str, version: str, model_note: str, version_note: str) -> None:
    """Say on MLflow's pages what a registered model and one of its versions are.

    Parameters
    ----------
    source, version : str
    model_note, version_note : str
        As Markdown; what somebody wrote of the model stays.
    """
    client, name = with_mlflow().MlflowClient(), registered_name(source)
    if not client.get_registered_model(name).description:
        client.update_registered_model(name, model_note)
    client.update_model_version(name, version, version_note)


def set_alias(source: str, alias: str, version: str, bundle_id: str) -> None:
    """Let an alias name a version, and see that the bundle comes back by it, hashes and all.

    Raises
    ------
    LeadcastError
        If another bundle, or a damaged one, comes back; the alias is then as it was before.
    """
    mlflow = with_mlflow()
    client, name = mlflow.MlflowClient(), registered_name(source)
    before = version_of(source, alias)
    client.set_registered_model_alias(name, alias, version)
    try:
        with TemporaryDirectory() as folder:
            uri = uri_of(source, alias)
            store = load_params().tracking.uri
            found = load_bundle(downloaded(uri, Path(folder), store)).manifest.bundle_id
        if found != bundle_id:
            raise LeadcastError(
                f"{uri}: holds bundle {found[:12]}, and {bundle_id[:12]} was registered as "
                f"version {version}; see who else writes to {store}"
            )
    except LeadcastError:
        if before is None:
            client.delete_registered_model_alias(name, alias)
        else:
            client.set_registered_model_alias(name, alias, before)
        raise


def version_of(source: str, alias: str) -> str | None:
    """Tell which version an alias names; None where there is none.

    Asked by the one call that returns aliases: searches leave them out on SQL stores.
    """
    mlflow = with_mlflow()
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, ErrorCode

    absent = ("RESOURCE_DOES_NOT_EXIST", ErrorCode.Name(INVALID_PARAMETER_VALUE))
    client = mlflow.MlflowClient()
    try:
        return str(client.get_model_version_by_alias(registered_name(source), alias).version)
    except MlflowException as error:
        if error.error_code not in absent:
            raise
        return None


def version_with(source: str, bundle_id: str) -> str | None:
    """Tell which registered version, the newest, holds a bundle; None where none does."""
    return _version_tagged(source, "bundle_id", bundle_id)


def _version_tagged(source: str, tag: str, value: str) -> str | None:
    client = with_mlflow().MlflowClient()
    wanted = f"name = '{registered_name(source)}' and tags.`{tag}` = '{value}'"
    found = [int(one.version) for one in client.search_model_versions(wanted)]
    return str(max(found)) if found else None


def registered_versions(source: str) -> dict[str, str]:
    """Tell which registered version, the newest, holds each bundle: by the bundles' ids."""
    client = with_mlflow().MlflowClient()
    found = client.search_model_versions(f"name = '{registered_name(source)}'")
    rising = sorted(found, key=lambda one: int(one.version))
    return {str(one.tags.get("bundle_id")): str(one.version) for one in rising}


@dataclass(frozen=True)
class RegisteredVersion:
    """What MLflow holds of a version.

    Parameters
    ----------
    bundle, judged : Path
        The deployed model and the one that was tested; not verified yet.
    record : Path or None
        The folder with its ``promotion.json``; None where it was promoted by an earlier Leadcast.
    lineage : Lineage
        By its tags.
    """

    bundle: Path
    judged: Path
    record: Path | None
    lineage: Lineage


def fetch_version(source: str, version: str, folder: Path) -> RegisteredVersion:
    """Fetch a registered version with the model that was tested.

    Parameters
    ----------
    source : str
    version : str
        The registered one.
    folder : Path
        Where to put it.

    Returns
    -------
    RegisteredVersion

    Raises
    ------
    LeadcastError
        If a part of it cannot be fetched.
    """
    store, name = load_params().tracking.uri, registered_name(source)
    client = with_mlflow().MlflowClient()
    about = client.get_model_version(name, version)
    run_id, tags = str(about.run_id), about.tags
    bundle = downloaded(f"models:/{name}/{version}", _made(folder / "model"), store)
    there = {one.path for one in client.list_artifacts(run_id)}
    if JUDGED not in there:
        raise LeadcastError(
            f"{name}, version {version}: its run {run_id} holds no folder {JUDGED}, the model that "
            "was tested"
        )
    place = str(_made(folder / "run"))
    judged = Path(client.download_artifacts(run_id, JUDGED, place))
    record = Path(client.download_artifacts(run_id, _RECORD, place)) if _RECORD in there else None
    return RegisteredVersion(bundle, judged, record, _lineage(tags, run_id, version))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _lineage(tags: dict[str, str], run_id: str, version: str) -> Lineage:
    lock = tags.get("dvc_lock", "unknown")
    return Lineage(
        fingerprint=tags.get("fingerprint", "unknown"),
        bundle_id=tags.get("bundle_id", "unknown"),
        judged_bundle_id=tags.get("judged_bundle_id", "unknown"),
        git_commit=tags.get("git_commit", "unknown"),
        dvc_lock=None if lock == "unknown" else lock,
        code_version=tags.get("code_version", "unknown"),
        parameters=json.loads(tags.get("parameters", "{}")),
        run_id=run_id,
        model_version=version,
    )


def named_version(uri: str) -> str:
    """Tell which version a ``models:/NAME@ALIAS`` names now.

    Raises
    ------
    LeadcastError
        If the registry does not answer, or has no such alias.
    """
    mlflow = with_mlflow(_serving_store())
    from mlflow.exceptions import MlflowException

    name, _, alias = uri.removeprefix("models:/").partition("@")
    try:
        return str(mlflow.MlflowClient().get_model_version_by_alias(name, alias).version)
    except (MlflowException, OSError) as error:
        raise LeadcastError(
            f"{uri}: cannot be asked for at {mlflow.get_tracking_uri()} ({error})"
        ) from None


def _serving_store() -> str | None:
    return os.environ.get("MLFLOW_TRACKING_URI", "").strip() or None


def follow_champion(source: str) -> str | None:
    """Let the alias name the registered version of what is in use, if it does not.

    Parameters
    ----------
    source : str
        Of which something was promoted.

    Returns
    -------
    str or None
        The registered version; None where what is in use was never registered.
    """
    wanted = read_promotion(source).lineage.bundle_id
    version = version_with(source, wanted)
    if version is not None and version != version_of(source, CHAMPION):
        _keep_record(source, version)
        set_alias(source, CHAMPION, version, wanted)
    return version


def _keep_record(source: str, version: str) -> None:
    """Put what is known of the champion beside its model, should a rollback find nothing else."""
    client = with_mlflow().MlflowClient()
    run_id = client.get_model_version(registered_name(source), version).run_id
    if run_id:
        client.log_artifact(run_id, str(champion_folder(source) / PROMOTION), _RECORD)


def downloaded(uri: str, folder: Path, store: str | None = None) -> Path:
    """Fetch the bundle of a registered or logged model.

    Parameters
    ----------
    uri : str
        ``models:/NAME@ALIAS``, ``models:/NAME/VERSION`` or ``runs:/…``.
    folder : Path
        Where to put it.
    store : str, optional
        MLflow's; that of the environment or else of the parameters, if not given.

    Returns
    -------
    Path
        The bundle's folder.

    Raises
    ------
    OutOfReachError
        If it cannot be fetched.
    LeadcastError
        If it is no model of Leadcast, or no longer the bundle that was registered.
    """
    mlflow = with_mlflow(store or _serving_store())
    from mlflow.exceptions import MlflowException

    # Of a registered model the bundle alone: the code beside it is hundreds of files.
    is_registered = _REGISTERED.fullmatch(uri) is not None
    try:
        version = _version_at(uri) if is_registered else None
        # By its number, as an alias may come to name another one meanwhile.
        named = uri if version is None else f"models:/{version.name}/{version.version}/{_BUNDLE}"
        found = mlflow.artifacts.download_artifacts(artifact_uri=named, dst_path=str(folder))
    except (MlflowException, OSError) as error:
        raise OutOfReachError(
            f"{uri}: cannot be fetched from {mlflow.get_tracking_uri()} ({error}); name a model "
            "that is there, or set MLFLOW_TRACKING_URI"
        ) from None
    bundle = Path(found) if is_registered else Path(found) / _BUNDLE
    if not bundle.is_dir():
        raise LeadcastError(f"{uri}: is no model of Leadcast, because it holds no bundle")
    _refuse_other_bundle(uri, version, bundle)
    return bundle


def _version_at(uri: str) -> Any:  # noqa: ANN401 - MLflow's own
    import mlflow

    client, named = mlflow.MlflowClient(), uri.removeprefix("models:/")
    name, is_alias, alias = named.partition("@")
    if is_alias:
        return client.get_model_version_by_alias(name, alias)
    return client.get_model_version(*named.rsplit("/", 1))


def _refuse_other_bundle(uri: str, version: Any, bundle: Path) -> None:  # noqa: ANN401
    """Refuse a bundle that fits its own hashes, and is not the one that was registered."""
    registered = None if version is None else version.tags.get("bundle_id")
    if registered is None:
        return
    found = read_manifest(bundle).bundle_id
    if found != registered:
        raise LeadcastError(
            f"{uri}: holds bundle {found[:12]}, and {registered[:12]} was registered as version "
            f"{version.version}: what MLflow keeps was altered. Name another version, or run "
            "and promote again; see who else writes to the artefact store"
        )
