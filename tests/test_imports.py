"""Folders stand in the order in which data flows: each imports only from folders before it.

Imports inside functions count too, as the order is about knowledge and not about start-up time. Two exceptions:
`config.validation` may import `envs` inside a function, since to validate a configuration is to ask the environment
what it offers; and `cli` may import anything, being last.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import rlhp_ray

PACKAGE = Path(rlhp_ray.__file__).parent
FOUNDATION = ("errors", "seeding", "metric_keys")
ORDER = (
    "statistics",
    "config",
    "envs",
    "clips",
    "preferences",
    "reward",
    "actors",
    "policy",
    "health",
    "replay",
    "experiment",
    "checks",
    "runs",
    "cluster",
    "sweep",
    "labelling",
    "report",
    "cli",
)
WITHOUT_RAY = ("envs", "clips", "preferences", "reward", "health")
ALLOWED = {("config.validation", "envs")}

Import = tuple[str, str]
"""The importing module and the imported one, as dotted names; those of this package without `rlhp_ray.`."""


def module_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path, package: Path) -> Iterator[str]:
    """Full dotted names of what a file imports, wherever in it; `from a import b` gives `a.b`."""
    here = path.relative_to(package.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = [*here[: len(here) - node.level]] if node.level else []
            source += [node.module] if node.module else []
            yield from (".".join([*source, alias.name]) for alias in node.names)


def internal_imports(package: Path) -> list[Import]:
    prefix = package.name + "."
    return [
        (module_name(path, package), name.removeprefix(prefix))
        for path in sorted(package.rglob("*.py"))
        for name in imports_of(path, package)
        if name.startswith(prefix)
    ]


def folder(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def rank(module: str) -> int:
    name = folder(module)
    return 0 if name in FOUNDATION or name == "__version__" else 1 + ORDER.index(name)


def violations(package: Path) -> list[Import]:
    return [
        (importer, imported)
        for importer, imported in internal_imports(package)
        if rank(importer) < rank(imported) and (importer, folder(imported)) not in ALLOWED
    ]


def test_every_module_has_its_place_in_the_order():
    """A new folder has to be placed in ORDER before it is built upon."""
    folders = {folder(module_name(path, PACKAGE)) for path in PACKAGE.rglob("*.py")} - {""}
    assert folders - {*FOUNDATION, *ORDER} == set()


def test_imports_point_upstream_only():
    assert violations(PACKAGE) == []


def test_the_package_itself_imports_nothing():
    assert list(imports_of(PACKAGE / "__init__.py", PACKAGE)) == []


def test_validation_imports_envs_only_where_it_asks():
    """Its exception is for a function, so that a typo in a configuration shows before gymnasium is imported."""
    tree = ast.parse((PACKAGE / "config" / "validation.py").read_text(encoding="utf-8"))
    at_import = [node for node in tree.body if isinstance(node, ast.ImportFrom) and "envs" in (node.module or "")]
    assert at_import == []


@pytest.mark.parametrize("name", WITHOUT_RAY)
def test_the_maths_and_the_data_know_nothing_of_ray(name):
    paths = sorted((PACKAGE / name).rglob("*.py"))
    assert paths
    guilty = [path.name for path in paths for imported in imports_of(path, PACKAGE) if folder(imported) == "ray"]
    assert guilty == []


def test_importing_them_all_does_not_import_ray():
    """By nobody else's hand either."""
    modules = [
        f"rlhp_ray.{module_name(path, PACKAGE)}" for name in WITHOUT_RAY for path in (PACKAGE / name).rglob("*.py")
    ]
    code = f"import importlib, sys\nfor m in {modules!r}: importlib.import_module(m)\nprint('ray' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout == "False\n", result.stderr


@pytest.fixture
def small_package(tmp_path) -> Path:
    package = tmp_path / "pack"
    for name in ("clips", "reward", "config", "policy"):
        (package / name).mkdir(parents=True)
    return package


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("clips/clip.py", "from pack.reward.ensemble import RewardEnsemble"),
        ("clips/clip.py", "import pack.policy.inference"),
        ("clips/clip.py", "def lazily():\n    from pack.policy import inference"),
        ("clips/clip.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pack.reward.ensemble"),
        ("clips/clip.py", "from ..reward import ensemble"),
        ("config/schema.py", "def lazily():\n    import pack.envs.registry"),
        ("config/validation.py", "import pack.clips.clip"),
        ("errors.py", "import pack.clips.clip"),
    ],
)
def test_a_violation_is_found(small_package, path, text):
    (small_package / path).write_text(text)
    assert len(violations(small_package)) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("reward/ensemble.py", "from pack.clips.clip import Clip\nfrom pack.errors import RlhpError"),
        ("reward/ensemble.py", "from pack.reward.normalisation import RewardNormaliser\nfrom . import inference"),
        ("config/validation.py", "def lazily():\n    from pack.envs.registry import describe_env"),
        ("config/loading.py", "import pack\nfrom pack import __version__"),
        ("seeding.py", "from pack.errors import RlhpError"),
        ("policy/inference.py", "import ray\nfrom package_of_another_name import reward"),
    ],
)
def test_what_is_allowed_is_no_violation(small_package, path, text):
    (small_package / path).write_text(text)
    assert violations(small_package) == []
