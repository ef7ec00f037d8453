"""What several commands share: options, and how the words of a training command are resolved."""

import click

parameters_option = click.option(
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set any parameter of notebook 07; numbers are read as YAML, texts as typed. May be repeated.",
)
file_option = click.option(
    "-f",
    "--file",
    type=click.Path(dir_okay=False),
    help="A YAML file with lines `name: value`, as in notebooks/configs/.",
)
paired_option = click.option(
    "--paired",
    default="auto",
    type=click.Choice(["auto", "yes", "no"]),
    help="Are test picture i of A and of B a true pair? auto looks, and says why it believes so.",
    show_default=True,
)
bad_image_option = click.option(
    "--on-bad-image",
    default="refuse",
    type=click.Choice(["refuse", "skip"]),
    help="What to do with unreadable images.",
    show_default=True,
)


def declared_by_training() -> dict[str, tuple[type, object]]:
    """Names, types and defaults of the parameters of notebook 07.

    Read as JSON: nbformat would take a second to import, and the course's own notebook needs no check.
    """
    import json

    from minicyclegan.course.files import course_folder
    from minicyclegan.parameters import declared_parameters

    cells = json.loads((course_folder() / "07_train.ipynb").read_text(encoding="utf-8"))["cells"]
    cell = next(cell for cell in cells if "parameters" in cell["metadata"].get("tags", []))
    return declared_parameters("".join(cell["source"]))


def resolve_run(
    word: str,
    folder: str | None,
    parameters: tuple[str, ...],
    file: str | None,
    chosen: dict | None = None,
    base: dict | None = None,
    say=lambda line: None,
):
    """What `minicyclegan train WORD --data FOLDER -p ... -f ...` means: (config, given, ways).

    `config` decides what is computed. `ways` has the other parameters of notebook 07, such as the device. `given` has those
    parameters of both kinds that were set by somebody: by a preset, by what suits a folder, by the file, or by -p, which
    wins. `chosen` are more values like those of -p, already of their types; `base` are those of a run that is resumed, in
    place of settings. `say` receives lines about the settings. Raises ParameterError or DataError before anything runs.
    """
    from dataclasses import fields

    from minicyclegan.course.settings import check_values, read_parameters
    from minicyclegan.datasets import suiting
    from minicyclegan.datasets.presets import on_gpu, resolve
    from minicyclegan.parameters import Config

    declared = declared_by_training()
    typed = read_parameters(parameters, None, declared) | check_values(chosen or {}, declared)
    filed = read_parameters((), file, declared)
    device = str((filed | typed).get("device", "auto"))
    if word == "seasons" and folder is None:  # the default word: a file or -p may name the data
        word = str((filed | typed).get("data", word))
    else:
        folder = folder or typed.get("data")
    data, settings = resolve(word, folder, device)
    pictures = None
    if base is not None:
        filed = check_values(base, declared)
    elif not file and settings is None:
        pictures = suiting.images_of_parts(data)
        filed = settings_for_folder(data, pictures, on_gpu(device), declared, say)
    elif not file:
        filed = read_parameters((), settings, declared)
        say(f"settings: {settings.name}   [-f FILE, -p NAME=VALUE]")
    given = filed | typed | {"data": data}
    values = {name: default for name, (_, default) in declared.items()} | given
    config = Config(**{field.name: values.pop(field.name) for field in fields(Config)})
    suiting.require_loadable(data, config.image_size, config.load_size, values["paired"])
    pictures = pictures or suiting.images_to_read(data, config.image_size)
    pictures = suiting.readable(pictures, values["on_bad_image"])
    suiting.require_batch(pictures, config.batch_size)
    return config, given, values


def settings_for_folder(data: str, pictures: dict, gpu: bool, declared: dict, say) -> dict:
    """The settings that suit the pictures of a folder, by part, and this machine. Raises DataError."""
    from minicyclegan.course.settings import read_parameters
    from minicyclegan.datasets.presets import settings_file
    from minicyclegan.datasets.suiting import sizes_in, suiting

    found = sizes_in(pictures)
    stem, changed, why = suiting(found, gpu)
    say(f"{data}: {found}")
    texts = "".join(f", {name} {value:,}" for name, value in changed.items())
    say(f"settings: {stem}.yaml{texts}: {why}   [-f FILE, -p NAME=VALUE]")
    return read_parameters((), settings_file(stem), declared) | changed
