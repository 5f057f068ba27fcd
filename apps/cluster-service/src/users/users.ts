import { Injectable } from '@nestjs/common';
import {
  conflict,
  newId,
  notFound,
  userCreated,
  userDeleted,
  userUpdated,
  type CreateUser,
  type Idempotency as IdempotencyInput,
  type PageQuery,
  type UpdateUser,
  type User,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { Idempotency } from '@pgfleet/operations';
import { DataSource, IsNull, LessThan, QueryFailedError, type EntityManager } from 'typeorm';
import { ClusterEntity } from '../persistence/cluster.entity';
import { UserEntity } from '../persistence/user.entity';

const view = (user: UserEntity): User => ({
  id: user.id,
  name: user.name,
  email: user.email,
  labels: user.labels,
  createdAt: user.createdAt.toISOString(),
  updatedAt: user.updatedAt.toISOString(),
});

const isEmailTaken = (error: unknown): boolean =>
  error instanceof QueryFailedError &&
  (error.driverError as { constraint?: string }).constraint === 'users_email';

/** Customers of the platform and owners of clusters. */
@Injectable()
export class Users {
  constructor(
    private readonly database: DataSource,
    private readonly outbox: Outbox,
    private readonly idempotency: Idempotency,
  ) {}

  create(input: CreateUser, key: IdempotencyInput): Promise<User> {
    return this.change((tx) =>
      this.idempotency.once(tx, key, 'create-user', async () => {
        const id = newId('usr');
        const user = await tx.save(
          tx.create(UserEntity, {
            id,
            name: input.name,
            email: input.email ?? null,
            labels: input.labels ?? {},
          }),
        );
        await this.outbox.publish(tx, userCreated, id, { userId: id, name: user.name });
        return view(user);
      }),
    );
  }

  async list({ limit, before }: PageQuery): Promise<{ items: User[]; next: string | null }> {
    const users = await this.database.manager.find(UserEntity, {
      ...(before && { where: { id: LessThan(before) } }),
      order: { id: 'DESC' },
      take: limit + 1,
    });
    const items = users.slice(0, limit).map(view);
    return { items, next: users.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  async get(userId: string): Promise<User> {
    return view(await this.find(this.database.manager, userId));
  }

  update(userId: string, change: UpdateUser): Promise<User> {
    return this.change(async (tx) => {
      const user = await this.find(tx, userId);
      if (change.name !== undefined) user.name = change.name;
      if (change.email !== undefined) user.email = change.email;
      if (change.labels !== undefined) user.labels = change.labels;
      const saved = await tx.save(user);
      await this.outbox.publish(tx, userUpdated, userId, { userId, name: saved.name });
      return view(saved);
    });
  }

  /** Refused while the user owns clusters: their data would have no owner. */
  delete(userId: string): Promise<void> {
    return this.change(async (tx) => {
      const user = await this.find(tx, userId, true);
      const owned = await tx.find(ClusterEntity, {
        where: { userId, deletedAt: IsNull() },
        order: { id: 'ASC' },
      });
      if (owned.length > 0) {
        throw conflict(
          `The user owns ${owned.length} cluster(s): ${owned.map((c) => `${c.name} (${c.id})`).join(', ')}.`,
          {
            remedy: 'Delete these clusters first, then the user.',
            extra: { clusters: owned.map(({ id, name }) => ({ id, name })) },
          },
        );
      }
      // Deleted clusters keep a row for their backups. Its reference must not keep the owner from being deleted.
      await tx.update(ClusterEntity, { userId }, { userId: null });
      await tx.delete(UserEntity, { id: userId });
      await this.outbox.publish(tx, userDeleted, userId, { userId, name: user.name });
    });
  }

  async find(tx: EntityManager, userId: string, forUpdate = false): Promise<UserEntity> {
    const user = await tx.findOne(UserEntity, {
      where: { id: userId },
      ...(forUpdate && { lock: { mode: 'pessimistic_write' as const } }),
    });
    if (!user) throw notFound(`There is no user ${userId}.`, { remedy: 'GET /users lists the users.' });
    return user;
  }

  private async change<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    try {
      return await this.database.transaction(work);
    } catch (error) {
      if (!isEmailTaken(error)) throw error;
      throw conflict('Another user has this e-mail address.', {
        remedy: 'Use another address, or change that user.',
      });
    }
  }
}
