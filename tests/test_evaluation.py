"""Evaluation: measures by hand and against references, the twin, the classifier, the signs of sickness, the command."""

import dataclasses
import json
import sys
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner
from conftest import files_in, make_folder, random_pictures, tiny_config, tiny_domains, tiny_run
from torch import nn

from minicyclegan.cli import evaluate as cli_evaluate
from minicyclegan.cli import main
from minicyclegan.course.files import shipped_weights
from minicyclegan.data import Domains, load_seasons, to_float
from minicyclegan.datasets.named import load_domains
from minicyclegan.diagnosis import (
    ADVICE,
    LIMITS,
    detail_correlation,
    diagnose,
    difference_between,
    discriminator_accuracy,
    grid_energy,
)
from minicyclegan.errors import CheckpointError, DataError, RunError
from minicyclegan.evaluation import (
    bootstrap,
    colour_transfer,
    gap_closed,
    l1_error,
    passes_for,
    psnr,
    quality_report,
    ssim,
    summary,
    supervised_twin,
    train_classifier,
    translate_all,
)
from minicyclegan.parameters import Config
from minicyclegan.pictures.images import to_image
from minicyclegan.quality.measures import measured
from minicyclegan.quality.report import frechet_distance, kernel_distance, kid_and_fid, report_lines
from minicyclegan.quality.twins import (
    TWIN_FIELDS,
    known_twins,
    read_twins,
    save_twins,
    training_pairs,
    twin_path,
)
from minicyclegan.runs.checkpoint import export_weights, load, read_checkpoint, save_checkpoint
from minicyclegan.widgets.figures import failure_gallery, training_health


def call(*arguments) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result.exit_code, result.stdout, result.stderr


def flat(*values: float) -> torch.Tensor:
    """One picture of each value in [-1, 1], (N, 3, 16, 16)."""
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 3, 16, 16).clone()


class Answers(nn.Module):
    """A translator that looks the answers up: picture i of `questions` becomes picture i of `answers`."""

    def __init__(self, questions, answers):
        super().__init__()
        self.questions, self.answers = questions, answers
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        place = (x[:, None] - self.questions[None]).abs().flatten(2).sum(2).argmin(1)
        return self.answers[place]


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function, self.weight = function, nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return self.function(x)


# Measures of one pair


def test_black_for_white_has_an_l1_error_of_1_and_a_tenth_of_the_range_of_a_tenth():
    errors = l1_error(flat(-1, -1, 0.2), flat(1, -0.8, 0.2))
    assert errors.tolist() == pytest.approx([1.0, 0.1, 0.0])


def test_psnr_has_a_peak_of_1_on_a_range_of_1():
    # off by a tenth of the range: mean square 0.01, so 20 dB (a peak of 2 on the same errors would say 26)
    assert psnr(flat(-1, -1), flat(-0.8, 1)).tolist() == pytest.approx([20.0, 0.0], abs=1e-4)
    assert psnr(flat(0.3), flat(0.3)).item() == 100


def test_psnr_is_taken_of_each_picture_before_any_mean():
    good_and_bad = psnr(flat(-0.98, 1), flat(-1, -1))
    # 40 and 0; of the mean square it would be 3
    assert good_and_bad.mean().item() == pytest.approx(20, abs=1e-3)


def test_ssim_of_flat_pictures_by_hand():
    # no structure, so only brightness counts: x = 0.25, y = 0.75
    by_hand = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    assert ssim(flat(-0.5), flat(0.5)).item() == pytest.approx(by_hand, abs=1e-5)


def test_ssim_is_the_standard_one_by_an_independent_computation_in_numpy():
    import numpy as np

    x, y = (((to_float(random_pictures(1, 14, seed)) + 1) / 2)[0].double().numpy() for seed in (1, 2))
    y = 0.6 * x + 0.4 * y
    offsets = np.arange(11) - 5
    weights = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    values = []
    for c in range(3):
        for i in range(4):
            for j in range(4):
                p, q = x[c, i : i + 11, j : j + 11], y[c, i : i + 11, j : j + 11]
                mp, mq = (weights * p).sum(), (weights * q).sum()
                vp, vq = (weights * (p - mp) ** 2).sum(), (weights * (q - mq) ** 2).sum()
                cov = (weights * (p - mp) * (q - mq)).sum()
                values.append(
                    (2 * mp * mq + 1e-4) * (2 * cov + 9e-4) / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4))
                )
    ours = ssim(torch.tensor(x * 2 - 1)[None].float(), torch.tensor(y * 2 - 1)[None].float())
    assert ours.item() == pytest.approx(np.mean(values), abs=1e-4)


