"""On a CUDA GPU: what tests/test_recording.py rehearses on the CPU. Skipped, and listed so, where there is none.

`python -m pytest -n 0 -m cuda tests` runs these alone; benchmarks/on_a_gpu.sh begins with them.
"""

import copy
import dataclasses

import pytest
import torch
from conftest import ON_CUDA, tiny_config, tiny_domains, tiny_run
from test_two_threads import batches_of

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.fast.batches import ResidentBatches, batches_for, on_the_way
from minicyclegan.fast.cuda import compile_turns, store_like_weights
from minicyclegan.fast.recording import RecordedTurn
from minicyclegan.runs.devices import choose_device
from minicyclegan.training import Trainer

pytestmark = ON_CUDA
GPU = torch.device("cuda")
CONFIG = tiny_config(
    image_size=32, identity_share=0.5, cycle_noise=0.05, discriminator_noise=0.05, learning_rate=2e-4
)


def plainly(trainer: Trainer) -> None:
    """Without recordings, one direction after the other."""
    for name in ("generators_turn", "discriminators_turn"):
        vars(trainer.model).pop(name)
    trainer.model.learn = CycleGAN(trainer.config).learn


def trained(change=lambda trainer: None, dtype=torch.float32, steps: int = 6, config=CONFIG):
    trainer, losses = Trainer(config, GPU, dtype), []
    change(trainer)
    for batch in batches_of(dataclasses.replace(config, image_size=16), steps):
        batch = [torch.nn.functional.interpolate(real, size=config.image_size).to(GPU) for real in batch]
        losses.append(trainer.train_on(*batch))
    return trainer, [{name: float(loss) for name, loss in step.items()} for step in losses]


def assert_near(found: list[dict], expected: list[dict], rel: float) -> None:
    for name in ("identity", "cycle", "gan_ab", "gan_ba", "discriminator_a", "discriminator_b"):
        if name in expected[0]:
            assert found[0][name] == pytest.approx(expected[0][name], rel=rel), name
    assert [step["cycle"] for step in found] == pytest.approx([step["cycle"] for step in expected], rel=0.02)


def test_a_recorded_step_has_the_losses_of_a_plain_one():
    trainer, found = trained()
    _, expected = trained(plainly)
    turns = trainer.model.generators_turn, trainer.model.discriminators_turn
    assert all(isinstance(turn, RecordedTurn) and turn.works for turn in turns)
    assert len(turns[0].recordings) == 2, "with the identity loss, and without it"
    assert_near(found, expected, 1e-4)


def test_a_compiled_step_has_the_losses_of_a_plain_one():
    said = []

    def change(trainer):
        compile_turns(trainer, "yes", said.append)
        trainer.model.generators_turn.say = trainer.model.discriminators_turn.say = said.append

    trainer, found = trained(change)
    assert len(said) == 1, said
    assert_near(found, trained(plainly)[1], 1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_near_fp32(dtype):
    assert_near(trained(dtype=dtype)[1], trained(plainly)[1], 0.02)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
def test_no_step_waits_for_the_gpu(dtype):
    config = dataclasses.replace(CONFIG, ema_decay=0.9, pool_size=3)
    trainer, domains = Trainer(config, GPU, dtype), tiny_domains()
    batches = batches_for(domains, dataclasses.replace(config, image_size=16), GPU)
    assert isinstance(batches, ResidentBatches)
    for step in range(6):  # both recordings of the generators' turn are made
        trainer.train_on(*batches.batch(step))
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in range(6, 10):
            trainer.train_on(*batches.batch(step))
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_resident_batches_and_sent_ones_are_the_same_bits():
    domains, config = tiny_domains(), tiny_config()
    given = domains.train_a, domains.train_b, config.image_size, config.batch_size, config.seed
    resident, plain = ResidentBatches(*given, GPU), batches_for(domains, config, torch.device("cpu"))
    with on_the_way(plain, 4, GPU) as sent:
        for step in range(4):
            for a, b in zip(resident.batch(step), sent(step)):
                assert a.is_cuda and b.is_cuda and torch.equal(a, b)


def test_a_resumed_run_has_the_same_schedule_pools_and_order(tmp_path):
    one, two = runs_of(tmp_path, {})
    assert one.step == two.step and one.sums.keys() == two.sums.keys()
    assert torch.equal(one.pool_a.generator.get_state(), two.pool_a.generator.get_state())
    assert len(one.pool_a.pictures) == len(two.pool_a.pictures)
    assert one.optimizer_g.param_groups[0]["lr"] == two.optimizer_g.param_groups[0]["lr"]


def test_a_deterministic_run_resumes_to_the_same_bits(tmp_path):
    one, two = runs_of(tmp_path, {"deterministic": True})
    for name, weight in one.model.state_dict().items():
        assert torch.equal(weight, two.model.state_dict()[name]), name
    assert not torch.are_deterministic_algorithms_enabled()


def runs_of(tmp_path, options: dict) -> tuple[Trainer, Trainer]:
    """A run in one go, and one that was stopped after three of six steps and resumed."""
    options = {"device": "cuda", "precision": "auto", "checkpoint_every": 3, **options}
    one = tiny_run(tmp_path / "one", tiny_domains(), **options)
    stop = type("Stop", (), {"is_set": lambda self: (tmp_path / "two" / "last.pt").exists()})()
    tiny_run(tmp_path / "two", tiny_domains(), stop=stop, **options)
    return one, tiny_run(tmp_path / "two", tiny_domains(), resume=True, **options)


def test_a_run_begun_on_a_cpu_goes_on_with_the_same_moments():
    here = Trainer(CONFIG, torch.device("cpu"))
    for batch in batches_of(dataclasses.replace(CONFIG, image_size=16), 2):
        here.train_on(*(torch.nn.functional.interpolate(real, size=32) for real in batch))
    there = Trainer(CONFIG, GPU)
    there.load_state_dict(copy.deepcopy(here.state_dict()))
    store_like_weights(there.optimizer_g), store_like_weights(there.optimizer_d)
    batch = [torch.rand(2, 3, 32, 32) for _ in "ab"]
    here.train_on(*batch), there.train_on(*(real.to(GPU) for real in batch))
    for name, weight in here.model.state_dict().items():
        assert torch.allclose(weight, there.model.state_dict()[name].cpu(), atol=1e-4), name


def test_what_is_chosen_here_is_what_the_card_has():
    _, dtype, sentence = choose_device("cuda")
    capability = torch.cuda.get_device_capability()[0]
    assert dtype == (
        torch.bfloat16 if capability >= 8 else torch.float16 if capability == 7 else torch.float32
    )
    assert torch.cuda.get_device_name() in sentence
