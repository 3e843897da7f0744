"""Write-back files, each as a CRM's own interface takes it.

The lead's id must be the CRM's own, as an export of it has it. Every row is validated against the
shape that the CRM's publisher documents; where one does not fit, nothing is written.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, Any, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError
from leadcast.features.base.files import put_out
from leadcast.models.bundle.extra_parts import is_extra_column
from leadcast.serve.reasons import BETWEEN
from leadcast.serve.score_history import trend_of_change

GRADES = ("A", "B", "C", "D")
TRENDS = ("improving", "steady", "declining", "not enough info")


class CrmShape(BaseModel):
    """What all shapes share: nothing but documented fields.

    A field that callers give, which are the ids, has a description: what is told of a wrong one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def of(cls, score: dict[str, Any], trend: str) -> Self:
        """Shape a score."""
        raise NotImplementedError


class Dynamics(CrmShape):
    """Body of ``POST /api/data/v9.0/msdyn_predictivescores`` of Dynamics 365 Sales.

    Microsoft Learn, "Populate predictive scores using custom scoring model" (2025-01-23), and the
    reference of the table msdyn_predictivescore for the lengths.
    """

    msdyn_entityid: Annotated[
        str,
        Field(
            pattern=r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$",
            description="32 digits and letters a to f in groups of 8, 4, 4, 4 and 12, "
            "such as 4b2f6f4e-9d1c-ee11-9f89-000d3a1f7b52",
        ),
    ]
    msdyn_entitytype: Literal["lead"] = "lead"
    msdyn_score: Annotated[int, Field(ge=0, le=100)]
    msdyn_grade: Annotated[int, Field(ge=0, le=3)]
    msdyn_scoretrend: Annotated[int, Field(ge=0, le=3)]
    msdyn_scorereasons: Annotated[str, Field(max_length=2000)] | None = None

    @classmethod
    def of(cls, score: dict[str, Any], trend: str) -> Self:
        """Shape a score; see `CrmShape.of`."""
        return cls(
            msdyn_entityid=score["lead_id"],
            msdyn_score=round(100 * score["probability"]),
            msdyn_grade=GRADES.index(score["grade"]),
            msdyn_scoretrend=TRENDS.index(trend),
            msdyn_scorereasons=reason_words(score, 2000),
        )


class HubSpot(CrmShape):
    """One of the ``inputs`` of ``POST /crm/v3/objects/contacts/batch/update``.

    HubSpot, "CRM API, contacts: update a batch of contacts by ID": ``id`` is the contact's, all
    values of ``properties`` are texts, and a property must exist in the account.
    """

    id: Annotated[
        str,
        Field(
            pattern=r"^[0-9]{1,20}$",
            description="digits alone, at most 20 of them, such as 33451",
        ),
    ]
    properties: dict[
        Literal[
            "leadcast_probability",
            "leadcast_score",
            "leadcast_grade",
            "leadcast_model_version",
            "leadcast_scored_at",
            "leadcast_reasons",
        ]
        | Annotated[str, Field(pattern=r"^leadcast_[a-z0-9_]{1,90}$")],
        Annotated[str, Field(max_length=65_536)],
    ]

    @classmethod
    def of(cls, score: dict[str, Any], trend: str) -> Self:  # noqa: ARG003 - has no trend
        """Shape a score; see `CrmShape.of`."""
        properties = {
            "leadcast_probability": f"{score['probability']:.6f}",
            "leadcast_score": f"{score['score']:.1f}",
            "leadcast_grade": score["grade"],
            "leadcast_model_version": score["model_version"],
            "leadcast_reasons": reason_words(score, 65_536),
        }
        if score["as_of"] is not None:
            # A property of the type "datetime" is milliseconds since 1970.
            properties["leadcast_scored_at"] = str(round(score["as_of"].timestamp() * 1000))
        # An empty text clears what a property held of an earlier score.
        extra = {
            f"leadcast_{name}": "" if number is None else f"{number:.6g}"
            for name, number in extra_of(score).items()
        }
        given = {name: value for name, value in properties.items() if value} | extra
        return cls.model_validate({"id": score["lead_id"], "properties": given})