def test_ssim_agrees_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is not installed")
    pair = load_seasons(32, 1, 2)
    a, b = to_float(pair.test_a), to_float(pair.test_b)
    options = dict(
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1, channel_axis=0
    )
    theirs = [
        metrics.structural_similarity(((x + 1) / 2).numpy(), ((y + 1) / 2).numpy(), **options)
        for x, y in zip(a, b)
    ]
    assert ssim(a, b).tolist() == pytest.approx(theirs, abs=1e-4)


def test_each_measure_is_best_for_the_truth_and_symmetric():
    x, y = to_float(random_pictures(3, 16, 1)), to_float(random_pictures(3, 16, 2))
    assert l1_error(x, x).tolist() == [0, 0, 0] and psnr(x, x).tolist() == [100] * 3
    assert ssim(x, x).tolist() == pytest.approx([1, 1, 1], abs=1e-5)
    for measure in (l1_error, psnr, ssim):
        assert measure(x, y).tolist() == pytest.approx(measure(y, x).tolist(), abs=1e-5)


# Intervals and shares


def test_the_bootstrap_resamples_pictures_and_the_same_seed_gives_the_same():
    values = torch.tensor([0.0, 1.0])
    means = bootstrap(values, 4000)
    assert set(means.tolist()) == {0.0, 0.5, 1.0} and means.mean().item() == pytest.approx(0.5, abs=0.03)
    assert torch.equal(bootstrap(values, 50, seed=3), bootstrap(values, 50, seed=3))
    assert not torch.equal(bootstrap(values, 50, seed=3), bootstrap(values, 50, seed=4))


def test_the_interval_covers_the_true_mean_about_95_times_in_100():
    generator = torch.Generator().manual_seed(0)
    hits = 0
    for trial in range(300):
        values = torch.rand(60, generator=generator)
        result = summary(values, seed=trial)
        assert result["low"] <= result["mean"] <= result["high"]
        hits += result["low"] <= 0.5 <= result["high"]
    assert 0.91 <= hits / 300 <= 0.98


def test_columns_are_resampled_together_so_that_pictures_stay_whole():
    values = torch.rand(40, generator=torch.Generator().manual_seed(0))
    first, second = bootstrap(torch.stack([values, 2 * values], 1)).unbind(1)
    assert torch.allclose(2 * first, second)


def test_gap_closed_is_0_for_doing_nothing_1_for_the_twin_and_more_for_the_truth():
    assert gap_closed(0.3, 0.3, 0.1) == 0
    assert gap_closed(0.3, 0.1, 0.1) == 1
    assert gap_closed(0.3, 0.0, 0.1) == pytest.approx(1.5)
    assert gap_closed(0.3, 0.4, 0.1) == pytest.approx(-0.5)
    assert gap_closed(0.3, 0.15, 0.1) == pytest.approx(0.75)


def test_colour_transfer_gives_each_picture_the_target_statistics():
    pictures = to_float(random_pictures(4, 16, 1)) * 0.3 + 0.2
    target = to_float(random_pictures(6, 16, 2)) * 0.2 - 0.1
    result = colour_transfer(pictures, target)
    assert torch.allclose(result.mean((2, 3)), target.mean((0, 2, 3)).expand(4, 3), atol=1e-5)
    assert torch.allclose(result.std((2, 3)), target.std((0, 2, 3)).expand(4, 3), atol=1e-5)
    assert colour_transfer(flat(0.4), target).isfinite().all()


# The twin


@pytest.fixture(scope="module")
def seasons16():
    return load_seasons(16, 40, 12)


def test_the_twin_is_reproducible_and_learns(seasons16):
    config = tiny_config(image_size=16, base_channels=6, learning_rate=5e-3)
    pairs = training_pairs(config)
    twin, again = supervised_twin(config, *pairs, 60), supervised_twin(config, *pairs, 60)
    assert all(torch.equal(p, q) for p, q in zip(twin.parameters(), again.parameters()))
    other = supervised_twin(dataclasses.replace(config, seed=1), *pairs, 60)
    assert not torch.equal(next(twin.parameters()), next(other.parameters()))
    a, b = to_float(seasons16.test_a), to_float(seasons16.test_b)
    assert l1_error(translate_all(twin, a), b).mean() < 0.5 * l1_error(a, b).mean()


