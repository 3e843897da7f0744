"""Points distilled from the learned model, for whoever stays with a points table."""

from models.distill.distillation import Distilled, distill
from models.distill.words import as_markdown

__all__ = ["Distilled", "as_markdown", "distill"]
