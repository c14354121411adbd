"""The API's description (OpenAPI 3.1), made of the routes that there are and what is said of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core.core_schema import TypedDictSchema, WithDefaultSchema

from conference import __version__
from conference.telephony.dialects.known import DIALECTS
from conference.web.access.actor import QUERY
from conference.web.http.problem_details import Problem
from conference.web.http.problems import Handler
from conference.web.joining import seats
from conference.web.live import SERVER
from conference.web.openapi import reference
from conference.web.openapi.operation import EVENTS, PROBLEMS, ROOM_NAME, WHO, Content, Operation
from conference.web.openapi.routes import DESCRIBED, TAGS

Json = dict[str, Any]

ABOUT = """\
An audio conference server: browsers, phone callers and voice bots meet in a room and hear each other.

`GET` addresses take `HEAD`, too, and every address takes `OPTIONS`. Errors are `application/problem+json` (RFC 9457),
with a `title` that a person can act on. A room is there while somebody is in it. Times are Unix seconds, levels dBov.
"""

_PATH_PARAMETERS: dict[str, Json] = {
    "room": {"description": "Name of a room.", "schema": ROOM_NAME},
    "id": {"description": "Id of a participant.", "schema": {"type": "string"}},
    "listener": {"description": "Id of the participant who hears; `*` for anybody.", "schema": {"type": "string"}},
    "source": {"description": "Id of the participant who is heard; `*` for anybody.", "schema": {"type": "string"}},
    "sidebar": {"description": "Id of a sidebar.", "schema": {"type": "string"}},
    "transfer": {"description": "Id of a transfer.", "schema": {"type": "string"}},
    "sound": {"description": "Id of a sound that is being played.", "schema": {"type": "string"}},
    "recording": {"description": "Id of a recording.", "schema": {"type": "string"}},
    "name": {"description": "Name of a file of the recording.", "schema": {"type": "string"}},
    "account": {"description": "Identifier of a Twilio account; any.", "schema": {"type": "string"}},
    "dialect": {"description": "Whose stream it is.", "schema": {"type": "string", "enum": list(DIALECTS)}},
    "call": {"description": "`callSid` of the call, as `start` told it.", "schema": {"type": "string"}},
    "path": {"description": "Path of a file of the page.", "schema": {"type": "string"}},
}

_SCHEMES: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token that `conference token` made, or that somebody got for a room's PIN.",
    },
    "inAddress": {
        "type": "apiKey",
        "in": "query",
        "name": QUERY,
        "description": "The same token, for those who can set no header (RFC 6750, section 2.3).",
    },
    "account": {
        "type": "http",
        "scheme": "basic",
        "description": "As Twilio has it: the account's identifier and its token.",
    },
    "seat": {
        "type": "apiKey",
        "in": "header",
        "name": seats.HEADER,
        "description": "The proof of a seat, as the answer to a join gave it.",
    },
}


class _Schemas(GenerateJsonSchema):
    """JSON Schema without what says nothing: titles that repeat names, and defaults that mean "not given"."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False

    def default_schema(self, schema: WithDefaultSchema) -> Json:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made

    def typed_dict_schema(self, schema: TypedDictSchema) -> Json:
        """An answer has no other fields than its type says, unless that says so, too."""
        return {"additionalProperties": False} | super().typed_dict_schema(schema)


@dataclass(frozen=True, slots=True)
class Texts:
    """The description, written out once: to make it takes as long as a tick."""

    json: str
    page: str


TEXTS: web.AppKey[Texts] = web.AppKey("api description")
"""Where an application keeps its own."""


def write_out(app: web.Application) -> None:
    """Describe an application that has all its routes."""
    description = describe(app)
    app[TEXTS] = Texts(json.dumps(description), reference.render(description))


async def show_json(request: web.Request) -> web.Response:
    """``GET /openapi.json``: for programs."""
    text = request.app[TEXTS].json
    return web.Response(text=text, content_type="application/json", headers={"Cache-Control": "no-cache"})


async def show_page(request: web.Request) -> web.Response:
    """``GET /docs``: for people."""
    text = request.app[TEXTS].page
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-cache"})


