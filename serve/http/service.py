"""One bundle and all that answering with it needs: what is told of it, and who may ask."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.plain import read_plain
from leadcast.models.bundle.bundle_files import MANIFEST
from leadcast.models.bundle.bundle_reference import GRADES
from leadcast.models.calibration.verdict import ModelVerdict
from leadcast.serve.http.guard import NOTE, Note
from leadcast.serve.http.keys import Keyring
from leadcast.serve.http.telemetry import Metrics
from leadcast.serve.reasons import Reasons
from leadcast.serve.requests.hosts import Hosts
from leadcast.serve.requests.problems import Problem
from leadcast.serve.requests.questions import Questions
from leadcast.serve.requests.settings import ServeSettings
from leadcast.serve.requests.shares import RateLimiter, network_of
from leadcast.serve.requests.turns import Turns
from leadcast.serve.scorer import Scorer
from leadcast.serve.scores import version_of


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=(), from_attributes=True)


class ScoredLead(_Answer):
    """The score of one lead; see the fields of `leadcast.serve.scores.Score`."""

    lead_id: str
    as_of: datetime | None = Field(description="the moment that the score is for")
    probability: float = Field(
        description="of becoming a customer within the horizon", gt=0, lt=1, examples=[0.173]
    )
    lower: float | None = Field(description="lower end of the probability's interval")
    upper: float | None = Field(description="upper end of the probability's interval")
    score: float = Field(description="100 times the probability, one decimal", examples=[17.3])
    percentile: float = Field(description="in the model's reference population", examples=[88.0])
    grade: str = Field(description="A (the best) to D, by bounds frozen in the model")
    model_version: str
    insufficient_data: bool = Field(description="whether the model is no more than a base rate")
    reasons: Reasons | None = Field(
        None, description="the log-odds of the probability in parts that add up, where asked"
    )
    extra: dict[str, float | None] | None = Field(
        None,
        description="the columns of optional parts of the model, where asked (extra=curve); "
        "/v1/model tells what each holds",
        examples=[{"probability_7d": 0.041, "median_days": 18.5, "cools_after_days": 9.0}],
    )


class Warned(_Answer):
    """Something that was worked around."""

    where: str
    found: str
    expected: str
    remedy: str
    count: int = Field(
        description="how many leads are concerned; of kinds of events, how many events"
    )


class ScoreAnswer(_Answer):
    """Scores, in the order of the leads."""

    bundle_id: str
    scores: list[ScoredLead]
    warnings: list[Warned]


class OnDisk(_Answer):
    """What stands now where the bundle was read from."""

    state: str = Field(description="same, other, or unreadable", examples=["same"])
    bundle_id: str | None = Field(description="of the bundle that stands there")


class ModelAnswer(_Answer):
    """The model that answers, and what may be asked of it."""

    model_version: str
    bundle_id: str
    code_version: str
    created_at: datetime
    loaded_at: datetime = Field(description="when this service began with it")
    loaded_from: str
    on_disk: OnDisk = Field(
        description="a service that does not follow takes another one when it is restarted"
    )
    source: str
    time_order: str = Field(description="dated where leads are scored at a moment")
    horizon_days: float | None
    attributes: dict[str, str] = Field(description="each attribute's type")
    event_types: list[str] = Field(description="kinds of events with features of their own")
    grade_bounds: dict[str, float] = Field(description="from which probability on")
    reference_leads: int = Field(description="leads in the reference population")
    role: str | None = Field(description="deployed, judged, or null for one of an earlier schema")
    about: str = Field(description="which model it is, what it has seen, whose the figures are")
    seen: dict[str, Any] | None = Field(description="what it has learned from, and until when")
    judged_by: str | None = Field(description="bundle_id of the model that the figures are of")
    sizes: dict[str, int] = Field(description="snapshots that went into the model")
    extra: dict[str, dict[str, str]] = Field(
        description="the optional parts that may be asked for, with what their columns hold"
    )
    metrics: dict[str, Any] = Field(description="measured on later leads, with 95 % intervals")
    notes: list[str]
    insufficient_data: bool
    verdict: ModelVerdict | None = Field(
        description="what the scores may be used for: probability, ranking or nothing, in words "
        "too; null in bundles of older versions"
    )
    limits: dict[str, int | float] = Field(description="what one request may hold, and how many")


class Health(_Answer):
    """Whether the service is well."""

    status: str = Field(examples=["ok"])


@dataclass(frozen=True)
class Service:
    """What one worker holds."""

    scorer: Scorer
    """The bundle that was verified; whatever happens on disk, it stays until it is exchanged."""
    settings: ServeSettings
    questions: Questions
    """Reads requests."""
    keyring: Keyring | None
    """Tells callers; None where everybody may ask."""
    rate: RateLimiter
    metrics: Metrics
    loaded_at: datetime
    scratch: Path
    """A folder that all workers share; it is gone when the service has ended."""
    hosts: Hosts | None
    """By which names it may be called; None for any."""
    turns: Turns = field(default_factory=Turns)
    """In which this worker's requests work."""

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

    def answering_with(self, bundle: Path) -> Self:
        """Give the same service with another bundle; keys, limits, counts and turns go on.

        Parameters
        ----------
        bundle : Path

        Returns
        -------
        Service

        Raises
        ------
        LeadcastError
            If the bundle cannot be used.
        """
        scorer = Scorer.load(bundle)
        self.metrics.model(version_of(scorer.bundle), scorer.bundle.manifest.origin.source)
        return replace(
            self,
            scorer=scorer,
            questions=Questions(scorer, self.settings.limits),
            loaded_at=datetime.now(UTC),
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
            role=origin.role,
            about=origin.describe(),
            seen=None if origin.seen is None else origin.seen.model_dump(mode="json"),
            judged_by=origin.judged_by,
            sizes=origin.sizes,
            extra={
                name: {column.name: column.words for column in part.columns}
                for name, part in bundle.extras.items()
            },
            metrics=dict(bundle.metrics),
            notes=list(manifest.notes),
            insufficient_data=origin.insufficient_data,
            verdict=origin.verdict,
            limits=self.settings.limits.model_dump(),
        )


