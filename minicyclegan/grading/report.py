"""What `minicyclegan grade` writes: one table for the teacher, one page of feedback for each student."""

import csv
import io
import os
import re
from pathlib import Path

from minicyclegan.errors import RunError, printable
from minicyclegan.grading.notebook import NOT_YET, RIGHT, Graded
from minicyclegan.grading.page import SHOWN_REMARKS, feedback_page

COLUMNS = "student", "notebook", "exercise", "title", "verdict", "points", "reason"


class Results:
    """The graded notebooks of a class, written to grades.csv, feedback/STUDENT.md and STUDENT.html below `out`."""

    def __init__(self, out: Path, exercises: dict):
        self.out, self.exercises = out, exercises
        self.graded: dict[str, list] = {}  # student: [(submission, graded)]
        self.changed: set[str] = set()

    def add(self, submission, graded: Graded) -> None:
        self.graded.setdefault(submission.student, []).append((submission, graded))
        self.changed.add(submission.student)

    def in_order(self, student: str) -> list:
        """A student's (submission, graded) in the order of the course."""
        return sorted(self.graded[student], key=lambda pair: pair[0].notebook or "~")

    def below(self, share: float) -> list[tuple[str, int, int]]:
        """(student, right, asked) for those with a smaller share of their exercises right; nothing asked counts as none right."""
        found = []
        for student in sorted(self.graded):
            verdicts = [v for _, graded in self.graded[student] for v, _ in graded.verdicts.values()]
            right = sum(verdict == RIGHT for verdict in verdicts)
            if right / max(len(verdicts), 1) < share:
                found.append((student, right, len(verdicts)))
        return found

    def rows(self) -> list[dict]:
        """One row for each student and exercise, in the order of the course, then one total for each student."""
        rows, totals = [], []
        for student in sorted(self.graded):
            right = asked = 0
            for submission, graded in self.in_order(student):
                first = dict(
                    zip(COLUMNS, (student, submission.notebook, "", "", "could not be judged", 0, ""))
                )
                if not submission.notebook:
                    rows.append(
                        first | {"notebook": submission.path.name, "reason": "; ".join(graded.remarks)}
                    )
                for exercise in graded.exercises:
                    card = exercise.card
                    verdict, reason = graded.verdicts[card.number]
                    right, asked = right + (verdict == RIGHT), asked + 1
                    rows.append(
                        first
                        | {"exercise": card.number, "title": card.title, "verdict": verdict}
                        | {"points": int(verdict == RIGHT), "reason": reason}
                    )
            totals.append(
                dict(
                    zip(
                        COLUMNS,
                        (student, "all", "total", "", "", right, f"{right} of {asked} exercises right"),
                    )
                )
            )
        return rows + totals

    def write(self) -> None:
        """Write the table, and the feedback of those whose results are new. Raises RunError."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows({key: harmless(value) for key, value in row.items()} for row in self.rows())
        try:
            (self.out / "feedback").mkdir(parents=True, exist_ok=True)
            replace(self.out / "grades.csv", text.getvalue())
            for student in sorted(self.changed):
                replace(self.out / "feedback" / f"{student}.md", self.feedback(student))
                page = feedback_page(student, self.in_order(student))
                replace(self.out / "feedback" / f"{student}.html", page)
        except OSError as error:
            raise RunError(f"cannot write the grades to {self.out}: {error.strerror or error}") from error
        self.changed.clear()

    def feedback(self, student: str) -> str:
        """The page for one student, in Markdown."""
        pairs = self.in_order(student)
        verdicts = [verdict for _, graded in pairs for verdict, _ in graded.verdicts.values()]
        right = sum(verdict == RIGHT for verdict in verdicts)
        lines = [
            f"# Feedback for {as_text(student)}",
            "",
            f"{right} of {len(verdicts)} exercises are right.",
            "",
        ]
        if right < len(verdicts):
            lines += [
                "What follows each exercise that is not right yet is meant as a hint. Repair the cell, run the check, and hand it in again.",
                "",
            ]
        for submission, graded in pairs:
            lines += [f"## {as_text(submission.notebook or submission.path.name)}", ""]
            for exercise in graded.exercises:
                verdict, reason = graded.verdicts[exercise.card.number]
                said = {RIGHT: "right", NOT_YET: "not yet"}.get(verdict, "could not be judged")
                lines.append(
                    f"- **{exercise.card.number} {exercise.card.title}**: {said}{'. ' if reason else '.'}{as_text(sentence(reason))}"
                )
            if graded.remarks:
                left = len(graded.remarks) - SHOWN_REMARKS
                lines += ["", "What else was noticed when the notebook ran from top to bottom:", ""]
                lines += [f"- {as_text(remark)}" for remark in graded.remarks[:SHOWN_REMARKS]]
                lines += [f"- and {left} more"] if left > 0 else []
            lines.append("")
        return "\n".join(lines)


def sentence(text: str) -> str:
    """One line that begins with a capital letter and ends with a stop."""
    text = re.sub(r"\s+", " ", text).strip()
    if text and not text.startswith(("`", "(")):
        text = text[0].upper() + text[1:]
    return text if not text or text[-1] in ".?)" else text + "."


def as_text(text: str) -> str:
    """Text from outside as one line of Markdown that shows it as typed: no HTML, link, picture or formula. `code` stays code."""
    parts = re.split(r"((?<!`)`(?!`)[^`]+`(?!`))", printable(re.sub(r"\s+", " ", text)))
    # & only where it begins the name of a character, _ only where it is not inside a word
    marks = r"[\\`<>\[\]*~$|]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])|^[-+#](?=\s|#)|(?<=^\d)[.)]"
    return "".join(part if k % 2 else re.sub(marks, r"\\\g<0>", part) for k, part in enumerate(parts))


def harmless(value):
    """A cell that no spreadsheet takes for a formula, not even one that starts a new cell at a semicolon."""
    text = printable(re.sub(r"\s+", " ", str(value)).strip())
    return re.sub(r"(^|;\s*)(?=[=+\-@])", r"\1'", text)


def replace(path: Path, text: str) -> None:
    """Write a file in one step."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8", newline="")
    os.replace(temporary, path)
