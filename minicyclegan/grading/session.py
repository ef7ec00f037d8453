"""A kernel with limits on time, memory and output, for `minicyclegan grade`. It is not a sandbox.

The kernel is a process group of its own. Nothing that it prints is stored: the bytes are counted and thrown away.
"""

import ast
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from minicyclegan.course.execution import THREADS

MB, GB = 10**6, 10**9
OUTPUT_LIMIT = 20 * MB  # of one cell; the largest in the course is about 1 MB
FILE_LIMIT = 1 * GB  # one file that a notebook writes
LARGEST_MESSAGE = 50 * MB
START_SECONDS, GRACE_SECONDS = 90, 3
# One thread each, the same numbers everywhere; `!pip install` in a notebook must not change this environment
SETTINGS = dict.fromkeys(THREADS, "1")
SETTINGS |= {"CUDA_VISIBLE_DEVICES": "", "PIP_DRY_RUN": "1", "PIP_NO_INPUT": "1", "PYTHONBREAKPOINT": "0"}
SETTINGS |= {"MINICYCLEGAN_STRICT": "0"}  # a check that raised would only be noticed as a cell that stopped


@dataclass(frozen=True)
class Limits:
    seconds: float = 600  # a notebook
    cell_seconds: float = 120  # a cell
    memory: float = 4  # GB, of the kernel and its children


@dataclass
class Reply:
    """How a cell ended. `problem` is empty, or one sentence for the student; `value` is the expression's."""

    problem: str = ""
    value: str | None = None
    limit: bool = False  # a limit of ours stopped it


class Stopped(Exception):
    """The grading was interrupted."""


