"""One attack of `bench.attack`, in a process of its own: ``python -m bench.attackers NAME TARGET SECONDS``.

It says that it is ready, waits for a line, attacks, and says as JSON what it sent.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

from bench import attack_datagrams as datagrams
from bench import attack_streams as streams
from bench.attack_report import Sent
from bench.attack_target import Target


@dataclass(frozen=True, slots=True)
class Attack:
    """What can be done to a server.

    Attributes:
        run: does it.
        times: so many times as long as the others: until deadlines have passed.
    """

    run: Callable[[Target, float], Sent]
    times: float = 1.0

    @property
    def text(self) -> str:
        """What it is, in a line."""
        return (self.run.__doc__ or "").strip()


ATTACKS: dict[str, Attack] = {
    "stun-addresses": Attack(datagrams.stun_addresses),
    "stun-optional": Attack(datagrams.stun_optional),
    "stun-required": Attack(datagrams.stun_required),
    "stun-guesses": Attack(datagrams.stun_guesses),
    "stun-everywhere": Attack(datagrams.stun_everywhere),
    "stun-copies": Attack(datagrams.stun_copies),
    "dtls": Attack(datagrams.dtls_hellos),
    "rtp": Attack(datagrams.rtp_garbage),
    "rtcp": Attack(datagrams.rtcp_garbage),
    "empty": Attack(datagrams.empty_datagrams),
    "participant": Attack(datagrams.participant_forgeries),
    "connections": Attack(streams.idle_connections, 3),
    "headers": Attack(streams.trickled_headers, 3),
    "body": Attack(streams.trickled_body, 3),
    "pings": Attack(streams.pings),
    "fragments": Attack(streams.empty_fragments),
    "reflection": Attack(streams.foreign_candidates),
    "pins": Attack(streams.wrong_pins),
    "requests": Attack(streams.pipelined_requests),
    "rooms": Attack(streams.requests_for_rooms),
}
"""By name, in the order in which they are tried."""


def main(arguments: list[str]) -> int:
    """Attack, when told to."""
    name, target, seconds = arguments
    attack = ATTACKS[name]
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        sent = attack.run(Target(**json.loads(target)), float(seconds))
    except (OSError, ValueError) as error:
        sent = Sent(0, 0, float(seconds), note=f"the attack failed: {error}")
    print(json.dumps(asdict(sent)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
