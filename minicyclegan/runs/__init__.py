"""What a training run leaves on disk, and how it resumes: files, checkpoints, locks, signals, devices, progress."""

from minicyclegan.course.first_edition import moved_names

__getattr__ = moved_names("runs")
