"""``leadcast accounts``: the accounts with open leads, their probability and buying groups."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from leadcast.features.base.errors import Fault, LeadcastError, in_words
from leadcast.features.base.files import read_json, written_out
from leadcast.features.base.locks import locked
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.base.streams import told_as_json
from leadcast.features.registry import humanise
from leadcast.features.tables import Tables, moment_words
from leadcast.models.accounts.account_model import AccountModel
from leadcast.pipelines.base.params import load_params, snapshot_settings
from leadcast.pipelines.base.paths import AccountsFolder, RunFolder
from leadcast.pipelines.daily.handoff import known_feedback
from leadcast.pipelines.daily.today import (
    champion_of,
    keep_list,
    with_told_wins,
    write_people_csv,
)
from leadcast.serve.accounts.account_crm import COMPANY_FILES
from leadcast.serve.accounts.account_list import (
    AccountsQuestion,
    accounts_plain,
    for_spreadsheets,
    list_accounts,
)
from leadcast.serve.today.open_leads import beyond_export

SHOWN = 15
LONGEST_NAME = 40
_SUFFIXES = (".csv", ".parquet", ".json")


@dataclass(frozen=True)
class AccountsRequest:
    """What ``leadcast accounts`` is asked."""

    as_of: datetime | None = None
    """The moment; None: until when the export knows outcomes."""
    out: Path | None = None
    """A file to write: .csv, .parquet or .json; of a CRM: what it takes."""
    crm: str | None = None
    """Whose properties of companies `out` holds; None: the list as it is."""
    as_json: bool = False
    """Whether it is told as JSON."""
    force: bool = False
    """Whether `out` may replace a file that Leadcast did not write."""


def tell_accounts(source: str, request: AccountsRequest) -> str:
    """List the accounts that have open leads, write the list, and tell it.

    Parameters
    ----------
    source : str
        Its name; it must have been run, and its definition must ask for accounts.
    request : AccountsRequest

    Returns
    -------
    str
        What was found and written.

    Raises
    ------
    LeadcastError
        If the source was not run, or knows no accounts (as the stage ``accounts`` says), or a file
        cannot be written.
    """
    run = RunFolder(source)
    run.require(run.tables)
    folder = AccountsFolder(run.accounts)
    run.require(folder.result)
    result = read_json(folder.result)
    if result["why"] is not None:
        raise LeadcastError(f"accounts {source}: {result['why']}")
    _refuse_place(run, request)
    warnings: list[Fault] = []
    with locked(run.listed_accounts, "another process makes this list"):
        listed = _list(run, request.as_of, warnings)
        found = listed.found
        left_out = _write(run, listed, request)
    if request.as_json:
        content = {
            "accounts": accounts_plain(found),
            "words": result["words"],
            "warnings": [
                *([] if listed.beyond is None else [listed.beyond]),
                *(str(in_words(one)) for one in warnings),
            ],
        }
        return told_as_json(content)
    told = [] if listed.beyond is None else [f"warning: {listed.beyond}"]
    told += [f"{one.level}: {in_words(one)}" for one in warnings]
    return _words(source, found, listed.scored_with, result, told, left_out)


@dataclass(frozen=True)
class _Listed:
    """A list that was made."""

    found: pl.DataFrame
    moment: datetime
    scored_with: str
    until: datetime | None
    """Until when the export knows what came."""
    beyond: str | None
    """That the export knows nothing of the moment, where it is so; the list then is not kept."""


def _list(run: RunFolder, as_of: datetime | None, warnings: list[Fault]) -> _Listed:
    tables, params = Tables.read(run.tables), load_params()
    moment = as_of or tables.observed_until
    if moment is None:
        raise LeadcastError(f"accounts {run.source}: until when outcomes are known is not told")
    settings, champion = snapshot_settings(run.source, params), champion_of(run)
    question = AccountsQuestion(
        moment, settings.landmarks_days, settings.horizon_days, settings.reporting_lag_days
    )
    earlier = _earlier(run, moment)
    found = list_accounts(
        champion.scorer,
        with_told_wins(tables, known_feedback(run)),
        pl.read_parquet(run.tables / "accounts.parquet"),
        AccountModel.from_json(read_json(AccountsFolder(run.accounts).model)),
        question,
        earlier,
        warnings,
    )
    beyond, until = beyond_export(tables, moment, "list"), tables.observed_until
    if beyond is not None:
        beyond += "; so it is not kept, and the page and the service tell the list before it"
    return _Listed(found, moment, champion.words, until, beyond)


def _earlier(run: RunFolder, as_of: datetime) -> pl.DataFrame | None:
    """Read the latest list from before a moment; None where there is none."""
    for path in (run.listed_accounts, run.listed_accounts_before):
        if path.is_file():
            found = pl.read_parquet(path)
            if found.height and found["as_of"][0] < as_of:
                return found
    return None


def _refuse_place(run: RunFolder, request: AccountsRequest) -> None:
    if request.out is None:
        if request.crm is not None:
            raise LeadcastError(f"--crm {request.crm}: found no file; name one by --out")
        return
    crm = None if request.crm is None else COMPANY_FILES[request.crm]
    suffixes = _SUFFIXES if crm is None else (crm.suffix,)
    if request.out.suffix.lower() not in suffixes:
        taking = "the list" if crm is None else crm.name
        raise LeadcastError(f"{request.out}: {taking} needs a file {' or '.join(suffixes)}")
    refuse_foreign_file(request.out, force=request.force, quick=True)
    refuse_inputs([request.out], [*run.results, run.listed_accounts])


def _write(run: RunFolder, listed: _Listed, request: AccountsRequest) -> int:
    """Write the lists, and keep the one before; counts accounts that a CRM's file leaves out."""
    found = listed.found
    if listed.beyond is None:
        own = run.listed_accounts
        before = pl.read_parquet(own) if own.is_file() else None
        places = (own, run.listed_accounts_before)
        keep_list(found, listed.moment, before, listed.until, places)
    if request.out is None:
        return 0
    left_out = 0
    with written_out(request.out, force=request.force) as temporary:
        if request.crm is not None:
            text, left_out = COMPANY_FILES[request.crm].text(found)
            temporary.write_text(text, encoding="utf-8")
        elif request.out.suffix.lower() == ".csv":
            write_people_csv(for_spreadsheets(found), temporary)
        elif request.out.suffix.lower() == ".json":
            text = json.dumps(accounts_plain(found), ensure_ascii=False)
            temporary.write_text(text, encoding="utf-8")
        else:
            found.write_parquet(temporary)
    return left_out


