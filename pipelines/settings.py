"""What a run uses: the parameters laid over what the source's definition says."""

from features.snapshots import SnapshotSettings
from features.sources.load import find_definition
from features.tables import Tables, TimeOrder
from pipelines.params import Params
from pipelines.paths import SOURCES


def snapshot_settings(source: str, params: Params) -> SnapshotSettings:
    """Give the landmarks and the horizon that a run uses.

    Parameters
    ----------
    source : str
        The source's name.
    params : Params
        The parameters; where they say nothing, the source's definition does.

    Returns
    -------
    SnapshotSettings
    """
    return params.snapshots.over(find_definition(source, SOURCES).snapshots)


def horizon_days(tables: Tables, settings: SnapshotSettings) -> float | None:
    """Give how far labels look ahead.

    Parameters
    ----------
    tables : Tables
        The canonical tables.
    settings : SnapshotSettings
        The run's settings.

    Returns
    -------
    float or None
        Days; None where the source is not dated.
    """
    return settings.horizon_days if tables.time_order is TimeOrder.DATED else None
