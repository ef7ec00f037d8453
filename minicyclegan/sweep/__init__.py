"""Many runs of one notebook, one parameter changed at a time: `minicyclegan sweep`."""

from minicyclegan.course.first_edition import moved_names

__getattr__ = moved_names("sweep")
