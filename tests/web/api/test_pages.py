from __future__ import annotations

import re
from pathlib import Path

import pytest

from conference.settings import Settings
from conference.web.api import pages
from tests.web.doubles import Site, problem


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "static" / "js").mkdir(parents=True)
    (tmp_path / "static" / "index.html").write_text("<title>Conference</title>")
    (tmp_path / "static" / "js" / "main.js").write_text("export {};")
    (tmp_path / "static" / "notes.bak").write_text("not for you")
    (tmp_path / "secret.txt").write_text("not for you")
    monkeypatch.setattr(pages, "static_directory", lambda: tmp_path / "static")


@pytest.mark.usefixtures("static")
async def test_the_page_is_at_the_root_and_at_each_rooms_invitation() -> None:
    async with Site() as site:
        for path in ("/", "/join/tea", "/join/tea?name=Amy"):
            response = await site.client.get(path)
            assert response.status == 200
            assert response.headers["Content-Type"] == "text/html; charset=utf-8"
            assert "Conference" in await response.text()


@pytest.mark.usefixtures("static")
async def test_modules_come_as_javascript_and_are_revalidated() -> None:
    async with Site() as site:
        response = await site.client.get("/static/js/main.js")
        assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-cache"
        again = await site.client.get("/static/js/main.js", headers={"If-None-Match": response.headers["ETag"]})
        assert again.status == 304


@pytest.mark.usefixtures("static")
async def test_nothing_else_is_served() -> None:
    async with Site() as site:
        for path in ("notes.bak", "none.js", "..%2fsecret.txt", "js", "js%00.js", "a" * 300 + ".js", "%2fetc%2fpasswd"):
            response = await site.client.get(f"/static/{path}")
            assert response.status == 404, path
            await problem(response)


async def test_every_answer_keeps_to_itself() -> None:
    async with Site() as site:
        for path in ("/", "/rooms", "/nowhere"):
            headers = (await site.client.get(path)).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            policy = headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy


async def test_the_real_page_needs_nothing_that_its_own_policy_forbids() -> None:
    html = (pages.static_directory() / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", html)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", html)
    async with Site() as site:
        for path in re.findall(r'(?:src|href)="(/[^"]+)"', html):
            assert (await site.client.get(path)).status == 200, path


async def test_pages_of_any_site_may_import_the_module() -> None:
    async with Site() as site:
        response = await site.client.get("/embed.js", headers={"Origin": "https://intranet.example.org"})
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert "export const {" in await response.text()
        types = await site.client.get("/static/js/embed.d.ts")
        assert "joinRoom" in await types.text()


async def test_only_pages_of_named_sites_may_show_the_page_in_a_frame_and_nothing_else_is_shown_in_one() -> None:
    async with Site() as site:
        for path in ("/", "/join/tea", "/rooms", "/docs"):
            policy = (await site.client.get(path)).headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy, path
        assert (await (await site.client.get("/config")).json())["frameAncestors"] == []
    origins = ("HTTPS://A.example.org:443/", "http://localhost:8081")
    async with Site(Settings(frame_ancestors=origins)) as site:
        for path in ("/", "/join/tea"):
            policy = (await site.client.get(path)).headers["Content-Security-Policy"]
            assert policy.endswith("frame-ancestors https://a.example.org http://localhost:8081"), path
            assert policy.count("frame-ancestors") == 1
        for path in ("/rooms", "/docs", "/nowhere", "/embed.js", "/admin", "/static/index.html", "/static/admin.html"):
            assert "frame-ancestors 'none'" in (await site.client.get(path)).headers["Content-Security-Policy"], path
        told = (await (await site.client.get("/config")).json())["frameAncestors"]
        assert told == ["https://a.example.org", "http://localhost:8081"]


async def test_a_site_is_known_however_its_origin_was_written() -> None:
    origin = {"Origin": "https://intranet.example.org"}
    async with Site(Settings(allowed_origins=("HTTPS://Intranet.Example.org:443/",))) as site:
        response = await site.client.get("/rooms", headers=origin)
        assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        await site.join()
        assert (await site.client.post("/rooms/tea/admit", headers=origin)).status == 204
        other = await site.client.get("/rooms", headers={"Origin": "https://intranet.example.org:8443"})
        assert "Access-Control-Allow-Origin" not in other.headers


async def test_addresses_and_methods_that_are_not_there_are_problems_too() -> None:
    async with Site() as site:
        response = await site.client.get("/nowhere")
        assert response.status == 404
        await problem(response)
        response = await site.client.put("/rooms")
        assert response.status == 405
        assert "GET" in response.headers["Allow"]
        await problem(response)


async def test_the_server_says_that_it_is_well() -> None:
    async with Site() as site:
        response = await site.client.get("/healthz")
        assert (response.status, await response.text()) == (200, "ok\n")


async def test_rooms_are_listed_with_how_many_are_in_them() -> None:
    async with Site() as site:
        assert await (await site.client.get("/rooms")).json() == {"rooms": []}
        await site.join("tea")
        await site.join("tea")
        [room] = (await (await site.client.get("/rooms")).json())["rooms"]
        assert (room["name"], room["participants"]) == ("tea", 2)
        assert room["created_at"] > 1_700_000_000
        shown = await (await site.client.get("/rooms/tea")).json()
        assert [one["name"] for one in shown["participants"]] == ["Amy", "Amy"]
        response = await site.client.get("/rooms/coffee")
        assert response.status == 404
        await problem(response)


async def test_pages_of_other_sites_are_kept_out_unless_allowed() -> None:
    origin = {"Origin": "https://intranet.example.org"}
    async with Site() as site:
        response = await site.client.get("/rooms", headers=origin)
        assert "Access-Control-Allow-Origin" not in response.headers
    async with Site(Settings(allowed_origins=("https://intranet.example.org",))) as site:
        asked = origin | {"Access-Control-Request-Method": "POST"}
        response = await site.client.options("/rooms/tea/participants", headers=asked)
        assert response.headers["Access-Control-Allow-Origin"] == "https://intranet.example.org"
        assert "POST" in response.headers["Access-Control-Allow-Methods"]
        sent = set(response.headers["Access-Control-Allow-Headers"].split(", "))
        assert sent == {"Authorization", "Content-Type", "If-Match", "Last-Event-ID", "Conference-Seat"}
        joined = await site.join(**origin)
        assert "Location" in joined.headers["Access-Control-Expose-Headers"]
        response = await site.client.get("/rooms", headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in response.headers
    async with Site(Settings(allowed_origins=("*",))) as site:
        response = await site.client.get("/rooms", headers=origin)
        assert response.headers["Access-Control-Allow-Origin"] == "*"
