"""8, 16 or 24 kHz to 48 kHz and back: a streaming polyphase FIR.

A linear-phase low-pass of 192 taps at 48 kHz. Its taps are integers, so that every sum in float64 is exact, whatever
the order in which BLAS adds: the same samples come out for any chunks, on any machine.

The polyphase sums are a matrix product. A block of inputs, with as much history as the filter is long, times a matrix
whose columns are the filter shifted to each output of the block; the blocks of a chunk (and of all streams) are the
rows of one product.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from conference.audio.frame import SAMPLE_RATE, TICKS_PER_SECOND, Samples

TAPS = 192
"""Length of the filter, in samples at 48 kHz."""

RATES = (8_000, 16_000, 24_000, 48_000)
"""The rates that can be the lower one, in Hz."""

_KAISER_BETA = 7.0  # images and aliases 70 dB down and more, outside of a transition 1.1 kHz wide
_CUTOFF = 0.475  # of the lower rate: 3.8 kHz at 8 kHz
_ONE = 1 << 24  # a tap of 1.0; products stay below 2**39 and sums below 2**47
_BLOCK = 16  # samples of the lower rate per block: large enough for BLAS, small enough to waste little


class _Filter(NamedTuple):
    """The filter that all resamplers between the same two rates share."""

    matrix: NDArray[np.float64]  # (history + block_in, block_out)
    block_in: int
    block_out: int
    history: int


class Resampler:
    """Converts one stream, or several of one rate in step.

    Args:
        from_rate: rate of what goes in, in Hz.
        to_rate: rate of what comes out. One of the two is 48000, the other 8000, 16000, 24000 or 48000.
        streams: ``None`` for one stream, in arrays of shape ``(n,)``; else the number of rows in arrays of shape
            ``(streams, n)``.

    Raises:
        ValueError: the rates are not such a pair, or ``streams`` is below 1.
    """

    __slots__ = ("_filter", "_from_rate", "_past", "_shape", "_tick", "_tick_shape", "_to_rate")

    _past: Samples
    _tick: _Tick | None

    def __init__(self, from_rate: int, to_rate: int, streams: int | None = None) -> None:
        if from_rate not in RATES or to_rate not in RATES or SAMPLE_RATE not in (from_rate, to_rate):
            raise ValueError(
                f"cannot resample from {from_rate} Hz to {to_rate} Hz: one must be 48000, "
                "the other 8000, 16000, 24000 or 48000"
            )
        if streams is not None and streams < 1:
            raise ValueError("there must be at least one stream")
        self._from_rate, self._to_rate = from_rate, to_rate
        self._filter = None if from_rate == to_rate else _filter(from_rate, to_rate)
        self._tick = None  # made when it is needed
        self._tick_shape = None if streams is not None else (from_rate // TICKS_PER_SECOND,)
        self._shape = () if streams is None else (streams,)
        self.reset()

    @property
    def delay(self) -> float:
        """How much later sound comes out than it went in, in seconds: 1.9 to 2 ms; 0 between equal rates."""
        if self._filter is None:
            return 0.0
        # An output of the lower rate is made when the last input of its own period is in.
        return ((TAPS - 1) / 2 - (SAMPLE_RATE // self._to_rate - 1)) / SAMPLE_RATE

    def process(self, samples: Samples) -> Samples:
        """Convert a chunk.

        Args:
            samples: int16, shape ``(n,)`` or ``(streams, n)``; any ``n``, 0 too.

        Returns:
            int16, a new array (between equal rates: the same). Going up, ``to_rate / from_rate`` samples for each
            that went in; going down, whatever is complete: exactly a sixth (a third, half) whenever the sum of the
            chunks so far divides. Overshoot of full-scale input saturates.
        """
        fir = self._filter
        if fir is None:
            return samples
        if samples.shape == self._tick_shape and len(self._past) == fir.history:
            return self._convert_tick(fir, samples)
        past = np.concatenate((self._past, samples), axis=-1)  # history, what was left over, what is new
        fresh = past.shape[-1] - fir.history
        outputs = fresh * fir.block_out // fir.block_in
        used = outputs * fir.block_in // fir.block_out
        self._past = past[..., used:].copy()
        return self._convolve(past[..., : fir.history + used], outputs)

    def _convert_tick(self, fir: _Filter, samples: Samples) -> Samples:
        """The same of one tick, as nearly always, in an array that is there already."""
        tick = self._tick
        if tick is None:
            tick = self._tick = _make_tick(fir, len(samples))
        tick.padded[: fir.history] = self._past
        tick.padded[fir.history :] = samples
        self._past = samples[-fir.history :].copy()
        return _rounded(tick.windows.reshape(-1, fir.history + fir.block_in) @ fir.matrix).reshape(-1)

    def flush(self) -> Samples:
        """End the stream: returns what the delay still holds back, and resets."""
        if self._filter is None:
            return np.zeros((*self._shape, 0), dtype=np.int16)
        tail = -(-(TAPS // 2) * self._from_rate // SAMPLE_RATE)
        result = self.process(np.zeros((*self._shape, tail), dtype=np.int16))
        self.reset()
        return result

    def reset(self) -> None:
        """Forget all history: the next chunk begins another stream."""
        length = self._filter.history if self._filter else 0
        self._past = np.zeros((*self._shape, length), dtype=np.int16)

    def go_on_from(self, other: Self) -> None:
        """Become what another resampler between the same rates is now."""
        self._past = other._past.copy()

    def _convolve(self, past: Samples, outputs: int) -> Samples:
        fir = self._filter
        assert fir is not None  # noqa: S101 - for the type checker
        blocks = -(-outputs // fir.block_out)
        width = fir.history + fir.block_in
        padded = np.zeros((*self._shape, fir.history + blocks * fir.block_in), dtype=np.float64)
        padded[..., : past.shape[-1]] = past
        step = padded.itemsize
        windows: NDArray[np.float64] = np.ndarray(  # what as_strided does, without its 5 µs
            (*self._shape, blocks, width),
            np.float64,
            padded,
            strides=(*padded.strides[:-1], step * fir.block_in, step),
        )
        # One product for all streams: the copy to rows of their own is what lets BLAS have it.
        sums = windows.reshape(-1, width) @ fir.matrix
        return _rounded(sums).reshape(*self._shape, -1)[..., :outputs]


def _rounded(sums: NDArray[np.float64]) -> Samples:
    """To int16; what is too large for it saturates."""
    np.rint(sums, out=sums)
    flat = sums.reshape(-1)
    if flat.size and (flat[flat.argmax()] > 32767 or flat[flat.argmin()] < -32768):  # much faster than max() and min()
        np.clip(sums, -32768, 32767, out=sums)
    return sums.astype(np.int16)


class _Tick(NamedTuple):
    """Where one stream is converted a tick at a time."""

    padded: NDArray[np.float64]  # the history, and a tick
    windows: NDArray[np.float64]  # of that, a row for each block


def _make_tick(fir: _Filter, samples: int) -> _Tick:
    padded = np.zeros(fir.history + samples)
    windows: NDArray[np.float64] = sliding_window_view(padded, fir.history + fir.block_in)[:: fir.block_in]
    return _Tick(padded, windows)


@cache
def _filter(from_rate: int, to_rate: int) -> _Filter:
    taps = _taps(min(from_rate, to_rate))
    up, down = SAMPLE_RATE // from_rate, SAMPLE_RATE // to_rate
    block_in, block_out = _BLOCK * down, _BLOCK * up
    # At 48 kHz, with zeros between samples when going up: out[m] = sum of taps[k] * in[m - k].
    history = (TAPS - 1) // up  # so many inputs before the newest reach into an output
    matrix = np.zeros((history + block_in, block_out))
    for output in range(block_out):
        for k in range(TAPS):
            position = output * down + (down - 1) - k
            if position % up == 0:
                matrix[history + position // up, output] = taps[k] * up
    return _Filter(matrix / _ONE, block_in, block_out, history)


def _taps(lower_rate: int) -> NDArray[np.float64]:
    """The low-pass at 48 kHz, in integers.

    Every phase of it sums to the same, as near as integers get (2**-19), so that a constant stays a constant.
    """
    phases = SAMPLE_RATE // lower_rate
    cutoff = _CUTOFF * lower_rate / SAMPLE_RATE
    at = np.arange(TAPS) - (TAPS - 1) / 2
    taps = 2 * cutoff * np.sinc(2 * cutoff * at) * np.kaiser(TAPS, _KAISER_BETA)
    by_phase = taps.reshape(-1, phases)
    whole: NDArray[np.float64] = np.rint(by_phase / by_phase.sum(axis=0) * (_ONE / phases))
    return whole.reshape(-1)
