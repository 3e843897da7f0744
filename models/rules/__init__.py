"""Points tables: read, checked, evaluated at any moment, and told in a ledger."""

from leadcast.models.rules.checks import check_rules
from leadcast.models.rules.points import RuleScores, evaluate
from leadcast.models.rules.points_ledger import ledger
from leadcast.models.rules.points_table import RuleTable, load_rules, parse_rules

__all__ = [
    "RuleScores",
    "RuleTable",
    "check_rules",
    "evaluate",
    "ledger",
    "load_rules",
    "parse_rules",
]
