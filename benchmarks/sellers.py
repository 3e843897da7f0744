"""Who is found and who is accused: ``python -m benchmarks.sellers [--seeds N]``.

Worlds of 20,000 leads with thirteen vendors each: nine honest ones (one of which has a dozen leads,
and most deliver a little junk without knowing), one that pays people for filling in forms (seven
leads of ten), one half of whose leads a program makes up, one with a sixth of paid forms, and one
that resells a third. What each lead is, and its true probability, is known.
"""

import argparse
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.results import write_result
from leadcast.demo.sellers.overlay import NUMBER_DISCONNECTED, add_sellers
from leadcast.demo.simulate import simulate
from leadcast.features.definitions.load import find_definition
from leadcast.features.ingest.ingest import ingest
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import SnapshotSettings
from leadcast.features.tables import Tables
from leadcast.models.sellers.expected import expected_conversions
from leadcast.models.sellers.junk import JunkFound, find_junk
from leadcast.models.sellers.lead_facts import SELLERS, lead_facts
from leadcast.models.sellers.reselling import find_resellers
from leadcast.models.sellers.scorecard import scorecard
from leadcast.models.sellers.signals import Signals, signals_of
from leadcast.models.settings import LearnerSettings
from leadcast.models.splits import SplitSettings
from leadcast.pipelines.base.seller_facts import AFTERWARDS, UNSOLD
from leadcast.pipelines.insight.junk_effects import ON_ARRIVAL, effects_of_junk

FIRST_SEED = 201
HORIZON_DAYS = 60.0
JUNK = ("paid_form", "faked")
JUNK_VENDORS = ("ClickBounty Media", "Formworks Direct", "Pollen Network")
RESELLER, FEW = "ProspectPool", "Twelve Pines"
FORM = ("form_time", "pasted", "device", "address")
LIMIT_SIZES, LIMIT_SHARES = (100, 200, 400), (0.0, 0.1, 0.17, 0.25, 0.4)
MIXED = "Mixed Media"
"""A vendor whose leads are drawn from others'."""
BINS = (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)
SETTINGS = SnapshotSettings(landmarks_days=(0.0, 1.0, 7.0, 30.0), horizon_days=HORIZON_DAYS)


@dataclass(frozen=True)
class World:
    """A world with what is known of it alone."""

    tables: Tables
    kinds: pl.DataFrame
    """``lead_id``, ``vendor``, ``kind``."""
    chances: pl.DataFrame
    """``lead_id`` and ``true``, the probability when it arrived."""

    def only(self, mask: pl.Series) -> "World":
        """Take some of the leads, in the order of the tables."""
        leads = self.tables.leads.filter(mask)
        return replace(self, tables=replace(self.tables, leads=leads))

    def junk(self) -> pl.Series:
        """Tell which leads are junk, in the order of the tables."""
        kinds = self.tables.leads.select("lead_id").join(
            self.kinds, on="lead_id", how="left", maintain_order="left"
        )
        return kinds["kind"].is_in(list(JUNK))


def make_world(leads: int, seed: int, folder: Path) -> World:
    """Simulate a world and read it as a source is read."""
    root, tables = folder / f"{seed}", folder / f"{seed}-tables"
    simulate(leads, seed, root, change=add_sellers)
    ingest(find_definition("demo_sellers").model_copy(update={"root": root}), tables)
    chances = pl.read_parquet(root / "truth.parquet").filter(
        landmark_days=0.0, horizon_days=HORIZON_DAYS
    )
    read = Tables.read(tables)
    return World(
        replace(read, events=read.events.collect().lazy()),
        pl.read_parquet(root / "sellers_truth.parquet"),
        chances.select("lead_id", true="true_probability"),
    )


def look(world: World, without: Sequence[str] = ()) -> JunkFound:
    """Find junk in a world."""
    vendor, until = world.tables.leads["vendor"], world.tables.observed_until
    assert until is not None
    seller = vendor.fill_null(UNSOLD)
    signals: Signals = signals_of(world.tables, seller, until, (NUMBER_DISCONNECTED,))
    return find_junk(signals.without(*without), seller, vendor.is_not_null())


def accusations(found: JunkFound, world: World) -> dict[str, Any]:
    """Tell who was said to deliver junk."""
    share = dict(
        world.tables.leads.select("vendor", junk=world.junk())
        .drop_nulls("vendor")
        .group_by("vendor")
        .agg(pl.col("junk").mean())
        .iter_rows()
    )
    return {
        "found": [one.seller for one in found.sellers if one.found],
        "vendors": len(found.sellers),
        "covered": {
            one.seller: bool(one.low <= share[one.seller] <= one.high) for one in found.sellers
        },
    }


def lead_rows(found: JunkFound, world: World) -> pl.DataFrame:
    """Put each sold lead's probability beside what it is."""
    leads = world.tables.leads
    return leads.select("vendor", p=pl.Series(found.probability), junk=world.junk()).drop_nulls()


