"""What a GPU adds to a step, rehearsed on the CPU: recorded turns, streams, fp16, pictures that stay on the device.

A stand-in does the recorded work again instead of replaying it, into the same places; so everything else is tested here (the
fixed places, the gradients, the pools in between, the two recordings of a run whose identity loss ends). tests/test_cuda.py
runs the same on a GPU.
"""

import copy
import dataclasses

import pytest
import torch
from conftest import random_pictures, tiny_config, tiny_domains, tiny_run
from test_two_threads import SETTINGS, batches_of
from torch.utils._pytree import tree_leaves

from minicyclegan.cyclegan import in_turn
from minicyclegan.data import UnpairedBatches, to_float
from minicyclegan.errors import ParameterError
from minicyclegan.fast import batches, cuda, recording
from minicyclegan.fast.batches import ResidentBatches, batches_for, on_the_way
from minicyclegan.fast.cuda import compile_turns, store_like_weights, use_gpu_well, way_on_cuda
from minicyclegan.fast.norm import WrittenNorm, replace_norms
from minicyclegan.fast.recording import RecordedTurn, on_two_streams, record_turns
from minicyclegan.fast.scaling import scale_gradients
from minicyclegan.generator import Generator
from minicyclegan.training import Trainer, train

CPU = torch.device("cpu")


@pytest.fixture
def rehearsed(monkeypatch) -> list:
    """Recordings on the CPU, one entry for each."""
    made = []

    def capture(self, work):
        for _ in range(recording.WARM_UP):
            work()
            self.forget()
        results = work()
        gradients = [weight.grad for weight in self.weights]
        made.append(self)

        def replay():
            self.forget()
            again = work()
            with torch.no_grad():
                for place, new in zip(tree_leaves(results), tree_leaves(again), strict=True):
                    place.copy_(new)
                for place, weight in zip(gradients, self.weights, strict=True):
                    place.copy_(weight.grad)
            self.forget()

        return replay, results

    monkeypatch.setattr(RecordedTurn, "capture", capture)
    return made


def trained(config, change=lambda trainer: None, steps: int = 6, dtype=torch.float32, kind=torch.float64):
    """A trainer after some steps, and the losses of each, in float64 unless `kind` is something else."""
    trainer, losses = Trainer(config, CPU, dtype), []
    trainer.model.learn = in_turn
    trainer.model.to(kind)
    trainer.average = trainer.average and trainer.average.to(kind)
    change(trainer)
    for batch in batches_of(config, steps, kind):
        found = trainer.train_on(*batch)
        losses.append(found)
    return trainer, [{name: float(loss) for name, loss in found.items()} for found in losses]


def same_weights(one: Trainer, other: Trainer, **tolerance) -> bool:
    weights = other.model.state_dict()
    return all(torch.allclose(weights[name], w, **tolerance) for name, w in one.model.state_dict().items())


@pytest.mark.parametrize("changes", SETTINGS.values(), ids=SETTINGS)
def test_a_recorded_step_trains_as_it_stands(changes, rehearsed):
    config = tiny_config(**changes)
    plain, expected = trained(config)
    quick, found = trained(config, lambda trainer: record_turns(trainer.model))
    assert found == expected, "losses that were kept over the steps are those of their step"
    assert same_weights(plain, quick, rtol=0, atol=0)
    kinds = 2 if 0 < config.identity_share < 1 and config.lambda_identity else 1
    assert len(rehearsed) == kinds + 1, "each turn is recorded once for each of its forms"


def test_a_run_may_begin_to_record_anywhere_and_resume(rehearsed):
    config = tiny_config(discriminator_noise=0.1)
    plain, _ = trained(config)
    first, _ = trained(config, steps=3)
    second = Trainer(config, CPU)
    second.model.double(), second.average.double()
    second.model.learn = in_turn
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    record_turns(second.model)
    for batch in batches_of(config, 6, torch.float64)[3:]:
        second.train_on(*batch)
    assert same_weights(plain, second, rtol=0, atol=0)
    assert second.state_dict().keys() == plain.state_dict().keys(), (
        "what is recorded is no part of a checkpoint"
    )


