"""How far this node's archive is, and how full the disk with its WAL: said in the node's report, a second after it changed.

While this node writes it also commits a sign of life every ten seconds. So every segment has a commit, and with archive_timeout the last
one that is archived is never old, also of a cluster that nobody uses: HEARTBEAT + archive_timeout + the push. archive_timeout and not
this program switches segments: it counts from the last switch, so that a busy cluster makes no more of them, and it goes on without us.

What the archive has, as commits: the last one in the newest segment that PostgreSQL says is archived; segments are archived in
order. Only segments of the timeline that this node writes count: those of earlier ones may have been archived by another node, or not.
"""

import os
import re
import subprocess
import threading
import time

from database import position_of
from moment import moment

EVERY = 1.0
HEARTBEAT = 10.0
SAY_AGAIN = 10.0  # positions move all the time; without news they are said this often
SHARE = 20  # looking into segments may take a twentieth of one processor: the next look waits for so many times the last one's time
LOOK_BACK = 8  # segments, when the newest has no commit and none is known
SEGMENT = re.compile("[0-9A-F]{24}")
COMMIT = re.compile(rb"tx: +(\d+), lsn: ([0-9A-F]+/[0-9A-F]+),.* desc: COMMIT(?:_PREPARED \d+:)? (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) UTC")

STATE = """
    SELECT last_archived_wal, last_failed_wal, extract(epoch FROM last_failed_time),
           coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL),
           pg_walfile_name(pg_current_wal_lsn()), pg_current_wal_lsn() - '0/0', extract(epoch FROM now()),
           (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'),
           (SELECT setting::bigint FROM pg_settings WHERE name = 'archive_timeout'),
           (SELECT setting::bigint * 1048576 FROM pg_settings WHERE name = 'max_wal_size')
    FROM pg_stat_archiver WHERE NOT pg_is_in_recovery()"""
# A replica that does not answer must not hold up a commit that nobody waits for.
BEAT = "BEGIN; SET LOCAL synchronous_commit = local; SELECT pg_logical_emit_message(true, 'pgfleet', now()::text); COMMIT"


def commit_of(line):
    """What a line of pg_waldump says of a commit; None when it says none."""
    found = COMMIT.search(line)
    if found is None:
        return None
    xid, lsn, day, clock = (text.decode() for text in found.groups())
    return {"time": "%sT%sZ" % (day, clock), "position": position_of(lsn), "xid": int(xid)}


def newest_archived(said, timeline, status_folder):
    """The newest archived segment of a timeline. PostgreSQL names the last file, which may be one about a backup or a timeline."""
    prefix = "%08X" % timeline
    if said and SEGMENT.fullmatch(said):
        return said if said.startswith(prefix) else None
    try:
        done = [name[:24] for name in os.listdir(status_folder) if name.endswith(".done")]
    except OSError:
        return None
    return max((name for name in done if SEGMENT.fullmatch(name) and name.startswith(prefix)), default=None)


def earlier(segment, count, segment_bytes):
    """A segment and those before it, newest first."""
    per_file = (1 << 32) // segment_bytes
    number = int(segment[8:16], 16) * per_file + int(segment[16:], 16)
    for each in range(number, max(-1, number - count), -1):
        yield "%s%08X%08X" % (segment[:8], each // per_file, each % per_file)


class ArchiveWatch:
    def __init__(self, database, data_dir, waldump, leads, report, log):
        self._database, self._waldump, self._leads, self._report, self._log = database, waldump, leads, report, log
        self._wal = os.path.join(data_dir, "pg_wal")
        self._beat_at = float("-inf")
        self._looked_for, self._commit, self._look_again = None, None, 0.0
        self._written, self._switched_at = None, None
        self._failing = None
        self._said, self._said_at = None, 0.0
        self._disk = None

    def start(self):
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                self.turn()
            except Exception as error:  # whatever it is, what follows the leader goes on, and this at the next turn
                self._log("archive: %r" % error)
            time.sleep(EVERY)

    def turn(self):
        self._look_at_disk()
        rows = self._database.ask(STATE)
        if rows is None:
            return  # no answer is no news
        if not rows:
            self._forget()
            return
        # A leader that is cut off may be one no more: what it commits now would be lost, and counted.
        if time.monotonic() - self._beat_at >= HEARTBEAT and self._leads():
            self._beat_at = time.monotonic()
            self._database.ask(BEAT)
        self._tell(*rows[0])

    def _tell(self, last, failed, failed_at, fails, written, current, now, segment_bytes, archive_timeout, max_wal):
        timeline = int(written[:8], 16)
        if written != self._written:
            # Seen changing, not found so: else nobody knows when.
            self._switched_at = moment(now) if self._written else None
            self._written = written
        segment = newest_archived(last, timeline, os.path.join(self._wal, "archive_status"))
        if segment and segment != self._looked_for and time.monotonic() >= self._look_again:
            self._look_into(segment, int(segment_bytes))
        known = self._looked_for
        if not (fails and failed and SEGMENT.fullmatch(failed)):
            self._failing = None
        elif self._failing is None or self._failing["segment"] != failed:
            self._failing = {"segment": failed, "since": moment(failed_at)}
        news = (timeline, known, self._failing, self._switched_at, archive_timeout, max_wal)
        if news == self._said and time.monotonic() - self._said_at < SAY_AGAIN:
            return
        self._said, self._said_at = news, time.monotonic()
        self._report.say(archive={
            "timeline": timeline, "segmentBytes": int(segment_bytes), "current": int(current), "segment": known,
            "commit": self._commit, "failing": self._failing, "switchedAt": self._switched_at,
            "archiveTimeoutSeconds": int(archive_timeout), "maxWalBytes": int(max_wal), "at": moment(now),
        })

    def _look_into(self, segment, segment_bytes):
        begun = time.monotonic()
        if self._looked_for is None or self._looked_for[:8] != segment[:8]:
            self._commit = None
        back = 1 if self._commit else LOOK_BACK
        for name in earlier(segment, back, segment_bytes):
            commit = self._last_commit(os.path.join(self._wal, name))
            if commit is not None:
                self._commit = commit
                break
        self._looked_for = segment
        self._look_again = time.monotonic() + SHARE * (time.monotonic() - begun)

    def _last_commit(self, path):
        """The last commit in a segment that is whole in it. The pipe spares this process, which others wait for, the lines."""
        if not os.path.exists(path):
            return None
        script = '"$0" --rmgr=Transaction "$1" 2>/dev/null | grep -a " desc: COMMIT" | tail -n 1'
        command = ["nice", "-n", "10", "/bin/sh", "-c", script, self._waldump, path]
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TZ": "UTC", "LC_ALL": "C"}
        try:
            ended = subprocess.run(command, check=False, timeout=20, stdout=subprocess.PIPE, env=environment)
        except subprocess.TimeoutExpired:
            return None
        return commit_of(ended.stdout)

    def _look_at_disk(self):
        try:
            of = os.statvfs(self._wal)
        except OSError:
            return
        disk = {"bytes": of.f_blocks * of.f_frsize, "free": of.f_bavail * of.f_frsize}
        # A change of less than half a percent is no news.
        if self._disk and self._disk["bytes"] == disk["bytes"] and abs(self._disk["free"] - disk["free"]) * 200 < disk["bytes"]:
            return
        self._disk = disk
        self._report.say(disk=disk)

    def _forget(self):
        """This node does not write: what it has archived another may have gone on with."""
        if self._said is not None:
            self._said, self._written, self._switched_at = None, None, None
            self._looked_for, self._commit, self._failing = None, None, None
            self._report.say(archive=None)
