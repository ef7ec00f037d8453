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
            "a table": swap(
                RANGE, "pictures.float() / 127.5 - 1", "torch.linspace(-1, 1, 256)[pictures.long()]"
            ),
            "keywords": swap(
                RANGE,
                "pictures.float() / 127.5 - 1",
                "torch.sub(torch.div(pictures, 127.5), other=1).to(dtype=torch.float32)",
                ".clamp(0, 255)",
                ".clamp(max=255, min=0)",
            ),
            "numpy": swap(
                RANGE,
                "return pictures.float() / 127.5 - 1",
                'return torch.from_numpy(pictures.numpy().astype("float32") / 127.5 - 1)',
            ),
            "other arithmetic": "def to_float(p):\n    return (p.to(torch.float32) / 255 - 0.5) * 2\n\n\ndef to_uint8(p):\n    return ((p.clamp(-1, 1) / 2 + 0.5) * 255 + 0.5).floor().byte()\n",
            "lerp": "def to_float(p):\n    return torch.lerp(torch.tensor(-1.0), torch.tensor(1.0), p / 255)\n\n\ndef to_uint8(p):\n    return torch.clamp(torch.round((p + 1) / 2 * 255), 0, 255).to(torch.uint8)\n",
        },
        wrong={
            "the range of the picture at hand": (
                swap(
                    RANGE,
                    "pictures.float() / 127.5 - 1",
                    "(pictures.float() - pictures.min()) / (pictures.max() - pictures.min()) * 2 - 1",
                ),
                "the range is that of all bytes, not that of the",
            ),
            "in double precision": (
                swap(RANGE, "pictures.float()", "pictures.double()"),
                "the networks compute in torch.float",
            ),
            "in half precision": (
                swap(RANGE, "pictures.float() / 127.5 - 1", "(pictures.float() / 127.5 - 1).half()"),
                "the networks compute in torch.float",
            ),
            "writes into the caller": (
                swap(RANGE, "return ((pictures + 1) * 127.5)", "return (pictures.add_(1).mul_(127.5))"),
                "writes into what it was given (pictures), and",
            ),
            "back by the range at hand": (
                swap(
                    RANGE,
                    "((pictures + 1) * 127.5)",
                    "((pictures - pictures.min()) / (pictures.max() - pictures.min()) * 255)",
                ),
                "not that of the picture at hand",
            ),
            "clamped at the lower end only": (
                swap(RANGE, ".clamp(0, 255)", ".clamp(min=0)"),
                "a byte overflows and starts again; clamp first",
            ),
            "wraps around": (
                swap(RANGE, ".clamp(0, 255)", ".remainder(256)"),
                "a byte overflows and starts again; clamp first",
            ),
            "rounded up at a third": (
                swap(RANGE, " * 127.5).round()", " * 127.5 + 0.667).floor()"),
                "some numbers between two steps do not go to the",
            ),
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
            "numpy numbers from the generator": """
def random_crop_flip(pictures, size, generator):
    n, c, h, w = pictures.shape
    r = torch.rand((n, 3), generator=generator)
    out = torch.empty((n, c, size, size), dtype=pictures.dtype)
    for i in range(n):
        t, l = int(r[i, 0] * (h - size + 1)), int(r[i, 1] * (w - size + 1))
        out[i] = pictures[i, ..., t : t + size, l : l + size]
        if r[i, 2] > 0.5:
            out[i] = out[i].flip(-1)
    return out
""",
            "mirror first, crop later": """
def random_crop_flip(pictures, size, generator):
    coin = torch.bernoulli(torch.full((len(pictures),), 0.5), generator=generator).bool()
    turned = torch.where(coin[:, None, None, None], pictures.flip(-1), pictures)
    spots = pictures.unfold(2, size, 1).shape[2], pictures.unfold(3, size, 1).shape[3]
    which = torch.randint(spots[0] * spots[1], (len(pictures),), generator=generator)
    return torch.stack([p[:, w // spots[1] : w // spots[1] + size, w % spots[1] : w % spots[1] + size] for p, w in zip(turned, which.tolist())])
""",
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
            "every second one mirrored": (
                swap(
                    CROP, "torch.randint(2, (n,), generator=generator).tolist()", "[k % 2 for k in range(n)]"
                ),
                "some places in the batch are mirrored more often",
            ),
            "ends half as likely": (
                swap(
                    CROP,
                    "torch.randint(height - size + 1, (n,), generator=generator)",
                    "(torch.rand(n, generator=generator) * (height - size)).round().long()",
                ),
                "each should be as likely as any other",
            ),
            "middle more likely": (
                swap(
                    CROP,
                    "torch.randint(width - size + 1, (n,), generator=generator)",
                    "((torch.randint(width - size + 1, (n,), generator=generator) + torch.randint(width - size + 1, (n,), generator=generator)) // 2)",
                ),
                "each should be as likely as any other",
            ),
            "two of five mirrored": (
                swap(
                    CROP,
                    "torch.randint(2, (n,), generator=generator)",
                    "(torch.rand(n, generator=generator) < 0.42).long()",
                ),
                "of the pictures are mirrored; it should be half",
            ),
            "coin by the place": (
                swap(
                    CROP,
                    "torch.randint(2, (n,), generator=generator).tolist()",
                    "[(t + k) % 2 for t, k in zip(top, left)]",
                ),
                "top, left and coin hang together",
            ),
            "pairs share a place": (
                swap(
                    CROP,
                    "(height - size + 1, (n,), generator=generator)",
                    "(height - size + 1, ((n + 1) // 2,), generator=generator).repeat_interleave(2)[:n]",
                ),
                "each picture draws its own, each time",
            ),
            "written for 12 x 10": (
                swap(
                    CROP,
                    "torch.randint(height - size + 1,",
                    "torch.randint(5,",
                    "torch.randint(width - size + 1,",
                    "torch.randint(3,",
                ),
                "the top edge takes the places",
            ),
            "floats": (
                swap(
                    CROP,
                    "return torch.stack(",
                    "return torch.stack([crop.flip(2).float() if f else crop.float() for crop, f in zip(crops, flip)]) if True else (",
                ),
                "a crop changes no number, and takes no more memory",
            ),
            "mirrors the caller": (
                swap(
                    CROP,
                    "    crops = [",
                    """    for k, f in enumerate(flip):
        if f:
            pictures[k] = pictures[k].flip(2)
    flip = [0] * n
    crops = [""",
                ),
                "random_crop_flip writes into what it was given",
            ),
            "coin alternates from call to call": (
                swap(
                    CROP,
                    "    n, _, height",
                    "    state = random_crop_flip.__dict__\n    state['k'] = state.get('k', 0) + 1\n    n, _, height",
                    "torch.randint(2, (n,), generator=generator).tolist()",
                    "[(k + state['k']) % 2 for k in range(n)]",
                ),
                "each picture draws its own, each time",
            ),
            "seeded from the generator": (
                swap(
                    CROP,
                    "    n, _, height",
                    "    generator = torch.Generator().manual_seed(generator.initial_seed() + int(torch.randint(9, ())))\n    n, _, height",
                ),
                "draw anew each time, from the generator that is",
            ),
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
            "sample by hand": """def unpaired_draw(n_a, n_b, batch_size, generator):
    def some(n):
        left, out = list(range(n)), []
        for _ in range(batch_size):
            out.append(left.pop(int(torch.randint(len(left), (1,), generator=generator))))
        return out
    return some(n_a), some(n_b)
""",
            "random.Random seeded from the generator": """import random
def unpaired_draw(n_a, n_b, batch_size, generator):
    rng = random.Random(int(torch.randint(2**31, (), generator=generator)))
    return rng.sample(range(n_a), batch_size), rng.sample(range(n_b), batch_size)
""",
            "by sorting": draw(
                "return tuple(torch.rand(n, generator=generator).argsort()[:batch_size].tolist() for n in (n_a, n_b))"
            ),
            "tensors": draw(
                "a = torch.ones(n_a).multinomial(batch_size, generator=generator)\n    return [a, torch.ones(n_b).multinomial(batch_size, generator=generator)]"
            ),
        },
        wrong={
            "a run of neighbours": (
                """def unpaired_draw(n_a, n_b, batch_size, generator):
    def draw(n):
        start = int(torch.randint(n, (), generator=generator))
        order = torch.randperm(batch_size, generator=generator).tolist()
        return [(start + k) % n for k in order]
    return draw(n_a), draw(n_b)
""",
                "some pictures of A come in the same batch much more",
            ),
            "small numbers preferred": (
                "def unpaired_draw(n_a, n_b, batch_size, generator):\n    return [torch.multinomial(1 / (torch.arange(n) + 20.0), batch_size, generator=generator).tolist() for n in (n_a, n_b)]\n",
                "each should be as likely",
            ),
            "descending": (
                "def unpaired_draw(n_a, n_b, batch_size, generator):\n    return [sorted(torch.randperm(n, generator=generator)[:batch_size].tolist(), reverse=True) for n in (n_a, n_b)]\n",
                "at some places of the batch the numbers of A are",
            ),
            "shared and shuffled": (
                """def unpaired_draw(n_a, n_b, batch_size, generator):
    i = torch.randperm(n_a, generator=generator).tolist()
    b = [k for k in i if k < n_b]
    b += [k for k in range(n_b) if k not in b]
    b = b[:batch_size]
    return i[:batch_size], [b[k] for k in torch.randperm(len(b), generator=generator).tolist()]
""",
                "Draw the second one independently",
            ),
            "the last picture never": (
                "def unpaired_draw(n_a, n_b, batch_size, generator):\n    return [torch.randperm(n - 1, generator=generator)[:batch_size].tolist() for n in (n_a, n_b)]\n",
                "some pictures of A are never drawn",
            ),
            "B from a generator of its own": (
                """def unpaired_draw(n_a, n_b, batch_size, generator):
    other = torch.Generator().manual_seed(0)
    return torch.randperm(n_a, generator=generator)[:batch_size].tolist(), torch.randperm(n_b, generator=other)[:batch_size].tolist()
""",
                "the numbers of B hardly change from batch to batch",
            ),
            "paired where the heaps are equal": (
                """def unpaired_draw(n_a, n_b, batch_size, generator):
    a, b = (torch.randperm(n, generator=generator)[:batch_size].tolist() for n in (n_a, n_b))
    return (a, a) if n_a == n_b else (a, b)
""",
                "pictures come with their own number",
            ),
            "A must be larger": (
                """def unpaired_draw(n_a, n_b, batch_size, generator):
    a = torch.randperm(n_a, generator=generator).tolist()
    b = torch.randperm(min(n_a, n_b), generator=generator).tolist()
    return a[:batch_size], b[:batch_size]
""",
                "of B some pictures of B are never drawn",
            ),
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
            "lru_cache": """import functools


class Pictures:
    def __init__(self, decode, size):
        self.decode, self.size = functools.lru_cache(None)(decode), size

    def draw(self, index, generator):
        return random_crop_flip(self.decode(index)[None], self.size, generator)[0]
""",
            "a crop by hand": """class Pictures:
    def __init__(self, decode, size):
        self.decode, self.size, self.cache = decode, size, {}

    def draw(self, index, generator):
        picture = self.cache[index] = self.cache[index] if index in self.cache else self.decode(index)
        top, left = (int(torch.randint(s - self.size + 1, (), generator=generator)) for s in picture.shape[1:])
        return picture[:, top:, left:][:, : self.size, : self.size].clone()
""",
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
            "one cache for all objects": (
                """CACHE = {}
class Pictures:
    def __init__(self, decode, size):
        self.decode, self.size, self.cache = decode, size, CACHE

    def draw(self, index, generator):
        if index not in self.cache:
            self.cache[index] = self.decode(index)
        return random_crop_flip(self.cache[index][None], self.size, generator)[0]
""",
                "a second object hands out the pictures of the first",
            ),
            "the last four only": (
                """class Pictures:
    def __init__(self, decode, size):
        self.decode, self.size, self.cache = decode, size, {}

    def draw(self, index, generator):
        if index not in self.cache:
            if len(self.cache) == 4:
                self.cache.pop(next(iter(self.cache)))
            self.cache[index] = self.decode(index)
        return random_crop_flip(self.cache[index][None], self.size, generator)[0]
""",
                "keep every picture, not only the last ones",
            ),
            "keeps the first generator": (
                """class Pictures:
    def __init__(self, decode, size):
        self.decode, self.size, self.cache = decode, size, {}

    def draw(self, index, generator):
        if index not in self.cache:
            self.cache[index] = self.decode(index)
        self.random = getattr(self, 'random', generator)
        return random_crop_flip(self.cache[index][None], self.size, self.random)[0]
""",
                "the same generator gives different crops when the",
            ),
            "another crop, never at the edge": (
                """class Pictures:
    def __init__(self, decode, size):
        self.decode, self.size, self.cache = decode, size, {}

    def draw(self, index, generator):
        if index not in self.cache:
            self.cache[index] = self.decode(index)[:, :-1, :-1]
        return random_crop_flip(self.cache[index][None], self.size, generator)[0]
""",
                "and some of these places never occur",
            ),
            "number 0 is decoded again": (
                """class Pictures:
    def __init__(self, decode, size):
        self.decode, self.size, self.cache = decode, size, {}

    def draw(self, index, generator):
        if not index or index not in self.cache:
            self.cache[index] = self.decode(index)
        return random_crop_flip(self.cache[index][None], self.size, generator)[0]
""",
                "keep every picture, not only the last ones",
            ),
            "the crop is cached for the mirror only": (
                """class Pictures:
    def __init__(self, decode, size):
        self.decode, self.size, self.cache = decode, size, {}

    def draw(self, index, generator):
        if index not in self.cache:
            self.cache[index] = random_crop_flip(self.decode(index)[None], self.size, generator)[0]
        return self.cache[index].flip(2) if torch.rand((), generator=generator) < 0.5 else self.cache[index]
""",
                "thirty draws of one picture give only",
            ),
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
