"""A forked process is, for what it runs, the new process that it stands in for: `forked.py`."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT
from forked import REAL, Forked, processes_forked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")

# What a program can see of the process that it runs in
LOOK = """
import json, os, signal, sys
own = sorted(name for name in sys.modules if name.startswith(("minicyclegan", "conftest", "test_", "forked")))
seen = {"modules of ours": own, "argv": sys.argv, "path": sys.path, "name": __name__, "folder": os.getcwd()}
seen |= {"main": sys.modules["__main__"].__dict__ is globals(), "file": globals().get("__file__")}
seen["environment"] = {k: v for k, v in os.environ.items() if k != "_"}
seen["open files"] = sorted(os.listdir("/proc/self/fd"))[:4]
seen["leader"] = os.getpid() == os.getsid(0), os.getpgid(0) == os.getsid(0)
seen["signals"] = {s.name: str(signal.getsignal(s)) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE)}
seen["streams"] = [(s.encoding, s.errors, s.isatty(), s.line_buffering) for s in (sys.stdin, sys.stdout, sys.stderr)]
seen["collects"] = __import__("gc").isenabled()
import tempfile, threading, torch, matplotlib, minicyclegan
seen["temporary"], seen["threads"] = tempfile.gettempdir(), threading.active_count()
seen["torch"], seen["drawn"] = (torch.get_num_threads(), str(torch.get_default_dtype())), torch.rand(1).item()
seen["backend"], seen["home"] = matplotlib.rcParams._get("backend") is not None, minicyclegan.__file__
print(json.dumps(seen))
"""


def look(kind, how: list[str], folder, **environment) -> dict:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}/nowhere", "A_THING": "1"} | environment
    streams = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    command = [sys.executable, *how, "a", "-b"]
    with kind(command, cwd=folder, env=environment, start_new_session=True, **streams) as process:
        said, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return json.loads(said)


def test_what_a_program_sees_is_the_same(tmp_path):
    (tmp_path / "look.py").write_text(LOOK)
    (tmp_path / "tmp").mkdir()
    place = dict(TMPDIR=str(tmp_path / "tmp"))
    new = look(REAL, ["look.py"], tmp_path, **place)
    assert new["modules of ours"] == [] and new["temporary"] == place["TMPDIR"]
    found = {"file": look(Forked, [str(tmp_path / "look.py")], tmp_path, **place)}
    found |= {"module": look(Forked, ["-m", "look"], tmp_path, **place)}
    found |= {"code": look(Forked, ["-c", LOOK], tmp_path, **place)}
    assert found["file"]["argv"] == [str(tmp_path / "look.py"), "a", "-b"] == found["module"]["argv"]
    assert found["code"]["argv"] == ["-c", "a", "-b"] and found["code"]["path"][0] == ""
    assert len({seen["drawn"] for seen in found.values()}) == 3, "they draw the same random numbers"
    for seen in found.values():
        differs = {key for key in new if seen[key] != new[key]}
        assert differs <= {"argv", "path", "file", "drawn"}, {key: (seen[key], new[key]) for key in differs}
        assert seen["path"][1:] == new["path"][1:]


ENDS = {
    "sys.exit(7)": 7,
    "sys.exit('a sentence')": 1,
    "1 / 0": 1,
    "raise KeyboardInterrupt": -signal.SIGINT,
    "import os; os.kill(os.getpid(), 9)": -signal.SIGKILL,
    "import atexit; atexit.register(print, 'at the end'); print('first')": 0,
    "import threading, time; threading.Thread(target=lambda: (time.sleep(0.2), print('later'))).start()": 0,
}


@pytest.mark.parametrize(("code", "end"), ENDS.items(), ids=ENDS)
def test_it_ends_as_a_new_one_ends(code, end):
    both = []
    for kind in (REAL, Forked):
        with kind(
            [sys.executable, "-c", f"import sys\n{code}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            said, error = process.communicate(timeout=120)
        both.append((process.returncode, said, error.strip().split("\n")[-1]))
    assert both[0] == both[1] and both[0][0] == end


def test_it_is_waited_for_interrupted_and_left_alone_like_a_new_one():
    with Forked(
        [sys.executable, "-c", "import time\nprint(1, flush=True)\ntime.sleep(600)"], stdout=subprocess.PIPE
    ) as process:
        assert process.connection is not None, "it was not forked"
        assert process.stdout.readline() == b"1\n" and process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == process.poll() == -signal.SIGINT


@pytest.mark.parametrize(
    "options",
    [{"env": {**os.environ, "OMP_NUM_THREADS": "7"}}, {"preexec_fn": lambda: os.nice(1)}],
    ids=["a variable that is read once", "something to be done before the start"],
)
def test_what_cannot_be_had_by_a_fork_is_started_anew(options):
    code = "import os, sys; print('torch' in sys.modules, os.environ.get('OMP_NUM_THREADS'), os.nice(0))"
    with Forked([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, **options) as process:
        said, _ = process.communicate(timeout=120)
    threads = options.get("env", os.environ).get("OMP_NUM_THREADS")
    assert said.split()[:2] == ["False", str(threads)] and process.connection is None


def test_a_kernel_ends_with_the_process_that_started_it():
    """As it would by itself, where its parent is that process."""
    program = "import os, subprocess, sys, time\nos.environ['JPY_PARENT_PID'] = '1'\n"
    program += "kernel = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    program += "print(kernel.pid, flush=True)\ntime.sleep(600)"
    with processes_forked():
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    with process:
        kernel = int(process.stdout.readline())
        os.kill(kernel, 0)
        process.kill()
    until = time.monotonic() + 60
    while os.path.exists(f"/proc/{kernel}") and time.monotonic() < until:
        time.sleep(0.02)
    assert not os.path.exists(f"/proc/{kernel}")
