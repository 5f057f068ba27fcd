"""The guard that stops a PostgreSQL whose Patroni does not watch over it: when it does, and when it leaves it alone."""

import os
import sys
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "files", "follow_leader"))

import lease_guard  # noqa: E402


class Keys:
    """Of a cluster whose lease lives 20 s."""

    def __init__(self):
        self.lead, self.is_fresh = "n1", True
        self.configuration = {"ttl": 20, "loop_wait": 5}

    def fresh(self):
        return self.is_fresh

    def leader(self):
        return self.lead

    def config(self):
        return self.configuration

    def members(self):
        return ["n1", "n2", "n3"]

    def address(self, member):
        return "10.0.0." + member[1:]


class LeaseGuardTest(unittest.TestCase):
    def setUp(self):
        self.now, self.alive, self.role, self.silent, self.stops, self.said = 100.0, True, "leader", [], 0, []
        self.keys = Keys()
        patroni = mock.Mock(is_alive=lambda: self.alive)
        database = mock.Mock(role=lambda: (self.role, None))
        self.guard = lease_guard.LeaseGuard("n1", self.keys, patroni, database, self.stop, self.said.append, lambda: self.now)
        answers = mock.patch.object(lease_guard, "answers", lambda address: address not in self.silent)
        answers.start()
        self.addCleanup(answers.stop)

    def stop(self):
        self.stops += 1

    def seconds_until_stopped(self, within=60):
        for second in range(within):
            if self.stops:
                return second
            self.now += 1
            self.guard.look()
        return None

    def test_it_leaves_a_leader_alone_whose_patroni_runs(self):
        self.assertIsNone(self.seconds_until_stopped())

    def test_a_patroni_that_is_dead_or_frozen(self):
        self.alive = None
        self.assertEqual(self.seconds_until_stopped(), 12)
        self.assertIn("has not answered", self.said[0])

    def test_one_that_is_started_again_in_time(self):
        self.alive = None
        self.assertIsNone(self.seconds_until_stopped(within=8))
        self.alive = True
        self.assertIsNone(self.seconds_until_stopped())

    def test_a_loop_that_stands_still(self):
        self.alive = False
        self.assertEqual(self.seconds_until_stopped(), 7)

    def test_a_clock_that_is_set_forward(self):
        self.alive = False
        self.assertIsNone(self.seconds_until_stopped(within=6))
        self.alive = True
        self.assertIsNone(self.seconds_until_stopped())

    def test_etcd_is_lost_and_every_member_answers(self):
        self.keys.is_fresh = False
        self.assertIsNone(self.seconds_until_stopped())

    def test_etcd_is_lost_and_a_member_is_silent(self):
        self.keys.is_fresh, self.silent = False, ["10.0.0.3"]
        self.assertEqual(self.seconds_until_stopped(), 14)
        self.assertIn("n3", self.said[0])

    def test_etcd_is_lost_and_a_member_misses_a_question(self):
        self.keys.is_fresh = False
        for _ in range(6):
            self.silent = []
            self.assertIsNone(self.seconds_until_stopped(within=4))
            self.silent = ["10.0.0.3"]
            self.assertIsNone(self.seconds_until_stopped(within=2))

    def test_another_leads(self):
        self.keys.lead = "n2"
        self.assertEqual(self.seconds_until_stopped(), 2)

    def test_a_replica_that_is_promoted_before_its_agent_hears_of_it(self):
        self.role, self.keys.lead = "replica", "n2"
        self.assertIsNone(self.seconds_until_stopped())
        self.role = "leader"
        self.assertIsNone(self.seconds_until_stopped(within=1))
        self.keys.lead = "n1"
        self.assertIsNone(self.seconds_until_stopped())

    def test_nobody_leads_for_a_moment(self):
        self.keys.lead = None
        self.assertIsNone(self.seconds_until_stopped())

    def test_a_replica_is_never_stopped(self):
        self.role, self.alive, self.keys.lead = "replica", None, "n2"
        self.assertIsNone(self.seconds_until_stopped())

    def test_nor_a_leader_of_a_cluster_that_is_paused(self):
        self.keys.configuration["pause"] = True
        self.alive = None
        self.assertIsNone(self.seconds_until_stopped())

    def test_it_begins_anew_after_it_has_stopped_one(self):
        self.alive = None
        self.seconds_until_stopped()
        self.stops = 0
        self.assertEqual(self.seconds_until_stopped(), 12)

    def test_patroni_is_found_by_its_command_line(self):
        processes = {"1": b"/sbin/init\0", "20": b"/usr/bin/python3\0/usr/bin/patroni\0/etc/patroni/config.yml\0",
                     "21": b"/usr/bin/python3\0-s\0/usr/local/lib/pgfleet/follow_leader\0", "self": b""}
        with mock.patch.object(lease_guard.os, "listdir", lambda _: list(processes)), \
                mock.patch("builtins.open", lambda path, _: mock.mock_open(read_data=processes[path.split("/")[2]])()):
            self.assertEqual(list(lease_guard.patronis()), [20])


if __name__ == "__main__":
    unittest.main()
