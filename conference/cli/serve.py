"""``conference serve``: the server, from its options to its last call."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import ssl
import stat
import sys
from typing import TYPE_CHECKING

from conference.cli.descriptors import needed_descriptors, other_descriptors, raise_limit
from conference.cli.terminal.options import add_options
from conference.cli.terminal.output import drop_output
from conference.engine.garbage import short_collections
from conference.log import set_up_logging
from conference.options.configuration_file import read_configuration
from conference.options.declaration import secrets
from conference.options.option import PREFIX, options_of
from conference.options.sources import read_options
from conference.settings import Settings, SettingsError
from conference.settings.exposure import refuse_strangers
from conference.settings.program import CONFIGURATION
from conference.web.drain import Drain
from conference.web.http.origin import authority
from conference.web.http.tls import make_ssl_context
from conference.web.http_server import HttpServer, StartError, own_urls
from conference.web.live import Server
from conference.webrtc.server import WebRtc

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DESCRIPTION = """\
Serve conferences: a page to join from, an API, and a WebSocket for phone calls.

Without options it serves this machine only, at http://127.0.0.1:8080. For others in your network:

  CONFERENCE_SECRET=... conference serve --host 0.0.0.0 --tls-self-signed

Without a secret everybody may do everything, so it then serves others only when told --open.
"""

EPILOG = f"""\
Every option can also be an environment variable: --udp-port 5004 is {PREFIX}UDP_PORT=5004. Where an option can be
repeated, the variable takes several values separated by spaces. A file that --config names may have them, too:
udp-port = 5004 is a line of it. The command line wins, then the environment; conference config prints what holds.
"""

_CERTIFICATE_WARNING = """\
  Browsers will warn that the certificate is not trusted: nobody but this server vouches for it. In your own network,
  choose "Advanced" and go on; once per browser is enough. For anything lasting, use --tls-cert and --tls-key."""


LEAST_CONNECTIONS = 16
"""Without so many a server makes no sense."""

_log = logging.getLogger(__name__)


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "serve",
        usage="conference serve [OPTION ...]",
        help="serve conferences: the page, the API and phone calls",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser, options_of(Settings))
    return parser


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop; gives the exit status."""
    try:
        settings = read_options(Settings, vars(args), os.environ, file=CONFIGURATION)
        refuse_strangers(settings)
        context = make_ssl_context(settings)
    except SettingsError as error:
        print(f"conference serve: {error} See conference serve --help.", file=sys.stderr)
        return 2
    set_up_logging(settings.log_level, settings.log_format)
    _warn_of_readers(settings)
    try:
        descriptors = enough_descriptors(settings)
        asyncio.run(serve(settings, context, descriptors))
    except StartError as error:
        if settings.log_format == "json":
            _log.critical("%s", error)
        else:
            print(f"conference serve: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # a second Ctrl-C
        return 130
    return 0


def _warn_of_readers(settings: Settings) -> None:
    """Say so if everybody on this machine can read the secrets in the configuration file."""
    path = settings.config
    if path is None:
        return
    given = read_configuration(path, options_of(Settings), without=CONFIGURATION)
    if secrets(Settings) & given.keys() and path.stat().st_mode & stat.S_IROTH:
        _log.warning("%s holds secrets, and everybody on this machine can read it: chmod o-r it", path)


def enough_descriptors(settings: Settings) -> int | None:
    """Raise the limit of file descriptors as far as it goes, and say so if that is not enough for the settings.

    Returns:
        How many connections of clients there can be; ``None`` for as many as the settings allow.

    Raises:
        StartError: not even a start is possible.
    """
    limit, needed = raise_limit(), needed_descriptors(settings)
    if limit is None or limit >= needed:
        return None
    left = limit - other_descriptors(settings)
    if left < LEAST_CONNECTIONS:
        raise StartError(
            f"This process may have {limit} files open, and needs {other_descriptors(settings) + LEAST_CONNECTIONS} "
            "at the least: raise the limit (ulimit -n, or LimitNOFILE= of systemd)."
        )
    _log.warning(
        "this process may have %d files open, and these settings may need %d: raise the limit (ulimit -n, or "
        "LimitNOFILE= of systemd), or lower --max-connections, --max-event-streams and --max-calls; until then, "
        "there is place for %d connections",
        limit, needed, left,
    )  # fmt: skip
    return left


async def serve(settings: Settings, context: ssl.SSLContext | None = None, most_connections: int | None = None) -> None:
    """Serve until SIGINT or SIGTERM, then end every call.

    Args:
        settings: all of them.
        context: for HTTPS; ``None`` for HTTP.
        most_connections: of clients at one time; ``None`` for as many as the settings allow.

    Raises:
        StartError: an address, a port or noise suppression cannot be had.
    """
    server = HttpServer(settings, context, most_connections)
    stop = asyncio.Event()
    _on_signals(stop, server.live.drain, settings.drain_timeout)
    empty = asyncio.create_task(server.live.drain.over())
    empty.add_done_callback(lambda _: stop.set())
    try:
        await server.start()
        print(_welcome(settings, server.live, server.port), flush=True)
        if settings.log_format == "json":  # of which that is no part
            _log.info("the server is ready, at port %d", server.port)
        async with short_collections(server.live.conference, server.live.engine.idle):
            await stop.wait()
        _say("Stopping: ending every call. Press Ctrl-C again to stop at once.")
    finally:
        empty.cancel()
        await server.stop()


def _say(text: str) -> None:
    """Say it, unless nobody reads any more: ``tee`` in the same pipeline gets the same Ctrl-C."""
    try:
        print(text, flush=True)
    except OSError:
        drop_output(sys.stdout.fileno())


def _on_signals(stop: asyncio.Event, drain: Drain, drain_timeout: float) -> None:
    """The first signal asks for the end; the next one is the usual, blunt one.

    SIGUSR1 asks for the end when everybody has left, and so does the first SIGTERM where they are given a time. If that
    end was asked for before, they have no more than this time from then on: whoever stops the server waits no longer.
    """
    loop = asyncio.get_running_loop()
    terminated = False

    def asked_to_drain() -> None:
        within = f", or in {drain_timeout:g} s" if drain_timeout > 0 else ""
        _say(f"Draining: nobody joins any more, and the server ends when the last of {drain.people} has left{within}.")
        drain.begin(drain_timeout)

    def asked_to_terminate() -> None:
        nonlocal terminated
        if drain_timeout == 0 or terminated:
            asked()
        elif drain.ends_within(drain_timeout):
            _say("Draining already. Another SIGTERM, or Ctrl-C, ends every call.")
        else:
            asked_to_drain()
        terminated = True

    def asked() -> None:
        stop.set()
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(one)
            signal.signal(one, signal.SIG_DFL)

    loop.add_signal_handler(signal.SIGINT, asked)
    loop.add_signal_handler(signal.SIGTERM, asked_to_terminate)
    loop.add_signal_handler(signal.SIGUSR1, asked_to_drain)


def _welcome(settings: Settings, server: Server, port: int) -> str:
    """What a person sees when the server is ready."""
    urls = [f"{one}/" for one in own_urls(settings, port)]
    if settings.public_url is not None:
        urls.insert(0, settings.public_url.rstrip("/") + "/")
    lines = ["", "  Conference is ready.", "", f"    {'Open':<9}{urls[0]}"]
    lines += [f"    {'':<9}{url}" for url in urls[1:]]
    webrtc = server.webrtc
    if isinstance(webrtc, WebRtc):
        lines.append(
            f"    {'Sound':<9}UDP port {webrtc.port}" + ("" if settings.on_loopback else " (open it in the firewall)")
        )
    else:
        lines.append(f"    {'Sound':<9}by aiortc, a UDP port for each connection")
    lines += [f"    {'Phones':<9}{urls[0].replace('http', 'ws', 1)}twilio/stream/ROOM"]
    if server.audiosocket is not None:
        lines += [f"    {'Asterisk':<9}AudioSocket, {authority(*server.audiosocket)}"]
    if server.cluster is not None:
        lines += [f"    {'Node':<9}{server.cluster.node.id}, one of {len(server.cluster.nodes)}"]
    lines += [f"    {'Access':<9}{access_line(settings)}"]
    if settings.dial_allow and settings.secret is None:
        lines += [f"    {'Calls':<9}whoever may do that may also have this server CALL whom --dial-allow names"]
    lines += [""]
    if settings.capture is not None:
        lines += [f"  EVERYTHING THAT IS SAID, in every room, is being written to {settings.capture} (--capture).", ""]
    if settings.tls_self_signed:
        lines += [_CERTIFICATE_WARNING, ""]
    if not settings.tls and not settings.on_loopback and not settings.behind_proxy:
        lines += ["  Browsers give the microphone to this page only over HTTPS: others need --tls-self-signed,",
                  "  --tls-cert, or a proxy that speaks HTTPS.", ""]  # fmt: skip
    lines += ["  Enter a name and a room and join; whoever joins the same room hears you. Ctrl-C stops the server.", ""]
    return "\n".join(lines)


def access_line(settings: Settings) -> str:
    """Who may do what, in a line."""
    if settings.secret is not None:
        return "only with a token, which conference token makes, or with a room's PIN"
    if not settings.on_loopback:
        return "EVERYBODY who reaches this server may do everything (--open)"
    if settings.behind_proxy or settings.public_url is not None:
        return "EVERYBODY whom the proxy lets through may do everything; --secret asks for tokens"
    return "everybody on this machine may do everything; --secret asks for tokens"
