"""The page and its files, with headers that keep it to itself."""

from __future__ import annotations

import re
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

import conference
from conference.web.http.keys import SETTINGS
from conference.web.http.problems import Problem, is_lost
from conference.web.page.page_files import Packed, PageCache, PageFiles

PAGE: web.AppKey[PageCache] = web.AppKey("page")
"""Where an application keeps what the page consists of."""

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ts": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".wav": "audio/wav",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""By suffix; nothing else is served. The types are fixed here, since machines differ on that of ``.js``."""

_POLICY = (
    "default-src 'self'",
    "base-uri 'none'",
    "connect-src 'self'",
    "form-action 'self'",
    "img-src 'self' data:",
    "media-src 'self' blob: mediastream:",
    "object-src 'none'",
)


def content_security_policy(frame_ancestors: tuple[str, ...] = ()) -> str:
    """What a document may load, and who may show it in a frame: nobody, unless origins are named."""
    shown_by = " ".join(frame_ancestors) or "'none'"
    return "; ".join((*_POLICY, f"frame-ancestors {shown_by}"))


CONTENT_SECURITY_POLICY = content_security_policy()
"""What nothing but the page may be shown in a frame has."""

_TAKES_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")

_SECURITY = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def static_directory() -> Path:
    """Where the page's files are: in the installed package, or beside it in a checkout."""
    package = Path(conference.__file__).resolve().parent
    installed = package / "static"
    return installed if installed.is_dir() else package.parent / "static"


async def page(request: web.Request) -> web.StreamResponse:
    """``GET /`` and ``GET /join/{room}``: the page, which finds the room in its own address."""
    files = await _page_files(request)
    response = _packed(request, files.html, ".html", kept=False)
    response.headers["Content-Security-Policy"] = content_security_policy(request.app[SETTINGS].frame_ancestors)
    return response


async def embed_module(request: web.Request) -> web.StreamResponse:
    """``GET /embed.js``: the module that pages of other sites import, in one piece. It is no secret to anybody."""
    files = await _page_files(request)
    if files.embed is None:
        raise Problem(404, "There is no such file.")
    response = _packed(request, files.embed, ".js", kept=False)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


async def admin(_: web.Request) -> web.StreamResponse:
    """``GET /admin``: the administrator's page, which asks for a token where one is needed."""
    return _file("admin.html")


async def static_file(request: web.Request) -> web.StreamResponse:
    """``GET /static/{path}``: one file of the page; or all of its modules, or style sheets, in one piece."""
    path = request.match_info["path"]
    if path.startswith("page."):
        found = (await _page_files(request)).part(path)
        if found is not None:
            part, suffix, same = found
            return _packed(request, part, suffix, kept=same)
    return _file(path)


async def _page_files(request: web.Request) -> PageFiles:
    try:
        return await request.app[PAGE].get(static_directory().resolve())
    except OSError:
        raise Problem(404, "There is no such file.") from None


def _packed(request: web.Request, packed: Packed, suffix: str, *, kept: bool) -> web.Response:
    """A file of the page, packed for those who can unpack it.

    Args:
        request: that asks for it.
        packed: the file.
        suffix: says its type.
        kept: its address is of this version of it alone: a browser need never ask again.
    """
    small = _TAKES_GZIP.search(request.headers.get("Accept-Encoding", "")) is not None
    tag = packed.tag + ("-gzip" if small else "")
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if kept else "no-cache",
        "ETag": f'"{tag}"',
        "Vary": "Accept-Encoding",
    }
    if any(one.value == tag for one in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = CONTENT_TYPES[suffix]
    if small:
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=packed.gzipped if small else packed.body, headers=headers)


async def add_security_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Add the fields of security to every answer."""
    for name, value in _SECURITY.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "conference"  # not which versions of what


class SentFile(web.FileResponse):
    """A file as an answer, whose client may go while it is sent."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the whole file.

        Raises:
            ConnectionError: the client is gone.
        """
        try:
            return await super().prepare(request)
        except RuntimeError:  # which asyncio's sendfile raises
            if is_lost(request):
                raise ConnectionResetError from None
            raise


def _file(name: str) -> web.FileResponse:
    directory = static_directory().resolve()
    content_type = CONTENT_TYPES.get(Path(name).suffix)
    try:
        path = (directory / name).resolve()
        found = content_type is not None and path.is_relative_to(directory) and path.is_file()
    except (OSError, ValueError):  # a name that is too long, or holds a null
        found = False
    if not found or content_type is None:
        raise Problem(404, "There is no such file.")
    # Revalidated each time: an upgrade shows at once, and what has not changed costs a 304.
    return SentFile(path, headers={"Content-Type": content_type, "Cache-Control": "no-cache"})
