"""`docs/check.md` shows what the code does: the example's profile, and every kind of doubt."""

import re
from pathlib import Path

from leadcast.features.definitions.doubt_kinds import DOUBTS
from leadcast.features.profile.profile_text import profile_text
from tests.check_example import example_profile
from tests.test_house import ROOT

TEXT = (ROOT / "docs/check.md").read_text(encoding="utf-8")


def test_the_example_is_what_is_printed(tmp_path: Path) -> None:
    shown = re.search(r"```text\n(.*?)\n```", TEXT, re.DOTALL)
    assert shown is not None
    assert shown[1] == profile_text(example_profile(tmp_path)), "python -m tests.check_example"


def test_each_doubt_has_a_row_in_order() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", TEXT, re.MULTILINE)
    assert rows == [(code, kind.meaning, kind.remedy) for code, kind in DOUBTS.items()]
