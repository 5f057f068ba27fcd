"""How a former leader came back as a replica, and what it had written that its successor never received.

The state is in a file, because a lost leader has usually lost its machine, too.
"""

import json
import os

from archive_marks import FOLDER
from database import lines_of_history, position_of
from moment import moment

LED = FOLDER + "led"  # {timeline, data: identity of the data directory, rejoin: what was reported about its return, or null}
REWOUND = FOLDER + "rewound"  # written by pg-rewind


class Rejoin:
    def __init__(self, data_dir, log):
        self._data_dir, self._log = data_dir, log
        self._led = read(LED)
        self._under_way = None

    @property
    def awaited(self):
        """Whether it has led and has not been back as a replica since."""
        return self._led is not None and self._led["rejoin"] is None

    def told(self):
        """What was reported about its last return; None while it leads or has not returned yet."""
        return self._led and self._led["rejoin"]

    def under_way(self, another_leads):
        """How it is coming back, until it has: {timeline, phase, since}."""
        if not another_leads or not self.awaited:
            self._under_way = None
            return None
        if self._data() != self._led["data"]:
            phase = "copying"
        else:
            phase = "rewinding" if os.path.exists(REWOUND) else "starting"
        if self._under_way is None or self._under_way["phase"] != phase:
            self._under_way = {"timeline": self._led["timeline"], "phase": phase, "since": moment()}
        return self._under_way

    def leads(self, timeline):
        if self._led is None or self._led["rejoin"] is not None or self._led["timeline"] != timeline:
            self._keep({"timeline": timeline, "data": self._data(), "rejoin": None})

    def is_back(self, timeline):
        """Called when it streams as a replica on this timeline: returns what to report."""
        led = self._led["timeline"]
        promoted_at = self._left_at(led, timeline)
        if promoted_at is None:
            return None  # the history arrives with the stream
        rejoin = {"timeline": led, "promotedAt": promoted_at, "bytes": 0, "transactions": 0, "how": "followed"}
        rewound = read(REWOUND)
        if self._data() != self._led["data"]:
            rejoin.update(how="copied", bytes=None, transactions=None)
        elif rewound is not None and rewound["timeline"] == led:
            rejoin.update(rewound, how="rewound")
        rejoin["at"] = moment()
        self._keep({**self._led, "rejoin": rejoin})
        self._log("back as a replica: %s, having written %s bytes, %s transactions past the end of timeline %d" % (
            rejoin["how"], rejoin["bytes"], rejoin["transactions"], led))
        return rejoin

    def _left_at(self, led, timeline):
        lines = lines_of_history(timeline, self._data_dir)
        return next((position_of(line[1]) for line in lines if int(line[0]) == led), None)

    def _data(self):
        # A copy consists of new files; a rewind does not touch this one.
        try:
            return os.stat(self._data_dir + "/PG_VERSION").st_ino
        except OSError:
            return None

    def _keep(self, led):
        with open(LED + ".new", "w", encoding="ascii") as file:
            json.dump(led, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(LED + ".new", LED)
        if led["rejoin"] is None and os.path.exists(REWOUND):
            os.unlink(REWOUND)
        self._led = led


def read(path):
    try:
        with open(path, encoding="ascii") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None
