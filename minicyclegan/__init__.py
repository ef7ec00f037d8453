"""miniCycleGAN: CycleGAN (Zhu et al. 2017) built step by step in notebooks, and the library the notebooks build.

import minicyclegan
model = minicyclegan.load("runs/seasons/last.pt")
winter = model.translate("summer.jpg", to="b")
"""

import importlib

__version__ = "0.1.0"

# Public names and where they live. They are imported when first used, so that `import minicyclegan` and
# `minicyclegan --help` do not wait for torch.
_HOME = {
    "seasons": ("sample_scenes", "draw"),
    "images": ("read_image", "list_images"),
    "data": (
        "Domains",
        "ImageFolder",
        "UnpairedBatches",
        "load_domains",
        "load_folder",
        "load_seasons",
        "random_crop_flip",
        "to_float",
        "to_uint8",
    ),
    "generator": ("Generator", "ResidualBlock", "downsample", "init_weights", "upsample"),
    "discriminator": ("PatchDiscriminator", "receptive_field", "receptive_field_by_gradient"),
    "gan_loss": (
        "discriminator_loss",
        "generator_loss",
    ),  # gan_loss itself lives in minicyclegan.gan_loss: one name, one thing
    "cycle_loss": ("cycle_consistency_loss", "identity_loss"),
    "parameters": ("Config", "check_parameters"),
    "cyclegan": ("CycleGAN", "ImagePool"),
    "checkpoint": ("load", "export_weights"),
    "training": ("Trainer", "learning_rate_factor", "train", "update_average"),
    "samples": ("held_out_error", "sample_sheet"),
    "evaluation": (
        "bootstrap",
        "colour_transfer",
        "gap_closed",
        "l1_error",
        "psnr",
        "quality_report",
        "ssim",
        "supervised_twin",
    ),
    "translate": ("round_trip", "split_into_domains", "translate_files"),
    "emoji": ("load_emoji",),
    "faces": ("load_faces",),
    "checkup": ("check_folder",),
    "export": ("export_onnx",),
    "devices": ("choose_device",),
    "errors": ("CheckpointError", "DataError", "MiniCycleGANError", "ParameterError", "RunError"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'minicyclegan' has no attribute {name!r}")
    return getattr(importlib.import_module(f"minicyclegan.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
