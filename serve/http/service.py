"""One bundle and all that answering with it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from starlette.datastructures import Headers

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.plain import read_plain
from leadcast.models.bundle.bundle_files import MANIFEST
from leadcast.models.bundle.bundle_reference import GRADES
from leadcast.serve.http.answers import ModelAnswer, OnDisk
from leadcast.serve.http.keys import Keyring
from leadcast.serve.http.telemetry import Metrics
from leadcast.serve.requests.hosts import Hosts
from leadcast.serve.requests.questions import Questions
from leadcast.serve.requests.settings import ServeSettings
from leadcast.serve.requests.shares import RateLimiter, network_of
from leadcast.serve.requests.turns import Turns
from leadcast.serve.scorer import Scorer
from leadcast.serve.scores import version_of


@dataclass(frozen=True)
class Service:
    """What one worker holds.

    Parameters
    ----------
    scorer : Scorer
        The bundle that was verified at the start; whatever happens on disk, it stays.
    settings : ServeSettings
    questions : Questions
        Reads requests.
    keyring : Keyring or None
        Tells callers; None where everybody may ask.
    rate : RateLimiter
    metrics : Metrics
    loaded_at : datetime
    scratch : Path
        A folder that all workers share; it is gone when the service has ended.
    hosts : Hosts or None
        By which names it may be called; None for any.
    turns : Turns
        In which this worker's requests work.
    """

    scorer: Scorer
    settings: ServeSettings
    questions: Questions
    keyring: Keyring | None
    rate: RateLimiter
    metrics: Metrics
    loaded_at: datetime
    scratch: Path
    hosts: Hosts | None
    turns: Turns = field(default_factory=Turns)

    @classmethod
    def open(
        cls, settings: ServeSettings, bundle: Path, scratch: Path, metrics: Metrics | None = None
    ) -> Self:
        """Make a service ready.

        Parameters
        ----------
        settings : ServeSettings
        bundle : Path
            The bundle to answer with.
        scratch : Path
            A folder that all workers share, for counts of requests and work in the background.
        metrics : Metrics, optional
            Where to count; by itself, if not given.

        Returns
        -------
        Service

        Raises
        ------
        LeadcastError
            If the bundle or the file of keys cannot be used.
        """
        scorer, counters = Scorer.load(bundle), metrics or Metrics()
        counters.model(version_of(scorer.bundle), scorer.bundle.manifest.origin.source)
        return cls(
            scorer=scorer,
            settings=settings,
            questions=Questions(scorer, settings.limits),
            keyring=None if settings.keys is None else Keyring(settings.keys),
            rate=RateLimiter(scratch / "rate", settings.limits.requests_per_second),
            metrics=counters,
            loaded_at=datetime.now(UTC),
            scratch=scratch,
            hosts=Hosts.of(settings),
        )

    def place_of(self, headers: Headers, address: str) -> str:
        """Tell whose share of a worker a request takes: of its key, or else of its address."""
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if self.keyring is not None and scheme.lower() == "bearer":
            caller = self.keyring.id_of(key.strip())
            if caller is not None:
                return f"key {caller}"
        return network_of(address)

    def model(self) -> ModelAnswer:
        """Tell the model that answers, and what stands on disk meanwhile."""
        bundle = self.scorer.bundle
        manifest, origin = bundle.manifest, bundle.manifest.origin
        return ModelAnswer(
            model_version=version_of(bundle),
            bundle_id=manifest.bundle_id,
            code_version=manifest.code_version,
            created_at=manifest.created_at,
            loaded_at=self.loaded_at,
            loaded_from=self.settings.named,
            on_disk=_on_disk(self.settings.bundle, manifest.bundle_id),
            source=origin.source,
            time_order=origin.time_order.value,
            horizon_days=origin.snapshots.horizon_days if self.scorer.is_dated else None,
            attributes=origin.attribute_types,
            event_types=list(bundle.plan.kinds),
            grade_bounds=dict(zip(GRADES, (*bundle.reference.bounds, 0.0), strict=True)),
            reference_leads=bundle.reference.n,
            sizes=origin.sizes,
            metrics=_plain(bundle.metrics),
            notes=list(manifest.notes),
            insufficient_data=origin.insufficient_data,
            limits=self.settings.limits.model_dump(),
        )


def _on_disk(folder: Path, bundle_id: str) -> OnDisk:
    try:
        found = read_plain(folder / MANIFEST)["bundle_id"]
    except (LeadcastError, OSError, KeyError, TypeError):
        return OnDisk(state="unreadable", bundle_id=None)
    return OnDisk(state="same" if found == bundle_id else "other", bundle_id=str(found))


def _plain(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return dict(metrics)