def test_where_recording_fails_the_run_says_so_in_one_line_and_goes_on(monkeypatch):
    def fails(self, work):
        work()
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore\nlines")

    monkeypatch.setattr(RecordedTurn, "capture", fails)
    said, config = [], tiny_config()
    plain, expected = trained(config)
    quick, found = trained(config, lambda trainer: record_turns(trainer.model, said.append))
    assert found == expected and same_weights(plain, quick, rtol=0, atol=0)
    assert len(said) == 2 and all(line.count("\n") == 0 and "as it stands" in line for line in said)
    assert "operation not permitted" in said[0]


def test_where_compiling_fails_the_step_is_recorded_without(rehearsed, monkeypatch):
    def no_compiler(*given, **options):
        raise ImportError("no Triton here")

    monkeypatch.setattr(torch, "compile", no_compiler)
    said, config = [], tiny_config(steps=6)

    def change(trainer):
        record_turns(trainer.model, said.append)
        compile_turns(trainer, "yes", said.append)

    plain, expected = trained(config)
    quick, found = trained(config, change)
    assert "compiling" in said[0] and "6 steps" in said[0]
    assert "runs without (ImportError: no Triton here)" in said[1] and len(said) == 3
    assert found[0] == pytest.approx(expected[0]) and len(rehearsed) == 2
    assert not any(type(layer) is WrittenNorm for layer in quick.model.modules()), "its norms are put back"
    assert all("forward" not in vars(network) for network in quick.model.children())


def test_compiled_networks_stand_in_for_a_recording_only(rehearsed, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda forward, **options: compiled.append(forward) or forward)
    config = tiny_config()

    def change(trainer):
        record_turns(trainer.model)
        compile_turns(trainer, "yes", lambda line: None)
        assert trainer.stored is torch.channels_last

    _, expected = trained(config)
    quick, found = trained(config, change)
    assert len(compiled) == 8, "four networks, in each of two recordings"
    assert found[0] == pytest.approx(expected[0], rel=1e-9)
    assert all("forward" not in vars(network) for network in quick.model.children())


@pytest.mark.parametrize("compile, steps, done", [("auto", 9_999, False), ("auto", 10_000, True), ("no", 10**6, False)])  # fmt: skip
def test_compiling_is_chosen_by_the_steps_that_are_left_and_said(compile, steps, done):
    said, trainer = [], Trainer(tiny_config(steps=steps), CPU)
    compile_turns(trainer, compile, said.append)
    assert not said, "nothing is compiled on a CPU"
    record_turns(trainer.model)
    compile_turns(trainer, compile, said.append)
    assert bool(said) == done == bool(trainer.model.generators_turn.compiled)
    if done:
        assert "10,000 steps" in said[0] and "compile=no" in said[0]


def test_a_wrong_word_for_compile_is_refused_before_there_is_a_folder(tmp_path):
    with pytest.raises(ParameterError, match="compile must be auto, yes or no, but it is 'maybe'"):
        train(tiny_config(), tiny_domains(), tmp_path / "run", compile="maybe")
    assert not (tmp_path / "run").exists()


def test_where_nothing_learns_nothing_is_recorded(rehearsed):
    trainer = Trainer(tiny_config(), CPU)
    record_turns(trainer.model)
    losses, *fakes = trainer.model.generator_losses(*batches_of(trainer.config, 1)[0])
    assert not rehearsed and losses["cycle"].requires_grad


def test_gradients_that_are_there_are_added_to(rehearsed):
    trainer = Trainer(tiny_config(), CPU)
    trainer.model.learn = in_turn
    given = *batches_of(trainer.config, 1)[0], trainer.model.draw_noise(*batches_of(trainer.config, 1)[0])
    trainer.model.generators_turn(*given, True, in_turn)
    weight = next(trainer.model.generator_ab.parameters())
    once = weight.grad.clone()
    record_turns(trainer.model)
    trainer.model.generators_turn(*given, True, in_turn)
    assert torch.allclose(weight.grad, 2 * once) and not rehearsed


