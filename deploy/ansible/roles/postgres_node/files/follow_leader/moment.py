"""Moments as the control plane reads them: RFC 3339 in UTC, to the millisecond."""

import time
from datetime import datetime, timezone


def moment(seconds=None):
    """Of so many seconds since 1970; of now, when none are said."""
    at = datetime.fromtimestamp(time.time() if seconds is None else float(seconds), timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
