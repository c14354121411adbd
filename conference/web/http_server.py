"""`HttpServer`: one server, from its settings to its last call, for whoever runs it: a command, or another program."""

from __future__ import annotations

import errno
import ssl

from aiohttp import web

from conference.audio.suppression import SuppressionUnavailable
from conference.cluster.log import LogUnavailable
from conference.cluster.redis_log import RedisMissing
from conference.cluster.trunk.socket import TrunkUnavailable
from conference.errors import ConferenceError
from conference.prompts.library import LibraryError
from conference.recording.storage.objects import StorageError
from conference.settings import Settings
from conference.telephony.twilio_account import TwilioUnavailable
from conference.unreachable import cannot_listen
from conference.web.api.audiosocket_listener import AudioSocketUnavailable
from conference.web.app import build_app, hang_up_all
from conference.web.http.listener import Listener
from conference.web.http.origin import authority
from conference.web.http.tls import addresses_at
from conference.web.joining.signatures import SignaturesUnavailable
from conference.web.live import SERVER, Server
from conference.webrtc.compatibility import IncompatibleLibraryError


class StartError(ConferenceError):
    """A server cannot start; the text is a sentence for people."""

    __module__ = "conference"


class HttpServer:
    """The application of a server, and what listens for its connections.

    Args:
        settings: all of them.
        context: for HTTPS; ``None`` for HTTP.
        most_connections: of clients at one time; ``None`` for as many as the settings allow.

    Raises:
        StartError: something that the settings ask for cannot be had.
    """

    def __init__(
        self, settings: Settings, context: ssl.SSLContext | None = None, most_connections: int | None = None
    ) -> None:
        self.settings = settings
        self._context = context
        self._app = _make_app(settings)
        self.live.connections.most_in_all = most_connections
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=settings.shutdown_timeout / 4)
        self._listener: Listener | None = None

    @property
    def live(self) -> Server:
        """Its objects."""
        return self._app[SERVER]

    @property
    def port(self) -> int:
        """The TCP port that it listens on, once it has started; the one of the settings before."""
        if self._listener is None or not self._listener.addresses:
            return self.settings.port
        port: int = self._listener.addresses[0][1]
        return port

    async def start(self) -> None:
        """Start the clock, open the ports, and take connections.

        Raises:
            StartError: an address or a port cannot be had. What was opened until then is closed by :meth:`stop`.
        """
        settings = self.settings
        try:
            await self._runner.setup()
        except LogUnavailable as error:
            raise StartError(f"{error} Is one running where --redis says?") from None
        except TrunkUnavailable as error:
            raise StartError(_port_problem("UDP", settings.trunk_port, "--trunk-port", error.reason)) from None
        except OSError as error:
            raise StartError(_port_problem("UDP", settings.udp_port, "--udp-port", error)) from None
        except (AudioSocketUnavailable, IncompatibleLibraryError, LibraryError, ValueError) as error:
            raise StartError(str(error)) from None
        listener = Listener(self._runner, settings, self._context)
        try:
            await listener.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartError(_port_problem("TCP", settings.port, "--port", error)) from None
            raise StartError(
                f"Cannot listen on {settings.host}, port {settings.port}: {cannot_listen(error)}."
            ) from None
        self._listener = listener
        if self.live.cluster is not None:
            self.live.cluster.reached_at(own_urls(settings, self.port)[0])

    async def hang_up(self) -> None:
        """Tell everybody that the server stops, and take no more requests."""
        await hang_up_all(self._app)

    async def stop(self) -> None:
        """End every call, and close everything. Doing it twice does no harm."""
        if self._listener is not None:
            await self.hang_up()
            self._listener.close()
            await self._listener.closed()
            self._listener = None
        await self._runner.cleanup()


def _make_app(settings: Settings) -> web.Application:
    try:
        return build_app(settings)
    except SuppressionUnavailable as error:
        raise StartError(f"{error}; or leave noise-suppression out.") from None
    except (SignaturesUnavailable, TwilioUnavailable) as error:
        raise StartError(f"{error}.") from None
    except (LibraryError, RedisMissing) as error:
        raise StartError(str(error)) from None
    except StorageError as error:
        raise StartError(" ".join(filter(None, (str(error), error.detail)))) from None


def own_urls(settings: Settings, port: int) -> list[str]:
    """Where the server is reached, the likeliest first, as far as it can know that."""
    scheme = "https" if settings.tls else "http"
    return [f"{scheme}://{authority(one, port)}" for one in addresses_at(settings.host)]


def _port_problem(protocol: str, port: int, option: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{protocol} port {port} is in use by another program: choose another with {option}, or stop that one."
    return f"Cannot open {protocol} port {port}: {cannot_listen(error)}."
