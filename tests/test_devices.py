"""Which device and dtype a run gets."""

import pytest
import torch

from minicyclegan.runs import devices
from minicyclegan.runs.devices import choose_device, cpu_has_bf16


@pytest.mark.parametrize("there", [True, False])
def test_fast_is_bf16_on_a_cpu_only_where_the_processor_has_it_and_auto_never(monkeypatch, there):
    monkeypatch.setattr(devices, "cpu_has_bf16", lambda: there)
    device, dtype, sentence = choose_device("cpu", "fast")
    assert device.type == "cpu" and dtype == (torch.bfloat16 if there else torch.float32)
    assert sentence.endswith(" in bf16" if there else " in fp32")
    assert choose_device("cpu", "auto")[1] == torch.float32


@pytest.mark.skipif(not hasattr(torch.cpu, "_is_avx512_bf16_supported"), reason="this torch does not say")
def test_whether_the_processor_has_bf16_is_what_linux_says_of_it():
    try:
        with open("/proc/cpuinfo") as file:
            flags = file.read()
    except OSError:
        pytest.skip("no /proc/cpuinfo here")
    assert cpu_has_bf16() == ("avx512_bf16" in flags)


def test_without_torchs_answer_a_cpu_has_no_bf16(monkeypatch):
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    assert cpu_has_bf16() is False
