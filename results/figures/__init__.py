"""Figures for papers, made from records: one file per figure in `kinds/`, one style."""
