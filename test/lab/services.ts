/** Real services on a host of a lab, with logs that say more than usual: nginx, PostgreSQL and dnsmasq. */
import {
  chmodSync,
  chownSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority } from "../../coordinator/authority.ts";
import type { Host } from "./host.ts";
import { createKeyPair } from "../../shared/key-pair.ts";

/** Debian's user of nobody and nothing; PostgreSQL refuses to run as root. */
const nobody = 65_534;

export class Services implements AsyncDisposable {
  readonly #host: Host;
  readonly #folder = mkdtempSync(join(tmpdir(), "portmesh-services-"));
  readonly #stops: (() => Promise<unknown>)[] = [];

  private constructor(host: Host) {
    this.#host = host;
    chmodSync(this.#folder, 0o755);
  }

  /** Resolves when all of them listen, on every address of the host and both families. */
  static async start(host: Host): Promise<Services> {
    const services = new Services(host);
    try {
      await services.#certify();
      await services.#startNginx();
      await services.#startPostgres();
      await services.#startDnsmasq();
      return services;
    } catch (error) {
      await services[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The lines that a service has written since its start. */
  log(service: "nginx" | "access" | "postgres" | "postgres-tls" | "dnsmasq"): string[] {
    return readFileSync(this.#path(`${service}.log`), "utf8")
      .split("\n")
      .filter((line) => line !== "");
  }

  async stopNginx(): Promise<void> {
    const pid = Number(readFileSync(this.#path("nginx.pid"), "utf8"));
    await this.#nginx("-s", "quit");
    // It ends by itself, after its workers.
    await this.#host.run("tail", ["--pid", `${pid}`, "-f", "/dev/null"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#stops.map((stop) => stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  /** A certificate of an authority that nobody knows. */
  async #certify(): Promise<void> {
    const authority = await Authority.create(new Date());
    const { publicKey, privateKey } = createKeyPair();
    writeFileSync(this.#path("authority.pem"), authority.certificatePem);
    writeFileSync(this.#path("cert.pem"), await authority.certify(publicKey, "product.example", new Date()));
    writeFileSync(this.#path("key.pem"), privateKey, { mode: 0o600 });
    chownSync(this.#path("key.pem"), nobody, nobody);
  }

  /** 8080 and 8081 in the clear, 8443 with TLS, 8444 with client certificates. */
  async #startNginx(): Promise<void> {
    const server = (port: number, rest: string): string => {
      const ssl = rest === "" ? "" : " ssl";
      return `server { listen ${port}${ssl}; listen [::]:${port}${ssl} ipv6only=on; ${rest} location / { return 204; } }`;
    };
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (kind) => `${kind}_temp_path ${this.#path(kind)};`,
    );
    writeFileSync(
      this.#path("nginx.conf"),
      `user nobody nogroup; worker_processes 1; pid ${this.#path("nginx.pid")};
error_log ${this.#path("nginx.log")} info;
events { worker_connections 64; }
http { access_log ${this.#path("access.log")}; ${temporary.join(" ")}
ssl_certificate ${this.#path("cert.pem")}; ssl_certificate_key ${this.#path("key.pem")};
${server(8080, "")} ${server(8081, "")} ${server(8443, "ssl_protocols TLSv1.2 TLSv1.3;")}
${server(8444, `ssl_verify_client on; ssl_client_certificate ${this.#path("authority.pem")};`)} }`,
    );
    this.#stops.push(() => this.#nginx("-s", "stop"));
    await this.#nginx();
  }

  #nginx(...args: string[]): Promise<string> {
    const log = this.#path("nginx.log");
    return this.#host.run("nginx", ["-p", this.#folder, "-e", log, "-c", this.#path("nginx.conf"), ...args]);
  }

  /** 5432 without TLS, 5433 with. */
  async #startPostgres(): Promise<void> {
    const [programs] = globSync("/usr/lib/postgresql/*/bin").toSorted();
    if (programs === undefined) throw new Error("PostgreSQL is missing. Next: sudo sh bin/system-tools");
    const asNobody = (program: string, args: readonly string[]): Promise<string> => {
      const user = ["--reuid", `${nobody}`, "--regid", `${nobody}`, "--clear-groups"];
      return this.#host.run("setpriv", [...user, join(programs, program), ...args], {
        timeoutMs: 60_000,
        cwd: this.#folder,
      });
    };
    mkdirSync(this.#path("pg"));
    chownSync(this.#path("pg"), nobody, nobody);
    const data = this.#path("pg/plain");
    await asNobody("initdb", ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--no-locale"]);
    const secured = this.#path("pg/tls");
    cpSync(data, secured, { recursive: true });
    await this.#host.run("chown", ["-R", `${nobody}:${nobody}`, secured]);
    const start = async (folder: string, name: string, settings: readonly string[]): Promise<void> => {
      const log = this.#path(`${name}.log`);
      writeFileSync(log, "");
      chownSync(log, nobody, nobody);
      const common = ["listen_addresses=*", `unix_socket_directories=${this.#path("pg")}`, "fsync=off"];
      const talkative = ["log_min_messages=debug1", "log_connections=on", "log_disconnections=on"];
      const options = [...common, ...talkative, ...settings].map((setting) => `-c ${setting}`).join(" ");
      this.#stops.push(() => asNobody("pg_ctl", ["-D", folder, "-m", "immediate", "-w", "stop"]));
      await asNobody("pg_ctl", ["-D", folder, "-l", log, "-o", options, "-w", "start"]);
    };
    await start(data, "postgres", ["port=5432"]);
    const files = [`ssl_cert_file=${this.#path("cert.pem")}`, `ssl_key_file=${this.#path("key.pem")}`];
    await start(secured, "postgres-tls", ["port=5433", "ssl=on", ...files]);
  }

  /** 53 over UDP and TCP. */
  async #startDnsmasq(): Promise<void> {
    const pid = this.#path("dnsmasq.pid");
    this.#stops.push(async () => process.kill(Number(readFileSync(pid, "utf8"))));
    const names = ["--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--local=/#/"];
    const logs = ["--log-queries", `--log-facility=${this.#path("dnsmasq.log")}`];
    await this.#host.run("dnsmasq", [...names, ...logs, "--user=nobody", `--pid-file=${pid}`]);
  }
}