# Which way is taken, and Adam's moments


def test_one_picture_of_256_px_goes_through_two_streams_and_more_in_turn():
    config = tiny_config(image_size=256, batch_size=1)
    assert way_on_cuda(config) is on_two_streams
    assert way_on_cuda(dataclasses.replace(config, batch_size=2)) is in_turn


def test_two_streams_meet_before_one_backward_pass_and_after_it(on_streams):
    """One pass: the weight is given one gradient, the sum of all."""
    weight = torch.ones(2, requires_grad=True)
    weight.register_hook(lambda gradient: on_streams.append("backward"))

    def job(x: float):
        on_streams.append(f"job {x:g}")
        return {"one": (x * weight).sum(), "two": (x * x * weight).sum()}, x * weight

    (losses, found), (_, other) = on_two_streams(lambda: job(3.0), lambda: job(5.0))
    assert on_streams == [
        "other waits for here", "job 3", "on other", "job 5", "off other", "here waits for other",
        "[] kept for here", "[] kept for here", "[2] kept for here", "backward", "here waits for other",
    ]  # fmt: skip
    assert weight.grad.tolist() == [3 + 9 + 5 + 25] * 2
    assert (losses, found.tolist(), other.tolist()) == ({"one": 6.0, "two": 18.0}, [3.0, 3.0], [5.0, 5.0])
    assert not any(x.requires_grad for x in (*losses.values(), found, other))


def test_two_streams_give_the_same_step_and_meet_around_one_backward_pass(on_streams):
    config = tiny_config()
    plain, expected = trained(config)
    quick, found = trained(config, lambda trainer: setattr(trainer.model, "learn", on_two_streams))
    assert found[0] == pytest.approx(expected[0]) and same_weights(plain, quick, atol=1e-9)


def test_moments_from_another_device_are_stored_like_their_weights():
    """Fused Adam goes through both in the order of the memory: with other strides it would pair wrong numbers."""
    straight, _ = trained(tiny_config(), steps=4)
    other, _ = trained(tiny_config(), steps=3)
    for state in other.optimizer_g.state.values():  # as a checkpoint of a run on a GPU has them
        for name in ("exp_avg", "exp_avg_sq"):
            state[name] = state[name].contiguous()
    weights = [w for w in other.model.generator_ab.parameters() if w.ndim == 4]
    assert any(w.stride() != other.optimizer_g.state[w]["exp_avg"].stride() for w in weights)
    store_like_weights(other.optimizer_g)
    other.train_on(*batches_of(other.config, 4, torch.float64)[3])
    assert same_weights(straight, other, rtol=0, atol=0)


def test_the_written_norm_is_an_instance_norm():
    network, picture = Generator(4, 1), to_float(random_pictures(2, 16, seed=0))
    expected = network(picture)
    replace_norms(network, WrittenNorm)
    assert torch.allclose(network(picture), expected, atol=1e-5)
    assert sum(type(layer) is WrittenNorm for layer in network.modules()) >= 5


# fp16


def test_enlarged_gradients_change_nothing_where_rounding_is_small():
    def in_fp16s_way(trainer):
        scale_gradients(trainer.model, trainer.optimizer_g, trainer.optimizer_d)

    config = tiny_config(cycle_noise=0.1)
    plain, expected = trained(config, kind=torch.float32)
    quick, found = trained(config, in_fp16s_way, kind=torch.float32)
    assert found[0] == expected[0], "the factor is a power of two"
    assert [f["cycle"] for f in found] == pytest.approx([e["cycle"] for e in expected], rel=1e-4)
    assert same_weights(plain, quick, atol=1e-4)


def test_a_step_that_overflows_changes_no_weight_and_halves_the_factor():
    trainer = Trainer(tiny_config(), CPU, torch.float16)
    before = [weight.clone() for weight in trainer.model.parameters()]
    factor = trainer.optimizer_g.state_dict()["param_groups"][0]["scaler"]["scale"]
    real_a, real_b = batches_of(trainer.config, 1)[0]
    trainer.train_on(real_a * float("inf"), real_b)
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.model.parameters()))
    assert trainer.optimizer_g.state_dict()["param_groups"][0]["scaler"]["scale"] == factor / 4, (
        "in each turn"
    )
    trainer.train_on(real_a, real_b)
    assert not all(torch.equal(a, b) for a, b in zip(before, trainer.model.parameters()))


