"""What becomes of one participant's voice between their source and the mix.

    frame -> noise suppression (if wanted) -> gate -> levelling -> comfort noise -> fades -> mix

A stage changes samples only where it has to. So a source's own samples reach the mix, bit for bit, as long as the
source is loud enough, about as loud as others, and begins and ends without a step.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from conference.audio import fade
from conference.audio.comfort_noise import ComfortNoise
from conference.audio.frame import SILENCE, SILENT_LEVEL, Samples
from conference.audio.levelling import Leveller
from conference.audio.noise_gate import GateSettings, NoiseGate, mean_square
from conference.audio.suppression import Suppressor
from conference.room.look_back import LookBack


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """How participants' voices are treated."""

    gate: GateSettings = field(default_factory=GateSettings)
    levelling: bool = True
    """Whether voices that are too loud or too quiet are brought to a common loudness."""

    noise_suppression: bool = False
    """Whether background noise is taken out. Needs the extra ``noise``; costs 7 ms of delay."""

    fades: bool = True
    """Whether sound that starts or stops abruptly is faded."""

    original_sound: bool = False
    """Whether all of it is left as it is, but for fades: for music. What is above the gate's fixed threshold is
    heard."""

    comfort_noise: bool = True
    """Whether the background of somebody who pauses fades, and goes on quietly for a while, instead of breaking off."""

    @property
    def levels(self) -> bool:
        """Levelling is on, and for this voice."""
        return self.levelling and not self.original_sound

    @property
    def suppresses_noise(self) -> bool:
        """Noise suppression is on, and for this voice."""
        return self.noise_suppression and not self.original_sound


DEFAULT_VOICE = VoiceSettings()

UNTOUCHED = VoiceSettings(gate=GateSettings(adaptive=False), levelling=False, fades=False, comfort_noise=False)
"""What is above the fixed threshold is mixed as it comes: for programs that mix sound of their own."""


