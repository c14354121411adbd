from __future__ import annotations

import argparse
import json
import logging
import os
import re
import signal
import socket
import ssl
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.suppression import SuppressionUnavailable
from conference.cli.main import main
from conference.cli.serve import run
from conference.cli.terminal.options import Parser, add_options
from conference.iceservers import IceServer, IceServerError, parse_ice_server
from conference.options.option import options_of
from conference.options.readers import read_host_and_port
from conference.options.sources import read_options
from conference.settings import FIELDS, Settings, SettingsError
from tests.web.process import Running

OPTIONS = options_of(Settings)


def settings(*arguments: str, **environment: str) -> Settings:
    parser = Parser(prog="conference serve")
    add_options(parser, OPTIONS)
    return read_options(Settings, vars(parser.parse_args(arguments)), environment)


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command says about arguments that it does not take."""
    try:
        status: object = main(["serve", *arguments])
    except SystemExit as stopped:
        status = stopped.code
    assert status == 2
    text = capsys.readouterr().err
    assert len(text.splitlines()) == 1
    return text


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CONFERENCE_")]:
        monkeypatch.delenv(name)


def test_every_setting_is_an_option_with_a_variable_of_its_own() -> None:
    assert sorted(option.field for option in OPTIONS) == sorted(FIELDS)
    assert len({option.variable for option in OPTIONS}) == len(OPTIONS)
    assert {option.variable for option in OPTIONS} >= {
        "CONFERENCE_PORT",
        "CONFERENCE_ANNOUNCE_IP",
        "CONFERENCE_ICE_SERVER",
    }


def test_without_options_it_is_the_defaults() -> None:
    assert settings() == Settings()


def test_options_of_the_command_line_are_taken() -> None:
    found = settings("--port", "9000", "--announce-ip", "127.0.0.1", "--announce-ip", "::1", "--tls-self-signed")
    assert found == Settings(port=9000, announce_ips=("127.0.0.1", "::1"), tls_self_signed=True)


def test_variables_of_the_environment_are_taken() -> None:
    found = settings(
        CONFERENCE_PORT="9000",
        CONFERENCE_ANNOUNCE_IP="127.0.0.1 ::1",
        CONFERENCE_TLS_SELF_SIGNED="yes",
        CONFERENCE_SILENCE_TIMEOUT="2.5",
        CONFERENCE_ICE_SERVER="stun:a.example turn:u:p@b.example",
        CONFERENCE_LOG_LEVEL="",
        CONFERENCE_SOMETHING_ELSE="?",
    )
    assert found.port == 9000
    assert found.announce_ips == ("127.0.0.1", "::1")
    assert found.tls_self_signed
    assert found.silence_timeout == 2.5
    assert found.ice_servers == (IceServer("stun:a.example"), IceServer("turn:b.example", "u", "p"))


@pytest.mark.parametrize("host", ["localhost", "talk.example.org", "0.0.0.0", "::", "fe80::1%eth0"])
def test_what_can_be_listened_on_is_taken(host: str) -> None:
    assert settings("--host", host).host == host


def test_the_command_line_wins() -> None:
    found = settings(
        "--port",
        "1",
        "--no-tls-self-signed",
        "--announce-ip",
        "127.0.0.2",
        CONFERENCE_PORT="2",
        CONFERENCE_TLS_SELF_SIGNED="1",
        CONFERENCE_ANNOUNCE_IP="127.0.0.1",
    )
    assert (found.port, found.tls_self_signed, found.announce_ips) == (1, False, ("127.0.0.2",))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "http"], "--port: 'http' is not a port"),
        (["--port", "70000"], "'70000' is not a port"),
        (["--udp-port", "-1"], "--udp-port"),
        (["--host", ""], "host must be an address to listen on, like 127.0.0.1 or 0.0.0.0, not ''."),
        (["--host", "127.0.0.1:80"], "host must be an address to listen on"),
        (["--announce-ip", "example.org"], "announce-ip must be an IP address"),
        (["--announce-ip", "0.0.0.0"], "announce-ip must be an IP address"),
        (["--ice-server", "http://a"], "write stun:HOST:PORT"),
        (["--tls-cert", "/nowhere.pem"], "there is no file '/nowhere.pem'"),
        (["--tls-key", __file__], "tls-key needs tls-cert"),
        (["--tls-cert", __file__, "--tls-self-signed"], "not both"),
        (["--tls-cert", __file__], "cannot be used"),
        (["--max-rooms", "0"], "max-rooms must be from 1"),
        (["--max-rooms", "many"], "'many' is not a whole number"),
        (["--bitrate", "1"], "bitrate must be from 6000"),
        (["--gate", "ajar"], "'ajar' is not one of adaptive, fixed"),
        (["--connect-timeout", "soon"], "'soon' is not a number of seconds"),
        (["--log-level", "loud"], "'loud' is not one of debug, info"),
        (["--twilio-default-room", "two words"], "twilio-default-room"),
        (["--public-url", "talk.example.org"], "public-url must look like https://"),
        (["--allow-origin", "https://a/b"], "allow-origin must look like https://"),
        (["--frame-ancestors", "*"], "frame-ancestors must look like https://talk.example.org, not '*'."),
        (["--frame-ancestors", "https://*.example.org"], "frame-ancestors must look like https://"),
        (["--frame-ancestors", "https://a.example;script-src *"], "frame-ancestors must look like https://"),
        (["--frame-ancestors", "https://a.example https://b.example"], "frame-ancestors must look like https://"),
        (["--frame-ancestors", "https://a\n.example"], "frame-ancestors must look like https://"),
        (["--frame-ancestors", "https://münchen.example"], "frame-ancestors must look like https://"),
        (["--frame-ancestors", "'self'"], "frame-ancestors must look like https://"),
        (["--public-url", "https://a.example?"], "public-url must look like https://"),
        (["--prt", "1"], "conference serve: unrecognized arguments: --prt"),
        (["now"], "conference serve: unrecognized arguments: now"),
        (["--port"], "--port: expected one argument"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_in_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = complaint(capsys, *arguments)
    assert words in text
    assert "--help" in text


def test_a_variable_that_makes_no_sense_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFERENCE_PORT", "x")
    assert "CONFERENCE_PORT: 'x' is not a port" in complaint(capsys)


def test_a_password_is_not_shown_when_it_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "secret" not in complaint(capsys, "--ice-server", "turn:amy:secret@host:99999")


def test_help_tells_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "serve" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = capsys.readouterr().out
    for option in OPTIONS:
        assert option.flag in text
    assert "CONFERENCE_UDP_PORT" in text


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("stun:stun.example.org", IceServer("stun:stun.example.org")),
        ("stuns:[2001:db8::1]:5349", IceServer("stuns:[2001:db8::1]:5349")),
        ("turn:amy:p@ss:word@host:3478?transport=tcp", IceServer("turn:host:3478?transport=tcp", "amy", "p@ss:word")),
        ("turn:1700000000%3Aamy:x%2Fy@host", IceServer("turn:host", "1700000000:amy", "x/y")),
    ],
)
def test_ice_servers_are_read(text: str, server: IceServer) -> None:
    assert parse_ice_server(text) == server


@given(st.text() | st.from_regex(r"(stun|turns?):[^\s]*"))
def test_an_ice_server_is_read_or_refused_and_fits_a_header(text: str) -> None:
    try:
        server = parse_ice_server(text)
    except IceServerError:
        return
    link = server.link()
    assert link.isascii()
    assert link.isprintable()


def test_the_home_of_somebody_who_has_none_is_a_sentence() -> None:
    with pytest.raises(SettingsError, match="CONFERENCE_TLS_CERT: there is no home"):
        settings(CONFERENCE_TLS_CERT="~nobody-of-that-name/cert.pem")


@pytest.mark.parametrize("variable", ["CONFERENCE_TLS_CERT", "CONFERENCE_RECORDINGS", "CONFERENCE_SOUNDS"])
def test_a_path_that_is_too_long_is_a_sentence(variable: str) -> None:
    with pytest.raises(SettingsError, match=rf"{variable}: 'a+' cannot be looked at: file name too long\.$"):
        settings(**{variable: 300 * "a"})


@given(st.sampled_from(sorted({option.variable for option in OPTIONS})), st.text(max_size=30))
def test_any_text_in_the_environment_gives_settings_or_a_sentence(variable: str, text: str) -> None:
    try:
        settings(**{variable: text})
    except SettingsError as error:
        assert str(error).endswith(".")  # noqa: PT017 - either way is right


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def test_a_port_in_use_is_one_clear_line(taken_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    args = argparse.Namespace(port=taken_port)
    assert run(args) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert f"TCP port {taken_port} is in use" in line
    assert "--port" in line


def test_an_address_of_audiosocket_in_use_is_one_clear_line(
    taken_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(argparse.Namespace(port=0, audiosocket=("127.0.0.1", taken_port))) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert f"Cannot listen for AudioSocket on 127.0.0.1, port {taken_port}: " in line


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("127.0.0.1:9092", ("127.0.0.1", 9092)),
        ("[::1]:0", ("::1", 0)),
        ("pbx.example.org:1", ("pbx.example.org", 1)),
        ("9092", None),
        ("127.0.0.1:", None),
        (":9092", None),
        ("::1:9092", None),
        ("host:65536", None),
    ],
)
def test_an_address_to_listen_on_is_a_host_and_a_port(text: str, read: tuple[str, int] | None) -> None:
    if read is not None:
        assert read_host_and_port(text) == read
        return
    with pytest.raises(ValueError, match="port"):
        read_host_and_port(text)


def test_a_host_that_no_name_server_knows_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert main(["serve", "--host", "nowhere.invalid", "--port", "8080", "--open"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line == ("conference serve: Cannot listen on nowhere.invalid, port 8080: name or service not known.")


def test_noise_suppression_that_is_not_installed_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise SuppressionUnavailable("install it")

    monkeypatch.setattr("conference.web.app.check_available", missing)
    assert main(["serve", "--port", "0", "--noise-suppression"]) == 1
    assert "conference serve: install it; or leave noise-suppression out." in capsys.readouterr().err


def test_a_udp_port_in_use_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 0))
        assert run(argparse.Namespace(port=0, udp_port=taken.getsockname()[1])) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "UDP port" in line
    assert "--udp-port" in line


@pytest.fixture
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    server = Running(*getattr(request, "param", ()))
    yield server
    server.kill()


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_says_where_it_is_and_stops_when_asked(running: Running, number: int) -> None:
    with urllib.request.urlopen(running.url + "healthz", timeout=5) as response:
        assert response.status == 200
    assert re.search(r"UDP port [1-9]\d+", running.said)
    status, errors = running.stop(number)
    assert (status, errors) == (0, "")


@pytest.mark.e2e
def test_a_server_whose_output_nobody_reads_any_more_stops_in_peace(running: Running) -> None:
    output, errors = running.process.stdout, running.process.stderr
    assert output is not None
    assert errors is not None
    with errors:
        with output:
            assert output.readline() == "\n"  # the last of what it says at the start
        running.process.send_signal(signal.SIGINT)
        assert (running.process.wait(timeout=10), errors.read()) == (0, "")


@pytest.mark.e2e
@pytest.mark.parametrize("running", [["--public-url", "https://talk.example.org"]], indirect=True)
def test_a_server_behind_a_proxy_says_first_where_others_find_it(running: Running) -> None:
    assert re.search(r"Open +https://talk\.example\.org/\n +http://127\.0\.0\.1:[0-9]+/\n", running.said)
    assert re.search(r"Phones +wss://talk\.example\.org/twilio/stream/ROOM\n", running.said)


@pytest.mark.e2e
@pytest.mark.parametrize("running", [["--tls-self-signed"]], indirect=True)
def test_a_self_signed_server_explains_the_browsers_warning(running: Running) -> None:
    assert running.url.startswith("https://127.0.0.1:")
    assert "Browsers will warn" in running.said
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(running.url, timeout=5, context=trusting) as response:
        assert response.headers["Content-Type"].startswith("text/html")
    assert running.stop(signal.SIGTERM)[0] == 0


@pytest.mark.e2e
@pytest.mark.parametrize("running", [["--log-format", "json"]], indirect=True)
def test_all_that_a_server_logs_in_json_is_json_and_what_it_says_to_people_is_apart(running: Running) -> None:
    wrong = urllib.request.Request(running.url + "rooms/tea/participants", b"v=0", {"Content-Type": "application/sdp"})
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(wrong, timeout=5)
    assert "Conference is ready" in running.said
    status, errors = running.stop(signal.SIGTERM)
    assert status == 0
    lines = [json.loads(line) for line in errors.splitlines()]
    assert lines[0]["message"].startswith("the server is ready")


def test_a_start_that_fails_is_a_line_of_json_where_the_log_is(
    taken_port: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    try:
        assert main(["serve", "--port", str(taken_port), "--log-format", "json"]) == 1
    finally:
        logging.captureWarnings(False)
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["level"] == "critical"
    assert f"TCP port {taken_port} is in use" in json.loads(line)["message"]


def test_a_configuration_file_with_secrets_that_everybody_can_read_is_warned_of(
    taken_port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "conference.toml"
    path.write_text(f'port = {taken_port}\nsecret = "{32 * "s"}"\n', encoding="utf-8")
    for mode, warned in ((0o644, True), (0o640, False)):
        path.chmod(mode)
        assert main(["serve", "--config", str(path)]) == 1
        assert ("everybody on this machine can read it" in capsys.readouterr().err) is warned
