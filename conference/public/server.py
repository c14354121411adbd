"""`Server`: a whole conference server in a program's own event loop."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from conference.access.grants import ROLE_RIGHTS, Role, make_grant
from conference.access.tokens import sign
from conference.options.sources import read_options
from conference.public.events import Event
from conference.public.given import check_role, check_seconds
from conference.public.room import Room, RoomsOfAServer
from conference.room.conference import check_room_name
from conference.room.events import RoomEvent
from conference.settings import Settings
from conference.settings.exposure import refuse_strangers
from conference.web.events.event_json import event_json
from conference.web.http.tls import make_ssl_context
from conference.web.http_server import HttpServer, StartError
from conference.webrtc.server import WebRtc

P = ParamSpec("P")
T = TypeVar("T")


def _with_keywords_of(
    settings: Callable[P, Settings],
) -> Callable[[Callable[[T, Settings], None]], Callable[Concatenate[T, P], None]]:
    """Have a constructor take the fields of settings as its own keywords: every setting, with its type and default."""

    def change(init: Callable[[T, Settings], None]) -> Callable[Concatenate[T, P], None]:
        def changed(self: T, /, *args: P.args, **more: P.kwargs) -> None:
            if args:
                raise TypeError("Every setting of a server is a keyword, such as port=8080.")
            unknown = more.keys() - shown.parameters.keys()
            if unknown:
                raise TypeError(f"There is no setting {sorted(unknown)[0]!r} of a server: see docs/settings.md.")
            init(self, settings(**more))  # type: ignore[call-arg]

        shown = signature(settings)
        itself = Parameter("self", Parameter.POSITIONAL_ONLY)
        keywords = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in shown.parameters.values()]
        changed.__signature__ = shown.replace(parameters=[itself, *keywords])  # type: ignore[attr-defined]
        return changed

    return change


class Server:
    """A conference server in this process: the page, the API, phone calls and rooms, as ``conference serve`` runs it.

    Every setting of docs/settings.md is a keyword here: ``--udp-port`` is ``udp_port``, and so on. Times are in
    seconds, sizes in bytes, rates in bits per second. Nothing is read from the environment, no signal is caught, and no
    logging is set up: those are the program's. A server that others can reach needs a ``secret``, or ``open=True``.

    Use it as an async context manager, or call :meth:`start` and :meth:`stop`. It runs once::

        async with conference.Server(port=0) as server:
            bot = server.room("standup").join("Bot")

    Raises:
        SettingsError: a keyword is out of its range, or contradicts another.
        StartError: something that the settings ask for cannot be had.
    """

    @_with_keywords_of(Settings)
    def __init__(self, settings: Settings) -> None:
        self._set_up(settings)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """A server whose settings are texts, as variables of the environment have them: ``CONFERENCE_PORT=0``.

        Args:
            environment: the variables by their names; others than ``CONFERENCE_…`` are left alone.

        Raises:
            SettingsError: one of them cannot be read, is out of its range, or contradicts another.
            StartError: something that they ask for cannot be had.
        """
        server = cls.__new__(cls)
        server._set_up(read_options(Settings, {}, environment))
        return server

    def _set_up(self, settings: Settings) -> None:
        refuse_strangers(settings)
        self._http = HttpServer(settings, make_ssl_context(settings))
        self._rooms = RoomsOfAServer(self._http.live.conference, settings.max_name_length)
        self._unsubscribe: Callable[[], None] | None = None
        self._used = False

    async def start(self) -> None:
        """Start: from then on, people can join.

        Raises:
            StartError: an address or a port cannot be had, or it has run before. Nothing is left open then.
        """
        if self._used:
            raise StartError("This server has run already: make another one.")
        self._used = True
        self._rooms.closed = False  # it may have been stopped before it ran
        try:
            await self._http.start()
        except BaseException:
            await self.stop()
            raise
        self._unsubscribe = self._http.live.conference.subscribe(None, self._tell)

    async def stop(self) -> None:
        """End every call, and close everything. Takes some seconds at most; doing it twice does no harm."""
        try:
            if self._used:
                await self._http.stop()
        finally:  # cancelled, too: nobody is to wait for what does not come any more
            if self._unsubscribe is not None:
                self._unsubscribe()
                self._unsubscribe = None
            self._rooms.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The TCP port, once it has started: of the page, the API and media WebSockets."""
        return self._http.port

    @property
    def udp_port(self) -> int | None:
        """The UDP port of all sound, once it has started; ``None`` with ``engine="aiortc"``, which has no such port."""
        webrtc = self._http.live.webrtc
        return webrtc.port if isinstance(webrtc, WebRtc) else None

    @property
    def url(self) -> str:
        """Where it is, once it has started, without a slash at its end: ``http://127.0.0.1:8080``."""
        settings = self._http.settings
        if settings.public_url is not None:
            return settings.public_url.rstrip("/")
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        return f"{'https' if settings.tls else 'http'}://{host}:{self.port}"

    def room(self, name: str) -> Room:
        """A room, whether anybody is in it or not.

        Args:
            name: 1 to 64 characters of ``A-Z a-z 0-9 . _ -``.

        Raises:
            InvalidRoomName: it is no such name.
        """
        return Room(name, self._rooms)

    @property
    def rooms(self) -> list[Room]:
        """The rooms with somebody in them."""
        return [self.room(name) for name in self._http.live.conference.rooms]

    def make_token(
        self,
        room: str | None = None,
        *,
        role: Role = "speaker",
        name: str | None = None,
        identity: str | None = None,
        seconds: float = 28_800.0,
    ) -> str:
        """A token that lets somebody in, where the server has a ``secret``; see docs/access.md.

        Args:
            room: the one room that it is for; ``None`` for all.
            role: ``host``, ``speaker`` or ``listener``, with the rights of it.
            name: what the others see, where its bearer gives no other.
            identity: who they are beyond the room.
            seconds: for so long it is good.

        Raises:
            InvalidRoomName: there can be no room of that name.
            ArgumentError: the role is none, or ``seconds`` is no time to come.
        """
        check_role(role)
        check_seconds(seconds, "seconds")
        grant = make_grant(
            role,
            room=None if room is None else check_room_name(room),
            identity=identity,
            name=name,
            rights=ROLE_RIGHTS[role],
            expires_at=time.time() + seconds,
        )
        return sign(grant, self._http.live.token_keys[0])

    def _tell(self, event: RoomEvent) -> None:
        if event.room in self._rooms.fans:
            name, data = event_json(event)
            self._rooms.tell(event.room, Event(name, dict(data)))
