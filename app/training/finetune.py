"""One fine-tuning run from photos to a measured checkpoint folder."""

import logging
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import torch

from app.calibration import Calibration
from app.calibration.calibrating import calibrate
from app.calibration.files import write_calibration
from app.calibration.pairs import LabelledPictures
from app.documents import Embedding
from app.embedding.checkpoints import (
    FAMILY,
    FORMAT_VERSION,
    Manifest,
    Preprocessing,
    check_output_folder,
    write_checkpoint,
)
from app.embedding.clothing import ClothingEmbedder
from app.embedding.networks import choose_device, export_weights
from app.embedding.precision import Precision, PrecisionCheck
from app.embedding.precision_check import check_on_photos, spread
from app.errors import ConfigError, ServiceError
from app.indexes import VectorType
from app.training.backbones import BackboneSource, read_backbone
from app.training.data import (
    PIXEL_MEAN,
    PIXEL_STD,
    LabelledPhotos,
    cache_side_px,
    find_photos,
    load_pixels,
)
from app.training.quality import Quality, classes, embed, measure_quality
from app.training.trainer import Trainer, TrainingSet, TrainingSettings

logger = logging.getLogger(__name__)

# Raised whenever equal settings and photos would train other weights.
TRAINING_CODE_VERSION = "1"
# Enough that near neighbours are as near as in a gallery, and few enough for a minute or so.
MAX_CHECKED_PHOTOS = 500
_PRECISIONS: tuple[Precision, Precision] = ("fp32", "bf16")


@dataclass(frozen=True, slots=True)
class FinetuneReport:
    """What a run did.

    Attributes:
        output: the checkpoint folder.
        name: of the model.
        fingerprint: of the model, for float32 vectors.
        training_photos: how many were trained on.
        validation_photos: how many asked.
        training_s: seconds that the training took.
        machine: what trained.
        quality: that of the weights as they lie in the folder.
        bf16: what bfloat16 changes, as the manifest says it; None where photos were too few.
        calibration: fitted on the validation photos; None where they were too few.
    """

    output: str
    name: str
    fingerprint: str
    training_photos: int
    validation_photos: int
    training_s: float
    machine: str
    quality: Quality
    bf16: PrecisionCheck | None
    calibration: Calibration | None


@dataclass(frozen=True, slots=True)
class FinetuneRequest:
    """What a run is given beside its settings.

    `gallery` is trained on and later searched, `validation` only measured.
    `data_note` says in words whose photos they are and under which licence.
    """

    gallery: Path
    validation: Path
    output: Path
    data_note: str
    embed_side_px: int
    overwrite: bool = False


def finetune(
    request: FinetuneRequest,
    settings: TrainingSettings,
    write_card: Callable[[FinetuneReport, BackboneSource], str],
) -> FinetuneReport:
    """Train a clothing model and write its checkpoint folder, whole or not at all.

    Args:
        request: where photos come from and the checkpoint goes.
        settings: of the training.
        write_card: makes the checkpoint's README.md.

    Raises:
        ConfigError: the folders or settings cannot be used.
        UnreadableImage: a photo cannot be decoded.
    """
    check_output_folder(request.output, overwrite=request.overwrite)
    photos, queries = find_photos(request.gallery), find_photos(request.validation)
    _check_classes(photos, queries)
    source = read_backbone(settings.backbone)
    started = time.perf_counter()
    training_set = TrainingSet(
        pixels=load_pixels(photos.paths, cache_side_px(settings.side_px)),
        labels=torch.tensor(photos.labels),
        class_names=photos.class_names,
    )
    weights = export_weights(Trainer(settings, training_set, source.weights).run())
    training_s = time.perf_counter() - started
    manifest = _manifest(request, settings, source, len(photos.paths))
    with tempfile.TemporaryDirectory() as temporary:
        measured = Path(temporary) / request.output.name
        write_checkpoint(measured, weights, manifest, readme="")
        embedder = ClothingEmbedder(measured)
        embeddings = embed(embedder, queries)
        report = FinetuneReport(
            output=str(request.output),
            name=embedder.name,
            fingerprint=embedder.fingerprint,
            training_photos=len(photos.paths),
            validation_photos=len(queries.paths),
            training_s=round(training_s, 1),
            machine=describe_machine(),
            quality=measure_quality(embedder, photos, queries, embeddings),
            bf16=_check_bf16(measured, (*photos.paths, *queries.paths)),
            calibration=_calibration(measured, queries, embeddings),
        )
    card = write_card(report, source)
    manifest = replace(manifest, bf16=report.bf16)
    write_checkpoint(request.output, weights, manifest, card, overwrite=request.overwrite)
    if report.calibration is not None:
        write_calibration(request.output, report.calibration)
    return report


def describe_machine() -> str:
    """Name the processor or accelerator that trains, and the versions that decide the numbers."""
    if choose_device().type == "cuda":
        processor = torch.cuda.get_device_name()
    else:
        processor = f"{_processor_name()}, {torch.get_num_threads()} threads"
    return f"{processor}; Python {platform.python_version()}, torch {torch.__version__}"


def _processor_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _check_bf16(folder: Path, paths: Sequence[Path]) -> PrecisionCheck | None:
    exact, reduced = (ClothingEmbedder(folder, precision=one) for one in _PRECISIONS)
    check = check_on_photos(exact, reduced, spread(paths, MAX_CHECKED_PHOTOS))
    return None if check is None else check.rounded()


def _calibration(
    folder: Path, queries: LabelledPhotos, embeddings: Embedding
) -> Calibration | None:
    types: tuple[VectorType, ...] = get_args(VectorType)
    try:
        return calibrate(
            LabelledPictures(embeddings, classes(queries).tolist()),
            fingerprints=tuple(ClothingEmbedder(folder, vector_type=t).fingerprint for t in types),
            match="category",
            seed=0,
        )
    except ServiceError as error:
        logger.warning("The model is not calibrated: %s", error.message)
        return None


def _check_classes(photos: LabelledPhotos, queries: LabelledPhotos) -> None:
    if unknown := sorted(set(queries.class_names) - set(photos.class_names)):
        raise ConfigError(
            f"The validation photos have classes that the gallery lacks: {', '.join(unknown)}."
        )


def _manifest(
    request: FinetuneRequest, settings: TrainingSettings, source: BackboneSource, photos: int
) -> Manifest:
    return Manifest(
        format_version=FORMAT_VERSION,
        family=FAMILY,
        backbone=settings.backbone,
        dimensions=settings.dimensions,
        pooling="avg",
        preprocessing=Preprocessing(
            side_px=request.embed_side_px,
            resize="stretch",
            interpolation="bicubic",
            mean=PIXEL_MEAN,
            std=PIXEL_STD,
        ),
        source=_source(request, settings, source, photos),
        code_version=TRAINING_CODE_VERSION,
    )


def _source(
    request: FinetuneRequest, settings: TrainingSettings, source: BackboneSource, photos: int
) -> dict[str, Any]:
    return {
        "data": request.data_note,
        "training_photos": photos,
        "backbone_package": f"{source.package}=={source.version}",
        "backbone_licence": source.licence,
        "backbone_data": source.trained_on,
        "settings": asdict(settings),
        "versions": {name: version(name) for name in ("torch", "torchvision", "timm")},
    }
