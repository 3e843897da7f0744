"""The commands of the service: ``leadcast serve`` and ``leadcast api-key``."""

from pathlib import Path
from typing import Annotated

import typer

KeysFile = Annotated[Path, typer.Option("--file", help="The file of keys; their hashes only.")]

api_key = typer.Typer(
    help="Make and revoke the API keys of the service.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Share = Annotated[
    float,
    typer.Option(min=0.01, max=1, help="Of what a worker holds at a time: one caller's part."),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(help="A name by which callers may call the service; may be given again."),
]
RunPlace = Annotated[
    Path | None,
    typer.Option(help="The run's folder, for the page; else the one around the bundle."),
]
SignedBy = Annotated[
    Path | None,
    typer.Option(help="Refuse a bundle that this public key (PEM) has not signed; see sign."),
]


def serve(
    bundle: Annotated[
        str, typer.Option(help="A bundle's folder, or a model such as models:/leadcast@champion.")
    ],
    keys: Annotated[
        Path | None, typer.Option(help="The file of API keys; see leadcast api-key create --help.")
    ] = None,
    no_keys: Annotated[
        bool, typer.Option("--no-keys", help="Let everybody ask who can reach the address.")
    ] = False,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 2,
    max_leads: Annotated[int, typer.Option(min=1, help="Leads in one request.")] = 1000,
    max_events: Annotated[int, typer.Option(min=1, help="Events of one lead.")] = 10_000,
    max_unknown: Annotated[
        int, typer.Option(min=1, help="Attributes that the model does not know, in one request.")
    ] = 2000,
    max_body_mib: Annotated[float, typer.Option(min=0.001, max=1024, help="A request's body.")] = 8,
    read_seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="How long a request may take to arrive.")
    ] = 10,
    score_seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="How long one request may be scored.")
    ] = 10,
    rate: Annotated[
        float, typer.Option(min=0, max=1e6, help="Requests a second of one key; 0 for any number.")
    ] = 100,
    share: Share = 0.5,
    allow_host: Hosts = None,
    run: RunPlace = None,
    no_page: Annotated[
        bool, typer.Option("--no-page", help="Answer programs alone: no page for people.")
    ] = False,
    require_signature: SignedBy = None,
) -> None:
    """Score leads over HTTP: POST /v1/score, GET /v1/model, /healthz, /readyz, /metrics.

    For people there is a page at /: the learned score against points. It shows the run's leads,
    e-mail addresses too, to who has a key; with --no-keys to all who reach the address, unless
    --no-page switches it off.

    Callers need a key: make one with leadcast api-key create --file keys.json --name NAME, and
    send it as Authorization: Bearer KEY. Without --keys only this machine may ask.
    """
    from pipelines.serve import serve as start
    from serve.http.settings import MEBIBYTE, Limits

    limits = Limits(
        max_leads=max_leads,
        max_events=max_events,
        max_unknown=max_unknown,
        max_body_bytes=round(max_body_mib * MEBIBYTE),
        read_seconds=read_seconds,
        score_seconds=score_seconds,
        requests_per_second=rate,
        share=share,
    )
    page, names, signed_by = not no_page, tuple(allow_host or ()), require_signature
    start(bundle, keys, no_keys, host, port, workers, limits, run, page, names, signed_by)


@api_key.command(epilog="\b\nExamples:\n  leadcast api-key create --file keys.json --name crm")
def create(file: KeysFile, name: Annotated[str, typer.Option(help="For whom the key is.")]) -> None:
    """Make a key and show it, this once; the file keeps its hash only."""
    from pipelines.serve import new_key

    print(new_key(file, name))


@api_key.command(epilog="\b\nExamples:\n  leadcast api-key revoke --file keys.json 0123456789ab")
def revoke(
    file: KeysFile,
    key_id: Annotated[str, typer.Argument(help="The twelve digits after lc_ in the key.")],
) -> None:
    """Take a key out; services that run refuse it within two seconds."""
    from pipelines.serve import drop_key

    print(drop_key(file, key_id))