class Salesforce(CrmShape):
    """A row of the CSV of a Bulk API 2.0 job that updates ``Lead``.

    Salesforce, "Bulk API 2.0: Prepare CSV Files": UTF-8, a header of API names, commas, line
    feeds, up to 100 MB. Custom fields end in ``__c``; a text field holds at most 255 characters, a
    long text area 131,072. ``#N/A`` empties a field, which an empty cell does not.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    Id: Annotated[
        str,
        Field(
            pattern=r"^[0-9A-Za-z]{15}([0-9A-Za-z]{3})?$",
            description="15 or 18 letters and digits, such as 00Q5g00000AbCdEFGH",
        ),
    ]
    Leadcast_Probability__c: Annotated[float, Field(gt=0, lt=100)]
    Leadcast_Score__c: Annotated[float, Field(ge=0, le=100)]
    Leadcast_Grade__c: Annotated[str, Field(pattern="^[A-D]$")]
    Leadcast_Model_Version__c: Annotated[str, Field(max_length=255)]
    Leadcast_Reasons__c: Annotated[str, Field(max_length=131_072)] | None = None
    __pydantic_extra__: dict[str, float | Literal["#N/A"]] = Field(init=False)

    @classmethod
    def of(cls, score: dict[str, Any], trend: str) -> Self:  # noqa: ARG003 - has no trend
        """Shape a score; see `CrmShape.of`. A field of the type "percent" is told in percent."""
        return cls(
            Id=score["lead_id"],
            Leadcast_Probability__c=100 * score["probability"],
            Leadcast_Score__c=score["score"],
            Leadcast_Grade__c=score["grade"],
            Leadcast_Model_Version__c=score["model_version"],
            Leadcast_Reasons__c=reason_words(score, 131_072),
            **{
                salesforce_name(name): "#N/A" if number is None else number
                for name, number in extra_of(score).items()
            },
        )


def salesforce_name(column: str) -> str:
    """Name the custom field of an optional part's column: ``Leadcast_Probability_7d__c``."""
    return f"Leadcast_{'_'.join(word.capitalize() for word in column.split('_'))}__c"


def extra_of(score: Mapping[str, Any]) -> dict[str, float | None]:
    """Give the columns of optional parts that a score has."""
    return {name: value for name, value in score.items() if is_extra_column(name)}


class Odoo(CrmShape):
    """A row of the CSV that Odoo imports into ``crm.lead``: database id and probability.

    Odoo, "Export and import data" (the column ``.id`` is the database's own id) and the model
    ``crm.lead``, whose ``probability`` is a percentage from 0 to 100. A probability that is
    written replaces Odoo's automated one.
    """

    id: Annotated[
        str,
        Field(
            pattern=r"^[1-9][0-9]{0,9}$",
            serialization_alias=".id",
            description="a number of at most 10 digits, the first not 0, such as 4711",
        ),
    ]
    probability: Annotated[float, Field(gt=0, lt=100)]

    @classmethod
    def of(cls, score: dict[str, Any], trend: str) -> Self:  # noqa: ARG003 - has no trend
        """Shape a score; see `CrmShape.of`."""
        return cls(id=score["lead_id"], probability=100 * score["probability"])


def reason_words(score: dict[str, Any], longest: int) -> str | None:
    """Tell a score's reasons in one text, those that raise it first."""
    reasons = score.get("reasons")
    if reasons is None:
        return None
    text = ""
    for sign, side in (("+", "up"), ("-", "down")):
        for reason in reasons[side]:
            more = (BETWEEN if text else "") + f"({sign}) {reason['words']}"
            if len(text) + len(more) > longest:
                return text
            text += more
    return text


ROWS_AT_ONCE = 10_000
CONTACTS_A_REQUEST = 100
"""HubSpot takes so many inputs in one request."""


@dataclass(frozen=True)
class WriteBack:
    """How a CRM takes scores."""

    name: str
    """The CRM, for people."""
    shape: type[CrmShape]
    """What each row must be."""
    suffix: str
    """``.jsonl`` (a request's body a line) or ``.csv``."""
    a_request: int = 0
    """How many rows one body holds; 0 where the row itself is the body."""
    most_bytes: int = 0
    """How large a file the CRM takes; 0 where it does not say."""
    takes_extra: bool = False
    """Whether it takes columns of optional parts, as fields that the account has made."""

    def refuse_columns(self) -> None:
        """Refuse columns of optional parts where the CRM's interface has no fields for them."""
        if not self.takes_extra:
            taking = " and ".join(one.name for one in SHAPES.values() if one.takes_extra)
            raise LeadcastError(
                f"--extra: {self.name} takes a score in fields of its own alone; {taking} take "
                "more. Score without --extra, or into another file"
            )

    def refuse_other_suffix(self, out: Path | None) -> None:
        """Refuse an output that is not of this CRM's kind."""
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
        """Write the file, whole or not at all."""
        self._refuse_moments(scores)
        temporary = beside / f"whole{out.suffix}"
        faults: dict[str, Fault] = {}
        with temporary.open("w", encoding="utf-8", newline="") as file:
            extra = [name for name in scores.collect_schema() if is_extra_column(name)]
            self._write_rows(file, self._shaped(scores, changes or {}, faults), extra)
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

    def _write_rows(
        self, file: IO[str], rows: Iterator[dict[str, Any]], extra: Sequence[str]
    ) -> None:
        if self.suffix == ".csv":
            names = [f.serialization_alias or name for name, f in self.shape.model_fields.items()]
            names += [salesforce_name(name) for name in extra]
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
    "hubspot": WriteBack("HubSpot", HubSpot, ".jsonl", CONTACTS_A_REQUEST, takes_extra=True),
    "salesforce": WriteBack(
        "Salesforce", Salesforce, ".csv", most_bytes=100_000_000, takes_extra=True
    ),
    "odoo": WriteBack("Odoo", Odoo, ".csv"),
}
"""The CRMs, by what a user calls them."""


def shape_of(crm: str) -> WriteBack:
    """Find a CRM."""
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
