"""Streams: category order, schedule, blending, and the bridge to Avalanche."""
