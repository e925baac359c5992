"""Figures: data frames, arrays and graphs in, Plotly figures out; no torch, no training, no app."""
