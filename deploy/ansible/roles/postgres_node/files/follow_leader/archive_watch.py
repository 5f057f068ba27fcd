"""Reports how far this node's archive is and how full the disk with its WAL is, a second after a change.

While others write, this node commits a sign of life every ten seconds, and one more after their last transaction has ended. So a
commit follows every commit, and the last archived one is never old: HEARTBEAT + archive_timeout + the push. archive_timeout
switches segments, not this program: it counts from the last switch, so a busy cluster makes no additional ones, and it works
without this program.

If nobody has written since the last sign of life, there is no further one: nothing is written, no segment is switched, and the
archive stays complete. Once that sign of life is archived, the report contains the time up to which nothing followed it
(`settledAt`).

The archive's progress is the last commit in the newest segment that PostgreSQL reports as archived; segments are archived in order.
Only segments of the timeline that this node writes count: another node may have archived those of earlier timelines, or not. A
leader archives its last segment while it stops. So the node looks once more after it has become a replica, and reports the last
commit of the timeline that it has left (`left`). A timeline may end before its first segment is archived.
"""

import os
import re
import subprocess
import threading
import time

from database import position_of
from moment import moment

SEGMENT_BYTES = 16 << 20
EVERY = 1.0
HEARTBEAT = 10.0
SAY_AGAIN = 10.0  # positions move all the time; without other news they are reported this often
SHARE = 20  # looking into segments may take a twentieth of one processor: the next look waits this many times as long as the last one took
LOOK_BACK = 8  # segments, if the newest has no commit and none is known
SEGMENT = re.compile("[0-9A-F]{24}")
COMMIT = re.compile(rb"tx: +(\d+), lsn: ([0-9A-F]+/[0-9A-F]+),.* desc: COMMIT(?:_PREPARED \d+:)? (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) UTC")

STATE = """
    SELECT last_archived_wal, last_failed_wal, extract(epoch FROM last_failed_time),
           coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL),
           pg_walfile_name(pg_current_wal_lsn()), pg_current_wal_lsn() - '0/0',
           (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'),
           (SELECT setting::bigint FROM pg_settings WHERE name = 'archive_timeout'),
           (SELECT setting::bigint * 1048576 FROM pg_settings WHERE name = 'max_wal_size'),
           extract(epoch FROM now()), pg_current_snapshot()::text, EXISTS (SELECT FROM pg_stat_activity WHERE backend_xid IS NOT NULL)
    FROM pg_stat_archiver WHERE NOT pg_is_in_recovery()"""
LAST_ARCHIVED = "SELECT last_archived_wal FROM pg_stat_archiver WHERE pg_is_in_recovery()"
# A replica that does not answer must not hold up a commit that nobody waits for. The snapshot is taken before the message gets its
# id.
BEAT = """
    WITH before AS MATERIALIZED (SELECT pg_current_snapshot()::text AS snapshot, set_config('synchronous_commit', 'local', true)),
         beat AS MATERIALIZED (SELECT snapshot, pg_logical_emit_message(true, 'pgfleet', now()::text) FROM before)
    SELECT snapshot, pg_current_xact_id()::text::bigint FROM beat"""


def commit_of(line):
    """Parses the commit in a line of pg_waldump; None if there is none."""
    found = COMMIT.search(line)
    if found is None:
        return None
    xid, lsn, day, clock = (text.decode() for text in found.groups())
    return {"time": "%sT%sZ" % (day, clock), "position": position_of(lsn), "xid": int(xid)}


def newest_archived(said, timeline, status_folder):
    """The newest archived segment of a timeline. PostgreSQL names the last archived file, which may belong to a backup or a
    timeline."""
    prefix = "%08X" % timeline
    if said and SEGMENT.fullmatch(said):
        return said if said.startswith(prefix) else None
    try:
        done = [name[:24] for name in os.listdir(status_folder) if name.endswith(".done")]
    except OSError:
        return None
    return max((name for name in done if SEGMENT.fullmatch(name) and name.startswith(prefix)), default=None)


