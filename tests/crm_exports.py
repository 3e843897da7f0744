"""Small exports in the shapes of well-known CRMs, and of none, whose true outcomes are known."""

import csv
import io
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

Row = dict[str, str]
_SOURCES = ("Web", "Trade Show", "Partner Referral", "Phone Inquiry")
_INDUSTRIES = ("Software", "Banking", "Retail", "Energy", "Education")
_COUNTRIES = ("Germany", "France", "Spain", "Italy")
_TITLES = ("Head of Marketing", "CEO", "Sales Manager", "IT Specialist", "Buyer", "Data Analyst")
_FIRST = datetime(2023, 1, 2, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Person:
    """One lead of the simulated seller."""

    number: int
    created: datetime
    end: str
    """``won``, ``lost`` (as a deal), ``given up`` (before there was a deal) or ``open``."""
    has_deal: bool
    closed: datetime | None
    amount: int
    title: str
    employees: int
    revenue: int
    industry: str
    country: str
    source: str
    points: int
    events: tuple[tuple[datetime, str], ...] = field(repr=False)

    @property
    def email(self) -> str:
        return f"person{self.number}@company{self.account}.example"

    @property
    def phone(self) -> str:
        return f"+49 30 {5_550_000 + 37 * self.number}"

    @property
    def account(self) -> int:
        return self.number // 2


def people(seed: int = 7, leads: int = 240) -> list[Person]:
    """Simulate leads in the order of their creation."""
    rng, found = random.Random(seed), []
    for number in range(1, leads + 1):
        created = _FIRST + timedelta(hours=37 * number, minutes=rng.randrange(600))
        end = rng.choices(("won", "lost", "given up", "open"), (3, 3, 3, 4))[0]
        days = rng.randint(3, 60)
        closed = None if end == "open" else created + timedelta(days=days, hours=rng.randint(0, 9))
        last = days if closed else 30
        events = tuple(
            (created + timedelta(days=last * rng.random() * 0.9), rng.choice(("Call", "Email")))
            for _ in range(rng.randint(0, 4))
        )
        found.append(
            Person(
                number,
                created,
                end,
                end in ("won", "lost") or (end == "open" and number % 3 == 0),
                closed,
                1000 + 10 * rng.randrange(900),
                rng.choice(_TITLES),
                rng.choice((8, 40, 150, 900)) + number % 7,
                1_000_000 + 12_345 * rng.randrange(90),
                rng.choice(_INDUSTRIES),
                rng.choice(_COUNTRIES),
                rng.choice(_SOURCES),
                rng.randint(0, 100),
                events,
            )
        )
    return found


def counts(leads: Iterable[Person]) -> dict[str, int]:
    """Count the truth."""
    ends = [{"given up": "lost"}.get(one.end, one.end) for one in leads]
    return {end: ends.count(end) for end in ("won", "lost", "open")}


def write(
    folder: Path,
    name: str,
    rows: Sequence[Mapping[str, object]],
    *,
    separator: str = ",",
    encoding: str = "utf-8",
    titles: Sequence[str] = (),
) -> None:
    """Write rows as CSV."""
    text = io.StringIO()
    text.writelines(f"{title}\n" for title in titles)
    writer = csv.DictWriter(text, list(rows[0]), delimiter=separator, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(text.getvalue().encode(encoding))


def iso(moment: datetime | None, written: str = "%Y-%m-%dT%H:%M:%S.000Z") -> str:
    """Write a time, or nothing."""
    return "" if moment is None else moment.strftime(written)


def _deals(leads: Iterable[Person]) -> list[Person]:
    return [one for one in leads if one.has_deal]


def _modified(one: Person) -> datetime:
    return one.closed or one.created + timedelta(days=20)


def _sf(kind: str, number: int) -> str:
    return f"{kind}0000{number:06d}AAA"


def salesforce(folder: Path, leads: Sequence[Person]) -> None:
    """As Data Export writes it: API names, times in UTC, leads that were converted to contacts."""
    status = {"given up": "Unqualified", "open": "Working - Contacted"}
    rows = [
        {
            "Id": _sf("00Q", one.number),
            "IsDeleted": "0",
            "LastName": f"Person {one.number}",
            "Title": one.title,
            "Company": f"Company {one.account}",
            "Country": one.country,
            "Phone": one.phone,
            "Email": one.email,
            "LeadSource": one.source,
            "Status": "Closed - Converted" if one.has_deal else status[one.end],
            "Industry": one.industry,
            "Rating": "Hot" if one.end == "won" else "",
            "AnnualRevenue": one.revenue,
            "NumberOfEmployees": one.employees,
            "Lead_Score__c": one.points,
            "OwnerId": _sf("005", one.number % 4),
            "IsConverted": int(one.has_deal),
            "ConvertedDate": iso(one.created + timedelta(days=1), "%Y-%m-%d") * one.has_deal,
            "ConvertedContactId": _sf("003", one.number) * one.has_deal,
            "ConvertedOpportunityId": _sf("006", one.number) * one.has_deal,
            "CreatedDate": iso(one.created),
            "LastModifiedDate": iso(_modified(one)),
        }
        for one in leads
    ]
    deleted = {**rows[0], "Id": _sf("00Q", 999_999), "IsDeleted": "1"}
    write(folder, "Lead.csv", [*rows, deleted])
    stage = {"won": "Closed Won", "lost": "Closed Lost", "open": "Negotiation/Review"}
    rows = [
        {
            "Id": _sf("006", one.number),
            "IsDeleted": "0",
            "Name": f"Deal {one.number}",
            "StageName": stage[one.end],
            "Amount": one.amount,
            "Probability": {"won": 100, "lost": 0, "open": 50}[one.end],
            "CloseDate": iso(one.closed or datetime(2025, 1, 1, tzinfo=UTC), "%Y-%m-%d"),
            "IsClosed": int(one.end != "open"),
            "IsWon": int(one.end == "won"),
            "CreatedDate": iso(one.created + timedelta(days=1)),
        }
        for one in _deals(leads)
    ]
    write(folder, "Opportunity.csv", rows)
    tasks = [
        {
            "Id": _sf("00T", 100 * one.number + index),
            "WhoId": _sf("003" if one.has_deal else "00Q", one.number),
            "TaskSubtype": kind,
            "CreatedDate": iso(when),
            "Status": "Completed",
        }
        for one in leads
        for index, (when, kind) in enumerate(one.events)
    ]
    write(folder, "Task.csv", tasks)


def salesforce_contacts(folder: Path, leads: Sequence[Person]) -> None:
    """Without leads: contacts, opportunities, and the roles that join them."""
    rows = [
        {
            "Id": _sf("003", one.number),
            "AccountId": _sf("001", one.account),
            "Title": one.title,
            "Email": one.email,
            "LeadSource": one.source,
            "MailingCountry": one.country,
            "CreatedDate": iso(one.created),
        }
        for one in leads
    ]
    write(folder, "Contact.csv", rows)
    stage = {"won": "Closed Won", "lost": "Closed Lost", "given up": "Closed Lost"}
    deals = [one for one in leads if one.end != "open" or one.has_deal]
    rows = [
        {
            "Id": _sf("006", one.number),
            "StageName": stage.get(one.end, "Prospecting"),
            "Amount": str(one.amount),
            "CloseDate": iso(one.closed or datetime(2025, 1, 1, tzinfo=UTC), "%Y-%m-%d"),
        }
        for one in deals
    ]
    write(folder, "Opportunity.csv", rows)
    rows = [
        {
            "Id": _sf("00K", one.number),
            "OpportunityId": _sf("006", one.number),
            "ContactId": _sf("003", one.number),
            "Role": "Decision Maker",
            "IsPrimary": "1",
        }
        for one in deals
    ]
    write(folder, "OpportunityContactRole.csv", rows)
    rows = [
        {"Id": _sf("001", number), "Name": f"Company {number}", "Industry": _INDUSTRIES[number % 5],
         "NumberOfEmployees": str(10 + number)}
        for number in sorted({one.account for one in leads})
    ]  # fmt: skip
    write(folder, "Account.csv", rows)


def hubspot(folder: Path, leads: Sequence[Person]) -> None:
    """As the screens export it: labels, times in the account's zone, one contact a deal."""
    day = "%Y-%m-%d %H:%M"
    rows = [
        {
            "Record ID": 10_000 + one.number,
            "First Name": "A",
            "Email": one.email,
            "Phone Number": one.phone,
            "Job Title": one.title,
            "Country/Region": one.country,
            "Lifecycle Stage": "Customer" if one.end == "won" else "Lead",
            "Lead Status": "Unqualified" if one.end == "given up" else "New",
            "Original Traffic Source": one.source,
            "HubSpot Score": one.points,
            "Create Date": iso(one.created, day),
            "Became a Customer Date": iso(one.closed if one.end == "won" else None, day),
            "Last Modified Date": iso(_modified(one), day),
            "Associated Company IDs": 500_000 + one.account,
            "Contact owner": f"Seller {one.number % 3}",
        }
        for one in leads
    ]
    write(folder, "hubspot-crm-exports-all-contacts-2024-06-01.csv", rows)
    stage = {"won": "Closed Won", "lost": "Closed Lost", "open": "Presentation Scheduled"}
    rows = [
        {
            "Record ID": 70_000 + one.number,
            "Deal Name": f"Deal {one.number}",
            "Deal Stage": stage[one.end],
            "Close Date": iso(one.closed or datetime(2025, 1, 1, tzinfo=UTC), day),
            "Amount": one.amount,
            "Pipeline": "Sales Pipeline",
            "Associated Contact IDs": 10_000 + one.number,
        }
        for one in _deals(leads)
    ]
    write(folder, "hubspot-crm-exports-all-deals-2024-06-01.csv", rows)
    rows = [
        {"Record ID": 500_000 + number, "Company name": f"Company {number}",
         "Industry": _INDUSTRIES[number % 5], "Number of Employees": 10 + number,
         "Annual Revenue": 1_000_000 + number}
        for number in sorted({one.account for one in leads})
    ]  # fmt: skip
    write(folder, "hubspot-crm-exports-all-companies-2024-06-01.csv", rows)
    rows = [
        {"Activity ID": 100 * one.number + index, "Activity type": kind,
         "Activity date": iso(when, day), "Associated Contact IDs": 10_000 + one.number}
        for one in leads
        for index, (when, kind) in enumerate(one.events)
    ]  # fmt: skip
    write(folder, "activities.csv", rows)


def dynamics(folder: Path, leads: Sequence[Person]) -> None:
    """As the Web API gives it: names of the tables, codes, times in UTC."""
    guid = "{:08d}-aaaa-4bbb-8ccc-{:012d}".format
    rows = [
        {
            "leadid": guid(1, one.number),
            "createdon": iso(one.created),
            "statecode": 1 if one.has_deal else 2 if one.end == "given up" else 0,
            "statuscode": 3 if one.has_deal else 4 if one.end == "given up" else 1,
            "jobtitle": one.title,
            "companyname": f"Company {one.account}",
            "numberofemployees": one.employees,
            "revenue": one.revenue,
            "industrycode": 1 + _INDUSTRIES.index(one.industry),
            "leadsourcecode": 1 + _SOURCES.index(one.source),
            "emailaddress1": one.email,
            "telephone1": one.phone,
            "address1_country": one.country,
            "leadqualitycode": 1 if one.end == "won" else 2,
            "modifiedon": iso(_modified(one)),
            "ownerid": guid(9, one.number % 3),
        }
        for one in leads
    ]
    write(folder, "leads.csv", rows)
    rows = [
        {
            "opportunityid": guid(2, one.number),
            "originatingleadid": guid(1, one.number),
            "statecode": {"open": 0, "won": 1, "lost": 2}[one.end],
            "actualclosedate": iso(one.closed),
            "actualvalue": one.amount if one.end == "won" else "",
            "estimatedvalue": one.amount,
        }
        for one in _deals(leads)
    ]
    walk_in = {**rows[0], "opportunityid": guid(2, 999_999), "originatingleadid": ""}
    write(folder, "opportunities.csv", [*rows, walk_in])
    rows = [
        {"activityid": guid(3, 100 * one.number + index), "regardingobjectid": guid(1, one.number),
         "activitytypecode": kind, "createdon": iso(when)}
        for one in leads
        for index, (when, kind) in enumerate(one.events)
    ]  # fmt: skip
    write(folder, "activitypointers.csv", rows)


def pipedrive(folder: Path, leads: Sequence[Person]) -> None:
    """As the list view exports it: labels with the table's name in front; a deal is a lead."""
    clock = "%Y-%m-%d %H:%M:%S"
    rows = [
        {
            "Deal - ID": one.number,
            "Deal - Title": f"Deal {one.number}",
            "Deal - Status": {"won": "Won", "open": "Open"}.get(one.end, "Lost"),
            "Deal - Value": one.amount,
            "Deal - Deal created": iso(one.created, clock),
            "Deal - Won time": iso(one.closed if one.end == "won" else None, clock),
            "Deal - Lost time": iso(None if one.end == "won" else one.closed, clock),
            "Deal - Lost reason": "Price" if one.end in ("lost", "given up") else "",
            "Deal - Stage": "Demo Scheduled",
            "Deal - Source channel": one.source,
            "Deal - Organization ID": one.account,
            "Deal - Owner": f"Seller {one.number % 3}",
            "Deal - Update time": iso(_modified(one), clock),
        }
        for one in leads
    ]
    write(folder, "deals-1234-1.csv", rows)
    rows = [
        {"Organization - ID": number, "Organization - Name": f"Company {number}",
         "Organization - Industry": _INDUSTRIES[number % 5],
         "Organization - Number of employees": 10 + number}
        for number in sorted({one.account for one in leads})
    ]  # fmt: skip
    write(folder, "organizations-1234-2.csv", rows)
    rows = [
        {"Activity - ID": 100 * one.number + index, "Activity - Type": kind,
         "Activity - Add time": iso(when, clock), "Activity - Deal ID": one.number}
        for one in leads
        for index, (when, kind) in enumerate(one.events)
    ]  # fmt: skip
    write(folder, "activities-1234-3.csv", rows)


def odoo(folder: Path, leads: Sequence[Person]) -> None:
    """As the list exports it for a new import: field names, external ids, lost ones archived."""
    clock = "%Y-%m-%d %H:%M:%S"
    rows = [
        {
            "id": f"__export__.crm_lead_{one.number}",
            "create_date": iso(one.created, clock),
            "active": one.end not in ("lost", "given up"),
            "stage_id": {"won": "Won", "open": "New"}.get(one.end, "Qualified"),
            "probability": {"won": 100.0, "open": 34.5}.get(one.end, 0.0),
            "date_closed": iso(one.closed, clock),
            "lost_reason_id": "Too expensive" if one.end == "lost" else "",
            "expected_revenue": one.amount,
            "function": one.title,
            "email_from": one.email,
            "phone": one.phone,
            "country_id": one.country,
            "source_id": one.source,
            "partner_id/id": f"__export__.res_partner_{one.account}" if one.number % 4 else "",
            "write_date": iso(_modified(one), clock),
            "user_id": f"Seller {one.number % 3}",
        }
        for one in leads
    ]
    write(folder, "crm.lead.csv", rows)
    rows = [
        {"id": f"__export__.res_partner_{number}", "name": f"Company {number}",
         "is_company": True, "industry_id": _INDUSTRIES[number % 5]}
        for number in sorted({one.account for one in leads})
    ]  # fmt: skip
    write(folder, "res.partner.csv", rows)


def suitecrm(folder: Path, leads: Sequence[Person]) -> None:
    """As the database's tables are dumped: deleted rows stay, times in UTC."""
    clock = "%Y-%m-%d %H:%M:%S"
    guid = "{}{:07d}-1111-2222-3333-444455556666".format
    rows = [
        {
            "id": guid("a", one.number),
            "date_entered": iso(one.created, clock),
            "date_modified": iso(_modified(one), clock),
            "deleted": 0,
            "title": one.title,
            "phone_work": one.phone,
            "primary_address_country": one.country,
            "lead_source": one.source,
            "status": "Converted" if one.has_deal else {"open": "New"}.get(one.end, "Dead"),
            "converted": int(one.has_deal),
            "contact_id": guid("c", one.number) * one.has_deal,
            "opportunity_id": guid("d", one.number) * one.has_deal,
            "account_name": f"Company {one.account}",
        }
        for one in leads
    ]
    write(folder, "leads.csv", [*rows, {**rows[3], "id": guid("a", 999_999), "deleted": 1}])
    rows = [
        {
            "id": guid("d", one.number),
            "date_entered": iso(one.created + timedelta(days=1), clock),
            "deleted": 0,
            "sales_stage": {"won": "Closed Won", "open": "Prospecting"}.get(one.end, "Closed Lost"),
            "date_closed": iso(one.closed or datetime(2025, 1, 1, tzinfo=UTC), "%Y-%m-%d"),
            "amount": one.amount,
            "probability": 50,
        }
        for one in _deals(leads)
    ]
    write(folder, "opportunities.csv", rows)
    for table, kind in (("calls", "Call"), ("emails", "Email")):
        rows = [
            {"id": guid("e", 100 * one.number + index), "date_start": iso(when, clock),
             "parent_type": "Leads", "parent_id": guid("a", one.number), "direction": "Outbound",
             "status": "Held", "deleted": 0}
            for one in leads
            for index, (when, own) in enumerate(one.events)
            if own == kind
        ]  # fmt: skip
        write(folder, f"{table}.csv", rows)


def zoho(folder: Path, leads: Sequence[Person]) -> None:
    """As the backup writes it: labels, ids with a prefix, times with their offset."""
    clock = "%Y-%m-%dT%H:%M:%S+00:00"
    ident = "zcrm_{}{:012d}".format
    rows = [
        {
            "Record Id": ident(1, one.number),
            "Company": f"Company {one.account}",
            "Title": one.title,
            "Email": one.email,
            "Phone": one.phone,
            "Lead Source": one.source,
            "Lead Status": {"given up": "Junk Lead"}.get(one.end, "Contacted"),
            "Industry": one.industry,
            "No. of Employees": one.employees,
            "Annual Revenue": one.revenue,
            "Country": one.country,
            "Created Time": iso(one.created, clock),
            "Modified Time": iso(_modified(one), clock),
            "Is Converted": str(one.has_deal).lower(),
            "Converted Deal.id": ident(4, one.number) * one.has_deal,
        }
        for one in leads
    ]
    write(folder, "Leads_001.csv", rows)
    rows = [
        {
            "Record Id": ident(4, one.number),
            "Deal Name": f"Deal {one.number}",
            "Stage": {"won": "Closed Won", "open": "Qualification"}.get(one.end, "Closed Lost"),
            "Closing Date": iso(one.closed or datetime(2025, 1, 1, tzinfo=UTC), "%Y-%m-%d"),
            "Amount": one.amount,
            "Created Time": iso(one.created, clock),
        }
        for one in _deals(leads)
    ]
    write(folder, "Deals_001.csv", rows)
    rows = [
        {"Record Id": ident(7, 100 * one.number + index), "Call Type": kind,
         "Call Start Time": iso(when, clock), "Related To.id": ident(1, one.number)}
        for one in leads
        for index, (when, kind) in enumerate(one.events)
    ]  # fmt: skip
    write(folder, "Calls_001.csv", rows)


EXPORTS: Mapping[str, Callable[[Path, Sequence[Person]], None]] = {
    "salesforce": salesforce,
    "hubspot": hubspot,
    "dynamics": dynamics,
    "pipedrive": pipedrive,
    "odoo": odoo,
    "suitecrm": suitecrm,
    "zoho": zoho,
}


def relabelled(
    folder: Path,
    file: str,
    to: str,
    names: Mapping[str, str],
    values: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> None:
    """Give a file another name, and its columns the labels of the screens or the API's names."""
    with (folder / file).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    (folder / file).unlink()
    told = [{old: values.get(old, {}).get(one, one) for old, one in row.items()} for row in rows]
    write(folder, to, [{new: row[old] for old, new in names.items()} for row in told])


def salesforce_labels(folder: Path, leads: Sequence[Person]) -> None:
    """As a report exports it: labels, and no deleted rows."""
    salesforce(folder, leads)
    (folder / "Task.csv").unlink()
    lead = {
        "Id": "Lead ID",
        "Title": "Title",
        "Company": "Company / Account",
        "Email": "Email",
        "LeadSource": "Lead Source",
        "Status": "Lead Status",
        "Industry": "Industry",
        "Rating": "Rating",
        "NumberOfEmployees": "No. of Employees",
        "ConvertedOpportunityId": "Converted Opportunity ID",
        "IsConverted": "Converted",
        "CreatedDate": "Create Date",
        "LastModifiedDate": "Last Modified Date",
        "IsDeleted": "Deleted",
    }
    relabelled(folder, "Lead.csv", "report1717.csv", lead)
    deal = {"Id": "Opportunity ID", "StageName": "Stage", "Amount": "Amount",
            "CloseDate": "Close Date", "Probability": "Probability (%)"}  # fmt: skip
    relabelled(folder, "Opportunity.csv", "report1718.csv", deal)


def hubspot_api(folder: Path, leads: Sequence[Person]) -> None:
    """With the API's names."""
    hubspot(folder, leads)
    contact = {
        "Record ID": "hs_object_id",
        "Email": "email",
        "Phone Number": "phone",
        "Job Title": "jobtitle",
        "Country/Region": "country",
        "Lifecycle Stage": "lifecyclestage",
        "Lead Status": "hs_lead_status",
        "Original Traffic Source": "hs_analytics_source",
        "HubSpot Score": "hubspotscore",
        "Create Date": "createdate",
        "Last Modified Date": "lastmodifieddate",
        "Became a Customer Date": "hs_lifecyclestage_customer_date",
        "Associated Company IDs": "associatedcompanyid",
        "Contact owner": "hubspot_owner_id",
    }
    prefix = "hubspot-crm-exports-all"
    values = {"Lifecycle Stage": {"Customer": "customer", "Lead": "lead"},
              "Lead Status": {"Unqualified": "UNQUALIFIED", "New": "NEW"}}  # fmt: skip
    relabelled(folder, f"{prefix}-contacts-2024-06-01.csv", "contacts.csv", contact, values)
    deal = {"Record ID": "hs_object_id", "Deal Stage": "dealstage", "Close Date": "closedate",
            "Amount": "amount", "Pipeline": "pipeline",
            "Associated Contact IDs": "associated_contact_ids"}  # fmt: skip
    stages = {"Closed Won": "closedwon", "Closed Lost": "closedlost",
              "Presentation Scheduled": "presentationscheduled"}  # fmt: skip
    relabelled(folder, f"{prefix}-deals-2024-06-01.csv", "deals.csv", deal, {"Deal Stage": stages})


def hubspot_records(folder: Path, leads: Sequence[Person]) -> None:
    """With the labels of newer exports, which name the object beside its record id."""
    hubspot(folder, leads)
    for files, name in (("contacts", "Contact"), ("deals", "Deal"), ("companies", "Company")):
        file = f"hubspot-crm-exports-all-{files}-2024-06-01.csv"
        columns = {one: one for one in table_of(folder / file)[0]}
        relabelled(folder, file, file, columns | {"Record ID": f"Record ID - {name}"})


def hubspot_several(folder: Path, leads: Sequence[Person]) -> None:
    """With two contacts in one cell of a deal and of an activity, and a deal without any."""
    hubspot(folder, leads)
    name, contacts = "hubspot-crm-exports-all-deals-2024-06-01.csv", "Associated Contact IDs"
    deals, rows = table_of(folder / name), list[Row]()
    for stage in dict.fromkeys(one["Deal Stage"] for one in deals):
        own = [one for one in deals if one["Deal Stage"] == stage]
        # The later of two deals closes after both leads have come.
        for first, second in zip(own[::2], [*own[1::2], own[-1]], strict=False):
            both = f"{first[contacts]}; {second[contacts]}"
            closed = max(one["Close Date"] for one in (first, second))
            rows.append({**second, contacts: both, "Close Date": closed})
    again = {**rows[0], "Record ID": "99998", contacts: f";{rows[0][contacts]};{rows[0][contacts]}"}
    write(folder, name, [*rows, again, {**rows[0], "Record ID": "99999", contacts: ""}])
    events = table_of(folder / "activities.csv")
    events[0][contacts] += f";{events[-1][contacts]}"
    write(folder, "activities.csv", events)


def hubspot_naming_deals(folder: Path, leads: Sequence[Person]) -> None:
    """With the deals named by the contacts, several in one cell, and not the other way round."""
    hubspot(folder, leads)
    prefix = "hubspot-crm-exports-all"
    path, contacts = folder / f"{prefix}-deals-2024-06-01.csv", "Associated Contact IDs"
    deals = table_of(path)
    # Whoever had a deal has another one, which is open.
    more = [
        {**one, "Record ID": f"8{one['Record ID']}", "Deal Stage": "Presentation Scheduled"}
        for one in deals
    ]
    named: dict[str, list[str]] = {}
    for one in [*more, *deals]:
        named.setdefault(one.pop(contacts), []).append(one["Record ID"])
    write(folder, path.name, [*deals, *more])
    path = folder / f"{prefix}-contacts-2024-06-01.csv"
    rows = table_of(path)
    told = [
        {**row, "Associated Deal IDs": ";".join(named.get(row["Record ID"], []))} for row in rows
    ]
    write(folder, path.name, told)


def salesforce_reports(folder: Path, leads: Sequence[Person]) -> None:
    """With ids of 15 letters in the tables that a report gave, and of 18 in the others."""
    salesforce(folder, leads)
    for name, is_short in (("Lead.csv", False), ("Opportunity.csv", True), ("Task.csv", True)):
        rows = table_of(folder / name)
        for row in rows:
            for column in ("Id", "WhoId", "ConvertedContactId", "ConvertedOpportunityId"):
                if row.get(column):
                    end = "AAA" if row[column][2].isdigit() else "EAA"
                    row[column] = row[column][:13] + "00" + ("" if is_short else end)
        write(folder, name, rows)


def table_of(path: Path) -> list[Row]:
    """Read a file that `write` has written."""
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def dynamics_labels(folder: Path, leads: Sequence[Person]) -> None:
    """As the grid exports it: labels, and the states in words."""
    dynamics(folder, leads)
    lead = {
        "leadid": "(Do Not Modify) Lead",
        "createdon": "Created On",
        "statecode": "Status",
        "statuscode": "Status Reason",
        "jobtitle": "Job Title",
        "numberofemployees": "No. of Employees",
        "revenue": "Annual Revenue",
        "emailaddress1": "Email",
        "telephone1": "Business Phone",
        "leadqualitycode": "Rating",
        "modifiedon": "(Do Not Modify) Modified On",
        "ownerid": "Owner",
    }
    states = {"0": "Open", "1": "Qualified", "2": "Disqualified"}
    relabelled(folder, "leads.csv", "My Open Leads.csv", lead, {"statecode": states})
    deal = {"opportunityid": "(Do Not Modify) Opportunity", "originatingleadid": "Originating Lead",
            "statecode": "Status", "actualclosedate": "Actual Close Date",
            "actualvalue": "Actual Revenue"}  # fmt: skip
    states = {"0": "Open", "1": "Won", "2": "Lost"}
    name = "All Opportunities.csv"
    relabelled(folder, "opportunities.csv", name, deal, {"statecode": states})


def pipedrive_api(folder: Path, leads: Sequence[Person]) -> None:
    """With the API's names, in UTC."""
    pipedrive(folder, leads)
    deal = {
        "Deal - ID": "id",
        "Deal - Title": "title",
        "Deal - Status": "status",
        "Deal - Value": "value",
        "Deal - Deal created": "add_time",
        "Deal - Won time": "won_time",
        "Deal - Lost time": "lost_time",
        "Deal - Lost reason": "lost_reason",
        "Deal - Stage": "stage_id",
        "Deal - Source channel": "channel",
        "Deal - Organization ID": "org_id",
        "Deal - Owner": "user_id",
        "Deal - Update time": "update_time",
    }
    words = {"Deal - Status": {"Won": "won", "Lost": "lost", "Open": "open"}}
    relabelled(folder, "deals-1234-1.csv", "deals.csv", deal, words)
    names = {"Activity - ID": "id", "Activity - Type": "type", "Activity - Add time": "add_time",
             "Activity - Deal ID": "deal_id"}  # fmt: skip
    relabelled(folder, "activities-1234-3.csv", "activities.csv", names)


def odoo_labels(folder: Path, leads: Sequence[Person]) -> None:
    """As the list exports it for a spreadsheet: labels."""
    odoo(folder, leads)
    lead = {
        "id": "External ID",
        "create_date": "Created on",
        "active": "Active",
        "stage_id": "Stage",
        "probability": "Probability",
        "date_closed": "Closed Date",
        "lost_reason_id": "Lost Reason",
        "expected_revenue": "Expected Revenue",
        "function": "Job Position",
        "email_from": "Email",
        "phone": "Phone",
        "country_id": "Country",
        "source_id": "Source",
        "write_date": "Last Updated on",
        "user_id": "Salesperson",
    }
    relabelled(folder, "crm.lead.csv", "Lead_Opportunity (crm.lead).csv", lead)


VARIANTS: Mapping[str, Callable[[Path, Sequence[Person]], None]] = {
    "salesforce_labels": salesforce_labels,
    "salesforce_contacts": salesforce_contacts,
    "hubspot_api": hubspot_api,
    "hubspot_records": hubspot_records,
    "hubspot_several": hubspot_several,
    "hubspot_naming_deals": hubspot_naming_deals,
    "salesforce_reports": salesforce_reports,
    "dynamics_labels": dynamics_labels,
    "pipedrive_api": pipedrive_api,
    "odoo_labels": odoo_labels,
}
"""The same exports by their other names; the CRM is the word before the underscore."""
