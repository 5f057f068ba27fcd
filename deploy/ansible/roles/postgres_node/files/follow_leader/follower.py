"""Decides where this node's pooler connects to, and what the node reports."""

import os
import threading
import time

import psycopg2

import archive_marks
from hold import Hold
from moment import moment
from patroni_api import PatroniError
from patroni_build import patroni_build
from peer import Sight
from pooler import SOCKET

CALM = 0.5  # seconds between two looks; a change in etcd is looked at when it arrives
HASTE = 0.02  # while this node waits for its own promotion
LOST_AFTER = 1.2
# After a switchover the old leader's pooler accepts new sessions until the load balancer has seen the new leader.
LINGER = 3.0
# A process that did not run for this long was frozen together with its machine: what it knows is old.
FROZEN = 3.0
POOLER_EVERY = 1.0
DATABASE_EVERY = 0.2
# How long all nodes have to report that they hold, after the time in which running transactions may end.
ANSWER_WITHIN = 1.0


class Follower:
    def __init__(self, member, address, stanza, keys, pooler, patroni, database, rejoin, report, blockers, log):
        self._me, self._address, self._stanza = member, address, stanza
        self._keys, self._pooler, self._patroni, self._database = keys, pooler, patroni, database
        self._rejoin, self._report, self._blockers, self._log = rejoin, report, blockers, log
        self.ready = threading.Event()
        self._wake = threading.Event()
        self._sight = None
        self._role, self._leads = None, False
        self._leader_seen, self._database_seen = None, -DATABASE_EVERY
        self._pooler_works, self._pooler_seen = False, 0.0
        self._patroni_says, self._patroni_asked = False, 0.0
        self._follows = None
        self._linger_until = 0.0
        self._hold, self._before_hold, self._refusal = None, (503, None), None
        self._last_command = None
        self._awaited = None  # a switchover for which this node does not hold yet
        self._holding = threading.Lock()  # one hold at a time: both handing over and the rounds begin one
        self._news = threading.Condition()
        self._last_turn = None
        self._marked = 0.0

    def notice(self):
        """Something changed: look at once."""
        self._wake.set()
        with self._news:
            self._news.notify_all()

    def run(self):
        """Never returns."""
        self._start()
        threading.Thread(target=self._watch_peer, daemon=True).start()
        while True:
            self._turn()
            self.ready.set()
            self._wake.wait(self._until_next_look)
            self._wake.clear()

    def _start(self):
        # Statements may have been held when an earlier run of this program died, with the pooler prepared for a candidate that
        # never led. This run takes no part in a switchover that is past its preparation, and reports that: the others must not wait
        # for it.
        self._keys.wait()
        command = self._keys.switchover()
        if command is not None and command["phase"] != "prepare":
            self._last_command = self._command_key(command)
            reason = "the agent of this node was started again"
            self._report.say(hold={"id": command["id"], "state": "refused", "ms": 0, "reason": reason})
        try:
            if (leader := self._keys.leader()) is not None:
                self._route_to(leader)
            self._pooler.resume()
        except psycopg2.Error as error:
            self._log("pooler: %s" % error)
        route = self._pooler.route()
        if route == SOCKET:
            self._follows = self._me
        elif route:
            self._follows = self._keys.member_at(route)

    @property
    def _is_to_lead(self):
        return self._keys.leader() == self._me and not self._leads and self._role == "replica"

    @property
    def _until_next_look(self):
        if self._is_to_lead:
            return HASTE
        if self._is_holding:
            return min(CALM, self._hold.seconds_left)
        return CALM

    def _turn(self):
        if self._last_turn is not None and time.monotonic() - self._last_turn > FROZEN:
            self._hold_after_thaw()
        self._look_at_pooler()
        self._take_command()
        self._begin_hold()
        self._prepare_way()
        self._look_at_database()
        self._lead()
        self._end_hold()
        self._tell()
        self._last_turn = time.monotonic()

    def _hold_after_thaw(self):
        """Statements that waited in the sockets while the machine was frozen must not reach a database that may no longer lead."""
        self._log("this machine stood still: statements are held until it is known who leads")
        self._database_seen = -DATABASE_EVERY
        with self._holding:
            thaw = {"id": "thaw-%d" % time.time(), "capMs": 5000, "drainMs": 500}
            self._hold, self._before_hold = Hold(thaw, self._pooler, self._is_holding), (503, None)

    def _look_at_pooler(self):
        if self._pooler_works and time.monotonic() - self._pooler_seen < POOLER_EVERY:
            return
        try:
            self._pooler.ask("SHOW VERSION")
            self._pooler_works = True
        except psycopg2.Error as error:
            if self._pooler_works:
                self._log("pooler: %s" % error)
            self._pooler_works = False
        self._pooler_seen = time.monotonic()

    @staticmethod
    def _command_key(command):
        return (command["id"], command["phase"]) if command else None

    def _take_command(self):
        command = self._keys.switchover()
        key = self._command_key(command)
        if key == self._last_command:
            return
        self._last_command = key
        self._awaited = None
        if command is None:
            return
        if command["phase"] == "prepare":
            threading.Thread(target=self._prepare, args=(command,), daemon=True).start()
        else:
            if command["leader"] == self._me:
                threading.Thread(target=self._hand_over, args=(command,), daemon=True).start()
            else:
                self._awaited = command

    def _begin_hold(self):
        """Every node holds as soon as it reads the command. The leader's node does so in `_hand_over`, which does not wait for a
        round."""
        command = self._awaited
        if command is not None and self._begun(command) is not None:
            self._awaited = None

    def _begun(self, command):
        """Begins a hold for the command; returns None while this node holds for something else."""
        with self._holding:
            if self._is_holding:
                return None
            blockers = self._blockers.during(command) if command["leader"] == self._me else None
            hold = Hold(command, self._pooler)
            hold.blockers = blockers
            if blockers is not None and not hold.held:
                blockers.name()
            elif blockers is not None and (reason := blockers.remain()) is not None:
                hold.release(reason)
            self._before_hold = self._primary()
            self._hold = hold
        self._report.say(hold=hold.report())
        self._log("hold %s: %s" % (hold.id, hold.reason or "statements are held"))
        return hold

    @property
    def _is_holding(self):
        return self._hold is not None and self._hold.held

    def _prepare_way(self):
        """A pooler needs up to a tenth of a second to learn its new target. It does so while it holds and the database stops, so
        nobody waits for it."""
        hold = self._hold
        if self._is_holding and not hold.way_is_prepared and "candidate" in hold.command:
            hold.way_is_prepared = self._try_route_to(hold.command["candidate"])

    def _prepare(self, command):
        """Does what takes time and holds up nobody, before statements are held."""
        begun = time.monotonic()
        self._report.say(hold={"id": command["id"], "state": "preparing", "ms": 0, "reason": None})
        database = self._database.another()
        reason = None
        if command["leader"] == self._me:
            reason = database.make_ready_to_hand_over(command["candidate"])
        else:
            # The candidate begins the next timeline; the others follow it there and ask for the one after.
            promotes = command["candidate"] == self._me
            history = database.history_after(1 if promotes else 2)
            looked = history is not None and archive_marks.look_for_timeline(history, self._stanza, self._log)
            if promotes and not looked:
                reason = "the archive could not be asked for the next timeline"
        database.close()
        try:
            self._pooler.make_ready_to_pause()
        except psycopg2.Error as error:
            reason = reason or "pooler: %s" % error
        took = int((time.monotonic() - begun) * 1000)
        self._report.say(hold={"id": command["id"], "state": "prepared", "ms": took, "reason": reason})

    def _hand_over(self, command):
        """On the leader's node: holds, waits until every other node holds too, and only then makes Patroni change the leader.
        Customers wait meanwhile, so nothing here waits for a round of this program. A node that does not hold in time calls it off."""
        hold = self._begun(command)
        if hold is None:
            refused = {"id": command["id"], "state": "refused", "ms": 0, "reason": "this node's statements are held already"}
            self._report.say(hold=refused)
            return
        self._wake.set()
        refusal = self._wait_for_all(hold)
        hold.blockers.close()
        if refusal is None:
            hold.may_switch = True
            try:
                # Patroni answers when the switchover is over. etcd shows the new leader earlier, and only that counts.
                self._patroni.switch_over(command["leader"], command["candidate"])
            except PatroniError as error:
                self._log("switchover: %s" % error)
                refusal = str(error)
        if refusal is not None and hold.held:
            self._refusal = (hold.id, refusal)
            self._wake.set()

    def _wait_for_all(self, hold):
        """Returns None once every node holds, otherwise why the lead is not handed over."""
        ends = time.monotonic() + hold.command["drainMs"] / 1000 + ANSWER_WITHIN
        with self._news:
            while (refusal := self._refused(hold)) is None:
                if self._others_hold(hold):
                    return None
                if not self._news.wait(ends - time.monotonic()):
                    return "not every node held its statements in time"
        return refusal

    def _refused(self, hold):
        """Why the lead must not be handed over; None while nothing speaks against it."""
        if not hold.held:
            return hold.reason or "the hold has ended"
        for name, said in self._said_of(hold).items():
            if said["state"] in ("refused", "released"):
                hold.blockers.name()
                return "%s: %s" % (name, said.get("reason") or "its hold has ended")
        return None

    def _others_hold(self, hold):
        others = {name for name in hold.command["nodes"] if name != self._me}
        return {name for name, said in self._said_of(hold).items() if said["state"] == "held"} == others

    def _said_of(self, hold):
        """The other nodes' reports on this hold, without the nodes that have not reached it yet."""
        reports = {name: self._keys.report(name).get("hold") or {} for name in hold.command["nodes"] if name != self._me}
        return {name: report for name, report in reports.items() if report.get("id") == hold.id}

    def _look_at_database(self):
        # etcd delivers many changes while the leader changes: ask the database only when it may know something new.
        leader, now = self._keys.leader(), time.monotonic()
        if leader == self._leader_seen and now - self._database_seen < (HASTE if self._is_to_lead else DATABASE_EVERY):
            return
        self._leader_seen, self._database_seen = leader, now
        led = self._leads
        # A stopping database answers every query with a new process, just when processors are scarce.
        self._role, streams = (None, None) if self._gives_up_the_lead else self._database.role()
        if streams is not None and self._rejoin.awaited:
            self._rejoin.is_back(streams)
        if streams is not None and time.monotonic() - self._marked > CALM:
            self._marked = time.monotonic()
            if self._keys.is_synchronous(self._me) or self._database.has_every_segment():
                archive_marks.streams()
        if self._role != "leader":
            self._leads = False
        elif self._keys.fresh():
            self._leads = self._keys.leader() == self._me
        else:
            self._leads = self._patroni_leads()
        if self._leads and not led:
            timeline, begin = self._database.timeline()
            self._leads = timeline is not None
            if self._leads:
                self._rejoin.leads(timeline)
                self._report.say(writable={"timeline": timeline, "promotedAt": begin, "since": moment()})
        elif led and not self._leads:
            self._report.say(writable=None)

    @property
    def _gives_up_the_lead(self):
        return self._is_holding and self._hold.may_switch

    def _patroni_leads(self):
        """Without etcd: whether this node's Patroni still holds the lead (by its own lease, or confirmed by every member)."""
        if time.monotonic() - self._patroni_asked > CALM:
            self._patroni_says = self._patroni.leads()
            self._patroni_asked = time.monotonic()
        return self._patroni_says

    def _lead(self):
        leader = self._keys.leader()
        if self._leads:
            target = self._me
        elif leader not in (None, self._me) and self._takes_writes(leader):
            target = leader
        else:
            return
        # While statements are held, the target is only prepared, not in use.
        held = self._is_holding
        host = self._host_of(target)
        if host is None or target == self._follows and (held or self._pooler.route() == host):
            return
        if not self._try_route_to(target):
            return
        if target != self._follows:
            if self._follows == self._me:
                self._linger_until = time.monotonic() + LINGER
            self._log("the pooler leads to %s, before to %s" % (target, self._follows))
            self._follows = target
            if target == self._me:
                archive_marks.forget_timeline()
        if held:
            self._release(None)

    def _host_of(self, member):
        return SOCKET if member == self._me else self._keys.address(member)

    def _route_to(self, member):
        host = self._host_of(member)
        if host is not None and self._pooler.route() != host:
            self._pooler.lead_to(host)

    def _try_route_to(self, member):
        try:
            self._route_to(member)
            return True
        except psycopg2.Error as error:
            self._log("pooler: %s" % error)
            return False

    def _takes_writes(self, leader):
        """By the leader's own report: from etcd, where it arrives within milliseconds, or by asking it if etcd is unavailable."""
        if self._keys.fresh():
            return self._keys.report(leader).get("writable") is not None
        sight = self._sight
        return sight is not None and sight.name == leader and sight.writable

    def _end_hold(self):
        if not self._is_holding:
            return
        if self._hold.id.startswith("thaw-"):
            if self._leads or self._hold.expired:
                self._release(None)
        elif self._refusal is not None and self._refusal[0] == self._hold.id:
            self._release(self._refusal[1])
        elif self._hold.expired:
            self._release("nobody took the lead in time")
        elif self._last_command is None or self._last_command[0] != self._hold.id:
            self._release("given up")

    def _release(self, reason):
        if self._follows is not None and not self._try_route_to(self._follows):
            return  # the hold is over: the next look tries again
        self._hold.release(reason)
        self.notice()  # wakes whoever still waits for the others to hold
        self._report.say(hold=self._hold.report())
        self._log("hold %s released after %d ms%s" % (
            self._hold.id, self._hold.report()["ms"], ": " + reason if reason else ""))

    def _tell(self):
        sight, leader = self._sight, self._keys.leader()
        lost = self._report.fact("lost")
        if sight is not None and sight.name == leader:
            if sight.silent and time.monotonic() - sight.seen_at > LOST_AFTER:
                if self._keys.fresh() and (lost is None or lost["leader"] != leader):
                    lost = {"leader": leader, "since": moment(sight.seen_on)}
            elif not sight.silent and lost is not None and lost["leader"] == leader:
                lost = None
        self._report.say(
            lost=lost, follows=self._follows, rejoin=self._rejoin.told(),
            rejoining=self._rejoin.under_way(leader not in (None, self._me)), watchdog=os.access("/dev/watchdog", os.W_OK),
            patroni=patroni_build(),
        )

    def _watch_peer(self):
        while True:
            leader = self._keys.leader()
            if leader == self._me:
                self._sight = None
            elif leader is not None and (address := self._keys.address(leader)):
                sight = self._sight
                if sight is None or (sight.name, sight.address) != (leader, address):
                    sight = Sight(leader, address)
                before = (sight.writable, sight.silent)
                sight.look()
                self._sight = sight
                if (sight.writable, sight.silent) != before:
                    self._wake.set()
            time.sleep(CALM)

    # What is answered ------------------------------------------------------------------------------------------------

    def answer(self, path):
        """HTTP status and body of the answer."""
        if path == "primary":
            status, reason = self._primary()
        elif path == "replica":
            status, reason = self._replica()
        elif path == "leader":
            status, reason = (200 if self._leads else 503), None
        elif path == "status":
            return 200, {**self._report.facts(), "leftBehind": self._is_left_behind()}
        else:
            return 404, {"detail": "ask for /primary, /replica, /leader or /status"}
        return status, {"follows": self._follows, "detail": reason}

    def _primary(self):
        if not self._pooler_works:
            return 503, "the pooler does not answer"
        if self._is_holding:
            return self._before_hold
        if self._follows == self._me:
            return (200, None) if self._leads else (503, "this node does not take writes")
        sight = self._sight
        if sight is None or sight.name != self._follows or not self._seen_lately(sight):
            # It may have begun to lead since the last look at it.
            if self._keys.leader() != self._follows or not self._takes_writes(self._follows):
                return 503, "the leader is not reached"
        return (200, None) if time.monotonic() < self._linger_until else (404, "another node leads")

    @staticmethod
    def _seen_lately(sight):
        return sight.writable or not sight.silent and time.monotonic() - sight.wrote_at < LOST_AFTER

    def _is_left_behind(self):
        """Whether the machine was away while its cluster was restored, so that its data belong to a lineage that the cluster has
        left."""
        return self._keys.lineage() not in (None, self._database.lineage())

    def _replica(self):
        if self._is_left_behind():
            return 503, "these data are not those of the cluster's last restore"
        if self._role == "replica":
            return 200, None
        return (404, "this node leads") if self._leads else (503, "the database does not answer")
