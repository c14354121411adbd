"""A voice bot as Twilio's Python sample for OpenAI's Realtime API is one, with a model of its own on the same machine.

    python realtime_peer.py PORT

The half towards the telephone does what the sample does: FastAPI for the media stream, `websockets` for the model,
the model's mu-law passed on as it is, a mark behind each piece of it, and, when the model says that somebody speaks,
``conversation.item.truncate`` by the timestamps of the stream, and ``clear``. The model is a server of `websockets`
that takes and gives the events of the Realtime API: it tells loud from silent, and answers each turn with twenty
seconds of a tone, all at once.

``GET /state`` tells what was heard and done; ``POST /end`` closes the stream.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import sys
from typing import Any

import uvicorn
import websockets
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

LOUD = {byte for byte in range(256) if byte & 0x70 in (0x00, 0x10, 0x20, 0x30)}
"""Codes of mu-law for what is louder than about -30 dBov."""

TURN_SECONDS = 20
PIECE_BYTES = 1600

app = FastAPI()
state: dict[str, Any] = {
    "parameters": None, "heard": 0, "answers": 0, "marks": 0, "cleared": 0, "truncated": [], "open": 0, "timestamps": 0,
}  # fmt: skip
streams: set[WebSocket] = set()
model_port = 0


def mu_law(sample: int) -> int:
    """One sample of 16 bits in G.711 mu-law."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = max(0, magnitude.bit_length() - 8)
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF


TONE = bytes(mu_law(round(9000 * math.sin(2 * math.pi * 500 * n / 8000))) for n in range(8000 * TURN_SECONDS))


# The model


async def be_the_model(socket: Any) -> None:
    """Takes and gives the events of the Realtime API, as far as the sample uses them."""
    talks, quiet, item = False, 0, 0
    await socket.send(json.dumps({"type": "session.created"}))
    async for text in socket:
        event = json.loads(text)
        if event["type"] == "conversation.item.truncate":
            state["truncated"].append(event["audio_end_ms"])
        if event["type"] != "input_audio_buffer.append":
            continue
        sound = base64.b64decode(event["audio"], validate=True)
        loud = sum(byte in LOUD for byte in sound) * 4 > len(sound)
        state["heard"] += loud
        quiet = 0 if loud else quiet + 1
        if loud and not talks:
            talks = True
            await socket.send(json.dumps({"type": "input_audio_buffer.speech_started"}))
        elif talks and quiet > 15:
            talks, item = False, item + 1
            await socket.send(json.dumps({"type": "input_audio_buffer.speech_stopped"}))
            for start in range(0, len(TONE), PIECE_BYTES):
                delta = base64.b64encode(TONE[start : start + PIECE_BYTES]).decode()
                await socket.send(
                    json.dumps({"type": "response.output_audio.delta", "item_id": f"item_{item}", "delta": delta})
                )
            await socket.send(json.dumps({"type": "response.done"}))
            state["answers"] += 1


# The bot


@app.websocket("/media-stream")
async def handle_media_stream(websocket: WebSocket) -> None:
    await websocket.accept()
    streams.add(websocket)
    state["open"] += 1
    try:
        async with websockets.connect(f"ws://127.0.0.1:{model_port}/v1/realtime?model=none") as model:
            await model.send(
                json.dumps(
                    {
                        "type": "session.update",
                        "session": {
                            "type": "realtime",
                            "audio": {
                                "input": {"format": {"type": "audio/pcmu"}, "turn_detection": {"type": "server_vad"}},
                                "output": {"format": {"type": "audio/pcmu"}, "voice": "alloy"},
                            },
                        },
                    }
                )
            )
            await Bridge(websocket, model).run()
    finally:
        streams.discard(websocket)
        state["open"] -= 1


class Bridge:
    """What the sample keeps in the variables of one function."""

    def __init__(self, websocket: WebSocket, model: Any) -> None:
        self.websocket, self.model = websocket, model
        self.stream_sid: str | None = None
        self.latest_media_timestamp = 0
        self.last_assistant_item: str | None = None
        self.mark_queue: list[str] = []
        self.response_start_timestamp: int | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.receive_from_twilio())
            tasks.create_task(self.send_to_twilio())

    async def receive_from_twilio(self) -> None:
        try:
            async for message in self.websocket.iter_text():
                data = json.loads(message)
                if data["event"] == "media":
                    self.latest_media_timestamp = int(data["media"]["timestamp"])
                    state["timestamps"] += isinstance(data["media"]["timestamp"], str)
                    audio = {"type": "input_audio_buffer.append", "audio": data["media"]["payload"]}
                    await self.model.send(json.dumps(audio))
                elif data["event"] == "start":
                    self.stream_sid = data["start"]["streamSid"]
                    state["parameters"] = data["start"]["customParameters"]
                elif data["event"] == "mark":
                    state["marks"] += 1
                    if self.mark_queue:
                        self.mark_queue.pop(0)
        except WebSocketDisconnect:
            pass
        await self.model.close()

    async def send_to_twilio(self) -> None:
        async for text in self.model:
            response = json.loads(text)
            if response["type"] == "response.output_audio.delta":
                payload = base64.b64encode(base64.b64decode(response["delta"])).decode()
                await self.websocket.send_json(
                    {"event": "media", "streamSid": self.stream_sid, "media": {"payload": payload}}
                )
                if response["item_id"] != self.last_assistant_item:
                    self.response_start_timestamp = self.latest_media_timestamp
                    self.last_assistant_item = response["item_id"]
                await self.send_mark()
            if response["type"] == "input_audio_buffer.speech_started" and self.last_assistant_item:
                await self.handle_speech_started_event()

    async def handle_speech_started_event(self) -> None:
        if self.mark_queue and self.response_start_timestamp is not None:
            elapsed = self.latest_media_timestamp - self.response_start_timestamp
            truncate = {
                "type": "conversation.item.truncate",
                "item_id": self.last_assistant_item,
                "content_index": 0,
                "audio_end_ms": elapsed,
            }
            await self.model.send(json.dumps(truncate))
            await self.websocket.send_json({"event": "clear", "streamSid": self.stream_sid})
            state["cleared"] += 1
            self.mark_queue.clear()
            self.last_assistant_item = None
            self.response_start_timestamp = None

    async def send_mark(self) -> None:
        if self.stream_sid:
            mark = {"event": "mark", "streamSid": self.stream_sid, "mark": {"name": "responsePart"}}
            await self.websocket.send_json(mark)
            self.mark_queue.append("responsePart")


@app.get("/state")
async def tell() -> dict[str, Any]:
    return state


@app.post("/end")
async def end() -> None:
    for websocket in list(streams):
        await websocket.close()


async def main() -> None:
    global model_port
    async with websockets.serve(be_the_model, "127.0.0.1", 0) as model:
        model_port = next(iter(model.sockets)).getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning"))
        await server.serve()


if __name__ == "__main__":
    asyncio.run(main())
