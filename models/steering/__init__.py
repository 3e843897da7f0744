"""Steering: that no score reads what is paid for a lead, or what the law protects in a person."""

from leadcast.models.steering.association import Association, associations
from leadcast.models.steering.deny_checks import CHECKS, SteeringContext, refuse, steer, strongest
from leadcast.models.steering.deny_names import MEANINGS, PAY, denied_by_name
from leadcast.models.steering.group_report import report_groups
from leadcast.models.steering.invariance import Invariance, tried_invariance

__all__ = [
    "CHECKS",
    "MEANINGS",
    "PAY",
    "Association",
    "Invariance",
    "SteeringContext",
    "associations",
    "denied_by_name",
    "refuse",
    "report_groups",
    "steer",
    "strongest",
    "tried_invariance",
]
