"""Browsers offer audio among other sections, in any order and with any BUNDLE policy, and can use the answer."""

from __future__ import annotations

import json

import pytest

from tests.e2e.base_page import BasePage
from tests.e2e.running import RunningServer, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

JOIN = """
(async (sections, bundlePolicy) => {
  const pc = new RTCPeerConnection({ bundlePolicy });
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  const track = microphone.getAudioTracks()[0];
  for (const section of sections) {
    const [kind, direction] = section.split(" ");
    if (kind === "data") pc.createDataChannel("data");
    else pc.addTransceiver(kind === "audio" && direction !== "recvonly" ? track : kind, { direction });
  }
  await pc.setLocalDescription();
  const response = await fetch("/rooms/bundle/participants?name=Browser", {
    method: "POST", headers: { "Content-Type": "application/sdp" }, body: pc.localDescription.sdp,
  });
  const answer = await response.text();
  if (response.status !== 201) return `refused: ${answer}`;
  try {
    await pc.setRemoteDescription({ type: "answer", sdp: answer });
  } catch (error) {
    return `${error.message}\\n${answer}`;
  }
  const received = async () => {
    const stats = [...(await pc.getStats()).values()];
    const sum = (type, name) => stats.filter((one) => one.type === type).reduce((all, one) => all + one[name], 0);
    return [sum("inbound-rtp", "packetsReceived"), sum("outbound-rtp", "packetsSent")];
  };
  const deadline = performance.now() + 10_000;
  while (performance.now() < deadline && pc.connectionState !== "failed") {
    const [inbound, outbound] = await received();
    if (pc.connectionState === "connected" && inbound >= 2 && outbound >= 2) break;
    await new Promise((done) => setTimeout(done, 20));
  }
  const [inbound, outbound] = await received();
  const state = inbound >= 2 && outbound >= 2 ? pc.connectionState : `${pc.connectionState}, ${inbound}, ${outbound}`;
  window.calls = [...(window.calls ?? []), pc];
  return state;
})
"""

ORDERS = (
    ("video recvonly", "audio sendrecv"),
    ("data", "audio sendrecv"),
    ("video sendrecv", "data", "audio sendrecv"),
    ("audio sendrecv", "video recvonly"),
    ("audio inactive", "audio sendrecv"),
    ("audio recvonly", "audio sendonly"),
    ("audio sendonly", "video recvonly", "audio recvonly"),
)


@pytest.mark.parametrize("policy", ["max-bundle", "balanced", "max-compat"])
async def test_whatever_section_comes_first_the_sound_goes_both_ways(
    server: RunningServer, any_page: BasePage, policy: str
) -> None:
    await any_page.goto(f"{server.url}/healthz")
    for order in ORDERS:
        state = await any_page.evaluate(f"{JOIN}({json.dumps(order)}, {json.dumps(policy)})")
        assert state == "connected", (order, policy)
    there = server.live.conference.get("bundle")
    assert there is not None
    connections = [server.peer("bundle", one) for one in there.participants]
    assert len(connections) == len(ORDERS)
    for connection in connections:
        assert connection is not None
        await eventually(lambda: connection.tally()["packets_in"] > 0, "each is heard")  # noqa: B023
