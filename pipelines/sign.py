"""The command ``leadcast sign``: a bundle's signature, and the pair of keys for it."""

from pathlib import Path
from typing import Annotated

import typer

from leadcast.features.base.errors import LeadcastError


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
