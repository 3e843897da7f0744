"""Points distilled from the learned model, for whoever stays with a points table."""

from leadcast.models.distill.cost import as_markdown
from leadcast.models.distill.distillation import Distilled, distill

__all__ = ["Distilled", "as_markdown", "distill"]