_DESCRIBED = DESCRIBED | {
    show_json: Operation(
        "server", "The description of the API", access="open", content="application/json", answer="OpenAPI 3.1."
    ),
    show_page: Operation("server", "This page", access="open", content="text/html", answer="HTML."),
}


def describe(app: web.Application) -> Json:
    """The description of an application, as a JSON object. Routes of which nothing is said are left out."""
    guarded = app[SERVER].settings.secret is not None
    paths: dict[str, Json] = {}
    taken: set[str] = set()
    for method, path, handler in routes(app):
        if handler not in _DESCRIBED:
            continue
        operation = _operation(_DESCRIBED[handler], path, guarded=guarded)
        operation["operationId"] = _unique(handler.__name__, taken)
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Conference", "version": __version__, "description": ABOUT},
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": _SCHEMES},
    }


def routes(app: web.Application) -> Iterator[tuple[str, str, Handler]]:
    """Every route there is, with its path as a template; the ``HEAD`` that comes with a ``GET`` aside."""
    for resource in app.router.resources():
        for route in resource:
            if route.method != "HEAD":
                yield route.method, resource.canonical, route.handler


def _unique(name: str, taken: set[str]) -> str:
    number = 1
    while (found := name if number == 1 else f"{name}_{number}") in taken:
        number += 1
    taken.add(found)
    return found


def _operation(said: Operation, path: str, *, guarded: bool) -> Json:
    names = re.findall(r"{(\w+)}", path)
    made: Json = {
        "tags": [said.tag],
        "summary": said.summary,
        "description": " ".join(part for part in (said.description, WHO[said.access]) if part),
        "security": _security(said, guarded=guarded),
        "responses": _responses(said, in_room="room" in names),
    }
    parameters: list[Json] = [{"name": one, "in": "path", "required": True} | _PATH_PARAMETERS[one] for one in names]
    parameters += [
        {"name": one.name, "in": one.where, "description": one.description, "schema": dict(one.schema)}
        for one in said.parameters
    ]
    if parameters:
        made["parameters"] = parameters
    if said.body:
        content = {kind: _media(model) for kind, model in said.body.items()}
        made["requestBody"] = {"required": not said.body_optional, "content": content}
    if said.events:
        made[EVENTS] = {name: _media(kind)["schema"] for name, kind in said.events.items()}
    return made


def _security(said: Operation, *, guarded: bool) -> list[Json]:
    if said.access == "open":
        return []
    if said.access == "account":
        return [{"account": []}] if guarded else [{}, {"account": []}]
    schemes: list[Json] = [{"bearer": []}, {"inAddress": []}]
    if said.access.startswith("self") or said.access == "present":
        schemes.append({"seat": []})
    return schemes if guarded and said.access != "signed" else [{}, *schemes]


def _responses(said: Operation, *, in_room: bool) -> Json:
    well: Json = {"description": said.answer}
    if said.content is not None:
        kind = said.content if isinstance(said.content, str) else "application/json"
        well["content"] = {kind: _media(said.content)}
    if said.headers:
        well["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in said.headers.items()
        }
    said_of_each: Json = {str(said.status): well}
    said_of_each |= {str(status): {"description": text} for status, text in said.also.items()}
    for status in said.all_problems(in_room=in_room):
        problem: Json = {
            "description": PROBLEMS[status],
            "content": {"application/problem+json": _media(Problem)},
        }
        said_of_each[str(status)] = problem
    return said_of_each


def _media(content: Content) -> Json:
    if content is None or isinstance(content, str):
        return {"schema": {"type": "object"} if content == "application/json" else {"type": "string"}}
    return {"schema": {"$ref": f"#/components/schemas/{content.__name__}"}}


@cache
def _schemas() -> Json:
    """Every type that an operation takes or gives."""
    wanted: dict[tuple[type, JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for said in DESCRIBED.values():
        for content in said.body.values():
            if isinstance(content, type):
                wanted[content, "validation"] = None
        if isinstance(said.content, type):
            wanted[said.content, "serialization"] = None
        wanted.update({(kind, "serialization"): None for kind in said.events.values()})
    _, schema = TypeAdapter.json_schemas(
        [(kind, mode, TypeAdapter[Any](kind)) for kind, mode in wanted],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    found: Json = schema["$defs"]
    return found