class Voice:
    """One participant's voice. Asked once a tick.

    Args:
        settings: how it is treated; can be changed at any time with :meth:`change`.

    Raises:
        SuppressionUnavailable: noise suppression is wanted, and its library is not there.
    """

    __slots__ = (
        "_background",
        "_gate",
        "_heard",
        "_heard_before",
        "_leveller",
        "_look_back",
        "_suppressor",
        "as_it_is",
        "asked_to_level",
        "covered",
        "settings",
    )

    settings: VoiceSettings

    as_it_is: bool
    """There is nobody whom it could be as loud as: it is not levelled."""

    asked_to_level: bool
    """Somebody has switched levelling on for this voice, so that it is levelled in any case."""

    covered: bool
    """Somebody else talks, so that nobody hears what goes on of this one's background."""

    def __init__(self, settings: VoiceSettings = DEFAULT_VOICE) -> None:
        self._heard: Samples | None = None  # the last frame that went into the mix, if it made a sound
        self._heard_before: Samples | None = None  # the one before
        self._suppressor = Suppressor() if settings.suppresses_noise else None
        self._leveller = Leveller() if settings.levels else None
        self._gate = _make_gate(settings)
        self._look_back = LookBack()
        self._background = ComfortNoise() if settings.comfort_noise else None
        self.settings = settings
        self.as_it_is = self.asked_to_level = self.covered = False

    def change(
        self,
        *,
        levelling: bool | None = None,
        noise_suppression: bool | None = None,
        original_sound: bool | None = None,
    ) -> bool:
        """Switch a stage on or off; ``None`` leaves it. Returns whether that changed anything.

        Raises:
            SuppressionUnavailable: as for the class; nothing has changed then.
        """
        before = self.settings
        wanted = replace(
            before,
            levelling=before.levelling if levelling is None else levelling,
            noise_suppression=before.noise_suppression if noise_suppression is None else noise_suppression,
            original_sound=before.original_sound if original_sound is None else original_sound,
        )
        if wanted.suppresses_noise != before.suppresses_noise:
            self._suppressor = Suppressor() if wanted.suppresses_noise else None
        if wanted.levels != before.levels:
            self._leveller = Leveller() if wanted.levels else None
        self._gate.adaptive = wanted.gate.adaptive and not wanted.original_sound
        self.settings = wanted
        if levelling is not None:
            self.asked_to_level = levelling
        return wanted != before

    @property
    def talking(self) -> bool:
        """They are to be heard: the gate is open."""
        return self._gate.open

    @property
    def level(self) -> float:
        """How loud the last frame came in, in dBov."""
        return self._gate.level

    @property
    def loud(self) -> bool:
        """The last frame itself was loud: they are not merely still talking."""
        return self._gate.loud

    @property
    def opening_level(self) -> float:
        """A frame that is said to be no louder than this, in dBov, is not taken for talk."""
        return self._gate.opening_level

    @property
    def at_rest(self) -> bool:
        """Ticks without a frame leave everything as it is, but for :meth:`slept`."""
        return self._heard is None and not self._gate.open and self._gate.level == SILENT_LEVEL

    def slept(self, ticks: int) -> None:
        """Let ticks without a frame have passed while :attr:`at_rest`."""
        self._gate.slept(ticks)

    def learn_noise(self, level: float, rise: float) -> None:
        """Their noise was as quiet as that, in dBov, while nobody heard it, and has risen by so many dB since."""
        self._gate.learn(level, rise)

    def pass_over(self, level: float) -> None:
        """Let a tick pass whose frame nobody hears.

        Args:
            level: how loud it is said to be, in dBov.
        """
        self._fall_silent()
        self._gate.believe(level)
        if self._leveller is not None:
            self._leveller.rest()

    def pass_on(self, level: float, ticks: int = 1) -> None:
        """Let ticks pass on which others get this voice as it came.

        Args:
            level: how loud the loudest frame is, in dBov.
            ticks: how many; more than one only of a voice that is not levelled.
        """
        self._fall_silent()
        self._gate.believe(level, ticks)
        if self._leveller is not None and not self.as_it_is:
            self._leveller.learn(level, loud=self._gate.loud)

    @property
    def may_be_levelled(self) -> bool:
        """Whether it gets a gain once it is known that it lacks one."""
        return self._leveller is not None and not self.as_it_is

    @property
    def is_untouched(self) -> bool:
        """Nothing is done to it, nor is to be: in a mix it is heard as it came."""
        return self._suppressor is None and (
            self._leveller is None or not (self.asked_to_level or self._leveller.active)
        )

    @property
    def gain_db(self) -> float:
        """What levelling does to it by now."""
        return 0.0 if self._leveller is None else self._leveller.gain_db

    @property
    def heard(self) -> Samples | None:
        """The last frame that went into the mix, if it made a sound: shape ``(960,)``, int16."""
        return self._heard

    @property
    def heard_before(self) -> Samples | None:
        """The same of the frame before, since :meth:`process` was called."""
        return self._heard_before

    def go_on(self, heard: Samples) -> None:
        """Go on after a time in which others got this voice as it came.

        Args:
            heard: the end of that: shape ``(n,)``, int16.
        """
        if self._leveller is not None:
            self._leveller.go_on()
        self._fall_silent()
        self._heard = heard if self._gate.open and heard.any() else None

    def rest(self) -> None:
        """Nobody looks at what comes next of one who is not talking. What is known of their noise stays known."""
        self._look_back.forget()
        self._gate.close()

    def process(self, frame: Samples | None, *, muted: bool = False) -> Samples | None:
        """Let a tick pass.

        Args:
            frame: what came from the source: shape ``(960,)``, int16; ``None`` if nothing.
            muted: whether nobody is to hear it.

        Returns:
            What goes into the mix; ``None`` if they have no part in it.
        """
        self._heard_before = self._heard
        if muted:
            return self.stop(frame)
        if self._suppressor is not None:
            frame = self._without_noise(frame, self._suppressor)
        was_open = self._gate.open
        is_open = self._gate.silent() if frame is None else self._gate.process(frame)
        if frame is None or not is_open:
            return self._pause(frame)
        if not was_open:
            self._look_back.begin([self._levelled(*one[:3]) for one in self._look_back.take()])
        frame = self._look_back.play(self._levelled(frame), background=not self._gate.loud)
        if self._background is not None:
            frame = self._background.talk(frame, background=not self._gate.loud and not self._look_back.delay)
        if self._heard is None and self.settings.fades and fade.starts_abruptly(frame):
            frame = fade.fade_in(frame)
        self._heard = frame
        return frame

    def _pause(self, frame: Samples | None) -> Samples | None:
        """There is no frame, or nothing in it but the background. Returns what goes into the mix."""
        is_open = self._gate.open
        if self._heard is not None and self._background is not None and (frame is None or self._gate.audible):
            going_on = None if frame is None else self._look_back.end(self._levelled(frame))
            going_on = self._background.pause(going_on, talking=is_open, covered=self.covered)
            if going_on is not None:
                self._heard = going_on
                return going_on
        ending = None
        if self._heard is None and frame is not None:
            gate, look_back = self._gate, self._look_back
            if gate.faint or look_back.keeps:
                look_back.keep(frame, gate.level, gate.clearance, faint=gate.faint)
        else:
            ending = self._end(frame)
        return SILENCE if is_open and ending is None else ending

    def stop(self, frame: Samples | None = None) -> Samples | None:
        """They are silenced, or leave.

        Args:
            frame: what would have come next, if there is anything.

        Returns:
            What still goes into the mix, so that it ends without a click.
        """
        ending = self._end(frame)
        self._gate.close()
        return ending

    def _end(self, frame: Samples | None) -> Samples | None:
        """From here on nothing is heard; ``frame`` is what would have come next."""
        last = self._heard
        self._fall_silent()
        if last is None:
            return None
        ending = None
        if self.settings.fades and fade.ends_abruptly(last):
            ending = fade.tail(last) if frame is None else fade.fade_out(self._levelled(frame))
        if self._leveller is not None:
            self._leveller.rest()
        return ending

    def _fall_silent(self) -> None:
        """What comes next does not follow anything that was heard."""
        self._heard = None
        self._look_back.forget()
        if self._background is not None:
            self._background.end()

    def _without_noise(self, frame: Samples | None, suppressor: Suppressor) -> Samples | None:
        if self._gate.open:
            return suppressor.process(SILENCE if frame is None else frame)  # what it still holds comes out
        if frame is None or mean_square(frame) <= self.settings.gate.threshold:
            return frame  # silent as it is: not worth what suppression costs
        return suppressor.process(frame)

    def _levelled(self, frame: Samples, level: float | None = None, clearance: float = 0.0) -> Samples:
        """Level a frame: this tick's, or one that stood so far above the noise, in dB, and is heard late."""
        if self._leveller is None:
            return frame
        if self.as_it_is:
            return self._leveller.release(frame)
        gate = self._gate
        if level is not None:
            return self._leveller.process(frame, level, clearance, loud=False)
        return self._leveller.process(frame, gate.level, gate.clearance, loud=gate.loud and not gate.holds_tones)


def _make_gate(settings: VoiceSettings) -> NoiseGate:
    gate = settings.gate
    return NoiseGate(gate.threshold, gate.hangover_ticks, adaptive=gate.adaptive and not settings.original_sound)
