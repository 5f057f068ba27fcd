import type { EntityManager } from 'typeorm';

interface Queryable {
  query(sql: string, parameters?: unknown[]): Promise<unknown>;
}

/** Runs any statement and returns its rows. (TypeORM wraps the rows of UPDATE and DELETE in another array.) */
export const rows = async <Row>(
  database: Queryable | EntityManager,
  sql: string,
  parameters: unknown[] = [],
): Promise<Row[]> => {
  const result = (await database.query(sql, parameters)) as Row[] | [Row[], number];
  const wrapped = result.length === 2 && Array.isArray(result[0]) && typeof result[1] === 'number';
  return wrapped ? (result[0] as Row[]) : (result as Row[]);
};
