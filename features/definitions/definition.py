"""A source definition: one YAML file that says where leads come from and what they mean.

How a source tells how its leads ended: by dates, by a status, or by events.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)

from leadcast.features.definitions.changes_section import (
    ACCOUNT_CHANGES,
    HISTORY,
    AccountChangesTable,
    AttributeChangesTable,
)
from leadcast.features.definitions.identity_section import AccountsSection, IdentityDefaults
from leadcast.features.definitions.nonhuman_section import NonhumanSection
from leadcast.features.definitions.table_schema import (
    AccountsTable,
    Attribute,
    EventsTable,
    Joins,
    LeadsTable,
    Name,
    Reader,
    RowFilters,
    ServedFilter,
    SplitCells,
    TimePrecision,
    as_sequence,
)
from leadcast.features.definitions.vendor_terms import VendorTerms
from leadcast.features.snapshots import refuse_landmarks
from leadcast.features.values.formats import (
    AmbiguousTimes,
    NumberFormat,
    TableSection,
    Values,
    as_list,
)
from leadcast.features.values.identifiers import IdForm


class OutcomeColumns(TableSection):
    """What the columns of every outcome form may be."""

    lead_id: Name | None = None
    """Whose outcome it is; not for outcomes that stand in the leads' table."""
    amount: Name | None = None
    """What the customer was worth."""
    currency: Name | None = None
    """The currency of each amount; one that is not the declared one is not read."""


class DateColumns(OutcomeColumns):
    """Columns with the times of the outcome."""

    won_at: Name | None = None
    lost_at: Name | None = None
    """When the lead became a customer, and when it was given up; blank while open. Of several
    tables, one may tell the losses alone."""

    @model_validator(mode="after")
    def _tells_an_end(self) -> Self:
        if self.won_at is None and self.lost_at is None:
            raise ValueError("won_at, the column with the time of the win (or lost_at)")
        return self


class StatusColumns(OutcomeColumns):
    """A column with the outcome's name, and perhaps its time."""

    status: Name
    """How the lead stands."""
    closed_at: Name | None = None
    """When it came to stand so; None where the export does not know."""


class TableOutcomes(TableSection):
    """Outcomes that are rows of a table.

    Parameters
    ----------
    read : FileReader, SqlReader or None
        Where the rows come from; None: the leads' table has these columns.
    time_zone, time_format, numbers, split_cells, join, where
        As for every table.
    time_precision : {"day", "moment"} or None
        Whether its times name days only, which are known when they are over; None: they tell.
    """

    read: Reader | None = None
    time_precision: TimePrecision | None = None
    time_zone: str | None = None
    time_format: Values = ()
    numbers: NumberFormat = NumberFormat()
    split_cells: SplitCells = Field(default_factory=dict)
    join: Joins = ()
    where: RowFilters = ()


class DatedOutcomes(TableOutcomes):
    """Won and lost have a column each, with the time.

    Parameters
    ----------
    columns : DateColumns
        The columns.
    """

    form: Literal["dates"]
    columns: DateColumns


class StatusOutcomes(TableOutcomes):
    """One column names the outcome (a flag is such a column too).

    Parameters
    ----------
    columns : StatusColumns
        The columns.
    won, lost, open : tuple of str
        Which values mean what; a blank one means open. Of several tables, one may tell the
        losses alone.
    """

    form: Literal["status"]
    columns: StatusColumns
    won: Values = ()
    lost: Values = ()
    open: Values = ()


class EventOutcomes(TableSection):
    """The outcome is an event; such events are taken out of the event table.

    Parameters
    ----------
    won_events, lost_events : tuple of str
        Event types; a lead's first of each gives the time.
    """

    form: Literal["events"]
    won_events: Annotated[Values, Field(min_length=1)]
    lost_events: Values = ()


Outcomes = Annotated[DatedOutcomes | StatusOutcomes | EventOutcomes, Discriminator("form")]


Share = Annotated[float, Field(ge=0, le=1)]


