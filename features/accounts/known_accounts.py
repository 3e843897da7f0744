"""The accounts of a source, written beside its tables; and what leads then carry of them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from leadcast.features.accounts.account_history import with_account_history
from leadcast.features.accounts.matching import EarlierMatches, MatchedLeads
from leadcast.features.base.files import write_json, written_whole
from leadcast.features.definitions.identity_section import MATCH_BY
from leadcast.features.tables import ACCOUNT_HISTORY, Tables, TimeOrder

KEYS_FILE = "account_keys.parquet"
"""Beside a run's tables: `leadcast.features.accounts.matching.KEYS`."""


@dataclass(frozen=True)
class KnownLeads:
    """The leads of a run, as colleagues of leads that are to be scored."""

    tables: Tables
    earlier: EarlierMatches
    """What the run knew of accounts."""

    @classmethod
    def read(cls, folder: Path) -> "KnownLeads | None":
        """Read them.

        Parameters
        ----------
        folder : Path
            A run's tables.

        Returns
        -------
        KnownLeads or None
            None where no run has matched its leads there.
        """
        if not (folder / KEYS_FILE).is_file():
            return None
        tables = Tables.read(folder)
        assert tables.matches is not None, "it is written beside the keys"
        keys = pl.read_parquet(folder / KEYS_FILE)
        return cls(tables, EarlierMatches(tables.matches, keys))

    def account_history(
        self,
        leads: pl.DataFrame,
        events: pl.LazyFrame,
        outcomes: pl.DataFrame | None,
        matched: MatchedLeads,
    ) -> pl.DataFrame:
        """Let leads carry the history of their accounts, with these colleagues.

        Parameters
        ----------
        leads, events, outcomes
            As `leadcast.features.accounts.account_history.with_account_history` takes them. What
            they tell goes before what the run knew.
        matched : MatchedLeads
            Of `leads`, by `earlier`.

        Returns
        -------
        pl.DataFrame
            `leads` with the column `ACCOUNT_HISTORY`.
        """
        accounts = matched.matches.select("account_id").drop_nulls().unique()
        given = leads.select(pl.col("lead_id").cast(pl.String)).unique()
        others = matched.earlier.join(given, on="lead_id", how="anti")
        others = others.join(accounts, on="account_id", how="semi")
        names = [name for name in ("lead_id", "created_at", "job_title") if name in leads.columns]
        ids = others.select("lead_id")
        theirs = self.tables.leads.select(
            name for name in names if name in self.tables.leads.columns
        ).join(ids, on="lead_id", how="semi")
        did = self.tables.events.join(ids.lazy(), on="lead_id", how="semi")
        # How leads ended that are given again without it, the run may know.
        ended = ids if outcomes is not None else pl.concat([ids, given])
        ends = [self.tables.outcomes.join(ended, on="lead_id", how="semi")]
        ends += [] if outcomes is None else [outcomes]
        whole = with_account_history(
            pl.concat([leads.select(names), theirs], how="diagonal_relaxed"),
            pl.concat([one.select("lead_id", "occurred_at") for one in (events, did)]),
            pl.concat([one.select("lead_id", "won_at", "lost_at") for one in ends]),
            pl.concat([matched.matches, others]),
        )
        return leads.with_columns(whole[ACCOUNT_HISTORY].head(leads.height))


def write_accounts(
    matched: MatchedLeads, tables: Tables, table: pl.DataFrame | None, folder: Path
) -> Tables:
    """Write down which leads are of which account, and let each carry its account's history.

    Parameters
    ----------
    matched : MatchedLeads
        Of these leads.
    tables : Tables
        What was read; the events stand in the folder.
    table : pl.DataFrame or None
        The accounts' own table: ``account_id``, perhaps ``name`` and ``domain``, and attributes.
    folder : Path
        The tables' folder: ``accounts.parquet`` (an account each), ``account_leads.parquet`` (which
        lead is of which, and by what it was matched), ``account_keys.parquet`` (what leads to which
        account, and since when) and ``accounts.json`` (counts) are written.

    Returns
    -------
    Tables
        Leads with ``account_id`` as they were matched, the attributes of the account where only
        the match tells it, and, where the source is dated, ``account_history``.
    """
    leads = with_accounts(tables.leads, matched.matches, table)
    if tables.time_order is TimeOrder.DATED:
        events = pl.scan_parquet(folder / "events" / "*.parquet")
        leads = with_account_history(leads, events, tables.outcomes, matched.matches)
    whole = matched.accounts
    if table is not None:
        own = table.drop("name", "domain", strict=False)
        whole = whole.join(own, on="account_id", how="left", maintain_order="left")
    whole.write_parquet(folder / "accounts.parquet")
    matched.matches.write_parquet(folder / "account_leads.parquet")
    matched.keys.write_parquet(folder / KEYS_FILE)
    write_json(folder / "accounts.json", described(matched.matches, matched.accounts))
    return replace(tables, leads=leads, matches=matched.matches)


