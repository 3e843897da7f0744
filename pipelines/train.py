"""Candidates, backtest, choice: the learner is chosen and fitted inside the training part."""

from typing import Any

from features.files import write_json, written_whole
from features.tables import Tables
from models.choice import Choice, choose
from pipelines.dataset import read_part
from pipelines.params import load_params
from pipelines.paths import RunFolder
from pipelines.settings import horizon_days, snapshot_settings
from pipelines.stage import run_stage


def train(source: str) -> str:
    """Let the candidates compete on the training part and fit the winner on all of it.

    Parameters
    ----------
    source : str
        The source's name.

    Returns
    -------
    str
        Which learner was chosen, and why.
    """
    run, params = RunFolder(source), load_params()
    horizon = horizon_days(Tables.read(run.tables), snapshot_settings(source, params))
    data = read_part(run, "train", horizon)
    choice = choose(data, params.learner.model_copy(update={"seed": params.seed}))
    with written_whole(run.learner) as temporary:
        temporary.mkdir()
        choice.learner.save(temporary)
    write_json(run.backtest, backtest_content(choice))
    return "; ".join(choice.notes)


def backtest_content(choice: Choice) -> dict[str, Any]:
    """Give the choice as plain data.

    Parameters
    ----------
    choice : Choice
        What competed and what was chosen.

    Returns
    -------
    dict
        ``chosen``, ``results`` (one a candidate and origin), ``notes``, ``setup``, ``importance``
        (one a feature, in the plan's order).
    """
    return {
        "chosen": choice.learner.kind,
        "results": [result.to_json() for result in choice.backtest],
        "notes": list(choice.notes),
        "setup": choice.setup,
        "importance": choice.learner.importance().tolist(),
    }


if __name__ == "__main__":
    run_stage("train", train)
