"""A bot made of a whole pipecat pipeline: hears, says a tone, is interrupted and ends, as it is told by HTTP.

Run in an environment that has pipecat: ``python pipecat_peer.py PORT HANG_UP_URL``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, WebSocket
from pipecat.frames import frames
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport

RATE = 8000

app = FastAPI()
state: dict[str, Any] = {"heard": 0.0, "body": None, "ended": False}
running: list[Any] = []


class Ear(FrameProcessor):  # type: ignore[misc]
    """Notes for how many seconds something was heard."""

    async def process_frame(self, frame: Any, direction: Any) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, frames.InputAudioRawFrame):
            samples = np.frombuffer(frame.audio, np.int16).astype(float)
            if len(samples) and np.sqrt(np.mean(samples**2)) > 500:
                state["heard"] += len(samples) / frame.sample_rate
        await self.push_frame(frame, direction)


@app.websocket("/ws")
async def take_call(websocket: WebSocket) -> None:
    await websocket.accept()
    messages = websocket.iter_text()
    await anext(messages)
    start = json.loads(await anext(messages))["start"]
    state["body"] = start["customParameters"]
    serializer = TwilioFrameSerializer(
        stream_sid=start["streamSid"],
        call_sid=start["callSid"],
        account_sid=start["accountSid"],
        auth_token="any",
        base_url=sys.argv[2],
    )
    params = FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True, serializer=serializer)
    transport = FastAPIWebsocketTransport(websocket, params)
    rates = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
    task = PipelineTask(Pipeline([transport.input(), Ear(), transport.output()]), params=rates)
    running.append(task)
    try:
        await PipelineRunner(handle_sigint=False).run(task)
    finally:
        state["ended"] = True


@app.get("/state")
async def show_state() -> dict[str, Any]:
    return state


@app.post("/say")
async def say(seconds: float) -> None:
    sound = (8000 * np.sin(2 * np.pi * 440 * np.arange(round(RATE * seconds)) / RATE)).astype(np.int16)
    for chunk in np.array_split(sound, max(1, round(seconds * 5))):
        frame = frames.OutputAudioRawFrame(audio=chunk.tobytes(), sample_rate=RATE, num_channels=1)
        await running[-1].queue_frame(frame)


@app.post("/interrupt")
async def interrupt() -> None:
    await running[-1].queue_frame(frames.InterruptionFrame())


@app.post("/end")
async def end() -> None:
    await running[-1].queue_frame(frames.EndFrame())


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
