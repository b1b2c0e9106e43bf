"""Fine-tune the clothing model on photos in class folders and write a checkpoint folder.

Example:
    python -m scripts.finetune_clothing --gallery photos/train --validation photos/validation \
        --output models/my-clothing
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scripts._arguments import positive_integer
from scripts._cli import run

DATA_NOTE = "own photos"


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, train, print the report."""
    arguments = _parser().parse_args(argv)
    # Here and not above: --help need not wait for torch.
    from app.training.finetune import FinetuneRequest, finetune
    from app.training.model_card import model_card, on_bf16, on_calibration
    from app.training.trainer import TrainingSettings

    settings = TrainingSettings(
        backbone=arguments.backbone,
        side_px=arguments.side_px,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        seed=arguments.seed,
    )
    request = FinetuneRequest(
        gallery=arguments.gallery,
        validation=arguments.validation,
        output=arguments.output,
        data_note=arguments.data_note,
        embed_side_px=arguments.embed_side_px,
        overwrite=arguments.overwrite,
    )
    report = finetune(
        request,
        settings,
        lambda report, source: model_card(
            report, source, command=_command(arguments), data_note=arguments.data_note
        ),
    )
    if arguments.json:
        print(json.dumps(asdict(report)))
    else:
        quality = report.quality
        print(
            f"{report.output}: trained on {report.training_photos:,} photos "
            f"in {report.training_s:,.0f} s\n"
            f"recall_at_1 {quality.recall_at_1:.4f}  precision_at_10 {quality.precision_at_10:.4f}"
            f"  map_at_r {quality.map_at_r:.4f}  ({report.validation_photos:,} queries)\n"
            f"{on_bf16(report.bf16)}\n"
            f"{on_calibration(report.calibration)}"
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    folders = parser.add_argument_group("folders, with one sub-folder of photos a class")
    folders.add_argument("--gallery", type=Path, required=True, help="photos to train on")
    folders.add_argument("--validation", type=Path, required=True, help="photos to measure with")
    parser.add_argument("--output", type=Path, required=True, help="the checkpoint folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace a checkpoint that exists")
    parser.add_argument("--backbone", default="tf_efficientnet_lite0", help="%(default)s")
    for flag, default, meaning in (
        ("--epochs", 18, "passes over the photos"),
        ("--batch-size", 64, "photos a step"),
        ("--side-px", 160, "side of a training crop"),
        ("--embed-side-px", 208, "side at which the finished model sees a picture"),
    ):
        parser.add_argument(
            flag, type=positive_integer, default=default, help=f"{meaning} (%(default)s)"
        )
    parser.add_argument("--seed", type=int, default=0, help="of everything random (%(default)s)")
    parser.add_argument(
        "--data-note", default=DATA_NOTE, help="whose photos, which licence; recorded (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    return parser


def _command(arguments: argparse.Namespace) -> str:
    """Write the command down without the names of this machine's folders."""
    return (
        "python -m scripts.finetune_clothing --gallery photos/train"
        " --validation photos/validation \\\n"
        f"    --output models/{arguments.output.name} --backbone {arguments.backbone}"
        f" --epochs {arguments.epochs} \\\n"
        f"    --batch-size {arguments.batch_size} --side-px {arguments.side_px}"
        f" --embed-side-px {arguments.embed_side_px} --seed {arguments.seed} \\\n"
        f'    --data-note "{arguments.data_note}"'
    )


if __name__ == "__main__":
    sys.exit(run(main))
