"""The checks of the page "System check": what this installation has, what that changes, and what to do about it.

Each is a function from an `Installation` to lines, and may block for some seconds: `doctor_desk` gives each a thread and a limit.
No line ever holds a credential.
"""

from sightline.web.checks.line import Check, Installation, Line
from sightline.web.checks.models import check_detectors, check_files, check_showcase
from sightline.web.checks.places import check_database, check_disk, check_storage
from sightline.web.checks.programs import check_ffmpeg, check_fonts, check_machine, check_packages
from sightline.web.checks.running import check_carrier, check_engines, check_jobs, check_workers

CHECKS = (
    Check("engines", "Running", check_engines),
    Check("workers", "Running", check_workers),
    Check("jobs", "Running", check_jobs),
    Check("carrier", "Running", check_carrier),
    Check("database", "Places", check_database),
    Check("disk", "Places", check_disk),
    Check("storage", "Places", check_storage),
    Check("ffmpeg", "Programs and packages", check_ffmpeg),
    Check("machine", "Programs and packages", check_machine),
    Check("fonts", "Programs and packages", check_fonts),
    Check("packages", "Programs and packages", check_packages),
    Check("detectors", "Weight files", check_detectors),
    Check("files", "Weight files", check_files),
    Check("showcase", "What a property showcase is made with", check_showcase),
)
"""In the order in which people read them."""

__all__ = ["CHECKS", "Check", "Installation", "Line"]
