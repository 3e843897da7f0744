"""A fitted estimator as a file of skops: no pickle, and nothing but types that are trusted.

skops tells which types a file holds without importing any of them. Those that it does not trust by
itself must stand in `KNOWN`, or be trusted by whoever trains and scores, by name, in the
environment variable `VARIABLE`; and the bundle's manifest lists them. What is trusted is a type:
that its content is what was fitted, the hashes tell, and a signature who made it.
"""

import io
import json
import os
import zipfile
from typing import Any

import numpy as np

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.plain import AGAIN

VARIABLE = "LEADCAST_TRUSTED_TYPES"
"""The environment variable with further types, separated by commas."""
KNOWN = frozenset(
    {
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
    }
)
"""Types of scikit-learn that skops leaves to be judged, since scikit-learn walks them unchecked:
they are checked here."""
MOST_BYTES = 2**27
_SCHEMA = "schema.json"
_WHEN = (1980, 1, 1, 0, 0, 0)
_ROWS_WITHIN = ("support_vectors_", "_fit_X", "X_train_")
"""Attributes in which scikit-learn's estimators keep training rows."""


def trusted_here() -> frozenset[str]:
    """Give the types that are trusted beside those that skops trusts by itself."""
    told = os.environ.get(VARIABLE, "").split(",")
    return KNOWN | {name.strip() for name in told if name.strip()}


def dump_estimator(estimator: Any, name: str) -> tuple[bytes, tuple[str, ...]]:  # noqa: ANN401
    """Write an estimator so that it can be read without pickle.

    Parameters
    ----------
    estimator
        Fitted.
    name : str
        What to call it in an error.

    Returns
    -------
    bytes
        The same for the same estimator, whenever and wherever it is written.
    tuple of str
        The types in it that skops does not trust by itself, sorted.

    Raises
    ------
    LeadcastError
        If skops cannot write it, it holds types that are not trusted, or training rows.
    """
    import skops.io

    try:
        content = _steady(skops.io.dumps(estimator))
        types = tuple(sorted(skops.io.get_untrusted_types(data=content)))
    except Exception as error:
        raise LeadcastError(
            f"{name}: cannot be exported, because skops, which writes estimators without pickle, "
            f"cannot write it ({error}); take another estimator"
        ) from None
    refuse_untrusted(types, name)
    return content, types


def refuse_rows(estimator: Any, n_rows: int, name: str) -> None:  # noqa: ANN401
    """Refuse an estimator that keeps the leads it was fitted on.

    Parameters
    ----------
    estimator
        Fitted.
    n_rows : int
        On so many rows.
    name : str
        What to call it in an error.

    Raises
    ------
    LeadcastError
        If a part of it has as many rows as it was fitted on, or is known to hold some of them.
    """
    seen: set[int] = set()
    waiting = [estimator]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        inner = vars(one) if hasattr(one, "__dict__") and not isinstance(one, type) else {}
        kept = [key for key in _ROWS_WITHIN if getattr(inner.get(key), "size", 0)]
        kept += [key for key, value in inner.items() if _is_of_rows(value, n_rows)]
        if kept:
            raise LeadcastError(
                f"{name}: cannot be exported, because it keeps leads that it was fitted on "
                f"({type(one).__name__}.{kept[0]}), and a bundle holds none; take an estimator "
                "that does not"
            )
        waiting += inner.values()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list | tuple | set):
            waiting += one
        elif isinstance(one, np.ndarray) and one.dtype == object:
            waiting += one.ravel().tolist()


def _is_of_rows(value: object, n_rows: int) -> bool:
    return isinstance(value, np.ndarray) and value.ndim > 0 and value.shape[0] == n_rows


def refuse_untrusted(types: tuple[str, ...], where: str) -> None:
    """Refuse types that nobody here trusts.

    Parameters
    ----------
    types : tuple of str
        As `dump_estimator` gives them, or a bundle lists them.
    where : str
        What holds them, for the error.

    Raises
    ------
    LeadcastError
        If one of them is neither in `KNOWN` nor in the environment's `VARIABLE`.
    """
    strange = [name for name in types if name not in trusted_here()]
    if strange:
        raise LeadcastError(
            f"{where}: holds types that are not trusted: {', '.join(strange)}. If you know them, "
            f"set {VARIABLE}={','.join(strange)} where it is trained and where it scores"
        )


