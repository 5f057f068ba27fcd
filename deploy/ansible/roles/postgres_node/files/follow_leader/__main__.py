"""Keeps this node's pooler connected to the cluster's leader, whichever node that is, without the control plane.

So a session through the load balancer outlives a planned switchover: its pooler holds the statements, Patroni changes the leader,
and the pooler sends them to the new one. From the environment (a 0600 file): PGFLEET_SCOPE, PGFLEET_MEMBER, PGFLEET_ADDRESS,
PGFLEET_STANZA, PGFLEET_DATA_DIR, PGFLEET_WALDUMP, PGFLEET_POOLER_PASSWORD, PGFLEET_PATRONI_PASSWORD,
PGFLEET_ETCD_{ENDPOINTS,USER,PASSWORD,CA}.
"""

import os
import sys

from archive_watch import ArchiveWatch
from blockers import Blockers
from checks import serve
from cluster_keys import ClusterKeys
from database import Database
from etcd import Etcd
from follower import Follower
from lease_guard import LeaseGuard, stop_postgresql
from node_report import NodeReport
from nudge import Nudge
from patroni_api import Patroni
from peer import PORT
from pooler import Pooler
from rejoin import Rejoin


def log(text):
    print(text, file=sys.stderr, flush=True)


def setting(name):
    return os.environ["PGFLEET_" + name]


def main():
    scope, member, address = setting("SCOPE"), setting("MEMBER"), setting("ADDRESS")

    def etcd():
        endpoints = setting("ETCD_ENDPOINTS").split(",")
        return Etcd(endpoints, setting("ETCD_CA"), setting("ETCD_USER"), setting("ETCD_PASSWORD"), member)

    def patroni():
        return Patroni(address, setting("PATRONI_PASSWORD"))

    keys = ClusterKeys(etcd(), etcd(), scope, lambda: follower.notice(), log)
    report = NodeReport(etcd(), "%spgfleet/nodes/%s" % (keys.prefix, member), log)
    blockers = Blockers(member, Database(setting("DATA_DIR")), keys, report)
    follower = Follower(
        member, address, setting("STANZA"), keys, Pooler(setting("POOLER_PASSWORD")),
        patroni(), Database(setting("DATA_DIR")),
        Rejoin(setting("DATA_DIR"), log), report, blockers, log,
    )
    serve(address, PORT, follower)
    keys.start()
    blockers.start()
    ArchiveWatch(
        Database(setting("DATA_DIR")), setting("DATA_DIR"), setting("WALDUMP"),
        lambda: keys.fresh() and keys.leader() == member, report, log,
    ).start()
    Nudge(member, keys, patroni(), Database(setting("DATA_DIR")), setting("DATA_DIR"), log).start()
    programs = os.path.dirname(setting("WALDUMP"))
    LeaseGuard(
        member, keys, patroni(), Database(setting("DATA_DIR")),
        lambda: stop_postgresql(setting("DATA_DIR"), programs, log), log,
    ).start()
    follower.run()


main()
