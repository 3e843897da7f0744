"""The demo's vendors: who delivers what, and that a world without them stays what it was."""

from pathlib import Path

import polars as pl
import pytest

from leadcast.demo.sellers.overlay import NUMBER_DISCONNECTED, add_sellers
from leadcast.demo.sellers.vendors import FAKING, NAMES, PAYING, RESELLING, TRUTHS, VENDORS
from leadcast.demo.simulate import simulate
from leadcast.features.base.files import read_json, sha256_of

LEADS = 3_000


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    out = tmp_path_factory.mktemp("sellers")
    simulate(LEADS, 7, out / "plain", part_leads=1_800)
    simulate(LEADS, 7, out / "sold", part_leads=1_800, change=add_sellers)
    return out / "plain", out / "sold"


@pytest.fixture(scope="module")
def leads(folders: tuple[Path, Path]) -> pl.DataFrame:
    return pl.read_parquet(folders[1] / "leads.parquet").join(
        pl.read_parquet(folders[1] / "sellers_truth.parquet").select("lead_id", "kind"),
        left_on="Lead ID",
        right_on="lead_id",
    )


def test_what_vendors_do_not_touch_stays_as_it_was(folders: tuple[Path, Path]) -> None:
    plain, sold = (pl.read_parquet(folder / "leads.parquet") for folder in folders)
    touched = ["Vendor", "Cost", "Email", "Phone", "Created Date"]
    same = [name for name in plain.columns if name not in touched]
    assert plain.select(same).equals(sold.select(same))
    assert not (folders[0] / "sellers_truth.parquet").exists()
    about = [read_json(folder / "about.json") for folder in folders]
    assert "sellers" not in about[0]
    assert about[1] == about[0] | {"sellers": True, "events": about[1]["events"]}


def test_each_vendor_delivers_what_it_is_meant_to(leads: pl.DataFrame) -> None:
    share = {
        (vendor, kind): rows / total
        for vendor, kind, rows, total in leads.group_by("Vendor", "kind")
        .agg(pl.len())
        .with_columns(total=pl.col("len").sum().over("Vendor"))
        .iter_rows()
    }
    assert share[NAMES[PAYING], "paid_form"] > 0.5
    assert share[NAMES[FAKING], "faked"] > 0.3
    assert share[RESELLING, "resold"] > 0.15
    assert share["Leadharbour", "honest"] > 0.95
    assert {kind for vendor, kind in share if vendor is None} == {"honest", "prize"}
    assert set(leads["kind"]) == set(TRUTHS)
    prices = {vendor.name: vendor.price for vendor in VENDORS}
    sold = leads.drop_nulls("Vendor")
    assert (sold["Cost"] == sold["Vendor"].replace_strict(prices)).all()


def test_junk_is_filled_in_as_junk_is(leads: pl.DataFrame) -> None:
    usual = leads.group_by("kind").agg(
        pl.col("Form Seconds").median(),
        pl.col("Pasted Fields").mean(),
        leads_of_a_device=pl.len() / pl.col("Device").n_unique(),
        night=(pl.col("Created Date").dt.hour() < 5).mean(),
    )
    by_kind = {row["kind"]: row for row in usual.iter_rows(named=True)}
    seconds = [by_kind[kind]["Form Seconds"] for kind in ("faked", "paid_form", "honest")]
    assert seconds == sorted(seconds)
    assert by_kind["faked"]["night"] > 0.9 > 0.3 > by_kind["honest"]["night"]
    assert by_kind["honest"]["leads_of_a_device"] < 1.2 < by_kind["paid_form"]["leads_of_a_device"]
    assert by_kind["faked"]["Pasted Fields"] > by_kind["honest"]["Pasted Fields"]


def test_nobody_is_behind_a_faked_lead(folders: tuple[Path, Path], leads: pl.DataFrame) -> None:
    events = pl.read_parquet(folders[1] / "events" / "*.parquet")
    faked = leads.filter(kind="faked")
    assert events.join(faked, on="Lead ID", how="semi").is_empty()
    dead = events.filter(Type=NUMBER_DISCONNECTED).join(leads, on="Lead ID")
    assert (dead["Time"] > dead["Created Date"]).all()
    assert dead["Vendor"].null_count() == 0
    outcomes = pl.read_parquet(folders[1] / "outcomes.parquet").join(leads, on="Lead ID")
    ended = outcomes.select(pl.coalesce("Won At", "Lost At") - pl.col("Created Date"))
    assert ended.to_series().drop_nulls().min() > pl.Series([0], dtype=pl.Duration("us"))[0]


def test_the_same_seed_gives_the_same_vendors(tmp_path: Path) -> None:
    for name in ("a", "b"):
        simulate(200, 3, tmp_path / name, part_leads=120, change=add_sellers)
    files = [
        {
            path.relative_to(tmp_path / name): sha256_of(path)
            for path in (tmp_path / name).rglob("*.parquet")
        }
        for name in ("a", "b")
    ]
    assert files[0] == files[1]
