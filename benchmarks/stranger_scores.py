"""Leads to score that are odd, through every door of the scorer: for ``benchmarks.strangers``."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from benchmarks.stranger_files import SCORED, ScoredVariant
from benchmarks.stranger_kinds import Told
from leadcast.features.base.errors import LeadcastError
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.scorer import Scorer
from tests.scoring_world import START, bundle_folder
from tests.service_world import TestClient, client

AS_OF = START + timedelta(days=150)
LEAD: dict[str, Any] = {
    "lead_id": "1001",
    "created_at": START,
    "industry": "software",
    "company_size": 10.0,
    "budget": 1.0,
    "job_title": "CEO",
    "newsletter": True,
}
Scored = tuple[str, float]
"""Whose score it is, and the probability."""
ScoringDoor = Callable[[dict[str, Any]], Scored]


def scoring_doors(folder: Path, asked: TestClient) -> dict[str, ScoringDoor]:
    """Give what scores one lead at each door; raises `LeadcastError` where it refuses."""
    scorer = Scorer.load(bundle_folder())

    def one(lead: dict[str, Any]) -> Scored:
        score = scorer.score_one(lead, (), AS_OF, [])
        return score.lead_id, score.probability

    def frame(lead: dict[str, Any]) -> Scored:
        return scorer.score(pl.DataFrame([lead]), None, AS_OF, []).row(0)[0:3:2]

    def pandas(lead: dict[str, Any]) -> Scored:
        row = scorer.score_pandas(pd.DataFrame([lead | {"as_of": AS_OF}])).iloc[0]
        return row["lead_id"], row["probability"]

    def file(lead: dict[str, Any]) -> Scored:
        pl.DataFrame([lead]).write_parquet(folder / "leads.parquet")
        out = folder / "scores.parquet"
        score_files(scorer, folder / "leads.parquet", None, out, BatchSettings(AS_OF))
        scores = pl.read_parquet(out)
        return scores["lead_id"][0], scores["probability"][0]

    def request(lead: dict[str, Any]) -> Scored:
        created = lead["created_at"]
        own = {"lead_id": lead["lead_id"], "as_of": AS_OF.isoformat()}
        own |= {"created_at": created if isinstance(created, str) else created.isoformat()}
        attributes = {name: value for name, value in lead.items() if name not in own}
        answer = asked.post("/v1/score", json={"leads": [own | {"attributes": attributes}]})
        if answer.status_code == 422:
            raise LeadcastError(answer.text)
        (score,) = answer.json()["scores"]
        return score["lead_id"], score["probability"]

    return {"score_one": one, "polars": frame, "pandas": pandas, "file": file, "HTTP": request}


def scored(folder: Path) -> Iterator[tuple[str, str, int, str, str]]:
    """Score every variant; give kind, door, number, what became of it and what was told."""
    with client(folder) as asked:
        doors = scoring_doors(folder, asked)
        for kind in SCORED:
            for number, variant in enumerate(kind.variants):
                for door, score in doors.items():
                    yield (kind.name, door, number, *_judged(variant, score, doors["score_one"]))


def _judged(variant: ScoredVariant, score: ScoringDoor, by_text: ScoringDoor) -> tuple[str, str]:
    try:
        found = score(LEAD | {variant.name: variant.value})
    except LeadcastError as error:
        if not isinstance(variant.same_as, Told):
            # A number for a text may be refused by a request, which has types.
            named = variant.name in str(error)
            return ("refused" if named else "refused in other words"), str(error)
        missing = [word for word in variant.same_as.words if word not in str(error)]
        return ("refused in other words" if missing else "refused"), str(error)
    except Exception as error:
        return "traceback", repr(error)
    if isinstance(variant.same_as, Told):
        return "silently wrong", f"{found} for {variant.value!r}"
    expected = by_text(LEAD | {variant.name: variant.same_as})
    told = f"{found} instead of {expected}"
    return ("right", "") if found == expected else ("silently wrong", told)
