"""The processes that are one conference."""

from __future__ import annotations

from aiohttp import web

from conference.cluster.presence import NodeState
from conference.web.access.actor import require
from conference.web.http.headers import FRESH
from conference.web.live import SERVER
from conference.web.schemas import responses


async def list_nodes(request: web.Request) -> web.Response:
    """``GET /nodes``: every node that is there; none on a server that is one process by itself."""
    require(request, "moderate", None)
    cluster = request.app[SERVER].cluster
    shown = [] if cluster is None else [_node_json(one) for one in cluster.nodes]
    return web.json_response(responses.Nodes(nodes=shown), headers=FRESH)


def _node_json(node: NodeState) -> responses.Node:
    return {
        "id": node.id,
        "url": node.url,
        "participants": node.participants,
        "rooms": node.rooms,
        "load": node.load,
        "draining": node.draining,
        "seen_at": node.seen_at,
    }
