"""New Python processes, forked from one that has imported PyTorch, matplotlib and the like instead of importing them anew.

Those imports take a new process three to six seconds of a processor, and the tests start more than fifty. Where the start is
not what is tested, `Forked` stands in for subprocess.Popen: it has the number, the streams and the end of a real process, and
what it runs is all that such a process would run, minicyclegan and the tests' own files included. What cannot be had this way
is started as always: programs other than this Python, limits that are set at the start, variables that PyTorch or Python read
once, and everything where there is no Linux, because elsewhere a process that has imported PyTorch had better not fork.
"""

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import types

# From other packages only. Not pyplot: in a kernel it finds out where its figures are shown
IMPORTS = """
torch torch._dynamo torchvision.utils numpy PIL.Image yaml filelock nbformat papermill ipywidgets ipykernel.kernelapp
matplotlib.figure matplotlib.patheffects matplotlib.backends.backend_agg jupyter_client.launcher
""".split()
# How many new objects there must be before Python looks for rubbish among them: 700 unless told
SELDOM = 20_000
# Read once, by Python or by what was imported: with other values than the server's a process is started anew
READ_ONCE = tuple(
    "OMP_ MKL_ OPENBLAS_ ATEN_ DNNL_ ONEDNN_ TORCH PYTORCH LD_ LC_ LANG PYTHONH PYTHONU MPLC".split()
)
# The arguments of subprocess.Popen._execute_child. Should a later Python have others, processes are started as always
GIVEN = """
args executable preexec_fn close_fds pass_fds cwd env startupinfo creationflags shell p2cread p2cwrite c2pread c2pwrite
errread errwrite restore_signals gid gids uid umask start_new_session process_group
""".split()


def read_once(environment) -> dict:
    return {k: v for k, v in environment.items() if k.startswith(READ_ONCE) and k != "PYTHONUNBUFFERED"}


# In the process that forks


def serve(listener: socket.socket) -> None:
    """Fork a process for each who connects, and tell how it ended."""
    sys.modules.setdefault("rfc3987_syntax", None)  # as the library does: a grammar that takes two seconds
    gc.disable()  # what an import makes stays: looking for rubbish among it takes a sixth of the time
    for name in IMPORTS:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    gc.set_threshold(SELDOM)
    waiting, kernels, (ended, end) = {}, {}, os.pipe()  # process: who waits for its end
    os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(end, warn_on_full_buffer=False)
    while True:
        ready, _, _ = select.select([sys.stdin, listener, ended, *kernels.values()], [], [])
        if sys.stdin in ready:  # whoever started this one is gone, and takes all others along
            for process in waiting:
                os.kill(process, signal.SIGKILL)
            os._exit(0)
        for process in [process for process, connection in kernels.items() if connection in ready]:
            del kernels[process]  # whoever started it is gone: it would see that by itself and end
            os.kill(process, signal.SIGKILL)
        if ended in ready:
            os.read(ended, 4096)
            while waiting and (found := os.waitpid(-1, os.WNOHANG))[0]:
                kernels.pop(found[0], None)
                with contextlib.suppress(OSError), waiting.pop(found[0]) as connection:
                    connection.sendall(b"%d\n" % found[1])
        if listener in ready:
            connection, _ = listener.accept()
            _, streams, *_ = socket.recv_fds(connection, 1, 3)
            request = json.loads(line_of(connection))
            process = os.fork()
            if process == 0:
                signal.set_wakeup_fd(-1)
                for other in (*waiting.values(), listener):
                    other.close()
                os.close(ended), os.close(end)
                end_as_python(become, streams, connection, **request)
            waiting[process] = connection
            if "JPY_PARENT_PID" in request["environment"]:
                kernels[process] = connection
            for stream in streams:
                os.close(stream)


def line_of(connection: socket.socket) -> bytes:
    """The next line, and not a byte of what follows it."""
    line = b""
    while not line.endswith(b"\n"):
        there = connection.recv(2**16, socket.MSG_PEEK)
        if not there:
            raise EOFError("the other process is gone")
        line += connection.recv(there.find(b"\n") + 1 or len(there))
    return line


def end_as_python(run, *given, **named) -> None:
    """Call a function, and end as a program does that has done all this; without taking a thousand modules apart."""
    try:
        run(*given, **named)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if not isinstance(end.code, int | None):
            print(end.code, file=sys.stderr)
    except BaseException as error:
        traceback.print_exc()
        code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or nobody reads it
            stream.flush()
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code & 255)


def become(streams, connection, command, folder, environment, session, nested) -> None:
    """What a new process would be, from here on."""
    import matplotlib
    import numpy
    import torch

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if session:
        os.setsid()
    connection.sendall(b"%d\n" % os.getpid())  # now that it has a group of its own, by which it may be ended
    connection.close()
    for descriptor, stream in enumerate(streams):
        os.dup2(stream, descriptor)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if "JPY_PARENT_PID" in environment:  # a kernel ends when this one does
        os.environ["JPY_PARENT_PID"] = str(os.getppid())
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = stream_as(getattr(sys, name), number, bool(environment.get("PYTHONUNBUFFERED")))
        setattr(sys, name, stream), setattr(sys, f"__{name}__", stream)
    tempfile.tempdir = None
    numpy.random.seed(), torch.default_generator.seed()  # else all processes draw the same numbers
    kernel = command[:2] == ["-m", "ipykernel_launcher"]
    if nested and not kernel:  # what a notebook starts is left alone
        use_for_all()
    # As matplotlib does when it is imported, and before that ipykernel
    if backend := environment.get("MPLBACKEND") or kernel and "module://matplotlib_inline.backend_inline":
        os.environ["MPLBACKEND"] = matplotlib.rcParams["backend"] = backend
    kind, sys.argv = command[0], command[1:]
    first = {"-m": folder, "-c": ""}.get(kind) if kind in ("-m", "-c") else os.path.dirname(kind)
    given = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path = [first, *given, *(path for path in sys.path if path not in given)]
    if kind == "-m":
        return runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    if kind == "-c":
        code, sys.argv = sys.argv[0], ["-c", *sys.argv[1:]]
    else:
        main.__file__, sys.argv = kind, command
        with open(kind, encoding="utf-8") as file:
            code = file.read()
    exec(compile(code, "<string>" if kind == "-c" else kind, "exec"), main.__dict__)


