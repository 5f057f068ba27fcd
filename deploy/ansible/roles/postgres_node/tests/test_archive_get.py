"""restore_command of a node: what it passes on to the object store, and how long it waits for it."""

import os
import subprocess
import tempfile
import time
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "templates", "archive-get.j2")
SEGMENT = "000000020000000000000007"


class ArchiveGetTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.makedirs(self.folder + "/data/pg_wal")
        with open(self.folder + "/data/PG_VERSION", "w", encoding="ascii") as file:
            file.write("17\n")
        os.utime(self.folder + "/data/PG_VERSION", (0, 0))

    def mark(self, name, seconds_ago):
        with open("/proc/uptime", encoding="ascii") as uptime, open("%s/%s" % (self.folder, name), "w", encoding="ascii") as file:
            file.write("%d\n" % (float(uptime.read().split()[0]) - seconds_ago))

    def get(self, name, store):
        """`store`: what pgBackRest does, in shell."""
        program = self.folder + "/pgbackrest"
        with open(program, "w", encoding="ascii") as file:
            file.write('#!/bin/sh\necho "$@" >%s/asked\n%s\n' % (self.folder, store))
        os.chmod(program, 0o755)
        environment = {**os.environ, "PATH": self.folder + ":" + os.environ["PATH"]}
        with open(SCRIPT, encoding="utf-8") as script, open(self.folder + "/archive-get", "w", encoding="utf-8") as file:
            file.write(script.read().replace("marks=/var/lib/pgfleet/pooler", "marks=" + self.folder))
        argv = ["sh", self.folder + "/archive-get", "lin_1", name, "pg_wal/RECOVERYXLOG"]
        return subprocess.run(argv, cwd=self.folder + "/data", env=environment, check=False).returncode

    def asked(self):
        with open(self.folder + "/asked", encoding="ascii") as file:
            return file.read().strip()

    def test_asks_the_store(self):
        self.assertEqual(self.get(SEGMENT, "exit 1"), 1)
        self.assertEqual(self.asked(), "--stanza=lin_1 archive-get %s pg_wal/RECOVERYXLOG" % SEGMENT)
        self.assertEqual(self.get("00000003.history", "exit 0"), 0)

    def test_copies_a_timeline_that_is_there(self):
        with open(self.folder + "/data/pg_wal/00000002.history", "w", encoding="ascii") as file:
            file.write("1\t0/3000000\tno recovery target specified\n")
        self.assertEqual(self.get("00000002.history", "exit 1"), 0)
        self.assertTrue(os.path.exists(self.folder + "/data/pg_wal/RECOVERYXLOG"))

    def test_one_that_has_asked_for_a_switchover_does_not_ask_again(self):
        self.mark("next-timeline", 3)
        for name in (SEGMENT, "00000003.history"):
            self.assertEqual(self.get(name, "exit 0"), 1)
        self.assertFalse(os.path.exists(self.folder + "/asked"))

    def test_an_old_mark_or_one_that_says_nothing_does_not_count(self):
        self.mark("next-timeline", 40)
        self.assertEqual(self.get("00000003.history", "exit 0"), 0)
        with open(self.folder + "/next-timeline", "w", encoding="ascii"):
            pass
        self.assertEqual(self.get("00000003.history", "exit 0"), 0)

    def test_knows_that_the_first_timeline_has_no_history(self):
        self.assertEqual(self.get("00000001.history", "exit 0"), 1)
        self.assertFalse(os.path.exists(self.folder + "/asked"))

    def test_waits_for_a_store_that_does_not_answer_for_seconds_only(self):
        begun = time.monotonic()
        # More than 125 would make PostgreSQL give up.
        self.assertEqual(self.get("00000003.history", "exec sleep 30"), 124)
        self.assertLess(time.monotonic() - begun, 15)


if __name__ == "__main__":
    unittest.main()
