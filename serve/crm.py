"""Write-back files, each as a CRM's own interface takes it.

The lead's id must be the CRM's own, as an export of it has it. Every row is validated against the
shape that the CRM documents (`serve.crm_shapes`); where one does not fit, nothing is written.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import polars as pl
from pydantic import ValidationError

from features.errors import Fault, FaultsError, LeadcastError
from features.files import put_out
from serve.crm_shapes import Dynamics, HubSpot, Odoo, Salesforce, Shape
from serve.score_history import trend_of_change

ROWS_AT_ONCE = 10_000
CONTACTS_A_REQUEST = 100
"""HubSpot takes so many inputs in one request."""


@dataclass(frozen=True)
class WriteBack:
    """How a CRM takes scores.

    Parameters
    ----------
    name : str
        The CRM, for people.
    shape : type of Shape
        What each row must be.
    suffix : str
        ``.jsonl`` (a request's body a line) or ``.csv``.
    a_request : int
        How many rows one body holds; 0 where the row itself is the body.
    most_bytes : int
        How large a file the CRM takes; 0 where it does not say.
    """

    name: str
    shape: type[Shape]
    suffix: str
    a_request: int = 0
    most_bytes: int = 0

    def refuse_other_suffix(self, out: Path | None) -> None:
        """Refuse an output that is not of this CRM's kind.

        Parameters
        ----------
        out : Path or None

        Raises
        ------
        LeadcastError
            If there is none, or its suffix is another one.
        """
        if out is None or out.suffix.lower() != self.suffix:
            found = "no file" if out is None else str(out)
            raise LeadcastError(f"{found}: name an output {self.suffix}, which {self.name} takes")

    def write(
        self,
        scores: pl.LazyFrame,
        out: Path,
        beside: Path,
        changes: Mapping[str, float] | None = None,
        *,
        force: bool = False,
    ) -> None:
        """Write the file, whole or not at all.

        Parameters
        ----------
        scores : pl.LazyFrame
            As `serve.scorer.Scorer.score` gives them.
        out : Path
            The file.
        beside : Path
            A folder on the same file system in which it is prepared.
        changes : mapping of str to float, optional
            By how many points leads' scores have changed, where an earlier one is known.
        force : bool
            Whether the file may take the place of one that Leadcast did not write.

        Raises
        ------
        FaultsError
            If rows do not fit the CRM's shape; names the field, with a sample.
        LeadcastError
            If a lead has scores at several moments, or the file would be larger than the CRM takes.
        """
        self._refuse_moments(scores)
        temporary = beside / f"whole{out.suffix}"
        faults: dict[str, Fault] = {}
        with temporary.open("w", encoding="utf-8", newline="") as file:
            self._write_rows(file, self._shaped(scores, changes or {}, faults))
        if faults:
            raise FaultsError(f"scores for {self.name}", faults.values(), tell_counts=True)
        if self.most_bytes and temporary.stat().st_size > self.most_bytes:
            raise LeadcastError(
                f"{out}: is larger than the {self.most_bytes:,} bytes that {self.name} takes; "
                "score the leads in several batches"
            )
        put_out(temporary, out, force=force)

    def _refuse_moments(self, scores: pl.LazyFrame) -> None:
        first, last = scores.select(pl.min("as_of"), last=pl.max("as_of")).collect().row(0)
        if first == last:
            return
        twice = scores.filter(pl.col("lead_id").is_duplicated()).select(pl.first("lead_id"))
        found = twice.collect()["lead_id"].to_list()
        if found != [None]:
            raise LeadcastError(
                f"scores for {self.name}: found lead {found[0]!r} at several moments (as_of); "
                "expected one score a lead. Score each lead at one moment"
            )

    def _write_rows(self, file: IO[str], rows: Iterator[dict[str, Any]]) -> None:
        if self.suffix == ".csv":
            names = [f.serialization_alias or name for name, f in self.shape.model_fields.items()]
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
            return
        bodies = rows if not self.a_request else _requests(rows, self.a_request)
        file.writelines(json.dumps(body, ensure_ascii=False) + "\n" for body in bodies)

    def _shaped(
        self, scores: pl.LazyFrame, changes: Mapping[str, float], faults: dict[str, Fault]
    ) -> Iterator[dict[str, Any]]:
        for frame in scores.collect_batches(chunk_size=ROWS_AT_ONCE, maintain_order=True):
            for score in frame.iter_rows(named=True):
                try:
                    shaped = self.shape.of(score, trend_of_change(changes.get(score["lead_id"])))
                except ValidationError as error:
                    self._count(faults, score, error)
                    continue
                yield _plain(shaped.model_dump(by_alias=True, exclude_none=True))

    def _count(
        self, faults: dict[str, Fault], score: Mapping[str, Any], error: ValidationError
    ) -> None:
        for fault in error.errors():
            where = ".".join(map(str, fault["loc"]))
            known, field = faults.get(where), self.shape.model_fields.get(where)
            told = field.description if field is not None else None
            faults[where] = Fault(
                where=f"scores for {self.name}: {where}",
                found=known.found if known else f"{fault['input']!r} (lead {score['lead_id']!r})",
                expected=told or f"what {self.name} documents ({fault['msg']})",
                remedy=f"Score leads whose lead_id is {self.name}'s own id of the record.",
                count=known.count + 1 if known else 1,
            )


SHAPES: Mapping[str, WriteBack] = {
    "dynamics": WriteBack("Dynamics 365", Dynamics, ".jsonl"),
    "hubspot": WriteBack("HubSpot", HubSpot, ".jsonl", CONTACTS_A_REQUEST),
    "salesforce": WriteBack("Salesforce", Salesforce, ".csv", most_bytes=100_000_000),
    "odoo": WriteBack("Odoo", Odoo, ".csv"),
}
"""The CRMs, by what a user calls them."""


def shape_of(crm: str) -> WriteBack:
    """Find a CRM.

    Parameters
    ----------
    crm : str
        A key of `SHAPES`.

    Returns
    -------
    WriteBack

    Raises
    ------
    LeadcastError
        If there is none of this name.
    """
    if crm not in SHAPES:
        raise LeadcastError(f"--for {crm}: expected one of {', '.join(SHAPES)}")
    return SHAPES[crm]


def _requests(rows: Iterable[dict[str, Any]], most: int) -> Iterator[dict[str, Any]]:
    left = iter(rows)
    while inputs := list(islice(left, most)):
        yield {"inputs": inputs}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    # In a spreadsheet no value may become a formula; reasons begin with a bracket, ids and
    # versions are of letters and digits, so that only numbers are left, which are rounded here.
    return {key: round(v, 6) if isinstance(v, float) else v for key, v in row.items()}
