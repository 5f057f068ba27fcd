import { z } from 'zod';

/** A page of a list, newest first. `next` is the value of `before` for the next page, null on the last page. */
export const pageOf = <Item extends z.ZodType>(item: Item, id: string) =>
  z
    .object({
      items: z.array(item),
      next: z
        .string()
        .nullable()
        .meta({ description: 'value of `before` for the next page; null on the last page', example: null }),
    })
    .meta({ id });

export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: z
    .string()
    .regex(/^[a-z]{2,3}_[0-9a-f-]{36}$/, 'must be the id of the last item on the previous page')
    .optional(),
});
export type PageQuery = z.infer<typeof PageQuery>;
