"""How the page is sent: few files, packed, each kept for good under an address that changes with it."""

from __future__ import annotations

import gzip
import logging
import os
import re
from pathlib import Path

import pytest

from conference.web.api import pages
from conference.web.page import page_files as files
from tests.web.doubles import Site, problem

HTML = """\
<!doctype html>
  <script type="module" src="/static/js/main.js"></script>
  <link rel="stylesheet" href="/static/css/page.css">
  <link rel="stylesheet" href="/static/css/people.css">
<body></body>
"""


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {
        "index.html": HTML,
        "js/main.js": 'import { one } from "./one.js";\nconsole.log(one);\n',
        "js/one.js": "export const one = 1;\n",
        "css/page.css": "p { color: red }\n",
        "css/people.css": "p { color: blue }\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(pages, "static_directory", lambda: tmp_path)
    monkeypatch.setattr(files, "_LOOK_SECONDS", 0.0)
    return tmp_path


async def parts(site: Site) -> list[str]:
    """The addresses that the page asks for."""
    return re.findall(r'(?:src|href)="(/[^"]+)"', await (await site.client.get("/join/tea")).text())


@pytest.mark.usefixtures("static")
async def test_the_page_asks_for_one_script_and_one_style_sheet_that_are_kept_for_good() -> None:
    async with Site() as site:
        script, style = await parts(site)
        response = await site.client.get(script)
        assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "const one = 1;" in await response.text()
        response = await site.client.get(style)
        assert response.headers["Content-Type"] == "text/css; charset=utf-8"
        text = await response.text()
        assert text.index("red") < text.index("blue")


async def test_a_file_that_has_changed_has_another_address_at_once(static: Path) -> None:
    async with Site() as site:
        before = await parts(site)
        assert await parts(site) == before
        (static / "js" / "one.js").write_text("export const one = 2;\n")
        os.utime(static / "js" / "one.js", (1, 1))  # whatever the clock's steps
        script, style = await parts(site)
        assert style == before[1]
        assert script != before[0]
        for address in (script, before[0]):  # a page that was loaded just before gets what there is
            response = await site.client.get(address)
            assert "const one = 2;" in await response.text()
            assert ("immutable" in response.headers["Cache-Control"]) == (address == script)


@pytest.mark.usefixtures("static")
async def test_it_is_packed_for_those_who_can_unpack_it_and_not_for_others() -> None:
    async with Site() as site:
        whole: bytes | None = None
        for address in ("/", *await parts(site)):
            for accepted in ("", "identity", "br", "gzip;q=0", "gzip; q=0.0, br"):
                response = await site.client.get(address, headers={"Accept-Encoding": accepted})
                assert "Content-Encoding" not in response.headers, accepted
                whole = await response.read()
            for accepted in ("gzip", "br, gzip", "gzip;q=0.5, identity"):
                async with site.client.get(address, headers={"Accept-Encoding": accepted}) as response:
                    assert response.headers["Content-Encoding"] == "gzip"
                    assert "Accept-Encoding" in response.headers["Vary"]
                    assert await response.read() == whole  # the client unpacks


@pytest.mark.usefixtures("static")
async def test_who_has_the_page_already_is_told_so() -> None:
    async with Site() as site:
        tags = set()
        for accepted in ("gzip", "identity"):
            headers = {"Accept-Encoding": accepted}
            tag = (await site.client.get("/", headers=headers)).headers["ETag"]
            tags.add(tag)
            response = await site.client.get("/", headers=headers | {"If-None-Match": f'"other", {tag}'})
            assert (response.status, await response.read()) == (304, b"")
            assert response.headers["ETag"] == tag
            assert response.headers["Cache-Control"] == "no-cache"
            assert (await site.client.get("/", headers=headers | {"If-None-Match": '"other"'})).status == 200
        assert len(tags) == 2


async def test_modules_that_cannot_be_put_together_are_sent_one_by_one(
    static: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (static / "js" / "main.js").write_text("export default 1;\n")
    with caplog.at_level(logging.WARNING):
        async with Site() as site:
            assert await parts(site) == ["/static/js/main.js", "/static/css/page.css", "/static/css/people.css"]
            assert (await site.client.get("/static/js/main.js")).status == 200
            response = await site.client.get("/static/page.0123456789abcdef.js")
            assert response.status == 404
            await problem(response)
    assert "main.js, line 1" in caplog.text


@pytest.mark.usefixtures("static")
async def test_no_other_address_is_that_of_a_part() -> None:
    async with Site() as site:
        for path in (
            "page.js",
            "page.0123456789abcdef.html",
            "page.0123456789abcde.js",
            "page.",
        ):
            assert (await site.client.get(f"/static/{path}")).status == 404, path


async def test_without_the_page_there_is_a_problem_and_the_rest_works(static: Path) -> None:
    (static / "index.html").unlink()
    async with Site() as site:
        response = await site.client.get("/")
        assert response.status == 404
        await problem(response)
        assert (await site.client.get("/rooms")).status == 200


def test_the_real_page_is_small_enough_for_few_round_trips() -> None:
    page = files.read_page(pages.static_directory())
    assert set(page.parts) == {".js", ".css"}
    assert gzip.decompress(page.html.gzipped) == page.html.body
    assert len(page.html.gzipped) < 14_600  # what a server may send before it has heard from the client: 10 segments
    assert sum(len(part.gzipped) for part in page.parts.values()) < 80_000
    assert page.html.body.count(b"/static/") == 3  # with the icon
