"""Formulas of the site: pictures that need no script, and the words by which a screen reader says them."""

import base64
import functools
import io
import re
from html import escape

MATH = re.compile(r"(```.*?```|`[^`\n]+`)|\$\$(.+?)\$\$|\$(?!\s)([^$\n]+?)(?<!\s)\$(?!\d)", re.S)
# What is said in place of a command; any other says its name: \lambda is "lambda", \log is "log"
SAID = {"sim": "drawn from", "cdot": "times", "Vert": "norm bar", "|": "norm bar", "varepsilon": "epsilon"}
SAID |= {"approx": "about", "circ": "after", "rightarrow": "to", "leftarrow": "becomes", "ldots": "and so on"}
SAID |= {"{": "{", "}": "}", "%": "%", "left": "", "right": "", "quad": ",", "qquad": ","}
MARKS = {"hat": "hat", "overline": "bar", "bar": "bar"}  # over a letter, said after it
GROUPS = (  # from the innermost braces outwards
    (r"\\(?:mathrm|mathcal|mathbb)\{([^{}]*)\}", r"\1"),
    (r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r" (\1) over (\2) "),
    (r"\\sqrt\{([^{}]*)\}", r" root of (\1) "),
    (r"\\(hat|overline|bar)\{([^{}]*)\}", lambda found: f"{found[2]} {MARKS[found[1]]} "),
    (r"\^\{\*\}", " star "),
    (r"_\{(\w+)\}", r" sub \1 "),
    (r"_\{([^{}]*)\}", r" sub \1 , "),
    (r"\^\{(-?\w+)\}", r" to the \1 "),
    (r"\^\{([^{}]*)\}", r" to the \1 , "),
)


def in_words(tex: str) -> str:
    r"""TeX as it can be read aloud: `\frac{p}{p + q}` is "p over (p + q)"."""
    before = None
    while tex != before:
        before = tex
        for pattern, words in GROUPS:
            tex = re.sub(pattern, words, tex)
    tex = re.sub(r"\^2(?!\d)", " squared ", tex)
    tex = re.sub(r"_(\\[a-zA-Z]+|\w)", r" sub \1 ", re.sub(r"\^(\\[a-zA-Z]+|\w)", r" to the \1 ", tex))
    tex = re.sub(r"\\([a-zA-Z]+|[{}|%])", lambda found: f" {SAID.get(found[1], found[1])} ", tex)
    tex = re.sub(r"\\[,;! ]", " ", tex).replace("'", " prime ")
    tex = re.sub(r"\((\s*[\w.]+\s*)\)(?= over)|(?<=over )\((\s*[\w.]+\s*)\)", lambda m: m[1] or m[2], tex)
    tex = re.sub(r"\s*,(?:\s*,)*\s*(?=[)\]}=+.]|over|$)|\s*,\s*(?=,)", " ", re.sub(r"\s+", " ", tex))
    return re.sub(r"\s+(?=[,.)\]])|(?<=[(\[])\s+", "", re.sub(r"\s+", " ", tex)).strip()


@functools.cache  # a quarter stands more than once
def formula(tex: str, display: bool) -> str:
    """A formula as a picture with its words as the alternative text; as code where it is too hard to draw."""
    from matplotlib import mathtext, rc_context
    from matplotlib.font_manager import FontProperties

    tex, file = " ".join(tex.split()), io.BytesIO()
    # As other programs draw a formula on a line of its own
    drawn = tex.replace(r"\frac", r"\dfrac") if display else tex
    try:
        with rc_context({"savefig.transparent": True}):  # the page shows through, light or dark
            depth = mathtext.math_to_image(f"${drawn}$", file, prop=FontProperties(size=12), format="svg")
    except ValueError:
        return f"<code>{escape(tex)}</code>"
    height = float(re.search(r'height="([\d.]+)pt"', file.getvalue().decode())[1])
    source = "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode()
    style = f"height:{height / 12:.2f}em;vertical-align:{-depth / 12:.2f}em"
    picture = f'<img class="math" alt="{escape(in_words(tex))}" style="{style}" src="{source}">'
    return f'<span class="display">{picture}</span>' if display else picture


def with_formulas(text: str) -> str:
    """Markdown with `$...$` and `$$...$$`, outside code, drawn."""
    return MATH.sub(lambda m: m[1] or formula(m[2] or m[3], bool(m[2])), text)
