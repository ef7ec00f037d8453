"""What `minicyclegan grade` runs inside a student's kernel: limits, and the judge.

The grader sends this file's text into each kernel under a name that the notebook does not know. `judge` loads a fresh copy
of minicyclegan, so that what the notebook did to its own copy changes nothing, and asks the exercise's check.
Only the standard library is imported at the top, because nothing of the notebook's may get in the way.
"""

import contextlib
import difflib
import importlib
import json
import os
import sys
import types

TESTED_WITH = "torch", "torch.nn", "torch.nn.functional", "builtins", "math", "random"
BUILTINS = "abs all any float getattr int isinstance len list max min range round sorted sum tuple type zip"
PRINT_LIMIT = 20 * 10**6  # characters
before: dict = {}


def prepare(memory: int, file_size: int) -> None:
    """Set limits for memory and for one file, in bytes, and remember the functions that checks rely on."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has none of them
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))  # RLIMIT_AS would count torch's libraries
    import torch  # every check needs it; 2 seconds here that the notebook then saves

    torch.set_num_threads(1)
    before.update(tools())
    sys.stdout = Counted(sys.stdout)


class TooMuchPrinted(BaseException):
    """Ends a cell; not an Exception, so that a loop that catches every Exception ends as well."""


class Counted:
    """A stream that lets PRINT_LIMIT characters through and then ends the cell, before a gigabyte is on its way."""

    def __init__(self, stream):
        self.stream, self.written = stream, 0

    def write(self, text: str) -> int:
        self.written += len(text)
        if self.written > PRINT_LIMIT:
            self.written = 0
            raise TooMuchPrinted(f"it printed more than {PRINT_LIMIT // 10**6} MB and was interrupted")
        return self.stream.write(text)

    def __getattr__(self, name: str):
        return getattr(self.stream, name)


def tools() -> dict:
    """(where, name): object, for the functions and classes of torch and Python that a check may use."""
    places = {name: sys.modules[name] for name in TESTED_WITH if name in sys.modules}
    places["torch.Tensor"] = sys.modules["torch"].Tensor
    found = {}
    for where, place in places.items():
        for name, value in list(vars(place).items()):
            known = name in BUILTINS.split() if where == "builtins" else not name.startswith("_")
            if (known or name in ("__eq__", "__bool__", "__gt__", "__lt__")) and callable(value):
                found[where, name] = value
    return found


def wrapped_by_torch(value, original) -> bool:
    """Whether torch itself put a wrapper of its own around a function, as its compiler does with torch.manual_seed."""
    code = getattr(value, "__code__", None)
    home = os.path.dirname(sys.modules["torch"].__file__) + os.sep
    return (
        getattr(value, "__wrapped__", None) is original
        and code is not None
        and code.co_filename.startswith(home)
    )


def spelled(answers: list[str], former: dict[str, str], space: dict) -> list[str]:
    """The names of the answers as this notebook has them: the former ones where it is a copy of an earlier edition."""
    return [former[name] if name not in space and former.get(name) in space else name for name in answers]


def judge(task: str) -> str:
    """Judge one exercise. `task` and the answer are JSON, see `judge` in grading/notebook.py."""
    task = json.loads(task)
    space = sys.modules["__main__"].__dict__
    answers = spelled(task["answers"], task["former"], space)
    missing = [name for name in answers if name not in space]
    near = {}
    for name in missing:
        own = [n for n in space if not n.startswith("_") and n not in ("In", "Out", "exit", "quit")]
        close = difflib.get_close_matches(name.lower(), [n.lower() for n in own], 1, 0.6)
        near[name] = next((n for n in own if n.lower() in close), None)
    if missing:
        return json.dumps({"missing": near})
    changed = sorted(
        f"{where}.{name}"
        for (where, name), value in tools().items()
        if before.get((where, name), value) is not value and not wrapped_by_torch(value, before[where, name])
    )
    check = space.get(task["check"])
    home = str(getattr(check, "__module__", ""))
    verdict = {"own_check": check is not None and not home.startswith("minicyclegan.checks")}
    with fresh_copy(task["package"]) as (package, theirs):
        fresh = getattr(importlib.import_module("minicyclegan.checks"), task["check"])
        borrowed: set = set()
        with watched(set(task["asked"]), package, borrowed):
            verdict["hint"] = fresh.hint(*(space[name] for name in answers))
        verdict["borrowed"] = sorted(borrowed)
        verdict["changed"] = (changed + differences(theirs))[:5]
    return json.dumps(verdict)


@contextlib.contextmanager
def fresh_copy(package: str):
    """minicyclegan loaded afresh from this folder. Yields its path and the notebook's own modules, which are restored at the end."""
    theirs = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "minicyclegan"}
    path, finders = list(sys.path), list(sys.meta_path)
    for name in theirs:
        del sys.modules[name]
    sys.path.insert(0, os.path.dirname(package))
    try:
        yield package + os.sep, theirs
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "minicyclegan"]:
            del sys.modules[name]
        sys.modules.update(theirs)
        sys.path[:], sys.meta_path[:] = path, finders