def calibration(rows: pl.DataFrame) -> dict[str, Any]:
    """Compare what was said of leads with what they are."""
    p = rows["p"].to_numpy()
    place = np.searchsorted(BINS, p, side="right")
    edges = (0.0, *BINS, 1.0)
    junk = rows["junk"].to_numpy()
    bins = [
        {
            "from": edges[one],
            "to": edges[one + 1],
            "leads": int((place == one).sum()),
            "said": float(p[place == one].mean()),
            "was": float(junk[place == one].mean()),
        }
        for one in range(len(BINS) + 1)
        if (place == one).any()
    ]
    cuts = {
        f"{cut:g}": {
            "precision": float(junk[p >= cut].mean()),
            "recall": float((junk & (p >= cut)).sum() / junk.sum()),
        }
        for cut in (0.5, 0.95)
    }
    return {"bins": bins, "said": float(p.sum()), "was": int(junk.sum()), "cuts": cuts}


def coverage(world: World, junk: JunkFound) -> list[dict[str, Any]]:
    """Tell of each seller whether its interval holds the true ratio."""
    expected = expected_conversions(world.tables, SETTINGS)
    facts = lead_facts(world.tables, expected, junk, (NUMBER_DISCONNECTED,))
    true = facts.join(world.chances, on="lead_id", how="left").drop_nulls("expected")
    rows = []
    for name in SELLERS:
        card = scorecard(facts, name)
        assert card is not None
        sums = true.group_by(name).agg(pl.col("true", "expected").sum())
        ratio = {who: a / b for who, a, b in sums.iter_rows()}
        rows += [
            {
                "by": name,
                "seller": one.seller,
                "mature": one.mature,
                "expected": one.expected,
                "true": ratio[one.seller],
                "inside": one.low <= ratio[one.seller] <= one.high,
                "width": one.high - one.low,
                "rank_low": one.rank_low,
                "rank_high": one.rank_high,
                "verdict": one.verdict,
                "trend": one.trend,
            }
            for one in card.cards
            if one.seller in ratio
        ]
    return rows


def training(world: World) -> list[dict[str, Any]]:
    """Measure what junk does to training."""
    truth = world.kinds.select("lead_id", was=pl.col("kind").is_in(list(JUNK)))
    told = {"truth": truth.select("lead_id", junk=pl.col("was").cast(pl.Float64))}
    for name, without in ((ON_ARRIVAL, AFTERWARDS), ("with what came after", ())):
        found = look(world, without)
        told[name] = pl.DataFrame({"lead_id": found.lead_id, "junk": found.probability})
    how = (SETTINGS, SplitSettings(), FeatureSettings(), LearnerSettings())
    honest = truth.select("lead_id", honest=~pl.col("was"))
    return effects_of_junk(world.tables, told, honest, how)


def measure(world: World, seed: int) -> dict[str, Any]:
    """Measure who is found in one world, and what is said of each lead and seller."""
    sold = world.tables.leads["vendor"].is_not_null()
    found = look(world)
    honest = world.only(~world.junk())
    alone = world.only(sold)
    resold = [one.seller for one in find_resellers(world.tables.leads, 90.0) if one.found]
    return {
        "seed": seed,
        "all": accusations(found, world),
        "without form": accusations(look(world, FORM), world),
        "without leads of its own": accusations(look(alone), alone),
        "honest only": accusations(look(honest), honest),
        "resold": resold,
        "rows": lead_rows(found, world),
        "coverage": coverage(world, found),
    }


def one_world(leads: int, with_training: bool, seed: int) -> dict[str, Any]:
    """Make a world and measure it."""
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(leads, seed, Path(folder))
    return {"training": training(world)} if with_training else measure(world, seed)


def found_by_share(
    world: World, sizes: Sequence[int], shares: Sequence[float], draws: int, seed: int
) -> list[dict[str, Any]]:
    """Mix a vendor of honest and paid leads of a world, and count how often it is found.

    Its leads are drawn from those of honest vendors and from paid forms, spread over the same two
    years, so that devices meet as seldom as they do where junk is thin.
    """
    rng = np.random.default_rng(seed)
    leads = world.tables.leads
    kinds = leads.select("lead_id", "vendor").join(
        world.kinds.select("lead_id", "kind"), on="lead_id", how="left", maintain_order="left"
    )
    others = ~kinds["vendor"].is_in([*JUNK_VENDORS, RESELLER])
    honest = (others & kinds["vendor"].is_not_null() & (kinds["kind"] == "honest")).arg_true()
    paid = (kinds["kind"] == "paid_form").arg_true()
    rows = []
    for size, share in ((size, share) for size in sizes for share in shares):
        n_paid = round(size * share)
        if n_paid > len(paid) or size - n_paid > len(honest):
            continue
        found = falsely = 0
        for _ in range(draws):
            mine = np.concatenate(
                [
                    rng.choice(honest.to_numpy(), size - n_paid, replace=False),
                    rng.choice(paid.to_numpy(), n_paid, replace=False),
                ]
            )
            is_mine = np.isin(np.arange(leads.height), mine)
            # The other junk stays away: only one vendor is to be found.
            kept = pl.Series(is_mine) | others
            named = leads.with_columns(
                vendor=pl.when(pl.Series(is_mine)).then(pl.lit(MIXED)).otherwise("vendor")
            ).filter(kept)
            mixed = replace(world, tables=replace(world.tables, leads=named))
            said = {one.seller for one in look(mixed).sellers if one.found}
            found += MIXED in said
            falsely += len(said - {MIXED})
        told = {"leads": size, "share": share, "draws": draws, "found": found, "falsely": falsely}
        print(told, flush=True)
        rows.append(told)
    return rows


