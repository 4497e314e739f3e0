"""Annotation: films become clips, clips become frames with proposals of where people are, packed for annotators and for training.

Stages: `cut` (resize, clips and frames from one decode of each film), `track` (people in every frame), `proposals` (the pickle),
`package` (the zip), `extras` (the same in other formats). Each reads only files of earlier ones: a job goes on where it was.
"""

from sightline.jobs.contract import JobKind, JobStage
from sightline.jobs.kinds.annotation.clips import cut
from sightline.jobs.kinds.annotation.extras import extras
from sightline.jobs.kinds.annotation.package import package
from sightline.jobs.kinds.annotation.params import AnnotationParams
from sightline.jobs.kinds.annotation.people import track
from sightline.jobs.kinds.annotation.proposals import proposals

__all__ = ["KIND"]

KIND = JobKind(
    name="annotation",
    label="Annotation package",
    description="Clips of even length, their frames, and proposals of where each person is: final_package.zip for annotation tools "
    "and for training of action detectors.",
    params=AnnotationParams,
    stages=(
        JobStage(
            "cut", "Resize, cut into clips, take frames", cut, weight=3, version=2,
            uses=("width_px", "height_px", "clip_s", "keep_tail", "fps"),
        ),
        JobStage("track", "Follow people in every picture", track, weight=15, version=2, uses=("confidence", "model")),
        JobStage("proposals", "Write proposals", proposals, weight=0.5, uses=()),
        JobStage("package", "Pack", package, weight=1, uses=()),
        JobStage("extras", "Write other formats", extras, weight=0.5, uses=("also", "actions")),
    ),
    most_inputs=50,
    estimate_s=lambda duration_s: 15 + 4 * duration_s,
    # Hours of footage on a machine without a graphics card: every picture is looked at.
    timeout_s=48 * 3600.0,
)  # fmt: skip
