"""The learned score against points, on the same leads at the same moments.

>>> from models.comparison import Compared, Question, compare_scores  # doctest: +SKIP
>>> compare_scores(Compared.of(rows, ("industry",)), Question("demo", "Lead Points")).headline
"""

from models.comparison.compare import Question, compare_scores
from models.comparison.result import Comparison
from models.comparison.rows import Compared

__all__ = ["Compared", "Comparison", "Question", "compare_scores"]
