"""The training board: it trains in a thread, shows what there is, stops after the present step and goes on."""

import signal
import threading
import time

import pytest
from conftest import tiny_config, tiny_domains, tiny_run
from test_training import assert_same_run

from minicyclegan.errors import RunError
from minicyclegan.runs.checkpoint import read_checkpoint
from minicyclegan.widgets.board import TWIN, TrainingBoard, training_board

OPTIONS = {"device": "cpu", "precision": "fp32", "checkpoint_every": 3, "sample_every": 2, "log_every": 1}


def test_a_run_with_a_board_equals_one_without(tmp_path):
    board = training_board(tiny_config(), tiny_domains(), tmp_path / "board", **OPTIONS)
    assert board.wait().step == 6
    tiny_run(tmp_path / "plain", **OPTIONS)
    assert_same_run(tmp_path / "board", tmp_path / "plain")
    assert board.bar.value == 6 and "done: 6 steps" in board.text.value
    assert 'alt="Losses and held-out error up to step 6"' in board.pictures[0].value
    assert "Samples after step 6" in board.pictures[1].value
    assert board.stop_button.disabled and board.go_button.disabled
    assert board._repr_mimebundle_()["text/plain"] == TWIN


def test_stop_and_go_on_with_the_buttons_equals_one_go(tmp_path):
    config = tiny_config(steps=40)
    board = TrainingBoard(
        config,
        tiny_domains(),
        tmp_path / "board",
        **(OPTIONS | {"checkpoint_every": 1000, "sample_every": 20}),
    )
    board.start()
    while board.bar.value < 1:
        time.sleep(0.01)
    with pytest.raises(RunError, match="training already"):
        board.start()
    board.stop_button.click()
    stopped = board.wait().step
    assert 1 <= stopped < 40 and "stopped after step" in board.text.value
    assert read_checkpoint(tmp_path / "board" / "last.pt")["step"] == stopped
    assert not board.go_button.disabled and board.stop_button.disabled
    board.go_button.click()
    assert board.wait().step == 40
    tiny_run(tmp_path / "plain", steps=40, **(OPTIONS | {"checkpoint_every": 1000, "sample_every": 20}))
    assert_same_run(tmp_path / "board", tmp_path / "plain")


def test_an_error_of_the_training_is_shown_and_kept(tmp_path):
    tiny_run(tmp_path / "run")
    board = training_board(tiny_config(), tiny_domains(), tmp_path / "run", **OPTIONS)
    with pytest.raises(RunError, match="already holds a run"):
        board.wait()
    assert "Error: " in board.text.value and "already holds a run" in board.text.value


def test_what_is_shown_is_text(tmp_path):
    board = TrainingBoard(tiny_config(), tiny_domains(), tmp_path / "run", **OPTIONS)
    board.tell("<b>no</b> & <script>alert(1)</script>")
    assert "<b>" not in board.text.value and "<script>" not in board.text.value


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Windows cannot send a signal this way")
def test_an_interrupt_while_one_waits_for_the_board_stops_it_with_a_checkpoint(tmp_path):
    """The training runs in another thread, where Python hands out no signals: the waiting one has to pass it on."""
    board = training_board(
        tiny_config(steps=10_000), tiny_domains(), tmp_path / "run", device="cpu", precision="fp32"
    )
    metrics = tmp_path / "run" / "metrics.jsonl"
    while not metrics.exists():
        time.sleep(0.01)
    main = threading.main_thread().ident
    threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        board.wait()
    assert 0 < read_checkpoint(tmp_path / "run" / "last.pt")["step"] == board.trainer.step < 10_000
