"""Signed bundles: who has made a bundle is told by an Ed25519 signature beside its manifest.

The signature (RFC 8032) is over the exact bytes of ``manifest.json``, which names the SHA-256 of
every other file. It lies in ``.manifest.sig``; programs that ask for no signature overlook it, as
they do every file whose name begins with a dot. Nothing of a bundle is parsed before it has been
verified, but the signature itself.

`cryptography` is imported only where there is something to sign or to verify.
"""

import base64
import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import why_no_file, write_json
from leadcast.features.base.plain import read_bytes
from leadcast.models.bundle.bundle_files import MANIFEST, Manifest, read_manifest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

SIGNATURE = ".manifest.sig"
_MOST_BYTES = {MANIFEST: 16_000_000, SIGNATURE: 4_096}
_KEY_BYTES = 16_384
_SIGN = "sign it with: leadcast sign BUNDLE --key NAME.pem"


class Signature(BaseModel):
    """What the file of a signature holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: Literal["ed25519"] = "ed25519"
    """Always ``ed25519``."""
    key: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """The SHA-256 of the public key's 32 bytes: tells which key to look for, and proves nothing."""
    manifest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """The SHA-256 of the manifest that was signed, likewise."""
    signature: Annotated[str, Field(pattern="^[A-Za-z0-9+/]{86}==$")]
    """Its 64 bytes, in base64."""


def new_key(name: Path) -> tuple[Path, Path]:
    """Make a pair of keys.

    Parameters
    ----------
    name : Path
        ``NAME``, for ``NAME.pem`` and ``NAME.pub.pem``.

    Returns
    -------
    private, public : Path
        The files: PKCS #8, which its owner alone can read, and SubjectPublicKeyInfo, both PEM.

    Raises
    ------
    LeadcastError
        If one of them is there already; nothing is overwritten.
    """
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private, public = (name.with_name(name.name + ending) for ending in (".pem", ".pub.pem"))
    for path in (private, public):
        if os.path.lexists(path):
            raise LeadcastError(
                f"{path}: is there already; keys are never overwritten, name others"
            )
    private.parent.mkdir(parents=True, exist_ok=True)
    plain = (form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    _write_new(private, key.private_bytes(*plain), 0o600)
    pem = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    _write_new(public, pem, 0o644)
    return private, public


def sign_bundle(bundle: Path, key: Path) -> str:
    """Sign a bundle's manifest; an earlier signature is replaced.

    Parameters
    ----------
    bundle : Path
        A bundle that has been verified (`leadcast.models.bundle.bundle_files.read_manifest`).
    key : Path
        The private key, a PEM file.

    Returns
    -------
    str
        The SHA-256 of the public key, by which the signature names it.

    Raises
    ------
    LeadcastError
        If the folder has no manifest, or the file holds no private Ed25519 key.
    """
    private = _private_key(key)
    manifest = _bytes_of(bundle, MANIFEST)
    about = Signature(
        key=_name_of(private.public_key()),
        manifest=hashlib.sha256(manifest).hexdigest(),
        signature=base64.b64encode(private.sign(manifest)).decode(),
    )
    _refuse_anything_else(bundle / SIGNATURE)
    write_json(bundle / SIGNATURE, about.model_dump(), replacing=True)
    return about.key


def _refuse_anything_else(path: Path) -> None:
    """Refuse to write over what is no signature."""
    if not path.is_symlink() and not path.exists():
        return
    try:
        Signature.model_validate_json(_bytes_of(path.parent, path.name))
    except ValueError:
        raise LeadcastError(f"{path}: is no signature of Leadcast's; move it away") from None


def require_signature(bundle: Path, key: Path) -> None:
    """Refuse a bundle that the owner of a key has not signed, before anything of it is parsed.

    Whoever loads the bundle then must load the same bytes: verify a copy that nobody else writes.

    Parameters
    ----------
    bundle : Path
        The bundle's folder.
    key : Path
        The public key, a PEM file.

    Raises
    ------
    LeadcastError
        If there is no signature, it is another key's, or the manifest is not the one that was
        signed; or if the file holds no public Ed25519 key.
    """
    from cryptography.exceptions import InvalidSignature

    public = _public_key(key)
    manifest, about = _bytes_of(bundle, MANIFEST), _signature_of(bundle)
    digest = hashlib.sha256(manifest).hexdigest()
    try:
        public.verify(base64.b64decode(about.signature), manifest)
    except InvalidSignature:
        if about.key != _name_of(public):
            raise LeadcastError(
                f"{bundle}: is signed with another key ({about.key[:12]}) than {key} "
                f"({_name_of(public)[:12]}); ask who made it, or name that key"
            ) from None
        found = (
            f"its {MANIFEST} was changed after it was signed"
            if about.manifest != digest
            else f"its signature ({SIGNATURE}) is not one of {key}"
        )
        raise LeadcastError(
            f"{bundle}: {found}; take the bundle from where it was made again"
        ) from None


def read_signed_manifest(bundle: Path, key: Path | None) -> Manifest:
    """Verify a bundle's signature, where one is required, and then all of its files.

    Parameters
    ----------
    bundle : Path
        The bundle's folder.
    key : Path or None
        The public key; None where no signature is required.

    Returns
    -------
    Manifest

    Raises
    ------
    LeadcastError
        As `require_signature` and `leadcast.models.bundle.bundle_files.read_manifest` do.
    """
    if key is not None:
        require_signature(bundle, key)
    return read_manifest(bundle)


def _signature_of(bundle: Path) -> Signature:
    if not os.path.lexists(bundle / SIGNATURE):
        raise LeadcastError(f"{bundle}: has no signature, and one is required; {_SIGN}")
    try:
        return Signature.model_validate_json(_bytes_of(bundle, SIGNATURE))
    except ValidationError:
        raise LeadcastError(f"{bundle / SIGNATURE}: is no signature; {_SIGN}") from None


def _bytes_of(bundle: Path, name: str) -> bytes:
    """Read a file of a stranger's: one of the folder's own, and not endless."""
    path = bundle / name
    try:
        # Without waiting: a pipe would let it wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise LeadcastError(f"{path}: cannot be read ({error.strerror}); name a bundle") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        # Of a folder no file can be made.
        os.close(descriptor)
        raise LeadcastError(f"{path}: is no file; take the bundle from where it was made again")
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(_MOST_BYTES[name] + 1)
    if len(content) > _MOST_BYTES[name]:
        raise LeadcastError(f"{path}: is larger than the {_MOST_BYTES[name]:,} bytes it may have")
    return content


def _private_key(path: Path) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_pem(path), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise LeadcastError(
            f"{path}: holds no private Ed25519 key (PEM, without a password); make a pair with: "
            "leadcast sign --new-key NAME"
        )
    return key


def _public_key(path: Path) -> "Ed25519PublicKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_pem(path))
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise LeadcastError(
            f"{path}: holds no public Ed25519 key (PEM); name the file NAME.pub.pem that leadcast "
            "sign --new-key NAME has made"
        )
    return key


def _pem(path: Path) -> bytes:
    try:
        return read_bytes(path, _KEY_BYTES)
    except LeadcastError:
        why = "is none that can be read as a key" if path.is_file() else why_no_file(path)
        raise LeadcastError(f"{path}: {why}; name a key") from None


def _name_of(key: "Ed25519PublicKey") -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def _write_new(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