def test_the_twin_never_sees_a_test_scene_and_sees_what_a_was_trained_on():
    a, b = training_pairs(tiny_config())
    domains = load_seasons(16)
    assert torch.equal(a, domains.train_a)  # exactly the summers of training A, and their winters
    assert a.shape == b.shape and not torch.equal(a, b)
    seen = {picture.numpy().tobytes() for picture in torch.cat([a, b])}
    held_out = {picture.numpy().tobytes() for picture in torch.cat([domains.test_a, domains.test_b])}
    assert not seen & held_out and len(held_out) == 400


def test_pairs_of_a_folder_are_matched_by_name_and_unpaired_folders_have_no_twin(tmp_path):
    folder = make_folder(tmp_path / "pairs")
    (folder / "trainA" / "0.png").rename(folder / "trainA" / "z.png")
    (folder / "trainB" / "0.png").rename(folder / "trainB" / "b.png")
    config = tiny_config(data=str(folder), image_size=20)
    a, b = training_pairs(config, "yes")
    domains = load_domains(str(folder), 20, 20)
    # 1, 2, 3
    assert torch.equal(a, domains.train_a[[0, 1, 2]]) and torch.equal(b, domains.train_b[[0, 1, 2]])
    for path in (folder / "trainA").iterdir():
        path.rename(path.with_stem("other" + path.stem))
    assert "no twin" in training_pairs(config, "yes")


def test_twins_are_kept_whole_and_refused_for_a_model_of_other_settings(tmp_path):
    config = tiny_config()
    twins = {way: supervised_twin(config, *training_pairs(config), 1) for way in ("ab", "ba")}
    save_twins(tmp_path / "twin.pt", twins, config, 1, 1000)
    kept, about = read_twins(tmp_path / "twin.pt", config)
    assert about == {"steps": 1, "seed": 0, "n_pairs": 1000}
    x = to_float(random_pictures(2, 16, 0))
    assert torch.allclose(translate_all(kept["ab"], x), translate_all(twins["ab"], x), atol=0.02)
    assert TWIN_FIELDS and "lambda_cycle" not in TWIN_FIELDS
    read_twins(tmp_path / "twin.pt", dataclasses.replace(config, lambda_cycle=3.0, seed=5))
    with pytest.raises(CheckpointError, match="another base_channels"):
        read_twins(tmp_path / "twin.pt", tiny_config(base_channels=8))
    save_checkpoint(tmp_path / "twin.pt", {"config": {}})
    with pytest.raises(CheckpointError, match="holds no twin"):
        read_twins(tmp_path / "twin.pt", config)


def test_the_shipped_weights_have_a_shipped_twin_of_the_same_steps_and_a_small_file():
    config = Config(**read_checkpoint(shipped_weights())["config"])
    twins, about = known_twins(shipped_weights(), config)
    assert about["steps"] == config.steps and set(twins) == {"ab", "ba"}
    assert twin_path(shipped_weights()).stat().st_size < 400_000


def test_the_shipped_twin_serves_runs_of_the_same_settings_only(tmp_path):
    config = Config(**read_checkpoint(shipped_weights())["config"])
    _, about = known_twins(tmp_path / "last.pt", dataclasses.replace(config, seed=2))
    assert known_twins(tmp_path / "last.pt", dataclasses.replace(config, steps=7)) is not None
    longer = dataclasses.replace(config, steps=about["steps"] + 1)
    assert known_twins(tmp_path / "last.pt", longer) is None  # the twin would be the easier measure
    assert known_twins(tmp_path / "last.pt", tiny_config()) is None


# The classifier


@pytest.fixture(scope="module")
def classifier(seasons16):
    return train_classifier(seasons16.train_a, seasons16.train_b, steps=80)


def test_the_classifier_is_right_on_held_out_seasons_in_both_directions(classifier, seasons16):
    a, b = to_float(seasons16.test_a), to_float(seasons16.test_b)
    assert passes_for(classifier, a, "a").mean() > 0.9 and passes_for(classifier, b, "b").mean() > 0.9
    assert passes_for(classifier, a, "b").mean() < 0.1 and passes_for(classifier, b, "a").mean() < 0.1


