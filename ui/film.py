"""The stage of a run as one file: its clock can be played anywhere, without the lab."""

from __future__ import annotations

import base64

from ui.stage.blob import amended, look
from ui.stage.bundle import bundle, part
from ui.stage.source import of_run
from ui.state import EPSILONS, View

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none';
 script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>MetaNet: {source}</title>
<style>
:root {{color-scheme: light dark; --st-font: sans-serif; --st-text-color: #10141a;
 --st-background-color: #ffffff; --st-border-color: #d5d9df}}
@media (prefers-color-scheme: dark) {{
 :root {{--st-text-color: #e6e8eb; --st-background-color: #14171c; --st-border-color: #3a414c}}
}}
body {{max-width: 1100px; margin: 1rem auto; padding: 0 1rem; font-family: sans-serif;
 background: var(--st-background-color); color: var(--st-text-color)}}
{css}
</style>
</head>
<body>
{html}
<p><small>{source}</small></p>
<script type="module">
{js}
main.mount({{
  data: Uint8Array.from(atob("{data}"), (letter) => letter.charCodeAt(0)),
  parentElement: document.body,
  setStateValue() {{}},
}});
</script>
</body>
</html>
"""


def film(view: View) -> bytes:
    """The stage of the view's run as one self-contained HTML page, at the view's epsilon; it asks
    nothing of any host."""
    ladder = tuple(sorted({*EPSILONS, view.epsilon}))
    end = len(view.run.snapshot_epochs) - 1
    block = of_run(view.run.run_id, view.epsilon, end, "").block(view.epsilon, ladder)
    wanted = {"version": 1, "snapshot": end, "selection": list(view.picked), "show": "survivors"}
    wanted["epsilon"] = view.epsilon
    data = amended(block, look=look(), autoplay=True, wanted=wanted)
    return PAGE.format(
        source=f"run {view.run.run_id}, epsilon {view.epsilon:.0e}",
        css=part("stage.css"),
        html=part("stage.html"),
        js=bundle().replace("export default main.mount;", ""),
        data=base64.b64encode(data).decode(),
    ).encode()
