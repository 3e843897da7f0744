"""Points tables: read, checked, evaluated at any moment, and told in a ledger."""

from models.rules.checks import check_rules
from models.rules.evaluation import RuleScores, evaluate
from models.rules.ledger import ledger
from models.rules.load import load_rules, parse_rules
from models.rules.table import RuleTable

__all__ = [
    "RuleScores",
    "RuleTable",
    "check_rules",
    "evaluate",
    "ledger",
    "load_rules",
    "parse_rules",
]
