import t from "tap";
import { PortmeshError } from "../../shared/errors.ts";
import { formatJoinString, parseJoinString, type JoinString } from "../../shared/join-string.ts";

const join: JoinString = {
  cluster: "prod",
  addresses: ["10.0.0.1:7411", "[fd00::1]:7411"],
  pin: "pin-of-the-authority",
  token: "secret-token",
};

/** A join string with any content. */
const encode = (value: unknown): string => `pmj1.${Buffer.from(JSON.stringify(value)).toString("base64url")}`;

function refusal(text: string): PortmeshError {
  try {
    parseJoinString(text);
  } catch (error) {
    if (error instanceof PortmeshError) return error;
    throw error;
  }
  throw new Error(`${text} was read`);
}

t.test("what the coordinator writes the agent reads", async (t) => {
  t.strictSame(parseJoinString(formatJoinString(join)), join);
  t.strictSame(parseJoinString(formatJoinString({ ...join, cluster: "Ünï ☂" })).cluster, "Ünï ☂");
});

t.test("relays are kept; without any the text is as short as before", async (t) => {
  const relays = ["10.0.0.1:443", "[fd00::2]:8443"];
  t.strictSame(parseJoinString(formatJoinString({ ...join, relays })), { ...join, relays });
  t.equal(formatJoinString({ ...join, relays: [] }), formatJoinString(join));
});

t.test("a join string is one word of text that can be pasted anywhere", async (t) => {
  t.match(formatJoinString(join), /^pmj1\.[A-Za-z0-9_-]+$/);
});

t.test("blanks and line ends around it do no harm", async (t) => {
  t.strictSame(parseJoinString(`  ${formatJoinString(join)}\r\n`), join);
});

t.test("what cannot be read is refused with the reason", async (t) => {
  const text = formatJoinString(join);
  const cases: [text: string, why: string][] = [
    ["", "it does not begin with pmj1."],
    ["pmj2.abc", "it does not begin with pmj1."],
    [`PORTMESH ${text}`, "it does not begin with pmj1."],
    ["pmj1.", "it is cut off or altered"],
    [text.slice(0, -8), "it is cut off or altered"],
    ["pmj1.!!!!", "it is cut off or altered"],
    [encode(null), "a part is missing"],
    [encode(5), "a part is missing"],
    [encode([]), "a part is missing"],
    [encode({ c: "prod", a: ["10.0.0.1:7411"], p: "pin" }), "a part is missing"],
    [encode({ c: "prod", a: [], p: "pin", t: "token" }), "a part is missing"],
    [encode({ c: "prod", a: "10.0.0.1:7411", p: "pin", t: "token" }), "a part is missing"],
    [encode({ c: "prod", a: [7411], p: "pin", t: "token" }), "a part is missing"],
    [encode({ c: "prod", a: ["10.0.0.1:7411"], p: "", t: "token" }), "a part is missing"],
    [encode({ c: "prod", a: ["a:1"], p: "pin", t: "token", r: "b:1" }), "its relays make no sense"],
    [encode({ c: "prod", a: ["a:1"], p: "pin", t: "token", r: [1] }), "its relays make no sense"],
    [
      encode({ c: "prod", a: ["a:1"], p: "pin", t: "token", r: Array.from({ length: 17 }, () => "b:1") }),
      "its relays make no sense",
    ],
    [encode({ c: 1, a: ["10.0.0.1:7411"], p: "pin", t: "token" }), "a part is missing"],
  ];
  for (const [bad, why] of cases) {
    const error = refusal(bad);
    t.equal(error.message, `the join string cannot be read: ${why}`, JSON.stringify(bad));
    t.equal(error.exitCode, 2);
    t.equal(error.next, "Copy the whole line that the coordinator wrote to its join file.");
  }
});

t.test("a refusal does not repeat the secret", async (t) => {
  const bad = encode({ c: "prod", a: [], p: "pin", t: "secret-token" });
  const error = refusal(bad);
  const told = `${error.message} ${error.next} ${String(error.cause)}`;
  t.notMatch(told, /secret-token/);
  t.notOk(told.includes(bad));
});
