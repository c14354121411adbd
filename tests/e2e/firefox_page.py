"""A page in Firefox, seen and used as a person does, over WebDriver BiDi."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import SAMPLE_RATE
from tests.e2e.base_page import CLICK_WENT, WATCH_CLICK, BasePage, PageError
from tests.e2e.devtools import DevTools, DevToolsError

_KEYS = {"Enter": "\ue007", "Tab": "\ue004", "Escape": "\ue00c", "Backspace": "\ue003"}

# What the page's audio element gets, as Opus in Ogg. An AudioContext would not start on a machine without a sound card.
_RECORD = """
(async () => {
  const recorder = new MediaRecorder(document.querySelector('#remote').srcObject, {
    mimeType: 'audio/ogg; codecs=opus', audioBitsPerSecond: 128000,
  });
  const chunks = [];
  recorder.ondataavailable = ({data}) => chunks.push(data);
  recorder.start();
  await new Promise((done) => setTimeout(done, %(milliseconds)d));
  await new Promise((done) => { recorder.onstop = done; recorder.stop(); });
  const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
})()
"""


class FirefoxPage(BasePage):
    """One page of Firefox.

    Args:
        tools: drives the browser.
        context: the page, as the browser calls it.
    """

    def __init__(self, tools: DevTools, context: str) -> None:
        super().__init__()
        self._tools = tools
        self._context = context

    def take_event(self, event: str, parameters: dict[str, Any]) -> None:
        """Take what the browser tells of this or another page."""
        ours = parameters.get("source", {}).get("context") == self._context
        if event == "log.entryAdded" and ours and parameters["level"] in ("warn", "error"):
            self.complaints.append(parameters["text"])

    async def goto(self, address: str) -> None:
        await self._tools.call("browsingContext.navigate", context=self._context, url=address, wait="complete")

    async def evaluate(self, expression: str, within: float = 20) -> Any:
        return _value(
            await self._tools.call(
                "script.evaluate",
                within=within, expression=expression, target={"context": self._context}, awaitPromise=True,
            )
        )  # fmt: skip

    async def accessible(self, role: str | None = None, name: str | None = None) -> list[dict[str, Any]]:
        wanted = {"role": role, "name": name}
        value = {key: text for key, text in wanted.items() if text is not None}
        answer = await self._tools.call(
            "browsingContext.locateNodes", context=self._context, locator={"type": "accessibility", "value": value}
        )
        found: list[dict[str, Any]] = answer["nodes"]
        return found

    async def click(self, role: str, name: str, within: float = 10) -> None:
        # Who clicks where something has just moved away sees it, and clicks again; so does this.
        while not await self._click_at(await self._find(role, name, within)):
            pass

    async def _click_at(self, node: dict[str, Any]) -> bool:
        """Whether the click went there, or to nothing; a page that went away got it."""
        await self._call_on(node, "function() { this.scrollIntoView({block: 'nearest'}); }")
        corners, now = None, await self._corners(node)
        while corners != now:  # until the layout has come to rest
            await asyncio.sleep(0.05)
            corners, now = now, await self._corners(node)
        await self._call_on(node, WATCH_CLICK)
        there = {"type": "element", "element": {"sharedId": node["sharedId"]}}
        await self._act(
            "pointer",
            {"type": "pointerMove", "x": 0, "y": 0, "origin": there},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        )
        try:
            return bool(await self._call_on(node, CLICK_WENT) != "elsewhere")
        except DevToolsError:
            return True

    async def fill(self, name: str, text: str) -> None:
        await self._call_on(await self._find("textbox", name, 10), "function() { this.focus(); this.select(); }")
        keys = text or [_KEYS["Backspace"]]
        await self._act("key", *({"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")))

    async def key_down(self, key: str) -> None:
        await self._act("key", {"type": "keyDown", "value": _KEYS.get(key, key)})

    async def key_up(self, key: str) -> None:
        await self._act("key", {"type": "keyUp", "value": _KEYS.get(key, key)})

    async def record_remote_audio(self, seconds: float) -> tuple[int, NDArray[np.float32]]:
        answer = await self.evaluate(_RECORD % {"milliseconds": 1000 * seconds}, within=seconds + 20)
        return SAMPLE_RATE, _decoded(base64.b64decode(answer))

    # ------------------------------------------------------------------------------------------------------

    async def _find(self, role: str, name: str, within: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(within):
                while not (found := await self.accessible(role, name)):  # noqa: ASYNC110 - the page calls nobody
                    await asyncio.sleep(0.05)
                return found[0]
        except TimeoutError:
            text = await self.evaluate("document.body.innerText")
            raise PageError(f"no {role} is called {name!r}; the page says: {text}") from None

    async def _corners(self, node: dict[str, Any]) -> Any:
        return await self._call_on(node, "function() { return this.getBoundingClientRect().toJSON(); }")

    async def _call_on(self, node: dict[str, Any], function: str) -> Any:
        """Call a JavaScript function with an element as its ``this``."""
        return _value(
            await self._tools.call(
                "script.callFunction",
                functionDeclaration=function, this={"sharedId": node["sharedId"]},
                target={"context": self._context}, awaitPromise=True,
            )
        )  # fmt: skip

    async def _act(self, kind: str, *actions: dict[str, Any]) -> None:
        # The source's name is the same each time: so a key that is pressed stays pressed.
        source = {"type": kind, "id": kind, "actions": list(actions)}
        await self._tools.call("input.performActions", context=self._context, actions=[source])


def _value(answer: dict[str, Any]) -> Any:
    """What a script gave.

    Raises:
        PageError: it threw.
    """
    if answer["type"] == "exception":
        raise PageError(answer["exceptionDetails"]["text"])
    return _plain(answer["result"])


def _plain(value: dict[str, Any]) -> Any:
    """A remote value of BiDi, as JSON has it; what JSON does not have is ``None``."""
    match value["type"], value.get("value"):
        case "array", list(items):
            return [_plain(item) for item in items]
        case "object", list(items):
            return {key: _plain(item) for key, item in items}
        case "string" | "number" | "boolean", plain:
            return plain
    return None


def _decoded(recording: bytes) -> NDArray[np.float32]:
    """Mono samples from -1 to 1."""
    with av.open(io.BytesIO(recording), "r") as container:
        chunks = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]  # its channels are one and the same
    return np.concatenate(chunks) if chunks else np.zeros(0, np.float32)
