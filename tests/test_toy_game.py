"""The games in the plane: the mathematics, the pictures, and the apps as far as they go without a browser."""

import io

import pytest
import torch
from PIL import Image

from minicyclegan.errors import ParameterError
from minicyclegan.widgets.toy_app import LAMBDAS, QUICK, SLOW, cycle_in_the_plane, game_in_the_plane
from minicyclegan.widgets.toy_figures import cycle_figure, cycle_twin, game_figure, game_twin, to_png
from minicyclegan.widgets.toy_game import (
    CLOUDS,
    HALF,
    MODES,
    SHOWN,
    SOURCES,
    Cycle,
    Game,
    cloud,
    cloud_distance,
    coverage,
    opinion,
    push,
    strangers,
    surface,
)


def weights(*players) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for player in players for p in player.parameters()])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --- Clouds and measures ---


@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize("name", SOURCES)
def test_a_cloud_has_its_shape_lies_in_the_plane_and_is_the_same_again(name, even):
    points, along = cloud(name, 400, seeded(), even)
    assert points.shape == (400, 2) and along.shape == (400,)
    assert 0 <= along.min() and along.max() <= 1
    assert name == "noise" or points.abs().max() < HALF
    again, _ = cloud(name, 400, seeded(), even)
    other, _ = cloud(name, 400, seeded(1), even)
    assert torch.equal(points, again) and not torch.equal(points, other)


@pytest.mark.parametrize("name", CLOUDS)
def test_neighbours_along_a_cloud_are_neighbours_in_the_plane(name):
    points, along = cloud(name, 400, seeded(), even=True)
    order = along.argsort()
    steps = (points[order][1:] - points[order][:-1]).norm(dim=1)
    jumps = {"eight blobs": 7, "two moons": 1}.get(name, 0)
    assert int((steps > 0.8).sum()) == jumps


def test_an_even_cloud_gives_every_blob_the_same_share():
    _, along = cloud("eight blobs", 160, seeded(), even=True)
    assert torch.equal(along.unique(return_counts=True)[1], torch.full((8,), 20))


def test_unknown_clouds_and_criteria_are_refused_in_one_sentence():
    for wrong, word in (
        (lambda: Game("square"), "square"),
        (lambda: Cycle(b="x"), "'x'"),
        (lambda: Game(mode="wgan"), "wgan"),
    ):
        with pytest.raises(ParameterError, match=word):
            wrong()


def test_the_distance_of_a_shifted_cloud_is_what_arithmetic_says():
    points, _ = cloud("ring", 200, seeded())
    assert cloud_distance(points, points[torch.randperm(200, generator=seeded())]) < 1e-6
    shifted = cloud_distance(points, points + torch.tensor([0.0, 3.0]))
    assert shifted == pytest.approx(3 * 2 / torch.pi, rel=1e-3)  # the mean of |sin| over all directions


def test_coverage_sees_a_collapse_that_the_fakes_alone_would_hide():
    real, along = cloud("eight blobs", 160, seeded(), even=True)
    assert coverage(real, real) == 1
    one_blob = real[along == along.min()]
    assert coverage(real, one_blob.repeat(8, 1)) == pytest.approx(1 / 8)


def test_strangers_are_none_after_a_turn_many_after_a_fold_and_chance_after_shuffling():
    before, along = cloud("line", 160, seeded(), even=True)
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    assert strangers(before, 2 * before @ turn) == 0
    folded = torch.stack([(along - 0.5).abs(), torch.zeros(160)], 1)
    assert 0.25 < strangers(before, folded) < 0.6
    shuffled = before[torch.randperm(160, generator=seeded(3))]
    assert strangers(before, shuffled) == pytest.approx(0.75, abs=0.06)


# --- The players ---


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", [Game, Cycle])
def test_a_step_of_one_side_leaves_the_other_side_alone(kind, mode):
    game = kind(mode=mode)
    if kind is Game:
        discriminators, generators = [game.discriminator], [game.generator]
    else:
        discriminators, generators = [game.d_a, game.d_b], [game.g, game.f]
        game.lambda_cycle = 3.0
    discriminators_before, generators_before = weights(*discriminators), weights(*generators)
    game.step_d(2)
    assert torch.equal(weights(*generators), generators_before)
    assert not torch.equal(weights(*discriminators), discriminators_before)
    discriminators_before = weights(*discriminators)
    game.step_g(3)
    assert torch.equal(weights(*discriminators), discriminators_before)
    assert not torch.equal(weights(*generators), generators_before)
    assert (game.steps_d, game.steps_g) == (2, 3)


