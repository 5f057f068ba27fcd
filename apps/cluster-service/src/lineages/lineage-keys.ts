import { Injectable } from '@nestjs/common';
import type { LineageEntity } from '../persistence/lineage.entity';
import { generatePassword } from '../secrets/cluster-secrets';
import { SecretBox } from '../secrets/secret-box';

/**
 * Clusters had one key for all lineages before each lineage had its own. Those keys are sealed in this context and can still be
 * opened.
 */
const context = (clusterId: string): string => `${clusterId}/backup_cipher`;

/** The keys that lineages are encrypted with in the repository. Each lineage has its own, deleted together with the lineage. */
@Injectable()
export class LineageKeys {
  constructor(private readonly box: SecretBox) {}

  /** Creates a sealed key for a lineage that the cluster writes. */
  make(clusterId: string): Buffer {
    return this.box.seal(generatePassword(), context(clusterId));
  }

  /** Returns null if the key was destroyed: nothing encrypted with it can be read any more. */
  open({ clusterId, sealedKey }: Pick<LineageEntity, 'clusterId' | 'sealedKey'>): string | null {
    return sealedKey && this.box.open(sealedKey, context(clusterId));
  }
}
