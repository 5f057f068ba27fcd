"""The commands of a restore on a node. The control plane decides which comes next.

lock                                           checks that etcd answers this node, so that it can keep every Patroni from leading
gate                                           before Patroni starts: keeps it stopped if the cluster was restored while this machine was away
keep-lead DATA LEADER                          waits until the leader's PostgreSQL on this node begins to stop, then keeps everyone from leading
ready     DATA OPERATION STEP                  checks that this node can do STEP, `set-aside` or `put-back`; without an operation: that the disk has space
replicates DATA                                exit code 0: the PostgreSQL of these data is, or was, a replica
stop      DATA                                 stops PostgreSQL, while no Patroni would start it again
archived  DATA                                 reports what a stopped PostgreSQL has not archived
restore   DATA OPERATION PGBACKREST...         fetches the backup's files into a folder beside the data directory, if the disk has space
recover   DATA OPERATION SQL WHERE [LINEAGE]   recovers up to the target in a private PostgreSQL, then runs the statements in SQL. WHERE is
                                               `beside` the data directory, or `in-place`: the files become it first. LINEAGE begins with them
set-aside DATA OPERATION                       sets the data directory aside as the way back; data that are already recovered take its place
put-back  DATA OPERATION                       puts back what was set aside
discard   DATA OPERATION                       deletes what was set aside or abandoned
remember  DATA OPERATION                       stores the passwords now in force, for `recover` and `carry-over`
carry-over DATA OPERATION                      gives the stored passwords to PostgreSQL, which leads
clear     DATA [beside]                        deletes a replica's data, to be copied anew; with `beside`, also what restores keep there
prove     DATA OPERATION MARKS                 proves that what was recovered is sound, can be read, and ends where MARKS (JSON) say
again     DATA OPERATION                       deletes what was restored, so that another restore can be proven

Each command can be killed and run again at any time: it looks at what is there. All run as postgres except `gate`, `lock` and
`keep-lead`, which read the agent's settings as root. None is given a secret. `recover` and `prove` end with a line of JSON. Exit
code 3: the archive ends before the target.
"""

import sys

from backup import restore_files
from data_dirs import DataDirs, Refused, delete, delete_beside
from passwords import carry_over, remember
from present import check_disk, check_ready, replicates, say_what_is_archived, stop
from proof import begin_again, prove
from recovery import TargetMissed, recover

TARGET_MISSED = 3


def main(command, *arguments):
    if command in ("gate", "lock", "keep-lead"):
        # They need the agent's program, which is missing on a machine that only proves a backup.
        from lead_lock import check_lead, keep_lead, keep_left_behind

        return {"gate": keep_left_behind, "lock": check_lead, "keep-lead": keep_lead}[command](*arguments)
    data, *rest = arguments
    if command == "archived":
        say_what_is_archived(data)
    elif command == "ready" and not rest:
        check_disk(data)
    elif command == "replicates":
        sys.exit(0 if replicates(data) else 1)
    elif command == "stop":
        stop(data)
    elif command == "clear":
        delete(data)
        if rest == ["beside"]:
            delete_beside(data)
    else:
        dirs = DataDirs(data, rest[0])
        commands = {
            "set-aside": dirs.set_aside,
            "restore": lambda: restore_files(dirs, rest[1:]),
            "recover": lambda: recover(dirs, *rest[1:]),
            "ready": lambda: check_ready(dirs, rest[1]),
            "put-back": dirs.put_back,
            "discard": dirs.discard,
            "prove": lambda: prove(dirs, *rest[1:]),
            "remember": lambda: remember(dirs),
            "carry-over": lambda: carry_over(dirs),
            "again": lambda: begin_again(dirs),
        }
        commands[command]()


try:
    main(*sys.argv[1:])
except TargetMissed as error:
    print(error, file=sys.stderr)
    sys.exit(TARGET_MISSED)
except Refused as error:
    print(error, file=sys.stderr)
    sys.exit(1)
