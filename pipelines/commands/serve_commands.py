"""The service, its keys, and signed bundles."""

from pathlib import Path
from typing import Annotated

import typer

from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.commands.app import KeysFile, SignedBy, api_key, app

Share = Annotated[
    float,
    typer.Option(min=0.01, max=1, help="What one caller may hold of a worker's capacity."),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(help="A name by which callers may call the service; may be given again."),
]
RunPlace = Annotated[
    Path | None,
    typer.Option(help="The run's folder, for the page; else the one around the bundle."),
]
Poll = Annotated[
    float,
    typer.Option(
        min=0,
        max=86_400,
        help="How often to look for another champion, where the bundle is "
        "data/champion/NAME/bundle or models:/NAME@ALIAS; 0 for never.",
    ),
]
HookSecret = Annotated[
    Path | None,
    typer.Option(
        help="The file with the secret of MLflow's webhook, which then has an address, POST "
        "/v1/hooks/mlflow; or set LEADCAST_HOOK_SECRET."
    ),
]


@app.command(
    epilog="\b\nExamples:\n"
    "  leadcast serve --bundle data/runs/demo/bundle\n"
    "  leadcast serve --bundle data/champion/demo/bundle\n"
    "  leadcast api-key create --file keys.json --name crm\n"
    "  leadcast serve --bundle models:/leadcast-demo@champion --keys keys.json \\\n"
    "      --host 0.0.0.0 --workers 2"
)
def serve(
    bundle: Annotated[
        str,
        typer.Option(help="A bundle's folder, or a model such as models:/leadcast-demo@champion."),
    ],
    keys: Annotated[
        Path | None, typer.Option(help="The file of API keys; see leadcast api-key create --help.")
    ] = None,
    no_keys: Annotated[
        bool, typer.Option("--no-keys", help="Answer everybody who can reach the address.")
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
        float, typer.Option(min=0.1, max=3600, help="Timeout for reading a request.")
    ] = 10,
    score_seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Timeout for scoring a request.")
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
    poll_seconds: Poll = 10,
    hook_secret_file: HookSecret = None,
) -> None:
    """Score leads over HTTP: POST /v1/score, GET /v1/model, /healthz, /readyz, /metrics.

    A champion's place (data/champion/NAME/bundle) and an alias (models:/leadcast-NAME@champion)
    are followed: after a promotion or rollback the next requests are answered by the new one, and
    none is lost.

    For people there is a page at /: the open leads of today, and the learned score against points.
    It shows the run's leads, e-mail addresses too, to who has a key; with --no-keys to all who
    reach the address, unless --no-page switches it off.

    Callers need a key: make one with leadcast api-key create --file keys.json --name NAME, and
    send it as Authorization: Bearer KEY. Without --keys only this machine is answered.
    """
    from leadcast.pipelines.daily.serve import serve as start
    from leadcast.serve.requests.settings import MEBIBYTE, RequestLimits

    limits = RequestLimits(
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
    about = (bundle, keys, no_keys, host, port, workers, limits, run, page, names, signed_by)
    start(*about, poll_seconds, hook_secret_file)


app.add_typer(api_key, name="api-key")


@api_key.command(epilog="\b\nExamples:\n  leadcast api-key create --file keys.json --name crm")
def create(file: KeysFile, name: Annotated[str, typer.Option(help="For whom the key is.")]) -> None:
    """Make a key and show it once; the file keeps its hash only."""
    from leadcast.pipelines.daily.serve import new_key

    print(new_key(file, name))


@api_key.command(epilog="\b\nExamples:\n  leadcast api-key revoke --file keys.json 0123456789ab")
def revoke(
    file: KeysFile,
    key_id: Annotated[str, typer.Argument(help="The twelve digits after lc_ in the key.")],
) -> None:
    """Revoke a key; running services refuse it within two seconds."""
    from leadcast.pipelines.daily.serve import drop_key

    print(drop_key(file, key_id))


@app.command(
    epilog="\b\nExamples:\n  leadcast sign --new-key ours\n"
    "  leadcast sign /srv/bundle --key ours.pem"
)
def sign(
    bundle: Annotated[Path | None, typer.Argument(help="The bundle's folder.")] = None,
    key: Annotated[Path | None, typer.Option(help="The private key: NAME.pem.")] = None,
    new_key: Annotated[
        Path | None, typer.Option(help="Make a pair of keys: NAME.pem and NAME.pub.pem.")
    ] = None,
) -> None:
    """Sign a bundle, so that serve and score can require who has made it.

    The signature (Ed25519) lies in the bundle as .manifest.sig. Keep NAME.pem to yourself, and give
    NAME.pub.pem to whoever serves: leadcast serve --require-signature NAME.pub.pem.
    """
    from leadcast.models.bundle.bundle_files import read_manifest
    from leadcast.models.bundle.bundle_signature import new_key as make
    from leadcast.models.bundle.bundle_signature import sign_bundle

    if new_key is not None and (bundle, key) == (None, None):
        private, public = make(new_key)
        print(f"{private}: the private key, for you alone\n{public}: the public key, for all")
        return
    if new_key is not None or bundle is None or key is None:
        raise LeadcastError("sign: give BUNDLE and --key NAME.pem, or --new-key NAME alone")
    read_manifest(bundle)
    print(f"{bundle}: signed with the key {sign_bundle(bundle, key)[:12]}")
