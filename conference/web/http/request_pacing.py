"""How many requests are answered in a second, of one connection and of one address.

One request that anybody may make costs little; thousands of them a second take most of a processor. A request over the
limits waits, and is answered later. Meanwhile its connection is read for a few requests more, which aiohttp keeps, and
no further: the rest stays with the client (TCP).
"""

from __future__ import annotations

import time
from asyncio import sleep

from aiohttp import web

from conference.web.http.keys import REQUESTS, SETTINGS
from conference.web.http.origin import client_address, rate_key
from conference.web.http.problems import Handler
from conference.web.http.protocol import protocol_of


@web.middleware
async def pace_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Have requests wait that are more than the limits allow.

    Behind a proxy the connections are the proxy's, and each brings requests of many people. There only the address
    counts that the proxy tells, and where it tells none there is no limit.
    """
    protocol, settings = protocol_of(request), request.app[SETTINGS]
    if protocol is None:  # something else than our listener has opened it
        return await handler(request)
    now_ns = time.monotonic_ns()
    seconds = 0.0 if protocol.requests is None else protocol.requests.charge(1, now_ns)
    address = client_address(request, settings)
    if not settings.behind_proxy or address != request.remote:
        seconds = max(seconds, request.app[REQUESTS].charge(rate_key(address), now_ns))
    if seconds:
        with protocol.receiving():  # as if the request had not come yet: another connection may take its place
            await sleep(seconds)
    return await handler(request)
