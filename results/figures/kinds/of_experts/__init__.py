"""Figures of experts: their number, categories, memory and forgetting."""