def _on_disk(folder: Path, bundle_id: str) -> OnDisk:
    try:
        found = read_plain(folder / MANIFEST)["bundle_id"]
    except (LeadcastError, OSError, KeyError, TypeError):
        return OnDisk(state="unreadable", bundle_id=None)
    return OnDisk(state="same" if found == bundle_id else "other", bundle_id=str(found))


_BEARER = HTTPBearer(
    auto_error=False, scheme_name="ApiKey", description="a key that `leadcast api-key create` made"
)


def allowed_callers(service: Service) -> list[Dependency]:
    """Give what stands before every address that tells anything about leads or the model.

    Parameters
    ----------
    service : Service

    Returns
    -------
    list of Depends
        The `dependencies` of a router: they refuse who has no key, where keys are demanded, and
        who asks too often.
    """
    return [Depends(_known_caller if service.keyring else any_caller)]


def service_of(request: Request) -> Service:
    """Give the service that a request asks."""
    service: Service = request.app.state.service
    return service


def note_of(request: Request) -> Note:
    """Give what is noted of a request."""
    note: Note = request.scope[NOTE]
    return note


async def _known_caller(
    request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> None:
    service = service_of(request)
    key = sent.credentials if sent else ""
    caller = service.keyring.id_of(key) if service.keyring else None
    if caller is None:
        found = "found a key that is not known" if key else "found no key"
        detail = f"{found}; expected the header Authorization: Bearer KEY"
        raise Problem("no-key", 401, detail, headers={"WWW-Authenticate": "Bearer"})
    note_of(request).caller = caller
    _refuse_frequent(service, caller)


async def any_caller(request: Request) -> None:
    """Refuse an address that asks too often.

    Raises
    ------
    Problem
        429.
    """
    _refuse_frequent(service_of(request), request.client.host if request.client else "")


def _refuse_frequent(service: Service, caller: str) -> None:
    wait = service.rate.seconds_to_wait(caller)
    if wait > 0:
        limit = service.settings.limits.requests_per_second
        detail = f"{limit:g} requests a second are allowed; send several leads in one request"
        raise Problem("too-often", 429, detail, headers={"Retry-After": str(int(wait) + 1)})
