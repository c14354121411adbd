"""A page in Chromium, seen and used as a person does.

It finds things by the role and name that a screen reader reads, clicks and types with real input events, and records
what is heard.
"""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from numpy.typing import NDArray

from tests.e2e.base_page import CLICK_WENT, WATCH_CLICK, BasePage, PageError
from tests.e2e.devtools import DevTools, DevToolsError

_KEYS = {" ": ("Space", 32), "Enter": ("Enter", 13), "Tab": ("Tab", 9), "Escape": ("Escape", 27)}

# The samples as the page's audio element gets them, before anything resamples them. MediaStreamTrackProcessor needs
# no script of its own, which the page's content security policy would forbid.
_RECORD = """
(async () => {
  const [track] = document.querySelector('#remote').srcObject.getAudioTracks();
  const reader = new MediaStreamTrackProcessor({track: track.clone()}).readable.getReader();
  const chunks = [];
  let rate = 0, length = 0;
  while (rate === 0 || length < %(seconds)f * rate) {
    const {value, done} = await reader.read();
    if (done) break;
    const samples = new Float32Array(value.numberOfFrames);
    value.copyTo(samples, {planeIndex: 0, format: 'f32-planar'});
    rate = value.sampleRate;
    length += samples.length;
    chunks.push(samples);
    value.close();
  }
  await reader.cancel();
  const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return {rate, data: btoa(text)};
})()
"""


