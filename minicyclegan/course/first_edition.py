"""Names that student copies of the course's first edition import, from the modules where they then were.

Copies that were handed out before the library got its present layout still run: a module that was moved is also found
under its old name. New code imports from the new place.
"""

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

# The old module (after `minicyclegan.`) to the modules in which its names are now
MOVED = {
    "ahead": ["pictures.prefetch"],
    "app": ["serve.app"],
    "board": ["widgets.board"],
    "checkpoint": ["runs.checkpoint", "runs.files"],
    "checkup": ["datasets.inspection"],
    "data": ["datasets.named"],
    "devices": ["runs.devices"],
    "diagrams": ["widgets.diagrams"],
    "emoji": ["datasets.emoji"],
    "export": ["serve.export"],
    "faces": ["datasets.faces"],
    "figures": ["widgets.figures"],
    "images": ["pictures.images"],
    "locks": ["runs.locks", "runs.signals"],
    "looks": ["datasets.lookalikes"],
    "measures": ["quality.report"],
    "notebooks": ["course.files", "course.settings", "course.refresh"],
    "plane_app": ["widgets.toy_app"],
    "plane_figures": ["widgets.toy_figures"],
    "progress": ["runs.progress"],
    "resuming": ["runs.resume"],
    "runs": ["runs.folder", "runs.progress"],
    "sweep": ["sweep.plan"],
    "twins": ["quality.twins"],
    "two_cores": ["fast.threads", "fast.norm"],
    "widgets": ["widgets.sliders"],
}
# Answers to exercises by their present names, and what they were called before: `minicyclegan grade` takes both
FORMER_ANSWERS = {"discriminator_turn": "judge_turn", "discriminator_of_70": "judge_of_70"}
RENAMED = {"Ahead": "Prefetch", "TwoCoreCycleGAN": "two_thread_cyclegan"}


def is_module(package: str, name: str) -> bool:
    """Whether a package has a module of that name. It is asked before Python looks, as in `from minicyclegan.runs import room`."""
    return "__path__" in vars(sys.modules[package]) and find_spec(f"{package}.{name}") is not None


def moved_names(old: str):
    """A module's `__getattr__` that looks for names of the first edition where they are now."""

    def find(name: str):
        if not name.startswith("__") and not is_module(f"minicyclegan.{old}", name):
            for place in MOVED[old]:
                module = importlib.import_module(f"minicyclegan.{place}")
                if hasattr(module, RENAMED.get(name, name)):
                    return getattr(module, RENAMED.get(name, name))
        raise AttributeError(f"module 'minicyclegan.{old}' has no attribute {name!r}")

    return find


class OldModules(MetaPathFinder, Loader):
    """Finds `minicyclegan.OLD` for every module in MOVED that no longer exists."""

    def find_spec(self, fullname: str, path=None, target=None) -> ModuleSpec | None:
        package, _, old = fullname.rpartition(".")
        still_there = ("data", "runs", "sweep", "widgets")
        if package != "minicyclegan" or old not in MOVED or old in still_there:
            return None
        return ModuleSpec(fullname, self)

    def exec_module(self, module) -> None:
        module.__getattr__ = moved_names(module.__name__.rpartition(".")[2])
        honour_replaced_losses()


def honour_replaced_losses() -> None:
    """Let a model whose `generator_losses` was replaced learn from the replacement, as in the first edition.

    Notebook 11 did so with the article's loss; it now replaces `one_direction`. Both directions of a model that shares its
    networks are computed in turn, as they were then.
    """
    from minicyclegan.cyclegan import CycleGAN, in_turn

    present = CycleGAN.generators_turn
    if present.__module__ == __name__:
        return

    def generators_turn(self, real_a, real_b, noise, with_identity, learn):
        if "generator_losses" not in vars(self) or learn is not self.learn:
            shared = self.generator_ab is self.generator_ba and learn is self.learn
            return present(self, real_a, real_b, noise, with_identity, in_turn if shared else learn)
        losses, fake_a, fake_b = self.generator_losses(real_a, real_b, with_identity)
        sum(losses.values()).backward()
        return {name: loss.detach() for name, loss in losses.items()}, fake_a.detach(), fake_b.detach()

    CycleGAN.generators_turn = generators_turn


def install() -> None:
    """Find old modules from now on; first of all finders, as an installed wheel has a folder called notebooks."""
    sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != OldModules.__name__]
    sys.meta_path.insert(0, OldModules())
