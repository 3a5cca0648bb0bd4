"""Remove from Matplotlib's SVG what no reader sees: group names, excess decimals, repeated styles.

Text stays text, which can be selected and searched in the page. Equal figures give equal bytes.
"""

from __future__ import annotations

import re
from html import escape
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
FONTS = "'DejaVu Sans',Verdana,sans-serif"  # the first two are equally wide, others are narrower
REFERENCE = re.compile(r'(id="|href="#|url\(#)')


def slim(svg: str | bytes) -> bytes:
    """Return the same picture in a third of the bytes, with coordinates to 0.01 point."""
    ElementTree.register_namespace("", SVG[1:-1])
    root = ElementTree.fromstring(svg)
    for style in root.findall(f"{SVG}defs[{SVG}style]"):  # a rule for `*` would apply to the whole page
        root.remove(style)
    root.attrib.pop("version", None)
    used = dict.fromkeys(
        name
        for node in root.iter()
        for value in (node.get(LINK, ""), node.get("clip-path", ""))
        for name in re.findall(r"#([^)]+)", value)
    )
    short = {name: f"i{place}" for place, name in enumerate(used)}
    for node in root.iter():
        node.attrib = {key.replace(LINK, "href"): _tidy(key, value, short) for key, value in node.items()}
        node.attrib = {key: value for key, value in node.items() if value}
    _flatten(root)
    root.set("style", f"font-family:{FONTS};stroke-linejoin:round")
    return ElementTree.tostring(root, encoding="unicode").encode() + b"\n"


def inline(svg: bytes, name: str, alt: str) -> str:
    """Return the picture as a part of a page, with unique ids and words for readers who cannot see it.

    name: the prefix of the ids.
    alt: the words.
    """
    text = REFERENCE.sub(rf"\g<1>{name}-", svg.decode().strip())
    return text.replace("<svg ", f'<svg class="plot" role="img" aria-label="{escape(alt)}" ', 1)


def _tidy(key: str, value: str, short: dict[str, str]) -> str:
    """Return one attribute in its shortest form; '' if it has no effect."""
    if key == "id":
        return short.get(value, "")
    if key in (LINK, "clip-path"):
        return re.sub(r"#([^)]+)", lambda found: "#" + short[found[1]], value)
    if value.startswith("rotate(-0 "):
        return ""
    value = re.sub(r"\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), value)
    if key == "d":
        return re.sub(r"\s*([A-Za-z])\s*", r"\1", value.strip())
    if key == "style":
        return re.sub(r"([:;]) ", r"\1", re.sub(r"font-family: [^;]*(; )?", "", value)).rstrip(";")
    return value


def _flatten(node: Element) -> None:
    """Replace groups without attributes by their children, and move a style that all children share to the group."""
    children: list[Element] = []
    for child in node:
        _flatten(child)
        children += child if child.tag == f"{SVG}g" and not child.attrib else [child]
    node[:] = children
    if node.tag != f"{SVG}text":
        node.text = None
    for child in children:
        child.tail = None
    styles = {child.get("style", "") for child in children}
    if node.tag == f"{SVG}g" and "style" not in node.attrib and len(styles) == 1 != len(children):
        (style,) = styles
        if style and not re.search(r"(^|;)opacity", style):  # a group would apply the opacity to the whole
            node.set("style", style)
            for child in children:
                del child.attrib["style"]
