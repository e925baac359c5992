"""The stage's JavaScript: plain ES modules, put together into one, without any tool."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent
MODULES = (
    "data",
    "theme",
    "view",
    "clock",
    "network",
    "cube",
    "census",
    "pixels",
    "soup",
    "picking",
    "controls",
    "together",
    "main",
)
"""In the order of their imports; ``main`` has the default export that mounts the component."""

_IMPORT = re.compile(r"^import (\{[^}]*\}) from \"\./([a-z]+)\.js\";$", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|function|class) (\w+))", re.MULTILINE)


def bundle() -> str:
    """All modules as one: each becomes a function that returns what it exports, called once, and
    an import takes names out of what an earlier one returned."""
    parts = []
    for name in MODULES:
        text = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
        names = _EXPORT.findall(text)
        text = _IMPORT.sub(r"const \1 = \2;", _EXPORT.sub("", text))
        text = text.replace("export default function mount", "function mount")
        names += ["mount"] if name == MODULES[-1] else []
        parts.append(f"const {name} = (() => {{\n{text}\nreturn {{ {', '.join(names)} }};\n}})();")
    return "\n".join([*parts, f"export default {MODULES[-1]}.mount;\n"])


def part(name: str) -> str:
    """Another file of the stage: its HTML or its CSS."""
    return (FOLDER / name).read_text(encoding="utf-8")