@contextlib.contextmanager
def watched(asked: set, package: str, borrowed: set):
    """Note which of the asked-for names the answer takes from minicyclegan instead of defining them.

    A call counts if it runs the library's code for such a name, and comes from the notebook or from the check through an
    object that the notebook took from its own copy. What the check itself takes from the fresh copy does not.
    """

    def look(frame, event, argument):
        if event != "call":
            return
        code = frame.f_code
        if code.co_qualname.split(".")[0] not in asked or not of_library(frame):
            return
        caller = frame.f_back
        if code.co_filename.startswith(package):
            while caller is not None and not of_library(caller) and not of_notebook(caller):
                caller = caller.f_back
            if caller is None or not of_notebook(caller):
                return
        borrowed.add(f"{frame.f_globals['__name__']}.{code.co_qualname.split('.')[0]}")

    def of_library(frame) -> bool:
        return str(frame.f_globals.get("__name__", "")).split(".")[0] == "minicyclegan"

    def of_notebook(frame) -> bool:
        return frame.f_globals.get("__name__") == "__main__"

    was = sys.getprofile()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(was)


def differences(theirs: dict) -> list:
    """Functions that differ between the notebook's loaded minicyclegan and the fresh copy, as `module.name`."""
    found = []
    for name, module in sorted(theirs.items()):
        try:
            fresh = importlib.import_module(name)
        except Exception:  # a module that the notebook made itself
            continue
        for key, value in list(vars(fresh).items()):
            ours = str(getattr(value, "__module__", "")).split(".")[0] == "minicyclegan"
            if not ours or not isinstance(value, (type, types.FunctionType)):
                continue
            if not same(value, vars(module).get(key)):
                found.append(f"{name}.{key}")
    return found


def same(fresh, loaded, depth: int = 0) -> bool:
    """Whether two functions or classes have the same code, also inside what wraps them."""
    if isinstance(fresh, (staticmethod, classmethod)):
        return type(loaded) is type(fresh) and same(fresh.__func__, loaded.__func__, depth)
    if isinstance(fresh, property):
        return isinstance(loaded, property) and same(fresh.fget, loaded.fget, depth)
    if isinstance(fresh, types.FunctionType):
        if not isinstance(loaded, types.FunctionType) or fresh.__code__ != loaded.__code__:
            return False
        inner = [(c, d) for c, d in zip(fresh.__closure__ or (), loaded.__closure__ or ())]
        inner = [(c.cell_contents, d.cell_contents) for c, d in inner if holds(c) and holds(d)]
        inner += [(value, vars(loaded).get(key)) for key, value in vars(fresh).items()]
        return depth > 4 or all(same(c, d, depth + 1) for c, d in inner)
    if isinstance(fresh, type) and fresh.__module__.split(".")[0] == "minicyclegan":
        if not isinstance(loaded, type):
            return False
        return depth > 4 or all(same(v, vars(loaded).get(k), depth + 1) for k, v in list(vars(fresh).items()))
    return True


def holds(cell) -> bool:
    try:
        cell.cell_contents
    except ValueError:
        return False
    return True
