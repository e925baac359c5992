"""The lab's entry: ``streamlit run app.py``.

Streamlit reads this file twice: once to make the server (with the rules of :mod:`ui.server`), then
for every visit of the first page.
"""

import streamlit as st
from streamlit import runtime

if runtime.exists():
    from ui.overview import overview

    overview()
else:
    from ui.server import rules

    app = st.App(__file__, **rules())