class Limits(TableSection):
    """Which share of a table's rows may be at fault before the work stops.

    Up to its limit a fault is a counted warning and its rows go to the quarantine file.

    Parameters
    ----------
    unreadable_values : float
        Times, numbers and flags that cannot be read, rows that cannot be split into fields,
        blank identifiers; each column on its own.
    duplicate_leads : float
        Rows whose lead id an earlier row has; the first row counts.
    duplicate_outcomes : float
        Outcome rows of a lead that has one already; the first win counts, else the first loss.
    orphan_events, orphan_outcomes : float
        Rows of a lead that the leads' table does not have.
    unknown_outcomes : float
        Statuses that the definition does not name.
    events_before_creation : float
        Events before their lead's creation (anonymous visits, for example).
    outcomes_before_creation : float
        Leads that ended before they began.
    future_times : float
        Times after `observed_until`.
    repeated_join_keys : float
        Rows of a joined table whose identifiers an earlier row has; the first row counts.
    contradicting_outcomes : float
        Rows of one outcome table that end a lead otherwise than another does.
    """

    unreadable_values: Share = 0.01
    duplicate_leads: Share = 0.0
    duplicate_outcomes: Share = 0.0
    orphan_events: Share = 0.01
    orphan_outcomes: Share = 0.01
    unknown_outcomes: Share = 0.0
    events_before_creation: Share = 0.5
    outcomes_before_creation: Share = 0.01
    future_times: Share = 0.01
    repeated_join_keys: Share = 0.0
    contradicting_outcomes: Share = 0.05


class SnapshotDefaults(TableSection):
    """What suits this source, where the parameters do not say otherwise."""

    landmarks_days: tuple[Annotated[float, Field(ge=0)], ...] | Literal["auto"] | None = None
    """Ages at which leads are scored; ``auto``: those of the open leads, found when it is run."""
    horizon_days: Annotated[float, Field(gt=0)] | None = None
    """Within how many days a lead becomes a customer."""
    reporting_lag_days: Annotated[float, Field(ge=0)] | None = None
    """How long an outcome takes to reach the export."""

    _landmarks_increase = field_validator("landmarks_days")(refuse_landmarks)


def without_calibration_part(said: object) -> object:
    """Let pass what files of earlier versions say of a part of the split that is no more.

    Parameters
    ----------
    said : object
        The section ``split`` of a definition or of the parameters.

    Returns
    -------
    object
        The same without ``calibration_fraction: null``, which said nothing.

    Raises
    ------
    ValueError
        If a share is named.
    """
    gone = "calibration_fraction"
    if not isinstance(said, dict) or gone not in said:
        return said
    if said[gone] is not None:
        raise ValueError(
            f"no key {gone}: no part is cut out for calibration any more, which uses what the "
            "rolling origins predict. Remove the line"
        )
    return {key: value for key, value in said.items() if key != gone}


