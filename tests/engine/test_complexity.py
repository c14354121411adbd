"""How much work encoders may take: what the control decides, told of processors of every kind."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import TICK_NS
from conference.engine.complexity import COST_NS, MOST_PATIENCE, ComplexityControl, cost_ns, steps_of
from conference.engine.lateness import LATE_NS
from conference.engine.settings import EngineSettings, read_complexity
from conference.settings import Settings, SettingsError

AUTO = EngineSettings()
ROUNDS = 50
"""In a second."""


class Processor:
    """Runs rounds of ticks: what does not fit into 20 ms holds the next ones up.

    Args:
        settings: of the control.
        mixes: encoded in a round.
        rest_ns: what else there is to do in a round.
        speed: of the machine, compared with the one that the costs were measured on.
    """

    def __init__(
        self, settings: EngineSettings = AUTO, *, mixes: int = 4, rest_ns: int = 0, speed: float = 1.0
    ) -> None:
        self.mixes, self.rest_ns, self.speed = mixes, rest_ns, speed
        self.stolen_ns = 0
        """Taken by others in each round: it makes late, and is no CPU time of ours."""

        self.control = ComplexityControl(settings, lambda: self._packets)
        self.worst_ns = 0
        self._packets = self._round = self._cpu_ns = self._behind_ns = 0

    def run(self, rounds: int) -> list[int]:
        """Let so many pass. Returns the complexity after each."""
        return [self._one() for _ in range(rounds)]

    def _one(self) -> int:
        late_ns = self._behind_ns
        self.worst_ns = max(self.worst_ns, late_ns)
        work_ns = self.rest_ns + round(self.mixes * cost_ns(self.control.complexity) / self.speed)
        self._packets += self.mixes
        self._cpu_ns += work_ns
        self._round += 1
        began_ns = self._round * TICK_NS + late_ns
        self._behind_ns = max(0, late_ns + work_ns + self.stolen_ns - TICK_NS)
        return self.control.note(began_ns + work_ns + self.stolen_ns, self._cpu_ns, late_ns)


def test_an_idle_processor_gives_the_best_there_is() -> None:
    assert set(Processor(mixes=3).run(60 * ROUNDS)) == {10}


def test_a_processor_that_gets_full_takes_less_step_by_step() -> None:
    processor = Processor(mixes=55, rest_ns=0)  # 85 % at 10, 77 % at 7
    seen = processor.run(5 * ROUNDS)
    assert seen[0] == 10
    assert seen[-1] == 7
    assert processor.control.lowered == 1
    processor.rest_ns = 4_000_000  # and 50 % at 5
    assert processor.run(5 * ROUNDS)[-1] == 5
    assert processor.control.lowered == 2


def test_ticks_that_are_late_for_want_of_time_end_the_work_at_once() -> None:
    processor = Processor(mixes=20)
    processor.run(2 * ROUNDS)
    processor.mixes = 85  # 132 %
    seen = processor.run(10)
    assert seen[-1] == 5
    assert processor.control.lowered == 1
    assert processor.worst_ns < 20_000_000


def test_a_single_late_tick_changes_nothing() -> None:
    processor = Processor(mixes=20)
    for _ in range(20):
        processor.run(ROUNDS)
        processor.rest_ns = 30_000_000
        processor.run(1)
        processor.rest_ns = 0
    assert processor.control.lowered == 0


def test_ticks_that_others_make_late_again_and_again_do_count() -> None:
    processor = Processor(mixes=20)  # a third of the processor
    processor.stolen_ns = 14_000_000
    processor.run(20 * ROUNDS)
    assert processor.control.complexity == 5


def test_where_nothing_is_encoded_there_is_nothing_to_be_saved() -> None:
    processor = Processor(mixes=0, rest_ns=25_000_000)
    processor.run(20 * ROUNDS)
    assert processor.control.complexity == 10


def test_it_goes_up_again_one_step_at_a_time_when_there_has_been_time_for_a_while() -> None:
    processor = Processor(mixes=55, rest_ns=4_000_000)
    processor.run(10 * ROUNDS)
    assert processor.control.complexity == 5
    processor.mixes = 4
    processor.rest_ns = 0
    seen = processor.run(14 * ROUNDS)
    assert list(dict.fromkeys(seen)) == [5, 7, 10]
    assert 4 * ROUNDS <= seen.index(7) <= 7 * ROUNDS
    assert seen.index(10) - seen.index(7) >= 4 * ROUNDS
    assert processor.control.raised == 2


@settings(max_examples=50)
@given(mixes=st.integers(1, 150), rest_ns=st.integers(0, 6_000_000))
def test_it_does_not_waver_where_the_costs_are_what_they_were_taken_for(mixes: int, rest_ns: int) -> None:
    """However full the processor is: once settled, it stays."""
    processor = Processor(mixes=mixes, rest_ns=rest_ns)
    processor.run(20 * ROUNDS)
    assert len(set(processor.run(60 * ROUNDS))) == 1


@settings(max_examples=20)
@given(speed=st.floats(0.2, 5.0), mixes=st.integers(1, 150), rest_ns=st.integers(0, 6_000_000))
def test_on_a_machine_of_another_speed_it_tries_ever_less_often(speed: float, mixes: int, rest_ns: int) -> None:
    processor = Processor(mixes=mixes, rest_ns=rest_ns, speed=speed)
    processor.run(120 * ROUNDS)
    before = processor.control.raised
    processor.run(300 * ROUNDS)
    tries = 300 / (AUTO.opus_raise_after * MOST_PATIENCE / 2)
    assert processor.control.raised - before <= tries


@settings(max_examples=40)
@given(speed=st.floats(0.5, 3.0), share=st.floats(0.1, 0.75))
def test_no_tick_is_20_ms_late_as_room_after_room_begins_to_talk(speed: float, share: float) -> None:
    """Until the processor is as full as ``share``, if packets are encoded with the least work."""
    processor = Processor(mixes=0, speed=speed)
    most = round(share * TICK_NS * speed / COST_NS[5])
    for mixes in range(0, most, 4):
        processor.mixes = mixes
        processor.run(10)
    processor.run(120 * ROUNDS)
    assert processor.worst_ns < 20_000_000


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60_000_000)), max_size=40), st.integers(0, 10))
def test_a_complexity_that_is_set_stays(load: list[tuple[int, int]], complexity: int) -> None:
    processor = Processor(replace(AUTO, opus_complexity=complexity))
    for mixes, rest_ns in load:
        processor.mixes, processor.rest_ns = mixes, rest_ns
        assert set(processor.run(20)) == {complexity}


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60_000_000), st.integers(0, 9)), max_size=40),
    st.integers(0, 10),
    st.integers(0, 10),
)
def test_it_stays_between_the_least_and_the_most(load: list[tuple[int, int, int]], one: int, other: int) -> None:
    least, most = sorted((one, other))
    processor = Processor(replace(AUTO, opus_min_complexity=least, opus_max_complexity=most))
    for mixes, rest_ns, stolen_ms in load:
        processor.mixes, processor.rest_ns, processor.stolen_ns = mixes, rest_ns, stolen_ms * 1_000_000
        assert all(least <= complexity <= most for complexity in processor.run(60))


def test_what_a_server_was_doing_before_it_had_a_first_round_does_not_count() -> None:
    control = ComplexityControl(AUTO, lambda: 10_000)
    assert control.note(10**15, 10**14, 10 * LATE_NS) == 10
    assert control.note(10**15 + TICK_NS, 10**14, 0) == 10


@dataclass
class Rooms:
    """As many as there are."""

    packets: int = 0


def test_rooms_that_end_take_their_packets_along() -> None:
    rooms = Rooms(10_000)
    control = ComplexityControl(AUTO, lambda: rooms.packets)
    for n in range(200):
        rooms.packets = 10_000 if n < 60 else 5
        assert control.note(n * TICK_NS, n * TICK_NS, 0) == 10, "full, but nothing that is known of is encoded"


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        (AUTO, (5, 7, 10)),
        (EngineSettings(opus_min_complexity=0), (0, 5, 7, 10)),
        (EngineSettings(opus_max_complexity=9), (5, 7, 9)),
        (EngineSettings(opus_min_complexity=8, opus_max_complexity=8), (8,)),
        (EngineSettings(opus_complexity=3), (3,)),
    ],
)
def test_steps_are_those_between_the_limits(settings: EngineSettings, steps: tuple[int, ...]) -> None:
    assert steps_of(settings) == steps


def test_a_complexity_is_a_number_or_auto() -> None:
    assert [read_complexity(text) for text in ("auto", "0", "10")] == ["auto", 0, 10]
    for text in ("11", "-1", "", "high", "5.5", "999999999999"):
        with pytest.raises(ValueError, match="give a number from 0 to 10, or auto"):
            read_complexity(text)


@pytest.mark.parametrize(("least", "most", "spare", "full"), [(8, 7, 65.0, 80.0), (5, 10, 90.0, 80.0)])
def test_settings_that_contradict_each_other_are_refused(least: int, most: int, spare: float, full: float) -> None:
    with pytest.raises(SettingsError, match="must not be above"):
        Settings(opus_min_complexity=least, opus_max_complexity=most, opus_spare_load=spare, opus_full_load=full)
