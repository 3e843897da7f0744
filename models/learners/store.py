"""Reading a fitted learner back, with NumPy only."""

import reprlib
from pathlib import Path

from features.errors import LeadcastError
from features.plain import inside, read_plain
from models.learners.additive import FILE, Additive
from models.learners.average import Average
from models.learners.prior import Prior
from models.learners.protocol import FittedLearner


def load_learner(folder: Path) -> FittedLearner:
    """Read a learner that its `save` wrote; imports no training library and runs no stored code.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    FittedLearner

    Raises
    ------
    LeadcastError
        If files are missing, damaged, or of an unknown kind; names the file.
    """
    path = inside(folder, FILE)
    content = read_plain(path)
    kind = content.get("kind") if isinstance(content, dict) else None
    if kind == "prior":
        return Prior.load(folder)
    if kind == "blend":
        return Average.load(folder)
    if kind in ("logistic", "lightgbm"):
        return Additive.load(folder)
    told = reprlib.repr(kind)
    raise LeadcastError(f"{path}: holds no learner that this version knows (kind {told})")
