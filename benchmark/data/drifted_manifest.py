"""Add drift to a manifest: every image once more per domain, with its own content hash.

The hash of such an image is derived from the original's hash and the domain with its parameters, so
features of changed images are cached separately, and those of the originals are reused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from ...results.errors import UsageError
from ...results.records.schema import Cell, canonical_json, domains_of
from .domains import Domain, parse_domains
from .item import Item, column_name
from .manifest import Manifest


def add_domains(manifest: Manifest, domains: Sequence[Domain]) -> Manifest:
    """Add all images of every category once more under each domain.

    Args:
        manifest: a manifest without domains.
        domains: none returns `manifest` unchanged.

    Raises:
        UsageError: a category has the name of a column under a domain, such as `screw@dark:2`.
    """
    if not domains:
        return manifest
    columns = {column_name(c, d) for c in manifest.categories for d in domains}
    if clash := sorted(columns & set(manifest.categories)):
        raise UsageError(
            f"--drift: the dataset has a category {clash[0]!r}, which is also the name of a "
            "category under a domain; rename the category's folder"
        )
    changed = (_changed(item, domain) for domain in domains for item in manifest.items)
    return replace(manifest, items=(*manifest.items, *changed))


def add_recorded_domains(manifest: Manifest, cell: Cell) -> Manifest:
    """Add the domains of a recorded cell to the manifest of its dataset."""
    return add_domains(manifest, parse_domains(domains_of(cell)))


def _changed(item: Item, domain: Domain) -> Item:
    mask = item.mask
    if mask is not None and domain.moves_pixels:
        mask = _changed_hash(mask, domain)
    content = _changed_hash(item.content, domain)
    return replace(item, content=content, mask=mask, domain=domain, original=item)


def _changed_hash(content: str, domain: Domain) -> str:
    """SHA-256 (hex) of a content hash and the domain that is applied to that content."""
    return hashlib.sha256(content.encode() + canonical_json(domain.as_dict())).hexdigest()