@pytest.mark.parametrize("kind", [Game, Cycle])
def test_rounds_are_steps_in_turn_and_the_seed_decides_all(kind):
    state = torch.get_rng_state()
    games = [kind(seed=4), kind(seed=4), kind(seed=5)]
    games[0].rounds(3)
    for _ in range(3):
        games[1].step_d()
        games[1].step_g()
    games[2].rounds(3)
    fakes = [game.fakes() for game in games]
    assert torch.equal(fakes[0], fakes[1]) and not torch.equal(fakes[0], fakes[2])
    assert torch.equal(torch.get_rng_state(), state), "the caller's random numbers were disturbed"


def test_a_learning_rate_of_zero_stops_a_player_and_can_be_changed_on_the_way():
    game = Game()
    game.lr_d = 0.0
    before = weights(game.discriminator)
    game.rounds(2)
    assert torch.equal(weights(game.discriminator), before)
    game.lr_d = 0.01
    game.step_d()
    assert not torch.equal(weights(game.discriminator), before)


@pytest.mark.parametrize("mode", MODES)
def test_the_arrows_point_where_the_generators_loss_falls(mode):
    game = Game(mode=mode)
    game.step_d(50)
    fakes = game.fakes().double()
    game.discriminator.double()

    def loss(points):
        score = game.discriminator(points).squeeze(1)
        return (score - 1) ** 2 if mode == "lsgan" else torch.nn.functional.softplus(-score)

    with torch.no_grad():
        slope = torch.stack([(loss(fakes + d) - loss(fakes - d)) / 2e-6 for d in 1e-6 * torch.eye(2)], 1)
    arrows = push(game.discriminator, fakes, mode)
    close = (arrows + slope).norm(dim=1) < 1e-5
    # At a kink of LeakyReLU the two differ
    assert arrows.norm(dim=1).max() > 0.1 and close.float().mean() > 0.95


def test_the_surface_is_the_discriminators_opinion_with_the_lowest_row_first():
    game = Game(mode="bce")
    ground = surface(game.discriminator, "bce", side=5)
    corner = opinion(game.discriminator, torch.tensor([[-HALF, -HALF], [HALF, -HALF]]), "bce")
    assert torch.allclose(ground[0, [0, -1]], corner) and 0 <= ground.min() and ground.max() <= 1


def test_what_a_direction_wants_is_the_librarys_with_lambda_as_it_is_now():
    game = Cycle()
    for weight in (0.0, 2.0):
        game.lambda_cycle = weight
        game.learn_g()
        a, b = game.batch()
        losses, fake = game.one_direction(game.g, game.f, game.d_b, a, b, (0.0, 0.0), False)
        assert torch.isclose(losses["cycle"], weight * (game.f(game.g(a)) - a).abs().mean())
        assert losses["gan"] > 0 and torch.equal(fake, game.g(a))


def test_a_played_game_covers_the_blobs_and_a_frozen_judge_does_not_get_there():
    frozen, played = Game(), Game()
    frozen.step_d(150)
    frozen.step_g(150)
    played.rounds(250)
    assert frozen.measure()["coverage"] < 0.4 < 0.8 < played.measure()["coverage"]
    assert played.measure()["distance"] < 0.5 < frozen.measure()["distance"]


def test_the_cycle_loss_brings_the_points_home_and_the_game_alone_does_not():
    found = {}
    for weight in (0.0, 10.0):
        cycle = Cycle(lambda_cycle=weight)
        cycle.rounds(300)
        found[weight] = cycle.measure()
    assert found[10.0]["cycle"] < 0.25 and found[0.0]["cycle"] > 0.8
    assert found[0.0]["strangers"] > found[10.0]["strangers"]
    assert all(measures["distance"] < 0.6 for measures in found.values())


