"""README and docs/ explain every right and every verb, and lead nowhere that is not there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).parent.parent
DOCS = REPO / "docs"
PAGES = sorted([*REPO.glob("*.md"), *DOCS.glob("*.md"), *REPO.glob("workloads/*.md")])
MAKEFILE = (REPO / "Makefile").read_text()
VERBS = sorted(re.findall(r"^([a-z0-9-]+):.*##", MAKEFILE, re.MULTILINE))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def rights() -> list[tuple[str, str, str]]:
    """Role, resource and verb of everything that deploy/rbac.yaml grants."""
    found = []
    for document in yaml.safe_load_all((REPO / "deploy" / "rbac.yaml").read_text()):
        for rule in document.get("rules", []):
            for resource in rule["resources"]:
                found += [(document["metadata"]["name"], resource, verb) for verb in rule["verbs"]]
    return found


@pytest.mark.parametrize(("role", "resource", "verb"), rights())
def test_every_right_is_explained_under_its_role(role: str, resource: str, verb: str) -> None:
    page = (DOCS / "permissions.md").read_text()
    section = page.split(f"## `{role}`")[1].split("\n## ")[0]
    granted = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    word = re.compile(rf"(^|[ /]){re.escape(resource.removesuffix('s'))}s?( |$)")
    assert [cell for cell in granted if f"`{verb}`" in cell and word.search(cell)]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_the_makefile_is_in_contributing(verb: str) -> None:
    assert f"| `make {verb}` |" in (REPO / "CONTRIBUTING.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_a_page_names_only_verbs_that_the_makefile_has(page: Path) -> None:
    named = set(re.findall(r"(?:`|^    |\s&& )make ([a-z][a-z0-9-]*)", page.read_text(), re.MULTILINE))
    assert named - set(VERBS) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_a_link_leads_to_a_file_and_to_a_heading_that_are_there(page: Path) -> None:
    dead = []
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in headings(target)):
            dead.append(link)
    assert dead == []


def headings(page: Path) -> set[str]:
    """Anchors as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_files_that_a_page_names_are_in_the_repository(page: Path) -> None:
    """Paths in code spans that begin with one of our folders."""
    listed = subprocess.run(["git", "ls-files"], cwd=REPO, capture_output=True, text=True, check=True)
    files = listed.stdout.splitlines()
    named = re.findall(r"`((?:operator|docs|deploy|hack|tests|workloads|crds|bench)/[\w./-]+)`", page.read_text())
    missing = [name for name in named if not any(file == name or file.startswith(name) for file in files)]
    assert missing == []


def test_every_page_of_docs_is_linked_from_the_readme() -> None:
    readme = (REPO / "README.md").read_text()
    assert [page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in readme] == []