def test_the_classifier_is_fooled_by_one_real_picture_for_everything(classifier, seasons16):
    b = to_float(seasons16.test_b)
    assert passes_for(classifier, b[:1].expand_as(b), "b").mean() == 1
    assert l1_error(b[:1].expand_as(b)[1:], b[1:]).mean() > 0.05


def test_the_classifier_guesses_where_there_is_nothing_to_learn():
    noise = [random_pictures(60, 16, seed) for seed in range(4)]
    classifier = train_classifier(noise[0], noise[1], steps=40)
    right = torch.cat(
        [passes_for(classifier, to_float(noise[2]), "a"), passes_for(classifier, to_float(noise[3]), "b")]
    )
    assert 0.25 < right.mean() < 0.75


# The report


def perfect(domains) -> SimpleNamespace:
    a, b = to_float(domains.test_a), to_float(domains.test_b)
    return SimpleNamespace(generator_ab=Answers(a, b), generator_ba=Answers(b, a))


def test_a_perfect_translator_closes_more_than_the_gap_and_one_that_does_nothing_closes_none(seasons16):
    config = tiny_config()
    twins = {"ab": supervised_twin(config, *training_pairs(config), 20)}
    twins["ba"] = supervised_twin(config, *training_pairs(config)[::-1], 20)
    report = quality_report(perfect(seasons16), seasons16, twins)
    a, b = to_float(seasons16.test_a), to_float(seasons16.test_b)
    for way in ("ab", "ba"):
        direction = report["directions"][way]
        assert direction["gap_closed"]["low"] > 1 and direction["n"] == 12
        rows = direction["rows"]
        assert (
            rows["CycleGAN"]["l1"] == {"mean": 0, "low": 0, "high": 0}
            and rows["CycleGAN"]["psnr"]["mean"] == 100
        )
        assert rows["there and back"]["l1"]["mean"] == 0
        assert rows["doing nothing"]["l1"]["mean"] == pytest.approx(l1_error(a, b).mean().item(), abs=1e-6)
        assert rows["doing nothing"]["l1"]["low"] < rows["doing nothing"]["l1"]["high"]
        for row in ("supervised twin", "colour transfer"):
            assert rows[row]["l1"]["mean"] > 0
    lazy = SimpleNamespace(generator_ab=Answers(a, a), generator_ba=Answers(b, b))
    report = quality_report(lazy, seasons16, twins)
    assert all(report["directions"][way]["gap_closed"]["mean"] == 0 for way in ("ab", "ba"))


def test_the_two_directions_are_not_swapped(seasons16):
    a, b = to_float(seasons16.test_a), to_float(seasons16.test_b)
    one_way = SimpleNamespace(generator_ab=Answers(a, b), generator_ba=Answers(b, -b))
    directions = quality_report(one_way, seasons16)["directions"]
    assert directions["ab"]["rows"]["CycleGAN"]["l1"]["mean"] == 0
    assert directions["ba"]["rows"]["CycleGAN"]["l1"]["mean"] == pytest.approx(
        l1_error(-b, a).mean().item(), abs=1e-6
    )
    assert directions["ab"]["rows"]["CycleGAN"]["passes"]["mean"] > 0.9  # winter passes for winter
    assert directions["ab"]["gap_closed"] is None  # no twin was given
    expected = l1_error(colour_transfer(a, to_float(seasons16.train_b)), b).mean().item()
    assert directions["ab"]["rows"]["colour transfer"]["l1"]["mean"] == pytest.approx(expected, abs=1e-6)


def test_without_true_pairs_nothing_is_compared_with_the_truth(seasons16):
    b = seasons16
    unpaired = Domains(b.train_a, b.train_b, b.test_a, b.test_b[:7], False, [])
    lazy = SimpleNamespace(generator_ab=Function(lambda x: x), generator_ba=Function(lambda x: x))
    report = quality_report(lazy, unpaired)
    for way, n in (("ab", 12), ("ba", 7)):
        direction = report["directions"][way]
        assert direction["n"] == n and direction["gap_closed"] is None
        assert set(direction["rows"]["CycleGAN"]) == {"passes"}
        # Doing nothing has no cycle error at all
        assert direction["rows"]["there and back"]["l1"]["mean"] == 0
    text = "\n".join(report_lines(report))
    assert "gap_closed" not in text and "there and back" in text and "7 held-out pictures" in text


