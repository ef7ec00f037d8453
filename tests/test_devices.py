"""Which device and dtype a run gets."""

import pytest
import torch

from minicyclegan.errors import ParameterError
from minicyclegan.runs import devices
from minicyclegan.runs.devices import DTYPES, choose_device, cpu_has_bf16


@pytest.mark.parametrize("there", [True, False])
def test_fast_is_bf16_on_a_cpu_only_where_the_processor_has_it_and_auto_never(monkeypatch, there):
    monkeypatch.setattr(devices, "cpu_has_bf16", lambda: there)
    device, dtype, sentence = choose_device("cpu", "fast")
    assert device.type == "cpu" and dtype == (torch.bfloat16 if there else torch.float32)
    assert sentence.endswith(" in bf16" if there else " in fp32")
    assert choose_device("cpu", "auto")[1] == torch.float32


@pytest.mark.parametrize(
    "capability, precision",
    [
        ((12, 0), "bf16"),
        ((9, 0), "bf16"),
        ((8, 0), "bf16"),
        ((7, 5), "fp16"),
        ((7, 0), "fp16"),
        ((6, 1), "fp32"),
    ],
)
def test_every_card_gets_what_it_has_fast_arithmetic_for(monkeypatch, capability, precision):
    """PyTorch says of a T4 (7.5) too that it supports bf16: it counts emulation, which is many times slower."""
    for name, answer in (
        *(("is_available", True), ("device_count", 1), ("get_device_capability", capability)),
        *(("get_device_name", "a card"), ("is_bf16_supported", True)),
    ):
        monkeypatch.setattr(torch.cuda, name, lambda *given, answer=answer: answer)
    for device in ("auto", "cuda"):
        _, dtype, sentence = choose_device(device)
        assert dtype == DTYPES[precision] and sentence == f"computing on a card in {precision}"
    assert choose_device("cuda", "fp32")[1] == torch.float32, "what is asked for counts"


def test_fp16_can_be_asked_for_and_nonsense_is_refused():
    assert choose_device("cpu", "fp16")[1] == torch.float16
    with pytest.raises(ParameterError, match="auto, fast, fp32, bf16 or fp16, but it is 'int8'"):
        choose_device("cpu", "int8")


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
