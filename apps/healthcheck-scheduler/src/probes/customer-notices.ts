export interface Customer {
  database: string;
  user: string;
}

/** The customer's role and database in PostgreSQL's catalogs. Fields are null if the role or database does not exist. */
export interface CustomerFacts {
  mayLogIn: boolean | null;
  roleLimit: number | null;
  databaseLimit: number | null;
  mayConnect: boolean | null;
  /** `default_transaction_read_only` of the role's sessions, e.g. `on`; null for PostgreSQL's default. */
  readOnly: string | null;
}

/**
 * Reads only shared catalogs, so it works in every database and for every role. A setting for role and database takes precedence over
 * one for the role, which takes precedence over one for the database. $1: the database, $2: the role.
 */
export const factsQuery = `
  select (select rolcanlogin and (rolvaliduntil is null or rolvaliduntil > now()) from pg_roles where rolname = $2) as "mayLogIn",
         (select rolconnlimit from pg_roles where rolname = $2) as "roleLimit",
         (select datconnlimit from pg_database where datname = $1) as "databaseLimit",
         (select has_database_privilege(r.oid, d.oid, 'CONNECT')
          from pg_roles r, pg_database d where r.rolname = $2 and d.datname = $1) as "mayConnect",
         (select split_part(setting, '=', 2)
          from pg_db_role_setting s
          left join pg_roles r on r.oid = s.setrole
          left join pg_database d on d.oid = s.setdatabase
          cross join unnest(s.setconfig) as setting
          where setting like 'default_transaction_read_only=%'
            and (s.setrole = 0 or r.rolname = $2) and (s.setdatabase = 0 or d.datname = $1)
          order by s.setrole = 0, s.setdatabase = 0 limit 1) as "readOnly"`;

/** Describes the changes for the customer. Does not cover passwords: see GET /clusters/:id/credentials. */
export const customerNotices = (
  { mayLogIn, roleLimit, databaseLimit, mayConnect, readOnly }: CustomerFacts,
  { database, user }: Customer,
): string[] => [
  ...(mayLogIn === null ? [`The role ${user} is gone.`] : []),
  ...(databaseLimit === null ? [`The database ${database} is gone.`] : []),
  ...(mayLogIn === false ? [`The role ${user} may not log in.`] : []),
  ...(mayConnect === false
    ? [`The role ${user} may not connect to the database ${database}: CONNECT was revoked.`]
    : []),
  ...(roleLimit !== null && roleLimit >= 0
    ? [`The role ${user} has a connection limit of ${roleLimit}.`]
    : []),
  ...(databaseLimit !== null && databaseLimit >= 0
    ? [`The database ${database} has a connection limit of ${databaseLimit}.`]
    : []),
  ...(readOnly !== null && /^(on|true|yes|1)$/i.test(readOnly)
    ? [`Transactions of the role ${user} begin read-only: default_transaction_read_only is set.`]
    : []),
];
