/** The way out through proxies, as two products ask for it: what passes, and each way in which a proxy stands in it. */
import t, { type Test } from "tap";
import type { Reason } from "../../shared/names.ts";
import { LabAuthority } from "../helpers/lab-authority.ts";
import { runLabCheck, type LabCheckOptions } from "./check.ts";
import { planOf } from "./cluster.ts";
import { dantePort, startDante } from "./outside/dante.ts";
import { outsideLab } from "./outside/outside-lab.ts";
import { squidPort, startSquid } from "./outside/squid.ts";
import { startStandIns } from "./outside/stand-ins.ts";
import { startUnbound, useResolver } from "./outside/unbound.ts";

t.setTimeout(115_000);

const cluster: Pick<LabCheckOptions, "specs" | "nodes"> = {
  specs: [{ id: "anypoint-runtime-fabric", options: { region: "us" } }, { id: "dynatrace-managed" }],
  nodes: [{ name: "n1", roles: ["controller-nodes", "cluster-nodes"] }],
};
const lab = await outsideLab(t, ["n1", "proxy"], ["world"]);
const proxy = lab.host("proxy");
const authority = await LabAuthority.create("CN=Lab Public CA");
const amazon = await LabAuthority.create("CN=Amazon RSA 2048 M02, O=Amazon");
const company = await LabAuthority.create("CN=Company Inspection");
const { endpoints } = planOf(lab, cluster, "install");
const standIns = await startStandIns(lab, "world", endpoints, { authority, amazon });
t.teardown(() => standIns[Symbol.asyncDispose]());
const unknownToProxy = "kubernetes-charts.storage.googleapis.com";
const { [unknownToProxy]: _, ...names } = standIns.resolve;
const resolver = await startUnbound(lab.host("world"), { names });
t.teardown(() => resolver[Symbol.asyncDispose]());
/** The proxies resolve names; the node has nobody to ask, and no way out. */
useResolver(proxy, lab.host("world"));
useResolver(lab.host("n1"), lab.host("n1"));

const through = {
  http: `http://${proxy.address}:${squidPort}`,
  socks5: `socks5://${proxy.address}:${dantePort}`,
};
const secret = { user: "lab", password: "se:cret" };
/** Proxies with credentials, each from a file of its own. */
const withLogin = (http: string, socks5: string) => ({
  proxies: {
    http: { url: through.http, credentials: "http.secret" },
    socks5: { url: through.socks5, credentials: "socks5.secret" },
  },
  files: { "http.secret": `${http}\n`, "socks5.secret": `${socks5}\n` },
});

interface Way {
  proxies?: object;
  files?: Readonly<Record<string, string>>;
  resolve?: object;
}

/** What the rows of each way must be like, and single rows that differ from that. */
interface Wanted {
  http: object;
  socks5: object;
  rows?: Readonly<Record<string, object>>;
}

async function checkThrough(
  t: Test,
  { proxies = through, files = {}, resolve = {} }: Way,
  { rows = {}, ...ways }: Wanted,
): Promise<void> {
  const { report, exitCode } = await runLabCheck(lab, {
    ...cluster,
    control: "n1",
    skip: ["requirements"],
    outside: { proxies, resolve, trust: ["public.pem", "amazon.pem"] },
    files: {
      "public.pem": authority.certificatePem,
      "amazon.pem": amazon.certificatePem,
      "company.pem": company.certificatePem,
      ...files,
    },
  });
  t.equal(report.endpoints.length, endpoints.length);
  for (const endpoint of report.endpoints) {
    const { row, host } = endpoint;
    const route = row === "monitoring-us" ? "socks5" : "http";
    t.match(endpoint, { route, ...(rows[row] ?? ways[route]) }, `${row} ${host}`);
  }
  t.equal(exitCode, report.summary.endpoints.fail === 0 ? 0 : 3);
}

const decided = (reason: Reason, decisive: object, rest: object = {}): object => ({
  reason,
  evidence: { decisive, ...rest },
});
const served = decided("served", { tls: { trust: "declared" } });
const asking = decided("served", { status: 400, tls: { trust: "declared", requestsCertificate: true } });
const upgraded = decided("served", { exchange: "websocket", status: 101 });
const mutual = { "message-broker-us": asking, "configuration-resolver-us": asking };
const upgrading = { "mission-control-wss": upgraded };
/** Who opens TLS can say no after that, in the place of the host. */
const refusedInside = (proxyError: string | RegExp): object =>
  decided("proxy-refused", { kind: "open", phase: "answer", proxyError, tls: { trust: "inspection" } });
const unknownInside = { "kubernetes-charts": refusedInside(/^ERR_/) };
const refused = (code: RegExp, detail: RegExp): object =>
  decided("proxy-refused", { kind: "proxy-refused", phase: "proxy", code, detail });

