"""Memory: equal memories give equal bytes, and bytes give back the same memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drift_core.charts import Charts
from drift_core.memory import Memory
from drift_core.noise import Noise
from drift_core.span import Span

SIGNALS = 3
NUMBER = st.floats(0, 1e300, allow_subnormal=True)
WHOLE = st.integers(-1, 2**53)


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    shape = (SIGNALS, 2, 4)
    charts = Charts(
        draw(arrays(np.float64, shape, elements=NUMBER)), draw(arrays(np.int64, shape, elements=WHOLE))
    )
    noise = {
        span: Noise(
            spans=draw(arrays(np.int64, SIGNALS, elements=WHOLE)),
            rows=draw(arrays(np.float64, SIGNALS, elements=NUMBER)),
            powers=draw(arrays(np.float64, (4, SIGNALS), elements=st.floats(-1e300, 1e300))),
        )
        for span in Span
    }
    return Memory(charts, noise)


@given(memories())
def test_bytes_give_back_the_same_memory(memory: Memory) -> None:
    read = Memory.from_bytes(memory.to_bytes(), SIGNALS)
    assert np.array_equal(read.charts.evidence, memory.charts.evidence)
    assert np.array_equal(read.charts.since, memory.charts.since)
    for span in Span:
        for name in ("spans", "rows", "powers"):
            assert np.array_equal(getattr(read.noise[span], name), getattr(memory.noise[span], name))
    assert read.to_bytes() == memory.to_bytes()


def test_memories_that_differ_have_different_bytes() -> None:
    start = Memory.start(SIGNALS)
    charts = Charts(start.charts.evidence + 0.5, start.charts.since)
    learned = {**start.noise, Span.DAY: Noise.of(np.ones((1, SIGNALS)), np.array([5]))}
    others = [start, Memory(charts, start.noise), Memory(start.charts, learned)]
    assert len({memory.to_bytes() for memory in others}) == 3
    assert Memory.start(SIGNALS).to_bytes() == start.to_bytes()


@pytest.mark.parametrize("signals", [SIGNALS - 1, SIGNALS + 1])
def test_the_memory_of_another_baseline_is_refused(signals: int) -> None:
    with pytest.raises(ValueError, match=f"not one of {signals} signals; it belongs to another baseline"):
        Memory.from_bytes(Memory.start(SIGNALS).to_bytes(), signals)


def test_bytes_of_something_else_are_refused() -> None:
    with pytest.raises(ValueError, match="a monitor's memory begins with b'DLM1', this one with b'DLW1'"):
        Memory.from_bytes(b"DLW1" + b"x" * 80, SIGNALS)


def test_the_memory_of_fifty_features_is_small() -> None:
    """Even when every number in it is as good as random."""
    rng, signals = np.random.default_rng(1), 50 * 8
    charts = Charts(rng.random((signals, 2, 4)), rng.integers(0, 2**41, (signals, 2, 4)))
    noise = {span: Noise.of(rng.normal(size=(9, signals)), np.full(9, 500)) for span in Span}
    assert len(Memory(charts, noise).to_bytes()) < 96_000
    assert len(Memory.start(signals).to_bytes()) < 1_000
