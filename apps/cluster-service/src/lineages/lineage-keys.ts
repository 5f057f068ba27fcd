import { Injectable } from '@nestjs/common';
import type { LineageEntity } from '../persistence/lineage.entity';
import { generatePassword } from '../secrets/cluster-secrets';
import { SecretBox } from '../secrets/secret-box';

/** Before each lineage had a key of its own a cluster had one for all: those are sealed like this, and are still opened. */
const context = (clusterId: string): string => `${clusterId}/backup_cipher`;

/** What lineages are encrypted with in the store: a key for each, which goes with it. */
@Injectable()
export class LineageKeys {
  constructor(private readonly box: SecretBox) {}

  /** A new one, sealed, for a lineage that the cluster writes. */
  make(clusterId: string): Buffer {
    return this.box.seal(generatePassword(), context(clusterId));
  }

  /** null: the key was destroyed, what is encrypted with it cannot be read any more. */
  open({ clusterId, sealedKey }: Pick<LineageEntity, 'clusterId' | 'sealedKey'>): string | null {
    return sealedKey && this.box.open(sealedKey, context(clusterId));
  }
}
