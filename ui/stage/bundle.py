"""The stage put together, without any tool: its JavaScript, plain ES modules, as one; and all of it
with a run as an HTML page of its own, a film, which plays anywhere, without the lab."""

import base64
import html
import re
from pathlib import Path

from srnn.figures import style
from ui.stage.blob import amended, look

FOLDER = Path(__file__).parent
_MODULES = "data theme view clock network cube census pixels soup picking controls together main"
MODULES = _MODULES.split()
"""In the order of their imports; ``main`` has the default export that mounts the component."""

_NAMES = {"background-color": style.PAPER, "text-color": style.INK, "border-color": style.FAINT}
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


def film(block: bytes, title: str) -> bytes:
    """A block (:mod:`ui.stage.blob`) as a page of its own; ``title`` is any text. It asks nothing
    of anybody, and follows the reader's light or dark theme."""
    data = base64.b64encode(amended(block, look=look(), autoplay=True)).decode()
    script = bundle().replace("export default main.mount;", "")
    light, dark = (_variables(ground) for ground in (False, True))
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>{html.escape(title)}</title>
<meta name="viewport" content="width=device-width">
<style>:root {{ {light} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
body {{ margin: 24px auto; padding: 0 20px; max-width: 1100px; font: 14px var(--st-font);
  background: var(--st-background-color); color: var(--st-text-color); }}
{part("stage.css")}</style></head>
<body><h1>{html.escape(title)}</h1>{part("stage.html")}
<script type="module">{script}
const film = Uint8Array.from(atob("{data}"), (letter) => letter.charCodeAt(0));
main.mount({{ data: film, parentElement: document.body, setStateValue() {{}} }});
</script></body></html>
"""
    return page.encode()


def _variables(dark: bool) -> str:
    """The colours and the scheme that Streamlit gives to the stage in the lab."""
    colors = (f"--st-{name}: {style.themed_color(color, dark)}" for name, color in _NAMES.items())
    scheme = f"color-scheme: {'dark' if dark else 'light'}"
    return "; ".join([*colors, f"--st-font: {style.FONT}", scheme])
