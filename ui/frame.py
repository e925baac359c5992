"""The frame of every page: menu, title and question, and the strip of a run's numbers.

A page begins with :func:`page` and says its finding in a sentence. One about a run asks
:func:`ui.workbench.workbench` for the view it is about.
"""

import html
from collections.abc import Mapping

import streamlit as st

from srnn.figures.style import percent
from srnn.vocabulary import GLOSSARY, count_replicators
from ui import server, state
from ui.charts import TOLD, dark
from ui.memory import settle
from ui.menu import menu

APP = "MetaNet lab"
ABOUT = "Networks whose connections are networks that replicate themselves."

MEANING = GLOSSARY | {"accuracy": "Share of the test images answered rightly, by all particles."}

STYLE = """
dl.strip {display: flex; flex-wrap: wrap; gap: 0.25rem 1.75rem; margin: 0; padding: 0}
.strip dt, .strip small {font-size: 0.875rem; font-weight: 400; opacity: 0.85}
.strip dd {font-size: 1.25rem; margin: 0}
.strip abbr {text-decoration: underline dotted; text-underline-offset: 0.2em; cursor: help}
[data-testid=stBaseButton-primary] p, [data-tag], [data-tag] * {
  color: light-dark(#ffffff, #10141a)
}
:has(> .st-key-theme-watch, > .st-key-stage-change) {position: absolute}
@media (max-width: 640px) {
  dl.strip {gap: 0 0.75rem}
  .strip div {display: flex; gap: 0.3rem; align-items: baseline}
  .strip dd {font-size: 1rem; font-weight: 600}
}
"""
"""The strip: in one line, or as a few lines of text where the window is narrow; and dark letters on
the dark theme's light buttons and tags."""


_theme = st.components.v2.component(
    "theme_watch",
    html="<div class='ground'></div>",
    css=".ground {background: var(--st-background-color); transition: background-color 1ms}",
    js="""export default function({ data, parentElement, setStateValue }) {
  const ground = parentElement.querySelector(".ground");
  ground.drawn = data.dark;
  const look = () => {
    const dark = getComputedStyle(ground).colorScheme === "dark";
    if (dark !== ground.drawn) setStateValue("dark", ground.drawn = dark);
  };
  ground.ontransitionend = look;
  look();
}""",
)
"""Runs the page again where it was drawn for another theme than is shown: the system's may change
while a page is open."""


def page(title: str, question: str) -> None:
    """Begin a page: browser title, menu, heading, and the one question that it answers."""
    settle()
    st.set_page_config(
        page_title=title if title == APP else f"{title} · {APP}",
        page_icon="🕸️",
        layout="wide",
        initial_sidebar_state=200,
        menu_items={"Get help": None, "Report a bug": None, "About": ABOUT},
    )
    st.html(f"<style>{STYLE}</style>")
    st.session_state[TOLD] = None
    state.restore()
    menu()
    with st.container(key="theme-watch"):
        _theme(key="theme", data={"dark": dark()}, on_dark_change=lambda: None)
    st.title(title, anchor=False)
    st.markdown(question)
    if server.alone():
        st.error("This is one page of the lab. Start the whole: `streamlit run app.py`.")
        st.stop()
    if server.only_looking():
        st.info(server.FORBIDDEN)


def strip(
    accuracy: float | None,
    types: Mapping[str, int],
    epoch: int,
    epochs: int,
    epsilon: float,
    settled: int = 0,
) -> None:
    """The numbers of a run at an epoch and epsilon, above every finding about it: test accuracy
    (0..1), a count per particle type, the epochs asked for, and the
    replication steps it was settled for. Words are explained on hovering."""
    total = sum(types.values())
    replicators = count_replicators(types)
    cells = (
        (percent(accuracy), "Test accuracy", "accuracy", ""),
        (
            f"{replicators:,}",
            "Replicators",
            "replicator",
            f"{types['zero']:,} zero + {types['identity']:,} identity",
        ),
        (f"{total - replicators:,}", "Survivors", "survivor", f"of {total:,} particles"),
        (f"{epoch:,}", "Epoch", "snapshot", f"of {epochs:,}"),
        (f"{epsilon:.0e}", "Epsilon", "epsilon", ""),
        *([(f"{settled:,}", "Settled", "settle", "steps")] if settled else []),
    )
    parts = (
        f"<div><dt><abbr title='{html.escape(MEANING[word], quote=True)}'>{name}</abbr></dt>"
        f"<dd>{value} <small>{about}</small></dd></div>"
        for value, name, word, about in cells
    )
    st.html(f"<dl class='strip'>{''.join(parts)}</dl>")
