import dataclasses
import hashlib
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from leadcast.models.charts.numbers import ShownEstimate, percent
from leadcast.models.evaluation.metrics import metrics_by_name
from leadcast.models.report import ReportInputs, SourceFacts, render_report, write_report
from leadcast.models.report.blocks import Words
from leadcast.models.report.inputs import FRAMES
from leadcast.models.report.sections import sections
from leadcast.models.report.summary import METRICS, calibration_sentence, in_hundred, sentences
from tests.report_samples import bare_inputs, sample_inputs, sample_page, short_inputs, tiny_inputs

ROOT = Path(__file__).parents[1]
NASTY = """<script>alert("$x^2$ & 'y'")</script><b id=evil onclick=x>"""
LARGEST_BYTES = 1_500_000


class Outline(HTMLParser):
    """The elements of a page, with the names of their attributes, and its texts."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] != "style":
            self.texts.append(data)


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    return parser


def spaced(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def page() -> str:
    return sample_page()


def test_the_page_is_small_enough_to_send(page: str) -> None:
    assert len(page.encode()) < LARGEST_BYTES


def test_the_page_loads_nothing_and_runs_nothing(page: str) -> None:
    read = outline(page)
    tags = Counter(tag for tag, _ in read.elements)
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form"} & set(tags)
    assert not [name for _, name, _ in read.attributes if name.startswith("on") or name == "src"]
    assert "@import" not in page
    assert set(re.findall(r"url\((.)", page)) <= {"#"}
    outside = {(tag, value) for tag, name, value in read.attributes if "://" in value}
    assert outside == {("a", "https://example.org/leads")}
    assert page.count("://") == 1


def test_the_page_forbids_loading_by_itself(page: str) -> None:
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert f'http-equiv="Content-Security-Policy" content="{policy}"' in page


def test_anchors_are_unique_and_every_entry_of_the_contents_leads_somewhere(page: str) -> None:
    read = outline(page)
    made = [value for _, name, value in read.attributes if name == "id"]
    wanted = [v[1:] for tag, name, v in read.attributes if name == "href" and v.startswith("#")]
    assert len(made) == len(set(made))
    assert set(wanted) <= set(made)


def test_every_picture_has_a_text_alternative_a_table_and_words(page: str) -> None:
    read = outline(page)
    tags = Counter(tag for tag, _ in read.elements)
    labels = [value for tag, name, value in read.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(labels) == tags["svg"] == 26
    assert all(len(label) > 40 for label in labels)
    assert tags["figcaption"] == tags["figure"]
    assert tags["details"] >= tags["svg"] // 2


def test_text_from_the_data_changes_no_element_of_the_page(page: str) -> None:
    poisoned = render_report(poison(sample_inputs()))
    assert outline(poisoned).elements == outline(page).elements
    assert not any(value.startswith("javascript:") for *_, value in outline(poisoned).attributes)
    assert any("<script>alert" in text for text in outline(poisoned).texts)


def test_the_escaping_test_can_fail(page: str) -> None:
    unescaped = page.replace("Acme CRM, web leads", NASTY)
    assert outline(unescaped).elements != outline(page).elements


def poison(inputs: ReportInputs) -> ReportInputs:
    """Put markup into every text that comes from the data."""
    changes: dict[str, Any] = {
        field.name: poisoned_value(getattr(inputs, field.name))
        for field in dataclasses.fields(inputs)
        if field.name not in ("metrics", "run")
    }
    source = dataclasses.replace(inputs.source, name=NASTY, title=NASTY, licence=NASTY)
    run = dataclasses.replace(inputs.run, learner=NASTY, git_commit=NASTY, fingerprint=NASTY)
    months = {f"{NASTY}{key}": part for key, part in inputs.metrics["by_month"].items()}
    metrics = {**inputs.metrics, "by_month": months}
    changes |= {"source": source, "run": run, "metrics": metrics}
    return dataclasses.replace(inputs, **changes)


def poisoned_value(value: Any) -> Any:  # noqa: ANN401 - any part of the inputs
    if isinstance(value, pl.DataFrame):
        kept = ("part", "reason", "status", "group")
        texts = [n for n, t in value.schema.items() if t == pl.String and n not in kept]
        # What is empty stays so: whether there is a remedy decides what is drawn, its words do not.
        changed = pl.when(pl.col(texts) == "").then(pl.col(texts)).otherwise(NASTY + pl.col(texts))
        return value.with_columns(changed.name.keep()) if texts else value
    if isinstance(value, str):
        return NASTY if value and not re.match(r"(\d{4}-|warning|error)", value) else value
    if isinstance(value, tuple | list):
        return type(value)(poisoned_value(entry) for entry in value)
    if isinstance(value, dict):
        return {key: poisoned_value(entry) for key, entry in value.items()}
    return value


@pytest.mark.parametrize("homepage", ["javascript:alert(1)", "data:text/html,x", "", "example.org"])
def test_only_addresses_of_the_web_are_linked(homepage: str) -> None:
    page = render_report(bare_inputs(source=SourceFacts("x", "X", homepage=homepage)))
    assert "About these data" not in page
    assert "javascript:" not in page


def test_the_least_that_is_known_makes_a_whole_page() -> None:
    page = render_report(bare_inputs())
    assert [section.name for section in sections(bare_inputs())] == ["run"]
    assert "Of <strong>30" in page
    assert "<svg" not in page
    assert "None" not in page
    assert page.rstrip().endswith("</html>")


def test_thirty_leads_make_a_whole_page() -> None:
    page = render_report(tiny_inputs())
    text = "".join(outline(page).texts)
    assert "2 won leads: base rate only." in text
    assert "There are too few leads to say whether the probabilities are right." in text
    assert not re.search(r"\b(nan|NaN|None|inf|null)\b", text)


def test_every_method_of_calibration_is_shown_with_its_loss() -> None:
    inputs = bare_inputs(calibration_methods=sample_inputs().calibration_methods)
    text = " ".join(outline(render_report(inputs)).texts)
    assert "none: as the learner says 0.29375 0.00129 0.00053" in re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        (
            {
                "reliability": None,
                "calibration_words": (),
                "calibration_methods": None,
                "metrics": {},
            },
            "trust",
        ),
        ({"gain": None}, "ranking"),
        ({"lift": None, "separation": None, "roc": None}, "separation"),
        ({"metrics": {"test": {}}}, "stability"),
        ({"importance": None}, "features"),
        ({"delays": None}, "delays"),
        ({"backtest": None, "choice_words": ()}, "choice"),
        ({"splits": None}, "splits"),
        ({"leakage": None}, "leakage"),
        ({"quality": None}, "data"),
        ({"metrics": {}}, "figures"),
    ],
)
def test_a_section_without_data_is_absent(changes: dict[str, Any], gone: str) -> None:
    before = [section.name for section in sections(sample_inputs())]
    after = [section.name for section in sections(sample_inputs(**changes))]
    assert gone in before
    assert gone not in after


@pytest.mark.parametrize("name", FRAMES)
def test_an_empty_frame_is_as_good_as_none(name: str) -> None:
    frame = sample_inputs().frame(name)
    assert frame is not None
    empty, absent = sample_inputs(**{name: frame.clear()}), sample_inputs(**{name: None})
    assert [s.name for s in sections(empty)] == [s.name for s in sections(absent)]
    assert empty.frame(name) is None


@pytest.mark.parametrize("name", ["reliability", "gain", "lift", "roc"])
def test_bands_that_a_file_left_empty_are_no_words(name: str) -> None:
    frame = sample_inputs().frame(name)
    assert frame is not None
    empty = frame.with_columns(low=pl.lit(None, pl.String), high=pl.lit(None, pl.String))
    read = sample_inputs(**{name: empty}).frame(name)
    assert read is not None
    assert read.schema["low"] == read.schema["high"] == pl.Float64


def test_every_frame_that_lacks_a_column_is_named_at_once() -> None:
    bad = pl.DataFrame({"x": [1]})
    with pytest.raises(ValueError, match=r"gain lacks share, gain; roc lacks false_positive_rate"):
        sample_inputs(gain=bad, roc=bad)


def test_the_summarys_numbers_are_those_of_the_metrics(page: str) -> None:
    test = sample_inputs().metrics["test"]
    gain = ShownEstimate.of(test, "gain_10")
    text = spaced("".join(outline(page).texts))
    assert "Of 20,000 leads, 1,012 (5.1 %) became customers by 31 December 2025." in text
    assert f"reaches {spaced(percent(gain.value))} of the customers" in text
    assert f"(95 %: {spaced(gain.interval(percent))})" in text
    assert f"{test['lift_10']['value']:.1f} times as many as calling at random" in text


def test_every_metric_of_the_test_stands_in_the_page_with_its_interval(page: str) -> None:
    text = "".join(outline(page).texts)
    test = sample_inputs().metrics["test"]
    for words in METRICS:
        estimate = ShownEstimate.of(test, words.key)
        if estimate.value is not None:
            assert words.heading in text
            assert f"{words.show(estimate.value)}{estimate.interval(words.show)}" in text


def test_every_metric_that_is_reported_has_words() -> None:
    assert set(metrics_by_name()) | {"ece_if_calibrated"} == {words.key for words in METRICS}


def test_a_gain_that_chance_could_give_is_not_praised() -> None:
    metrics = {"test": {"gain_10": {"value": 0.14, "low": 0.08, "high": 0.2}, "lift_10": 1.4}}
    words = " ".join(sentences(bare_inputs(metrics=metrics)))
    assert "not clearly more than calling at random" in words
    assert "times as many" not in words


@pytest.mark.parametrize(
    ("shift", "words"), [((0.2, 0.1, 0.3), "too low"), ((-0.2, -0.3, -0.1), "too high")]
)
def test_a_level_that_is_off_is_said_to_be_off(shift: tuple[float, ...], words: str) -> None:
    off = dict(zip(("value", "low", "high"), shift, strict=True))
    metrics = {"mean_probability": 0.1, "base_rate": 0.12, "calibration_in_the_large": off}
    assert f"on the whole that was {words}" in calibration_sentence(metrics)


@pytest.mark.parametrize(
    ("slope", "words"), [(0.7, "too extreme"), (1.4, "too cautious"), (1.02, "1 is right")]
)
def test_the_slope_is_judged_by_its_interval(slope: float, words: str) -> None:
    metrics = {"calibration_slope": {"value": slope, "low": slope - 0.1, "high": slope + 0.1}}
    assert words in calibration_sentence(metrics)


@pytest.mark.parametrize(("error", "words"), [(0.012, "no more than"), (0.03, "more than")])
def test_the_calibration_error_is_held_against_chance(error: float, words: str) -> None:
    chance = {"value": 0.01, "low": 0.005, "high": 0.015}
    said = calibration_sentence({"ece": error, "ece_if_calibrated": chance})
    assert f"%, {words} chance gives" in said


@pytest.mark.parametrize(("share", "text"), [(0.19, "19 in 100"), (0.004, "4 in 1,000")])
def test_shares_are_told_in_leads(share: float, text: str) -> None:
    assert in_hundred(share) == text


def leakage_of(inputs: ReportInputs) -> list[str]:
    section = next(section for section in sections(inputs) if section.name == "leakage")
    return [block.kind for block in section.blocks]


def test_only_what_a_check_found_is_a_notice_and_every_check_is_listed() -> None:
    found = sample_inputs().leakage
    assert found is not None
    silent = sample_inputs(leakage=found.filter(pl.col("status") != "warning"))
    assert leakage_of(sample_inputs()) == ["words", "notices", "folded"]
    assert leakage_of(silent) == ["words", "folded"]
    section = next(one for one in sections(sample_inputs()) if one.name == "leakage")
    words = section.blocks[0]
    assert isinstance(words, Words)
    assert str(words.paragraphs[0]).startswith("The gate found 1 warning: column 'last_activity")


def test_a_random_split_is_said_to_be_random() -> None:
    run = dataclasses.replace(sample_inputs().run, time_order="unordered")
    inputs = sample_inputs(run=run)
    split = next(section for section in sections(inputs) if section.name == "splits")
    assert [block.kind for block in split.blocks] == ["words", "listing"]
    assert "latest" not in " ".join(sentences(inputs))


def test_the_report_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "report.html"
    write_report(bare_inputs(), path)
    assert path.read_text(encoding="utf-8") == render_report(bare_inputs())
    assert list(path.parent.iterdir()) == [path]


def test_another_process_writes_the_same_bytes() -> None:
    page = render_report(short_inputs())
    program = (
        "import hashlib; from leadcast.models.report import render_report;"
        "from tests.report_samples import short_inputs;"
        "print(hashlib.sha256(render_report(short_inputs()).encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == hashlib.sha256(page.encode()).hexdigest()
