"""Reading a fitted learner back, with NumPy only."""

from pathlib import Path

from features.errors import LeadcastError
from features.files import read_json
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
    path = folder / FILE
    content = read_json(path)
    kind = content.get("kind") if isinstance(content, dict) else None
    try:
        if kind == "prior":
            return Prior.load(folder)
        if kind == "blend":
            return Average.load(folder)
        if kind in ("logistic", "lightgbm"):
            return Additive.load(folder)
    except (KeyError, TypeError, ValueError, FileNotFoundError) as error:
        raise LeadcastError(f"{path}: is damaged ({error!r}); train and export again") from None
    raise LeadcastError(f"{path}: holds no learner that this version knows (kind {kind!r})")
