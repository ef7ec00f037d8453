"""What the check cells of an nbgrader course are wrapped in: they raise, and one mistake costs one exercise.

`minicyclegan student --nbgrader` writes these cells; course/nbgrader_folder.py says what they look like.
"""

import contextlib
import os
import re
from collections.abc import Iterator

from minicyclegan.course.files import course_folder
from minicyclegan.errors import RunError

STANDS_IN = "From here on the course's solution to {} stands in for this answer, so that the rest is judged on its own."


@contextlib.contextmanager
def marked(number: str) -> Iterator[None]:
    """Around the check of exercise `number`: it raises NotYet where it would print `Not yet: ...`.

    While nbgrader marks, and only then, the course's solution takes the place of an answer that is not right, because later
    exercises may need it. An answer that does not exist, because its cell stopped, is a NotYet as well.
    """
    from minicyclegan.checks.frame import NotYet, strict

    try:
        with strict():
            yield
    except BaseException as error:  # nbgrader ends a check that takes too long with KeyboardInterrupt
        if os.environ.get("NBGRADER_EXECUTION") == "autograde":
            stand_in(number)
        if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
            name = error.name or re.sub(r"^name '(\w+)'.*", r"\1", str(error))
            raise NotYet(
                f"Not yet: there is no {name}: did its cell stop with an error, or was it renamed?"
            ) from None
        raise


def stand_in(number: str) -> None:
    """Run the course's solution to an exercise in this notebook, and show nothing of it but a sentence. Raises RunError."""
    from IPython import get_ipython
    from IPython.utils.capture import capture_output

    from minicyclegan.grading.notebook import exercises_of

    lesson = f"{int(number.split('.')[0]):02d}_"
    for path in course_folder().glob(f"{lesson}*.ipynb"):
        for exercise in exercises_of(path):
            if exercise.card.number == number:
                try:
                    with capture_output():
                        for source in exercise.cells:
                            exec(compile(source, f"<solution {number}>", "exec"), get_ipython().user_ns)
                except Exception as error:  # a cell before it did not run either
                    print(
                        f"The course's solution to {number} did not run here either: {type(error).__name__}: {error}"
                    )
                else:
                    print(STANDS_IN.format(number))
                return
    raise RunError(f"the course that is installed here has no exercise {number}")
