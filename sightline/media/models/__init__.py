"""Weight files: where they are, what they are, how they get here.

`models/manifest.toml` names every file that may be fetched, with its checksum; MODELS_DIR is searched first, then MODELS_MIRROR (a
folder, a URL, or a bucket), then the address in the manifest. A file appears under its name only when it is whole and its checksum
is right. `python -m sightline.media.models list | fetch NAME | verify | remove NAME | sync` does the same from a shell. Any thread
may call this; a fetch blocks.

* `manifest`: what there is
* `places`: where a file can come from
* `transfer`: how its bytes arrive: resumed, checked, cancelled
* `store`: finding, fetching, verifying, removing
"""

from sightline.media.models.manifest import MANIFEST, Model, read_manifest
from sightline.media.models.store import ModelStore, SyncReport, Verdict

__all__ = ["MANIFEST", "Model", "ModelStore", "SyncReport", "Verdict", "read_manifest"]
