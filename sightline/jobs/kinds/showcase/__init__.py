"""Property showcase: footage of a house becomes a film of its best shots, room after room.

Stages: `look` (one decode of each clip: shots, rooms, quality, movement), `select` (the best shots, with reasons), `render` (the
film in all shapes, its poster, chapters and cut lists, from one run of ffmpeg). Pins, bans and another order make a new film
without a second look; another title or shape makes one from the same selection.
"""

from sightline.jobs.contract import JobKind, JobStage, Work
from sightline.jobs.kinds.showcase.film_params import FILM_PARAMS, FilmParams
from sightline.jobs.kinds.showcase.params import SelectParams, ShowcaseParams, own_names
from sightline.jobs.kinds.showcase.render import render as render_film
from sightline.media.extras import Extra

__all__ = ["KIND"]


def _look(work: Work) -> None:
    # What finds cuts takes half a second to load, and every process that lists the kinds loads this file.
    from sightline.jobs.kinds.showcase.look import look

    look(work)


def _select(work: Work) -> None:
    from sightline.jobs.kinds.showcase.selection import select

    select(work)


KIND = JobKind(
    name="showcase",
    label="Property showcase",
    description="A film of the best shots of a house or flat, room after room, in wide, upright and square shape, with titles, "
    "poster, chapters and cut lists for editors. Music and a logo may be sent with the footage.",
    params=FilmParams,
    stages=(
        JobStage("look", "Look at all footage", _look, weight=6, version=2, uses=own_names(ShowcaseParams)),
        JobStage("select", "Choose the best shots", _select, weight=0.5, version=4, uses=own_names(SelectParams)),
        JobStage("render", "Make the film", render_film, weight=5, version=3, uses=FILM_PARAMS),
    ),
    most_inputs=50,
    extras=(Extra.MUSIC, Extra.LOGO),
    needs_analyzers=False,
    estimate_s=lambda duration_s: 60 + duration_s,
)  # fmt: skip
