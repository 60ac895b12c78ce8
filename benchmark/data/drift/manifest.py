"""A dataset whose categories return under domains: every image once more, with an id of its own.

A returned image is known by its content before the change and by the domain with its parameters,
so that its features never mix with others', and those of the unchanged images are used again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from ....results.errors import UsageError
from ....results.records.schema import Cell, canonical_json, domains_of
from ..manifest import Item, Manifest, column_of
from .domains import Domain, parse_domains


def under_domains(manifest: Manifest, domains: Sequence[Domain]) -> Manifest:
    """The manifest with all images of every category once more under each domain.

    `UsageError` where a category is called as a column of another would be, `screw@dark:2`.
    """
    if not domains:
        return manifest
    columns = {column_of(c, d) for c in manifest.categories for d in domains}
    if clash := sorted(columns & set(manifest.categories)):
        raise UsageError(
            f"--drift: the dataset has a category {clash[0]!r}, which is also what the matrix "
            "calls a category under a domain; rename it"
        )
    changed = (_changed(item, domain) for domain in domains for item in manifest.items)
    return replace(manifest, items=(*manifest.items, *changed))


def as_recorded(manifest: Manifest, cell: Cell) -> Manifest:
    """The manifest with what a recorded cell's stream let return."""
    return under_domains(manifest, parse_domains(domains_of(cell), "drift"))


def _changed(item: Item, domain: Domain) -> Item:
    mask = item.mask
    if mask is not None and domain.moves:
        mask = _identity(mask, domain)
    content = _identity(item.content, domain)
    return replace(item, content=content, mask=mask, domain=domain, original=item)


def _identity(content: str, domain: Domain) -> str:
    """SHA-256 (hex) of a content hash and what is done to that content."""
    return hashlib.sha256(content.encode() + canonical_json(domain.as_dict())).hexdigest()
