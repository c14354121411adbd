"""The groups that ``--help`` and the documents put settings into, in that order."""

from __future__ import annotations

WHERE = "Where people reach it"
MEDIA = "How sound gets through"
ACCESS = "Who may do what (docs/access.md)"
ROOMS = "How rooms are run, until a host wants it otherwise (docs/moderation.md)"
TLS = "HTTPS (browsers give the microphone to a page only over HTTPS, or on localhost)"
LIMITS = "Limits"
TWILIO = "Phone calls (Twilio Media Streams)"
AUDIOSOCKET = "Phone calls from Asterisk, on AudioSocket (docs/providers.md)"
DIALING = "Calls out: what rooms may call (docs/calls.md)"
VOICES = "Audio sockets: each voice apart (docs/voices.md)"
WEBHOOKS = "Webhooks: other servers are told what happens (docs/webhooks.md)"
PHONES = "What callers are told, and sounds (docs/phones.md)"
RECORDINGS = "Recordings (docs/recordings.md)"
CAPTIONS = "Captions (docs/captions.md)"
CLUSTER = "Several processes as one conference (docs/cluster.md)"
CAPTURE = "Captures, to find out why something sounded wrong"
PROGRAM = "The program"
RECEIVED = "What is read of the server"

GROUPS = (
    WHERE, MEDIA, ACCESS, ROOMS, TLS, LIMITS, TWILIO, AUDIOSOCKET, DIALING, VOICES, WEBHOOKS, PHONES, RECORDINGS,
    CAPTIONS, CLUSTER, CAPTURE, PROGRAM, RECEIVED,
)  # fmt: skip
