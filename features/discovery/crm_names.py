"""What the standard exports of CRMs call their tables and columns: labels, and names of the API.

Plain data, from what these systems publish. Whoever has renamed columns, or added own ones, finds
the rest guessed as for any other export.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from leadcast.features.inspection.wording import phrases

TableKind = Literal["leads", "contacts", "deals", "links", "accounts", "events", "other"]


@dataclass(frozen=True)
class CrmObject:
    """One table of a CRM's export.

    Parameters
    ----------
    kind : str
        What it is to a source definition: ``contacts`` are leads where there is no other such
        table, ``links`` lead from deals to people, ``other`` is left out.
    files : tuple of str
        What its file is called, in plain words.
    fields : mapping of str to tuple of str
        The columns of each field, in plain words.
    telling : tuple of str
        Columns by which it is known whatever its file is called.
    zone : str
        The zone of its times where they name none and the columns have the API's names.
    """

    kind: TableKind
    files: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    telling: tuple[str, ...] = ()


@dataclass(frozen=True)
class CrmNames:
    """A CRM, as far as its exports go.

    Parameters
    ----------
    title : str
        Its name.
    export : str
        How somebody gets the files.
    objects : mapping of str to CrmObject
        Its tables.
    zone : str
        The zone of times that name none, where the export is one of the API's; empty: unknown.
    warning : str
        What a reader of the definition must know.
    """

    title: str
    export: str
    objects: Mapping[str, CrmObject]
    zone: str = ""
    warning: str = ""


def _object(kind: TableKind, files: str, telling: str = "", **fields: str) -> CrmObject:
    named = {name: phrases(text) for name, text in fields.items()}
    return CrmObject(kind, phrases(files), named, phrases(telling))


SALESFORCE = CrmNames(
    "Salesforce",
    "Export Lead, Opportunity, OpportunityContactRole and Task (Setup, Data Export)",
    {
        "Lead": _object(
            "leads",
            "lead|leads",
            "is converted|converted opportunity id|lead source",
            lead_id="id|lead id",
            created_at="created date|create date",
            status="status|lead status",
            deal_id="converted opportunity id|converted opportunity",
            contact_id="converted contact id",
            deleted="is deleted|deleted",
        ),
        "Contact": _object(
            "contacts", "contact|contacts", "reports to id|mailing country",
            lead_id="id|contact id", created_at="created date|create date",
            account_id="account id", deleted="is deleted|deleted",
        ),
        "Account": _object(
            "accounts", "account|accounts", "billing country|parent id",
            account_id="id|account id", deleted="is deleted|deleted",
        ),
        "Opportunity": _object(
            "deals", "opportunity|opportunities", "stage name|is won|is closed",
            deal_id="id|opportunity id", status="stage name|stage", closed_at="close date",
            amount="amount", contact_id="contact id|primary contact id", account_id="account id",
            deleted="is deleted|deleted",
        ),
        "OpportunityContactRole": _object(
            "links", "opportunity contact role|opportunity contact roles", "is primary|role",
            deal_id="opportunity id", lead_id="contact id", deleted="is deleted|deleted",
        ),
        "OpportunityHistory": _object(
            "other", "opportunity history|opportunity field history|lead history",
        ),
        "Task": _object(
            "events", "task|tasks|activity|activities|event", "who id|what id|activity date",
            lead_id="who id|lead id|contact lead id", occurred_at="created date|activity date|date",
            event_type="task subtype|type|task type", deleted="is deleted|deleted",
        ),
        "CampaignMember": _object(
            "events", "campaign member|campaign members", "campaign id|first responded date",
            lead_id="lead id|lead or contact id", contact_id="contact id",
            occurred_at="created date|first responded date", deleted="is deleted|deleted",
        ),
    },
    zone="UTC",
    warning="When a lead is converted, Salesforce moves its tasks to the contact: events that name "
    "leads alone are lost with the conversion",
)  # fmt: skip

HUBSPOT = CrmNames(
    "HubSpot",
    "Export contacts, companies, deals (with their associated record ids) and activities",
    {
        "contacts": _object(
            "leads", "contact|contacts|hubspot crm exports all contacts",
            "lifecycle stage|lifecyclestage|contact owner|marketing contact status",
            lead_id="record id|record id contact|hs object id|contact id|vid",
            created_at="create date|createdate",
            status="lead status|hs lead status", won_at="became a customer date"
            "|hs lifecyclestage customer date|lifecyclestage customer date",
            account_id="associated company ids|associated company id|associatedcompanyid"
            "|primary associated company id", deal_id="associated deal ids",
            score="hub spot score|hubspot score|hubspotscore",
        ),
        "companies": _object(
            "accounts", "company|companies|hubspot crm exports all companies",
            "company owner|company domain name",
            account_id="record id|record id company|hs object id|company id",
        ),
        "deals": _object(
            "deals", "deal|deals|hubspot crm exports all deals", "deal stage|dealstage|pipeline",
            deal_id="record id|record id deal|hs object id|deal id", status="deal stage|dealstage",
            closed_at="close date|closedate", amount="amount",
            contact_id="associated contact ids|associated contact id",
            account_id="associated company ids|associated company id",
        ),
        "engagements": _object(
            "events", "engagement|engagements|activity|activities|calls|emails|meetings",
            "activity type|activity date|hs timestamp|engagement type",
            lead_id="associated contact ids|associated contact id|contact id",
            occurred_at="activity date|hs timestamp|create date|createdate|timestamp",
            event_type="activity type|engagement type|type|hs engagement type",
        ),
    },
)  # fmt: skip

DYNAMICS = CrmNames(
    "Dynamics 365",
    "Export the tables lead, opportunity, account and activitypointer",
    {
        "lead": _object(
            "leads", "lead|leads", "leadid|lead source code|do not modify lead|topic",
            lead_id="leadid|do not modify lead|lead", created_at="createdon|created on",
            status="statecode|status|status reason|statuscode",
            deal_id="qualifyingopportunityid|qualifying opportunity", account_id="parentaccountid"
            "|parent account for lead",
        ),
        "opportunity": _object(
            "deals", "opportunity|opportunities", "opportunityid|originating leadid|est revenue"
            "|do not modify opportunity",
            deal_id="opportunityid|do not modify opportunity", lead_id="originatingleadid"
            "|originating lead", status="statecode|status", closed_at="actualclosedate"
            "|actual close date", amount="actualvalue|actual revenue",
        ),
        "account": _object(
            "accounts", "account|accounts", "accountid|do not modify account|account name",
            account_id="accountid|do not modify account",
        ),
        "contact": _object(
            "contacts", "contact|contacts", "contactid|do not modify contact",
            lead_id="contactid|do not modify contact", created_at="createdon|created on",
            account_id="parentcustomerid",
        ),
        "activitypointer": _object(
            "events", "activitypointer|activity pointer|activity|activities|task|phonecall|email"
            "|appointment", "activityid|activitytypecode|regarding|activity type",
            lead_id="regardingobjectid|regarding", occurred_at="createdon|actualstart|created on"
            "|date created|actual start", event_type="activitytypecode|activity type",
        ),
    },
)  # fmt: skip

PIPEDRIVE = CrmNames(
    "Pipedrive",
    "Export deals, people, organizations and activities",
    {
        "deals": _object(
            "leads", "deal|deals", "deal status|deal won time|won time|lost reason|stage id",
            lead_id="deal id|id", label="deal title|title",
            created_at="deal deal created|deal created|deal add time|add time",
            status="deal status|status", won_at="deal won time|won time",
            lost_at="deal lost time|lost time", closed_at="deal deal closed on|deal closed on"
            "|close time", amount="deal value|value", account_id="deal organization id"
            "|organization id|org id|deal organization|organization",
            contact_id="deal contact person id|person id|deal contact person|contact person",
        ),
        "persons": _object(
            "contacts", "person|persons|people", "person name|person id|open deals|person email",
            lead_id="person id|id", created_at="person created|add time",
            account_id="person organization id|org id|organization id",
        ),
        "organizations": _object(
            "accounts", "organization|organizations|organisation|organisations",
            "organization name|people count|organization people",
            account_id="organization id|id",
        ),
        "activities": _object(
            "events", "activity|activities", "activity subject|activity type|due date",
            lead_id="activity deal id|deal id|activity deal|deal",
            occurred_at="activity add time|add time|activity marked as done time"
            "|marked as done time|activity due date|due date",
            event_type="activity type|type",
        ),
        "leads": _object("other", "lead|leads|leads inbox", "lead title|lead labels"),
    },
    zone="UTC",
)  # fmt: skip

ODOO = CrmNames(
    "Odoo",
    "Export crm.lead with archived (lost) records, and res.partner, mail.activity where wanted",
    {
        "crm.lead": _object(
            "leads", "crm lead|lead|leads|lead opportunity|pipeline|opportunities",
            "stage id|stage|probability|lost reason id|date closed|expected revenue",
            lead_id="id|external id", created_at="create date|created on",
            status="won status|stage id name|stage id|stage", active="active",
            closed_at="date closed|closed date", amount="expected revenue",
            account_id="partner id id|partner id|customer id|customer external id",
        ),
        "res.partner": _object(
            "accounts", "res partner|partner|partners|contacts", "is a company|is company",
            account_id="id|external id",
        ),
        "mail.activity": _object(
            "events", "mail activity|mail message|activities|messages|calendar event",
            "res model|res id|activity type id", lead_id="res id|related document id",
            occurred_at="create date|date|date deadline", event_type="activity type id"
            "|message type|subtype id|activity type",
        ),
    },
    zone="UTC",
)  # fmt: skip

SUITECRM = CrmNames(
    "SuiteCRM",
    "Export the tables leads, accounts, opportunities, calls and emails",
    {
        "leads": _object(
            "leads", "lead|leads", "date entered|lead source|converted|opportunity id",
            lead_id="id|lead id", created_at="date entered|date created", status="status",
            deal_id="opportunity id", contact_id="contact id", deleted="deleted",
        ),
        "opportunities": _object(
            "deals", "opportunity|opportunities", "sales stage|date closed",
            deal_id="id|opportunity id", status="sales stage", closed_at="date closed"
            "|expected close date", amount="amount|opportunity amount", deleted="deleted",
        ),
        "opportunities_contacts": _object(
            "links", "opportunities contacts", "opportunity id|contact id|contact role",
            deal_id="opportunity id", contact_id="contact id", deleted="deleted",
        ),
        "accounts": _object("accounts", "account|accounts", "account type|billing address country",
                            account_id="id|account id", deleted="deleted"),
        "contacts": _object("contacts", "contact|contacts", "", lead_id="id",
                            created_at="date entered", deleted="deleted"),
        "calls": _object(
            "events", "call|calls|meeting|meetings|email|emails|task|tasks|note|notes",
            "parent type|parent id|date start|direction", lead_id="parent id",
            occurred_at="date start|date sent|date sent received|date entered",
            event_type="direction|type", deleted="deleted",
        ),
        "relations": _object("other", "calls leads|emails beans|accounts opportunities"
                             "|accounts contacts|emails email addr rel|leads audit"),
    },
    zone="UTC",
)  # fmt: skip

ZOHO = CrmNames(
    "Zoho CRM",
    "Export Leads (converted ones too), Contacts, Accounts, Deals and activities",
    {
        "Leads": _object(
            "leads", "lead|leads|converted leads", "lead status|no of employees|converted date time"
            "|is converted|lead source",
            lead_id="record id|id|lead id", created_at="created time|created at",
            status="lead status", deal_id="converted deal id|converted deal|deal id",
            contact_id="converted contact id|converted contact",
            score="score|positive score",
        ),
        "Deals": _object(
            "deals", "deal|deals|potentials", "stage|closing date|deal name|potential name",
            deal_id="record id|id|deal id", status="stage", closed_at="closing date",
            amount="amount", contact_id="contact name id|contact id",
            account_id="account name id|account id",
        ),
        "Accounts": _object("accounts", "account|accounts", "account name|account type",
                            account_id="record id|id|account id"),
        "Contacts": _object(
            "contacts", "contact|contacts", "contact owner|account name",
            lead_id="record id|id|contact id", created_at="created time",
            account_id="account name id|account id",
        ),
        "Calls": _object(
            "events", "call|calls|task|tasks|events|meetings|activities|notes",
            "call type|who id|what id|related to", lead_id="who id|related to id|what id"
            "|contact name id|lead id|se module id|parent id",
            occurred_at="call start time|created time|start datetime|due date",
            event_type="call type|type|subject|activity type",
        ),
    },
)  # fmt: skip

CRMS: Mapping[str, CrmNames] = {
    "salesforce": SALESFORCE,
    "hubspot": HUBSPOT,
    "dynamics": DYNAMICS,
    "pipedrive": PIPEDRIVE,
    "odoo": ODOO,
    "suitecrm": SUITECRM,
    "zoho": ZOHO,
}
"""The CRMs whose exports are known, by the name that a user types."""
