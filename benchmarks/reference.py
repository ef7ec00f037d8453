"""The reference's own CycleGAN (junyanz/pytorch-CycleGAN-and-pix2pix), built from a checkout given by its path.

None of it is kept here: its modules are imported from the checkout, without its options parser, its data sets or its result
pages (visdom, wandb and dominate are not needed). Files it needs there: models/{__init__,base_model,networks,
cycle_gan_model}.py and util/{__init__,image_pool}.py.
"""

import contextlib
import importlib
import io
import sys
from argparse import Namespace
from pathlib import Path

import torch
from torch import Tensor, nn

from minicyclegan.errors import ParameterError

# What its train.py uses with no option but `--model cycle_gan`
DEFAULTS = dict(
    model="cycle_gan", isTrain=True, input_nc=3, output_nc=3, ngf=64, ndf=64, netG="resnet_9blocks", netD="basic",
    n_layers_D=3, norm="instance", init_type="normal", init_gain=0.02, no_dropout=True, direction="AtoB",
    gan_mode="lsgan", pool_size=50, lr=0.0002, beta1=0.5, lambda_A=10.0, lambda_B=10.0, lambda_identity=0.5,
    lr_policy="linear", preprocess="resize_and_crop", checkpoints_dir="./checkpoints", name="experiment_name",
)  # fmt: skip


def build_reference(
    path: str | Path,
    ngf: int = 64,
    n_blocks: int = 9,
    device: str | torch.device = "cpu",
    ndf: int = 64,
    pool_size: int = 50,
):
    """The reference's CycleGANModel for training, at its defaults except for the arguments; it has 6 or 9 blocks.

    On a GPU it is wrapped in DataParallel, as its own program does. Building it sets torch.backends.cudnn.benchmark, for the
    whole process. Raises ParameterError where `path` is not a checkout, or for any other number of blocks.
    """
    path, device = Path(path).resolve(), torch.device(device)
    if not (path / "models/cycle_gan_model.py").is_file():
        raise ParameterError(
            f"{path} is no checkout of the reference: it has no models/cycle_gan_model.py; clone it from GitHub"
        )
    if n_blocks not in (6, 9):
        raise ParameterError(f"the reference has generators of 6 or 9 blocks, but {n_blocks} were asked for")
    sys.path.insert(0, str(path))
    try:
        model_class = importlib.import_module("models.cycle_gan_model").CycleGANModel
    finally:
        sys.path.remove(str(path))
    changes = {"ngf": ngf, "ndf": ndf, "netG": f"resnet_{n_blocks}blocks", "pool_size": pool_size}
    gpu_ids = [device.index or 0] if device.type == "cuda" else []
    with contextlib.redirect_stdout(io.StringIO()):  # it reports each network it makes
        return model_class(Namespace(**(DEFAULTS | changes), gpu_ids=gpu_ids))


def networks_of(model) -> dict[str, nn.Module]:
    """Its four networks by our names. Its D_A judges pictures of B, and the other way round."""
    theirs = {
        "generator_ab": model.netG_A,
        "generator_ba": model.netG_B,
        "discriminator_a": model.netD_B,
        "discriminator_b": model.netD_A,
    }
    return {name: getattr(network, "module", network) for name, network in theirs.items()}


@torch.no_grad()
def copy_weights(source: dict[str, nn.Module], target: dict[str, nn.Module]) -> None:
    """Give the target's networks the source's weights; both have the same layers in the same order, under different names."""
    for name, network in target.items():
        for ours, theirs in zip(network.parameters(), source[name].parameters(), strict=True):
            if ours.shape != theirs.shape:
                raise ParameterError(
                    f"{name}: a layer of {list(theirs.shape)} does not fit one of {list(ours.shape)}; "
                    "build both with the same widths and numbers of blocks"
                )
            ours.copy_(theirs)


def train_once(model, real_a: Tensor, real_b: Tensor) -> dict[str, Tensor]:
    """One step of its optimize_parameters on (N, 3, H, W) in [-1, 1]; its losses by our names, on the device."""
    model.set_input({"A": real_a, "B": real_b, "A_paths": [""], "B_paths": [""]})
    model.optimize_parameters()
    losses = {
        "gan_ab": model.loss_G_A,
        "gan_ba": model.loss_G_B,
        "cycle": model.loss_cycle_A + model.loss_cycle_B,
        "identity": model.loss_idt_A + model.loss_idt_B,
        "discriminator_a": model.loss_D_B,
        "discriminator_b": model.loss_D_A,
    }
    return {name: loss.detach() for name, loss in losses.items()}
