"""Timestamps as the control plane reads them: RFC 3339 in UTC, to the millisecond."""

import time
from datetime import datetime, timezone


def moment(seconds=None):
    """Formats seconds since 1970; now by default."""
    at = datetime.fromtimestamp(time.time() if seconds is None else float(seconds), timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
