import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config';
import { Lineages } from '../lineages/lineages';
import { ClusterSecrets } from './cluster-secrets';

/**
 * The secrets that a cluster's playbook needs, by name: the cluster's own, the key to the object store, and as `lineage:<stanza>`
 * the keys to the lineages that it may read.
 */
@Injectable()
export class JobSecrets {
  constructor(
    private readonly secrets: ClusterSecrets,
    private readonly lineages: Lineages,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async of(clusterId: string): Promise<Record<string, string>> {
    const keys = await this.lineages.keys(clusterId);
    return {
      ...(await this.secrets.reveal(clusterId)),
      ...Object.fromEntries([...keys].map(([stanza, key]) => [`lineage:${stanza}`, key])),
      s3_key: this.config.PGFLEET_S3_KEY,
      s3_secret: this.config.PGFLEET_S3_SECRET,
    };
  }
}
