import { Controller } from '@nestjs/common';
import {
  createUser,
  deleteUser,
  getUser,
  listUsers,
  updateUser,
  type ParsedInput,
  type RequestOutput,
} from '@pgfleet/contracts';
import { OnRequest } from '@pgfleet/messaging';
import { Users } from './users';

@Controller()
export class UsersController {
  constructor(private readonly users: Users) {}

  @OnRequest(createUser)
  create({ user, idempotency }: ParsedInput<typeof createUser>): Promise<RequestOutput<typeof createUser>> {
    return this.users.create(user, idempotency);
  }

  @OnRequest(listUsers)
  list(query: ParsedInput<typeof listUsers>): Promise<RequestOutput<typeof listUsers>> {
    return this.users.list(query);
  }

  @OnRequest(getUser)
  get({ userId }: ParsedInput<typeof getUser>): Promise<RequestOutput<typeof getUser>> {
    return this.users.get(userId);
  }

  @OnRequest(updateUser)
  update({ userId, change }: ParsedInput<typeof updateUser>): Promise<RequestOutput<typeof updateUser>> {
    return this.users.update(userId, change);
  }

  @OnRequest(deleteUser)
  async delete({ userId }: ParsedInput<typeof deleteUser>): Promise<RequestOutput<typeof deleteUser>> {
    await this.users.delete(userId);
    return {};
  }
}
