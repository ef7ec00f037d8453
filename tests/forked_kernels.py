"""Kernels for the notebooks under nbval, forked from one process that has imported PyTorch, matplotlib and the like.

Those imports take a new kernel six seconds of a processor, and there are more than a dozen notebooks. What a notebook imports
from miniCycleGAN itself is imported anew in each. The commands and the other tests start their kernels as everybody does.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import time

# From other packages only. Not pyplot: in a kernel it finds out where its figures are shown
IMPORTS = """
torch torch._dynamo numpy PIL.Image yaml filelock nbformat ipywidgets ipykernel.kernelapp
matplotlib.figure matplotlib.patheffects matplotlib.backends.backend_agg
""".split()


def serve() -> None:
    """For each line of JSON fork a kernel, which says its number."""
    del sys.path[0]  # this folder, which no kernel has
    os.environ["MPLBACKEND"] = (
        "module://matplotlib_inline.backend_inline"  # as ipykernel does before a cell runs
    )
    for name in IMPORTS:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever ends is gone at once
    for line in sys.stdin:
        if os.fork() == 0:
            return be_the_kernel(**json.loads(line))


def be_the_kernel(arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """What a new process would be, from here on."""
    import numpy
    from ipykernel.kernelapp import launch_new_instance

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    print(os.getpid(), flush=True)  # now that it has a group of its own, by which it will be ended
    os.chdir(folder)
    for descriptor in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    os.environ.clear()
    os.environ.update(environment, JPY_PARENT_PID=str(os.getppid()))
    numpy.random.seed()  # else all kernels draw the same numbers
    sys.argv[1:] = arguments
    launch_new_instance()


class Forked:
    """What jupyter_client asks of a process; this one is the child of another."""

    server, stdin, stdout, stderr = None, None, None, None

    def __init__(self, command, cwd=None, env=None, **streams):
        kind = type(self)
        if not kind.server or kind.server.poll() is not None:
            kind.server = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,  # Ctrl-C is for pytest; without it the server and its kernels end
            )
        request = {
            "arguments": command[command.index("ipykernel_launcher") + 1 :],
            "folder": str(cwd or os.getcwd()),
            "environment": dict(os.environ if env is None else env),
        }
        kind.server.stdin.write(json.dumps(request) + "\n")
        kind.server.stdin.flush()
        self.pid = int(kind.server.stdout.readline())

    def poll(self) -> int | None:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    def wait(self) -> int:
        while self.poll() is None:
            time.sleep(0.02)
        return 0

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


def use_for_nbval() -> None:
    """Let nbval, and nothing else, start its kernels here."""
    import nbval.kernel
    from jupyter_client.provisioning import local_provisioner

    as_usual, start = local_provisioner.launch_kernel, nbval.kernel.start_new_kernel

    def start_forked(*given, **named):
        local_provisioner.launch_kernel = Forked
        try:
            return start(*given, **named)
        finally:
            local_provisioner.launch_kernel = as_usual

    nbval.kernel.start_new_kernel = start_forked


if __name__ == "__main__":
    serve()
