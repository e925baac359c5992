"""What the pages share: the frame around every page, the run picker, charts with their downloads.

The only package that knows ``streamlit`` beside the pages; it does no mathematics and knows no path
of the cache.
"""
