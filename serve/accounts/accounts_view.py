"""The view of accounts: how probable a customer is, and who is in the buying group."""

from pathlib import Path
from typing import Annotated, Any, Protocol

import polars as pl
from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from leadcast.features.accounts.roles import ROLES
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.features.registry import humanise
from leadcast.serve.accounts.account_list import accounts_plain
from leadcast.serve.http.service import Service, allowed_callers
from leadcast.serve.requests.problems import Problem

ADDRESS, FILE, RESULT = "/accounts", "accounts_now.parquet", "accounts/accounts.json"
SCRIPTS_OF_ACCOUNTS = ("pieces.js", "accounts.js")
MOST_SHOWN = 2_000
"""So many of the likeliest accounts are sent to a browser; the files hold all."""


Search = Annotated[
    str, Query(max_length=200, description="Words of an account's name, domain or id.")
]


class PageMaker(Protocol):
    """Makes pages, as `leadcast.serve.page.assets.Shell` does."""

    def page(self, name: str, address: str, /, *, scripts: tuple[str, ...]) -> HTMLResponse:
        """Make a page."""


def accounts_content(
    run: Path | None, source: str, most: int = MOST_SHOWN, search: str = ""
) -> dict[str, Any]:
    """Give the list of accounts as JSON values.

    Parameters
    ----------
    run : Path or None
        The run's folder.
    source : str
        Its name, for messages.
    most : int
        At most so many accounts, the likeliest.
    search : str
        Words that an account's name, domain or id hold, all of them, in upper or lower case.

    Returns
    -------
    dict
        ``accounts`` (`leadcast.serve.accounts.account_list.LIST`), ``total``, ``matching`` (how
        many are found), ``roles`` (words by role), ``words`` (how good the probabilities are),
        ``horizon_days`` and ``source``.

    Raises
    ------
    Problem
        404, which tells how to make a list where there is none.
    """
    path = None if run is None else run / FILE
    result: dict[str, Any] = {"why": None, "words": []}
    if run is not None and (run / RESULT).is_file():
        try:
            result = read_json(run / RESULT)
        except LeadcastError as error:
            raise Problem("no-accounts", 404, str(error)) from None
    if result["why"] is not None:
        raise Problem("no-accounts", 404, result["why"])
    if path is None or not path.is_file():
        detail = f"there is no list yet; make one with: leadcast accounts {source}"
        raise Problem("no-accounts", 404, detail)
    whole = pl.read_parquet(path)
    named = pl.concat_str("name", "domain", "account_id", separator=" ", ignore_nulls=True)
    words = search.lower().split()
    found = whole.filter(
        *(named.str.to_lowercase().str.contains(one, literal=True) for one in words)
    )
    return {
        "accounts": accounts_plain(found.head(most)),
        "total": whole.height,
        "matching": found.height,
        "roles": {role: humanise(role) for role in ROLES},
        "words": result["words"],
        "horizon_days": result.get("horizon_days"),
        "source": source,
    }


def has_accounts(run: Path | None) -> bool:
    """Tell whether a run says anything of accounts: its source asks for them.

    Parameters
    ----------
    run : Path or None
        The run's folder.

    Returns
    -------
    bool
        True as well where what it says cannot be read, which the view then tells.
    """
    if run is None or not (run / RESULT).is_file():
        return False
    try:
        return bool(read_json(run / RESULT).get("asked", True))
    except LeadcastError:
        return True


def make_router(service: Service, shell: PageMaker) -> APIRouter:
    """Make the addresses of accounts."""
    router, run = APIRouter(), service.settings.run
    source = service.scorer.bundle.manifest.origin.source

    @router.get(ADDRESS)
    async def page() -> HTMLResponse:
        return shell.page("accounts.html", ADDRESS, scripts=SCRIPTS_OF_ACCOUNTS)

    # Not async: reading many accounts has a thread of its own and holds up no score.
    @router.get("/page/accounts", dependencies=allowed_callers(service))
    def accounts(search: Search = "") -> dict[str, Any]:
        return accounts_content(run, source, search=search)

    @router.get("/v1/accounts", dependencies=allowed_callers(service))
    def listed(
        most: Annotated[int, Query(ge=1, le=MOST_SHOWN)] = 100, search: Search = ""
    ) -> dict[str, Any]:
        """Tell the likeliest accounts of the list that ``leadcast accounts`` made."""
        return accounts_content(run, source, most, search)

    return router
