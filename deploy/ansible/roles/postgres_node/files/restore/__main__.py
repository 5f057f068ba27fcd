"""What a restore does on a node, one command after the other; the control plane says which comes next.

lock                                           etcd answers this node: the lead can be kept from every Patroni
gate                                           before Patroni starts: it waits if the cluster was restored while this machine was away
keep-lead DATA LEADER                          waits until the leader's PostgreSQL, here, begins to stop, and keeps the lead from everyone
ready     DATA OPERATION STEP                  this node can do STEP, `set-aside` or `put-back`, with its data; without an operation: it has a disk
replicates DATA                                exit code 0: the PostgreSQL of these data is, or was, a replica
stop      DATA                                 PostgreSQL ends, with no Patroni that would start it again
archived  DATA                                 says what of a PostgreSQL that has ended is not archived
restore   DATA OPERATION PGBACKREST...         the backup's files, beside the data directory, if there is room for them
recover   DATA OPERATION SQL WHERE [LINEAGE]   PostgreSQL, in private, up to the target; then the statements in SQL. WHERE is `beside`
                                               the data directory, or `in-place`: the files become it first. LINEAGE begins with them
set-aside DATA OPERATION                       the data directory makes place, for what is recovered already: the way back
put-back  DATA OPERATION                       the way back is taken
discard   DATA OPERATION                       what was set aside, or was given up, is deleted
remember  DATA OPERATION                       the passwords in force now are noted, for `recover` and `carry-over`
carry-over DATA OPERATION                      PostgreSQL, which leads, is given the passwords that were noted
clear     DATA [beside]                        a replica's data are deleted, to be copied anew; with `beside`, what restores keep there, too
prove     DATA OPERATION MARKS                 what was recovered is sound, can be read, and ends where MARKS (JSON) say
again     DATA OPERATION                       what was restored is deleted, for another restore to be proven

Each may be run again at any time, having been killed at any time: it looks at what is there. All run as postgres but `gate`, `lock` and
`keep-lead`, which read the agent's settings as root. None is given a secret. `recover` and `prove` end with a line of JSON. Exit code 3: the archive ends before the target.
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
        # They need the agent's program, which is not on a machine where a backup is proven.
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
