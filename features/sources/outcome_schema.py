"""How a source tells how its leads ended: by dates, by a status, or by events."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field

from features.sources.schema import Name, NumberFormat, Reader, Section, Values


class OutcomeColumns(Section):
    """What the columns of every outcome form may be.

    Parameters
    ----------
    lead_id : str or None
        Whose outcome it is; not for outcomes that stand in the leads' table.
    amount : str or None
        What the customer was worth.
    """

    lead_id: Name | None = None
    amount: Name | None = None


class DateColumns(OutcomeColumns):
    """Columns with the times of the outcome.

    Parameters
    ----------
    won_at, lost_at : str or None
        When the lead became a customer, and when it was given up; blank while open.
    """

    won_at: Name
    lost_at: Name | None = None


class StatusColumns(OutcomeColumns):
    """A column with the outcome's name, and perhaps its time.

    Parameters
    ----------
    status : str
        How the lead stands.
    closed_at : str or None
        When it came to stand so; None where the export does not know.
    """

    status: Name
    closed_at: Name | None = None


class TableOutcomes(Section):
    """Outcomes that are rows of a table.

    Parameters
    ----------
    read : FileReader, SqlReader or None
        Where the rows come from; None: the leads' table has these columns.
    time_zone, time_format, numbers
        As for every table.
    """

    read: Reader | None = None
    time_zone: str | None = None
    time_format: Values = ()
    numbers: NumberFormat = NumberFormat()


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
        Which values mean what; a blank one means open.
    """

    form: Literal["status"]
    columns: StatusColumns
    won: Annotated[Values, Field(min_length=1)]
    lost: Values = ()
    open: Values = ()


class EventOutcomes(Section):
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