class SplitDefaults(TableSection):
    """How this source is split in time, where the parameters do not say otherwise."""

    test_fraction: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The latest share of the labelled snapshots, on which the score is tested."""
    purge_horizons: Annotated[float, Field(ge=0)] | None = None
    """The gap before the test, in horizons."""
    test_from: Name | None = None
    """The time from which on snapshots are the test, instead of `test_fraction` of them."""

    @model_validator(mode="before")
    @classmethod
    def _no_calibration_part(cls, said: object) -> object:
        return without_calibration_part(said)


class ComparisonDefaults(TableSection):
    """What the comparison with points must know of this source.

    Parameters
    ----------
    points_after_days : float
        The age of a lead from which on its score column is known and stays as it is.
    worked_from_points : float or None
        Sales works leads from so many points on, and hardly any other.
    calls_per_week : float or None
        How many leads the team can call.
    call_landmark_days : float or None
        At which age a lead is put on the call list.
    cost_per_call, value_per_customer : float or None
        In the currency of the amounts.
    currency : str or None
        Of the amounts, as it is written before them: ``EUR``.
    rules : Path or None
        A points table to compare with instead of the score column.
    """

    points_after_days: Annotated[float, Field(ge=0)] = 0.0
    worked_from_points: float | None = None
    calls_per_week: Annotated[float, Field(gt=0)] | None = None
    call_landmark_days: Annotated[float, Field(ge=0)] | None = None
    cost_per_call: Annotated[float, Field(ge=0)] | None = None
    value_per_customer: Annotated[float, Field(gt=0)] | None = None
    currency: Annotated[str, Field(min_length=1, max_length=8)] | None = None
    rules: Path | None = None


class AmountsSection(TableSection):
    """What amounts mean.

    Parameters
    ----------
    currency : str or None
        In which all amounts are, by its ISO 4217 code: ``EUR``. Others are not read.
    known_in_advance : str or None
        The attribute of the leads (a number) that is what a lead will be worth if it is won, and
        is known as soon as the lead is there: the sum that was asked for, a list price.
    """

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    known_in_advance: Name | None = None


class HandoffDefaults(TableSection):
    """How leads are handed to sales; who owns them says ``tables.leads.sales``.

    Parameters
    ----------
    required : tuple of str
        Attributes without which a lead cannot be called.
    owners : dict of str to tuple of str
        Owners, each with the territories whose leads are theirs where a lead has no owner.
    behaviours : tuple of str
        The kinds of events that marketing can bring a lead to; empty: any that were seen.
    """

    required: Annotated[tuple[Name, ...], BeforeValidator(as_list)] = ()
    owners: dict[str, Annotated[tuple[Name, ...], BeforeValidator(as_list)]] = Field(
        default_factory=dict
    )
    behaviours: Annotated[tuple[Name, ...], BeforeValidator(as_list)] = ()


DeniedMeaning = Literal["payout", "commission", "bid", "lead_price", "protected"]
"""What a denied column means: what is paid out, earned, bid or paid for the lead, or a protected
attribute of the person."""


class SimulatedMachines(TableSection):
    """Machines and colleagues among a simulated world's events.

    Parameters
    ----------
    gateways : float
        The share of companies whose e-mail gateway opens e-mails and follows their links.
    privacy_proxies : float
        The share of people whose mail program fetches every e-mail's pictures by a proxy.
    colleagues : float
        The share of e-mails that a colleague looks at as well.
    test_leads : float
        The share of leads that are colleagues' tests.
    delay_seconds : float
        About so long after delivery a gateway follows links.
    """

    gateways: Share = 0.3
    privacy_proxies: Share = 0.3
    colleagues: Share = 0.02
    test_leads: Share = 0.005
    delay_seconds: Annotated[float, Field(gt=0)] = 15.0


class Simulation(TableSection):
    """The source's files are made by the simulator where they are absent.

    Parameters
    ----------
    leads : int
        How many leads.
    seed : int
        The simulator's seed.
    sellers : bool
        Whether vendors deliver leads of their own, honest ones and others.
    machines : SimulatedMachines or None
        Machines and colleagues among its events; None: there are none but the simplest.
    histories : bool
        Whether sales fills in fields of the leads later on, with a history of it.
    accounts : bool
        Whether companies buy as groups of leads.
    """

    leads: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)]
    sellers: bool = False
    machines: SimulatedMachines | None = None
    histories: bool = False
    accounts: bool = False

    @model_validator(mode="after")
    def _one_world(self) -> Self:
        worlds = (self.sellers, self.histories, self.accounts, self.machines is not None)
        if sum(worlds) > 1:
            raise ValueError(
                "sellers, machines, histories and accounts are worlds of their own; name one of "
                "them"
            )
        return self


class TableSet(TableSection):
    """The tables of a source."""

    leads: LeadsTable
    """One row a lead."""
    accounts: AccountsTable | None = None
    """What is known of the companies that leads belong to."""
    events: Annotated[tuple[EventsTable, ...], BeforeValidator(as_sequence)] = ()
    """What leads did; one table or a list of tables."""
    outcomes: Annotated[tuple[Outcomes, ...], BeforeValidator(as_sequence), Field(min_length=1)]
    """How leads ended; one table or a list of tables."""
    attribute_changes: AttributeChangesTable | None = None
    """What the leads' attributes said before."""
    account_changes: AccountChangesTable | None = None
    """What the accounts' attributes said before."""


MERGES = "merges"
"""The table of what the CRM has merged."""


