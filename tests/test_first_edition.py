"""Student copies of the first edition, handed out before the library got its present rooms, run with the library of today."""

import importlib
import sys

import pytest
import torch
from conftest import ROOT, tiny_config

import minicyclegan
from minicyclegan.course import first_edition
from minicyclegan.course.cards import cards, read_notebook
from minicyclegan.cyclegan import CycleGAN, ImagePool, in_turn
from minicyclegan.grading.kernel import spelled
from minicyclegan.training import Trainer

sys.path.insert(0, str(ROOT / "docs"))
import architecture  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def as_it_was_afterwards():
    """An old module that is imported changes a method of CycleGAN; no other test file shall see that."""
    turn = CycleGAN.generators_turn
    yield
    CycleGAN.generators_turn = turn
    for old in first_edition.MOVED:
        if isinstance(
            getattr(sys.modules.get(f"minicyclegan.{old}"), "__loader__", None), first_edition.OldModules
        ):
            del sys.modules[f"minicyclegan.{old}"]


# What the notebooks of commit d249c98 import, module by module
IMPORTED = """
ahead: Ahead read_all
app: translator_app
board: TrainingBoard curves
checkpoint: append_line load read_checkpoint save_next write_file write_json
checks: check_article_bce check_article_cycle check_article_discriminators check_article_step check_article_translations check_bootstrap check_both_sides check_cycle_consistency_loss check_dead_biases check_fair_comparison check_five_mistakes check_fresh_crops check_game_losses check_gan_loss check_generators_objective check_hidden check_identity check_image_pool check_init_weights check_judge_of_70 check_lambda_order check_learning_rate_factor check_loss_for_real check_mean_error check_noise check_one_pixel check_other_pair check_patch_discriminator check_psnr check_random_crop_flip check_range check_receptive_field check_residual_block check_resume check_runs_needed check_sizes check_training_length check_training_step check_turns check_unpaired_draw check_update_average check_verdict
checkup: check_folder check_two_folders require_two_folders
cycle_loss: cycle_consistency_loss identity_loss
cyclegan: CycleGAN ImagePool
data: Domains UnpairedBatches load_domains load_folder load_seasons to_float to_uint8
devices: choose_device
diagrams: cycle_diagram network_diagram
discriminator: PatchDiscriminator
emoji: load_emoji
errors: DataError ParameterError RunError
export: export_onnx
faces: load_faces
figures: COLOUR_A COLOUR_B COLOUR_FAKE COLOUR_GREY failure_gallery plot_metrics show show_pictures side_by_side training_health
gan_loss: discriminator_loss gan_loss generator_loss
generator: Generator init_weights
images: as_batch list_images read_image to_image to_tensor
locks: signals_wait
looks: alike_groups look_at_all
measures: kernel_distance report_lines
notebooks: course_folder shipped_weights
parameters: Config check_name check_parameters
plane_app: cycle_in_the_plane game_in_the_plane
plane_figures: cycle_twin game_twin
progress: progress_lines watched
resuming: go_on
runs: Progress after_numbers_went_wrong open_run read_metrics require_space trim_metrics
samples: held_out_error
seasons: N_FLOWERS draw sample_scenes
sweep: read_sweep written
training: Trainer learning_rate_factor train
twins: known_twins training_pairs
two_cores: TwoCoreCycleGAN threads_for_each use_quick_norms
widgets: cycle_figure cycle_viewer lambda_figure lambda_slider receptive_field_explorer receptive_field_figure
"""
NAMES = [
    (module, name)
    for module, names in (line.split(": ") for line in IMPORTED.strip().splitlines())
    for name in names.split()
]


@pytest.mark.parametrize("module, name", NAMES, ids=".".join)
def test_what_the_first_edition_imports_is_found_where_it_was(module, name):
    assert getattr(importlib.import_module(f"minicyclegan.{module}"), name) is not None


@pytest.mark.parametrize("old", first_edition.MOVED)
def test_every_old_module_leads_to_modules_that_exist_and_knows_nothing_else(old):
    module = importlib.import_module(f"minicyclegan.{old}")
    for place in first_edition.MOVED[old]:
        importlib.import_module(f"minicyclegan.{place}")
    with pytest.raises(ImportError, match="nonsense"):
        exec(f"from minicyclegan.{old} import nonsense", {})
    assert module.__name__ == f"minicyclegan.{old}"


def test_an_answer_that_was_called_otherwise_is_found_by_the_grader():
    former = first_edition.FORMER_ANSWERS
    paths = (ROOT / "notebooks").glob("*.ipynb")
    asked = {
        name for path in paths for card in cards(read_notebook(path), path.stem) for name in card.answers
    }
    assert former.keys() <= asked and not asked & {*former.values()}
    both = ["discriminator_turn", "generator_turn"]
    assert spelled(both, former, {"judge_turn": 1, "generator_turn": 2}) == ["judge_turn", "generator_turn"]
    assert spelled(both, former, {"judge_turn": 1, "discriminator_turn": 2}) == both
    assert spelled(both, former, {}) == both, "what is missing is asked for by its present name"


def test_the_library_itself_uses_no_old_name():
    assert [one for one in architecture.imports() if one.imported not in architecture.modules()] == []


def test_the_finder_is_there_once_however_often_the_package_is_loaded():
    first_edition.install()
    first_edition.install()
    assert sum(type(finder).__name__ == "OldModules" for finder in sys.meta_path) == 1


def replaced(model: CycleGAN, real_a, real_b, with_identity=True):
    """As notebook 11 of the first edition wrote the article's loss: of a whole step, in place of `generator_losses`."""
    fake_b, fake_a = model.generator_ab(real_a), model.generator_ba(real_b)
    return {"gan_ab": model.discriminator_b(fake_b).square().mean(), "gan_ba": fake_a.mean()}, fake_a, fake_b


def test_losses_that_a_copy_of_notebook_11_replaces_are_those_that_are_learned_from():
    first_edition.honour_replaced_losses()
    pictures = torch.rand(2, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    trainer = Trainer(tiny_config(), torch.device("cpu"))
    trainer.model.generator_losses = lambda *given: replaced(trainer.model, *given)
    expected, _, _ = replaced(trainer.model, *pictures)
    losses = trainer.train_on(*pictures)
    assert set(losses) >= {"gan_ab", "gan_ba", "discriminator_a"} and "cycle" not in losses
    assert losses["gan_ab"] == pytest.approx(float(expected["gan_ab"]), rel=1e-4)
    assert not any(loss.requires_grad for loss in losses.values())


def test_a_trainer_of_the_first_edition_trains():
    """Its copy of notebook 07 makes its networks by TwoCoreCycleGAN, and calls the step with the same arguments."""
    from minicyclegan.two_cores import TwoCoreCycleGAN, use_quick_norms

    torch.manual_seed(0)
    model = use_quick_norms(TwoCoreCycleGAN(tiny_config(), torch.float32))
    torch.manual_seed(0)
    plain = CycleGAN(tiny_config())
    assert isinstance(model, CycleGAN) and plain.learn is in_turn
    pictures = torch.rand(2, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    told = []
    for one in (model, plain):
        halves = (one.generator_ab, one.generator_ba), (one.discriminator_a, one.discriminator_b)
        adams = [torch.optim.Adam([p for net in half for p in net.parameters()], 1e-3) for half in halves]
        told.append(one.training_step(*pictures, *adams, ImagePool(3), ImagePool(3), True))
    for name, loss in told[0].items():
        assert loss == pytest.approx(float(told[1][name]), rel=1e-4)
    assert minicyclegan.__version__
