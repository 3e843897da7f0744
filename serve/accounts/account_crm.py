"""Files that CRMs take as properties of companies, as their interfaces document them.

The account's id must be the CRM's own; rows whose id is none of its form are left out and counted,
because accounts that were matched by domain or name have no id of the CRM.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from leadcast.features.registry import humanise

COMPANIES_A_REQUEST = 100
"""HubSpot takes so many inputs in one request."""
_LONGEST = 255


def _roles(row: Mapping[str, Any], name: str) -> str:
    return ", ".join(humanise(one) for one in row[name])[:_LONGEST]


def _hubspot(rows: list[dict[str, Any]]) -> str:
    """Write bodies of ``POST /crm/v3/objects/companies/batch/update``, one a line."""
    inputs = [
        {
            "id": row["account_id"],
            "properties": {
                "leadcast_account_probability": f"{row['probability']:.6f}",
                "leadcast_open_leads": str(row["open_leads"]),
                "leadcast_roles_present": _roles(row, "roles"),
                "leadcast_roles_missing": _roles(row, "missing_roles"),
                "leadcast_model_version": row["model_version"],
                "leadcast_scored_at": str(round(row["as_of"].timestamp() * 1000)),
            },
        }
        for row in rows
    ]
    bodies = [
        {"inputs": inputs[start : start + COMPANIES_A_REQUEST]}
        for start in range(0, len(inputs), COMPANIES_A_REQUEST)
    ]
    return "".join(f"{json.dumps(body, ensure_ascii=False)}\n" for body in bodies)


def _salesforce(rows: list[dict[str, Any]]) -> str:
    """Write the CSV of a Bulk API 2.0 job that updates ``Account``; ``#N/A`` empties a field."""
    names = (
        *("Id", "Leadcast_Account_Probability__c", "Leadcast_Open_Leads__c"),
        *("Leadcast_Roles_Present__c", "Leadcast_Roles_Missing__c", "Leadcast_Model_Version__c"),
    )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        told = [_roles(row, name) or "#N/A" for name in ("roles", "missing_roles")]
        percent = round(100 * row["probability"], 6)
        writer.writerow(
            [row["account_id"], percent, row["open_leads"], *told, row["model_version"]]
        )
    return out.getvalue()


@dataclass(frozen=True)
class CompanyFile:
    """How a CRM takes properties of companies.

    Parameters
    ----------
    name : str
        The CRM, for people.
    suffix : str
        The file's ending.
    own_id : str
        What an id of a company looks like there, as a pattern.
    write : callable
        From rows to the file's text.
    """

    name: str
    suffix: str
    own_id: str
    write: Callable[[list[dict[str, Any]]], str]

    def text(self, accounts: pl.DataFrame) -> tuple[str, int]:
        """Write accounts, and count those whose id is none of this CRM's.

        Parameters
        ----------
        accounts : pl.DataFrame
            `leadcast.serve.accounts.account_list.LIST`.

        Returns
        -------
        text : str
        left_out : int
        """
        rows = accounts.to_dicts()
        mine = [row for row in rows if re.fullmatch(self.own_id, row["account_id"])]
        return self.write(mine), len(rows) - len(mine)


COMPANY_FILES: Mapping[str, CompanyFile] = {
    "hubspot": CompanyFile("HubSpot", ".jsonl", r"[0-9]{1,20}", _hubspot),
    "salesforce": CompanyFile(
        "Salesforce", ".csv", r"[0-9A-Za-z]{15}([0-9A-Za-z]{3})?", _salesforce
    ),
}
"""Whose files can be written."""
