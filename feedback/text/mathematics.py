"""Formulas in a text as MathML, which browsers draw themselves: no script, no fonts to fetch.

What a formula may become is a short list of MathML elements, built anew from the converter's
output. Whatever is not understood stays as it was written, in code.
"""

import re
from collections.abc import MutableMapping, Sequence
from typing import Any
from xml.etree import ElementTree

from django.utils.html import escape
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.texmath import texmath_plugin

FORMULA_LIMIT = 1000  # characters of one formula
TEXT_LIMIT = 20_000  # characters of all formulas of a text: what is beyond is shown as written
DEPTH_LIMIT = 40  # braces within braces

ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        "math mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover "
        "munderover mtable mtr mtd mstyle mpadded mphantom menclose mmultiscripts mprescripts",
    )
)
ATTRIBUTES = frozenset(
    re.findall(
        r"\w+",
        "display mathvariant stretchy fence separator form lspace rspace linethickness accent "
        "accentunder movablelimits columnalign columnspacing rowspacing displaystyle scriptlevel "
        "width height depth minsize maxsize notation",
    )
)
NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"


def formulas(markdown: MarkdownIt) -> MarkdownIt:
    r"""Let a Markdown parser know `$…$`, `$$…$$`, `\(…\)` and `\[…\]`; prices stay prices."""
    texmath_plugin(markdown, delimiters="brackets")
    dollarmath_plugin(
        markdown, allow_labels=False, allow_space=False, allow_digits=False, double_inline=True
    )
    markdown.add_render_rule("math_inline", _inline)
    for kind in ("math_block", "math_inline_double"):
        markdown.add_render_rule(kind, _block)
    return markdown


def _inline(_self: RendererProtocol, tokens: Sequence[Token], place: int, _o: Any, env: Any) -> str:
    return _formula(tokens[place].content, "inline", env)


def _block(_self: RendererProtocol, tokens: Sequence[Token], place: int, _o: Any, env: Any) -> str:
    formula = _formula(tokens[place].content, "block", env)
    return formula if tokens[place].type == "math_inline_double" else f"<p>{formula}</p>\n"


def _formula(latex: str, display: str, env: MutableMapping[str, Any]) -> str:
    env["formulas"] = env.get("formulas", 0) + len(latex)
    if env["formulas"] <= TEXT_LIMIT and (shown := mathml(latex.strip(), display)):
        return shown
    return f"<code>{escape(latex.strip())}</code>"


def mathml(latex: str, display: str = "inline") -> str:
    """Return the formula as MathML; empty where it is not understood, or too much."""
    if not latex or len(latex) > FORMULA_LIMIT or latex.count("{") > DEPTH_LIMIT * 4:
        return ""
    try:
        tree = ElementTree.fromstring(convert(latex, display=display))  # noqa: S314 - no DTD in it
        return _rebuilt(tree, DEPTH_LIMIT)
    except Exception:  # the converter raises whatever a broken formula makes it raise
        return ""


def _rebuilt(element: ElementTree.Element, depth: int) -> str:
    """Rebuild an element of the list with its attributes of the list; raises for any other."""
    name = element.tag.removeprefix(NAMESPACE)
    if name not in ELEMENTS or depth == 0:
        raise ValueError(name)
    attributes = "".join(
        f' {key}="{escape(value)}"' for key, value in element.attrib.items() if key in ATTRIBUTES
    )
    inner = escape(element.text or "") + "".join(
        _rebuilt(child, depth - 1) + escape(child.tail or "") for child in element
    )
    return f"<{name}{attributes}>{inner}</{name}>"