def test_fp16_trains_near_fp32_and_its_factor_is_resumed(rehearsed):
    config = tiny_config(steps=6)
    batches = batches_of(config, 6)
    runs = {}
    for dtype in (torch.float32, torch.float16):
        trainer = Trainer(config, CPU, dtype)
        runs[dtype] = [
            {name: float(loss) for name, loss in trainer.train_on(*batch).items()} for batch in batches
        ]
    exact, half = runs.values()
    for name in ("identity", "cycle", "gan_ab", "gan_ba", "discriminator_a", "discriminator_b"):
        assert half[0][name] == pytest.approx(exact[0][name], rel=0.002), name
    # After the first step Adam makes more of a little rounding, most in the losses of the game
    assert [step["cycle"] for step in half] == pytest.approx([step["cycle"] for step in exact], rel=0.02)
    state = copy.deepcopy(trainer.state_dict())
    state["optimizer_g"]["param_groups"][0]["scaler"]["scale"] = 1024.0
    state["optimizer_d"]["param_groups"][0]["scaler"]["scale"] = 1024.0
    again = Trainer(config, CPU, torch.float16)
    again.load_state_dict(state)
    assert again.optimizer_d.state_dict()["param_groups"][0]["scaler"]["scale"] == 1024.0
    Trainer(config, CPU).load_state_dict(state)  # and one of fp32 goes on without it


def test_a_run_in_fp16_resumes_to_the_same_bits(tmp_path):
    one = tiny_run(tmp_path / "one", tiny_domains(), precision="fp16", checkpoint_every=3)
    stop = type("Stop", (), {"is_set": lambda self: (tmp_path / "two" / "last.pt").exists()})()
    stopped = tiny_run(tmp_path / "two", tiny_domains(), precision="fp16", checkpoint_every=3, stop=stop)
    two = tiny_run(tmp_path / "two", tiny_domains(), precision="fp16", checkpoint_every=3, resume=True)
    assert stopped.step == 3 and one.step == two.step and same_weights(one, two, rtol=0, atol=0)


# Batches


def test_batches_made_on_the_device_are_the_librarys_to_the_bit():
    domains = tiny_domains()
    given = domains.train_a, domains.train_b, 12, 3, 5
    made, expected = ResidentBatches(*given, CPU), UnpairedBatches(*given)
    for step in (0, 1, 7):
        assert all(torch.equal(a, b) for a, b in zip(made.batch(step), expected.batch(step)))


def test_pictures_stay_on_a_gpu_that_has_room_for_them(monkeypatch):
    domains, config, gpu = tiny_domains(), tiny_config(), torch.device("cuda")
    monkeypatch.setattr(batches.ResidentBatches, "__init__", lambda self, *given: None)
    for free, resident in ((10**9, True), (10**4, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**10))
        assert isinstance(batches_for(domains, config, gpu), ResidentBatches) == resident
    assert type(batches_for(domains, config, CPU)) is UnpairedBatches


def test_batches_come_with_and_without_threads():
    domains, config = tiny_domains(), tiny_config()
    plain = batches_for(domains, config, CPU)
    given = domains.train_a, domains.train_b, config.image_size, config.batch_size, config.seed
    for source in (plain, ResidentBatches(*given, CPU)):
        with on_the_way(source, 4, CPU) as batch:
            assert all(torch.equal(a, b) for a, b in zip(batch(2), plain.batch(2)))


def test_a_cpu_is_left_as_it_is():
    before = torch.backends.cudnn.benchmark
    with cuda.cuda_settings(CPU, deterministic=True):
        assert not torch.are_deterministic_algorithms_enabled() and torch.backends.cudnn.benchmark == before
    model = Trainer(tiny_config(), CPU).model
    use_gpu_well(model)
    assert not isinstance(model.generators_turn, RecordedTurn)
