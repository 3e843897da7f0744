"""Canonical tables to snapshots with mature labels, split by time."""

import polars as pl

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.base.files import read_json, write_json, written_whole
from leadcast.features.definitions.load import find_definition
from leadcast.features.snapshots import (
    UNRECORDED,
    SnapshotSettings,
    count_looks,
    has_dated_outcome,
    make_snapshots,
)
from leadcast.features.tables import Tables, moment_words
from leadcast.models.account import account_frame, left_out_words, unseen_words
from leadcast.models.splits import FRESH, PARTS, split_snapshots, split_summary, with_fresh
from leadcast.pipelines.base.params import (
    Params,
    horizon_days,
    load_params,
    snapshot_settings,
    split_settings,
)
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.selection import weighed
from leadcast.pipelines.base.seller_facts import without_junk
from leadcast.pipelines.base.stage import run_stage


def take_snapshots(source: str) -> str:
    """Look at each lead at its landmarks, label what is mature, and split."""
    run, params = RunFolder(source), load_params()
    tables = Tables.read(run.tables)
    settings = snapshot_settings(source, params, tables)
    split = without_junk(find_definition(source), _split(source, tables, params), tables, params)
    split, weights = weighed(run, split, tables, params)
    with written_whole(run.snapshots) as temporary:
        split.write_parquet(temporary)
    quality = read_json(run.tables / "quality.json")
    account = account_frame(quality["account"], count_looks(tables, settings), split)
    write_json(run.account, account.to_dicts())
    words = _words(split, account, horizon_days(tables, settings))
    return f"{words}\n{weights}" if weights else words


def foresee_split(source: str, tables: Tables, params: Params) -> str:
    """Tell how a run would split a source's snapshots, and what it would leave out.

    Parameters
    ----------
    source : str
        Its name.
    tables : Tables
        Its tables; their events are not looked at.
    params : Params

    Returns
    -------
    str
        Its counts by part and by reason, and below them what is to be changed, if anything is;
        or why there would be no split.
    """
    settings = snapshot_settings(source, params, tables)
    try:
        split = _split(source, tables, params)
    except FaultsError as error:
        return f"a run would stop: {' '.join(map(str, error.faults))}"
    except LeadcastError as error:
        return f"a run would stop: {error}"
    account = account_frame([], count_looks(tables, settings), split)
    return _words(split, account, horizon_days(tables, settings))


def _split(source: str, tables: Tables, params: Params) -> pl.DataFrame:
    settings, how = snapshot_settings(source, params, tables), split_settings(source, params)
    try:
        snapshots = make_snapshots(tables, settings, params.seed)
        split = split_snapshots(snapshots, how, horizon_days(tables, settings))
    except LeadcastError as error:
        raise LeadcastError(f"{error}{_unrecorded_words(tables, settings)}") from None
    return with_fresh(split) if has_dated_outcome(tables) else split


def _words(split: pl.DataFrame, account: pl.DataFrame, horizon: float | None) -> str:
    counts = dict(split["part"].value_counts().iter_rows())
    parts = ", ".join(f"{part} {counts[part]:,}" for part in (*PARTS, FRESH) if part in counts)
    told = f"{split.height:,} snapshots: {parts}, {left_out_words(account)}{unseen_words(account)}"
    return "\n".join([told, *split_summary(split, horizon).warnings])


def _unrecorded_words(tables: Tables, settings: SnapshotSettings) -> str:
    if tables.outcomes_from is None:
        return ""
    rows = count_looks(tables, settings).get(UNRECORDED, 0)
    return (
        f". {rows:,} more of leads from before outcomes were recorded "
        f"({moment_words(tables.outcomes_from)}) are left out; outcomes_from and before_outcomes "
        "in the source's definition say so"
    )


if __name__ == "__main__":
    run_stage("snapshots", take_snapshots)
