"""One moment that a person typed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def parse_moment(text: str, time_zone: str | None = None) -> datetime:
    """Read a moment; a date alone is its beginning.

    Parameters
    ----------
    text : str
        ISO 8601: ``2024-03-31``, ``2024-03-31T18:00``, ``2024-03-31 18:00:00+02:00``.
    time_zone : str or None
        The zone of a moment that names none.

    Returns
    -------
    datetime
        In UTC.

    Raises
    ------
    ValueError
        If it is no moment, has no zone, or does not exist or exists twice in that zone; says so
        in a sentence without its full stop.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a time; write it like 2024-03-31T18:00:00Z") from None
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    if time_zone is None:
        raise ValueError(f"{text!r} names no time zone; add one (Z means UTC) or set time_zone")
    return _local(moment, time_zone)


def _local(moment: datetime, time_zone: str) -> datetime:
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{time_zone!r} is not the name of a time zone") from None
    earlier, later = (moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if earlier == later:
        return earlier
    exists = earlier.astimezone(zone).replace(tzinfo=None) == moment
    found = "exists twice" if exists else "does not exist"
    raise ValueError(f"{moment} {found} in {time_zone}, where clocks were changed; name the offset")
