"""The files between a benchmark and a peer's process, and the peers themselves where they are installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.detection.peers.job import (
    Answer,
    read_answer,
    read_reference,
    read_windows,
    write_answer,
    write_job,
)
from benchmarks.detection.peers.judgement import Judgement, surprise
from benchmarks.detection.peers.worker import PEERS

PROJECT = Path(__file__).resolve().parents[3]
OLDER = {"whylogs", "whylogs_hellinger", "alibi_detect"}
LOOK_SELDOM = {"adwin_means", "adwin_records"}

J, N, W = 4, 500, 32
SHIFTED, WORDS = 1, J
FIRST_DRIFTED = W // 2
SEES = {"page_hinkley": {SHIFTED}, "nannyml_quality": {WORDS}}
"""Which of the two changes a peer can see; the others see both."""


def small_job(folder: Path) -> None:
    """Windows like the reference, and from the half on feature 1 is 2 σ higher, a tenth of words new."""
    rng = np.random.default_rng(7)
    reference, windows = rng.normal(size=(5_000, J)), rng.normal(size=(N * W, J))
    words = np.array(["red", "green", "blue"])
    text = words[rng.choice(3, size=(5_000, 1), p=[0.5, 0.3, 0.2])]
    later = words[rng.choice(3, size=(N * W, 1), p=[0.5, 0.3, 0.2])]
    drifted = slice(N * FIRST_DRIFTED, None)
    windows[drifted, SHIFTED] += 2.0
    later[drifted][::10] = "new"
    reference[::100, 2] = np.nan
    windows[::100, 2] = np.nan
    write_job(
        folder,
        reference=reference,
        windows=windows,
        rows=np.full(W, N),
        reference_text=text,
        windows_text=later,
    )


def test_windows_come_back_as_they_were_cut(tmp_path: Path) -> None:
    numbers: npt.NDArray[np.float32] = np.arange(12, dtype=np.float32).reshape(6, 2)
    numbers[5, 0] = np.nan
    text = np.array([["a"], [""], ["ccc"], ["d"], ["e"], ["f"]])
    write_job(
        tmp_path,
        reference=numbers[:2],
        windows=numbers,
        rows=np.array([1, 3, 2]),
        reference_text=text[:2],
        windows_text=text,
    )

    reference, windows = read_reference(tmp_path), list(read_windows(tmp_path))

    assert [len(window) for window in windows] == [1, 3, 2]
    assert list(reference.columns) == ["f00", "f01", "c00"]
    assert reference["c00"].tolist() == ["a", None]
    assert windows[1]["f01"].tolist() == [3.0, 5.0, 7.0]
    assert windows[1]["c00"].tolist() == [None, "ccc", "d"]
    assert np.isnan(windows[2]["f00"].iloc[1])
    assert windows[2].index.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("rows", "width", "text_rows"),
    [pytest.param(5, 2, 6, id="rows"), pytest.param(6, 3, 6, id="width"), pytest.param(6, 2, 5, id="text")],
)
def test_a_job_that_does_not_fit_together_is_refused(
    tmp_path: Path, rows: int, width: int, text_rows: int
) -> None:
    with pytest.raises(ValueError, match="give"):
        write_job(
            tmp_path / "job",
            reference=np.zeros((4, width)),
            windows=np.zeros((6, 2)),
            rows=np.array([rows]),
            reference_text=np.full((4, 1), "a"),
            windows_text=np.full((text_rows, 1), "a"),
        )
    assert not (tmp_path / "job").exists()


def test_an_answer_comes_back_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    given = Answer(
        judgement=Judgement(
            scores=np.array([[0.5, np.nan]]),
            flags=np.array([[True, False]]),
            dataset_flags=np.array([True]),
        ),
        features=("f00", "c00"),
        fit_seconds=0.25,
        judge_seconds=1.5,
        about={"peer": "evidently", "versions": {"numpy": "1.0"}},
    )

    write_answer(tmp_path, "named", given)
    found = read_answer(tmp_path, "named")

    assert [path.name for path in tmp_path.iterdir()] == ["named.npz"]
    np.testing.assert_array_equal(found.judgement.scores, given.judgement.scores)
    np.testing.assert_array_equal(found.judgement.flags, given.judgement.flags)
    np.testing.assert_array_equal(found.judgement.dataset_flags, given.judgement.dataset_flags)
    assert (found.features, found.fit_seconds, found.judge_seconds) == (("f00", "c00"), 0.25, 1.5)
    assert found.about == given.about


def test_a_smaller_p_value_is_a_larger_score() -> None:
    scores = [surprise(p) for p in (1.0, 0.05, 1e-10, 0.0)]
    assert scores == sorted(scores)
    assert scores[0] == 0
    assert np.isfinite(scores[-1])


def run(peer: str, folder: Path, *more: str) -> Answer:
    """Run the worker in the peer's environment."""
    python = interpreter(peer)
    done = subprocess.run(
        [str(python), "-m", "benchmarks.detection.peers.worker", peer, str(folder), *more],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    return read_answer(folder, peer)


def interpreter(peer: str) -> Path:
    environment = ".venv-peers-older" if peer in OLDER else ".venv-peers"
    if not (PROJECT / environment / "ready").exists():
        pytest.skip(f"{environment} is not built: make {environment}/ready")
    return PROJECT / environment / "bin" / "python"


@pytest.mark.parametrize("peer", sorted(set(PEERS) - LOOK_SELDOM))
def test_a_peer_sees_what_it_is_made_for(tmp_path: Path, peer: str) -> None:
    small_job(tmp_path)

    answer = run(peer, tmp_path)
    judgement = answer.judgement

    assert answer.features == ("f00", "f01", "f02", "f03", "c00")
    assert judgement.flags.shape == judgement.scores.shape == (W, J + 1)
    assert {"numpy", "pandas"} < set(answer.about["versions"])
    for feature in SEES.get(peer, {SHIFTED, WORDS}):
        flags, scores = judgement.flags[:, feature], judgement.scores[:, feature]
        if peer == "page_hinkley":  # it fires once, and knows no score
            assert flags[FIRST_DRIFTED:].any()
        else:
            assert flags[FIRST_DRIFTED:].all()
            assert scores[FIRST_DRIFTED:].min() > scores[:FIRST_DRIFTED].max()
        assert not flags[:FIRST_DRIFTED].all()


@pytest.mark.parametrize("peer", ["adwin_means", "adwin_records"])
def test_adwin_flags_the_window_of_a_large_shift_when_it_looks_at_each_value(
    tmp_path: Path, peer: str
) -> None:
    small_job(tmp_path)

    flags = run(
        peer, tmp_path, "--parameters", json.dumps({"clock": 1, "delta": 1e-4, "min_window_length": 1})
    ).judgement.flags

    first = np.flatnonzero(flags[:, SHIFTED])[0]
    assert FIRST_DRIFTED <= first <= FIRST_DRIFTED + 2
    assert not flags[:, [0, 3, J]].any()


REPORT = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import numpy as np
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from benchmarks.detection.peers.job import read_reference, read_windows
folder = Path(sys.argv[1])
definition = DataDefinition(numerical_columns=["f00", "f01", "f02", "f03"], categorical_columns=["c00"])
reference, window = read_reference(folder), list(read_windows(folder))[-1]
report = Report([DataDriftPreset()]).run(
    Dataset.from_pandas(window, definition), Dataset.from_pandas(reference, definition)
)
values = {one["config"].get("column"): one["value"] for one in report.dict()["metrics"]}
np.save(folder / "report.npy", [values[name] for name in (*definition.numerical_columns, "c00")])
"""


def test_evidently_says_what_its_preset_says(tmp_path: Path) -> None:
    small_job(tmp_path)
    python = interpreter("evidently")

    subprocess.run([str(python), "-c", REPORT, str(tmp_path)], cwd=PROJECT, check=True, capture_output=True)

    np.testing.assert_allclose(
        run("evidently", tmp_path).judgement.scores[-1], np.load(tmp_path / "report.npy"), rtol=1e-9
    )
