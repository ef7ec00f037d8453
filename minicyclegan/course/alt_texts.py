"""The texts beside the course's figures, for readers who cannot see them: notebooks/alt_texts/, one file a notebook.

A cell names its text, `show(figure, "07-schedule")`; so no three lines of prose stand between a student and the code. Any other
text is shown as it is: in figures of your own you write it where you need it.
"""

import functools
import re

from minicyclegan.course.files import course_folder
from minicyclegan.errors import ParameterError

NAME = re.compile(r"(\d\d[a-z]?)-[a-z0-9-]+")


@functools.cache
def texts_of(number: str) -> dict[str, str]:
    """The texts of one notebook by name: `schedule` for 07-schedule."""
    import yaml

    path = course_folder() / "alt_texts" / f"{number}.yaml"
    found = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {name: " ".join(text.split()) for name, text in (found or {}).items()}


def alt_text(name: str, **values) -> str:
    """The text of that name, with `values` in its braces; a text that is no name comes back as it is. Raises ParameterError."""
    named = NAME.fullmatch(name)
    if not named:
        return name
    texts, key = texts_of(named[1]), name.removeprefix(f"{named[1]}-")
    if key not in texts:
        raise ParameterError(f"there is no text {key!r} in notebooks/alt_texts/{named[1]}.yaml")
    return texts[key].format(**values) if values else texts[key]
