"""One glossary: the documents', the report's and the page's words mean the same."""

import re
from pathlib import Path

from leadcast.models.charts.glossary import GLOSSARY, OF_A_COMPARISON, OF_A_REPORT, terms
from leadcast.models.report.summary import METRICS

ROW = re.compile(r"^\| (?!term \|)(.+?) \| (.+) \|$", re.MULTILINE)


def test_the_document_is_the_module() -> None:
    text = Path("docs/glossary.md").read_text(encoding="utf-8")
    assert dict(ROW.findall(text)) == GLOSSARY
    assert list(dict(ROW.findall(text))) == list(GLOSSARY)


def test_metrics_mean_what_the_glossary_says() -> None:
    told = {one.key: one.meaning for one in METRICS}
    for key, term in (
        ("auc", "AUC"),
        ("log_loss", "log loss"),
        ("ece", "calibration error"),
        ("brier", "Brier score"),
        ("average_precision", "average precision"),
        ("calibration_slope", "calibration slope"),
    ):
        assert told[key] == GLOSSARY[term]


def test_every_term_that_a_page_explains_is_there() -> None:
    assert len(terms(OF_A_COMPARISON)) == len(set(OF_A_COMPARISON))
    assert len(terms(OF_A_REPORT)) == len(set(OF_A_REPORT))
