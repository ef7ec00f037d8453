"""What the notebooks show: figures, diagrams, and things to move by hand."""

from minicyclegan.course.first_edition import moved_names

__getattr__ = moved_names("widgets")
