"""A conference server: browsers, phone callers and headless peers in a room, each hearing all the others.

The journey of a voice, and where to read about each step::

    webrtc.receive | telephony.leg  packets arrive, stamped with the time
    playout.receive_gate            which packets are worth reading; webrtc.receive.table drops the others
    playout.jitter                  reorder, wait just long enough: Packet | Lost | Silence
    codecs                          to 48 kHz mono int16 (FEC, else concealment)
    playout.player                  bring the delay down, cut to frames of 20 ms
    room.voice                      is anybody speaking? levelling, fades
    room.mixing.loudest             whom to mix, if too many speak at once
    audio.mix                       total of all; each talker's own taken out again
    audio.limiter                   after the subtraction, before int16
    room.mixing.encoders            once per distinct (mix, codec)
    webrtc.send | telephony.outlet  packets leave

`room.room.Room.tick` drives all of it, 50 times a second, synchronously; `engine.clock` says when.
"""

__version__ = "0.1.0"
