"""``leadcast sellers``: a scorecard for each vendor, source and campaign, and who delivers junk."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadcast.features.base.files import write_json, write_text_out, written_whole
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.definitions.load import find_definition
from leadcast.features.readers.opening import files_of
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.raw import read_anew
from leadcast.pipelines.base.seller_facts import seller_facts
from leadcast.pipelines.insight.junk_effects import effect_lines, effects_of_source
from leadcast.pipelines.insight.sellers_page import sellers_page

SHOWN = 20


@dataclass(frozen=True)
class SellersRequest:
    """What ``leadcast sellers`` is asked."""

    without: tuple[str, ...] = ()
    """Attributes beside source, vendor and campaign that tell who brought a lead."""
    training: bool = False
    """Whether to measure what junk does to training."""
    html: Path | None = None
    json: Path | None = None
    force: bool = False
    """Whether these may replace files that Leadcast did not write."""


@dataclass(frozen=True)
class SellersAnswer:
    """What was found.

    Parameters
    ----------
    text : str
        For a person.
    facts : dict
        For a program: what ``sellers.json`` holds.
    """

    text: str
    facts: dict[str, Any]


def tell_sellers(source: str, request: SellersRequest) -> SellersAnswer:
    """Score the sellers of a source's leads, and write what was found into its run's folder.

    Parameters
    ----------
    source : str
        Its name; its export is read anew, and no run is needed.
    request : SellersRequest

    Returns
    -------
    SellersAnswer

    Raises
    ------
    LeadcastError
        If it tells nobody who brought a lead, or no outcome is known yet.
    """
    definition, run = find_definition(source), RunFolder(source)
    files = [path for path in (request.html, request.json) if path is not None]
    refuse_inputs(files, [definition.file, *files_of(definition, definition.readers())])
    for path in files:
        refuse_foreign_file(path, force=request.force, quick=True)
    with read_anew(definition) as tables:
        facts = seller_facts(definition, tables, request.without)
        if request.training:
            facts["training"] = effects_of_source(definition, tables)
            facts["junk_in_training"] = definition.junk_in_training
    text, page = _text(facts), sellers_page(facts)
    write_json(run.sellers, facts)
    with written_whole(run.sellers_page) as temporary:
        temporary.write_text(page, encoding="utf-8")
    if request.html is not None:
        write_text_out(request.html, page, force=request.force)
    if request.json is not None:
        content = json.dumps(facts, ensure_ascii=False, indent=2)
        write_text_out(request.json, f"{content}\n", force=request.force)
    written = ", ".join(str(path) for path in (run.sellers, run.sellers_page, *files))
    return SellersAnswer(f"{text}\n\nwritten: {written}", facts)


def _text(facts: dict[str, Any]) -> str:
    horizon = "" if facts["horizon_days"] is None else f" within {facts['horizon_days']:g} days"
    lines = [
        f"{facts['source']}: {facts['leads']:,} leads; of {facts['known']:,} it is known whether "
        f"they became customers{horizon}, and {facts['converted']:,.0f} did"
    ]
    for one in facts["scorecards"]:
        lines += ["", *_card_lines(one)]
    if facts["scorecards"]:
        lines.append(
            "ratio: customers for each that leads of this kind bring, whoever brings them, drawn "
            "towards the mean; 95 % intervals"
        )
    lines += [*_junk_lines(facts), *_resale_lines(facts)]
    if "training" in facts:
        lines += ["", *effect_lines(facts["training"], facts["junk_in_training"])]
    return "\n".join(lines)


def _card_lines(card: dict[str, Any]) -> Iterator[str]:
    width = max(12, *(len(_short(row["seller"])) for row in card["cards"][:SHOWN]))
    yield (
        f"{card['attribute']:<{width}} {'leads':>6} {'cost':>6} {'valid':>6} {'reach':>6} "
        f"{'dupl':>5} {'resold':>6} {'junk':>5} {'came':>5} {'exp.':>6} {'ratio':>21} {'rank':>9} "
        f"{'cost per customer':>24}  trend, verdict"
    )
    most = sorted(card["cards"], key=lambda row: -row["leads"])[:SHOWN]
    for row in (row for row in card["cards"] if row in most):
        shares = " ".join(
            f"{_share(row[name]):>{size}}"
            for name, size in (
                ("valid", 6),
                ("reachable", 6),
                ("duplicate", 5),
                ("resold", 6),
                ("junk", 5),
            )
        )
        ratio = f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        rank = f"{row['rank_low']:.0f} to {row['rank_high']:.0f}"
        yield (
            f"{_short(row['seller']):<{width}} {row['leads']:>6,} "
            f"{_money(row['cost_per_lead']):>6} {shares} "
            f"{row['observed']:>5,.0f} {row['expected']:>6,.1f} {ratio:>21} {rank:>9} "
            f"{_cost(row):>24}  {row['trend']}, {row['verdict']}"
        )
    if len(card["cards"]) > SHOWN:
        yield f"and {len(card['cards']) - SHOWN} more: --json tells all"


def _short(text: str) -> str:
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= 28 else f"{line[:27]}…"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _money(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _cost(row: dict[str, Any]) -> str:
    if row["cost_per_customer"] is None:
        return "–"
    return f"{row['cost_per_customer']:,.0f} ({row['cost_low']:,.0f} to {row['cost_high']:,.0f})"


def _junk_lines(facts: dict[str, Any]) -> Iterator[str]:
    if not facts["junk"]:
        return
    found = [one for one in facts["junk"] if one["found"]]
    yield ""
    for one in found:
        hints = "; ".join(
            f"{words} {mine:.0%} (others {usual:.1%})" for words, mine, usual in one["hints"][:3]
        )
        yield (
            f"JUNK {_short(one['seller'])}: {_interval(one)} of {one['leads']:,} leads, "
            f"{one['paid']:.0%} paid for and {one['faked']:.0%} faked. {hints}"
        )
    rest = len(facts["junk"]) - len(found)
    yield (
        f"{'Nobody' if not found else f'None of the other {rest}'} is said to deliver more than "
        f"{facts['junk_limit']:.0%} junk; looked at were {', '.join(facts['signals'])}"
    )


def _resale_lines(facts: dict[str, Any]) -> Iterator[str]:
    for one in facts["resales"]:
        if one["found"]:
            yield (
                f"RESOLD {_short(one['seller'])}: of {one['leads']:,} leads {_interval(one)} had "
                f"come before, {one['by_itself']:,} from itself and {one['by_others']:,} from "
                f"others, {one['delay_days']:.0f} days (median) earlier"
            )


def _interval(one: dict[str, Any]) -> str:
    return f"{one['share']:.0%} ({one['low']:.0%} to {one['high']:.0%})"
