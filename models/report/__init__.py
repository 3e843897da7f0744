"""The report: one self-contained page that a person reads.

>>> from leadcast.models.report import ReportInputs, write_report  # doctest: +SKIP
>>> write_report(ReportInputs(source, run, metrics, gain=curve), Path("report.html"))
"""

from leadcast.models.report.inputs import ReportInputs, RunFacts, SourceFacts
from leadcast.models.report.page import render_report, write_report

__all__ = [
    "ReportInputs",
    "RunFacts",
    "SourceFacts",
    "render_report",
    "write_report",
]
