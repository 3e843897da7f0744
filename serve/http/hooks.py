"""MLflow's webhook: whoever knows its secret may have the service look at once for another model.

What MLflow sends is never read. It is verified who sent it, and then the service looks by itself
which model is wanted, as it does every few seconds anyway; so that a secret that is lost costs
looks, and no model.

References
----------
MLflow 3.17, ``mlflow/webhooks/delivery.py``, which follows Standard Webhooks
(https://www.standardwebhooks.com): the header ``X-MLflow-Signature`` is ``v1,`` and, in Base64, the
HMAC-SHA256 of ``DELIVERY_ID.TIMESTAMP.BODY``, with the headers ``X-MLflow-Delivery-Id`` and
``X-MLflow-Timestamp`` (seconds since 1970).
"""

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import SecretStr

from leadcast.features.base.errors import LeadcastError
from leadcast.serve.http.service import Health, any_caller, service_of
from leadcast.serve.requests.problems import Problem
from leadcast.serve.requests.settings import ASKED, HOOK

TOLERANCE_SECONDS = 300
"""So far a delivery's time may be from this machine's; MLflow tries again for some seconds."""
FEWEST_LETTERS = 16
VARIABLE = "LEADCAST_HOOK_SECRET"
_SIGNATURE, _TIMESTAMP = "x-mlflow-signature", "x-mlflow-timestamp"
_DELIVERY = "x-mlflow-delivery-id"
_SEEN = "hooks-seen"
_LONGEST = 200


def read_secret(path: Path | None, environment: Mapping[str, str]) -> SecretStr | None:
    """Read the secret that MLflow signs with.

    Parameters
    ----------
    path : Path or None
        The file that the operator named.
    environment : mapping of str to str
        Whose ``LEADCAST_HOOK_SECRET`` counts where no file was named.

    Returns
    -------
    SecretStr or None
        None where neither is given: there is no such address then.

    Raises
    ------
    LeadcastError
        If both are given, the file cannot be read, or the secret is too short to be one.
    """
    told = environment.get(VARIABLE, "")
    if path is None:
        where, secret = VARIABLE, told
        if not told:
            return None
    elif told:
        raise LeadcastError(f"--hook-secret-file {path} and {VARIABLE}: give one of them")
    else:
        where = f"--hook-secret-file {path}"
        try:
            secret = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise LeadcastError(f"{where}: cannot be read ({error})") from None
    if len(secret) < FEWEST_LETTERS:
        raise LeadcastError(
            f"{where}: found {len(secret)} letters; expected at least {FEWEST_LETTERS} that nobody "
            "can guess, as `openssl rand -base64 32` makes, and the same as MLflow's webhook has"
        )
    return SecretStr(secret)


def hook_router(refusals: dict[int | str, dict[str, Any]]) -> APIRouter:
    """Make the address that MLflow calls.

    Parameters
    ----------
    refusals : dict
        As FastAPI documents answers: those of 401, 409, 413 and 429.

    Returns
    -------
    APIRouter
    """
    router = APIRouter(tags=["for MLflow"], dependencies=[Depends(any_caller)])
    router.post(
        HOOK,
        summary="Look at once for another model",
        status_code=202,
        responses=refusals,
    )(_look)
    return router


async def _look(request: Request) -> Health:
    """Look at once which model is wanted, if MLflow has signed this request with the secret."""
    service, body = service_of(request), await request.body()
    assert service.settings.hook_secret is not None
    secret, seen = service.settings.hook_secret, service.scratch / _SEEN
    refuse_unsigned(secret, _headers(request), body, seen, _now())
    (service.scratch / ASKED).touch()
    return Health(status="looking")


def _now() -> float:
    return time.time()


def _headers(request: Request) -> dict[str, str]:
    """Take the three headers; one that is sent twice counts as absent."""
    sent = {name: request.headers.getlist(name) for name in (_SIGNATURE, _TIMESTAMP, _DELIVERY)}
    return {name: values[0] if len(values) == 1 else "" for name, values in sent.items()}


def refuse_unsigned(
    secret: SecretStr, headers: Mapping[str, str], body: bytes, seen: Path, now: float
) -> None:
    """Refuse what MLflow has not signed just now, or has sent before.

    The signature is looked at first, and compared in constant time; so that who does not know the
    secret is told the same whatever else is wrong.

    Parameters
    ----------
    secret : SecretStr
    headers : mapping of str to str
        By their names in small letters.
    body : bytes
    seen : Path
        The folder in which deliveries are remembered; made where there is none.
    now : float
        In seconds since 1970.

    Raises
    ------
    Problem
        401 where the signature or the time is wrong, 409 where the delivery came before.
    """
    told, sent, delivery = (headers.get(one, "") for one in (_SIGNATURE, _TIMESTAMP, _DELIVERY))
    expected = signature_of(secret, delivery, sent, body)
    if not hmac.compare_digest(told.encode("latin-1", "replace"), expected):
        detail = "expected MLflow's signature, made with the secret that this service was given"
        raise Problem("no-signature", 401, detail)
    # What follows MLflow has signed; yet it may be old, or be sent again by somebody else.
    if not (sent.isascii() and sent.isdecimal() and len(sent) <= len("9999999999")):
        raise Problem("no-signature", 401, f"expected a number of seconds as {_TIMESTAMP}")
    if abs(now - int(sent)) > TOLERANCE_SECONDS:
        detail = (
            f"signed {abs(now - int(sent)):.0f} seconds from this machine's time; expected at most "
            f"{TOLERANCE_SECONDS}; set the clocks of both machines"
        )
        raise Problem("no-signature", 401, detail)
    if not 0 < len(delivery) <= _LONGEST:
        raise Problem("no-signature", 401, f"expected 1 to {_LONGEST} letters as {_DELIVERY}")
    if not _is_first(delivery, seen, now):
        raise Problem("repeated", 409, "this delivery was taken before")


def signature_of(secret: SecretStr, delivery: str, sent: str, body: bytes) -> bytes:
    """Sign as MLflow does.

    Parameters
    ----------
    secret : SecretStr
    delivery, sent : str
        The delivery's id and its time.
    body : bytes

    Returns
    -------
    bytes
        What the header must hold.
    """
    signed = f"{delivery}.{sent}.".encode("latin-1", "replace") + body
    digest = hmac.new(secret.get_secret_value().encode(), signed, hashlib.sha256).digest()
    return b"v1," + base64.b64encode(digest)


def _is_first(delivery: str, seen: Path, now: float) -> bool:
    """Remember a delivery, over all workers, for as long as its time would be taken."""
    seen.mkdir(exist_ok=True)
    for old in seen.iterdir():
        # Another worker may just be removing it.
        with suppress(FileNotFoundError):
            if now - old.stat().st_mtime > 2 * TOLERANCE_SECONDS:
                old.unlink()
    mark = seen / hashlib.sha256(delivery.encode()).hexdigest()
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    os.utime(mark, (now, now))
    return True
