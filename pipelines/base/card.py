"""The model card of a run, from its own facts."""

from leadcast.features.base.files import read_json, written_whole
from leadcast.features.definitions.load import find_definition
from leadcast.features.profile.personal import is_personal
from leadcast.models.bundle.bundle_files import MANIFEST
from leadcast.models.report import ReportInputs
from leadcast.models.report.model_card import CardFacts, render_card
from leadcast.pipelines.base.dataset import read_plan, read_reference
from leadcast.pipelines.base.params import load_params
from leadcast.pipelines.base.paths import RunFolder


def write_card(run: RunFolder, inputs: ReportInputs) -> None:
    """Write the model card, as Markdown and as a page.

    Parameters
    ----------
    run : RunFolder
    inputs : ReportInputs
        What the report shows of the run.
    """
    definition = find_definition(run.source)
    named = load_params().evaluation.segments
    sales = definition.tables.leads.sales.named()
    facts = CardFacts(
        bundle_id=read_json(run.bundle / MANIFEST)["bundle_id"],
        judged_id=read_json(run.judged / MANIFEST)["bundle_id"],
        n_features=len(read_plan(run).features),
        personal=tuple(name for name in definition.lead_attributes() if is_personal(name)),
        forbidden=definition.forbidden,
        denied=definition.withheld(),
        permitted=definition.permitted,
        groups=definition.groups,
        segments=definition.segments if named is None else tuple(named),
        consent=tuple(name for name in ("consent", "do_not_contact") if name in sales),
        cut=read_reference(run).bounds[0],
    )
    for path, text in zip((run.card, run.card_page), render_card(inputs, facts), strict=True):
        with written_whole(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
