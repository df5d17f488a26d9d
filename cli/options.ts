/** Parsers for option values; a bad one is a usage error that names what is allowed. */
import { InvalidArgumentError, Option } from "commander";
import { parseHost } from "../shared/addresses.ts";
import { parseDuration } from "../shared/duration.ts";
import { skippable, type CheckPhase, type Skippable } from "../shared/names.ts";
import { failOnWords, type FailOn } from "../shared/exit-code.ts";

export function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined)
    throw new InvalidArgumentError("Must be a duration with its unit, such as 500ms, 30s or 5m.");
  return ms;
}

/** Where a coordinator that watches has its dashboard, API and metrics unless it is told otherwise. */
export const dashboardPort = 7718;

/** An option that takes a duration; the default is shown as it would be written. */
export function durationOption(flags: string, description: string, fallback: string): Option {
  return new Option(flags, description).argParser(durationMs).default(durationMs(fallback), fallback);
}

/** `HOST:PORT`, `[v6]:PORT` or `:PORT`. */
export function listenAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:\s[\]]*)):([0-9]{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535)
    throw new InvalidArgumentError("Must be HOST:PORT, [IPv6]:PORT or :PORT, with a port up to 65535.");
  return { host: match[1] ?? (match[2] === "" ? "0.0.0.0" : match[2]!), port };
}

/** How agents reach a coordinator. */
export interface AccessFlags {
  listen: ReturnType<typeof listenAddress>;
  advertise?: string[];
  joinFile: string;
}

export function listenOption(): Option {
  return new Option("--listen <host:port>", "where agents reach this coordinator")
    .argParser(listenAddress)
    .default({ host: "0.0.0.0", port: 7717 }, "0.0.0.0:7717");
}

export function advertiseOption(): Option {
  const description = "names or addresses to write into the join string, by commas";
  return new Option("--advertise <hosts>", description).argParser(hostList);
}

export function joinFileOption(): Option {
  const description = "where to write the join string for the agents";
  return new Option("--join-file <path>", description).default("portmesh.join");
}

export function commaList(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

/** Names or addresses, at least one. */
export function hostList(text: string): string[] {
  const hosts = commaList(text);
  if (hosts.length === 0 || hosts.some((host) => !isBareHost(host)))
    throw new InvalidArgumentError("Must be host names or addresses, without ports, by commas.");
  return hosts;
}

function isBareHost(text: string): boolean {
  const host = parseHost(text);
  return host !== undefined && host.port === undefined;
}

export function certificateAndKey(text: string): string[] {
  const files = commaList(text);
  if (files.length !== 2)
    throw new InvalidArgumentError("Must be two files: that of the certificate, a comma, that of its key.");
  return files;
}

export function failOn(text: string): FailOn[] {
  const words = commaList(text);
  const wrong = words.find((word) => !failOnWords.includes(word as FailOn));
  if (wrong !== undefined || words.length === 0)
    throw new InvalidArgumentError(`Must be a list of ${failOnWords.join(", ")}.`);
  return words as FailOn[];
}

export function failOnOption(): Option {
  return new Option("--fail-on <list>", "what makes the exit code bad: fail, warn, incomplete")
    .argParser(failOn)
    .default(["fail", "incomplete"], "fail,incomplete");
}

/** A running cluster's links are not filled unless somebody asks for it. */
export function leftOut({ skip, phase, bandwidth }: SkipFlags): Skippable[] {
  const isFilled = phase === "install" || bandwidth === true;
  return isFilled ? skip : [...new Set<Skippable>([...skip, "bandwidth"])];
}

export interface SkipFlags {
  skip: Skippable[];
  phase: CheckPhase;
  bandwidth?: boolean;
}

export function bandwidthOption(): Option {
  return new Option(
    "--bandwidth",
    "measure bandwidth also with --phase runtime, where that fills the links of a running product",
  );
}

export function skipOption(): Option {
  return new Option("--skip <list>", `what to leave out: ${skippable.join(", ")}`)
    .argParser(skipList)
    .default([], "nothing");
}

function skipList(text: string): Skippable[] {
  const words = commaList(text);
  const wrong = words.find((word) => !skippable.includes(word as Skippable));
  if (wrong !== undefined || words.length === 0)
    throw new InvalidArgumentError(`Must be a list of ${skippable.join(", ")}.`);
  return words as Skippable[];
}

export function wholeNumber(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^[0-9]+$/.test(text) || number < minimum || number > maximum) {
      throw new InvalidArgumentError(`Must be a whole number from ${minimum} to ${maximum}.`);
    }
    return number;
  };
}
