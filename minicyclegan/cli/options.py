"""What several commands share: options, and how the words of a training command are resolved."""

import click

parameters_option = click.option(
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a parameter; the value is read as YAML. May be repeated.",
)
file_option = click.option(
    "-f",
    "--file",
    type=click.Path(dir_okay=False),
    help="A YAML file with lines `name: value`, as in notebooks/configs/.",
)


def resolve_run(word: str, folder: str | None, parameters: tuple[str, ...], file: str | None):
    """What `minicyclegan train WORD --data FOLDER -p ... -f ...` means: (config, given, ways).

    `config` decides what is computed. `ways` has the other parameters of notebook 07, such as the device. `given` has those
    parameters of both kinds that were set by somebody: by a preset, by the file, or by -p, which wins.
    Raises ParameterError or DataError before anything runs.
    """
    from dataclasses import fields

    from minicyclegan.course.files import course_folder
    from minicyclegan.course.settings import parameters_of, read_parameters
    from minicyclegan.datasets.presets import resolve
    from minicyclegan.parameters import Config

    declared = parameters_of(course_folder() / "07_train.ipynb")
    typed = read_parameters(parameters, None, declared)
    filed = read_parameters((), file, declared)
    device = str((filed | typed).get("device", "auto"))
    if word == "seasons" and folder is None:  # the default word: a file or -p may name the data
        word = str((filed | typed).get("data", word))
    else:
        folder = folder or typed.get("data")
    data, settings = resolve(word, folder, device)
    given = (filed if file else read_parameters((), settings, declared)) | typed | {"data": data}
    values = {name: default for name, (_, default) in declared.items()} | given
    config = Config(**{field.name: values.pop(field.name) for field in fields(Config)})
    return config, given, values
