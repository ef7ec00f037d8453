"""The page of feedback for one student in HTML: one file, no script, nothing loaded; names of code in code type."""

import re
from html import escape

from minicyclegan.course.site_page import lone_page
from minicyclegan.errors import printable
from minicyclegan.grading.notebook import NOT_YET, RIGHT

SHOWN_REMARKS = 12
STYLE = """
:root { color-scheme: light dark; --right: #1a7f37; --wrong: #b35900; --line: #8884; }
@media (prefers-color-scheme: dark) { :root { --right: #4ac26b; --wrong: #f0a050; } }
body { font: 1rem/1.55 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid var(--line); }
code { font: 0.9em ui-monospace, monospace; background: #8882; padding: 0.1em 0.3em; border-radius: 4px; overflow-wrap: anywhere; }
ul { padding-left: 1.2rem; } li { margin: 0.5rem 0; }
.right, .wrong { font-weight: 600; } .right { color: var(--right); } .wrong { color: var(--wrong); }
"""
# Code between strokes, or a word that may be code: a name, dotted or not, with or without a call
WORD = re.compile(r"`([^`]+)`|(?<![\w.'’])(\w+(?:\.\w+)*)(\([^()]*\))?")


def feedback_page(student: str, pairs: list) -> str:
    """The page for one student. `pairs` are (submission, graded), in the order of the course."""
    verdicts = [verdict for _, graded in pairs for verdict, _ in graded.verdicts.values()]
    right = sum(verdict == RIGHT for verdict in verdicts)
    title = f"Feedback for {printable(student)}"
    body = [f"<h1>{escape(title)}</h1>", f"<p>{right} of {len(verdicts)} exercises are right.</p>"]
    if right < len(verdicts):
        body.append(
            "<p>What follows each exercise that is not right yet is meant as a hint. "
            "Repair the cell, run the check, and hand it in again.</p>"
        )
    for submission, graded in pairs:
        body += [f"<h2>{in_html(submission.notebook or submission.path.name)}</h2>"]
        body += ["<ul>"] if graded.exercises else []
        for exercise in graded.exercises:
            verdict, reason = graded.verdicts[exercise.card.number]
            said = {RIGHT: "right", NOT_YET: "not yet"}.get(verdict, "could not be judged")
            name = f"{exercise.card.number} {escape(exercise.card.title)}"
            look = "right" if verdict == RIGHT else "wrong"
            why = f" {sentence_in_html(reason, exercise.asked)}" if reason else ""
            body.append(f'<li><strong>{name}</strong>: <span class="{look}">{said}</span>.{why}</li>')
        body += ["</ul>"] if graded.exercises else []
        if graded.remarks:
            left = len(graded.remarks) - SHOWN_REMARKS
            body += ["<p>What else was noticed when the notebook ran from top to bottom:</p>", "<ul>"]
            body += [f"<li>{in_html(remark)}</li>" for remark in graded.remarks[:SHOWN_REMARKS]]
            body += [f"<li>and {left} more</li>"] if left > 0 else []
            body.append("</ul>")
    return lone_page(title, "\n".join(body), STYLE)


def in_html(text: str, asked: tuple[str, ...] = ()) -> str:
    """Text from outside as one line of HTML that shows it as typed, with names of code in <code>.

    `asked` are the names that the exercise asks for.
    """
    text, parts, end = printable(re.sub(r"\s+", " ", text)), [], 0
    for found in WORD.finditer(text):
        strokes, name, call = found.groups()
        code = strokes or (is_code(name, call, text[: found.start()], asked) and found[0])
        if code:
            parts += [escape(text[end : found.start()]), f"<code>{escape(code)}</code>"]
            end = found.end()
    return "".join(parts) + escape(text[end:])


def is_code(name: str, call: str | None, before: str, asked: tuple[str, ...]) -> bool:
    """Whether a word of a hint is code rather than prose."""
    if not re.search(r"[^\W\d_]", name):  # 0.02
        return False
    if (
        "_" in name
        or (call and call not in ("(s)", "(es)"))
        or re.search(r"(Error|Exception|Interrupt)$", name)
    ):
        return True
    if re.fullmatch(r"[a-z]\w+(\.\w{2,})+", name):  # torch.nn, and not e.g.
        return True
    # A plain word that is asked for, such as `noise`, is prose more often; a class is not, except where a sentence begins
    return name in asked and (before.endswith("there is no ") or (name[0].isupper() and before.strip() != ""))


def sentence_in_html(reason: str, asked: tuple[str, ...]) -> str:
    """A reason as a sentence: a capital letter, unless it begins with code, and a stop."""
    line = in_html(reason.strip(), asked)
    if not line.startswith(("<code>", "(", "&")):
        line = line[:1].upper() + line[1:]
    return line if not line or line[-1] in ".?)" else line + "."