def stream_as(before, number: int, unbuffered: bool) -> io.TextIOWrapper:
    """A standard stream as Python makes it, with the encoding that the one before has."""
    unbuffered = unbuffered and number > 0
    raw = open(number, "rb" if number == 0 else "wb", 0 if unbuffered else -1, closefd=False)
    by_line = not unbuffered and number == 2
    return io.TextIOWrapper(raw, before.encoding, before.errors, None, by_line, unbuffered)


# In those that start processes


class Forked(subprocess.Popen):
    """As subprocess.Popen, and one by another way where this Python is to be started."""

    server, address, known, nested = None, None, None, False
    connection = None  # of a forked process: where its end is told

    @classmethod
    def start_server(cls) -> None:
        """One for each process that runs tests, for as long as that lives."""
        cls.known = read_once(os.environ)
        listener = socket.socket(socket.AF_UNIX)
        cls.address = b"\0minicyclegan-tests-%d" % os.getpid()
        listener.bind(cls.address)
        listener.listen(64)
        cls.server = REAL(
            [sys.executable, "-P", __file__, str(listener.fileno()), cls.address[1:].decode()],
            env={k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONSAFEPATH")},
            stdin=subprocess.PIPE,  # its end ends the server
            start_new_session=True,  # Ctrl-C is for pytest
            pass_fds=[listener.fileno()],
        )
        listener.close()

    def _execute_child(self, *given):
        asked = dict(zip(GIVEN, given))
        command = list(map(os.fsdecode, asked["args"])) if isinstance(asked["args"], (list, tuple)) else []
        environment = os.environ if asked["env"] is None else asked["env"]
        environment = {key: os.fspath(value) for key, value in environment.items()}
        python = len(command) > 1 and command[0] == sys.executable
        python = python and (command[1] in ("-m", "-c") or command[1].endswith(".py"))
        plain = len(given) == len(GIVEN) and not (
            asked["preexec_fn"] or asked["pass_fds"] or asked["shell"] or asked["executable"]
        )
        if sys.platform != "linux" or not python or not plain:
            return super()._execute_child(*given)
        if Forked.address is None or Forked.server and Forked.server.poll() is not None:
            Forked.start_server()
        if read_once(environment) != Forked.known:
            return super()._execute_child(*given)
        request = {
            "command": command[1:],
            "folder": os.path.abspath(asked["cwd"] or os.curdir),
            "environment": environment,
            "session": asked["start_new_session"],
            "nested": Forked.nested,
        }
        ends = [asked[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(Forked.address)
        ends = [number if end == -1 else end for number, end in enumerate(ends)]
        socket.send_fds(self.connection, [b"f"], ends)
        self.connection.sendall(json.dumps(request).encode() + b"\n")
        self.pid = int(line_of(self.connection))
        self._child_created = True
        self._close_pipe_fds(*(asked[name] for name in GIVEN[10:16]))

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if self.connection is None:
            return super()._try_wait(flags)
        if flags & os.WNOHANG and not select.select([self.connection], [], [], 0)[0]:
            return 0, 0
        try:
            return self.pid, int(line_of(self.connection))
        except (EOFError, OSError):  # the server was killed, and all that it had forked with it
            return self.pid, signal.SIGKILL

    def _internal_poll(self, *given, **named) -> int | None:
        if self.connection is None:
            return super()._internal_poll(*given, **named)
        if self.returncode is None and self._waitpid_lock.acquire(False):
            try:
                if self.returncode is None and (found := self._try_wait(os.WNOHANG))[0]:
                    self._handle_exitstatus(found[1])
            finally:
                self._waitpid_lock.release()
        return self.returncode


REAL = subprocess.Popen


def use_for_all() -> None:
    """From now on, whatever starts a Python or a kernel here forks it, and so do the commands that it starts."""
    import jupyter_client.launcher

    Forked.nested = True
    subprocess.Popen = jupyter_client.launcher.Popen = Forked


@contextlib.contextmanager
def processes_forked():
    """For as long as the block lasts, the same."""
    import jupyter_client.launcher

    places = subprocess, jupyter_client.launcher
    before = [place.Popen for place in places], Forked.nested
    use_for_all()
    try:
        yield
    finally:
        for place, popen in zip(places, before[0]):
            place.Popen = popen
        Forked.nested = before[1]


def use_for_nbval() -> None:
    """Let nbval start its kernels there: there are more than a dozen notebooks."""
    import nbval.kernel

    start = nbval.kernel.start_new_kernel

    def start_forked(*given, **named):
        with processes_forked():
            return start(*given, **named)

    nbval.kernel.start_new_kernel = start_forked


if __name__ == "__main__":
    Forked.address, Forked.known = b"\0" + sys.argv[2].encode(), read_once(os.environ)
    serve(socket.socket(fileno=int(sys.argv[1])))
