"""The checks of notebook 01 against wrong answers and different right ones."""

from mutants import Trial, solution, swap, trial_tests

from minicyclegan.checks import check_fresh_crops, check_random_crop_flip, check_range, check_unpaired_draw

NOTEBOOK = "01_two_domains"
RANGE = solution(NOTEBOOK, "check_range")
CROP = solution(NOTEBOOK, "check_random_crop_flip")
DRAW = solution(NOTEBOOK, "check_unpaired_draw")
FRESH = solution(NOTEBOOK, "check_fresh_crops")
SETUP = "import torch\nfrom torch import Tensor\nfrom minicyclegan.data import random_crop_flip\n"


def draw(body: str) -> str:
    return f"def unpaired_draw(n_a, n_b, batch_size, generator):\n    {body}\n"


def fresh(draw: str, init: str = "self.decode, self.size, self.cache = decode, size, {}") -> str:
    return f"class Pictures:\n    def __init__(self, decode, size):\n        {init}\n\n    def draw(self, index, generator):\n        {draw}\n"


KEEP = "if index not in self.cache:\n            self.cache[index] = {}\n        return {}"
CUT = "random_crop_flip({}[None], self.size, generator)[0]"
TRIALS = [
    Trial(
        check_range,
        NOTEBOOK,
        right={
            "other arithmetic": "def to_float(p):\n    return (p.to(torch.float32) / 255 - 0.5) * 2\n\n\ndef to_uint8(p):\n    return ((p.clamp(-1, 1) / 2 + 0.5) * 255 + 0.5).floor().byte()\n",
            "lerp": "def to_float(p):\n    return torch.lerp(torch.tensor(-1.0), torch.tensor(1.0), p / 255)\n\n\ndef to_uint8(p):\n    return torch.clamp(torch.round((p + 1) / 2 * 255), 0, 255).to(torch.uint8)\n",
        },
        wrong={
            "0 to 1": (
                swap(RANGE, "pictures.float() / 127.5 - 1", "pictures.float() / 255"),
                "0 should become -1",
            ),
            "128 in place of 127.5": (swap(RANGE, "/ 127.5 - 1", "/ 128 - 1"), "255 exactly 1"),
            "not divided": (
                swap(RANGE, "pictures.float() / 127.5 - 1", "pictures.float() - 127.5"),
                "numbers up to 128",
            ),
            "cut off": (swap(RANGE, ".round()", ""), "rounded to the nearest step, or cut off"),
            "not clamped": (swap(RANGE, ".clamp(0, 255)", ""), "clamp first"),
            "ceil": (swap(RANGE, ".round()", ".sub(1e-3).ceil()"), "round to the nearest"),
            "still floats": (swap(RANGE, ".to(torch.uint8)", ""), "bytes are torch.uint8"),
            "inverted": (
                swap(RANGE, "pictures.float() / 127.5 - 1", "1 - pictures.float() / 127.5"),
                "black and white have changed places",
            ),
            "unequal steps": (
                swap(RANGE, "pictures.float() / 127.5 - 1", "(pictures.float() / 255) ** 0.5 * 2 - 1"),
                "steps between neighbouring",
            ),
        },
    ),
    Trial(
        check_random_crop_flip,
        NOTEBOOK,
        right={
            "one at a time": """
def random_crop_flip(pictures, size, generator):
    out = []
    for p in pictures:
        t = int(torch.randint(p.shape[1] - size + 1, (1,), generator=generator))
        k = int(torch.randint(p.shape[2] - size + 1, (1,), generator=generator))
        crop = p[:, t : t + size, k : k + size]
        out.append(torch.flip(crop, [2]) if torch.rand((), generator=generator) < 0.5 else crop)
    return torch.stack(out)
""",
            "by fancy indices": """
def random_crop_flip(pictures, size, generator):
    n, _, h, w = pictures.shape
    steps = torch.arange(size)
    rows = torch.randint(h - size + 1, (n, 1), generator=generator) + steps
    columns = torch.randint(w - size + 1, (n, 1), generator=generator) + steps
    coin = torch.randint(2, (n, 1), generator=generator).bool()
    columns = torch.where(coin, columns.flip(1), columns)
    return pictures[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
""",
        },
        wrong={
            "off by one": (swap(CROP, "height - size + 1", "height - size"), "room up to 4"),
            "off by one, left": (swap(CROP, "width - size + 1", "width - size"), "room up to 2"),
            "one place for all": (
                swap(
                    CROP,
                    "(height - size + 1, (n,), generator=generator).tolist()",
                    "(height - size + 1, (1,), generator=generator).tolist() * n",
                ),
                "seen from the top",
            ),
            "one left for all": (
                swap(
                    CROP,
                    "(width - size + 1, (n,), generator=generator).tolist()",
                    "(width - size + 1, (1,), generator=generator).tolist() * n",
                ),
                "seen from the left",
            ),
            "left follows top": (
                swap(
                    CROP,
                    "torch.randint(width - size + 1, (n,), generator=generator).tolist()",
                    "[min(t, width - size) for t in top]",
                ),
                "the two independently",
            ),
            "one coin for all": (
                swap(
                    CROP,
                    "torch.randint(2, (n,), generator=generator).tolist()",
                    "torch.randint(2, (1,), generator=generator).tolist() * n",
                ),
                "its own coin",
            ),
            "upside down": (swap(CROP, "crop.flip(2)", "crop.flip(1)"), "upside down"),
            "always mirrored": (swap(CROP, "if f else crop", "if True else crop"), "mirrored or none"),
            "rarely mirrored": (
                swap(
                    CROP, "torch.randint(2, (n,)", "torch.randint(-8, 2, (n,)", "if f else", "if f == 1 else"
                ),
                "it should be half",
            ),
            "frozen": (
                swap(
                    CROP,
                    "    n, _, height",
                    "    generator = torch.Generator().manual_seed(0)\n    n, _, height",
                ),
                "draw anew each time",
            ),
            "the global generator": (
                swap(CROP, "torch.randint(2, (n,), generator=generator)", "torch.randint(2, (n,))"),
                "the coins too",
            ),
            "a list": (swap(CROP, "return torch.stack(", "return list("), "`torch.stack`"),
        },
    ),
    Trial(
        check_unpaired_draw,
        NOTEBOOK,
        right={
            "by sorting": draw(
                "return tuple(torch.rand(n, generator=generator).argsort()[:batch_size].tolist() for n in (n_a, n_b))"
            ),
            "tensors": draw(
                "a = torch.ones(n_a).multinomial(batch_size, generator=generator)\n    return [a, torch.ones(n_b).multinomial(batch_size, generator=generator)]"
            ),
        },
        wrong={
            "by index": (
                draw(
                    "i = torch.randperm(min(n_a, n_b), generator=generator)[:batch_size].tolist()\n    return i, i"
                ),
                "some pictures of A are never drawn",
            ),
            "by index, wrapped": (
                draw(
                    "i = torch.randperm(n_a, generator=generator)[:batch_size].tolist()\n    return i, [k % n_b for k in i]"
                ),
                "comes twice",
            ),
            "one shuffle of the smaller": (
                draw(
                    "i = torch.randperm(n_a, generator=generator).tolist()\n    return i[:batch_size], [k for k in i if k < n_b][:batch_size]"
                ),
                "share a draw",
            ),
            "with putting back": (
                draw(
                    "return [torch.randint(n, (batch_size,), generator=generator).tolist() for n in (n_a, n_b)]"
                ),
                "comes twice",
            ),
            "too large for B": (
                draw(
                    "return [torch.randperm(n_a, generator=generator)[:batch_size].tolist() for _ in range(2)]"
                ),
                "need not be equally large",
            ),
            "always the first": (
                draw("return list(range(batch_size)), list(range(batch_size))"),
                "hardly change",
            ),
            "B follows from A": (
                draw(
                    "a = torch.randperm(n_a, generator=generator)[:batch_size].tolist()\n    b = []\n    for i in a:\n        k = (7 * i + 3) % n_b\n        while k in b:\n            k = (k + 1) % n_b\n        b.append(k)\n    return a, b"
                ),
                "follows from that of A",
            ),
            "the global generator": (
                draw("return [torch.randperm(n)[:batch_size].tolist() for n in (n_a, n_b)]"),
                "draw every number from it",
            ),
            "only A": (
                draw("return torch.randperm(n_a, generator=generator)[:batch_size].tolist()"),
                "two lists",
            ),
            "sorted": (
                draw(
                    "return [sorted(torch.randperm(n, generator=generator)[:batch_size].tolist()) for n in (n_a, n_b)]"
                ),
                "ascending order",
            ),
            "the whole heap": (
                draw("return [torch.randperm(n, generator=generator).tolist() for n in (n_a, n_b)]"),
                "for a batch of 6",
            ),
        },
    ),
    Trial(
        check_fresh_crops,
        NOTEBOOK,
        setup=SETUP,
        right={
            "setdefault": fresh(
                "if self.cache.get(index) is None:\n            self.cache.update({index: self.decode(index)})\n        return "
                + CUT.format("self.cache[index]")
            ),
            "two steps": fresh(
                KEEP.format(
                    "self.decode(index)",
                    "random_crop_flip(self.cache[index].unsqueeze(0), self.size, generator).squeeze(0)",
                )
            ),
        },
        wrong={
            "the trap": (
                fresh(KEEP.format(CUT.format("self.decode(index)"), "self.cache[index]")),
                "the cache keeps the crop",
            ),
            "no cache": (fresh("return " + CUT.format("self.decode(index)")), "decoded 30 times"),
            "one place for all": (
                fresh(
                    "if not self.cache:\n            self.cache[0] = self.decode(index)\n        return "
                    + CUT.format("self.cache[0]")
                ),
                "which is which",
            ),
            "a generator of its own": (
                fresh(
                    KEEP.format(
                        "self.decode(index)",
                        CUT.format("self.cache[index]").replace(
                            "generator)", "torch.Generator().manual_seed(index))"
                        ),
                    )
                ),
                "not drawn from the generator that is given",
            ),
            "the global generator": (
                fresh(
                    KEEP.format(
                        "self.decode(index)",
                        CUT.format("self.cache[index]").replace(
                            "generator)", "torch.Generator().manual_seed(int(torch.randint(9**9, ()))))"
                        ),
                    )
                ),
                "the same generator gives different crops",
            ),
            "a batch": (
                fresh(
                    KEEP.format(
                        "self.decode(index)",
                        "random_crop_flip(self.cache[index][None], self.size, generator)",
                    )
                ),
                "(3, 8, 8)",
            ),
            "not cut": (fresh(KEEP.format("self.decode(index)", "self.cache[index]")), "(3, 8, 8)"),
            "three crops": (
                fresh(
                    "crops = self.cache.setdefault(index, [])\n        if len(crops) < 3:\n            crops.append("
                    + CUT.format("self.decode(index)")
                    + ")\n        return crops[int(torch.randint(len(crops), (), generator=generator))]"
                ),
                "different crops",
            ),
        },
    ),
]

test_right, test_wrong, test_enough = trial_tests(TRIALS)
