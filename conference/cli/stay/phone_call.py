"""A call from the command line, with what it shows while it runs: placed again when it is lost, until it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from conference.audio.frame import SAMPLE_RATE
from conference.audio.resample import Resampler
from conference.cli.media import Recorder
from conference.cli.terminal.progress import Meter, Progress, Snapshot, clock
from conference.cli.terminal.signals import end_on_sigterm
from conference.client.backoff import Backoff
from conference.client.call_endings import ending_of
from conference.client.endings import DONE, LOST, REFUSED, STOPPED, Ending
from conference.telephony.caller import Caller, HungUp
from conference.telephony.connecting import CallError
from conference.telephony.dialect import CallIdentity, Dialect
from conference.telephony.phone import Phone
from conference.telephony.settings import CallerSettings
from conference.telephony.twilio.dialect import TWILIO
from conference.webrtc.client.whip import authorization

TICK_S = 0.02
TAIL_S = 1.0
"""How long the call goes on after the file, so that its end is heard and answered."""

DIGIT_EVERY_S = 0.25
FIRST_DIGIT_S = 1.0
PAUSE_S = 0.5
"""What a ``w`` among the digits waits, as in Twilio's ``sendDigits``."""


@dataclass
class PhoneCall:
    """One call from the command line, with what it shows while it runs.

    A call that is lost is placed again. Until it is connected, time goes on, and the recording holds silence.
    """

    url: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    speech: list[bytes] = field(default_factory=list)
    duration: float | None = None
    keys: str = ""
    insecure: bool = False
    access_token: str | None = field(default=None, repr=False)
    backoff: Backoff | None = None
    """When to try to come back; ``None`` for never."""

    settings: CallerSettings = field(default_factory=CallerSettings)
    dialect: Dialect = TWILIO
    identity: CallIdentity | None = None
    """By what the server knows the call; ``None`` for one that nobody knows yet."""

    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.phones = [self._new_phone()]
        """One for each time that the call was placed."""
        self.progress = Progress()
        self._ticks = 0
        self._away: tuple[float, int] | None = None  # since when there is no connection, and what tick that was
        self._level_in, self._level_out = Meter(), Meter()
        self._schedule = key_times(self.keys)
        if self.duration is None and self.speech:
            last_key = max((tick for tick, _ in self._schedule), default=0) * TICK_S
            self.duration = max(len(self.speech) * TICK_S, last_key) + TAIL_S

    @property
    def phone(self) -> Phone:
        """The one that the call goes over, or did last."""
        return self.phones[-1]

    async def place(self, recorder: Recorder | None) -> Ending:
        """The whole call.

        Raises:
            CallError: it could not be placed.
            MediaError: what is heard cannot be recorded.
        """
        hear, ending = self._hear(recorder), STOPPED
        end_on_sigterm()
        try:
            ending = await self._once(hear)
            while ending.comes_back and self.backoff is not None:
                self.progress.note(f"{ending.sentence.capitalize()}. Reconnecting…")
                ending = await self._again(ending, hear, self.backoff)
        except asyncio.CancelledError:  # Ctrl-C, or SIGTERM: the call has been hung up on the way here
            ending = STOPPED
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
        self.progress.finish(self._summary(ending))
        return ending

    async def _once(self, hear: Callable[[bytes], None]) -> Ending:
        """Place the call and hold it to its end.

        Raises:
            CallError: it is not taken.
        """
        caller = Caller(
            self.url,
            self.phone,
            speak=lambda: self._speak(caller, hear),
            hear=hear,
            headers=authorization(self.access_token),
            ssl=not self.insecure,
            settings=self.settings,
        )
        end = await caller.run()
        if not end.by_server:
            return DONE
        return ending_of(end, been_in=any(phone.media_received for phone in self.phones))

    async def _again(self, ending: Ending, hear: Callable[[bytes], None], backoff: Backoff) -> Ending:
        """Place the call once more, until it is taken, and hold it.

        Returns:
            How that ended; ``ending`` if the time is up, and a refusal if it is not taken any more.
        """
        backoff.lost()
        self._away, asked = (self.clock(), self._ticks), 0.0
        while (wait := backoff.next(asked)) is not None:
            await asyncio.sleep(wait)
            if self._over_by_now():
                self._catch_up(hear)
                return ending.for_good()
            self.phones.append(self._new_phone())
            try:
                return await self._once(hear)
            except CallError as error:
                self.phones.pop()
                if not error.passing:
                    return REFUSED.because(str(error))
                asked = error.retry_after
        return LOST.because(f"{ending.sentence}, and there was no way back within {backoff.patience:g} s").for_good()

    def _new_phone(self) -> Phone:
        return Phone(self.identity, self.parameters, dialect=self.dialect)

    def _gap(self) -> int:
        """For how many ticks there has been no connection."""
        if self._away is None:
            return 0
        since, tick = self._away
        return max(0, tick + round((self.clock() - since) / TICK_S) - self._ticks)

    def _over_by_now(self) -> bool:
        return self.duration is not None and (self._ticks + self._gap()) * TICK_S >= self.duration

    def _catch_up(self, hear: Callable[[bytes], None]) -> None:
        """Let the time pass that the call was away: what would have been heard is silence."""
        gap, self._away = self._gap(), None
        if self.duration is not None:
            gap = min(gap, round(self.duration / TICK_S) - self._ticks)
        for _ in range(gap):
            hear(self.phone.codec.silent_frame)
        self._ticks += gap

    def _speak(self, caller: Caller, hear: Callable[[bytes], None]) -> bytes | None:
        if self._away is not None:
            self._catch_up(hear)
            self.progress.note("Connected again.")
            if self.backoff is not None:
                self.backoff.back()
        elapsed = self._ticks * TICK_S
        if self.duration is not None and elapsed >= self.duration:
            raise HungUp
        while self._schedule and self._schedule[0][0] <= self._ticks:
            caller.press(self._schedule.pop(0)[1])
        frame = self.speech[self._ticks] if self._ticks < len(self.speech) else None
        self._ticks += 1
        if frame is not None:
            self._level_out.add(self.phone.codec.decode_samples(frame))
        self._show(elapsed)
        return frame

    def _hear(self, recorder: Recorder | None) -> Callable[[bytes], None]:
        codec = self.phone.codec
        resampler = Resampler(codec.rate, SAMPLE_RATE)

        def hear(payload: bytes) -> None:
            samples = codec.decode_samples(payload)
            self._level_in.add(samples)
            if recorder is not None:
                recorder.write(resampler.process(samples))

        return hear

    def _show(self, elapsed: float) -> None:
        if not self.progress.due(elapsed):
            return
        snapshot = Snapshot(
            elapsed_s=elapsed,
            remaining_s=None if self.duration is None else max(0.0, self.duration - elapsed),
            level_in=self._level_in.read(),
            level_out=self._level_out.read(),
            packets_in=self.phone.media_received,
            packets_out=self.phone.media_sent,
            buffered_ms=self.phone.playout.buffered_ms,
        )
        self.progress.update(snapshot)

    def _summary(self, ending: Ending) -> list[tuple[str, str]]:
        phones = self.phones
        heard_s = sum(one.bytes_received for one in phones) / self.phone.codec.frame_bytes * TICK_S
        rows = [
            ("Call", self.phone.identity.call_sid),
            ("Duration", clock(self._ticks * TICK_S)),
            ("Ended", str(ending)),
            ("Said", f"{sum(one.media_sent for one in phones)} messages"),
            ("Heard", f"{sum(one.media_received for one in phones)} messages, {heard_s:.1f} s of sound"),
            ("Marks echoed", str(sum(one.marks_echoed for one in phones))),
        ]
        cleared = sum(one.clears_received for one in phones)
        if cleared:
            rows.append(("Cleared", str(cleared)))
        if len(phones) > 1:
            rows.append(("Reconnected", "once" if len(phones) == 2 else f"{len(phones) - 1} times"))
        return rows + [("Warning", one) for one in dict.fromkeys(one for phone in phones for one in phone.warnings)]


def key_times(keys: str) -> list[tuple[int, str]]:
    """When each key is pressed, in ticks from the start of the call."""
    times, at = [], FIRST_DIGIT_S
    for key in keys:
        if key == "w":
            at += PAUSE_S
            continue
        times.append((round(at / TICK_S), key))
        at += DIGIT_EVERY_S
    return times