def summary(worlds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Put worlds together."""
    rows = pl.concat([one["rows"] for one in worlds])
    cover = pl.DataFrame([row for one in worlds for row in one["coverage"]])
    few = cover.filter(by="vendor", seller=FEW)
    honest = cover.filter(
        pl.col("by") == "vendor", ~pl.col("seller").is_in([*JUNK_VENDORS, RESELLER])
    )
    looks = ("all", "without form", "without leads of its own", "honest only")
    return {
        "worlds": len(worlds),
        "junk": {name: _accused([one[name] for one in worlds]) for name in looks},
        "resold": {
            "found": sum(RESELLER in one["resold"] for one in worlds),
            "falsely": sum(len(set(one["resold"]) - {RESELLER}) for one in worlds),
        },
        "calibration": calibration(rows),
        "coverage": cover.group_by("by")
        .agg(pl.len(), pl.col("inside").mean(), pl.col("width").median())
        .sort("by")
        .to_dicts(),
        "few": {
            "rank_low": float(few["rank_low"].mean()),  # type: ignore[arg-type]
            "rank_high": float(few["rank_high"].mean()),  # type: ignore[arg-type]
            "verdicts": dict(few["verdict"].value_counts().iter_rows()),
        },
        "honest_verdicts": dict(honest["verdict"].value_counts().iter_rows()),
        "reseller_verdicts": dict(
            cover.filter(by="vendor", seller=RESELLER)["verdict"].value_counts().iter_rows()
        ),
        "trends": dict(cover.filter(by="vendor")["trend"].value_counts().iter_rows()),
    }


def _accused(looks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    held = [(name, inside) for one in looks for name, inside in one["covered"].items()]
    others = [inside for name, inside in held if name not in JUNK_VENDORS]
    return {
        "found": {name: sum(name in one["found"] for one in looks) for name in JUNK_VENDORS},
        "falsely": sum(len(set(one["found"]) - set(JUNK_VENDORS)) for one in looks),
        "of": sum(one["vendors"] for one in looks),
        "share_inside": {
            name: sum(inside for who, inside in held if who == name) for name in JUNK_VENDORS
        },
        "share_inside_of_others": f"{sum(others)} of {len(others)}",
    }


def _effects(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    if not rows:
        return []
    return (
        pl.DataFrame(rows)
        .group_by("learner", "junk_by", "treatment", maintain_order=True)
        .agg(
            pl.col("log_loss", "change").mean(),
            spread=pl.col("change").std(),
            ratio=pl.col("expected").sum() / pl.col("observed").sum(),
            worlds=pl.len(),
        )
        .to_dicts()
    )


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=12, help="How many worlds.")
    parser.add_argument("--leads", type=int, default=20_000, help="Of each world.")
    parser.add_argument("--training", action="store_true", help="What junk does to training.")
    parser.add_argument("--limit", action="store_true", help="Who is found, by share and leads.")
    parser.add_argument("--draws", type=int, default=10, help="Vendors of each kind, for --limit.")
    parser.add_argument("--jobs", type=int, default=1, help="Worlds at a time.")
    asked = parser.parse_args()
    if asked.limit:
        with tempfile.TemporaryDirectory() as folder:
            world = make_world(asked.leads, FIRST_SEED, Path(folder))
            rows = found_by_share(world, LIMIT_SIZES, LIMIT_SHARES, asked.draws, FIRST_SEED)
        write_result("sellers_limit", {"leads": asked.leads, "vendors": rows})
        return
    look_at = partial(one_world, asked.leads, asked.training)
    seeds = range(FIRST_SEED, FIRST_SEED + asked.seeds)
    worlds, effects = [], list[dict[str, Any]]()
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        for seed, one in zip(seeds, pool.map(look_at, seeds), strict=True):
            worlds.append(one)
            if asked.training:
                effects += one["training"]
                print(f"world {seed}", pl.DataFrame(_effects(effects)), flush=True)
                continue
            print(
                f"world {seed}: junk {one['all']['found']}, without form "
                f"{one['without form']['found']}, honest only {one['honest only']['found']}, "
                f"resold {one['resold']}",
                flush=True,
            )
    if asked.training:
        write_result("sellers_training", {"leads": asked.leads, "effects": _effects(effects)})
        return
    result = summary(worlds)
    print(pl.DataFrame(result["calibration"]["bins"]))
    print(*(f"{name}: {one}" for name, one in result.items() if name != "calibration"), sep="\n")
    write_result("sellers", {"leads": asked.leads, **result})


if __name__ == "__main__":
    main()
