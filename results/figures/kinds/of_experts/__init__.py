"""Figures of experts: their number, categories, assignment, routing, memory and forgetting."""
