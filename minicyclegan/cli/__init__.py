"""The command line: `minicyclegan --help`. Heavy imports wait inside the commands."""

import errno
import os
import sys

import click

from minicyclegan.cli import (
    app,
    course,
    data,
    doctor,
    evaluate,
    export,
    repro,
    results,
    run,
    split,
    sweep,
    train,
    translate,
)

# nbformat validates with jsonschema, which reads a grammar of internet addresses for a second where it finds this package.
# No notebook has an address that is validated, and in a process of ours nobody else asks for it
sys.modules.setdefault("rfc3987_syntax", None)


class OneSentence(click.Group):
    """Shows this package's own errors as one sentence and exit code 1, without a traceback."""

    def invoke(self, ctx):
        from minicyclegan.errors import MiniCycleGANError, printable

        try:
            return super().invoke(ctx)
        except MiniCycleGANError as error:
            click.echo(f"minicyclegan: {error}", err=True)
            sys.exit(getattr(error, "exit_code", 1))
        except OSError as error:  # a name that is too long, for example: the system has said why
            if error.errno in (None, errno.EPIPE):
                raise
            name = "" if error.filename is None else f"{printable(str(error.filename))}: "
            click.echo(f"minicyclegan: {name}{error.strerror}; check the path", err=True)
            sys.exit(1)


@click.group(cls=OneSentence, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="minicyclegan")
def main():
    """CycleGAN, built step by step in notebooks: get data, train, evaluate, translate, and check this machine."""
    # Called from a notebook: nobody looks at the notebooks that it runs
    os.environ.pop("JPY_SESSION_NAME", None)


for command in (
    *(train.train, run.run, data.data, translate.translate, evaluate.evaluate, sweep.sweep),
    *(split.split, results.results),
    *(app.app, export.export, course.student, course.grade, repro.repro, doctor.doctor),
):
    main.add_command(command)
