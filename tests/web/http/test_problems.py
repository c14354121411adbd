"""What goes wrong is told to whoever asked, if they are still there, and logged if it is an error of ours."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import pytest
from aiohttp import ClientConnectionResetError, web
from aiohttp.test_utils import make_mocked_request

from conference.web.api import pages
from conference.web.http.problems import problem_middleware


def asked(*, closing: bool, gone: bool = False) -> web.Request:
    transport = Mock(spec=asyncio.Transport, is_closing=lambda: closing)
    request = make_mocked_request("GET", "/static/index.html", match_info={"path": "index.html"}, transport=transport)
    if gone:
        request.protocol.transport = None
    return request


async def reset(_: web.Request) -> web.StreamResponse:
    raise ClientConnectionResetError("Cannot write to closing transport")


@pytest.mark.parametrize("gone", [True, False])
async def test_a_client_that_is_gone_before_the_answer_is_no_error_of_ours(
    gone: bool, caplog: pytest.LogCaptureFixture
) -> None:
    response = await problem_middleware(asked(closing=not gone, gone=gone), reset)
    assert response.status == 400
    assert caplog.records == []


async def test_another_connection_that_breaks_is(caplog: pytest.LogCaptureFixture) -> None:
    response = await problem_middleware(asked(closing=False), reset)
    assert response.status == 500
    assert "GET /static/index.html failed" in caplog.text


@pytest.mark.parametrize("closing", [True, False])
async def test_a_file_whose_reader_goes_while_it_is_sent_is_a_connection_that_was_lost(
    monkeypatch: pytest.MonkeyPatch, closing: bool
) -> None:
    async def prepare(self: web.FileResponse, request: web.BaseRequest) -> None:
        raise RuntimeError("Transport is closing")

    request = asked(closing=closing)
    file = await pages.static_file(request)
    monkeypatch.setattr(web.FileResponse, "prepare", prepare)
    with pytest.raises(ConnectionResetError if closing else RuntimeError):
        await file.prepare(request)