def load_estimator(content: bytes, types: tuple[str, ...], where: str) -> Any:  # noqa: ANN401
    """Read an estimator; a type that is not listed and trusted is never imported.

    Parameters
    ----------
    content : bytes
        As `dump_estimator` gave it.
    types : tuple of str
        Likewise.
    where : str
        The file, for errors.

    Returns
    -------
    estimator

    Raises
    ------
    LeadcastError
        If it holds other types than listed, some that are not trusted, or is damaged.
    """
    import skops.io

    refuse_untrusted(types, where)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            unpacked = sum(entry.file_size for entry in file.infolist())
        if unpacked > MOST_BYTES:
            raise LeadcastError(f"{where}: unpacks to {unpacked} bytes, more than {MOST_BYTES}")
        found = tuple(sorted(skops.io.get_untrusted_types(data=content)))
        if found == types:
            estimator = skops.io.loads(content, trusted=list(types))
    except LeadcastError:
        raise
    except Exception as error:
        raise LeadcastError(f"{where}: the estimator is damaged ({error}). {AGAIN}") from None
    if found != types:
        raise LeadcastError(f"{where}: holds other types ({', '.join(found)}) than listed. {AGAIN}")
    _check_trees(estimator, where)
    return estimator


def _check_trees(estimator: Any, where: str) -> None:  # noqa: ANN401
    """See that trees stay within themselves: scikit-learn does not look."""
    for inner in _steps(estimator):
        n_features = int(getattr(inner, "n_features_in_", 0))
        sound = [
            _is_sound_predictor(tree, n_features)
            for trees in getattr(inner, "_predictors", ())
            for tree in trees
        ]
        if hasattr(inner, "tree_"):
            sound.append(_is_sound_tree(inner.tree_, n_features))
        if not all(sound):
            raise LeadcastError(f"{where}: a tree points out of itself. {AGAIN}")


def _is_sound_tree(tree: Any, n_features: int) -> bool:  # noqa: ANN401
    left, right, place = tree.children_left, tree.children_right, np.arange(tree.node_count)
    inner = left != -1
    # Children come after their parents, so that no walk goes on for ever.
    children = [side[inner] > place[inner] for side in (left, right)]
    children += [side[inner] < tree.node_count for side in (left, right)]
    feature = tree.feature[inner]
    return bool(
        tree.n_features == n_features
        and all(side.all() for side in children)
        and ((feature >= 0) & (feature < n_features)).all()
    )


def _is_sound_predictor(tree: Any, n_features: int) -> bool:  # noqa: ANN401
    nodes = tree.nodes
    split = nodes[nodes["is_leaf"] == 0]
    place = np.flatnonzero(nodes["is_leaf"] == 0)
    children = [(split[side] > place) & (split[side] < len(nodes)) for side in ("left", "right")]
    sets = split["bitset_idx"][split["is_categorical"] == 1]
    known = min(len(tree.binned_left_cat_bitsets), len(tree.raw_left_cat_bitsets))
    return bool(
        len(nodes)
        and all(side.all() for side in children)
        and (split["feature_idx"] >= 0).all()
        and (split["feature_idx"] < n_features).all()
        and (sets < known).all()
    )


def _steps(estimator: Any) -> list[Any]:  # noqa: ANN401
    """List an estimator and all estimators within it."""
    found, waiting, seen = [], [estimator], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, list | tuple):
            waiting += one
        elif isinstance(one, np.ndarray) and one.dtype == object:
            waiting += one.ravel().tolist()
        elif hasattr(one, "get_params"):
            found.append(one)
            waiting += vars(one).values()
    return found


def _steady(content: bytes) -> bytes:
    """Write a file of skops anew without what differs from run to run: addresses and the time."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        schema = json.loads(file.read(_SCHEMA))
        numbers: dict[int, int] = {}
        names: dict[str, str] = {}
        _renumber(schema, numbers, names)
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as new:
            for name, number in names.items():
                new.writestr(zipfile.ZipInfo(number, _WHEN), file.read(name))
            new.writestr(zipfile.ZipInfo(_SCHEMA, _WHEN), json.dumps(schema, indent=1))
    return written.getvalue()


def _renumber(node: Any, numbers: dict[int, int], names: dict[str, str]) -> None:  # noqa: ANN401
    """Give objects and their files numbers in the order in which they are met."""
    if isinstance(node, list):
        for inner in node:
            _renumber(inner, numbers, names)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("__id__"), int):
        node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
    if "__loader__" in node and isinstance(node.get("file"), str):
        kind = node["file"].rpartition(".")[2]
        node["file"] = names.setdefault(node["file"], f"array_{len(names) + 1}.{kind}")
    for inner in node.values():
        _renumber(inner, numbers, names)
