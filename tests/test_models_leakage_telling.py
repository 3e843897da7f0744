"""What the gate found is told with the worst first, and how bad each is."""

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.models.leakage import (
    Finding,
    against_use,
    could_not_look,
    examine,
    found_of,
    headline,
    inspect,
    next_worst,
)
from leadcast.models.leakage.exact import Severity
from leadcast.models.leakage.gate import GateResult, LeakageReport
from leadcast.models.leakage.name_checks import OutcomeName
from leadcast.pipelines.base.stage import run_stage
from leadcast.pipelines.lifecycle.run import told_by_stages
from tests.leak_worlds import context, undated, with_few, with_noise


def finding(name: str, severity: Severity, auc: float | None, vouched: bool = False) -> Finding:
    return Finding(
        "L005",
        "a name",
        severity,
        f"column {name!r}",
        "sounds bad",
        "forbid it",
        auc,
        "",
        vouched,
    )


def report_of(*findings: Finding, reason: str | None = None) -> LeakageReport:
    check = OutcomeName()
    silent = [GateResult(check, reason, ())] * 7
    return LeakageReport((GateResult(check, None, findings), *silent))


MIXED = report_of(
    finding("vouched", "warning", 0.99, vouched=True),
    finding("mild", "warning", None),
    finding("weak", "error", 0.7),
    finding("strong", "error", 0.97),
    finding("fair", "warning", 0.6),
    reason="there are no dates",
)


def test_what_is_vouched_for_does_not_speak_against_using_the_scores() -> None:
    told = against_use(MIXED.frame())
    assert "2 errors, 2 warnings; the worst: column 'strong'" in told[0]
    assert against_use(report_of(finding("a", "warning", 0.9, vouched=True)).frame()) == ()
    assert against_use(report_of().frame()) == ()


def test_the_worst_comes_first_and_what_is_vouched_for_last() -> None:
    names = [found.subject.split("'")[1] for found in MIXED.findings]
    assert names == ["strong", "weak", "fair", "mild", "vouched"]
    assert found_of(MIXED.frame())["subject"].to_list() == [f"column {name!r}" for name in names]


def test_the_headline_counts_and_names_the_worst() -> None:
    told = headline(MIXED.frame())
    assert told == (
        "2 errors, 3 warnings (1 vouched for); the worst: column 'strong': sounds bad (L005)"
    )
    assert next_worst(MIXED.frame()) == [
        "column 'weak': sounds bad (L005)",
        "column 'fair': sounds bad (L005)",
        "column 'mild': sounds bad (L005)",
        "1 more in the report",
    ]


def test_nothing_found_is_told_as_such() -> None:
    assert headline(report_of().frame()) == "no sign of leakage in 8 checks, 0 not applicable"
    assert next_worst(report_of().frame()) == []


def test_a_column_is_told_once_with_all_that_was_found_of_it() -> None:
    spoilt = context(with_noise(undated(), "closed_after", strength=2.2))
    faults = examine(spoilt).faults()
    (fault,) = [fault for fault in faults if fault.where.startswith("column 'closed_after'")]
    assert fault.where.endswith("(L002, L005)")
    assert fault.severity == "error"
    assert "alone it ranks leads" in fault.found
    assert "its name sounds like" in fault.found
    assert fault.remedy.count("vouch for it") == 1


def test_many_checks_that_could_not_look_give_their_reason_once() -> None:
    codes = ", ".join(["L005"] * 7)
    assert could_not_look(MIXED.frame()) == [f"not applicable: {codes} (there are no dates)"]
    few = MIXED.frame().head(9)
    assert could_not_look(few) == []


def test_the_order_outlives_json() -> None:
    again = pl.DataFrame(MIXED.frame().to_dicts(), infer_schema_length=None)
    assert headline(again) == headline(MIXED.frame())


def test_a_finding_says_how_bad_it_is() -> None:
    spoilt = context(with_noise(undated(), "seconds", strength=2.2))
    (first, *_) = inspect(spoilt)
    assert first.subject == "column 'seconds'"
    alone = spoilt.aucs[[f.name for f in spoilt.features].index("seconds")].value
    assert first.auc == pytest.approx(alone)
    assert f"AUC of {alone:.3f}" in first.found
    assert f"all columns have {spoilt.full_auc.value:.3f}, without it 0." in first.weight
    assert "leads have a value" in first.weight
    with pytest.raises(FaultsError, match="without it"):
        examine(spoilt).refuse()


def test_a_column_is_weighed_at_its_first_finding_only() -> None:
    spoilt = context(with_noise(undated(), "closed_after", strength=2.2))
    weights = [f.weight for f in inspect(spoilt) if f.subject == "column 'closed_after'"]
    assert len(weights) > 1
    assert [bool(weight) for weight in weights] == [True] + [False] * (len(weights) - 1)


def test_what_is_vouched_for_is_told_as_vouched() -> None:
    spoilt = replace(
        context(with_noise(undated(), "seconds", strength=2.2)), vouched=frozenset({"seconds"})
    )
    report = examine(spoilt)
    assert all(found.vouched and found.severity == "warning" for found in report.findings)
    assert "vouched for)" in headline(report.frame())


def test_few_winners_and_checks_that_could_not_look_are_told() -> None:
    checks = examine(context(with_few(undated(leads=300), 2))).frame()
    assert "1 warning: the leakage gate: it could not look" in headline(checks)
    assert any("rarer outcome" in line for line in could_not_look(checks))


@pytest.mark.parametrize(
    ("done", "first", "more"),
    [("one", "[gate] one (", []), ("one\ntwo\nthree", "[gate] one (", ["  two", "  three"])],
)
def test_further_lines_of_a_stage_stand_below_its_own(
    done: str,
    first: str,
    more: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["gate", "demo"])
    stage: Callable[[str], str] = lambda _source: done  # noqa: E731
    run_stage("gate", stage)
    line, *others = capsys.readouterr().out.splitlines()
    assert line.startswith(first)
    assert others == more


def test_what_stages_say_is_passed_on_with_what_follows() -> None:
    printed = [
        "Running stage 'gate@x':\n",
        "  of DVC\n",
        "[fetch] nothing new (0.1 s)\n",
        "  neither this\n",
        "[gate] 2 warnings; the worst: … (1.0 s)\n",
        "  the next\n",
        "Updating lock file\n",
        "  of DVC\n",
        "[train] done (2.0 s)\n",
    ]
    assert list(told_by_stages(printed)) == [
        ("gate", printed[4]),
        ("gate", printed[5]),
        ("train", printed[8]),
    ]
