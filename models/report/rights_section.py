"""What a run says of people's rights, as blocks: the deny-list, payout invariance, the groups."""

from collections.abc import Iterator, Mapping
from typing import Any

from leadcast.models.charts.chart import Column, Table
from leadcast.models.charts.numbers import (
    Format,
    ShownEstimate,
    counted,
    decimal,
    percent,
    sentence,
)
from leadcast.models.report.blocks import Block, Facts, Listing, Notice, Notices, Words
from leadcast.models.steering.group_report import FEWEST_CUSTOMERS, FEWEST_LEADS, NO_ADVICE

Plain = Mapping[str, Any]
_SHOWN: tuple[tuple[str, str, Format], ...] = (
    ("selection_rate", "Above the cut", percent),
    ("observed", "Converted", percent),
    ("predicted", "Predicted", percent),
    ("calibration_difference", "Converted less predicted", decimal(3)),
    ("brier", "Brier score", decimal(4)),
    ("missed_rate", "Customers below the cut", percent),
    ("false_alarm_rate", "Others above the cut", percent),
    ("selection_ratio", "Selection ratio", decimal(2)),
    ("missed_ratio", "Missed ratio", decimal(2)),
    ("false_alarm_ratio", "False-alarm ratio", decimal(2)),
)


def rights_blocks(steering: Plain | None, rights: Plain | None) -> list[Block]:
    """Show what was found of steering and of groups.

    Parameters
    ----------
    steering, rights : mapping or None
        As the stages write ``steering.json`` and ``rights.json``; None where an older version ran.

    Returns
    -------
    list of Block
        Empty where neither is there.
    """
    if steering is None and rights is None:
        return []
    blocks: list[Block] = []
    told = [*steering_words(steering), *invariance_words(rights)]
    if told:
        blocks.append(Words(told))
    if steering is not None:
        notices = [
            Notice("error" if one["status"] == "error" else "warning", one["subject"],
                   sentence(one["found"]), one["remedy"])
            for one in steering["checks"]
            if one["status"] in ("error", "warning")
        ]  # fmt: skip
        blocks += [Notices(notices)] if notices else []
        if steering["permitted"]:
            blocks.append(Facts([*steering["permitted"].items()]))
    return [*blocks, *group_blocks(None if rights is None else rights["groups"])]


def steering_words(steering: Plain | None) -> list[str]:
    """Say what is denied and what was found, a sentence each."""
    if steering is None:
        return []
    carried = ", ".join(
        f"{name.removeprefix('withheld_')} ({meaning.replace('_', ' ')})"
        for name, meaning in steering["carried"].items()
    )
    found = [one for one in steering["checks"] if one["status"] in ("error", "warning")]
    return [
        f"Denied columns that the export has and no feature is made of: {carried or 'none'}.",
        "No feature is named like pay or a protected attribute, is declared so or reproduces a "
        "denied column."
        if not found
        else f"The deny-list has {counted(len(found), 'finding')}, none of which stops the run: "
        "each is told below.",
    ]


def invariance_words(rights: Plain | None) -> list[str]:
    """Say what the test of payout invariance came to."""
    if rights is None:
        return []
    tested = rights["payout_invariance"]
    named = ", ".join(tested["columns"]) or "made up, as the export has none"
    came = "no score and no order changed" if tested["holds"] else "scores changed"
    return [
        f"Payouts ({named}) were permuted, sorted and left out for {tested['leads']:,} leads of "
        f"the test: {came}."
    ]


def group_blocks(groups: Plain | None) -> Iterator[Block]:
    """Show the figures of each group."""
    if groups is None:
        none = (
            "No column of groups is declared (`groups` in the source definition), so that nothing "
            "is known of how the scores are for groups of people."
        )
        yield Words([none])
        return
    yield Words(
        [
            f"By group, at the cut of {percent(groups['cut'])} (grade A), with 95 % intervals of a "
            f"bootstrap of whole leads; of fewer than {FEWEST_LEADS} leads or {FEWEST_CUSTOMERS} "
            "customers nothing is told. Ratios are to the largest group.",
            NO_ADVICE,
        ]
    )
    for column, about in groups["columns"].items():
        yield Listing(_table(column, about))


def _table(column: str, about: Plain) -> Table:
    heads = [Column("group", column), Column("leads", "Leads"), Column("customers", "Customers")]
    heads += [Column(key, heading) for key, heading, _ in _SHOWN]
    rows = []
    for name, one in about["groups"].items():
        largest = " (largest)" if name == about["largest"] else ""
        told = [_cell(one, key, show) for key, _, show in _SHOWN]
        rows.append([f"{name}{largest}", f"{one['leads']:,}", f"{one['customers']:,}", *told])
    return Table(heads, rows, f"The scores by {column}")


def _cell(one: Plain, key: str, show: Format) -> str:
    if one["too_few"]:
        return "too few"
    if key not in one or one[key]["value"] is None:
        return "–"
    estimate = ShownEstimate.of(one, key)
    interval = estimate.interval(show)
    return f"{show(one[key]['value'])} ({interval})" if interval else show(one[key]["value"])