# --- Pictures ---


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("kind", "figure"), [(Game, game_figure), (Cycle, cycle_figure)])
def test_every_pair_of_clouds_can_be_drawn_from_the_start_and_later(kind, figure, mode):
    for real in CLOUDS:
        game = kind(real, CLOUDS[-1], mode=mode)
        pictures = [to_png(figure(game)[0])]
        game.rounds(2)
        pictures.append(to_png(figure(game)[0]))
        assert pictures[0] != pictures[1]
        assert Image.open(io.BytesIO(pictures[1])).size == Image.open(io.BytesIO(pictures[0])).size
        assert "D 2 steps, G 2 steps" in figure(game)[1]


def test_drawing_changes_nothing_in_the_game():
    drawn, other = Game(), Game()
    for game in (drawn, other):
        game.rounds(2)
        if game is drawn:
            game_figure(game)
        game.rounds(2)
    assert torch.equal(drawn.fakes(), other.fakes())


def test_a_game_that_ran_off_to_nan_still_has_a_picture():
    game = Game()
    game.lr_d = game.lr_g = 1e9
    game.rounds(30)
    to_png(game_figure(game)[0])


def test_the_twins_tell_the_facts_of_their_panels():
    figure, facts = game_twin(rounds=20)
    assert list(facts) == [
        "at the start",
        "200 steps of D alone",
        "then 200 of G alone",
        "a new game, 20 rounds",
    ]
    assert facts["200 steps of D alone"]["real"] - facts["200 steps of D alone"]["fake"] > 0.5
    assert len(figure.axes) == 4
    figure, facts = cycle_twin(rounds=20)
    assert list(facts) == [0.0, 1.0, 10.0] and facts[0.0] != facts[10.0] and len(figure.axes) == 6


# --- The apps, without a browser ---


def test_buttons_move_one_player_and_start_anew_is_the_same_game_again():
    app = game_in_the_plane()
    first = app.picture.value
    app.size.value = 1
    app.step_d_button.click()
    assert (app.game.steps_d, app.game.steps_g) == (1, 0) and "D has learned, 1 step;" in app.status.value
    app.step_g_button.click()
    assert (app.game.steps_d, app.game.steps_g) == (1, 1)
    app.rounds_button.click()
    assert (app.game.steps_d, app.game.steps_g) == (11, 11) and app.picture.value != first
    app.reset_button.click()
    assert app.picture.value == first
    app.fresh["seed"].value = 3
    assert app.picture.value != first


def test_the_clock_plays_rounds_and_in_slow_motion_one_players_turn():
    app = game_in_the_plane()
    app.play_button.value = True
    assert app.play.playing and app.play_button.description == "Pause" and app.play.interval == QUICK
    app.play.value = 1
    assert (app.game.steps_d, app.game.steps_g) == (10, 10) and 'aria-live="off"' in app.status.value
    app.slow.value = True
    assert app.play.interval == SLOW
    app.play.value = 2
    assert (app.game.steps_d, app.game.steps_g) == (20, 10)
    app.play.value = 3
    assert (app.game.steps_d, app.game.steps_g) == (20, 20)
    app.play_button.value = False
    assert (
        not app.play.playing
        and app.play_button.description == "Play"
        and 'aria-live="polite"' in app.status.value
    )


def test_rates_and_lambda_act_on_the_running_game_and_clouds_begin_a_new_one():
    app = cycle_in_the_plane()
    game, first = app.game, app.picture.value
    app.live["lambda_cycle"].value = LAMBDAS[-1]
    app.live["lr_g"].value = 0.01
    assert app.game is game and (game.lambda_cycle, game.lr_g) == (50, 0.01)
    assert app.picture.value != first and "lambda_cycle 50" in app.status.value
    app.fresh["a"].value = "line"
    assert app.game is not game and app.game.lambda_cycle == 50, "the sliders hold for the new game too"
    assert app.game.a.shape == (SHOWN, 2)


def test_an_error_in_a_click_is_told_and_stops_the_film(monkeypatch):
    app = game_in_the_plane()
    app.play_button.value = True
    monkeypatch.setattr(app.game, "learn_d", lambda: 1 / 0)
    app.play.value = 1
    assert not app.play.playing and "Error: division by zero" in app.status.value


def test_a_page_without_a_kernel_has_a_sentence_instead():
    for make in (game_in_the_plane, cycle_in_the_plane):
        assert "in the plane" in make()._repr_mimebundle_()["text/plain"]
