"""The shapes of scores in CRMs, as their publishers document them."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from serve.batch_output import BETWEEN

GRADES = ("A", "B", "C", "D")
TRENDS = ("improving", "steady", "declining", "not enough info")


class Shape(BaseModel):
    """What all shapes share: nothing but documented fields.

    A field that callers give, which are the ids, has a description: what is told of a wrong one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def of(cls, score: dict[str, Any], trend: str) -> Self:
        """Shape a score.

        Parameters
        ----------
        score : dict
            A row of scores.
        trend : str
            One of `TRENDS`.

        Returns
        -------
        Shape

        Raises
        ------
        pydantic.ValidationError
            If it does not fit, as an id that is none of the CRM's.
        """
        raise NotImplementedError


class Dynamics(Shape):
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
        """Shape a score; see `Shape.of`."""
        return cls(
            msdyn_entityid=score["lead_id"],
            msdyn_score=round(100 * score["probability"]),
            msdyn_grade=GRADES.index(score["grade"]),
            msdyn_scoretrend=TRENDS.index(trend),
            msdyn_scorereasons=reason_words(score, 2000),
        )


class HubSpot(Shape):
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
        ],
        Annotated[str, Field(max_length=65_536)],
    ]

    @classmethod
    def of(cls, score: dict[str, Any], trend: str) -> Self:  # noqa: ARG003 - has no trend
        """Shape a score; see `Shape.of`."""
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
        return cls.model_validate(
            {"id": score["lead_id"], "properties": {k: v for k, v in properties.items() if v}}
        )


class Salesforce(Shape):
    """A row of the CSV of a Bulk API 2.0 job that updates ``Lead``.

    Salesforce, "Bulk API 2.0: Prepare CSV Files": UTF-8, a header of API names, commas, line
    feeds, up to 100 MB. Custom fields end in ``__c``; a text field holds at most 255 characters, a
    long text area 131,072.
    """

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

    @classmethod
    def of(cls, score: dict[str, Any], trend: str) -> Self:  # noqa: ARG003 - has no trend
        """Shape a score; see `Shape.of`. A field of the type "percent" is told in percent."""
        return cls(
            Id=score["lead_id"],
            Leadcast_Probability__c=100 * score["probability"],
            Leadcast_Score__c=score["score"],
            Leadcast_Grade__c=score["grade"],
            Leadcast_Model_Version__c=score["model_version"],
            Leadcast_Reasons__c=reason_words(score, 131_072),
        )


class Odoo(Shape):
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
        """Shape a score; see `Shape.of`."""
        return cls(id=score["lead_id"], probability=100 * score["probability"])


def reason_words(score: dict[str, Any], longest: int) -> str | None:
    """Tell a score's reasons in one text, those that raise it first.

    Parameters
    ----------
    score : dict
        A row of scores.
    longest : int
        So many characters at most; whole reasons are left out where it would be longer.

    Returns
    -------
    str or None
        None where the row is not explained.
    """
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
