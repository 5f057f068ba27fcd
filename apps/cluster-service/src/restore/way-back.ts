import { Injectable } from '@nestjs/common';
import { again, fail, next, Outcome, type StepContext } from '@pgfleet/operations';
import { isWhole } from '../clusters/cluster-view';
import { ClusterControl } from '../failover/cluster-control';
import { Failure } from '../programs/explain-failed-job';
import { driveJobWhereReached, lostSoFar, noteLost } from './lost-machines';
import { resumeJob, stopJob, type RestoreSite } from './restore-jobs';

/** For the members to find each other again. */
const wholeMs = 120_000;

/** What an operator does by hand when no step can continue; docs/operations.md explains it. */
export const breakGlass = (remedy: string): string =>
  `${remedy} If it cannot be retried: POST /clusters/:id/restore/undo, or by hand docs/operations.md, "Break glass: a restore that can go neither forward nor back".`;

/**
 * Leads from a standstill back to the cluster as it was. Until the restored data lead, only the previous data have been written.
 * So every node that answers has data of one history, those nodes are enough, and Patroni elects among them as after any
 * failover.
 */
@Injectable()
export class WayBack {
  constructor(private readonly control: ClusterControl) {}

  /** Deletes what was restored on its node and puts the set-aside data back; stops every node that answers. */
  async putBack(context: StepContext<unknown>, site: RestoreSite): Promise<Outcome> {
    const ran = await driveJobWhereReached(context, [], () => stopJob(site, [], 'put-back', 'discard'));
    if (ran instanceof Failure) return fail(ran.cause, breakGlass(ran.remedy));
    if (ran instanceof Outcome) return ran;
    if (ran.lost.length < site.parts.cluster.nodes) {
      await noteLost(context, ran);
      return next(ran);
    }
    return fail(
      'No node of the cluster answers over ssh.',
      breakGlass('Bring the machines back (power, network, ssh), then retry the operation.'),
    );
  }

  /** Lets the nodes that answer serve again. Returns null once they do. */
  async startAgain(context: StepContext<unknown>, site: RestoreSite): Promise<Outcome | null> {
    const { cluster, members } = site.parts;
    const lost = lostSoFar(context.results);
    const ran = await driveJobWhereReached(context, [], async () => {
      await this.control.releaseLead(cluster.id);
      return resumeJob(site, lost);
    });
    if (ran instanceof Failure) return fail(ran.cause, breakGlass(ran.remedy));
    if (ran instanceof Outcome) return ran;
    const waited = Date.now() - context.stepStartedAt.getTime();
    const away = new Set([...lost, ...ran.lost]);
    const awaited = members.filter(({ name }) => !away.has(name));
    const whole = isWhole({ leader: cluster.leader, nodes: cluster.nodes - away.size }, awaited);
    if (!whole && waited < wholeMs) return again(500);
    if (cluster.leader !== null) return null;
    return fail(
      'What was there before is back, but no member leads.',
      breakGlass('Look at the journal of patroni on the machines, then retry the operation.'),
    );
  }
}
