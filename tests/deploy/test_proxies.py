"""The configurations for Caddy and nginx, run as they are but for ports and certificates: all that clients do works."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession, TCPConnector, WSMsgType
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conference.self_signed import self_signed
from conference.settings import Settings
from conference.webrtc.client.peer import HeadlessPeer
from tests.e2e.running import RunningServer, eventually, running_server
from tests.web.joining.test_calling import CONNECTED, start

pytestmark = pytest.mark.interop

DEPLOY = Path(__file__).parents[2] / "deploy"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def program(name: str) -> str:
    """Where a proxy is; the test is skipped, and says so, when it isn't installed."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        pytest.skip(f"MISSING: {name}. Install it to try deploy/ with it (Debian: apt-get install {name}).")
    return found


def nginx(folder: Path, port: int, upstream: int) -> list[str]:
    """What runs nginx with the example."""
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(self_signed(key, "localhost", 1).public_bytes(pem))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    for there, here in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("server 127.0.0.1:8080;", f"server 127.0.0.1:{upstream};"),
        ("server_name talk.example.org;", "server_name localhost;"),
        ("/etc/letsencrypt/live/talk.example.org", str(folder)),
        ("/var/log/nginx", str(folder)),
    ):
        assert there in text
        text = text.replace(there, here)
    (folder / "site.conf").write_text(text, encoding="utf-8")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\n{temporary}include {folder}/site.conf;\n}}\n",
        encoding="utf-8",
    )
    return [program("nginx"), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, upstream: int) -> list[str]:
    """What runs Caddy with the example."""
    (folder / "Caddyfile").write_text(
        "{\n\tadmin off\n\tskip_install_trust\n\tlocal_certs\n\tauto_https disable_redirects\n"
        f"\tdefault_bind 127.0.0.1\n\tstorage file_system {folder}\n}}\n"
        + (DEPLOY / "Caddyfile").read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    settings = [f"CONFERENCE_SITE=https://localhost:{port}", f"CONFERENCE_UPSTREAM=127.0.0.1:{upstream}"]
    where = [f"HOME={folder}", f"XDG_DATA_HOME={folder}", f"XDG_CONFIG_HOME={folder}"]
    run = [program("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    return ["env", *settings, *where, *run]


@asynccontextmanager
async def behind(
    make: Callable[[Path, int, int], list[str]], folder: Path
) -> AsyncIterator[tuple[RunningServer, str, ClientSession]]:
    """A server, the address of the proxy in front of it, and a client that does not ask who vouches for it."""
    port = free_port()
    # A reader who is gone is noticed by the next that is sent to them: let that not be long.
    settings = Settings(port=0, behind_proxy=True, public_url=f"https://localhost:{port}", event_heartbeat=0.5)
    async with running_server(settings) as server:
        command = make(folder, port, server.settings.port)
        with (folder / "log").open("w") as log:
            process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        try:
            url = f"https://localhost:{port}"
            async with ClientSession(connector=TCPConnector(ssl=False)) as session:
                async with asyncio.timeout(120):
                    while True:
                        assert process.returncode is None, (folder / "log").read_text(encoding="utf-8")
                        try:
                            async with session.get(url + "/healthz") as response:
                                if response.status == 200:
                                    break
                        except (ClientError, OSError):
                            pass
                        await asyncio.sleep(0.1)
                yield server, url, session
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.wait(), 60)


@pytest.mark.parametrize("make", [caddy, nginx])
async def test_all_that_a_client_does_goes_through_the_proxy(
    make: Callable[[Path, int, int], list[str]], tmp_path: Path
) -> None:
    async with behind(make, tmp_path) as (server, url, session):
        page = await session.get(url + "/join/tea")
        assert "<html" in await page.text()
        refused = await session.patch(url + "/rooms/tea", json={}, headers={"Origin": "https://elsewhere.example"})
        assert refused.status == 403
        peer = HeadlessPeer(url, "tea", "Amy", verify=False)
        try:
            await peer.connect()  # by WHIP, through the proxy; its sound goes straight to the server
            room = server.live.conference.rooms["tea"]
            assert [one.name for one in room.participants.values()] == ["Amy"]
            events = await session.get(url + "/rooms/tea/events")
            async with asyncio.timeout(60):
                while not (await events.content.readline()).startswith(b"event: room"):
                    pass  # it comes at once: nobody holds it back until there is more
            socket = await session.ws_connect(url.replace("https", "wss") + "/twilio/stream/tea")
            await socket.send_json(CONNECTED)
            await socket.send_json(start(name="Ben"))
            await eventually(lambda: len(room.participants) == 2, "the caller is in the room", within=60)
            async with asyncio.timeout(60):
                while "media" not in json.loads((message := await socket.receive()).data):
                    assert message.type is WSMsgType.TEXT
                joined = b""
                while b"Ben" not in joined:
                    joined = await events.content.readline()
            await socket.close()
            events.close()
            await eventually(lambda: not len(server.live.feeds), "the proxy tells that the reader is gone", within=60)
            answer = await session.post(url + "/twilio/voice?room=tea", data={"From": "+15551234567"})
            assert f"{url.replace('https', 'wss')}/twilio/stream/tea" in await answer.text()
        finally:
            await peer.close()


def test_the_skip_of_a_missing_proxy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(pytest.skip.Exception, match=r"MISSING: caddy\. .* apt-get install caddy"):
        program("caddy")
