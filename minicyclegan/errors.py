"""The errors this package raises on purpose: one sentence each, saying what was wrong and what to do."""


def printable(text: str) -> str:
    """Text from outside, such as a file name, made fit for one line: what could control a terminal shows as \\x1b."""
    joiners = "\u200c\u200d"  # parts of words in some scripts, and of some emoji
    return "".join(
        c if c.isprintable() or c in joiners else c.encode("unicode_escape").decode() for c in text
    )


class MiniCycleGANError(Exception):
    """Base of all errors below; catch this one to catch them all. Its text is one line, whatever names are in it."""

    def __str__(self) -> str:
        return printable(super().__str__())


class ParameterError(MiniCycleGANError, ValueError):
    """A parameter has an unknown name, a wrong type or an impossible value."""


class DataError(MiniCycleGANError):
    """A data set or a picture cannot be used."""


class CheckpointError(MiniCycleGANError):
    """A checkpoint is missing, damaged, or from another program."""


class RunError(MiniCycleGANError):
    """A training run cannot start or continue."""


class Stopped(RunError):
    """A signal ended the work in good order. `exit_code` is what a shell expects: 128 plus the number of the signal."""

    def __init__(self, sentence: str, signal_number: int):
        super().__init__(sentence)
        self.signal_number, self.exit_code = signal_number, 128 + signal_number
