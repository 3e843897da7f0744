"""The model card: what a model is, for whom, how good it is and what to beware of.

With the sections of published model cards (Mitchell et al. 2019), all from the run's own facts.

References
----------
Mitchell, M., Wu, S., Zaldivar, A. et al. (2019). Model cards for model reporting. FAT* 2019.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadcast.models.charts.chart import Column, Table
from leadcast.models.charts.numbers import age, count, day, duration, percent, sentence
from leadcast.models.report.blocks import Block, Facts, Listing, Section, Words
from leadcast.models.report.decisions import segment_table
from leadcast.models.report.inputs import ReportInputs
from leadcast.models.report.page import Page, render_page
from leadcast.models.report.rights_section import (
    group_blocks,
    invariance_words,
    steering_words,
)
from leadcast.models.report.summary import METRICS, metric_rows

SECTIONS = (
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
)
"""The sections of a model card, as they were published."""
_UNITARY = ("auc", "log_loss", "brier", "ece", "calibration_in_the_large")
_SLICES = (("by_landmark", "Age in days"), ("by_month", "Month"), ("by_block", "Tenth of the test"))


@dataclass(frozen=True)
class CardFacts:
    """What a model card tells beside what the report shows.

    Parameters
    ----------
    bundle_id, judged_id : str
        Of the deployed model and of the one that the figures are of.
    n_features : int
    personal : tuple of str
        Attributes that tell who somebody is, of which only readings reach the model.
    forbidden, denied, permitted : mapping of str to str
        As the source definition says.
    groups : tuple of str
        The columns of groups.
    segments : tuple of str
        The attributes by which the test is measured.
    consent : tuple of str
        The columns of consent and do-not-contact that the hand-off honours.
    cut : float
        From which probability on a lead is a grade A.
    """

    bundle_id: str
    judged_id: str
    n_features: int
    personal: tuple[str, ...] = ()
    forbidden: Mapping[str, str] = field(default_factory=dict)
    denied: Mapping[str, str] = field(default_factory=dict)
    permitted: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    consent: tuple[str, ...] = ()
    cut: float = 1.0


def model_card(inputs: ReportInputs, facts: CardFacts) -> list[Section]:
    """Put a model card together.

    Parameters
    ----------
    inputs : ReportInputs
        What the report shows of the run.
    facts : CardFacts

    Returns
    -------
    list of Section
        One for each of `SECTIONS`, none of them empty.
    """
    blocks = (
        _details(inputs, facts),
        _use(inputs),
        _factors(inputs, facts),
        _metrics(inputs, facts),
        _evaluation_data(inputs),
        _training_data(inputs, facts),
        _analyses(inputs),
        _ethics(inputs, facts),
        _caveats(inputs),
    )
    return [
        Section(name.lower().replace(" ", "-"), name, name, own)
        for name, own in zip(SECTIONS, blocks, strict=True)
    ]


def _details(inputs: ReportInputs, facts: CardFacts) -> list[Block]:
    run = inputs.run
    told = (*inputs.model_words, *inputs.choice_words, *inputs.calibration_words)
    return [
        Facts(
            [
                ("Model", f"Leadcast, {run.learner or 'learner unknown'}, calibrated"),
                ("Version", f"deployed {facts.bundle_id[:12]}, judged {facts.judged_id[:12]}"),
                ("Date", day(run.created_at)),
                ("Code", f"Leadcast {run.code_version}, commit {run.git_commit or 'unknown'}"),
                ("Type", f"probability of one outcome, from {facts.n_features} features"),
                ("Source", f"{inputs.source.title} ({inputs.source.name})"),
                ("Licence of the data", inputs.source.licence or "not stated"),
                (
                    "Who answers for it",
                    "whoever keeps the source definition",
                ),
            ]
        ),
        Words([sentence(one) for one in told if one]),
    ]


def _use(inputs: ReportInputs) -> list[Block]:
    run = inputs.run
    until = "" if run.horizon_days is None else f" within {duration(run.horizon_days)}"
    ages = ", ".join(age(days) for days in run.landmarks_days)
    looked = f", looked at when it is so old: {ages}," if ages else ","
    verdict = inputs.metrics.get("verdict", {}).get("words", "")
    words = [
        f"The probability that a lead of this source becomes a paying customer{until}{looked} for "
        "sales and marketing to decide whom to call first and what to expect.",
        verdict or "What the scores may be used for was not judged.",
        "Not for decisions about people other than in which order to call them: not for credit, "
        "insurance, employment, housing, prices or access to services. Not for leads of other "
        "sources, of other ages or of a time that differs from the test's.",
    ]
    return [Words(words)]


def _factors(inputs: ReportInputs, facts: CardFacts) -> list[Block]:
    groups = ", ".join(facts.groups) or "none declared (`groups` in the source definition)"
    ages = ", ".join(age(days) for days in inputs.run.landmarks_days) or "not known, as undated"
    own = [Listing(segment_table(inputs.segments))] if inputs.segments else []
    return [
        *own,
        Facts(
            [
                ("Groups of people", groups),
                ("Segments", ", ".join(facts.segments) or "none declared"),
                ("Ages of leads", ages),
                ("Time", "month by month" if "by_month" in inputs.metrics else "by its order"),
            ]
        ),
    ]


def _metrics(inputs: ReportInputs, facts: CardFacts) -> list[Block]:
    rows = [
        [words.heading, value, interval or "–", words.meaning]
        for words, value, interval in metric_rows(inputs.test)
    ]
    heads = [Column(name, name) for name in ("Metric", "Value", "95 % interval", "What it says")]
    return [
        Words(
            [
                "On the test part, which no model has learned from; intervals of a bootstrap that "
                f"draws whole leads. The cut, of grade A, is a probability of {percent(facts.cut)}."
            ]
        ),
        Listing(Table(heads, rows, "Metrics of the test")),
    ]


def _evaluation_data(inputs: ReportInputs) -> list[Block]:
    test = inputs.test
    said = [
        f"{count(test.get('n', 0))} snapshots of {count(test.get('n_leads', 0))} leads, of which "
        f"{count(test.get('n_converted', 0))} converted: the latest part of the export, in time's "
        "order where there is one."
    ]
    return [Words(said), *_parts(inputs, "test")]


def _training_data(inputs: ReportInputs, facts: CardFacts) -> list[Block]:
    run = inputs.run
    span = ""
    if run.first_created_at is not None and run.last_created_at is not None:
        span = f", created {day(run.first_created_at)} to {day(run.last_created_at)}"
    until = (
        "" if run.observed_until is None else f"; outcomes known until {day(run.observed_until)}"
    )
    said = [
        f"{count(run.n_leads)} leads{span}, {count(run.n_events)} events, "
        f"{count(run.n_customers)} customers{until}. Fingerprint {run.fingerprint[:12]}."
    ]
    kept = [*facts.forbidden.items()]
    withheld: list[Block] = []
    if kept:
        withheld = [Words(["Columns that are not read:"]), Facts(kept)]
    if inputs.history_words:
        said.append(f"{sentence(inputs.history_words)}")
    return [Words(said), *_parts(inputs, "train"), *withheld]


def _parts(inputs: ReportInputs, part: str) -> list[Block]:
    frame = inputs.frame("splits")
    if frame is None:
        return []
    pairs = []
    for row in frame.filter(part=part).iter_rows(named=True):
        span = ""
        if row["first_as_of"] is not None and row["last_as_of"] is not None:
            span = f", {day(row['first_as_of'])} to {day(row['last_as_of'])}"
        words = f"{count(row['snapshots'])} snapshots, {count(row['converted'])} converted{span}"
        pairs.append((f"Part {part}", words))
    return [Facts(pairs)] if pairs else []


def _analyses(inputs: ReportInputs) -> list[Block]:
    named = {words.key: words for words in METRICS}
    heads = [Column("slice", "Slice"), Column("n", "Snapshots"), Column("won", "Converted")]
    heads += [Column(key, named[key].heading) for key in _UNITARY]
    tables = []
    slices: list[tuple[str, Mapping[str, Any]]] = [
        (heading, inputs.metrics[key]) for key, heading in _SLICES if inputs.metrics.get(key)
    ]
    slices += [*inputs.metrics.get("by_segment", {}).items()]
    for heading, content in slices:
        rows = [
            [name, count(one["n"]), count(one["n_converted"]), *_told(one)]
            for name, one in content.items()
        ]
        tables.append(Listing(Table(heads, rows, f"By {heading.lower()}")))
    first = "Unitary results, each slice by itself, with 95 % intervals."
    words = Words([first if tables else "The test is not cut into slices."])
    whole: list[Block] = [words, *tables]
    groups = None if inputs.rights is None else inputs.rights["groups"]
    return [*whole, *group_blocks(groups)]


def _told(one: Mapping[str, Any]) -> list[str]:
    found = {words.key: (value, interval) for words, value, interval in metric_rows(one)}
    cells = [found.get(key, ("–", "")) for key in _UNITARY]
    return [f"{value} ({interval})" if interval else value for value, interval in cells]


def _ethics(inputs: ReportInputs, facts: CardFacts) -> list[Block]:
    personal = ", ".join(facts.personal)
    said = [
        f"Attributes that tell who somebody is ({personal}) reach the model only as what is read "
        "off them, as the kind of an address; values that few leads share are not kept."
        if personal
        else "No attribute tells who somebody is.",
        "The model holds no lead; what holds personal data is listed in docs/privacy.md.",
        *(steering_words(inputs.steering) or ["The deny-list was not enforced by this version."]),
        *(invariance_words(inputs.rights) or ["Payout invariance was not tested by this version."]),
        f"Consent and do-not-contact ({', '.join(facts.consent)}) are honoured at hand-off and "
        "never scored upon."
        if facts.consent
        else "The source maps no column of consent or do-not-contact, so that the hand-off cannot "
        "honour any.",
        "Who asks why a lead scored low is answered by `leadcast reasons`; who wants to be "
        "forgotten, by `leadcast forget`.",
        "This card gives no legal advice.",
    ]
    blocks: list[Block] = [Words(said)]
    if facts.permitted:
        blocks += [Words(["Permitted by the source definition, with the reason:"])]
        blocks.append(Facts([*facts.permitted.items()]))
    found = () if inputs.steering is None else inputs.steering["checks"]
    told = [
        (one["subject"], sentence(one["found"])) for one in found if one["found"] and one["subject"]
    ]
    return [*blocks, *([Facts(told)] if told else [])]


def _caveats(inputs: ReportInputs) -> list[Block]:
    doubt = inputs.metrics.get("level_doubt", {}).get("words", "")
    said = [
        *(sentence(note) for note in inputs.notes),
        *([doubt] if doubt else []),
        "The model has learned from the leads that were in the export and from how they were "
        "treated; of leads that nobody called it knows only that nobody called them.",
        "A reason tells what the model does with a lead, and not what would become of the lead if "
        "it were otherwise.",
        "Watch it with `leadcast monitor`, and run the source again where it says so.",
    ]
    return [Words(said)]


def render_card(inputs: ReportInputs, facts: CardFacts) -> tuple[str, str]:
    """Write a model card as Markdown and as one HTML page.

    Parameters
    ----------
    inputs : ReportInputs
    facts : CardFacts

    Returns
    -------
    markdown, page : str
        The same inputs give the same bytes.
    """
    sections = model_card(inputs, facts)
    verdict = inputs.metrics.get("verdict", {}).get("words", "")
    promise = "What this model is, for whom, how good it is and what to beware of."
    page = Page(
        eyebrow="Leadcast model card",
        title=inputs.source.title,
        promise=promise,
        sentences=[verdict or promise],
        sections=sections,
        homepage=inputs.source.homepage,
        licence=inputs.source.licence,
    )
    lines = [f"# Model card: {_plain(inputs.source.title)}"]
    for section in sections:
        lines += ["", f"## {section.title}"]
        for block in section.blocks:
            lines += ["", *_markdown(block)]
    return "\n".join([*lines, ""]), render_page(page)


def _markdown(block: Block) -> Sequence[str]:
    if isinstance(block, Words):
        return [line for words in block.paragraphs for line in (_plain(words), "")][:-1]
    if isinstance(block, Facts):
        return [f"- **{_plain(name)}**: {_plain(value)}" for name, value in block.pairs]
    if isinstance(block, Listing):
        table = block.table
        heads = [_plain(column.heading) for column in table.columns]
        rows = [[_plain(cell) for cell in row] for row in table.rows]
        lines = [heads, ["---"] * len(heads), *rows]
        return [f"**{_plain(table.caption)}**", "", *(f"| {' | '.join(row)} |" for row in lines)]
    raise TypeError(f"a model card has no {type(block).__name__}")


def _plain(text: str) -> str:
    """Write a text of the data so that Markdown takes it as it is."""
    told = " ".join(str(text).split())
    for sign in ("\\", "|", "<", "*", "_", "[", "]"):
        told = told.replace(sign, f"\\{sign}")
    return told
