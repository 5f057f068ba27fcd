import type { Argv } from './commands';

/**
 * Python: runs its arguments, a pgBackRest that logs every file (`--log-level-console=detail`), and passes on its output and exit
 * code. It replaces the lines about files with one progress line a second: `12.34 %, 1.5 GB, 80.1 MB/s`.
 *
 * On a replica it repeats a CHECKPOINT, in the end once a second, until pgBackRest has seen one. pgBackRest itself makes one as
 * soon as replay has passed the start of the backup's checkpoint, and then only waits (`dbReplayWait`, db.c). The record of that
 * checkpoint is written at its end. When it had not been replayed yet, pgBackRest's own CHECKPOINT had no effect, and a minute
 * later the backup was given up (seen on a loaded machine).
 *
 * It ends the workers when pgBackRest has given up. pgBackRest itself first waits for them, for half an hour
 * (`protocol-timeout`), while a worker with more output than a pipe holds waits for pgBackRest. This happened with 2.55 when the
 * connection to the leader broke while small files were being copied. When the program itself is told to end, it leaves that to
 * pgBackRest, which gets the signal too.
 * @see https://github.com/pgbackrest/pgbackrest/issues/982 the same wait; https://github.com/pgbackrest/pgbackrest/issues/1450
 * the checkpoint
 */
const program = String.raw`
import re, signal, subprocess, sys, threading, time

# restore file /…/base/1/2619 (bundle 1/32, bi 16KB, 12.34%) checksum …
FILE = re.compile(r"(?:backup|restore|match)\b[^(]* file .*\((?:[^()]*, )?(?:bi )?([\d.]+)(B|KB|MB|GB|TB|PB), ([\d.]+)%\)")
UNITS = {"B": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4, "PB": 5}


def words(count):
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return "%.0f %s" % (count, unit) if unit == "B" else "%.1f %s" % (count, unit)
        count /= 1024
    return "%.1f TB" % count


def tell(percent):
    print("%s %%, %s, %s/s" % (percent, words(done), words(done / (time.monotonic() - begun))), flush=True)


def repeat_checkpoint():
    pause = 0.2
    while not reached.wait(pause):
        pause = min(2 * pause, 1)
        subprocess.run(["psql", "-Xqc", "checkpoint"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


reached = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: None)
begun = told = time.monotonic()
done, percent = 0.0, None
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True, errors="replace")
for line in child.stdout:
    match = FILE.search(line)
    if match:
        done += float(match[1]) * 1024 ** UNITS[match[2]]
        percent = match[3]
        if time.monotonic() - told >= 1:
            told = time.monotonic()
            tell(percent)
            percent = None
        continue
    if percent:
        tell(percent)
        percent = None
    if "DETAIL" not in line:
        print(line.rstrip(), flush=True)
    if "wait for replay on the standby" in line:
        reached.clear()
        threading.Thread(target=repeat_checkpoint, daemon=True).start()
    else:
        reached.set()
    if "command end: aborted with exception" in line:
        subprocess.run(["pkill", "-KILL", "-P", str(child.pid)])
if percent:
    tell(percent)
code = child.wait()
sys.exit(code if code >= 0 else 128 - code)
`;

/** Put this in front of a pgBackRest command that logs every file. */
export const tellProgress: Argv = ['/usr/bin/python3', '-s', '-c', program];
