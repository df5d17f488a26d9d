/** Pages of long lists: how many items, and where to go on. */
import Type from "typebox";
import { ApiError } from "./problems.ts";

const usual = 100;
const most = 1_000;

export const PageQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: most, description: `${usual} unless told.` })),
  after: Type.Optional(Type.String({ maxLength: 40, description: "`next` of the page before." })),
});

export function pageSize(limit: number | undefined): number {
  return limit ?? usual;
}

/** The place of an item in a list that is of one version of the plan. */
export function placeAt(version: number, position: number): string {
  return `${version}.${position}`;
}

/**
 * Where to go on in such a list; from the beginning without a text.
 * @throws ApiError where the plan is another one by now, and with it the list.
 */
export function placeIn(version: number, after: string | undefined): number {
  if (after === undefined) return 0;
  const [, plan, position] = /^([0-9]{1,15})\.([0-9]{1,15})$/.exec(after) ?? [];
  if (plan !== undefined && Number(plan) !== version)
    throw new ApiError(409, "plan-changed", "there is another plan by now", "Begin again without `after`.");
  return positionOf(position ?? after);
}

/** The id after which to go on; from the beginning without a text. */
export function positionOf(after: string | undefined): number {
  if (after === undefined) return 0;
  const position = /^[0-9]{1,15}$/.test(after) ? Number(after) : Number.NaN;
  if (Number.isNaN(position))
    throw new ApiError(
      400,
      "bad-page",
      `${JSON.stringify(after)} is no place to go on from`,
      "Use `next` of the page before.",
    );
  return position;
}
