"""The learned score against points, on the same leads at the same moments.

>>> from leadcast import compare_scores
>>> from leadcast.models.comparison import Compared, ComparisonQuestion
>>> question = ComparisonQuestion("demo", "Lead Points")  # doctest: +SKIP
>>> compare_scores(Compared.of(rows, ("industry",)), question).headline  # doctest: +SKIP
"""

from leadcast.models.comparison.compare import ComparisonQuestion, compare_scores
from leadcast.models.comparison.compared_rows import Compared
from leadcast.models.comparison.result import Comparison

__all__ = ["Compared", "Comparison", "ComparisonQuestion", "compare_scores"]