def test_the_table_shows_the_numbers_of_the_report(seasons16):
    report = quality_report(perfect(seasons16), seasons16)
    lines = report_lines(report | {"notes": ["a note"]})
    value = report["directions"]["ab"]["rows"]["doing nothing"]["l1"]
    (line, _) = [line for line in lines if line.startswith("doing nothing")]
    assert f"{value['mean']:.4f} ({value['low']:.4f} to {value['high']:.4f})" in line
    assert lines[-1] == "a note" and "passes for B" in lines[1] and max(map(len, lines)) < 140


# KID and FID


def test_own_distances_agree_with_the_library_on_features_of_a_stand_in_network():
    pytest.importorskip("torchmetrics", reason="torchmetrics is not installed")
    pytest.importorskip("scipy", reason="scipy is not installed")

    class StandIn(nn.Module):
        num_features = 12

        def forward(self, pictures):
            return nn.functional.adaptive_avg_pool2d(pictures.float() / 255, 2).flatten(1)

    real, fake = random_pictures(60, 16, 1), random_pictures(40, 16, 2) // 2
    result = kid_and_fid(real, fake, StandIn(), resamples=40)
    features = [StandIn()(pictures) for pictures in (real, fake)]
    assert result["fid"]["mean"] == pytest.approx(frechet_distance(*features).item(), rel=1e-3)
    # Subsets of 40
    assert result["kid"]["mean"] == pytest.approx(kernel_distance(*features).item(), rel=0.05)
    for value in result.values():
        assert value["low"] < value["mean"] < value["high"] and (value["n_real"], value["n_fake"]) == (60, 40)
    same = kid_and_fid(real[:40], random_pictures(40, 16, 9), StandIn(), resamples=40)
    assert abs(same["kid"]["mean"]) < 0.05 * result["kid"]["mean"]


def test_a_shuffled_test_set_has_the_same_distances_though_every_translation_is_wrong():
    features = torch.rand(50, 8, generator=torch.Generator().manual_seed(0))
    shuffled = features[torch.randperm(50, generator=torch.Generator().manual_seed(1))]
    assert frechet_distance(features, shuffled).item() == pytest.approx(0, abs=1e-5)
    assert kernel_distance(features, shuffled).item() <= 0
    assert kernel_distance(features, features + 1).item() > 0.5
    # 8 means, each moved by 1
    assert frechet_distance(features, features + 1).item() == pytest.approx(8, rel=1e-3)


def test_without_the_packages_or_without_a_network_kid_says_so_in_one_sentence(monkeypatch):
    pictures = random_pictures(4, 16, 0)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torchmetrics.image.fid", None)
        with pytest.raises(RunError, match="two more packages"):
            kid_and_fid(pictures, pictures)
    pytest.importorskip("torch_fidelity", reason="torch-fidelity is not installed")
    import torch.hub

    def no_network(*arguments, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: "/nowhere-at-all")
    monkeypatch.setattr("os.makedirs", lambda *a, **k: None)
    with pytest.raises(RunError, match="Inception weights.*connect to the internet") as caught:
        kid_and_fid(pictures, pictures)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="at least 2"):
        kid_and_fid(pictures[:1], pictures)


# Signs of sickness


def test_the_signs_by_hand():
    x = to_float(random_pictures(6, 16, 1))
    assert detail_correlation(x, x) == pytest.approx(1, abs=1e-5)
    assert detail_correlation(x, -x) == pytest.approx(-1, abs=1e-5)
    assert detail_correlation(x, 0.5 * x + 0.2) == pytest.approx(1, abs=1e-5)  # edges, not colours
    assert abs(detail_correlation(x, to_float(random_pictures(6, 16, 2)))) < 0.1
    assert difference_between(flat(-1.0, 1.0), flat(-1.0, 1.0)) == 1  # each meets the other one
    board = torch.ones(16, 16)
    board[::2, ::2] = board[1::2, 1::2] = -1
    assert grid_energy(board.expand(2, 3, 16, 16)) > 0.8
    stripes = torch.ones(16, 16)
    stripes[::2] = -1
    assert grid_energy(stripes.expand(2, 3, 16, 16)) > 0.8
    assert grid_energy(x) < 0.05


