/** What a webhook is sent: news of a watched cluster, for programs and in words. */
import Type, { type Static } from "typebox";
import { CountsSchema, FindingSchema, HappeningSchema, happenings, TransitionSchema } from "./api.ts";

const exact = { additionalProperties: false };
const Count = Type.Integer({ minimum: 0 });

/** Changes of paths; a path that is a warning, or unknown, is also told when it is so no more. */
const pathNews = ["fail", "recover", "warn", "unknown"] as const;
export type PathNews = (typeof pathNews)[number];

/** What may be told. That a message was lost is counted in the next one of the same webhook. */
export const newsKinds = [...pathNews, ...happenings.filter((kind) => kind !== "notification-lost")] as const;
export type NewsKind = (typeof newsKinds)[number];

/** What is told unless the cluster file says otherwise: what somebody has to look at, and that it is over. */
export const defaultNews: readonly NewsKind[] = [
  "fail",
  "recover",
  "stale",
  "fresh",
  "requirement",
  "name-conflict",
  "history-problem",
  "reload-failed",
];

const { id: _transition, ...transition } = TransitionSchema.properties;
const { id: _happening, ...happening } = HappeningSchema.properties;
const { from: _from, to: _to, ...finding } = FindingSchema.properties;

export const NotificationSchema = Type.Object(
  {
    apiVersion: Type.Literal("portmesh/v1"),
    kind: Type.Literal("Notification"),
    id: Type.String({ description: "The same when it is sent again; also in the header webhook-id." }),
    hook: Type.String({ description: "The name of the webhook in the cluster file." }),
    cluster: Type.String(),
    at: Type.String({ description: "RFC 3339, UTC, with milliseconds." }),
    cause: Type.Enum(["news", "repeat", "test"]),
    text: Type.String({ description: "All of it in a few lines." }),
    news: Type.Array(Type.Object({ kind: Type.Enum([...newsKinds]), count: Count }, exact), {
      description: "How much of what there is to tell, whether it is listed or not.",
    }),
    paths: { ...CountsSchema, description: "How the paths of the cluster stand now." },
    endpoints: { ...CountsSchema, description: "And the hosts outside of it, from each node." },
    transitions: Type.Array(Type.Object(transition, exact)),
    happenings: Type.Array(Type.Object(happening, exact)),
    omitted: Type.Integer({
      minimum: 0,
      description: "Transitions and happenings that are counted and not listed.",
    }),
    findings: Type.Array(Type.Object(finding, exact), {
      description: "Patterns in what fails now, those that explain most first.",
    }),
    missed: Type.Integer({
      minimum: 0,
      description: "Messages before this one that could not be delivered.",
    }),
  },
  { ...exact, title: "Portmesh notification" },
);
export type Notification = Static<typeof NotificationSchema>;
export type NotifiedTransition = Notification["transitions"][number];
export type NotifiedHappening = Notification["happenings"][number];
