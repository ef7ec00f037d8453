"""miniCycleGAN: CycleGAN (Zhu et al. 2017) built step by step in notebooks, and the library the notebooks build.

import minicyclegan
model = minicyclegan.load("runs/seasons/last.pt")
winter = model.translate("summer.jpg", to="b")
"""

import importlib

from minicyclegan.course import first_edition

__version__ = "0.1.0"
first_edition.install()

# Public names and where they live. They are imported when first used, so that `import minicyclegan` and
# `minicyclegan --help` do not wait for torch.
_HOME = {
    "seasons": ("sample_scenes", "draw"),
    "pictures.images": ("read_image", "list_images"),
    "data": (
        "Domains",
        "ImageFolder",
        "UnpairedBatches",
        "load_folder",
        "load_seasons",
        "random_crop_flip",
        "to_float",
        "to_uint8",
    ),
    "datasets.named": ("load_domains",),
    "generator": ("Generator", "ResidualBlock", "downsample", "init_weights", "upsample"),
    "discriminator": ("PatchDiscriminator", "receptive_field", "receptive_field_by_gradient"),
    # gan_loss itself is minicyclegan.gan_loss.gan_loss: one name, one thing
    "gan_loss": ("discriminator_loss", "generator_loss"),
    "cycle_loss": ("cycle_consistency_loss", "identity_loss", "reconstruction_loss"),
    "parameters": ("Config", "check_parameters"),
    "cyclegan": ("CycleGAN", "ImagePool"),
    "patch_nce": ("CUT", "PatchHead", "encoder_features", "patch_nce_loss"),
    "runs.checkpoint": ("load", "export_weights"),
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
    "datasets.emoji": ("load_emoji",),
    "datasets.faces": ("load_faces",),
    "datasets.old_photos": ("load_old_photos",),
    "datasets.inspection": ("check_folder",),
    "serve.export": ("export_onnx",),
    "runs.devices": ("choose_device",),
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
