from app.config import PROJECT_ROOT
from scripts import document_operations
from scripts.document_operations import main
from scripts.operations.scenes import SCENES
from scripts.operations.walk import PROSE, comparable


def test_page_is_what_the_commands_print(capsys):
    assert main(["--check"]) == 0, "run python -m scripts.document_operations"

    assert capsys.readouterr().out == "docs/operations.md is up to date.\n"


def test_page_that_says_otherwise_is_told_and_written_anew(tmp_path, monkeypatch):
    page = tmp_path / "operations.md"
    original = (PROJECT_ROOT / "docs" / "operations.md").read_text()
    page.write_text(original.replace("gallery_vector on shop.gallery: create", "all is well"))
    monkeypatch.setattr(document_operations, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(document_operations, "PAGE", page)

    assert main(["--check"]) == 1
    assert main([]) == 0
    assert comparable(page.read_text()) == comparable(original)


def test_no_scene_is_left_over():
    prose = PROSE.read_text()

    assert [name for name in SCENES if f"<!-- scene: {name} -->" not in prose] == []
