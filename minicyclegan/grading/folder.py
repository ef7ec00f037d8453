"""Grade a class: find what was handed in, run it, several notebooks at a time, and write the results.

This is not a sandbox. Submitted notebooks run as the user who grades, with limits on time, memory and output, in temporary
copies of the course; they can read that user's files and use the network. Grade the work of people you know, or in a
container or a virtual machine.
"""

import concurrent.futures
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from minicyclegan.course.files import PACKAGE
from minicyclegan.course.student import chosen_notebooks
from minicyclegan.errors import RunError
from minicyclegan.grading.notebook import RIGHT, Exercise, Graded, exercises_of, grade_notebook
from minicyclegan.grading.report import Results
from minicyclegan.grading.session import Limits, Stopped
from minicyclegan.grading.submission import Submission, find_submissions

BESIDE = "minicyclegan", "notebooks", "data"


def course_template(course: Path) -> Path:
    """A temporary folder laid out like a checkout, from which each submission gets a copy of its own.

    Whatever a notebook does to the files of the course happens to its own copy only.
    """
    folder = Path(tempfile.mkdtemp(prefix="minicyclegan-course-"))
    for name in BESIDE:
        source = {"notebooks": course, "minicyclegan": PACKAGE}.get(name, PACKAGE.parent / name)
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns(".*", "*.tmp"))
    return folder


def grade_folder(
    folder: Path,
    out: Path,
    course: Path,
    only: list[str] = (),
    limits: Limits = Limits(),
    jobs: int = 2,
    progress: Callable[[str], None] = print,
) -> Results:
    """Grade all that lies in `folder`; write grades.csv, feedback/STUDENT.md and STUDENT.html to the new folder `out`.

    The files are rewritten after each notebook, so that an interruption (KeyboardInterrupt) leaves what was graded.
    Raises RunError before anything runs.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"{out} is not empty; give another folder with -o")
    exercises = {path.stem: exercises_of(path) for path in chosen_notebooks(course, list(only))}
    exercises = {name: found for name, found in exercises.items() if found}
    if not exercises:
        raise RunError("the chosen notebooks have no exercises, so there is nothing to grade")
    submissions = find_submissions(folder, list(exercises), out)
    not_asked = {path.stem for path in course.glob("*.ipynb")} - set(exercises)
    results = Results(out, exercises)
    runs = []
    for submission in submissions:
        if submission.path is None:
            results.add(
                submission,
                not_graded(exercises[submission.notebook], f"no {submission.notebook}.ipynb was handed in"),
            )
        elif not submission.notebook and any(name in submission.path.stem for name in not_asked):
            continue  # a notebook of the course without exercises, or one that --only leaves out
        elif not submission.notebook:
            reason = f"{submission.path.name} is not named like a notebook of the course that is graded"
            results.add(submission, Graded([], remarks=[reason]))
        else:
            runs.append(submission)
    results.write()
    stop = threading.Event()
    template = course_template(course)

    def run(submission: Submission) -> Graded:
        started = time.monotonic()
        try:
            graded = grade_notebook(
                submission.path, exercises[submission.notebook], template, limits, stop, submission.own_folder
            )
        except Stopped:
            raise
        except Exception as error:  # a fault of ours costs one notebook, not the class
            graded = not_graded(
                exercises[submission.notebook], f"the grading failed with {type(error).__name__}: {error}"
            )
        graded.remarks += [submission.remark] if submission.remark else []
        graded.seconds = time.monotonic() - started
        return graded

    pool = concurrent.futures.ThreadPoolExecutor(jobs)
    was = stop_on_sigterm()
    try:
        waiting = {pool.submit(run, submission): submission for submission in runs}
        for done, future in enumerate(concurrent.futures.as_completed(waiting), 1):
            submission, graded = waiting[future], future.result()
            results.add(submission, graded)
            results.write()
            right = sum(verdict == RIGHT for verdict, _ in graded.verdicts.values())
            progress(
                f"{done} of {len(runs)}  {submission.student}  {submission.notebook}: "
                f"{right} of {len(graded.exercises)} right, {graded.seconds:.0f} s"
            )
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        shutil.rmtree(template, ignore_errors=True)
        if was is not None:
            signal.signal(signal.SIGTERM, was)
    return results


def not_graded(exercises: list[Exercise], reason: str) -> Graded:
    graded = Graded(exercises)
    graded.fill(reason)
    return graded


def stop_on_sigterm():
    """Let SIGTERM end the grading like Ctrl-C. Returns the handler that was there, or None outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return None

    def stop(*arguments):
        raise KeyboardInterrupt

    return signal.signal(signal.SIGTERM, stop)
