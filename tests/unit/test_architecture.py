"""The rules of design.md that a machine can keep: imports point down, files and functions stay small."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("infra", "lifecycle", "policies", "review_ui", "services", "workers")
LONGEST_FILE_LINES = 300
LONGEST_FUNCTION_LINES = 50

# Each exception says why splitting would make the reader's work harder. Keep this list short.
LONGER_FILES: dict[str, str] = {
    "services/flows/pipeline.py": "design.md section 1 wants the whole product loop told in one file",
}
# A lexicon is a list of words: to split it would hide what it holds.
WORD_LISTS = ("services/domain/reading/lexicons/",)


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_point_down() -> None:
    lint = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_file_is_short_enough_to_read_at_one_sitting(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    allowed = name_of(path) in LONGER_FILES or name_of(path).startswith(WORD_LISTS)
    allowed |= "migrations/versions" in name_of(path)
    assert lines <= LONGEST_FILE_LINES or allowed, f"{lines} lines: split it, or give a reason in LONGER_FILES"


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_function_fits_on_a_page(path: Path) -> None:
    if "migrations/versions" in name_of(path):
        pytest.skip("a migration is a list of statements")
    long = [
        f"{node.name} ({(node.end_lineno or 0) - node.lineno + 1} lines)"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text)) or "migrations/versions" in name_of(path)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_only_the_net_of_the_worker_catches_everything() -> None:
    broad = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
        and not _raises_again(node)
        and name_of(path) != "workers/app.py"
    ]
    assert broad == []


def test_tables_live_in_the_store_only() -> None:
    elsewhere = [
        name_of(path)
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and any(keyword.arg == "table" for keyword in node.keywords)
        and not name_of(path).startswith("services/store/tables")
    ]
    assert elsewhere == []


def test_help_needs_neither_torch_nor_celery() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from workers.cli import app; "
        "result = CliRunner().invoke(app, ['--help']); assert result.exit_code == 0, result.output; "
        "print(*({'torch', 'celery', 'sqlalchemy', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
