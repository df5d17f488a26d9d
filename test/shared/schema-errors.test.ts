import t from "tap";
import Type from "typebox";
import { distance, expects, pointerSteps, violationsOf } from "../../shared/schema-errors.ts";

const closed = { additionalProperties: false };
const Port = Type.Union([Type.Integer(), Type.String({ pattern: "^[0-9]+$" })], expects("a port"));
const Schema = Type.Object(
  {
    name: Type.String(),
    kind: Type.Optional(Type.Enum(["tcp", "udp"])),
    version: Type.Optional(Type.Literal(1)),
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 9 })),
    ports: Type.Optional(Type.Array(Port)),
    limits: Type.Optional(Type.Object({ rate: Type.Number() }, closed)),
    nothing: Type.Optional(Type.Object({}, closed)),
  },
  closed,
);

/** What an invalid value is told, as `pointer: message`. */
const said = (value: unknown): string[] =>
  violationsOf(Schema, value).map(({ pointer, message }) => `${pointer}: ${message}`);

t.test("a valid value has no violations", async (t) => {
  t.strictSame(
    said({ name: "a", kind: "tcp", version: 1, count: 9, ports: [1, "2"], limits: { rate: 1 } }),
    [],
  );
});

t.test("every kind of mistake has its sentence", async (t) => {
  const cases: [invalid: unknown, ...messages: string[]][] = [
    [{}, ': missing field "name"'],
    [[], ": must be a map; found a list"],
    [{ name: 5 }, "/name: must be text; found 5"],
    [{ name: null }, "/name: must be text; found null"],
    [{ name: "a", kind: "sctp" }, '/kind: must be one of tcp, udp; found "sctp"'],
    [{ name: "a", version: 2 }, "/version: must be 1; found 2"],
    [{ name: "a", count: 0 }, "/count: must be >= 1; found 0"],
    [{ name: "a", count: 10 }, "/count: must be <= 9; found 10"],
    [{ name: "a", count: "many" }, '/count: must be a whole number; found "many"'],
    [{ name: "a", limits: [] }, "/limits: must be a map; found a list"],
    [{ name: "a", limits: {} }, '/limits: missing field "rate"'],
    [{ name: "a", limits: { rate: {} } }, "/limits/rate: must be a number; found a map"],
    [{ name: "a", ports: 5 }, "/ports: must be a list; found 5"],
  ];
  for (const [invalid, ...messages] of cases) t.strictSame(said(invalid), messages, JSON.stringify(invalid));
});

t.test("an unknown field is named with the one that was meant, or with all that there are", async (t) => {
  t.strictSame(said({ name: "a", Knd: "tcp" }), ['/Knd: unknown field "Knd", did you mean "kind"?']);
  t.strictSame(said({ name: "a", limits: { rate: 1, colour: 2 } }), [
    '/limits/colour: unknown field "colour"; allowed: rate',
  ]);
  t.strictSame(said({ name: "a", nothing: { x: 1 } }), ['/nothing/x: unknown field "x"']);
  t.strictSame(said({ name: "a", "a/b~c": 1 })[0]?.split(":")[0], "/a~1b~0c", "its pointer is escaped");
});

t.test("the position of an unknown field is that of its key", async (t) => {
  const [unknown] = violationsOf(Schema, { name: "a", limits: { rate: 1, colour: 2 } });
  const [wrong] = violationsOf(Schema, { name: 5 });
  t.ok(unknown?.atKey);
  t.notOk(wrong?.atKey);
});

t.test("a union with an annotation is one sentence, at the item that is wrong", async (t) => {
  t.strictSame(said({ name: "a", ports: [1, "x", 2, {}] }), [
    '/ports/1: must be a port; found "x"',
    "/ports/3: must be a port; found a map",
  ]);
});

t.test("one answer names every mistake", async (t) => {
  t.equal(said({ name: "a", ports: Array.from({ length: 50 }, () => "x") }).length, 50);
});

t.test("a long value is cut where it is shown", async (t) => {
  t.equal(
    said({ name: "a", kind: "x".repeat(80) })[0],
    `/kind: must be one of tcp, udp; found "${"x".repeat(56)}…`,
  );
});

t.test("distance counts the letters to change", async (t) => {
  t.equal(distance("region", "region"), 0);
  t.equal(distance("regoin", "region"), 2);
  t.equal(distance("", "abc"), 3);
});

t.test("a JSON pointer becomes its steps", async (t) => {
  t.strictSame(pointerSteps("/a~1b/~0/0"), ["a/b", "~", "0"]);
  t.strictSame(pointerSteps(""), []);
});
