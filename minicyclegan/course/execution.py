"""Run a notebook through papermill, and pass signals on to its kernel."""

import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path

from minicyclegan.course.notebook_files import literal, notebook_text, read_notebook, require_place
from minicyclegan.course.run_notebook import without_lessons
from minicyclegan.errors import MiniCycleGANError, RunError, Stopped
from minicyclegan.runs.signals import signals_noted

# What tells a process with how many threads to compute
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# The kernel's own notes about its transport help nobody here, nor that the signal to end it found it idle
QUIET = ["--IPKernelApp.log_level=CRITICAL"]
# PyTorch's optimisers import torch._dynamo, which takes more than a second: another thread does, while the pictures are drawn.
# No looking for garbage until then: what an import makes stays, and going through it again and again takes a sixth of the time
IMPORTS = (
    '__import__("gc").disable()',
    'from minicyclegan.fast.threads import import_ahead; import_ahead("torch._dynamo"); del import_ahead',
    '__import__("minicyclegan.training");',
)


def execute(path: str | Path, output: str | Path, parameters: dict, run_title: str = "") -> None:
    """Run a notebook through papermill in the caller's folder, its text streamed here. Raises RunError if a cell fails.

    With `run_title`, a training notebook without the cells that only teach, under this title (`run_notebook`).

    The executed notebook is written to `output` at the end, even when a cell failed, if the output's folder exists
    by then; a run that was refused before it began leaves nothing. On Ctrl-C, SIGTERM and SIGHUP the running cell is
    interrupted, as in Jupyter, and waited for: Stopped.
    """
    output, name = Path(output), Path(path).name
    require_place(output)
    with tempfile.TemporaryDirectory() as folder, started_kernel(bool(run_title)) as (noted, options):
        # Here, because it takes two seconds, in which the kernel starts
        import papermill
        from nbclient.exceptions import DeadKernelError
        from papermill.exceptions import PapermillExecutionError

        # papermill gets two plain names of ours: in a user's names it would read braces, a `-` or `s3:` as its own
        source, copy, failure = Path(folder) / "input.ipynb", Path(folder) / "output.ipynb", None
        source.write_text(to_run(path, run_title) if run_title else notebook_text(path), encoding="utf-8")
        try:
            papermill.execute_notebook(
                literal(source),
                literal(copy),
                parameters=parameters,
                progress_bar=False,
                stdout_file=sys.stdout,
                kernel_name=kernel_here(),
                language="python",  # some editors leave it out of the file
                **options,
            )
        except (PapermillExecutionError, DeadKernelError, Stopped) as error:
            failure = error
        kept = keep(copy, output, make_folder=failure is None, source=path)
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
    if not kept:
        raise RunError(f"{name} was run to its end, but {output} could not be written; choose another place")


def keep(copy: Path, output: Path, make_folder: bool, source: str | Path) -> bool:
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
    # The names that the user knows, not those that papermill was given
    notebook.metadata.get("papermill", {}).update(input_path=str(source), output_path=str(output))
    write_file(output, lambda file: file.write(nbformat.writes(notebook).encode()))
    return True


def to_run(path: str | Path, title: str) -> str:
    """The text of a notebook without the cells that only teach."""
    import nbformat

    return nbformat.writes(without_lessons(read_notebook(path), title))


@contextlib.contextmanager
def started_kernel(to_train: bool):
    """A kernel that starts now and lives as long as the block, in which SIGINT, SIGTERM and SIGHUP interrupt it.

    `to_train` lets it import what a training needs before it is asked to. After a signal no further cell is started. Yields
    the list of the signals that came, and the options that papermill needs for it. The kernel is not in the terminal's process group: without this, Ctrl-C would end it in the middle of a
    step. The same signal a second time acts immediately.
    """
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_core.utils import run_sync

    kernel = AsyncKernelManager(kernel_name=kernel_here())
    options = [*QUIET, "--HistoryManager.hist_file=:memory:"]
    options += [f"--IPKernelApp.exec_lines={line}" for line in IMPORTS] if to_train else []

    def interrupt():
        if kernel.has_kernel and getattr(kernel.provisioner, "pid", None):
            with contextlib.suppress(ProcessLookupError):
                os.kill(kernel.provisioner.pid, signal.SIGINT)

    def refuse_next_cell(**cell):
        if noted:
            raise Stopped("stopped between two cells", noted[0])

    # On Windows an interrupt reaches every process of the console by itself
    with signals_noted(interrupt) if os.name == "posix" else contextlib.nullcontext([]) as noted:
        try:
            run_sync(kernel.start_kernel)(extra_arguments=options)
            yield noted, {"km": kernel, "on_cell_start": refuse_next_cell}
        finally:
            if kernel.has_kernel:
                run_sync(kernel.shutdown_kernel)()
            run_sync(kernel.cleanup_resources)()


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