def earlier(segment, count, segment_bytes):
    """A segment and the ones before it, newest first."""
    per_file = (1 << 32) // segment_bytes
    number = int(segment[8:16], 16) * per_file + int(segment[16:], 16)
    for each in range(number, max(-1, number - count), -1):
        yield "%s%08X%08X" % (segment[:8], each // per_file, each % per_file)


def quiet_after(snapshot, xid):
    """The snapshot for as long as nobody else has written since a sign of life; None if somebody wrote just before it."""
    oldest, following, running = snapshot.split(":")
    if int(following) != xid:
        return None
    return "%s:%d:%s" % (oldest if running else xid + 1, xid + 1, running)


def is_full(disk):
    """Whether PostgreSQL cannot create its next WAL segment."""
    return disk["free"] < SEGMENT_BYTES


class ArchiveWatch:
    def __init__(self, database, data_dir, waldump, leads, report, log):
        self._database, self._waldump, self._leads, self._report, self._log = database, waldump, leads, report, log
        self._wal = os.path.join(data_dir, "pg_wal")
        self._beat_at = float("-inf")
        self._beat, self._quiet = None, None  # the id of the last sign of life, and the snapshot while nothing has followed it
        self._quiet_at = None  # the last look that found it quiet
        self._timeline, self._segment_bytes = None, None
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
            except Exception as error:  # whatever it is, following the leader goes on, and this resumes in the next round
                self._log("archive: %r" % error)
            time.sleep(EVERY)

    def turn(self):
        self._look_at_disk()
        rows = self._database.ask(STATE)
        if rows is None:
            return  # no answer is no news
        if not rows:
            self._leave()
            return
        *said, now, snapshot, somebody_writes = rows[0]
        # A leader that is cut off may not lead any more: what it commits now would be lost, and yet counted.
        leads = self._leads()
        quiet = leads and self._quiet is not None and snapshot == self._quiet and not somebody_writes
        # A transaction that ended between the two parts of one look shows up in the next one. So this look proves the state of the
        # last one.
        settled_at, self._quiet_at = (self._quiet_at if quiet else None), (now if quiet else None)
        if not quiet and leads and time.monotonic() - self._beat_at >= HEARTBEAT:
            self._beat_at = time.monotonic()
            self._make_beat()
        self._tell(*said, now, settled_at)

    def _make_beat(self):
        rows = self._database.ask(BEAT)
        self._beat, self._quiet = None, None
        if rows:
            self._beat, self._quiet = int(rows[0][1]) % (1 << 32), quiet_after(rows[0][0], int(rows[0][1]))

    def _tell(self, last, failed, failed_at, fails, written, current, segment_bytes, archive_timeout, max_wal, now, settled_at):
        timeline = self._timeline = int(written[:8], 16)
        if written != self._written:
            # The time is known only if the change was observed.
            self._switched_at = moment(now) if self._written else None
            self._written = written
        segment = newest_archived(last, timeline, os.path.join(self._wal, "archive_status"))
        if segment and segment != self._looked_for and time.monotonic() >= self._look_again:
            self._look_into(segment, int(segment_bytes))
        self._segment_bytes = int(segment_bytes)
        known = self._looked_for
        if not (fails and failed and SEGMENT.fullmatch(failed)):
            self._failing = None
        elif self._failing is None or self._failing["segment"] != failed:
            self._failing = {"segment": failed, "since": moment(failed_at)}
        settled = settled_at is not None and self._commit is not None and self._commit["xid"] == self._beat
        news = (timeline, known, self._failing, self._switched_at, archive_timeout, max_wal, settled)
        if news == self._said and time.monotonic() - self._said_at < SAY_AGAIN:
            return
        self._said, self._said_at = news, time.monotonic()
        self._report.say(archive={
            "timeline": timeline, "segmentBytes": int(segment_bytes), "current": int(current), "segment": known,
            "commit": self._commit, "settledAt": moment(settled_at) if settled else None, "failing": self._failing, "switchedAt": self._switched_at,
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
        """The last commit that is completely in a segment. The pipe spares this process the lines, because others wait for it."""
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
        # A change of less than half a percent is no news, unless the disk becomes full or is no longer full.
        if self._disk and self._disk["bytes"] == disk["bytes"] and is_full(self._disk) == is_full(disk):
            if abs(self._disk["free"] - disk["free"]) * 200 < disk["bytes"]:
                return
        self._disk = disk
        self._report.say(disk=disk)

    def _leave(self):
        """This node does not write: another one may have continued from what it has archived. What it archived while stopping
        counts, too."""
        if self._said is None:
            return
        rows = self._database.ask(LAST_ARCHIVED)
        if not rows:
            return  # in the next round
        timeline, segment_bytes = self._timeline, self._segment_bytes
        segment = newest_archived(rows[0][0], timeline, os.path.join(self._wal, "archive_status"))
        if segment and segment != self._looked_for:
            self._look_into(segment, segment_bytes)
        if self._commit:
            self._report.say(archive=None, left={"timeline": timeline, "commit": self._commit})
        else:
            self._report.say(archive=None)
        self._said, self._written, self._switched_at = None, None, None
        self._looked_for, self._commit, self._failing = None, None, None
        self._beat, self._quiet, self._quiet_at, self._beat_at = None, None, None, float("-inf")
