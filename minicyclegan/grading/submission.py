"""What students handed in: whose it is, its cells, and the temporary folder in which it runs."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from minicyclegan.course.notebook_files import notebook_text
from minicyclegan.errors import RunError
from minicyclegan.grading.session import MB

LARGEST_NOTEBOOK, LARGEST_EXTRAS = 100 * MB, 100 * MB
NOT_SUBMISSIONS = re.compile(r"^[._]|\.ipynb_checkpoints|^__")


@dataclass(frozen=True)
class Submission:
    student: str
    notebook: str  # the course's name for it, or "" for a file that is not one of the course's
    path: Path | None  # None: not handed in
    own_folder: bool  # whether the files beside it are the student's
    remark: str = ""


def find_submissions(folder: Path, course: list[str], out: Path | None = None) -> list[Submission]:
    """What was handed in. FOLDER/anna/.../02_generator.ipynb belongs to anna, and so does FOLDER/anna_02_generator.ipynb
    or FOLDER/02_generator_anna.ipynb; FOLDER/02_generator.ipynb belongs to a student with the folder's name.

    The file's name must hold the course's name of the notebook. If a student has several such files, the one with exactly
    that name counts, else the newest. Raises RunError where nothing was handed in.
    """
    if not folder.is_dir():
        raise RunError(f"there is no folder {folder}; give the folder with one folder for each student")
    found: dict[tuple[str, str], list[Path]] = {}
    students: set[str] = set()
    for entry in sorted(folder.iterdir()):
        if NOT_SUBMISSIONS.search(entry.name) or (out is not None and entry.resolve() == out.resolve()):
            continue
        if entry.suffix == ".ipynb":
            name = of_course(entry.name, course)
            before, after = re.split(re.escape(name), entry.stem, 1, re.I) if name else (entry.stem, "")
            student = before.strip(" _-.()") or after.strip(" _-.()") or folder.resolve().name
            found.setdefault((student, name), []).append(entry)
        elif entry.is_dir():
            students.add(entry.name)
            for path in sorted(entry.rglob("*.ipynb")):
                if not any(NOT_SUBMISSIONS.search(part) for part in path.relative_to(entry).parts):
                    found.setdefault((entry.name, of_course(path.name, course)), []).append(path)
    if not found and not students:
        raise RunError(f"there is nothing to grade in {folder}: neither folders of students nor notebooks")
    students |= {student for student, _ in found}
    handed_in = [name for name in course if any((student, name) in found for student in students)]
    submissions = []
    for student in sorted(students):
        for name in handed_in or course:
            paths = found.get((student, name), [])
            paths = sorted(paths, key=lambda path: (path.stem.lower() == name, path.stat().st_mtime))
            remark = f"of {len(paths)} files for {name} we took {paths[-1].name}" if len(paths) > 1 else ""
            own = bool(paths) and paths[-1].parent != folder
            submissions.append(Submission(student, name, paths[-1] if paths else None, own, remark))
        submissions += [Submission(student, "", path, True) for path in found.get((student, ""), [])]
    return submissions


def of_course(name: str, course: list[str]) -> str:
    """The course's notebook whose name is part of a file's name, or ""."""
    return next((stem for stem in course if stem.lower() in name.lower()), "")


def submitted_cells(path: Path) -> list:
    """The cells of a submission: (id, source) of each code cell. Raises ValueError, in words for the student."""
    import nbformat

    if not path.is_file():
        raise ValueError("it is not a file")
    if path.stat().st_size > LARGEST_NOTEBOOK:
        raise ValueError(
            f"the file is larger than {LARGEST_NOTEBOOK // MB} MB; clear the outputs and hand it in again"
        )
    if path.stat().st_size == 0:
        raise ValueError("the file is empty")
    try:
        notebook = nbformat.reads(notebook_text(path), as_version=4)
        cells = [
            (str(cell.get("id", "")), str(cell["source"]))
            for cell in notebook.cells
            if cell["cell_type"] == "code"
        ]
    except Exception as error:  # nbformat raises many kinds
        raise ValueError("the file is not a notebook, or a damaged one") from error
    if not any(source.strip() for _, source in cells):
        raise ValueError("the notebook holds no code")
    return cells


def working_copy(folder: Path, template: Path, submission: Path, own_folder: bool) -> str:
    """Copy into `folder` the course and what the student handed in beside the notebook. Returns a remark or ''."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    if not own_folder:
        return ""
    home, extras, size = submission.parent, [], 0
    for path in sorted(home.rglob("*")):
        hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(home).parts)
        if path.is_file() and not path.is_symlink() and not hidden and path.suffix != ".ipynb":
            extras.append(path)
            size += path.stat().st_size
    if size > LARGEST_EXTRAS:
        return f"the files beside the notebook are more than {LARGEST_EXTRAS // MB} MB and were left out"
    for path in extras:
        target = folder / "notebooks" / path.relative_to(home)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return ""
