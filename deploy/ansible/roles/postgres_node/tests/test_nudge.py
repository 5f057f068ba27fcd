"""When a leader's Patroni is told to look at once: a replica streams that ought to be named synchronous and is not."""

import os
import sys
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "files", "follow_leader"))

from nudge import Nudge  # noqa: E402


class StandbysTest(unittest.TestCase):
    def setUp(self):
        self.mode, self.leader, self.replicas, self.running = "quorum", "n1", [], {"n2", "n3"}
        self.patroni = mock.Mock()
        keys = mock.Mock(config=lambda: {"synchronous_mode": self.mode}, leader=lambda: self.leader,
                         is_running=lambda name: name in self.running)
        database = mock.Mock(ask=lambda _: self.replicas)
        self.nudge = Nudge("n1", keys, self.patroni, database, "/data", print)
        self.now = 0.0

    def told(self, seconds):
        for _ in range(int(seconds * 2)):
            self.now += 0.5
            self.nudge.look_at_standbys(self.now)
        count = self.patroni.look_now.call_count
        self.patroni.look_now.reset_mock()
        return count

    def test_all_are_named_or_none_streams(self):
        for self.replicas in ([("n2", "quorum"), ("n3", "quorum")], [], None):
            self.assertEqual(self.told(5), 0)

    def test_one_that_is_not_named(self):
        self.replicas = [("n2", "quorum"), ("n3", "async")]
        self.assertEqual(self.told(0.5), 1)

    def test_the_same_one_is_told_of_ever_less_often(self):
        self.replicas = [("n3", "async")]
        self.assertLess(self.told(60), 10)
        self.replicas = [("n2", "async"), ("n3", "async")]
        self.assertEqual(self.told(0.5), 1, "another one is news")

    def test_one_standby_is_enough_where_one_is_asked_for(self):
        self.mode, self.replicas = True, [("n2", "sync"), ("n3", "async")]
        self.assertEqual(self.told(5), 0)
        self.replicas = [("n3", "async")]
        self.assertEqual(self.told(0.5), 1)

    def test_only_where_commits_wait_for_replicas_on_the_leader_for_members_that_run(self):
        self.replicas = [("n3", "async")]
        for self.mode, self.leader, self.running in ((False, "n1", {"n3"}), ("quorum", "n2", {"n3"}), ("quorum", "n1", set())):
            self.assertEqual(self.told(5), 0)


if __name__ == "__main__":
    unittest.main()
