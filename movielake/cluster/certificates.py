"""Certificates for mutual TLS, made for one cluster and removed with it.

Only a user who can read the folder can connect. The authority's private key is never written to
disk, so no further certificate can be signed.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate
    from distributed import Security

AUTHORITY: Final = "authority.pem"
CERTIFICATE: Final = "certificate.pem"
KEY: Final = "key.pem"

_VALID: Final = timedelta(days=366)
_SKEW: Final = timedelta(days=1)
"""The largest error of a node's clock that certificates tolerate."""


def make_certificates(folder: str | Path) -> Security:
    """Make an authority, and one certificate for all parts of a cluster.

    Parameters
    ----------
    folder : str or Path
        The folder to make. It must not exist yet. Only its owner can read it (mode 0700, its files
        0600). It appears only when it is complete. All nodes of the cluster must see it. Remove it
        when the cluster has ended.

    Returns
    -------
    distributed.Security
        The settings for the scheduler, the workers and the clients.

    Raises
    ------
    FileExistsError
        If the folder exists already.

    Examples
    --------
    >>> import tempfile
    >>> from movielake.cluster.certificates import make_certificates
    >>> with tempfile.TemporaryDirectory() as scratch:
    ...     security = make_certificates(f"{scratch}/tls")
    >>> security.require_encryption
    True
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(
            f"expected no folder {folder} yet, found one; remove it, or load its certificates"
        )
    aside = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        for name, content in _create().items():
            (aside / name).touch(mode=0o600)
            (aside / name).write_bytes(content)
        aside.rename(folder)
    except BaseException:
        shutil.rmtree(aside)
        raise
    return load_certificates(folder)


def load_certificates(folder: str | Path) -> Security:
    """Load the certificates that `make_certificates` made.

    Parameters
    ----------
    folder : str or Path
        The folder of the certificates.

    Returns
    -------
    distributed.Security
        The settings for the scheduler, the workers and the clients.

    Raises
    ------
    FileNotFoundError
        If the folder or one of its files is missing.
    PermissionError
        If other users can read or change them.

    Examples
    --------
    >>> import tempfile
    >>> from movielake.cluster.certificates import load_certificates, make_certificates
    >>> with tempfile.TemporaryDirectory() as scratch:
    ...     made = make_certificates(f"{scratch}/tls")
    ...     loaded = load_certificates(f"{scratch}/tls")
    >>> loaded.tls_ca_file == made.tls_ca_file
    True
    """
    from distributed import Security

    folder = Path(folder).absolute()
    _check(folder)
    files = {"tls_ca_file": str(folder / AUTHORITY)}
    for role in ("scheduler", "worker", "client"):
        files[f"tls_{role}_cert"] = str(folder / CERTIFICATE)
        files[f"tls_{role}_key"] = str(folder / KEY)
    return Security(require_encryption=True, **files)


def certificate_folder(scheduler_file: str | Path) -> Path:
    """Return the folder of the certificates that belong to a scheduler file.

    Parameters
    ----------
    scheduler_file : str or Path
        The scheduler file of a cluster. It does not have to exist yet.

    Returns
    -------
    Path
        A folder beside the scheduler file.

    Examples
    --------
    >>> from movielake.cluster.certificates import certificate_folder
    >>> certificate_folder("job/scheduler.json").as_posix()
    'job/scheduler.json.tls'
    """
    return Path(f"{scheduler_file}.tls")


def warn_of_insecurity(reason: str) -> None:
    """Warn, in one line, that every user of the node can use the cluster.

    Parameters
    ----------
    reason : str
        The setting or the scheduler that causes this.

    Examples
    --------
    >>> import warnings
    >>> from movielake.cluster.certificates import warn_of_insecurity
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     warn_of_insecurity("tls=False")
    >>> len(caught)
    1
    """
    message = f"{reason}: NO TLS, every user of the node can run code as you through dask"
    warnings.warn(message, RuntimeWarning, stacklevel=3)


def _check(folder: Path) -> None:
    for path in (folder, *(folder / name for name in (AUTHORITY, CERTIFICATE, KEY))):
        if not path.exists():
            raise FileNotFoundError(
                f"expected the cluster's certificates in {folder}, found no {path.name}; "
                "set MOVIELAKE_TLS to their folder"
            )
        info = path.stat()
        if info.st_uid != os.getuid() or stat.S_IMODE(info.st_mode) & 0o077:
            mode = f"{stat.S_IMODE(info.st_mode):04o} of user {info.st_uid}"
            raise PermissionError(
                f"expected {path} to be private to you, found {mode}; make new certificates"
            )


def _create() -> dict[str, bytes]:
    """Create the content of the files, without the authority's private key."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _sign("movielake authority", authority_key, authority_key, is_authority=True)
    certificate = _sign("movielake cluster", key, authority_key, is_authority=False)
    return {
        AUTHORITY: authority.public_bytes(serialization.Encoding.PEM),
        CERTIFICATE: certificate.public_bytes(serialization.Encoding.PEM),
        KEY: key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    }


def _sign(
    name: str, key: EllipticCurvePrivateKey, signer: EllipticCurvePrivateKey, *, is_authority: bool
) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    path_length = 0 if is_authority else None
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named("movielake authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _VALID)
        .add_extension(x509.BasicConstraints(is_authority, path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .sign(signer, hashes.SHA256())
    )
