"""``GET /docs``: the description of the API as a page that people read. It is plain HTML, and needs no script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from http import HTTPStatus
from typing import Any

from conference.web.openapi.operation import EVENTS

Json = dict[str, Any]

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: the API</title>
<link rel="icon" href="/static/favicon.svg">
<link rel="stylesheet" href="/static/reference.css">
</head>
<body>
<header><h1>{title}: the API</h1>
{about}
<p><a href="/openapi.json">openapi.json</a>, for programs (OpenAPI {openapi}).</p></header>
<nav aria-label="Contents">{contents}</nav>
<main>{sections}</main>
</body>
</html>
"""


def render(description: Json) -> str:
    """Make the page.

    Args:
        description: OpenAPI, as :func:`conference.web.openapi.description.describe` makes it.

    Returns:
        HTML.
    """
    info = description["info"]
    tags = {tag["name"]: tag["description"] for tag in description["tags"]}
    return _PAGE.format(
        title=escape(info["title"]),
        openapi=escape(description["openapi"]),
        about="".join(f"<p>{_text(part)}</p>" for part in info["description"].strip().split("\n\n")),
        contents="".join(_contents(description, tag) for tag in tags),
        sections="".join(_section(description, tag, text) for tag, text in tags.items()) + _types(description),
    )


def _operations(description: Json, tag: str) -> Iterator[tuple[str, str, Json]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _contents(description: Json, tag: str) -> str:
    links = "".join(
        f'<li><a href="#{one["operationId"]}">{escape(one["summary"])}</a></li>'
        for _, _, one in _operations(description, tag)
    )
    return f'<h2><a href="#tag-{tag}">{tag.capitalize()}</a></h2><ul>{links}</ul>' if links else ""


def _section(description: Json, tag: str, text: str) -> str:
    operations = "".join(_operation(*one) for one in _operations(description, tag))
    if not operations:
        return ""
    return f'<section id="tag-{tag}"><h2>{tag.capitalize()}</h2><p>{_text(text)}</p>{operations}</section>'


def _operation(method: str, path: str, one: Json) -> str:
    parts = [
        f'<article id="{one["operationId"]}"><h3>{escape(one["summary"])}</h3>',
        f'<p class="address"><b>{method}</b> <code>{escape(path)}</code></p>',
        f"<p>{_text(one['description'])}</p>",
    ]
    if "parameters" in one:
        rows = "".join(
            f"<tr><td><code>{escape(each['name'])}</code></td><td>{each['in']}</td><td>{_text(each['description'])}</td></tr>"
            for each in one["parameters"]
        )
        parts.append(f"<h4>Parameters</h4><table>{rows}</table>")
    if "requestBody" in one:
        optional = "" if one["requestBody"]["required"] else " (may be left out)"
        parts.append(f"<h4>Body{optional}</h4><ul>{_content(one['requestBody']['content'])}</ul>")
    rows = "".join(_answer(status, each) for status, each in sorted(one["responses"].items()))
    parts.append(f"<h4>Answers</h4><table>{rows}</table>")
    if EVENTS in one:
        rows = "".join(
            f"<tr><td><code>{escape(name)}</code></td><td>{_reference(each)}</td></tr>"
            for name, each in one[EVENTS].items()
        )
        parts.append(f"<h4>Events</h4><table>{rows}</table>")
    parts.append("</article>")
    return "".join(parts)


def _answer(status: str, answer: Json) -> str:
    headers = "".join(
        f"<br><code>{escape(name)}</code>: {_text(each['description'])}"
        for name, each in answer.get("headers", {}).items()
    )
    content = "" if int(status) >= HTTPStatus.BAD_REQUEST else _content(answer.get("content", {}))
    listed = f"<ul>{content}</ul>" if content else ""
    return f"<tr><td>{status}</td><td>{_text(answer['description'])}{headers}{listed}</td></tr>"


def _content(content: Json) -> str:
    return "".join(
        f"<li><code>{escape(kind)}</code>{_reference(media['schema'], ': ')}</li>" for kind, media in content.items()
    )


def _types(description: Json) -> str:
    types = "".join(_type(name, schema) for name, schema in sorted(description["components"]["schemas"].items()))
    return f'<section id="types"><h2>Types</h2>{types}</section>'


def _type(name: str, schema: Json) -> str:
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{_shape(each)}{'' if field in required else ', optional'}</td>"
        f"<td>{_text(each.get('description', ''))}</td></tr>"
        for field, each in schema.get("properties", {}).items()
    )
    return (
        f'<article id="type-{escape(name)}"><h3>{escape(name)}</h3><p>{_text(schema.get("description", ""))}</p>'
        f"<table>{rows}</table></article>"
    )


def _shape(schema: Json) -> str:
    """What a field may hold, in a few words."""
    if "$ref" in schema:
        return _reference(schema)
    if "anyOf" in schema:
        return " or ".join(map(_shape, schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"<code>{escape(json.dumps(one))}</code>" for one in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    if schema.get("type") == "array":
        return f"list of {_shape(schema['items'])}"
    return escape(str(schema.get("type", "anything"))) + _bounds(schema)


def _bounds(schema: Json) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    longest = schema.get("maxLength")
    return "" if longest is None else f", at most {longest} characters"


def _reference(schema: Json, before: str = "") -> str:
    if "$ref" not in schema:
        return ""
    name = escape(schema["$ref"].rpartition("/")[2])
    return f'{before}<a href="#type-{name}">{name}</a>'


def _text(text: str) -> str:
    """Text in which backticks mark code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
