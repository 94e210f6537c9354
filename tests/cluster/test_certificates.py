"""Certificates: the users who can read them, and the connections that they protect."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate

from movielake.cluster.certificates import (
    AUTHORITY,
    CERTIFICATE,
    KEY,
    certificate_folder,
    load_certificates,
    make_certificates,
)


@pytest.fixture
def careless() -> Iterator[None]:
    """A user whose new files are readable and writable to everybody by default."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("careless")
def test_only_the_owner_can_read_certificates(tmp_path: Path) -> None:
    make_certificates(tmp_path / "tls")
    modes = {path.name: mode(path) for path in (tmp_path / "tls").iterdir()}
    assert modes == {AUTHORITY: 0o600, CERTIFICATE: 0o600, KEY: 0o600}
    assert mode(tmp_path / "tls") == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["tls"]


def test_the_certificate_is_signed_and_the_signing_key_is_not_stored(tmp_path: Path) -> None:
    make_certificates(tmp_path / "tls")
    authority = load_pem_x509_certificate((tmp_path / "tls" / AUTHORITY).read_bytes())
    certificate = load_pem_x509_certificate((tmp_path / "tls" / CERTIFICATE).read_bytes())
    certificate.verify_directly_issued_by(authority)
    assert certificate.public_key() != authority.public_key()
    keys = [path for path in (tmp_path / "tls").iterdir() if b"PRIVATE KEY" in path.read_bytes()]
    assert keys == [tmp_path / "tls" / KEY]


def test_every_role_gets_the_certificate_and_requires_encryption(tmp_path: Path) -> None:
    made, loaded = make_certificates(tmp_path / "tls"), load_certificates(tmp_path / "tls")
    for security in (made, loaded):
        assert security.require_encryption is True
        for role in ("scheduler", "worker", "client"):
            config = security.get_tls_config_for_role(role)
            assert config["ca_file"] == str(tmp_path / "tls" / AUTHORITY)
            assert config["cert"] == str(tmp_path / "tls" / CERTIFICATE)
            assert config["key"] == str(tmp_path / "tls" / KEY)


def test_two_clusters_share_no_certificate_and_no_key(tmp_path: Path) -> None:
    make_certificates(tmp_path / "one")
    make_certificates(tmp_path / "two")
    for name in (AUTHORITY, CERTIFICATE, KEY):
        assert (tmp_path / "one" / name).read_bytes() != (tmp_path / "two" / name).read_bytes()


def test_existing_certificates_are_not_overwritten(tmp_path: Path) -> None:
    make_certificates(tmp_path / "tls")
    key = (tmp_path / "tls" / KEY).read_bytes()
    with pytest.raises(FileExistsError, match="remove it, or load its certificates"):
        make_certificates(tmp_path / "tls")
    assert (tmp_path / "tls" / KEY).read_bytes() == key
    assert [path.name for path in tmp_path.iterdir()] == ["tls"]


def test_the_slower_of_two_makers_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create_late() -> dict[str, bytes]:
        (tmp_path / "tls").mkdir()
        (tmp_path / "tls" / KEY).touch()
        return {KEY: b"another"}

    monkeypatch.setattr("movielake.cluster.certificates._create", create_late)
    with pytest.raises(OSError, match="not empty"):
        make_certificates(tmp_path / "tls")
    assert [path.name for path in tmp_path.iterdir()] == ["tls"]
    assert (tmp_path / "tls" / KEY).read_bytes() == b""


@pytest.mark.parametrize("name", ["", AUTHORITY, CERTIFICATE, KEY])
def test_certificates_that_others_can_read_are_refused(tmp_path: Path, name: str) -> None:
    make_certificates(tmp_path / "tls")
    path = tmp_path / "tls" / name
    path.chmod(mode(path) | 0o040)
    with pytest.raises(PermissionError, match=r"to be private to you, found 0[67]40 of user"):
        load_certificates(tmp_path / "tls")


@pytest.mark.parametrize("name", [AUTHORITY, CERTIFICATE, KEY])
def test_the_error_names_a_missing_file(tmp_path: Path, name: str) -> None:
    make_certificates(tmp_path / "tls")
    (tmp_path / "tls" / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"found no {name}; set MOVIELAKE_TLS"):
        load_certificates(tmp_path / "tls")


def test_certificates_are_beside_the_scheduler_file() -> None:
    assert certificate_folder("/job/scheduler.json") == Path("/job/scheduler.json.tls")
