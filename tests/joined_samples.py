"""A small source whose leads have accounts, in a table of their own or joined by hand."""

from pathlib import Path

from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.ingest.ingest import ingest
from leadcast.features.tables import Tables
from tests.source_samples import Keys, make_source

LEADS = """\
id,created,revenue,source,account,deleted
L1,2024-01-01T08:00:00Z,1000,Google,A1,false
L2,2024-01-02T08:00:00Z,,Referral,A2,false
L3,2024-01-03T08:00:00Z,3000.5,Google,A1,TRUE
L4,2024-01-04T08:00:00Z,0,,,
"""
ACCOUNTS = """\
Id,Industry,Employees,Region
A1,Steel,120,R1
A2,Bank,n/a,R2
A3,Law,7,R1
"""
ON: Keys = {"read": {"files": "accounts.csv"}, "on": {"account": "Id"}, "columns": ["Industry"]}
"""A join of the accounts to the leads."""
ACCOUNT_ID: Keys = {"tables.leads.attributes.account_id": "account"}


def account_source(
    folder: Path,
    changes: Keys | None = None,
    *,
    leads: str = LEADS,
    accounts: str = ACCOUNTS,
    **files: str,
) -> SourceDefinition:
    """Write a source whose leads name accounts."""
    (folder / "accounts.csv").write_text(accounts)
    return make_source(folder, changes, leads=leads, **files)


def account_tables(folder: Path, changes: Keys | None = None, **files: str) -> Tables:
    """Write and ingest such a source."""
    ingest(account_source(folder, changes, **files), folder / "tables")
    return Tables.read(folder / "tables")


def joined_by(join: Keys | list[Keys], *columns: str) -> Keys:
    """Change a definition: join tables to the leads, and take columns of theirs as attributes."""
    attributes = {f"tables.leads.attributes.{name.lower()}": name for name in columns}
    return {"tables.leads.join": join, **attributes}
