"""New leads in tables of the shape that `LeadData` was given, read as those were."""

import logging

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.definitions.table_schema import Attribute
from leadcast.features.ingest.leads import AS_OF
from leadcast.features.ingest.new_leads import NewLeads, mapped
from leadcast.features.nonhuman.people_rules import PeopleRules
from leadcast.features.readers.frames import Frame, as_polars
from leadcast.pipelines.frames.given import renamed_table
from leadcast.pipelines.frames.held import OwnFolder
from leadcast.pipelines.frames.lead_data import LeadData

logger = logging.getLogger("leadcast")
_NAMES = ("leads", "events")


def read_new(
    data: LeadData, leads: Frame, events: Frame | None, people: PeopleRules | None = None
) -> NewLeads:
    """Read new leads by what was said of the earlier ones: names, missing values, time zone.

    Parameters
    ----------
    data : LeadData
        The earlier ones.
    leads, events : DataFrame
        With the columns' names as they were there.
    people : PeopleRules or None
        As `leadcast.features.ingest.new_leads.NewRows.whole` takes them.

    Returns
    -------
    NewLeads
        A row for each of `leads`, in their order.

    Raises
    ------
    FaultsError
        With everything that is wrong with them; a lead that cannot be used is an error here.
    """
    tables, faults = [], list[Fault]()
    for name, frame in zip(_NAMES, (leads, events), strict=True):
        if frame is not None:
            table, wrong = renamed_table(name, as_polars(frame, name), data.said)
            tables.append(table)
            faults += wrong
    if faults:
        raise FaultsError("new leads", faults)
    new = _read(data, tables, people)
    lost = tables[0].height - new.leads.height
    if lost:
        reasons = new.set_aside.filter(~pl.col("kept") & (pl.col("table") == "leads"))["reason"]
        found = f"{lost} rows that cannot be scored: {'; '.join(reasons.unique().sort())}"
        expected = "leads that can be read, each once"
        raise FaultsError("new leads", [Fault("leads", found, expected, "Leave them out.")])
    for warning in new.warnings:
        logger.warning("%s", warning)
    return new


def _read(data: LeadData, tables: list[pl.DataFrame], people: PeopleRules | None) -> NewLeads:
    folder = OwnFolder()
    # Told by their names, and not by where they lie meanwhile.
    places = [folder.path / f"{name}.parquet" for name in _NAMES[: len(tables)]]
    for table, place in zip(tables, places, strict=True):
        table.write_parquet(place)
    definition = data.definition.model_copy(update={"root": folder.path})
    if AS_OF in tables[0].columns:
        about = definition.tables.leads
        moments = {AS_OF: Attribute(column=AS_OF, type="time")}
        asked = about.model_copy(update={"attributes": {**about.attributes, **moments}})
        told = definition.tables.model_copy(update={"leads": asked})
        definition = definition.model_copy(update={"tables": told})
    types = data.tables.attribute_types
    return mapped(definition, places[:1], places[1:], types).whole(people)
