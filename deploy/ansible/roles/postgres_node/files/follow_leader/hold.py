"""Holds statements for a planned switchover, for a limited time only, because the caller may be gone."""

import time


class Hold:
    def __init__(self, command, pooler, holds_already=False):
        self.id = command["id"]
        self.command = command
        self.may_switch = False  # on the leader's node: every node holds, and Patroni was told to change the leader
        self.way_is_prepared = False
        self.blockers = None  # on the leader's node: the transactions that block the hold
        self._pooler = pooler
        self._began = time.monotonic()
        self._ends = self._began + min(float(command.get("capMs", 2000)), 10000) / 1000
        drain = min(float(command.get("drainMs", 1000)) / 1000, self._ends - self._began)
        self.held = self._was_held = holds_already or pooler.pause(drain)
        self.reason = None if self.held else "a transaction ran longer than %d ms" % (drain * 1000)
        if not self.held:
            self._ended = time.monotonic()

    @property
    def seconds_left(self):
        return max(0.0, self._ends - time.monotonic())

    @property
    def expired(self):
        return self.held and time.monotonic() > self._ends

    def release(self, reason=None):
        """Lets held statements continue."""
        self._pooler.resume()
        self.held = False
        self.reason = reason
        self._ended = time.monotonic()

    def report(self):
        until = time.monotonic() if self.held else self._ended
        state = "held" if self.held else "released" if self._was_held else "refused"
        return {"id": self.id, "state": state, "ms": int((until - self._began) * 1000), "reason": self.reason}
