"""``leadcast icp``: the profile that the company believes in, held against what converts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.base.files import write_json, write_text_out, written_whole
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.yaml_lines import yaml_text
from leadcast.features.tables import Tables, TimeOrder
from leadcast.models.audit.lead_outcomes import LeadOutcomes
from leadcast.models.charts.numbers import ShownEstimate, percent
from leadcast.models.profile_fit.ideal_profile import IdealProfile, check_profile, load_profile
from leadcast.models.profile_fit.outside_leads import overlooked_leads
from leadcast.models.profile_fit.profile_judged import inside_of, judge_profile
from leadcast.models.profile_fit.profile_suggested import (
    fields_to_consider,
    plain_profile,
    suggest_profile,
)
from leadcast.pipelines.base.params import horizon_days, load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.insight.icp_page import icp_page


def tell_icp(
    source: str, profile: Path, suggest: Path | None = None, *, force: bool = False
) -> str:
    """Hold a profile against a source's leads, and suggest one.

    Parameters
    ----------
    source : str
        Its name; it must have been run.
    profile : Path
        The profile's YAML file.
    suggest : Path or None
        Where to write the suggested profile, as the next one.
    force : bool
        Whether it may replace a file that Leadcast did not write.

    Returns
    -------
    str

    Raises
    ------
    FaultsError
        With every fault of the profile.
    LeadcastError
        If the source has not been run.
    """
    run = RunFolder(source)
    for path in (run.tables, run.snapshots):
        run.require(path)
    tables = Tables.read(run.tables)
    believed = load_profile(profile, tables.leads)
    if suggest is not None:
        refuse_inputs([suggest], [profile, find_definition(source).file])
        refuse_foreign_file(suggest, force=force, quick=True)
    warnings = check_profile(believed, tables.leads)
    settings = snapshot_settings(source, load_params(), tables)
    found = compared_profiles(believed, tables, pl.read_parquet(run.snapshots))
    about = {
        "source": source,
        "title": find_definition(source).title,
        "profile": believed.title or str(profile),
        "horizon_days": horizon_days(tables, settings),
        "dated": tables.time_order is not TimeOrder.UNORDERED,
    }
    found = about | found
    write_json(run.icp, found)
    with written_whole(run.icp_page) as temporary:
        temporary.write_text(icp_page(found), encoding="utf-8")
    written = [run.icp, run.icp_page]
    if suggest is not None and found["suggested_yaml"] is not None:
        write_text_out(suggest, found["suggested_yaml"], force=force)
        written.append(suggest)
    return "\n".join([*_lines(found, warnings), f"written: {', '.join(map(str, written))}"])


def compared_profiles(
    believed: IdealProfile, tables: Tables, snapshots: pl.DataFrame
) -> dict[str, Any]:
    """Judge what is believed, suggest a profile by the earlier leads, and judge both on the later.

    Parameters
    ----------
    believed : IdealProfile
    tables : Tables
    snapshots : pl.DataFrame
        As the snapshots stage writes them, with their part.

    Returns
    -------
    dict
        Of JSON values: ``believed`` (on all leads whose outcome is known), ``believed_later`` and
        ``suggested_later`` (on the test's leads), ``suggested`` (its criteria on these), and
        ``suggested_yaml`` (None where nothing is suggested), ``overlooked``.
    """
    first = _youngest(snapshots)
    everybody = LeadOutcomes.of(tables.leads, first)
    # The test's leads came later than all whose outcome was learned from, and no person is in both.
    earlier, later = (
        LeadOutcomes.of(tables.leads, first.filter(part=part)) for part in ("train", "test")
    )
    suggested = suggest_profile(believed, earlier, tables.attribute_types)
    fields = fields_to_consider(believed, tables.leads, tables.attribute_types)
    inside, _ = inside_of(believed, tables.leads)
    overlooked = overlooked_leads(fields, inside, earlier, later)
    return {
        "believed": judge_profile(believed, everybody).to_json(),
        "believed_later": judge_profile(believed, later).to_json(),
        "suggested_later": None if suggested is None else judge_profile(suggested, later).to_json(),
        "suggested_yaml": None if suggested is None else yaml_text(plain_profile(suggested)),
        "considered": [field.name for field in fields],
        "overlooked": [one.to_json() for one in overlooked],
    }


def _youngest(snapshots: pl.DataFrame) -> pl.DataFrame:
    """Take the looks at the youngest age, so that earlier and later leads are of one age."""
    age = pl.col("landmark_days")
    return snapshots.filter(age.is_null() | (age == age.min()))


def _lines(found: Mapping[str, Any], warnings: list[Fault]) -> Iterator[str]:
    believed = found["believed"]
    horizon = found["horizon_days"]
    until = "" if horizon is None else f" within {horizon:g} days"
    base = ShownEstimate.of(believed, "base").text(percent)
    yield (
        f"{found['source']}: {found['profile']}: {believed['known']:,} leads whose outcome is "
        f"known, {base} customers{until}"
    )
    yield from (f"  warning: {fault}" for fault in warnings)
    width = max(len(one["words"]) for one in believed["criteria"])
    yield f"  {'criterion':{width}}  {'in':>24}  {'out':>24}  what it does"
    for one in believed["criteria"]:
        inside, outside = (_short(one, side) for side in ("inside", "outside"))
        yield f"  {one['words']:{width}}  {inside:>24}  {outside:>24}  {one['fit']}"
    yield f"  {_whole('the whole profile', believed)}"
    yield "On the later leads, which nothing was learned from:"
    yield f"  {_whole('believed', found['believed_later'])}"
    if found["suggested_later"] is None:
        yield "  suggested: none, because no field tells who converts beyond chance"
    else:
        yield f"  {_whole('suggested', found['suggested_later'])}"
    holds = [one for one in found["overlooked"] if one["holds"]]
    if holds:
        yield "Outside the profile, and converting no worse than inside on the later leads too:"
        for one in holds:
            later = ShownEstimate.of(one, "later").text(percent)
            yield f"  {one['words']}: {later} of {one['known_later']:,}"
    if found["suggested_yaml"] is not None:
        yield "The profile that the data suggest:"
        yield from (f"    {line}" for line in found["suggested_yaml"].splitlines())


def _short(one: Mapping[str, Any], side: str) -> str:
    estimate = ShownEstimate.of(one, side)
    if estimate.value is None:
        return "–"
    ends = f"{estimate.low or 0:.1%}–{estimate.high or 0:.1%}"
    return f"{estimate.value:.1%} ({ends}) of {one[f'known_{side}']:,}"


def _whole(name: str, fit: Mapping[str, Any]) -> str:
    whole, reached = fit["whole"], percent(fit["reached"])
    ends = (ShownEstimate.of(whole, side).text(percent) for side in ("inside", "outside"))
    inside, outside = ends
    return (
        f"{name}: {percent(fit['share_inside'])} of the leads are inside, with {reached} of the "
        f"customers: {inside} of {whole['known_inside']:,} convert, against {outside} outside"
    )