t.test("where the proxies are the only way out", async (t) => {
  await using _wall = await lab.fault({
    at: "router",
    hook: "forward",
    from: "n1",
    to: { zone: "outside" },
    transport: "tcp",
    action: "drop",
  });

  await t.test("what they let pass and can resolve is reached", async (t) => {
    await using _squid = await startSquid(proxy, { blocked: ["anypoint.mulesoft.com"] });
    await using _dante = await startDante(proxy);
    const rows = {
      ...mutual,
      ...upgrading,
      "anypoint-platform": refused(/^403$/, /Forbidden/),
      "kubernetes-charts": refused(/^50[03]$/, /./),
    };
    await checkThrough(t, {}, { http: served, socks5: served, rows });
  });

  await t.test("who logs in is let pass, and a ruleset blocks all the same", async (t) => {
    await using _squid = await startSquid(proxy, { credentials: secret });
    await using _dante = await startDante(proxy, {
      credentials: secret,
      blocked: ["dias-ingestor-nginx.prod.cloudhub.io"],
    });
    const login = `${secret.user}:${secret.password}`;
    const rows = { ...mutual, ...upgrading, "kubernetes-charts": refused(/^50[03]$/, /./) };
    await checkThrough(t, withLogin(login, login), {
      http: served,
      socks5: refused(/./, /its rules do not allow the connection/),
      rows,
    });

    await t.test("nobody without a login", async (t) => {
      await checkThrough(
        t,
        {},
        {
          http: refused(/^407$/, /it asks for Basic/),
          socks5: refused(/^SOCKS_AUTH$/, /^it asks for a login, and the cluster file has none$/),
        },
      );
    });
    await t.test("nobody with a wrong one", async (t) => {
      await checkThrough(t, withLogin("lab:wrong", "lab:wrong"), {
        http: refused(/^407$/, /it asks for Basic/),
        socks5: refused(/^SOCKS_AUTH$/, /^it does not accept this user and password$/),
      });
    });
  });

  await t.test("proxies that are not there are told from those that refuse", async (t) => {
    await using _silence = await lab.fault({
      at: "proxy",
      hook: "input",
      transport: "tcp",
      ports: `${dantePort}`,
      action: "drop",
    });
    const atProxy = { phase: "connect", address: proxy.address, detail: /this is the proxy/ };
    await checkThrough(
      t,
      {},
      {
        http: decided("rejected", { ...atProxy, code: "ECONNREFUSED" }),
        socks5: decided("dropped", { ...atProxy, kind: "silent" }),
      },
    );
  });

  await t.test("an inspection that was agreed to is fine, but for upgrades that it strips", async (t) => {
    const passthrough = ["transport-layer.prod.cloudhub.io", "configuration-resolver.prod.cloudhub.io"];
    await using _squid = await startSquid(proxy, {
      blocked: ["anypoint.mulesoft.com"],
      inspection: { authority: company, trust: [authority, amazon], passthrough },
    });
    await using _dante = await startDante(proxy);
    const opened = decided("served", { status: 204, tls: { trust: "inspection" } });
    const rows = {
      ...mutual,
      "anypoint-platform": refusedInside("ERR_ACCESS_DENIED"),
      "mission-control-wss": decided("upgrade-refused", { status: 204, tls: { trust: "inspection" } }),
      ...unknownInside,
    };
    const proxies = { ...through, inspection: "company.pem" };
    await checkThrough(t, { proxies }, { http: opened, socks5: served, rows });
  });

  await t.test("what must stay unopened is opened by an inspection without exceptions", async (t) => {
    await using _squid = await startSquid(proxy, {
      inspection: { authority: company, trust: [authority, amazon], webSockets: true },
    });
    await using _dante = await startDante(proxy);
    const opened = decided("served", { tls: { trust: "inspection" } });
    const mustNot = decided(
      "intercepted",
      { tls: { trust: "inspection" } },
      { detail: /TLS is opened by CN=Company Inspection, and this endpoint must get it unopened/ },
    );
    const rows = {
      "message-broker-us": mustNot,
      "configuration-resolver-us": mustNot,
      ...upgrading,
      ...unknownInside,
    };
    const proxies = { ...through, inspection: "company.pem" };
    await checkThrough(t, { proxies }, { http: opened, socks5: served, rows });
  });
});

t.test("an inspection that nobody agreed to is told by what the host itself shows", async (t) => {
  useResolver(lab.host("n1"), lab.host("world"));
  await using _squid = await startSquid(proxy, {
    inspection: { authority: company, trust: [authority, amazon], webSockets: true },
  });
  await using _dante = await startDante(proxy);
  const opened = decided(
    "intercepted",
    { tls: { trust: "none" } },
    {
      detail: /issued by CN=Company Inspection, .*; without the proxy it is issued by (O=Amazon, )?CN=/,
      direct: { route: "direct", tls: { trust: "declared" } },
    },
  );
  const withoutAddress = decided("intercepted", { tls: { trust: "none" } }, { direct: undefined });
  await checkThrough(t, {}, { http: opened, socks5: served, rows: { "kubernetes-charts": withoutAddress } });
});
