"""The benchmark's own arithmetic: what counts as reached, what the clock counts, and the share of the way."""

import sys
import time

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import time_to_quality  # noqa: E402

from minicyclegan.course.files import shipped_weights  # noqa: E402
from minicyclegan.data import load_seasons  # noqa: E402
from minicyclegan.parameters import Config  # noqa: E402
from minicyclegan.quality.twins import read_twins, twin_path  # noqa: E402
from minicyclegan.runs.checkpoint import load, read_checkpoint  # noqa: E402


class Learner:
    """A contender that gets better by 10 % of the way with each step of 10 ms, in one direction a step later."""

    name, step, steps = "learner", 0, 10

    def train_once(self):
        self.step += 1
        time.sleep(0.01)

    def translator(self):
        return self


def share_of(learner):
    time.sleep(0.05)  # measuring is not counted
    return learner.step / 10, (learner.step - 1) / 10


def test_a_level_is_reached_when_both_directions_have_it_and_measuring_is_not_counted(capsys):
    runner = time_to_quality.Runner(Learner(), share_of)
    while not runner.over:
        runner.turn(0.015)
    assert runner.reached(80) == next(row[0] for row in runner.rows if row[1] >= 9)
    assert runner.reached(95) is None  # one direction ends at 90 %
    assert 0.1 <= runner.clock < 0.05 * len(runner.rows) + 0.1 + 0.2
    figures = runner.figures()
    assert figures["reached"] == {"80 %": runner.reached(80), "90 %": runner.reached(90), "95 %": None}


def test_the_share_of_the_way_is_one_for_the_twin_and_less_for_the_shipped_cyclegan():
    config = Config(**read_checkpoint(shipped_weights())["config"])
    share = time_to_quality.share_function(config, load_seasons(64, n_train=1))
    twins, _ = read_twins(twin_path(shipped_weights()), config)
    assert share(time_to_quality.Pair(twins["ab"], twins["ba"])) == pytest.approx((1, 1), abs=1e-6)
    found = share(load(shipped_weights(), "cpu"))
    assert all(0.95 < value < 0.99 for value in found)
