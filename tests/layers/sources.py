"""The code base as the layer tests see it: every module, its text, and what it imports; nothing is executed."""

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway", "schema", "resolvers", "clients", "contracts", "aws", "services", "producers")


@dataclass(frozen=True, slots=True)
class Source:
    """One module: its dotted name, its file, text and tree, and the modules of ours it imports, wherever it does so."""

    module: str
    path: Path
    text: str
    tree: ast.Module
    imports: frozenset[str]

    @property
    def package(self) -> str:
        """The top-level package."""
        return self.module.partition(".")[0]


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(tree: ast.AST, known: frozenset[str]) -> frozenset[str]:
    """Return the modules of ours imported; `from package import name` means package.name where that is a module."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            children = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update(children & known)
            if children - known:
                found.add(node.module)
    return frozenset(found & known)


def read_sources() -> list[Source]:
    """Read every module of the packages that make up Belfry."""
    paths = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    known = frozenset(_dotted(path) for path in paths)
    return [_read(path, known) for path in paths]


def _read(path: Path, known: frozenset[str]) -> Source:
    text = path.read_text()
    tree = ast.parse(text)
    return Source(_dotted(path), path.relative_to(ROOT), text, tree, _imported(tree, known))