def _words(
    source: str,
    found: pl.DataFrame,
    scored_with: str,
    result: dict[str, Any],
    warnings: list[str],
    left_out: int,
) -> str:
    if found.is_empty():
        none = f"{source}: no account has an open lead that was scored within the horizon"
        return "\n".join([none, *(f"  {one}" for one in warnings)])
    lines = [
        f"{source}: {found.height:,} accounts with open leads at "
        f"{moment_words(found['as_of'][0])}, scored with {scored_with}",
        *(f"  {one}" for one in result["words"]),
        *(f"  {one}" for one in warnings),
    ]
    if left_out:
        lines.append(
            f"  {left_out:,} accounts are not in the CRM's file: their ids are not its own"
        )
    shown = found.head(SHOWN).to_dicts()
    names = [str(row["name"] or row["domain"] or row["account_id"])[:LONGEST_NAME] for row in shown]
    width = max(len(one) for one in ("account", *names))
    heads = f"{'p':>6} {'interval':>15} {'leads':>5}  roles; missing; what moved"
    lines += ["", f"{'account':<{width}} {heads}"]
    for name, row in zip(names, shown, strict=True):
        interval = f"{row['lower']:.1%} to {row['upper']:.1%}"
        roles, missing = (
            ", ".join(humanise(one) for one in row[kind]) or "none"
            for kind in ("roles", "missing_roles")
        )
        moved = f"; {row['why_moved']}" if row["why_moved"] else ""
        lines.append(
            f"{name:<{width}} {row['probability']:>6.1%} {interval:>15} {row['open_leads']:>5}  "
            f"{roles}; {missing}{moved}"
        )
    return "\n".join(lines)
