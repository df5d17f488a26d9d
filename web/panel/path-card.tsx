/** One path: verdict and reason, the sentence, what both ends saw, what to do, and the command. */
import type { ComponentChildren } from "preact";
import type { PathDetail, PathState } from "../../shared/api.ts";
import type { PastPath } from "../model/past-paths.ts";
import { momentText, spanText } from "../model/times.ts";
import { Copied } from "../parts/copied.tsx";
import { VerdictMark } from "../parts/verdict-mark.tsx";
import { farFacts, nearFacts, type Fact } from "./facts.ts";

export function PathCard({ detail, isOpen }: { detail: PathDetail; isOpen: boolean }) {
  const { path, says, remedy, evidence, command } = detail;
  const since = Date.parse(path.since);
  return (
    <Card path={path} isOpen={isOpen}>
      <p>{says}</p>
      {remedy !== null && <p class="remedy">{remedy}</p>}
      <Ends path={path} evidence={evidence} />
      <dl class="facts">
        <dt>since</dt>
        <dd>
          {momentText(since, Date.now())} ({spanText(Date.now() - since)}){path.isFlapping && ", flapping"}
        </dd>
        {path.checked !== null && (
          <>
            <dt>probed</dt>
            <dd>{momentText(Date.parse(path.checked), Date.now())}</dd>
          </>
        )}
        <dt>required by</dt>
        <dd>
          {path.spec}, {path.doc}
        </dd>
      </dl>
      <Copied text={command} label={`On ${path.from}`} />
    </Card>
  );
}

/** The same of an earlier moment, as far as the history has it. */
export function PastCard({ past: { path, evidence, since }, isOpen }: { past: PastPath; isOpen: boolean }) {
  return (
    <Card path={path} isOpen={isOpen}>
      {evidence !== null && <Ends path={path} evidence={evidence} />}
      <dl class="facts">
        <dt>since</dt>
        <dd>
          {since === undefined
            ? "before the first change that the history has"
            : momentText(Date.parse(since), Date.now())}
        </dd>
        <dt>required by</dt>
        <dd>
          {path.spec}, {path.doc}
        </dd>
      </dl>
    </Card>
  );
}

function Card({ path, isOpen, children }: { path: PathState; isOpen: boolean; children: ComponentChildren }) {
  return (
    <details class={`path is-${path.verdict}`} open={isOpen}>
      <summary>
        <VerdictMark verdict={path.verdict} /> <strong>{path.flow}</strong> {path.transport}/{path.ports}{" "}
        <span class="reason">{path.reason}</span>
      </summary>
      {children}
    </details>
  );
}

function Ends({ path, evidence }: { path: PathState; evidence: PathDetail["evidence"] }) {
  return (
    <div class="ends">
      <Facts title={`${path.from} saw`} facts={nearFacts(evidence.source)} />
      <Facts title={`${path.to} saw`} facts={farFacts(evidence.target)} />
    </div>
  );
}

function Facts({ title, facts }: { title: string; facts: readonly Fact[] }) {
  if (facts.length === 0) return null;
  return (
    <section>
      <h4>{title}</h4>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <>
            <dt key={`${name}:`}>{name}</dt>
            <dd key={name}>{value}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}
