"""Reads a request's body into its type, and the name of its room, and says in a sentence what is wrong with them."""

from __future__ import annotations

from typing import TypeVar

from aiohttp import web
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from conference.room.conference import check_room_name
from conference.room.errors import InvalidRoomName
from conference.web.http.body import read_text
from conference.web.http.keys import SETTINGS
from conference.web.http.problems import Problem
from conference.web.schemas.requests import Body, MergePatch, Must

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

Model = TypeVar("Model", bound=Body)

_SHOWN_CHARS = 40


def check_room(name: str) -> str:
    """The name of a room, if this can be one.

    Raises:
        Problem: it cannot (400).
    """
    try:
        return check_room_name(name)
    except InvalidRoomName as error:
        raise Problem(400, str(error)) from None


async def read_body(request: web.Request, model: type[Model], *, optional: bool = False) -> Model:
    """Read the body of a request, and check it.

    Args:
        request: a merge patch, or any other JSON.
        model: the type that the body should have.
        optional: whether an absent body counts as an empty object.

    Raises:
        Problem: the body is of another media type (415), does not come in time (408), or does not fit the model (400).
    """
    if optional and not request.body_exists:
        return parse(model, "{}")
    patch = issubclass(model, MergePatch)
    wanted = MERGE_PATCH if patch else JSON
    if request.content_type != wanted:
        header = "Accept-Patch" if patch else "Accept-Post" if request.method == "POST" else "Accept"
        raise Problem(415, f"Send a JSON object as {wanted}.", headers={header: wanted})
    return parse(model, await read_text(request), max_name_length=request.app[SETTINGS].max_name_length)


def parse(model: type[Model], text: str, *, max_name_length: int = 64) -> Model:
    """Read JSON into a model.

    Raises:
        Problem: the text is no JSON, or does not fit the model (400).
    """
    try:
        return model.model_validate_json(text, context={"max_name_length": max_name_length})
    except ValidationError as error:
        raise Problem(400, complaint(model, error.errors(include_url=False)[0])) from None


def complaint(model: type[Body], error: ErrorDetails) -> str:
    """One sentence about what is wrong, and what would be right."""
    kind, place = error["type"], error["loc"]
    if kind == "json_invalid":
        return "The body is not JSON."
    if not place:
        return f"The body must be a JSON object, e.g. {model.example}."
    field = str(place[0])
    if kind == "extra_forbidden":
        return f"'{field[:_SHOWN_CHARS]}' {model.unknown}: only {_listed(_names(model))} can."
    if kind == "missing":
        return f"'{field}' is missing: send e.g. {model.example}."
    if kind == "value_error":
        return str(error["ctx"]["error"])  # a sentence that a validator of ours wrote
    return f"'{field}' must be {_must(model, field)}."


def _names(model: type[Body]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _must(model: type[Body], place: str) -> str:
    for name, field in model.model_fields.items():
        if place == (field.alias or name):
            return next((one.be for one in field.metadata if isinstance(one, Must)), "something else")
    return "something else"


def _listed(words: list[str]) -> str:
    quoted = [f"'{word}'" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
