"""Streams: orders, schedules, blending, and the bridge to Avalanche."""
