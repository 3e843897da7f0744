"""The report: one self-contained page that a person reads.

>>> from models.report import ReportInputs, write_report  # doctest: +SKIP
>>> write_report(ReportInputs(source, run, metrics, gain=curve), Path("report.html"))
"""

from models.report.inputs import ReportInputs, RunFacts, SourceFacts
from models.report.page import render_report, write_report

__all__ = [
    "ReportInputs",
    "RunFacts",
    "SourceFacts",
    "render_report",
    "write_report",
]
