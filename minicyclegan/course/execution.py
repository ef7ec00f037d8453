"""Run a notebook through papermill, and pass signals on to its kernel."""

import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path

from minicyclegan.errors import MiniCycleGANError, RunError, Stopped
from minicyclegan.runs.signals import signals_noted

QUIET = ["--IPKernelApp.log_level=ERROR"]  # the kernel's own notes about its transport help nobody here


def execute(path: str | Path, output: str | Path, parameters: dict) -> None:
    """Run a notebook through papermill in the caller's folder, its text streamed here. Raises RunError if a cell fails.

    The executed notebook is written to `output` at the end, even when a cell failed, if the output's folder exists
    by then; a run that was refused before it began leaves nothing. On Ctrl-C, SIGTERM and SIGHUP the running cell is
    interrupted, as in Jupyter, and waited for: Stopped.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    output, name = Path(output), Path(path).name
    with tempfile.TemporaryDirectory() as folder, signals_to_kernel() as (noted, options):
        copy, failure = Path(folder) / output.name, None
        try:
            papermill.execute_notebook(
                str(path),
                str(copy),
                parameters=parameters,
                progress_bar=False,
                stdout_file=sys.stdout,
                kernel_name=kernel_here(),
                extra_arguments=list(QUIET),
                **options,
            )
        except (PapermillExecutionError, DeadKernelError, Stopped) as error:
            failure = error
        kept = keep(copy, output, make_folder=failure is None)
    where = f"; the notebook up to there is {output}" if kept else ""
    if noted and failure is not None:
        raise Stopped(f"stopped by {signal.Signals(noted[0]).name}{where}", noted[0])
    if isinstance(failure, DeadKernelError):
        raise RunError(f"the kernel of {name} died, most often because the memory was full{where}")
    if failure is not None:
        if failure.ename in {
            kind.__name__ for kind in (MiniCycleGANError, *MiniCycleGANError.__subclasses__())
        }:
            raise RunError(failure.evalue)
        raise RunError(f"a cell of {name} failed with {failure.ename}: {failure.evalue}{where}")


def keep(copy: Path, output: Path, make_folder: bool) -> bool:
    """Put the executed notebook where it belongs, whole or not at all; False where nothing was kept. Raises RunError."""
    import nbformat

    from minicyclegan.runs.files import write_file

    try:
        if make_folder:
            output.parent.mkdir(parents=True, exist_ok=True)
        if not output.parent.is_dir() or not copy.exists():
            return False
        notebook = nbformat.read(copy, as_version=4)
    except OSError as error:
        raise RunError(f"cannot write {output}: {error.strerror}; choose another place") from error
    notebook.metadata.pop("widgets", None)
    write_file(output, lambda file: file.write(nbformat.writes(notebook).encode()))
    return True


@contextlib.contextmanager
def signals_to_kernel():
    """Inside the block, SIGINT, SIGTERM and SIGHUP interrupt the notebook's kernel, and no further cell is started.

    Yields the list of the signals that came, and the options that papermill needs for it. The kernel is not in the
    terminal's process group: without this, Ctrl-C would end it in the middle of a step. The same signal a second time
    acts immediately.
    """
    from jupyter_client.manager import AsyncKernelManager

    kernels = []

    class KnownKernel(AsyncKernelManager):
        def __init__(self, **options):
            super().__init__(**options)
            kernels.append(self)

    def interrupt():
        for kernel in kernels:
            if kernel.has_kernel and getattr(kernel.provisioner, "pid", None):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(kernel.provisioner.pid, signal.SIGINT)

    def refuse_next_cell(**cell):
        if noted:
            raise Stopped("stopped between two cells", noted[0])

    # On Windows an interrupt reaches every process of the console by itself
    with signals_noted(interrupt) if os.name == "posix" else contextlib.nullcontext([]) as noted:
        yield noted, {"kernel_manager_class": KnownKernel, "on_cell_start": refuse_next_cell}


def kernel_here() -> str:
    """The kernel of this environment. A `python3` kernel installed elsewhere on the machine must not win."""
    from jupyter_client.kernelspec import KernelSpecManager

    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    try:
        known = KernelSpecManager().find_kernel_specs()
    except RuntimeError as error:  # a bare user number in a container
        raise RunError("Jupyter finds no home folder; set HOME to a folder that you can write") from error
    if "python3" not in known:
        raise RunError("no Jupyter kernel here; run `pip install ipykernel` in this environment")
    return "python3"
