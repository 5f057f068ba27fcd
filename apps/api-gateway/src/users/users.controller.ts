import { Controller } from '@nestjs/common';
import {
  createUser,
  deleteUser,
  getUser,
  getUserById,
  getUsers,
  listUsers,
  postUser,
  putUser,
  removeUser,
  updateUser,
} from '@pgfleet/contracts';
import { Requester } from '@pgfleet/messaging';
import { Endpoint } from '../endpoint/endpoint.decorator';
import { Input, type RequestOf } from '../endpoint/input';

@Controller()
export class UsersController {
  constructor(private readonly requester: Requester) {}

  @Endpoint(postUser)
  create(@Input() { body, idempotency }: RequestOf<typeof postUser>) {
    return this.requester.ask(createUser, { user: body, idempotency });
  }

  @Endpoint(getUsers)
  list(@Input() { query }: RequestOf<typeof getUsers>) {
    return this.requester.ask(listUsers, query);
  }

  @Endpoint(getUserById)
  get(@Input() { params }: RequestOf<typeof getUserById>) {
    return this.requester.ask(getUser, params);
  }

  @Endpoint(putUser)
  update(@Input() { params, body }: RequestOf<typeof putUser>) {
    return this.requester.ask(updateUser, { ...params, change: body });
  }

  @Endpoint(removeUser)
  async delete(@Input() { params }: RequestOf<typeof removeUser>) {
    await this.requester.ask(deleteUser, params);
  }
}
