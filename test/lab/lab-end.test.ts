/** What is left when a lab ends, in good order or not: nothing. */
import t from "tap";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Lab } from "./lab.ts";
import { requireLab } from "./requires.ts";

const hosts = [{ name: "n1", zone: "a" }];
const labFile = JSON.stringify(new URL("lab.ts", import.meta.url).href);

/** A dead process stays in the table until its parent, for orphans the system's first process, asks for it. */
function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

/** The first line that a child prints, as a number. */
async function firstNumber(output: NodeJS.ReadableStream): Promise<number> {
  const [line] = (await once(output, "data")) as [Buffer];
  return Number(line.toString().trim());
}

t.test("disposing ends the processes, also those they started, and removes the namespaces", async (t) => {
  const lab = await Lab.create({ hosts });
  const host = lab.host("n1");
  const child = host.spawn("sh", ["-c", "setsid sleep 60 & echo $!; wait"]);
  const grandchild = await firstNumber(child.stdout!);
  const fault = await lab.fault({ at: "n1", hook: "input", transport: "tcp", action: "drop" });
  const down = await lab.linkDown("n1");
  t.ok(isAlive(child.pid!) && isAlive(grandchild));
  host.writeEtc("resolv.conf", "nameserver 192.0.2.53\n");
  t.equal(await host.run("cat", ["/etc/resolv.conf"]), "nameserver 192.0.2.53\n");
  await Promise.all([lab[Symbol.asyncDispose](), lab[Symbol.asyncDispose]()]);
  t.equal(child.signalCode, "SIGTERM");
  t.notOk(isAlive(child.pid!) || isAlive(grandchild));
  const left = readdirSync("/run/netns");
  t.notOk(left.includes(host.namespace) || left.includes(lab.router.namespace));
  t.notOk(existsSync(`/etc/netns/${host.namespace}`));
  await t.resolves(fault[Symbol.asyncDispose](), "what went with the lab may be disposed of afterwards");
  await t.resolves(Promise.resolve(down[Symbol.asyncDispose]()));
});

t.test("signals reach the command itself", async (t) => {
  await using lab = await Lab.create({ hosts });
  const child = lab
    .host("n1")
    .spawn(process.execPath, ["-e", "console.log(process.pid); setTimeout(() => {}, 60000)"]);
  t.equal(await firstNumber(child.stdout!), child.pid);
  child.kill("SIGKILL");
  t.strictSame(await once(child, "exit"), [null, "SIGKILL"]);
});

t.test("a lab whose process was killed is swept by the next one", async (t) => {
  await using lab = await Lab.create({ hosts });
  const script = `
    const { Lab } = await import(${labFile});
    const lab = await Lab.create({ hosts: ${JSON.stringify(hosts)} });
    lab.host("n1").writeEtc("resolv.conf", "");
    const sleeper = lab.host("n1").spawn("sleep", ["60"]);
    await new Promise((resolve) => sleeper.once("spawn", resolve));
    console.log(sleeper.pid);
    setTimeout(() => {}, 60_000);
  `;
  const args = ["--input-type=module", "-e", script];
  const owner = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => owner.kill("SIGKILL"));
  const sleeper = await firstNumber(owner.stdout);
  const isOwners = (name: string): boolean => name.startsWith(`pm${owner.pid}-`);
  t.equal(readdirSync("/run/netns").filter(isOwners).length, 2);
  t.equal(readdirSync("/etc/netns").filter(isOwners).length, 1);
  owner.kill("SIGKILL");
  await once(owner, "exit");
  await using _next = await Lab.create({ hosts });
  for (const folder of ["/run/netns", "/etc/netns"]) t.strictSame(readdirSync(folder).filter(isOwners), []);
  t.notOk(isAlive(sleeper));
  t.ok(readdirSync("/run/netns").includes(lab.host("n1").namespace), "labs of the living stay");
});

t.test("mistakes are told at once, with what there is", async (t) => {
  await using lab = await Lab.create({ hosts });
  t.throws(() => lab.host("n9"), { message: "the lab has no host n9; it has n1" });
  const rule = { at: "n1", hook: "input", transport: "tcp", action: "drop" } as const;
  t.throws(() => lab.fault({ ...rule, from: { zone: "z" } }), { message: "the lab has no zone z; it has a" });
  t.throws(() => lab.loss("n1", 2), { message: "loss is a ratio from 0.0001 to 1; found 2" });
  await t.rejects(lab.fault({ ...rule, ports: "http:" }), { message: /syntax error/ });
  await t.rejects(lab.host("n1").run("false"), { message: /netns exec \S+-n1 false: Command failed/ });
  await t.rejects(lab.host("n1").run("sleep", ["9"], { timeoutMs: 50 }), {
    message: /took longer than 50 ms/,
  });
  await t.rejects(Lab.create({ hosts: [...hosts, ...hosts] }), { message: "n1 is taken" });
});

t.test("a machine that cannot hold a lab is told what to do", async (t) => {
  const path = process.env["PATH"];
  t.teardown(() => (process.env["PATH"] = path));
  process.env["PATH"] = t.testdir({});
  t.throws(requireLab, { message: "The lab needs ip and nft. Next: sudo sh bin/system-tools" });
});