class Page(BasePage):
    """One page of Chromium, seen and used as a person does.

    Args:
        socket: drives it.
        profile: the identifier of the browser's profile that it is of.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, profile: str) -> None:
        super().__init__()
        self.profile = profile
        self._tools = DevTools(socket, self._on_event)

    async def start(self) -> None:
        """Have the browser report what happens in the page."""
        for domain in ("Page", "Runtime", "Log", "DOM", "Accessibility"):
            await self._tools.call(f"{domain}.enable")
        await self._tools.call("Emulation.setFocusEmulationEnabled", enabled=True)

    async def close(self) -> None:
        """Let go of the page."""
        await self._tools.close()

    async def goto(self, address: str) -> None:
        """Open an address, and wait for its modules to run."""
        await self._tools.call("Page.navigate", url=address)
        await self.wait_for(f"location.href === {json.dumps(address)} && document.readyState === 'complete'")

    async def before_load(self, script: str) -> None:
        """Run this in every page opened from now on, before its own scripts."""
        await self._tools.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    async def permit(self, origin: str, *permissions: str) -> None:
        """Allow a site what it would have to ask for."""
        await self._tools.call(
            "Browser.grantPermissions", origin=origin, permissions=permissions, browserContextId=self.profile
        )

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Any other command of the DevTools protocol."""
        return await self._tools.call(method, **parameters)

    # Looking ----------------------------------------------------------------------------------------------

    async def evaluate(self, expression: str, within: float = 20) -> Any:
        """The value of a JavaScript expression, as JSON; a promise is awaited.

        Raises:
            PageError: it threw.
        """
        answer = await self._tools.call(
            "Runtime.evaluate", within=within, expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    async def accessible(self, role: str | None = None, name: str | None = None) -> list[dict[str, Any]]:
        """What a screen reader finds: nodes with ``role``, ``name`` and ``properties``, and their DOM node."""
        # Accessibility.queryAXTree answers with the next change of the page, which may take a second to come.
        answer = await self._tools.call("Accessibility.getFullAXTree")
        found = [
            {
                "role": node["role"]["value"],
                "name": node.get("name", {}).get("value", ""),
                "properties": {item["name"]: item["value"].get("value") for item in node.get("properties", [])},
                "node": node.get("backendDOMNodeId"),
            }
            for node in answer["nodes"]
            if not node["ignored"]
        ]
        return [one for one in found if role in (None, one["role"]) and name in (None, one["name"])]

    async def screenshot(self, path: Path) -> None:
        """What is to be seen, as PNG or WebP: the path's ending tells."""
        await self._tools.call("Page.bringToFront")
        kind = {"format": "webp", "quality": 80} if path.suffix == ".webp" else {"format": "png"}
        answer = await self._tools.call("Page.captureScreenshot", **kind)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))

    async def look_as(
        self,
        width: int,
        height: int,
        *,
        dark: bool = False,
        phone: bool = False,
        reduced_motion: bool = False,
        scale: float = 1,
    ) -> None:
        """Be a screen of this size (in CSS pixels, of ``scale`` pixels each), by day or after dark."""
        await self._tools.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=phone,
        )  # fmt: skip
        await self._tools.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        features = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce" if reduced_motion else "no-preference",
        }
        await self._tools.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": name, "value": value} for name, value in features.items()],
        )

    # Doing ------------------------------------------------------------------------------------------------

    async def click(self, role: str, name: str, within: float = 10) -> None:
        """Click the middle of what has this role and accessible name, with the mouse.

        Who clicks where something has just moved away sees it, and clicks again; so does this.
        """
        while not await self._click_at(await self._find(role, self.said(name), within)):
            pass

    async def _click_at(self, node: int) -> bool:
        """Whether the click went there, or to nothing; a page that went away got it."""
        await self._tools.call("DOM.scrollIntoViewIfNeeded", backendNodeId=node)
        quad: list[float] = []
        while quad != (now := await self._corners(node)):  # until the layout has come to rest
            quad = now
            await asyncio.sleep(0.05)
        x, y = sum(quad[0::2]) / 4, sum(quad[1::2]) / 4
        clicked = (await self._tools.call("DOM.resolveNode", backendNodeId=node))["object"]["objectId"]
        await self._tools.call("Runtime.callFunctionOn", objectId=clicked, functionDeclaration=WATCH_CLICK)
        for kind in ("mousePressed", "mouseReleased"):
            await self._tools.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        try:
            answer = await self._tools.call(
                "Runtime.callFunctionOn",
                objectId=clicked, functionDeclaration=CLICK_WENT, returnByValue=True,
            )  # fmt: skip
        except DevToolsError:
            return True
        return bool(answer["result"].get("value") != "elsewhere")

    async def fill(self, name: str, text: str) -> None:
        """Replace what is in the text box with this accessible name."""
        await self._tools.call("DOM.focus", backendNodeId=await self._find("textbox", name, 10))
        await self.evaluate("document.activeElement.select()")
        if text:
            await self._tools.call("Input.insertText", text=text)
        else:
            await self.evaluate("document.execCommand('delete')")

    async def key_down(self, key: str) -> None:
        """Press a key and keep it pressed."""
        await self._key("keyDown", key)

    async def key_up(self, key: str) -> None:
        """Let go of a key."""
        await self._key("keyUp", key)

    # Hearing ----------------------------------------------------------------------------------------------

    async def record_remote_audio(self, seconds: float) -> tuple[int, NDArray[np.float32]]:
        """What the page hears from now on.

        Returns:
            The rate in Hz, and mono samples from -1 to 1.
        """
        answer = await self.evaluate(_RECORD % {"seconds": seconds}, within=seconds + 20)
        samples = np.frombuffer(base64.b64decode(answer["data"]), np.float32)
        return round(answer["rate"]), samples[: round(seconds * answer["rate"])]

    # ------------------------------------------------------------------------------------------------------

    async def _find(self, role: str, name: str, within: float) -> int:
        try:
            async with asyncio.timeout(within):
                while not (found := await self.accessible(role, name)):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                return int(found[0]["node"])
        except TimeoutError:
            there = [(node["role"], node["name"]) for node in await self.accessible()]
            raise PageError(f"no {role} is called {name!r}; there are {there}") from None

    async def _corners(self, node: int) -> list[float]:
        box = await self._tools.call("DOM.getBoxModel", backendNodeId=node)
        corners: list[float] = box["model"]["border"]
        return corners

    async def _key(self, kind: str, key: str) -> None:
        code, number = _KEYS.get(key, (f"Key{key.upper()}", ord(key[0].upper())))
        typed = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        await self._tools.call(
            "Input.dispatchKeyEvent",
            type=kind, key=key, code=code, windowsVirtualKeyCode=number, text=typed if kind == "keyDown" else "",
        )  # fmt: skip

    def _on_event(self, method: str, parameters: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("warning", "error"):
            entry = parameters["entry"]
            self.complaints.append(f"{entry['text']} {entry.get('url', '')}".strip())
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("warning", "error"):
            self.complaints.append(" ".join(str(item.get("value", "")) for item in parameters["args"]))
