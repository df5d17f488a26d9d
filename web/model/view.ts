/** What is looked at, as it stands in the address of the page: whoever gets the link sees the same. */
import { verdicts, type Verdict } from "../../shared/names.ts";

export const tabs = ["matrix", "flows", "failures", "outside", "requirements"] as const;
export type Tab = (typeof tabs)[number];

export interface View {
  tab: Tab;
  spec: string | undefined;
  flow: string | undefined;
  port: number | undefined;
  verdict: Verdict | undefined;
  /** Node or pattern: `n17`, `db-*`, `db-* > web-*`. */
  node: string | undefined;
  /** The pair in the panel. */
  from: string | undefined;
  to: string | undefined;
  /** A host outside of the cluster, or the name of a requirement, that is unfolded in its list. */
  item: string | undefined;
  /** RFC 3339; now without it. */
  at: string | undefined;
  /** The moment with which `at` is compared. */
  since: string | undefined;
  /** How far back the time line goes, such as `6h`. */
  span: string | undefined;
  /** Groups that are unfolded; `*` is all of them. */
  open: readonly string[];
}

export const everything: View = {
  tab: "matrix",
  spec: undefined,
  flow: undefined,
  port: undefined,
  verdict: undefined,
  node: undefined,
  from: undefined,
  to: undefined,
  item: undefined,
  at: undefined,
  since: undefined,
  span: undefined,
  open: [],
};

const texts = ["spec", "flow", "node", "from", "to", "item", "at", "since", "span"] as const;

/** What cannot be read is left out: an old or mistyped link still shows the cluster. */
export function viewOf(search: string): View {
  const query = new URLSearchParams(search);
  const view: View = { ...everything, open: query.getAll("open") };
  for (const name of texts) view[name] = query.get(name) || undefined;
  view.tab = tabs.find((tab) => tab === query.get("tab")) ?? "matrix";
  view.verdict = verdicts.find((verdict) => verdict === query.get("verdict"));
  const port = Number(query.get("port"));
  view.port = Number.isInteger(port) && port >= 1 && port <= 65535 ? port : undefined;
  for (const moment of ["at", "since"] as const)
    if (Number.isNaN(Date.parse(view[moment] ?? ""))) view[moment] = undefined;
  return view;
}

/** `?flow=etcd&from=n3&to=n1`, or nothing where everything is as at first. */
export function searchOf(view: View): string {
  const query = new URLSearchParams();
  if (view.tab !== "matrix") query.set("tab", view.tab);
  for (const name of texts) if (view[name] !== undefined) query.set(name, view[name]);
  if (view.port !== undefined) query.set("port", `${view.port}`);
  if (view.verdict !== undefined) query.set("verdict", view.verdict);
  for (const group of view.open) query.append("open", group);
  const search = query.toString();
  return search === "" ? "" : `?${search}`;
}
