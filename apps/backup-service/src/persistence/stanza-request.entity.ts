import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Which operation of this service answers a request: a repeated request gets the same one. */
@Entity('stanza_request')
export class StanzaRequestEntity {
  /** The requesting operation of another service. */
  @PrimaryColumn('text', { name: 'requested_by' }) requestedBy!: string;
  @PrimaryColumn('text') kind!: string;
  @Column('text') stanza!: string;
  @Column('text', { name: 'operation_id' }) operationId!: string;
}