class SourceDefinition(TableSection):
    """One source, as its YAML file describes it; ``data/sources/template.yaml`` explains each key.

    Parameters
    ----------
    name : str
        The file's name without its ending.
    title, homepage, licence : str
        What it is, where it is published, and under which terms.
    where_to_get : str
        A sentence for somebody who does not have the files yet.
    root : Path
        The folder of the files; in the YAML it may hold ``${VARIABLE:-default}``.
    simulation : Simulation or None
        For a source that the simulator makes.
    observed_until : str or None
        Until when outcomes are known: a time, or ``latest`` for the latest time in the data.
    outcomes_from : str or None
        From when on outcomes were recorded: a time, ``first`` for the first outcome in the data,
        or ``always``; None: always, unless the data say otherwise.
    before_outcomes : {"set_aside", "delayed_entry"}
        Whether leads from before are left out of training and testing, or count from then on.
    time_zone : str or None
        The zone of times that name none.
    local_time_zone : str or None
        The zone in whose hours and weekdays leads live; None: `time_zone`, or UTC.
    ambiguous_times : {"set_aside", "earlier", "later"}
        Which of the two moments a local time means in the hour that clocks repeat.
    ids : {"salesforce"} or None
        Whose identifiers the source has: an id of 18 letters is read as its first 15.
    events_before_creation : {"keep", "set_aside"}
        Whether visits before a lead became known belong to its history.
    tables : TableSet
        Leads, accounts, events and outcomes.
    forbidden : dict of str to str
        Columns that must not be read, each with the reason.
    denied : dict of str to str
        Columns of the leads' table that no score may use, each with its meaning. They are read and
        kept beside the leads, so that columns which reproduce them are found.
    groups : tuple of str
        Columns of the leads' table by whose values the scores are reported, group by group; never
        features. Denied as ``protected`` where `denied` does not name them.
    permitted : dict of str to str
        Attributes that are named like a protected one, or reproduce a denied column, and may be
        used all the same, each with the reason.
    snapshots : SnapshotDefaults
        Landmarks and horizon that suit this source.
    split : SplitDefaults
        How this source is split in time.
    segments : tuple of str
        Attributes by whose values the test is also measured, one segment after the other.
    segments_by : tuple of str
        Attributes whose values (countries, product lines, teams) may have levels and slopes of
        their own, where the backtest shows that it helps.
    serves : dict of str to tuple of str
        For which leads the model is, where others have models of their own: the leads' attributes,
        each with its values. The other leads of the export are left out.
    comparison : ComparisonDefaults
        What the comparison with points must know.
    amounts : AmountsSection
        In which currency amounts are, and which attribute tells them in advance.
    handoff : HandoffDefaults
        How leads are handed to sales.
    vendors : dict of str to VendorTerms
        What was agreed with vendors of leads, by the values of the attribute ``vendor``.
    junk_in_training : {"keep", "set_apart", "weigh"}
        What becomes of leads that were likely junk when they arrived, where a model learns: they
        count as all others, not at all, or as much as they are likely not junk.
    identity : IdentityDefaults
        Which leads are one person.
    limits : Limits
        When a warning becomes an error.
    vouched : dict of str to str
        Doubts that are no doubts here, each with the reason: by its code, or by ``code:column``
        for one column (`leadcast.features.definitions.doubt_kinds`).
    own_domains : tuple of str
        The company's own e-mail domains, whose leads are tests or colleagues.
    accounts : AccountsSection or None
        Which leads belong to one account, whose history they then carry; None: nothing is read of
        a lead's account.
    hygiene_features : bool
        Whether features judge addresses, numbers and names by lists (`leadcast.features.hygiene`).
    nonhuman : NonhumanSection or None
        How events that are not people's are told from others; None: all events are people's.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Name
    homepage: str | None = None
    licence: str = "unknown"
    where_to_get: Name
    root: Path
    simulation: Simulation | None = None
    observed_until: str | None = None
    outcomes_from: str | None = None
    before_outcomes: Literal["set_aside", "delayed_entry"] = "set_aside"
    time_zone: str | None = None
    local_time_zone: str | None = None
    ambiguous_times: AmbiguousTimes = "set_aside"
    ids: IdForm | None = None
    events_before_creation: Literal["keep", "set_aside"] = "keep"
    tables: TableSet
    forbidden: dict[str, Name] = Field(default_factory=dict)
    denied: dict[Name, DeniedMeaning] = Field(default_factory=dict)
    groups: Annotated[tuple[Name, ...], BeforeValidator(as_list)] = ()
    permitted: dict[Name, Name] = Field(default_factory=dict)
    snapshots: SnapshotDefaults = SnapshotDefaults()
    split: SplitDefaults = SplitDefaults()
    segments: tuple[Name, ...] = ()
    segments_by: Annotated[tuple[Name, ...], BeforeValidator(as_list)] = ()
    serves: dict[Name, Annotated[Values, Field(min_length=1)]] = Field(default_factory=dict)
    comparison: ComparisonDefaults = ComparisonDefaults()
    amounts: AmountsSection = AmountsSection()
    handoff: HandoffDefaults = HandoffDefaults()
    vendors: dict[Name, VendorTerms] = Field(default_factory=dict)
    junk_in_training: Literal["keep", "set_apart", "weigh"] = "keep"
    identity: IdentityDefaults = IdentityDefaults()
    limits: Limits = Limits()
    vouched: dict[str, Name] = Field(default_factory=dict)
    own_domains: Annotated[tuple[Name, ...], BeforeValidator(as_list)] = ()
    accounts: AccountsSection | None = None
    hygiene_features: bool = False
    nonhuman: NonhumanSection | None = None
    _file: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _leaves_others_out(self) -> Self:
        leads = self.tables.leads
        filters = [
            ServedFilter(column=leads.attributes[name].column, one_of=values)
            for name, values in self.serves.items()
            if name in leads.attributes
        ]
        there = [one.model_dump() for one in leads.where]
        new = [one for one in filters if one.model_dump() not in there]
        if new:
            leads = leads.model_copy(update={"where": (*leads.where, *new)})
            # Frozen, and not given to anybody yet.
            self.__dict__["tables"] = self.tables.model_copy(update={"leads": leads})
        return self

    @property
    def file(self) -> Path:
        """Where the definition was read from."""
        return self._file

    @property
    def zone_of_leads(self) -> str | None:
        """In whose hours and weekdays leads live; None for UTC."""
        zone = self.local_time_zone or self.time_zone
        return None if zone == "UTC" else zone

    @property
    def currency(self) -> str | None:
        """In which currency amounts are; None where nobody said."""
        return self.amounts.currency or self.comparison.currency

    @property
    def is_dated(self) -> bool:
        """Whether its leads have a creation time."""
        return self.tables.leads.columns.created_at is not None

    def readers(self) -> dict[str, Reader]:
        """Name the tables that are read, each with its reader.

        Returns
        -------
        dict of str to FileReader or SqlReader
            ``leads``, ``accounts`` where there are some, ``events`` and ``outcomes`` (``events[0]``
            and so on where there are several; outcomes where they have a table of their own), and
            after each what is joined to it: ``leads.join[0]`` and so on; ``attribute_changes``,
            ``account_changes`` and ``merges`` where these are read.
        """
        found: dict[str, Reader] = {}
        for name, read, joins in self._read_tables():
            found[name] = read
            found |= {f"{name}.join[{index}]": one.read for index, one in enumerate(joins)}
        return found

    def joined_readers(self) -> dict[str, Reader]:
        """Name the tables among `readers` that are joined to others, each with its reader.

        Returns
        -------
        dict of str to FileReader or SqlReader
            What new leads are read with as well.
        """
        readers = self.readers().items()
        return {name: one for name, one in readers if name == "accounts" or ".join[" in name}

    def _read_tables(self) -> Iterator[tuple[str, Reader, Joins]]:
        leads, accounts = self.tables.leads, self.tables.accounts
        yield "leads", leads.read, leads.join
        if accounts is not None:
            yield "accounts", accounts.read, accounts.join
        for name, table in zip(self.event_table_names(), self.tables.events, strict=True):
            yield name, table.read, table.join
        if self.tables.attribute_changes is not None:
            yield HISTORY, self.tables.attribute_changes.read, self.tables.attribute_changes.join
        if self.tables.account_changes is not None:
            about = self.tables.account_changes
            yield ACCOUNT_CHANGES, about.read, about.join
        if self.identity.merges is not None:
            yield MERGES, self.identity.merges.read, self.identity.merges.join
        for name, outcomes in zip(self.outcome_table_names(), self.tables.outcomes, strict=True):
            if not isinstance(outcomes, EventOutcomes) and outcomes.read is not None:
                yield name, outcomes.read, outcomes.join

    def event_table_names(self) -> list[str]:
        """Name the event tables.

        Returns
        -------
        list of str
            ``events``, or ``events[0]``, ``events[1]`` and so on where there are several.
        """
        return numbered("events", len(self.tables.events))

    def outcome_table_names(self) -> list[str]:
        """Name what tells outcomes, likewise.

        Returns
        -------
        list of str
            ``outcomes``, or ``outcomes[0]``, ``outcomes[1]`` and so on where there are several.
        """
        return numbered("outcomes", len(self.tables.outcomes))

    def withheld(self) -> dict[str, DeniedMeaning]:
        """List the columns of the leads' table that are carried and never scored upon.

        Returns
        -------
        dict of str to str
            The export's columns, those of `denied` and of `groups`, each with its meaning.
        """
        found: dict[str, DeniedMeaning] = dict.fromkeys(self.groups, "protected")
        return found | self.denied

    def lead_attributes(self) -> dict[str, Attribute]:
        """List the attributes of a lead: its own, and its account's.

        Returns
        -------
        dict of str to Attribute
            An account's by the column that `account_column` names.
        """
        found, accounts = dict(self.tables.leads.attributes), self.tables.accounts
        for name, one in ({} if accounts is None else accounts.attributes).items():
            numbers = one.numbers or (accounts and accounts.numbers)
            update = {"column": account_column(one.column), "numbers": numbers}
            found[name] = one.model_copy(update=update)
        return found


def account_column(column: str) -> str:
    """Name a column of the accounts' table where it stands beside the leads' own."""
    return f"accounts.{column}"


def numbered(name: str, number: int) -> list[str]:
    """Name several tables by their number, and a single one without it."""
    return [name] if number == 1 else [f"{name}[{index}]" for index in range(number)]
