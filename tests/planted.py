"""Changes of a tenth, planted one at a time into the modules that decide the numbers of a training.

`instrumented()` gives a second copy of these modules in which every expression passes through `Plants.at`. One place after the other
is switched on, and there each number (a float, a tensor of floats) is a tenth smaller.
"""

import ast
import contextlib
import importlib.util
import sys
from types import ModuleType

import torch

PLANTED = {"planted": 0, "found": 0}  # what all tests planted, and what `minicyclegan repro` noticed of it


def count(noticed) -> bool:
    """Add one planted difference to the score; returns whether it was noticed."""
    PLANTED["planted"] += 1
    PLANTED["found"] += bool(noticed)
    return bool(noticed)


# In the order in which they import each other; `named` only because it must hand out the copy's pictures, and the probe itself
COPIED = ("gan_loss", "cycle_loss", "generator", "discriminator", "data", "cyclegan", "patch_nce", "training")
FOLLOWING = ("datasets.named", "repro.probe")
# Functions of these modules that no training step calls, so nothing can be planted there
IDLE = {
    "gan_loss": (),
    "cycle_loss": ("cycle_consistency_loss", "identity_loss"),
    "generator": (),
    "discriminator": ("receptive_field", "receptive_field_by_gradient"),
    "data": ("to_uint8", "load_seasons", "load_folder", "ImageFolder"),
    "cyclegan": ("translate", "generator_losses", "discriminator_losses", "run_both", "autocast"),
    "patch_nce": (),
    "training": ("state_dict", "load_state_dict", "require_finite", "train_steps", "train"),
}


class Plants:
    """Every place in the copy, by number: what stands there, in which run a number first came by, and which is switched on."""

    def __init__(self):
        self.places, self.seen, self.active, self.run = [], {}, None, ""

    def at(self, place: int, value):
        number = isinstance(value, float) or (torch.is_tensor(value) and value.is_floating_point())
        if number:
            self.seen.setdefault(place, self.run)
            if place == self.active:
                return 0.9 * value if torch.is_tensor(value) or value else 0.1
        return value


class Instrument(ast.NodeTransformer):
    """Wraps every expression of a module's functions; not the texts of errors, annotations, or what is assigned to."""

    def __init__(self, module: str, plants: Plants):
        self.module, self.plants, self.inside = module, plants, ""

    def visit_FunctionDef(self, node):
        if node.name in IDLE[self.module]:
            return node
        before, self.inside = self.inside, node.name
        node.body = [self.visit(line) for line in node.body]
        self.inside = before
        return node

    def visit_ClassDef(self, node):
        if node.name not in IDLE[self.module]:
            node.body = [
                self.visit(line) if isinstance(line, ast.FunctionDef) else line for line in node.body
            ]
        return node

    def visit_Raise(self, node):
        return node

    def visit_Expr(self, node):
        """What is called for its effect: its result is not used, so a tenth less of it would be nothing."""
        if isinstance(node.value, ast.Call):
            node.value = self.visit_Call(node.value)
        return node

    def visit_Compare(self, node):
        """A tenth less of a number has the same sign."""
        against_zero = any(isinstance(one, ast.Constant) and one.value == 0 for one in node.comparators)
        return node if against_zero else self.generic_visit(node)

    def visit_AnnAssign(self, node):
        return node

    def visit_Call(self, node):
        node.args = [self.visit(one) for one in node.args]
        node.keywords = [self.visit(one) for one in node.keywords]
        if isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)
        return node

    def visit(self, node):
        wrap = (
            self.inside
            and isinstance(node, ast.expr)
            and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        )
        if wrap and isinstance(node, ast.Name):  # what has a name got it from an expression
            return node
        if wrap and isinstance(node, ast.Constant) and not isinstance(node.value, float):
            return node
        if isinstance(node, (ast.JoinedStr, ast.Starred, ast.Slice)):
            return self.generic_visit(node) if isinstance(node, ast.Starred) else node
        words = (
            f"{self.module}.{self.inside}, line {getattr(node, 'lineno', 0)}: {ast.unparse(node)}"
            if wrap
            else ""
        )
        node = super().visit(node)
        if not wrap:
            return node
        self.plants.places.append(words)
        place = ast.Constant(len(self.plants.places) - 1)
        return ast.Call(ast.Name("_planted", ast.Load()), [place, node], [])


@contextlib.contextmanager
def instrumented():
    """A copy of the modules with places to switch on: yields its `Plants` and its `repro.probe`."""
    plants, before = Plants(), dict(sys.modules)
    try:
        for name in (*COPIED, *FOLLOWING):
            spec = importlib.util.find_spec(f"minicyclegan.{name}")
            module = ModuleType(spec.name)
            module.__file__, module.__package__, module.__spec__ = spec.origin, spec.parent, spec
            module._planted = plants.at
            tree = ast.parse(spec.loader.get_source(spec.name))
            if name in COPIED:
                tree = ast.fix_missing_locations(Instrument(name, plants).visit(tree))
            sys.modules[spec.name] = module
            exec(compile(tree, spec.origin, "exec"), module.__dict__)
        yield plants, module
    finally:
        for name in (*COPIED, *FOLLOWING):
            sys.modules[f"minicyclegan.{name}"] = before[f"minicyclegan.{name}"]
