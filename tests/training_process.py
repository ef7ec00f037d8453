"""Real training processes to kill: `python tests/training_process.py` forks one for each line of JSON on its standard input.

The imports, which take seconds, happen once, and torch._dynamo, which PyTorch's optimisers import, is among them. A line holds the arguments of conftest.tiny_run, and perhaps a step in which to
hang, for ever or until a file exists; the answer is a line with the process's number and, when it has ended, another with the
signal (negative) or code it ended with.
"""

import gc
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from forked import Forked

TESTS = Path(__file__).parent


def serve() -> None:
    sys.path.insert(0, str(TESTS))
    import torch
    import torch._dynamo
    from conftest import tiny_run

    from minicyclegan.training import Trainer

    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        process = os.fork()
        if process == 0:
            # Here and not before the fork: PyTorch's own pool of threads does not live through one, and two threads of the
            # run that both came to make it anew would be in each other's way
            torch.set_num_threads(1)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            hang_at, train_on = request.pop("hang_at", None), Trainer.train_on
            until = Path(request.pop("until", os.devnull + "/never"))

            def hanging(trainer, *batch):
                while trainer.step == hang_at and not until.exists():
                    time.sleep(0.02)
                return train_on(trainer, *batch)

            Trainer.train_on = hanging
            log = open(request.pop("log"), "a", buffering=1)
            code = 1
            try:
                tiny_run(Path(request.pop("run_dir")), progress=lambda text: print(text, file=log), **request)
                code = 0
            except KeyboardInterrupt:
                code = 130
            except Exception as error:
                print(f"{type(error).__name__}: {error}", file=log)
            finally:
                os._exit(code)
        print(process, flush=True)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


class TrainingProcesses:
    """Starts training processes, one at a time."""

    def __init__(self, log: Path):
        self.log = log
        self.server = Forked(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=TESTS.parent,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS.parent)},
        )

    def start(self, run_dir: Path, **options) -> int:
        """Begin or resume; returns the number of the process."""
        request = {"run_dir": str(run_dir), "log": str(self.log)} | options
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())

    def wait(self) -> int:
        """How the process ended: its exit code, or minus the number of the signal that ended it."""
        return int(self.server.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.server.kill()
        self.server.wait()


if __name__ == "__main__":
    serve()