def test_the_accuracy_is_the_lower_one_of_the_last_quarter():
    records = [{"step": i, "accuracy_real_a": 0.2, "accuracy_fake_a": 0.2} for i in range(6)]
    records += [{"step": i, "accuracy_real_a": 0.9, "accuracy_fake_a": 0.7} for i in range(6, 8)]
    assert discriminator_accuracy(records, "a") == pytest.approx(0.7)
    assert discriminator_accuracy([{"step": 1}], "a") is None and discriminator_accuracy([], "b") is None


def board_on(x):
    board = torch.ones(16, 16)
    board[::2, ::2] = board[1::2, 1::2] = -1
    return (0.6 * x + 0.4 * board).flip(0)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("output equals input", lambda x: x * 0.98),
        ("colour inversion", lambda x: -x),
        ("collapse", lambda x: x[:1].expand_as(x) * 0.1 + 0.9 * x.mean()),
        ("checkerboards", board_on),
    ],
)
def test_each_sick_pattern_is_named_alone_and_with_advice(seasons16, name, function):
    a, b = to_float(seasons16.test_a), to_float(seasons16.test_b)
    model = SimpleNamespace(generator_ab=Answers(a, b), generator_ba=Answers(b, a))
    assert diagnose(model, a, b) == []
    model.generator_ab = Function(function)
    found = diagnose(model, a, b)
    assert len(found) == 1 and found[0].startswith(f"A to B: {name} (") and found[0].endswith(ADVICE[name]), (
        found
    )
    assert set(LIMITS) == {"change", "diversity", "details", "grid", "accuracy"}


def test_a_discriminator_that_always_wins_is_named_for_its_direction(seasons16):
    records = [
        {
            "step": 1,
            "accuracy_real_b": 0.99,
            "accuracy_fake_b": 0.99,
            "accuracy_real_a": 0.6,
            "accuracy_fake_a": 1.0,
        }
    ]
    a, b = to_float(seasons16.test_a), to_float(seasons16.test_b)
    (found,) = diagnose(perfect(seasons16), a, b, records)
    assert found.startswith("A to B: D too strong (accuracy 0.99)")


def test_the_shipped_model_is_healthy():
    pairs = load_seasons(64, 1, 24)
    assert diagnose(load(shipped_weights(), "cpu"), to_float(pairs.test_a), to_float(pairs.test_b)) == []


# Figures


def test_the_health_figure_of_a_run_has_its_curves_and_its_strip(tmp_path):
    tiny_run(tmp_path / "run", sample_every=2)
    figure = training_health(tmp_path / "run")
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[:3] == ["D is right", "held-out L1 error", "losses"]
    assert [t for t in titles if t.startswith("step")] == ["step 2", "step 4", "step 6"]
    assert [len(axis.lines) for axis in figure.axes[:3]] == [5, 2, 4]
    strip = [axis for axis in figure.axes if axis.images]
    assert len(strip) == 6 and {axis.images[0].get_size() for axis in strip} == {(16, 16)}
    with pytest.raises(RunError, match=r"no .*metrics\.jsonl"):
        training_health(tmp_path)


def test_the_gallery_shows_the_worst_first_then_middle_and_best():
    pictures = flat(*[i / 10 for i in range(10)])
    errors = torch.tensor([0.1, 0.9, 0.3, 0.8, 0.5, 0.0, 0.7, 0.2, 0.6, 0.4])
    figure = failure_gallery(pictures, pictures, pictures, errors, worst=3)
    top = [axis.get_title() for axis in figure.axes[:5]]
    assert [t.split("\n")[1] for t in top] == ["0.900", "0.800", "0.700", "0.400", "0.000"]
    first = figure.axes[0].images[0].get_array()
    # Picture number 1 has the largest error
    assert float(first.mean()) == pytest.approx((0.1 + 1) / 2, abs=1e-6)


# The command


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("evaluated") / "run"
    tiny_run(run_dir, load_seasons(16, 20, 4))
    return run_dir


@pytest.fixture
def quick_classifier(monkeypatch):
    """For tests that do not look at what passes."""
    monkeypatch.setattr("minicyclegan.evaluation.train_classifier", partial(train_classifier, steps=1))


