"""The app's first page: what a MetaNet is, and where to start.

Start it with ``streamlit run app.py``.
"""

from ui.frame import page

page("MetaNet lab", "Networks whose connections are networks that replicate themselves.")
