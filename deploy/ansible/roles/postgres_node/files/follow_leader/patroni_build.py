"""The Patroni that this node runs, as `patch-patroni` recorded it before the unit started."""

import json

STATUS = "/var/lib/pgfleet/patroni.json"


def patroni_build():
    """{version: of the package, patched: the applied patches}; None while nothing is known."""
    try:
        with open(STATUS, encoding="utf-8") as file:
            said = json.load(file)
        return {"version": said["version"], "patched": said["patched"]}
    except (OSError, ValueError, KeyError):
        return None
