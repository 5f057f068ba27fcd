import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Which operation of ours answers a request: who asks again gets the same. */
@Entity('stanza_request')
export class StanzaRequestEntity {
  /** The operation, of another service, that asked. */
  @PrimaryColumn('text', { name: 'requested_by' }) requestedBy!: string;
  @PrimaryColumn('text') kind!: string;
  @Column('text') stanza!: string;
  @Column('text', { name: 'operation_id' }) operationId!: string;
}
