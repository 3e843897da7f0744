"""Laws of drafts: whatever an export holds, it is refused in words, or its draft can be read."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.definitions.load import load_definition
from leadcast.features.definitions.yaml_lines import read_yaml
from leadcast.features.discovery.draft_text import flow, scalar
from leadcast.features.discovery.statuses import meaning_of
from leadcast.features.discovery.vocabulary import LOST_WORDS, OPEN_WORDS, WON_WORDS
from leadcast.features.ingest.ingest import check_source
from leadcast.features.inspection.wording import phrases
from leadcast.pipelines.insight.init import InitRequest, draft_source
from tests.crm_exports import write

NAMES = phrases(
    """Lead ID|Id|id|Created|Created Date|Erstellt am|Status|Stage|Converted|won_at|Lost At|Closed
    |Amount|Email|Phone|Title|Source|Industry|Score|Notes|Owner|Account ID|Company ID|Deal ID|Lead
    |deleted|IsDeleted|Probability|x|é|名前|a: b|'q'|#|Date|Type|value|{k}|null|row|Lead Score
    |Employees|Revenue|Last Modified Date|Campaign|Name|lead_id|account|Account Id"""
)
FILES = phrases("leads|deals|events|accounts|contacts|x|Lead|Opportunity|tasks|export")
CRMS = (None, None, "salesforce", "hubspot", "dynamics", "pipedrive", "odoo", "suitecrm", "zoho")
ODD = ("x y z", "null", "~", "'", '"', "{", "[", "#", "a: b", "-", "TO do", "true")


def column(rng: random.Random, rows: int) -> list[str]:
    """Make one column of any kind."""

    def moment(index: int) -> datetime:
        return datetime(2024, 1, 1) + timedelta(hours=7 * index + rng.randrange(5000))

    kinds: list[Callable[[int], str]] = [
        lambda index: f"L{index}",
        str,
        lambda index: f"{moment(index):%Y-%m-%d}",
        lambda index: f"{moment(index):%d/%m/%Y %H:%M}",
        lambda _: rng.choice(("Won", "Lost", "Open", "New", "")),
        lambda _: rng.choice(("yes", "no")),
        lambda _: f"{rng.random() * 1e4:,.2f}",
        lambda _: rng.choice(("a", "b", "c", "n/a")),
        lambda _: "",
        lambda index: f"p{index}@x.example",
        lambda index: f"{moment(index).isoformat()}Z",
        lambda _: rng.choice(ODD),
        lambda index: str(int(moment(index).timestamp())),
        lambda _: f"L{rng.randrange(rows)}" if rng.random() < 0.9 else "",
        lambda index: f"{moment(index):%d.%m.%Y}" if rng.random() < 0.5 else "",
    ]
    kind = rng.choice(kinds)
    return [kind(index) for index in range(rows)]


def write_export(folder: Path, rng: random.Random) -> None:
    """Write one to four files of anything."""
    for _ in range(rng.randint(1, 4)):
        rows, names = rng.choice((1, 2, 5, 40, 90)), rng.sample(NAMES, rng.randint(1, 9))
        columns = {name: column(rng, rows) for name in names}
        told = [{name: columns[name][index] for name in names} for index in range(rows)]
        about = {"separator": rng.choice(",;\t|"), "encoding": rng.choice(("utf-8", "utf-16"))}
        write(folder, f"{rng.choice(FILES)}.csv", told, **about)


@pytest.mark.parametrize("seed", range(14))
def test_any_export_is_refused_in_words_or_drafted_so_that_it_can_be_read(
    seed: int, tmp_path: Path
) -> None:
    rng, out = random.Random(seed), tmp_path / "ours.yaml"
    write_export(tmp_path / "export", rng)
    zone = rng.choice((None, "UTC"))
    try:
        draft_source(
            InitRequest("ours", tmp_path / "export", rng.choice(CRMS), time_zone=zone, out=out)
        )
    except LeadcastError:
        assert not out.exists()
        return
    try:
        definition = load_definition(out)
        faults: list[str] = []
    except FaultsError as error:
        faults = [fault.found for fault in error.faults]
    # A draft has no faults but its open questions.
    assert [found for found in faults if not found.startswith("TO DO")] == []
    if not faults:
        check_source(definition)


@given(st.text(max_size=40))
def test_any_text_is_written_so_that_it_is_read_again(text: str) -> None:
    written = f"key: {scalar(text)}\n"
    assert read_yaml(written, "test").content == {"key": text}


@given(st.dictionaries(st.text(min_size=1, max_size=9), st.lists(st.text(max_size=9), max_size=3)))
def test_any_mapping_is_written_on_one_line_so_that_it_is_read_again(
    content: dict[str, list[str]],
) -> None:
    assert read_yaml(f"key: {flow(content)}\n", "test").content == {"key": content}


TOLD = {
    "Closed Won": "won",
    "closedwon": "won",
    "Closed - Converted": "won",
    "Gewonnen": "won",
    "Cerrada ganada": "won",
    "Fechado ganho": "won",
    "Chiuso vinto": "won",
    "Client": "won",
    "Klant": "won",
    "Closed - Not Converted": "lost",
    "Nicht gewonnen": "lost",
    "closedlost": "lost",
    "Junk Lead": "lost",
    "Not interested": "lost",
    "Perdue": "lost",
    "Afgewezen": "lost",
    "A_DECLINED": "lost",
    "Qualified": "open",
    "Working - Contacted": "open",
    "In Bearbeitung": "open",
    "Nouveau": "open",
    "Client contacted by phone": "",
    "Parked": "",
}


@pytest.mark.parametrize(("word", "meaning"), TOLD.items())
def test_statuses_mean_what_their_words_say(word: str, meaning: str) -> None:
    assert meaning_of(word) == meaning


def test_no_word_of_the_vocabulary_means_two_things() -> None:
    lists = {"won": WON_WORDS, "lost": LOST_WORDS, "open": OPEN_WORDS}
    for meaning, words in lists.items():
        assert {word: meaning_of(word) for word in words} == dict.fromkeys(words, meaning)
