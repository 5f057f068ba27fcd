import { DatabaseName, RoleName } from './fields';

const refused = (schema: typeof RoleName, name: string) => schema.safeParse(name).error?.issues[0]?.message;

describe('names of databases and roles', () => {
  it.each(['public', 'none', 'all'])('refuses the role %s, which PostgreSQL reserves', (name) => {
    expect(refused(RoleName, name)).toMatch(/is a reserved word of PostgreSQL/);
  });

  it.each(['postgres', 'rewind', 'pgbouncer', 'pgfleet_monitor', 'pgfleet_later', 'pgfleet'])(
    "refuses the role %s, which is the platform's",
    (name) => expect(refused(RoleName, name)).toMatch(/is taken by the platform/),
  );

  it.each(['pgbouncer', 'postgres', 'template1', 'pgfleet', 'replication', 'all', 'sameuser'])(
    'refuses the database %s, which nobody could reach',
    (name) => expect(refused(DatabaseName, name)).toMatch(/has a meaning of its own/),
  );

  it.each(['app', 'user', 'select', 'current_user', 'pgfleetish', '_x'])('takes %s', (name) => {
    expect(RoleName.parse(name)).toBe(name);
    expect(DatabaseName.parse(name)).toBe(name);
  });
});
