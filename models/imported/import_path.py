"""From an import path in `params.yaml` to an estimator, or to words about what is wrong with it."""

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.models.settings import EstimatorCandidate

WHERE = "params.yaml: model.candidates"
ESTIMATOR, PARAMETERS = "estimator", "parameters"
"""The keys of an estimator, also where it is a parameter of another one."""
EXAMPLE = "sklearn.ensemble.HistGradientBoostingClassifier"
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


class _WrongPathError(Exception):
    """What was found and what was expected."""


def check_candidates(candidates: Sequence[EstimatorCandidate]) -> None:
    """Build every estimator once, so that what is wrong is told before anything is computed.

    Parameters
    ----------
    candidates : sequence of EstimatorCandidate

    Raises
    ------
    FaultsError
        If a module or a class is not there, a parameter is none of its class, or it cannot give
        probabilities; all of them at once.
    """
    faults = [fault for candidate in candidates for fault in _faults(candidate)]
    if faults:
        raise FaultsError(WHERE, faults)


def built(candidate: EstimatorCandidate, seed: int) -> Any:  # noqa: ANN401 - any estimator
    """Make an estimator that is not fitted yet.

    Parameters
    ----------
    candidate : EstimatorCandidate
    seed : int
        Of every ``random_state`` that the candidate leaves open.

    Returns
    -------
    estimator
        Of scikit-learn's kind: with ``fit``, ``predict_proba`` and ``get_params``.

    Raises
    ------
    FaultsError
        As `check_candidates` does.
    """
    try:
        estimator = _made(candidate.estimator, candidate.parameters)
        _refuse_no_classifier(candidate.estimator, estimator)
    except _WrongPathError as wrong:
        raise FaultsError(WHERE, [_fault(candidate, wrong)]) from None
    given = estimator.get_params(deep=True)
    open_ones = [
        name
        for name, value in given.items()
        if value is None and name.rpartition("__")[2] == "random_state"
    ]
    return estimator.set_params(**dict.fromkeys(open_ones, seed))


def _faults(candidate: EstimatorCandidate) -> Iterator[Fault]:
    try:
        built(candidate, 0)
    except FaultsError as error:
        yield from error.faults


def _fault(candidate: EstimatorCandidate, wrong: _WrongPathError) -> Fault:
    found, expected = wrong.args
    return Fault(
        where=f"{WHERE}: {candidate.kind}",
        found=found,
        expected=expected,
        remedy="See docs/candidates.md, or take the candidate out.",
    )


def _made(path: str, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any estimator
    found = _imported(path)
    if not isinstance(found, type):
        raise _WrongPathError(f"{path} is no class", f"the path of a class, as {EXAMPLE}")
    try:
        return found(**{name: _value(value) for name, value in parameters.items()})
    except _WrongPathError:
        raise
    except Exception as error:
        told = f"{path} cannot be made with {dict(parameters)} ({error})"
        raise _WrongPathError(told, "parameters that the class takes") from None


def _value(value: object) -> object:
    """Build the estimators among the parameters: those of a pipeline's steps, or a base one."""
    if isinstance(value, Mapping):
        if set(value) <= {ESTIMATOR, PARAMETERS} and isinstance(value.get(ESTIMATOR), str):
            return _made(value[ESTIMATOR], value.get(PARAMETERS) or {})
        return {key: _value(inner) for key, inner in value.items()}
    return [_value(inner) for inner in value] if isinstance(value, list | tuple) else value


def _imported(path: str) -> Any:  # noqa: ANN401 - whatever the path names
    if not _PATH.fullmatch(path):
        raise _WrongPathError(f"{path!r}", f"an import path, as {EXAMPLE}")
    module, _, name = path.rpartition(".")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise _WrongPathError(
            f"{path}: there is no module {error.name!r}", "a module that is installed here"
        ) from None
    except Exception as error:
        raise _WrongPathError(
            f"{path}: its module cannot be imported ({error})", "one that can"
        ) from None
    if not hasattr(found, name):
        raise _WrongPathError(f"{path}: {module} has no {name!r}", "a class of that module")
    return getattr(found, name)


def _refuse_no_classifier(path: str, estimator: Any) -> None:  # noqa: ANN401
    needed = ("fit", "predict_proba", "get_params", "set_params")
    missing = [name for name in needed if not hasattr(estimator, name)]
    if missing:
        raise _WrongPathError(
            f"{path} has no {', '.join(missing)}",
            "a classifier of scikit-learn's kind that gives probabilities (predict_proba)",
        )
