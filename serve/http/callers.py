"""Who may ask: a caller with a key, or anybody where the service demands none."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from leadcast.serve.http.guard import NOTE, Note
from leadcast.serve.http.service import Service
from leadcast.serve.requests.problems import Problem

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
    return [Depends(_known_caller if service.keyring else _any_caller)]


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


async def _any_caller(request: Request) -> None:
    _refuse_frequent(service_of(request), request.client.host if request.client else "")


def _refuse_frequent(service: Service, caller: str) -> None:
    wait = service.rate.seconds_to_wait(caller)
    if wait > 0:
        limit = service.settings.limits.requests_per_second
        detail = f"{limit:g} requests a second are allowed; send several leads in one request"
        raise Problem("too-often", 429, detail, headers={"Retry-After": str(int(wait) + 1)})
