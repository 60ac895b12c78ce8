"""Drift: domains, the changes under which categories return, and manifests with such images."""