def test_the_command_prints_the_notebooks_table_and_as_json_the_same_numbers(run_dir, monkeypatch):
    code, text, _ = call("evaluate", run_dir, "--pictures", 6, "--device", "cpu")  # to the bit
    assert code == 0
    config = Config(**read_checkpoint(run_dir / "last.pt")["config"])
    model = load(run_dir / "last.pt")
    report = measured(model, load_domains(config.data, 16), None, 6)
    assert text.startswith("\n".join(report_lines(report | {"notes": []})))
    assert report["directions"] == quality_report(model, load_domains(config.data, 16), None, 6)["directions"]
    assert f"--twin-steps {config.steps}" in text and "gap_closed 0" not in text
    assert "true pairs, as seasons is made; --paired no" in text
    assert text.index("passes for B") < text.index("distance to")
    code, text, error = call("evaluate", run_dir, "--pictures", 6, "--json", "--device", "cpu")
    assert code == 0 and not error
    given = json.loads(text)
    assert given["directions"] == report["directions"] and given["distances"] == report["distances"]
    assert given["data"] == "seasons" and given["twin"] is None


def test_the_twin_is_trained_once_then_read_and_retrained_for_other_steps(
    run_dir, monkeypatch, quick_classifier
):
    trained = []

    def counted(config, source, target, steps):
        trained.append(steps)
        return supervised_twin(config, source, target, steps)

    monkeypatch.setattr("minicyclegan.evaluation.supervised_twin", counted)
    code, text, error = call("evaluate", run_dir, "--pictures", 6, "--twin-steps", 3)
    assert code == 0 and text.count("gap_closed") == 2 and "3 steps on 1000 true pairs" in text
    assert "training the twin A to B: 3 steps" in error and trained == [3, 3]
    assert "twin.pt" in files_in(run_dir)
    for arguments in (("--twin-steps", 3), ()):
        again = call("evaluate", run_dir, "--pictures", 6, *arguments)
        assert again[:2] == (0, text) and trained == [3, 3]
    assert call("evaluate", run_dir, "--pictures", 6, "--twin-steps", 2)[0] == 0 and trained == [3, 3, 2, 2]
    (run_dir / "twin.pt").unlink()


def test_an_unpaired_folder_is_evaluated_without_the_truth(run_dir, tmp_path):
    folder = make_folder(tmp_path / "noise", n=4)
    for path in (folder / "testA").iterdir():
        path.rename(path.with_stem("a" + path.stem))
    code, text, _ = call("evaluate", run_dir / "last.pt", "--data", folder)
    assert code == 0 and "not true pairs" in text and "passes for B" in text and "doing nothing" in text
    assert text.index("distance to 4 real pictures of B") < text.index(
        "passes for B"
    )  # it is the headline there
    assert (
        "4 pictures of A, no interval" in text
        and " to " not in text.split("passes for B")[1].split("there")[0]
    )
    code, _, error = call("evaluate", run_dir, "--data", folder, "--twin-steps", 2)
    assert code == 1 and "no true pairs" in error and error.count("\n") == 1
    assert "twin.pt" not in files_in(run_dir)


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_no_run_is_one_sentence(tmp_path, what):
    if what == "empty":
        (tmp_path / what).mkdir()
    code, text, error = call("evaluate", tmp_path / what)
    assert code == 1 and not text and error.startswith("minicyclegan: ") and error.count("\n") == 1
    assert "folder of a run" in error


