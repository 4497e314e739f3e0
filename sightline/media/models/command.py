"""The command for weight files: `list | fetch NAME | verify [NAME] | remove NAME | sync`.

`python -m sightline.media.models` runs it without a bucket, `python -m sightline.models` with one.
"""

import argparse
import sys

from sightline.errors import SightlineError
from sightline.media.models.manifest import Model
from sightline.media.models.store import ModelStore
from sightline.media.models.transfer import Watch

VERDICTS = {
    "good": "good",
    "damaged": "DAMAGED: its checksum is wrong. Fetch it again",
    "other": "here; another file than the one that was tested, which is usual for a model that everybody exports",
    "missing": "not here",
}


def run(arguments: list[str], store: ModelStore, command: str) -> int:
    """Do what the command line says; returns the exit status."""
    try:
        asked = _parser(command).parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        return _do(asked, store)
    except SightlineError as err:
        sys.stderr.write(f"\n{err.message}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=command, description="Weight files of filters and analyzers.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="what there is, and what is here")
    fetch = verbs.add_parser("fetch", help="bring a file, from the mirror or the internet")
    fetch.add_argument("name")
    verify = verbs.add_parser("verify", help="compare checksums")
    verify.add_argument("name", nargs="?", help="one model; without it all that are here")
    verbs.add_parser("remove", help="delete a file from MODELS_DIR").add_argument("name")
    sync = verbs.add_parser("sync", help="bring all files that MODELS_MIRROR has")
    for verb in (fetch, sync):
        verb.add_argument("--accept-licence", action="store_true", help="also files under a licence such as the AGPL")
    return parser


def _do(asked: argparse.Namespace, store: ModelStore) -> int:
    match asked.verb:
        case "list":
            _print_list(store)
        case "fetch":
            path = store.fetch(asked.name, _print_progress, accept_licence=asked.accept_licence)
            sys.stdout.write(f"\n{path}\n")
        case "verify":
            return _print_verdicts(store, asked.name)
        case "remove":
            store.remove(asked.name)
            sys.stdout.write(f"{asked.name} is deleted.\n")
        case "sync":
            return _sync(store, accept_licence=asked.accept_licence)
    return 0


def _print_list(store: ModelStore) -> None:
    for model in store.models():
        here = store.find(model.file)
        state = str(here) if here else ("not here" if model.url else "not here, no public address")
        size = f"{model.bytes / 1e6:.1f} MB" if model.bytes else "own export"
        sys.stdout.write(f"{model.name}\t{size}\t{model.licence}\t{state}\n\t{model.purpose}\n")


def _print_verdicts(store: ModelStore, name: str | None) -> int:
    names = [name] if name else [model.name for model in store.models() if store.find(model.file)]
    verdicts = {one: store.verify(one) for one in names}
    for one, verdict in verdicts.items():
        sys.stdout.write(f"{one}\t{VERDICTS[verdict]}\n")
    return 1 if "damaged" in verdicts.values() or verdicts.get(name or "") == "missing" else 0


def _sync(store: ModelStore, *, accept_licence: bool) -> int:
    def started(model: Model) -> Watch:
        sys.stdout.write(f"\n{model.name}\n")
        return Watch(_print_progress)

    report = store.sync(started, accept_licence=accept_licence)
    sys.stdout.write(
        f"\n{len(report.brought)} brought, {len(report.here)} here already, {len(report.not_held)} not in the mirror\n"
    )
    for skipped in report.skipped:
        sys.stdout.write(f"{skipped}: left out, its licence needs a yes: --accept-licence\n")
    for failed, reason in report.failed.items():
        sys.stderr.write(f"{failed}: {reason}\n")
    return 1 if report.failed else 0


def _print_progress(done: int, total: int) -> None:
    sys.stdout.write(f"\r{done / 1e6:.1f} of {total / 1e6:.1f} MB")
    sys.stdout.flush()
