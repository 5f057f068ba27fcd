"""The node's agent, its surroundings played: what it does with a planned switchover, and when its machine has stood still."""

import os
import shutil
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "files", "follow_leader"))

import archive_marks  # noqa: E402
import follower as module  # noqa: E402
from patroni_api import PatroniError  # noqa: E402
from pooler import SOCKET  # noqa: E402

ADDRESSES = {"n1": "10.0.0.1", "n2": "10.0.0.2", "n3": "10.0.0.3"}


class Keys:
    def __init__(self):
        self.lead, self.command, self.reports, self.is_fresh = "n1", None, {}, True
        self.synchronous = ()
        self.written = None

    def wait(self):
        pass

    def leader(self):
        return self.lead

    def lineage(self):
        return self.written

    def switchover(self):
        return self.command

    def report(self, member):
        return self.reports.get(member, {})

    def address(self, member):
        return ADDRESSES.get(member)

    def member_at(self, address):
        return next((name for name, where in ADDRESSES.items() if where == address), None)

    def fresh(self):
        return self.is_fresh

    def is_synchronous(self, member):
        return member in self.synchronous


class Pooler:
    def __init__(self, host):
        self.host, self.paused, self.drains, self.done = host, False, True, []

    def ask(self, _):
        return []

    def route(self):
        return self.host

    def lead_to(self, host):
        self.host = host
        self.done.append("to " + host)

    def make_ready_to_pause(self):
        pass

    def pause(self, _):
        self.paused = self.drains
        self.done.append("pause")
        return self.drains

    def resume(self):
        self.paused = False
        self.done.append("resume")


class Database:
    def __init__(self, role):
        self.now, self.asked, self.has_all, self.mark = (role, None), 0, True, ""

    def has_every_segment(self):
        return self.has_all

    def lineage(self):
        return self.mark

    def role(self):
        self.asked += 1
        return self.now

    def timeline(self):
        return 1, None


class Rejoin:
    awaited = False

    def told(self):
        return None

    def under_way(self, _):
        return None

    def leads(self, _):
        pass


class Report:
    def __init__(self):
        self.said = {}

    def say(self, **facts):
        self.said.update(facts)

    def fact(self, name):
        return self.said.get(name)

    def facts(self):
        return self.said


class Patroni:
    def __init__(self):
        self.asked, self.refuses = [], None

    def switch_over(self, leader, candidate):
        self.asked.append((leader, candidate))
        if self.refuses:
            raise PatroniError(self.refuses)

    def leads(self):
        return False


def wait_until(condition):
    deadline = time.monotonic() + 2
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen")
        time.sleep(0.002)


class Blockers:
    def __init__(self):
        self.remains, self.done = None, []

    def during(self, command):
        self.done.append("during " + command["id"])
        return self

    def remain(self):
        return self.remains

    def name(self):
        self.done.append("name")

    def close(self):
        self.done.append("close")


class FollowerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        archive_marks.FOLDER = folder.name + "/"

    def node(self, me, role):
        self.keys, self.database, self.report, self.patroni = Keys(), Database(role), Report(), Patroni()
        self.blockers = Blockers()
        self.pooler = Pooler(SOCKET if me == "n1" else ADDRESSES["n1"])
        self.keys.reports["n1"] = {"writable": {"timeline": 1}}
        node = module.Follower(me, ADDRESSES[me], "stanza", self.keys, self.pooler, self.patroni, self.database, Rejoin(),
                               self.report, self.blockers, lambda _: None)
        node._start()
        node._turn()
        self.pooler.done.clear()
        return node

    def hold(self, cap_ms=5000):
        self.keys.command = {"id": "op/1", "phase": "hold", "leader": "n1", "candidate": "n2", "nodes": ["n1", "n2", "n3"],
                             "capMs": cap_ms, "drainMs": 100}

    def test_a_replica_with_data_of_before_a_restore_is_not_read(self):
        node = self.node("n3", "replica")
        for mark, written, status in (("", None, 200), ("l1", None, 200), ("l1", "l1", 200), ("", "l1", 503), ("l1", "", 503)):
            self.database.mark, self.keys.written = mark, written
            self.assertEqual(node.answer("replica")[0], status)
            self.assertEqual(node.answer("status")[1]["leftBehind"], status == 503)

    def test_a_replica_holds_when_told_and_goes_on_with_the_new_leader(self):
        node = self.node("n3", "replica")
        self.hold()
        node._turn()
        self.assertEqual(self.pooler.done, ["pause", "to 10.0.0.2"])
        self.assertEqual(self.report.said["hold"]["state"], "held")
        self.keys.lead, self.keys.reports["n2"] = "n2", {"writable": {"timeline": 2}}
        node._turn()
        self.assertEqual(self.pooler.done, ["pause", "to 10.0.0.2", "resume"])
        self.assertEqual(self.report.said["hold"]["state"], "released")
        self.assertEqual(self.report.said["follows"], "n2")

    def test_the_archive_is_asked_for_segments_by_a_replica_that_may_lack_one(self):
        node = self.node("n3", "replica")
        self.database.now = ("replica", 1)
        for lags, synchronous, spared in ((True, (), False), (False, (), True), (True, ("n3",), True)):
            shutil.rmtree(archive_marks.FOLDER)
            os.mkdir(archive_marks.FOLDER)
            self.database.has_all, self.keys.synchronous = not lags, synchronous
            node._marked, node._database_seen = 0.0, 0.0
            node._turn()
            self.assertEqual(os.path.exists(archive_marks.FOLDER + "streaming"), spared)

    def test_a_hold_ends_by_itself_and_leads_back_to_who_still_leads(self):
        node = self.node("n3", "replica")
        self.hold(cap_ms=50)
        node._turn()
        self.assertTrue(self.pooler.paused)
        time.sleep(0.06)
        node._turn()
        self.assertEqual(self.pooler.done, ["pause", "to 10.0.0.2", "to 10.0.0.1", "resume"])
        self.assertEqual(self.report.said["hold"]["reason"], "nobody took the lead in time")

    def test_a_hold_that_is_given_up_ends(self):
        node = self.node("n3", "replica")
        self.hold()
        node._turn()
        self.keys.command = None
        node._turn()
        self.assertFalse(self.pooler.paused)
        self.assertEqual(self.pooler.host, ADDRESSES["n1"])

    def begin(self, node):
        """The leader's node is told to hold, and has begun to."""
        self.hold()
        node._turn()
        wait_until(lambda: "hold" in self.report.said)
        node._turn()

    def test_the_leader_asks_patroni_only_when_every_node_holds(self):
        node = self.node("n1", "leader")
        self.begin(node)
        self.assertTrue(self.pooler.paused)
        self.keys.reports["n2"] = {"hold": {"id": "op/1", "state": "held"}}
        node.notice()
        time.sleep(0.02)
        self.assertEqual(self.patroni.asked, [], "n3 does not hold yet")
        self.keys.reports["n3"] = {"hold": {"id": "op/1", "state": "held"}}
        node.notice()
        wait_until(lambda: self.patroni.asked)  # without a turn, which may wait for a busy database
        self.assertEqual(self.patroni.asked, [("n1", "n2")])
        self.assertEqual(self.pooler.done, ["pause", "to 10.0.0.2"])
        asked = self.database.asked
        node._database_seen = 0.0
        node._turn()
        self.assertEqual(self.database.asked, asked, "a database that stops is not asked")
        self.assertIsNone(self.report.said["writable"])

    def released(self, node):
        """The hold was called off: statements go on, and Patroni was asked for nothing."""
        wait_until(lambda: node._refusal is not None or not node._is_holding)
        node._turn()
        self.assertFalse(self.pooler.paused)
        self.assertEqual(self.patroni.asked, [])
        return self.report.said["hold"]

    def test_one_that_refuses_calls_it_off_for_all(self):
        node = self.node("n1", "leader")
        self.begin(node)
        self.keys.reports["n3"] = {"hold": {"id": "op/1", "state": "refused", "reason": "a transaction ran longer than 100 ms"}}
        node.notice()
        said = self.released(node)
        self.assertIn("n3: a transaction ran longer", said["reason"])
        self.assertEqual(self.pooler.host, SOCKET)

    def test_the_leaders_own_transactions_call_it_off(self):
        node = self.node("n1", "leader")
        self.pooler.drains = False
        self.begin(node)
        self.assertEqual(self.released(node)["state"], "refused")
        wait_until(lambda: self.blockers.done == ["during op/1", "name", "close"])

    def test_a_transaction_that_no_pooler_holds_calls_it_off(self):
        node = self.node("n1", "leader")
        self.blockers.remains = "1 transactions that no pooler holds went on"
        self.begin(node)
        self.assertEqual(self.released(node)["reason"], self.blockers.remains)

    def test_a_node_that_says_nothing_calls_it_off(self):
        node = self.node("n1", "leader")
        self.addCleanup(setattr, module, "ANSWER_WITHIN", module.ANSWER_WITHIN)
        module.ANSWER_WITHIN = 0.05
        self.begin(node)
        self.assertEqual(self.released(node)["reason"], "not every node held its statements in time")

    def test_when_patroni_refuses_statements_go_on_with_the_leader_that_there_is(self):
        node = self.node("n1", "leader")
        self.patroni.refuses = "patroni answered 412: candidate name does not match with sync_standby"
        self.begin(node)
        for name in ("n2", "n3"):
            self.keys.reports[name] = {"hold": {"id": "op/1", "state": "held"}}
        node.notice()
        wait_until(lambda: node._refusal is not None)
        node._turn()
        node._database_seen = 0.0
        node._turn()
        self.assertEqual(self.pooler.done, ["pause", "to 10.0.0.2", "to " + SOCKET, "resume"])
        self.assertEqual(self.report.said["hold"]["reason"], self.patroni.refuses)
        self.assertIsNotNone(self.report.said["writable"])

    def test_started_anew_it_leads_to_who_leads_before_it_lets_go(self):
        self.node("n3", "replica")
        self.pooler.host, self.pooler.paused = ADDRESSES["n2"], True  # an earlier run died in a hold, its way prepared
        module.Follower("n3", ADDRESSES["n3"], "stanza", self.keys, self.pooler, self.patroni, self.database, Rejoin(),
                        self.report, self.blockers, lambda _: None)._start()
        self.assertEqual(self.pooler.done, ["to 10.0.0.1", "resume"])

    def test_started_anew_it_prepares_what_was_asked_for_while_it_was_away(self):
        self.node("n3", "replica")
        self.keys.command = {"id": "op/1", "phase": "prepare", "leader": "n1", "candidate": "n2", "nodes": [], "capMs": 1, "drainMs": 1}
        prepared = threading.Event()
        node = module.Follower("n3", ADDRESSES["n3"], "stanza", self.keys, self.pooler, self.patroni, self.database, Rejoin(),
                               self.report, self.blockers, lambda _: None)
        node._prepare = lambda command: command["id"] == "op/1" and prepared.set()
        node._start()
        node._turn()
        self.assertTrue(prepared.wait(1))

    def test_started_anew_it_refuses_to_take_part_in_a_switchover_that_is_under_way(self):
        self.node("n3", "replica")
        self.hold()
        node = module.Follower("n3", ADDRESSES["n3"], "stanza", self.keys, self.pooler, self.patroni, self.database, Rejoin(),
                               self.report, self.blockers, lambda _: None)
        node._start()
        node._turn()
        self.assertEqual(self.report.said["hold"]["state"], "refused")
        self.assertFalse(self.pooler.paused)

    def test_a_leader_that_stood_still_lets_nothing_through_until_it_knows_that_it_leads(self):
        node = self.node("n1", "leader")
        node._last_turn -= module.FROZEN + 1
        self.keys.is_fresh = False  # what it knew is old
        node._turn()
        self.assertTrue(self.pooler.paused)
        self.assertEqual(node.answer("primary")[0], 503)
        self.keys.is_fresh, self.keys.lead, self.keys.reports["n2"] = True, "n2", {"writable": {"timeline": 2}}
        node._turn()
        self.assertEqual(self.pooler.done, ["pause", "to 10.0.0.2", "resume"])

    def test_who_stood_still_in_a_hold_holds_on(self):
        node = self.node("n1", "leader")
        self.begin(node)
        self.assertTrue(self.pooler.paused)
        self.pooler.drains = False  # PgBouncer refuses a second PAUSE
        node._last_turn -= module.FROZEN + 1
        self.keys.is_fresh = False
        node._turn()
        self.assertTrue(self.pooler.paused)

    def test_who_has_stood_still_hands_nothing_over_while_it_holds_for_that(self):
        node = self.node("n1", "leader")
        node._last_turn -= module.FROZEN + 1
        self.keys.is_fresh = False
        node._turn()
        self.hold()
        node._turn()
        wait_until(lambda: (self.report.said.get("hold") or {}).get("state") == "refused")
        self.assertTrue(self.pooler.paused)
        self.assertEqual(self.patroni.asked, [])

    def test_a_leader_that_stood_still_and_leads_goes_on(self):
        node = self.node("n1", "leader")
        node._last_turn -= module.FROZEN + 1
        node._turn()
        self.assertEqual(self.pooler.done, ["pause", "resume"])


if __name__ == "__main__":
    unittest.main()
