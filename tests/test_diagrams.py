"""The diagrams are drawn from the real networks: a changed network is drawn changed."""

import pytest
from conftest import tiny_config

from minicyclegan.cyclegan import CycleGAN
from minicyclegan.discriminator import PatchDiscriminator
from minicyclegan.generator import Generator
from minicyclegan.widgets.diagrams import cycle_diagram, in_paper_shorthand, network_diagram, stages


@pytest.mark.parametrize(
    ("network", "size", "words"),
    [
        (Generator(8, 9), 64, "c7s1-8, d16, d32, 9 x R32, u16, u8, c7s1-3"),
        (Generator(8, 6, "resize"), 32, "c7s1-8, d16, d32, 6 x R32, u16, u8, c7s1-3"),
        (Generator(4, 1, "resize", 1), 16, "c7s1-4, d8, R8, u4, c7s1-3"),
        (PatchDiscriminator(8), 64, "c4s2-8, c4s2-16, c4s2-32, c4s1-64, c4s1-1"),
    ],
)
def test_a_network_in_the_papers_shorthand(network, size, words):
    assert in_paper_shorthand(stages(network, size)) == words
    figure, text = network_diagram(network, size)
    assert words in text and f"{sum(p.numel() for p in network.parameters()):,} parameters" in text
    labels = [label.get_text() for label in figure.axes[0].texts]
    assert set(words.split(", ")) <= set(labels) and "picture" in labels


def test_the_shapes_are_measured():
    assert [stage.shape for stage in stages(PatchDiscriminator(8), 64)] == [
        (8, 32, 32),
        (16, 16, 16),
        (32, 8, 8),
        (64, 7, 7),
        (1, 6, 6),
    ]


def test_no_hook_is_left_behind():
    network = Generator(4, 1)
    stages(network, 16)
    assert not any(module._forward_hooks for module in network.modules())


def test_the_two_cycles_name_the_four_networks():
    model = CycleGAN(tiny_config())
    figure, text = cycle_diagram(model)
    labels = "\n".join(label.get_text() for label in figure.axes[0].texts)
    for name, network in model.named_children():
        assert name in labels and name in text
        assert f"{sum(p.numel() for p in network.parameters()):,}" in labels
