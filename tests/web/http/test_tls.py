from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import tempfile
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from cryptography import x509

from conference.settings import Settings, SettingsError
from conference.web.app import build_app
from conference.web.http.tls import host_names, local_addresses, make_ssl_context, self_signed_certificate
from tests.web.doubles import FakeWebRtc


def test_plain_http_is_the_default() -> None:
    assert make_ssl_context(Settings()) is None


def test_a_self_signed_certificate_is_for_every_name_of_this_machine() -> None:
    settings = Settings(announce_ips=("198.51.100.7",), tls_self_signed=True)
    certificate = x509.load_pem_x509_certificate(self_signed_certificate(host_names(settings)))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    addresses = [str(one) for one in names.get_values_for_type(x509.IPAddress)]
    assert {"127.0.0.1", "::1", "198.51.100.7", *local_addresses()} <= set(addresses)
    now = dt.datetime.now(dt.UTC)
    assert certificate.not_valid_before_utc < now
    assert dt.timedelta(days=7) < certificate.not_valid_after_utc - now < dt.timedelta(days=90)


def test_own_addresses_can_be_reached_by_others() -> None:
    for one in local_addresses():
        assert not ipaddress.ip_address(one).is_loopback


def test_the_key_is_nowhere_on_disk_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert make_ssl_context(Settings(tls_self_signed=True)) is not None
    assert list(tmp_path.iterdir()) == []


async def test_the_page_comes_over_https_with_it() -> None:
    names = ["localhost", "127.0.0.1"]
    pem = self_signed_certificate(names)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    trusting = ssl.create_default_context(cadata=pem[pem.index(b"-----BEGIN CERTIFICATE") :].decode())
    server = TestServer(build_app(webrtc=FakeWebRtc()), scheme="https")
    await server.start_server(ssl=context)
    try:
        async with ClientSession() as session, session.get(server.make_url("/healthz"), ssl=trusting) as response:
            assert response.status == 200
    finally:
        await server.close()


def test_a_certificate_and_its_key_can_be_files(tmp_path: Path) -> None:
    pem = self_signed_certificate(["localhost"])
    both, other = tmp_path / "both.pem", tmp_path / "other.pem"
    both.write_bytes(pem)
    other.write_bytes(self_signed_certificate(["localhost"]))
    assert make_ssl_context(Settings(tls_cert=both)) is not None
    with pytest.raises(SettingsError, match="the key is not the certificate's"):
        make_ssl_context(Settings(tls_cert=both, tls_key=other))


def test_a_file_that_is_no_certificate_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello")
    for settings in (Settings(tls_cert=file), Settings(tls_cert=tmp_path / "none.pem")):
        with pytest.raises(SettingsError, match=r"cannot be used: .*\.$"):
            make_ssl_context(settings)
