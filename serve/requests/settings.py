"""What a service is started with; plain values, so that they reach each worker process."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

MEBIBYTE = 1024 * 1024
LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Addresses that this machine alone can reach."""
HOOK = "/v1/hooks/mlflow"
"""Where MLflow tells that an alias has changed, if there is a secret."""
ASKED = "look-at-once"
"""A file in the folder that all processes share; the supervisor takes it away when it looks."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RequestLimits(_Frozen):
    """What a caller may ask for, so that nobody takes the service from the others."""

    max_leads: Annotated[int, Field(ge=1)] = 1000
    """Leads in one request."""
    max_events: Annotated[int, Field(ge=1)] = 10_000
    """Events of one lead."""
    max_unknown: Annotated[int, Field(ge=1)] = 2000
    """Attributes that the model does not know: of one lead, and different ones in a request."""
    max_body_bytes: Annotated[int, Field(ge=1024)] = 8 * MEBIBYTE
    """A request's body."""
    read_seconds: Annotated[float, Field(gt=0)] = 10.0
    """How long a request may take to arrive, head and body alike."""
    score_seconds: Annotated[float, Field(gt=0)] = 10.0
    """How long scoring one request may take."""
    requests_per_second: Annotated[float, Field(ge=0)] = 100.0
    """Of one key, over all workers; 0 for no limit. As many may come at once as are allowed in
    a second, and at least one."""
    max_in_flight: Annotated[int, Field(ge=1)] = 64
    """Requests that one worker holds at a time."""
    max_connections: Annotated[int, Field(ge=1)] = 1000
    """Connections that one worker holds at a time."""
    max_held_bytes: Annotated[int, Field(ge=1024)] = 64 * MEBIBYTE
    """Of all bodies that one worker holds at a time; never less than of two of the largest."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Of requests, connections and bytes that one worker holds: so much of them one caller may
    have, by its key or else its address; 1 for all."""

    def shared(self, number: int) -> int:
        """Tell how much of so many one caller may have, and no less than one."""
        return max(1, int(self.share * number))


class ServeSettings(_Frozen):
    """How a service runs."""

    bundle: Path
    """The bundle's folder, as the operator named it."""
    named: str
    """What the operator typed for it, a path or a model's URI."""
    keys: Path | None = None
    """The file of API keys; None where everybody may ask."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """The port; 0 for any that is free."""
    workers: Annotated[int, Field(ge=1)] = 2
    """How many processes answer."""
    allow_hosts: tuple[str, ...] = ()
    """Names, besides those of `requests.hosts`, by which callers may call the service."""
    limits: RequestLimits = RequestLimits()
    run: Path | None = None
    """The folder of the run that made the bundle (its comparison, its tables), for the page."""
    compare: tuple[str, ...] = ()
    """The command that compares, to which a source is added, for the page's rules editor; empty
    where it cannot be run."""
    page: bool = True
    """Whether there is a page for people."""
    poll_seconds: Annotated[float, Field(gt=0)] = 10.0
    """How often it is looked whether another bundle is wanted, where a service follows."""
    signed_by: Path | None = None
    """The public key with which the bundle must be signed; None where it need not be."""
    hook_secret: SecretStr | None = None
    """What MLflow signs with; None where there is no address for it."""

    @property
    def shows_leads_to_all(self) -> bool:
        """Whether others than this machine can read the run's leads on the page without a key."""
        return self.page and self.keys is None and self.host not in LOOPBACK
