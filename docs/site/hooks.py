"""Hooks of the documentation site: pages of the repository's root, and the generated reference."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from reference import PAGES  # noqa: E402

ROOT_PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "results/LEADERBOARD.md": "leaderboard.md",
}
"""Pages outside docs/, and where the site has them."""

LINK = re.compile(r"(\]\(|src=\")([^)\"#\s]+)(#[^)\"\s]*)?(\)|\")")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of the root and those that are generated from the registries."""
    for source, page in ROOT_PAGES.items():
        text = (ROOT / source).read_text("utf-8")
        files.append(File.generated(config, page, content=_relink(text, Path(source).parent)))
    for page, generate in PAGES.items():
        files.append(File.generated(config, f"reference/{page}.md", content=generate()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Redirect links to files outside docs/."""
    in_docs = page.file.abs_src_path is not None
    return _relink(markdown, Path("docs")) if in_docs else markdown


def _relink(markdown: str, folder: Path) -> str:
    """Let links to pages lead to the site; other files are named without a link."""

    def redirect(match: re.Match[str]) -> str:
        before, target, anchor, after = match.groups(default="")
        if "://" in target or target.startswith("mailto:"):
            return match.group()
        path = (ROOT / folder / target).resolve().relative_to(ROOT).as_posix()
        page = ROOT_PAGES.get(path) or path.removeprefix("docs/")
        if page == path or page.endswith(".ipynb"):
            return ")"  # the text of the link stays
        return f"{before}{page}{anchor}{after}"

    return re.sub(r"\[([^\[\]]*)\)", r"\1", LINK.sub(redirect, markdown))
