import { join } from 'node:path';
import { ArchivingNode, makeNodeFolder, type Ran } from '@pgfleet/integration';

const programs = join(__dirname, '../../../../deploy/ansible/roles/postgres_node/files');

/** A machine of the node image with an archived PostgreSQL, the restore program and the agent. Its repository is a folder. */
export class RestorableNode extends ArchivingNode {
  readonly dataDirectory = '/srv/data';

  /** Initialised, archiving, running. */
  static override async start(stanza: string): Promise<RestorableNode> {
    const node = await RestorableNode.prepare(stanza);
    await node.initialise();
    return node;
  }

  /** A machine without data whose PostgreSQL will use that port. */
  static async prepare(stanza: string, port = 5432): Promise<RestorableNode> {
    const { root, folder } = await makeNodeFolder(stanza, { port, retentionFull: 4 });
    const node = new RestorableNode(root, folder, stanza);
    for (const name of ['restore', 'follow_leader']) node.copyIn(join(programs, name), name);
    return node;
  }

  /** Runs a command of the restore program. */
  restore(command: string, ...rest: string[]): Promise<Ran> {
    return this.run(['python3', '-s', '/srv/restore', command, '/srv/data', ...rest]);
  }
}
