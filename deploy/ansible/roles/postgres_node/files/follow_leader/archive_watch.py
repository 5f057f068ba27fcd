"""How far this node's archive is, and how full the disk with its WAL: said in the node's report, a second after it changed.

While others write, this node commits a sign of life every ten seconds, and one more after their last transaction has ended. So a commit
follows every commit, and the last one that is archived is never old: HEARTBEAT + archive_timeout + the push. archive_timeout and not
this program switches segments: it counts from the last switch, so that a busy cluster makes no more of them, and it works without us.

When nobody has written since the last sign of life, there is none: nothing is written, no segment is switched, and the archive stays
complete. Once that sign of life is archived, the report says up to when nothing followed it (`settledAt`).

What the archive has, as commits: the last one in the newest segment that PostgreSQL says is archived; segments are archived in
order. Only segments of the timeline that this node writes count: those of earlier ones may have been archived by another node, or not.
A leader that stops archives its last segment while it does. So the node looks once more when it has become a replica, and says the last
commit of the timeline that it has left (`left`): a timeline may end before its first segment is archived.
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
SAY_AGAIN = 10.0  # positions move all the time; without news they are said this often
SHARE = 20  # looking into segments may take a twentieth of one processor: the next look waits for so many times the last one's time
LOOK_BACK = 8  # segments, when the newest has no commit and none is known
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
# A replica that does not answer must not hold up a commit that nobody waits for. The snapshot is from before the message has its id.
BEAT = """
    WITH before AS MATERIALIZED (SELECT pg_current_snapshot()::text AS snapshot, set_config('synchronous_commit', 'local', true)),
         beat AS MATERIALIZED (SELECT snapshot, pg_logical_emit_message(true, 'pgfleet', now()::text) FROM before)
    SELECT snapshot, pg_current_xact_id()::text::bigint FROM beat"""


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


def quiet_after(snapshot, xid):
    """The snapshot that is taken for as long as nobody else has written since a sign of life; None when somebody did just before it."""
    oldest, following, running = snapshot.split(":")
    if int(following) != xid:
        return None
    return "%s:%d:%s" % (oldest if running else xid + 1, xid + 1, running)


def is_full(disk):
    """PostgreSQL cannot create its next WAL segment."""
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
            except Exception as error:  # whatever it is, what follows the leader goes on, and this at the next turn
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
        # A leader that is cut off may be one no more: what it commits now would be lost, and counted.
        leads = self._leads()
        quiet = leads and self._quiet is not None and snapshot == self._quiet and not somebody_writes
        # A transaction that ended between the two parts of one look shows in the next: what this look finds was so at the last one.
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
            # Seen changing, not found so: else nobody knows when.
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
        # A change of less than half a percent is no news, unless the disk is full by it, or not any more.
        if self._disk and self._disk["bytes"] == disk["bytes"] and is_full(self._disk) == is_full(disk):
            if abs(self._disk["free"] - disk["free"]) * 200 < disk["bytes"]:
                return
        self._disk = disk
        self._report.say(disk=disk)

    def _leave(self):
        """This node does not write: another may have continued from what it has archived. What it archived while it stopped counts, too."""
        if self._said is None:
            return
        rows = self._database.ask(LAST_ARCHIVED)
        if not rows:
            return  # at the next turn
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
