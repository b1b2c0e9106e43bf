"""The README.md of a checkpoint: where it comes from, how to make it again, how good it is."""

from app.calibration import Calibration
from app.calibration.report import in_words
from app.embedding.precision import PrecisionCheck
from app.training.backbones import BackboneSource
from app.training.finetune import FinetuneReport


def model_card(
    report: FinetuneReport, source: BackboneSource, *, command: str, data_note: str
) -> str:
    """Write the page in Markdown, one sentence a line.

    Args:
        report: of the run that made the checkpoint.
        source: of the backbone's first weights.
        command: that makes the checkpoint again.
        data_note: whose photos it was trained on and under which licence.
    """
    quality = report.quality
    return f"""# {report.name}

Embeds photos of clothes; the network and its preprocessing are described by `manifest.json`.
Weights are stored as float16 and run as float32.
Fingerprint for float32 vectors: `{report.fingerprint}`.

## Data

Trained on {report.training_photos:,} photos: {data_note}.
Backbone: `{source.package}` {source.version}, {source.licence}, trained on {source.trained_on}.

## Made with

```
{command}
```

{report.training_s / 60:.0f} minutes on {report.machine}.
What ships is the moving average of the weights after the last epoch.
No epoch was picked by its score.

## Quality

{report.validation_photos:,} validation photos as queries, the training photos as gallery.
Ranked exactly by cosine.
Relevant is what has the query's class.
Measured with the weights as they lie here.

| measure | value |
|---|---|
| recall_at_1 | {quality.recall_at_1:.4f} |
| precision_at_10 | {quality.precision_at_10:.4f} |
| map_at_r | {quality.map_at_r:.4f} |

{on_bf16(report.bf16)}

## Calibration

{on_calibration(report.calibration)}
"""


def on_calibration(calibration: Calibration | None) -> str:
    """Tell what a cosine is worth, or that nobody knows."""
    if calibration is None:
        return "The validation photos are too few to tell what a cosine is worth."
    return f"`calibration.json`, fitted on the validation photos.\n{in_words(calibration)}"


def on_bf16(check: PrecisionCheck | None) -> str:
    """Tell in one sentence what bfloat16 changes, and what the model computes in therefore."""
    if check is None:
        return "The photos are too few to tell what bfloat16 changes, so it runs in float32."
    runs_in = "bfloat16 where there are instructions for it" if check.is_safe else "float32"
    return (
        f"In bfloat16, its vectors of {check.pictures:,} photos keep a cosine of at least "
        f"{check.min_cosine:.4f} to those in float32, and {check.overlap_at_10:.1%} of their ten "
        f"nearest others, so it runs in {runs_in}."
    )