def test_weights_without_a_run_folder_are_evaluated_too_and_the_health_figure_is_written(
    run_dir, tmp_path, quick_classifier
):
    export_weights(run_dir / "last.pt", tmp_path / "weights.pt")
    assert call("evaluate", tmp_path / "weights.pt", "--pictures", 4)[0] == 0
    assert files_in(tmp_path) == ["weights.pt"]
    assert call("evaluate", run_dir, "--pictures", 4, "--health", tmp_path / "health.png")[0] == 0
    assert (tmp_path / "health.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_function_of_the_command_refuses_what_the_twin_cannot_learn_from(tmp_path):
    run_dir = tmp_path / "run"
    tiny_run(run_dir, tiny_domains(paired=False), data=str(make_folder(tmp_path / "pairs", n=4)))
    for path in (tmp_path / "pairs" / "trainA").iterdir():
        path.rename(path.with_stem("x" + path.stem))
    with pytest.raises(DataError, match="no equal file names"):
        cli_evaluate.report_of(run_dir, twin_steps=2, progress=lambda line: None, paired="yes")


def test_pairs_are_believed_or_not_as_told(run_dir, tmp_path, quick_classifier):
    code, text, _ = call("evaluate", run_dir, "--pictures", 6, "--paired", "no")
    assert code == 0 and "not true pairs" in text
    assert text.index("distance to") < text.index("passes for B")
    folder = make_folder(tmp_path / "noise", n=6)
    options = ("evaluate", run_dir, "--data", folder, "--json")
    for paired in ("auto", "yes"):
        code, text, error = call(*options, "--paired", paired)
        report = json.loads(text)
        assert code == 0 and report["paired"] == (paired == "yes")
        assert error.splitlines() == report["data_notes"] and any(
            "pairs" in line for line in error.splitlines()
        )
        assert ("--paired yes" in error) and "paired=" not in error


def test_one_test_picture_has_no_interval(run_dir, tmp_path, quick_classifier):
    folder = make_folder(tmp_path / "noise", n=6)
    for path in sorted((folder / "testA").iterdir())[1:]:
        path.unlink()
    code, text, _ = call("evaluate", run_dir, "--data", folder)
    assert code == 0 and "A to B, 1 held-out picture\n" in text and "one picture of A, no interval" in text
    first, second = text.split("B to A")
    (line,) = [line for line in first.splitlines() if line.startswith("there and back")]
    assert line.count("(no interval)") == 3 and " to " not in line
    (line,) = [line for line in second.splitlines() if line.startswith("there and back")]
    assert line.count(" to ") == 3
    directions = json.loads(call("evaluate", run_dir, "--data", folder, "--json")[1])["directions"]
    assert directions["ab"]["rows"]["CycleGAN"]["passes"]["low"] is None
    # six real pictures of B
    assert directions["ab"]["rows"]["real pictures"]["passes"]["low"] is not None


def test_data_that_are_gone_name_the_option_and_data_that_moved_keep_their_twin(tmp_path, quick_classifier):
    folder, run = make_folder(tmp_path / "pairs", n=6), tmp_path / "run"
    tiny_run(run, load_domains(str(folder), 16, 18, paired="yes"), data=str(folder), load_size=18)
    assert call("evaluate", run, "--paired", "yes", "--twin-steps", 2)[0] == 0
    folder.rename(tmp_path / "moved")
    code, text, error = call("evaluate", run)
    assert code == 1 and not text and error.count("\n") == 1
    assert f"the data of this run, {folder}, are not there" in error and "--data FOLDER" in error
    options = ("evaluate", run, "--paired", "yes", "--data")
    code, text, _ = call(*options, tmp_path / "moved")
    assert code == 0 and text.count("gap_closed") == 2 and "2 steps on 6 true pairs" in text
    code, text, _ = call(*options, make_folder(tmp_path / "others", n=7))
    assert code == 0 and "gap_closed 0" not in text and "so it is not used here" in text


def test_label_maps_have_their_own_table_where_a_palette_names_the_classes(
    run_dir, tmp_path, quick_classifier
):
    folder = make_folder(tmp_path / "maps", n=6)
    bands = torch.tensor([[255, 0, 0], [0, 0, 255]]).to(torch.uint8)
    for i, path in enumerate(sorted((folder / "testB").iterdir())):
        place = (torch.arange(20) > 4 + i).long()
        to_image(to_float(bands[place].T[:, None].expand(3, 20, 20))).save(path)
    (folder / "palette.txt").write_text("left 255 0 0\nright 0 0 255\n")
    options = ("evaluate", run_dir, "--data", folder)
    code, text, _ = call(*options, "--paired", "yes")
    assert code == 0 and "label maps, 6 true ones" in text and "pixel accuracy" in text
    assert [line.split()[-3:] for line in text.splitlines() if "Cityscapes" in line] == [
        ["0.58", "0.22", "0.16"],
        ["0.85", "0.40", "0.32"],
    ]
    assert text.index("label maps") < text.index("B to A, 6")
    report = json.loads(call(*options, "--paired", "yes", "--json")[1])["label_maps"]
    assert report["way"] == "ab" and set(report["classes"]) == {"left", "right"}
    code, text, _ = call(*options, "--paired", "no")
    assert code == 0 and "label maps: " in text and "no true pairs to compare with" in text
    (tmp_path / "bad.txt").write_text("left 255 0\n")
    code, text, error = call(*options, "--palette", tmp_path / "bad.txt")
    assert code == 1 and not text and "line 1 of" in error and error.count("\n") == 1
