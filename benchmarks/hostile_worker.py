"""A process that loads and scores bundles which others name on its input, and says what happened.

Each line of the input is a bundle's folder, each line of the output JSON. With NUMBA_BOUNDSCHECK
the compiled loops check each index.
"""

import hashlib
import json
import resource
import sys
import traceback
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.hostile_worlds import leads_of, tables_of
from leadcast.features.base.errors import LeadcastError
from leadcast.serve.reasons import ReasonsAsked
from leadcast.serve.scorer import Scorer

ROUNDING = 1e-9
ROOM = 2**30
"""What a bundle may take at most; beyond it memory is refused."""


@cache
def leads(dated: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make the leads once."""
    return leads_of(tables_of(dated))


def examine(folder: Path) -> dict[str, Any]:
    """Load and score one bundle; tell what happened."""
    try:
        scorer = Scorer.load(folder)
        table, events = leads(scorer.is_dated)
        scores = scorer.score(table, events, warnings=[], reasons=ReasonsAsked("all"))
        one = dict(zip(table.columns, table.row(0), strict=True))
        first = events.filter(pl.col("lead_id") == one["lead_id"])
        own = [(e["occurred_at"], e["event_type"], e["value"]) for e in first.iter_rows(named=True)]
        as_of = one.pop("as_of", None)
        alone = scorer.score_one(one, own, as_of, with_reasons=True)
    except LeadcastError as error:
        return {"outcome": "refused", "words": str(error)[:300]}
    except BaseException:
        return {"outcome": "error", "words": traceback.format_exc()[-1500:]}
    numbers = scores.select("probability", "lower", "upper", "percentile").fill_null(0).to_numpy()
    inside = bool(((numbers[:, :3] >= 0) & (numbers[:, :3] <= 1)).all())
    # One row and many are multiplied by different loops of NumPy's, which round differently.
    same = abs(alone.probability - numbers[0, 0]) < ROUNDING
    digest = hashlib.sha256(np.ascontiguousarray(numbers).tobytes())
    digest.update(repr((scores["reasons"].to_list(), alone)).encode())
    outcome = "scored" if inside and same else "error"
    return {"outcome": outcome, "digest": digest.hexdigest(), "words": repr(numbers[:2].tolist())}


def _peak_kib() -> int:
    # What `getrusage` tells counts the process that started this one as well.
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


def main() -> None:
    """Answer until the input ends."""
    warnings.simplefilter("ignore")
    print(json.dumps(examine(Path(sys.argv[1]))), flush=True)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
    for line in sys.stdin:
        answer = examine(Path(line.rstrip("\n")))
        answer["peak_kib"] = _peak_kib()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
