"""The page on the leakage gate names every check, and gives the figures that were measured."""

import json
import re

from leadcast.models.leakage import CHECKS
from tests.conftest import PROJECT

PAGE = (PROJECT / "docs/leakage.md").read_text(encoding="utf-8")


def test_every_check_has_a_row() -> None:
    assert re.findall(r"^\| (L\d+) \|", PAGE, re.MULTILINE) == [check.code for check in CHECKS]


def test_the_figures_are_those_that_were_measured() -> None:
    result = json.loads((PROJECT / "benchmarks/results/leakage_gate.json").read_text())
    ends = [end for row in result["spoilt"] for end in row.values() if isinstance(end, str)]
    counts = {end: ends.count(end) for end in ("error", "warning", "unseen")}
    words = " ".join(PAGE.split())
    assert f"In {result['honest_worlds']} honest worlds" in words
    assert (result["stopped"], counts["unseen"]) == (0, 0)
    assert f"of {sum(counts.values())} leaks among 3 to 25 winners it missed none" in words
    assert f"({counts['error']} errors, {counts['warning']} warnings, both" in words
