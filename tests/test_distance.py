"""The distance between sets of pictures: by hand, as an estimate, and that worse pictures are farther away."""

import pytest
import torch
import torch.nn.functional as F
from conftest import random_pictures

from minicyclegan.data import load_seasons, to_float
from minicyclegan.datasets.emoji import load_emoji
from minicyclegan.quality.distance import FEWEST, distances, energy_distance, features, tells_apart

# The energy distance


def test_the_energy_distance_of_a_few_points_by_hand():
    x, y = torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]])
    # between: 1, 5, 1, 3; within: 2 and 4
    assert energy_distance(x, y)["mean"] == pytest.approx(2 * 2.5 - 2 - 4)
    # as pairs, the distances of 0 to 1 and of 2 to 5 do not count
    assert energy_distance(x, y, pairs=True)["mean"] == pytest.approx(2 * 3 - 2 - 4)


def test_it_is_0_on_average_for_one_source_and_the_interval_holds_the_true_value():
    generator = torch.Generator().manual_seed(0)

    def rows(n: int, shift: float) -> torch.Tensor:
        return torch.randn(n, 10, generator=generator) + shift

    true = energy_distance(rows(2000, 0), rows(2000, 0.4), resamples=2)["mean"]
    same = [energy_distance(rows(30, 0), rows(40, 0), resamples=2)["mean"] for _ in range(100)]
    assert abs(sum(same) / 100) < 0.005 and min(same) < 0
    found = [energy_distance(rows(30, 0), rows(40, 0.4), seed=i, resamples=200) for i in range(100)]
    assert 88 <= sum(value["low"] <= true <= value["high"] for value in found) <= 100


def test_a_perfect_set_of_pairs_is_at_0_and_a_few_rows_have_no_interval():
    rows = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    assert energy_distance(rows, rows, pairs=True)["mean"] == pytest.approx(0, abs=1e-5)
    few = energy_distance(rows[: FEWEST - 1], rows)
    assert few["mean"] is not None and few["low"] is None and few["high"] is None
    assert energy_distance(rows[:1], rows) == {"mean": None, "low": None, "high": None}


# The features


def test_details_of_each_direction_and_size_move_their_own_numbers():
    flat = torch.zeros(1, 3, 16, 16)
    rows, columns = flat.clone(), flat.clone()
    rows[:, :, ::2], columns[..., ::2] = 0.5, 0.5
    coarse = F.interpolate(rows[..., :8, :8], scale_factor=2)
    # without the last 48, which are the mean colours
    found = [(features(x) - features(flat))[0, :-48].abs() > 0.1 for x in (rows, columns, coarse)]
    assert all(part.any() for part in found)
    assert not (found[0] & found[1]).any() and not (found[0] & found[2]).any()


@pytest.mark.parametrize("side", [4, 7, 16, 33, 64])
def test_any_size_has_finite_features(side):
    assert features(to_float(random_pictures(2, side, 0))).isfinite().all()
    assert features(torch.ones(2, 3, side, side)).isfinite().all()


# What it orders


def blurred(x: torch.Tensor, times: int) -> torch.Tensor:
    for _ in range(times):
        x = F.avg_pool2d(F.pad(x, [1] * 4, mode="replicate"), 3, stride=1)
    return x


def noisy(x: torch.Tensor, strength: float) -> torch.Tensor:
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    return (x + strength * noise).clamp(-1, 1)


def turned(x: torch.Tensor, degrees: float) -> torch.Tensor:
    """Every colour turned around the grey axis."""
    angle = torch.tensor(degrees).deg2rad()
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / 3**0.5
    turn = angle.cos() * torch.eye(3) + (1 - angle.cos()) / 3 + angle.sin() * cross
    return torch.einsum("oc,nchw->nohw", turn, x).clamp(-1, 1)


HARM = {
    "blur": [lambda x, n=n: blurred(x, n) for n in (1, 3, 8)],
    "noise": [lambda x, a=a: noisy(x, a) for a in (0.1, 0.2, 0.5)],
    "brightness": [lambda x, a=a: (x - a).clamp(-1, 1) for a in (0.3, 0.6, 1.0)],
    "hue": [lambda x: turned(x, 30), lambda x: turned(x, 90)],
    "one picture again and again": [
        lambda x, n=n: torch.cat([x[:1].expand(n, -1, -1, -1), x[n:]]) for n in (15, 30, 60)
    ],
}


@pytest.fixture(scope="module")
def real():
    domains = load_seasons(32, 1, 120)
    return {"seasons": to_float(domains.test_b), "emoji": to_float(load_emoji(32).test_b[:120])}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("name", ["seasons", "emoji"])
def test_more_harm_is_farther_away(real, name, harm):
    half, rest = real[name][0::2], real[name][1::2]
    found = distances({str(i): change(half) for i, change in enumerate(HARM[harm])}, rest)
    means = [value["mean"] for value in found.values()]
    assert means == sorted(means)
    last = list(found.values())[-1]
    if (name, harm) != ("emoji", "hue"):  # sixty emoji of all colours do not tell
        assert last["low"] > found["real pictures"]["high"]  # the strongest harm is beyond doubt


def test_the_other_domain_and_other_data_are_farther_than_real_pictures(real):
    domains = load_seasons(32, 1, 60)
    found = distances({"doing nothing": to_float(domains.test_a), "emoji": real["emoji"]}, real["seasons"])
    assert found["real pictures"]["low"] < 0.05 and tells_apart(found)
    for name in ("doing nothing", "emoji"):
        assert found[name]["low"] > 1
    alike = distances({"doing nothing": real["seasons"][0::2]}, real["seasons"][1::2])
    assert not tells_apart(alike)


def test_the_same_pictures_give_the_same_numbers_and_one_picture_gives_none(real):
    pictures = real["seasons"]
    guesses = {"a": pictures[:50] * 0.9}
    assert distances(guesses, pictures) == distances(guesses, pictures)
    alone = distances(guesses, pictures[:1])
    assert all(value == {"mean": None, "low": None, "high": None} for value in alone.values())


def test_the_size_of_the_pictures_changes_little(real):
    far = []
    for size in (32, 64):
        domains = load_seasons(size, 1, 100)
        a, b = to_float(domains.test_a), to_float(domains.test_b)
        far.append(distances({"inputs": a, "darker": b - 0.3}, b, pairs=True))
    for name in ("inputs", "darker"):
        assert 0.5 < far[0][name]["mean"] / far[1][name]["mean"] < 2
