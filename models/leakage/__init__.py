"""The leakage gate: whether a model knows what nobody can know when leads are scored."""

from leadcast.models.leakage.context import Check, Finding, LeakageContext
from leadcast.models.leakage.gate import CHECKS, LeakageReport, examine, inspect

__all__ = ["CHECKS", "Check", "Finding", "LeakageContext", "LeakageReport", "examine", "inspect"]