def retell_accounts(folder: Path) -> None:
    """Tell accounts anew by the leads that are left in a tables' folder, as after forgetting one.

    What the others carry of a lead that is gone goes with it, and so does an account that it alone
    had made. Files are replaced, never written into, as they may be links.

    Parameters
    ----------
    folder : Path
        The tables' folder; without ``account_leads.parquet`` nothing is done.
    """
    if not (folder / "account_leads.parquet").is_file():
        return
    tables, accounts = Tables.read(folder), pl.read_parquet(folder / "accounts.parquet")
    assert tables.matches is not None, "its file is there"
    left = tables.matches.join(tables.leads.select("lead_id"), on="lead_id", how="semi")
    theirs = pl.col("account_id").is_in(left["account_id"].drop_nulls().to_list())
    known = accounts.filter(pl.col("from_table") | theirs)
    leads = tables.leads
    if ACCOUNT_HISTORY in leads.columns:
        leads = with_account_history(leads, tables.events, tables.outcomes, left)
    found = {"leads.parquet": leads, "accounts.parquet": known, "account_leads.parquet": left}
    if (folder / KEYS_FILE).is_file():
        keys, teller = pl.read_parquet(folder / KEYS_FILE), pl.col("lead_id")
        there = teller.is_null() | teller.is_in(left["lead_id"].to_list())
        found[KEYS_FILE] = keys.filter(
            there & pl.col("account_id").is_in(known["account_id"].to_list())
        )
    for name, frame in found.items():
        with written_whole(folder / name, replacing=True) as temporary:
            frame.write_parquet(temporary)
    counts = described(left, known)
    write_json(folder / "accounts.json", counts, replacing=True)


def with_accounts(
    leads: pl.DataFrame, matches: pl.DataFrame, table: pl.DataFrame | None
) -> pl.DataFrame:
    """Tell each lead's account, and what the table knows of it where the export did not join it.

    Parameters
    ----------
    leads : pl.DataFrame
    matches : pl.DataFrame
        `leadcast.features.accounts.matching.MATCHES`, in the order of the leads.
    table : pl.DataFrame or None
        As `write_accounts` takes it.

    Returns
    -------
    pl.DataFrame
        The leads with ``account_id`` as they were matched, and the account's attributes where only
        the match tells it.
    """
    known = leads.drop("account_id", strict=False).hstack([matches["account_id"]])
    if table is None:
        return known
    names = [name for name in table.columns if name in leads.columns and name != "account_id"]
    theirs = table.select("account_id", *(pl.col(one).alias(f"{one} there") for one in names))
    joined = known.join(theirs, on="account_id", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(one, f"{one} there").alias(one) for one in names).select(
        *known.columns
    )


def described(matches: pl.DataFrame, accounts: pl.DataFrame) -> dict[str, Any]:
    """Count leads and accounts, by what they were matched.

    Parameters
    ----------
    matches, accounts : pl.DataFrame
        As `leadcast.features.accounts.matching.MatchedLeads` has them.

    Returns
    -------
    dict
        ``leads``, ``accounts``, ``from_table``, ``with_several_leads``, and ``matched_by``: leads
        by what they were matched, ``none`` for those without an account.
    """
    counted = matches["matched_by"].fill_null("none").value_counts()
    by = {name: int(count) for name, count in counted.iter_rows()}
    sizes = matches.drop_nulls("account_id").group_by("account_id").len()
    return {
        "leads": matches.height,
        "accounts": accounts.height,
        "from_table": int(accounts["from_table"].sum()),
        "with_several_leads": sizes.filter(pl.col("len") > 1).height,
        "matched_by": {name: by.get(name, 0) for name in (*MATCH_BY, "none")},
    }