class Kernel:
    """A fresh kernel in `folder`/notebooks. `dead` is empty while it lives, then the reason in one sentence."""

    def __init__(self, folder: Path, cwd: Path, limits: Limits, stop: threading.Event):
        import zmq
        from jupyter_client.blocking import BlockingKernelClient
        from jupyter_client.connect import write_connection_file

        self.limits, self.stop, self.dead, self.printed = limits, stop, "", 0
        self.deadline = time.monotonic() + limits.seconds + START_SECONDS
        self.children: set = set()
        private = Path(tempfile.mkdtemp(prefix="kernel-", dir=folder))
        # A socket's path is short; else TCP on this machine
        unix = os.name == "posix" and len(str(private)) < 80
        transport = {"transport": "ipc", "ip": str(private / "s")} if unix else {}
        file, _ = write_connection_file(str(private / "connection.json"), **transport)
        environment = os.environ | SETTINGS | {"PYTHONPATH": str(folder), "JPY_PARENT_PID": str(os.getpid())}
        for name, place in (("TMPDIR", "tmp"), ("IPYTHONDIR", "ipython")):
            (folder / place).mkdir(exist_ok=True)
            environment[name] = str(folder / place)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ipykernel_launcher", "-f", file, "--IPKernelApp.log_level=ERROR"]
            + ["--HistoryManager.enabled=False"],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.context = zmq.Context()
        self.context.setsockopt(zmq.LINGER, 0)
        self.context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)  # a longer one never reaches our memory
        client = BlockingKernelClient(connection_file=file, context=self.context)
        client.load_connection_file()
        self.session, self.shell, self.iopub = client.session, client.connect_shell(), client.connect_iopub()
        self.cut_off = self.iopub.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.poller = zmq.Poller()
        for socket in (self.shell, self.iopub, self.cut_off):
            self.poller.register(socket, zmq.POLLIN)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.end(self.dead or "closed")
        self.iopub.disable_monitor()
        self.context.destroy(linger=0)

    def start(self, deadline: float | None = None) -> Reply:
        """Wait until the kernel answers. The time for the notebook begins now, if it has not begun before."""
        reply = self.ask("kernel_info_request", {}, START_SECONDS)
        self.deadline = deadline or time.monotonic() + self.limits.seconds
        return reply

    def run(self, code: str, quiet: bool = False, seconds: float | None = None) -> Reply:
        """Run a cell, within the limits; `seconds` for code of ours, which a student's limit must not stop."""
        content = {"code": code, "silent": quiet, "store_history": not quiet, "user_expressions": {}}
        return self.ask(
            "execute_request",
            content | {"allow_stdin": False, "stop_on_error": False},
            seconds or self.limits.cell_seconds,
        )

    def value(self, expression: str) -> Reply:
        """The text that an expression gives. It comes with the reply, not with what the cells print."""
        content = {"code": "", "silent": True, "store_history": False, "allow_stdin": False}
        return self.ask(
            "execute_request", content | {"user_expressions": {"value": expression}}, self.limits.cell_seconds
        )

    def ask(self, kind: str, content: dict, seconds: float) -> Reply:
        if self.dead:
            return Reply(self.dead, limit=True)
        self.printed, wanted = 0, self.session.send(self.shell, kind, content)["header"]["msg_id"]
        end, problem, looked = min(time.monotonic() + seconds, self.deadline), "", 0.0
        while True:
            events = dict(self.poller.poll(100))
            self.count_output(events)
            while self.shell in events and self.shell.poll(0):
                with contextlib.suppress(Exception):  # a malformed message
                    message = self.session.recv(self.shell)[1]
                    if message["parent_header"].get("msg_id") == wanted:
                        return Reply(problem, limit=True) if problem else reply_of(message["content"])
            if self.stop.is_set():
                self.end("the grading was interrupted")
                raise Stopped
            if self.process.poll() is not None:
                self.end(problem or "the kernel ended itself")
                return Reply(self.dead, limit=True)
            now = time.monotonic()
            if now - looked > 0.25:
                looked = now
                if self.memory() > 1.1 * self.limits.memory * GB:
                    self.end(f"it used more than {self.limits.memory:g} GB of memory")
                    return Reply(self.dead, limit=True)
            if problem:
                if now > end:
                    self.end(f"{problem}, and it could not be interrupted")
                    return Reply(self.dead, limit=True)
                continue
            if self.printed > OUTPUT_LIMIT:
                problem = f"it printed more than {OUTPUT_LIMIT // MB} MB and was interrupted"
            elif now > self.deadline:
                self.end(f"the notebook took longer than {self.limits.seconds:g} seconds")
                return Reply(self.dead, limit=True)
            elif now > end:
                problem = f"it took longer than {seconds:g} seconds and was interrupted"
            if problem:
                self.interrupt()
                end = now + GRACE_SECONDS

    def count_output(self, events: dict) -> None:
        """Receive what was printed, count it, and throw it away."""
        import zmq

        if self.iopub in events:
            for _ in range(1000):
                if not self.iopub.poll(0):
                    break
                with contextlib.suppress(zmq.ZMQError):
                    self.printed += sum(
                        len(part) for part in self.iopub.recv_multipart(zmq.NOBLOCK, copy=False)
                    )
        if self.cut_off in events:
            self.cut_off.recv_multipart()
            try:
                self.process.wait(1)  # a kernel that dies disconnects a moment before it is gone
            except subprocess.TimeoutExpired:  # disconnected because one message was too long
                self.printed += LARGEST_MESSAGE

    def interrupt(self) -> None:
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGINT)

    def family(self) -> list:
        """The kernel's process and everything it started."""
        import psutil

        with contextlib.suppress(psutil.Error):
            kernel = psutil.Process(self.process.pid)
            self.children |= set(kernel.children(recursive=True))
            return [kernel, *self.children]
        return list(self.children)

    def memory(self) -> int:
        """Bytes in use by the kernel and its children."""
        import psutil

        total = 0
        for process in self.family():
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        return total

    def end(self, why: str) -> None:
        """Kill the kernel and all its children."""
        import psutil

        if not self.dead:
            self.dead = why
        for process in self.family():
            with contextlib.suppress(psutil.Error):
                process.kill()
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def reply_of(content: dict) -> Reply:
    """The kernel's reply as a Reply."""
    found = content.get("user_expressions", {}).get("value")
    for part in (content, found or {}):
        if part.get("status") == "error":
            message = (str(part.get("evalue", "")).strip().splitlines() or [""])[0][:200]
            if part.get("ename") == "TooMuchPrinted":  # kernel.py
                return Reply(message, limit=True)
            return Reply(f"{part.get('ename')}: {message}" if message else str(part.get("ename")))
    if found is None:
        return Reply()
    try:
        return Reply(value=str(ast.literal_eval(found["data"]["text/plain"])))
    except (KeyError, ValueError, SyntaxError, TypeError):
        return Reply("the kernel's answer cannot be read")
