import { once } from 'node:events';
import { newId } from '@pgfleet/contracts';
import { ArchivingNode } from '@pgfleet/integration';
import { stanzaCreateAndCheck } from '@pgfleet/pgbackrest';

const stanza = newId('lin');

/**
 * Python: takes the push's lock as soon as the foreground process releases it, so that its background push does not get the lock.
 * pgBackRest starts that push once, the push ends silently, and PostgreSQL's archiver waits for it (cmdArchivePush, push.c).
 * Creating a stanza takes the same lock, and `check` waits for a segment from that archiver.
 */
const takesLock = `
import fcntl, os, sys, time
path = sys.argv[1]
print("begun", flush=True)
until = time.monotonic() + 30
for taken in (True, False):
    while os.path.exists(path) != taken:
        if time.monotonic() > until:
            sys.exit("nobody took the lock and let it go")
fcntl.flock(os.open(path, os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX | fcntl.LOCK_NB)
time.sleep(1)
`;

describe('the stanza of a cluster', () => {
  let leader: ArchivingNode;
  beforeAll(async () => {
    leader = await ArchivingNode.start(stanza);
  }, 120_000);
  afterAll(() => leader?.stop());

  const failures = () => leader.log.split('archive command failed').length;

  /** Whether the background push found the lock taken. With the lock it would have failed by now, because the stanza is missing. */
  const takesTheLockOfAPush = async (): Promise<boolean> => {
    const before = failures();
    const taker = leader.start(['python3', '-c', takesLock, `/srv/lock/${stanza}-archive-1.lock`]);
    await once(taker.stdout!, 'data');
    await leader.sql("select pg_logical_emit_message(true, '', ''), pg_switch_wal()");
    const [exitCode] = (await once(taker, 'exit')) as [number | null];
    return exitCode === 0 && failures() === before;
  };

  it('is made and proven although a push in the background has lost its lock', async () => {
    let taken = false;
    // The gap between the two pushing processes is a few hundredths of a second.
    for (let tries = 0; !taken && tries < 10; tries++) taken = await takesTheLockOfAPush();
    expect(taken).toBe(true);
    await leader.must([...stanzaCreateAndCheck(stanza)]);
    expect(leader.log).toContain('asynchronously after 20 second(s)');
  }, 120_000);
});
