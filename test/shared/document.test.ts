import t from "tap";
import Type from "typebox";
import { readDocument, throwProblems } from "../../shared/document.ts";
import { mistakesOf } from "../helpers/domain-fixtures.ts";

const Schema = Type.Object(
  {
    name: Type.String(),
    list: Type.Optional(Type.Array(Type.Object({ port: Type.Integer() }, { additionalProperties: false }))),
    any: Type.Optional(Type.Unknown()),
  },
  { additionalProperties: false },
);

const read = (text: string) => readDocument(Schema, text, "f.yaml");
const said = (text: string): string[] => mistakesOf(() => read(text));

t.test("YAML and JSON are read alike", async (t) => {
  const value = { name: "a", list: [{ port: 443 }] };
  t.strictSame(read("name: a\nlist:\n  - port: 443\n").value, value);
  t.strictSame(read(JSON.stringify(value)).value, value);
});

t.test("what is no YAML is refused where it breaks", async (t) => {
  const cases: [name: string, text: string, ...mistakes: string[]][] = [
    [
      "a bracket that is not closed",
      "name: a\nany: [1\n",
      "f.yaml:3:1: Flow sequence in block collection must be sufficiently indented and end with a ]",
    ],
    ["a text that is not closed", 'name: "a\n', 'f.yaml:2:1: Missing closing "quote'],
    ["a key that is there twice", "name: a\nany: 1\nname: b\n", "f.yaml:3:1: Map keys must be unique"],
    [
      "a key that is there twice further in",
      "name: a\nlist:\n  - {port: 1, port: 2}\n",
      "f.yaml:3:15: Map keys must be unique",
    ],
    ["a tab as indentation", "name: a\nany:\n\tx: 1\n", "f.yaml:3:1: Tabs are not allowed as indentation"],
    [
      "an alias of nothing",
      "name: *x\n",
      "f.yaml:1:1: Unresolved alias (the anchor must be set before the alias): x",
    ],
    [
      "a second document",
      "name: a\n---\nname: b\n",
      "f.yaml:2:1: a second document begins here; one file holds one",
    ],
  ];
  for (const [name, text, ...mistakes] of cases) t.strictSame(said(text), mistakes, name);
});

t.test("tags are refused, those that YAML knows as well", async (t) => {
  const cases: [tag: string, shown: string][] = [
    ["!made-up", "!made-up"],
    ["!!js/function", "tag:yaml.org,2002:js/function"],
    ["!!binary", "tag:yaml.org,2002:binary"],
    ["!!timestamp", "tag:yaml.org,2002:timestamp"],
  ];
  for (const [tag, shown] of cases)
    t.strictSame(said(`name: ${tag} abc\n`), [`f.yaml:1:7: Unresolved tag: ${shown}`], tag);
  t.strictSame(said("name: a\nany: !!set {b, c}\n"), ["f.yaml:2:6: Unresolved tag: tag:yaml.org,2002:set"]);
});

t.test("aliases cannot blow a small file up", async (t) => {
  const levels = "abcdefgh".split("").map((letter, index, all) => {
    const inner = index === 0 ? "1" : `*${all[index - 1]}`;
    return `  - &${letter} [${Array(10).fill(inner).join(", ")}]`;
  });
  t.strictSame(said(`name: a\nany:\n${levels.join("\n")}\n`), [
    "f.yaml:1:1: Excessive alias count indicates a resource exhaustion attack",
  ]);
});

t.test("an ordinary alias is only a shorthand, and merge keys are none", async (t) => {
  t.strictSame(read("name: &n a\nany: [*n, *n]\n").value, { name: "a", any: ["a", "a"] });
  t.strictSame(said("name: a\n<<: {any: 1}\n"), [
    'f.yaml:2:1: /<<: unknown field "<<"; allowed: name, list, any',
  ]);
});

t.test("nesting without end is refused instead of overflowing the stack", async (t) => {
  for (const [open, close] of [
    ["[", "]"],
    ["{a: ", "}"],
  ]) {
    const mistakes = said(`name: a\nany: ${open!.repeat(20_000)}${close!.repeat(20_000)}\n`);
    t.equal(mistakes.length, 1);
    t.match(mistakes[0], /^f\.yaml:2:[0-9]+: is nested too deeply$/);
  }
});

t.test("a file of more than a mebibyte is not even parsed", async (t) => {
  const fits = `name: ${"a".repeat(1_024 * 1_024 - 6)}`;
  t.equal(Buffer.byteLength(fits), 1_048_576);
  t.strictSame(said(fits), []);
  t.strictSame(said(`${fits}a`), ["f.yaml:1:1: is larger than 1048576 bytes"]);
  t.strictSame(
    said(`name: ${"ü".repeat(524_286)}`),
    ["f.yaml:1:1: is larger than 1048576 bytes"],
    "bytes count, not letters",
  );
});

t.test("a byte order mark and Windows line ends do not shift what is pointed at", async (t) => {
  t.strictSame(read("\ufeffname: a\r\nany: 1\r\n").value, { name: "a", any: 1 });
  t.strictSame(said("\ufeffnme: a\r\nany: 1\r\nx: 2\r\n"), [
    'f.yaml:1:1: missing field "name"',
    'f.yaml:1:1: /nme: unknown field "nme", did you mean "name"?',
    'f.yaml:3:1: /x: unknown field "x"; allowed: name, list, any',
  ]);
});

t.test("an empty file is no map", async (t) => {
  for (const text of ["", "# nothing\n", "~\n"])
    t.match(said(text), [/^f\.yaml:1:1: must be a map; found null$/], JSON.stringify(text));
});

t.test("a name from JavaScript is an unknown field like any other", async (t) => {
  t.strictSame(said("name: a\n__proto__: {x: 1}\n"), [
    'f.yaml:2:1: /__proto__: unknown field "__proto__"; allowed: name, list, any',
  ]);
  t.strictSame(said("name: a\nconstructor: 1\n"), [
    'f.yaml:2:1: /constructor: unknown field "constructor"; allowed: name, list, any',
  ]);
});

t.test("every mistake is told at once, in the order of the file", async (t) => {
  t.strictSame(said("list:\n  - port: x\n  - {prt: 1}\nname: 5\n"), [
    'f.yaml:2:11: /list/0/port: must be a whole number; found "x"',
    'f.yaml:3:5: /list/1: missing field "port"',
    'f.yaml:3:6: /list/1/prt: unknown field "prt", did you mean "port"?',
    "f.yaml:4:7: /name: must be text; found 5",
  ]);
});

t.test("a hundred mistakes are enough for one answer", async (t) => {
  t.equal(said(`name: a\nlist: [${Array(150).fill("{}").join(", ")}]\n`).length, 100);
});

t.test("a mistake that is found later points at the value, at its key, or at what encloses it", async (t) => {
  const source = read("name: a\nlist:\n  - port: 443\n    # a comment\n  - port: 80\n");
  const at = (pointer: string, atKey = false): string => {
    const { line, column } = source.problem(pointer, "x", atKey);
    return `${line}:${column}`;
  };
  t.equal(at("/list/1/port"), "5:11");
  t.equal(at("/list/1/port", true), "5:5");
  t.equal(at("/list/1/zone"), "5:5", "a field that is not there");
  t.equal(at("/list/7"), "3:3", "an item that is not there");
  t.equal(at("/other/thing"), "1:1");
  t.equal(at(""), "1:1");
});

t.test("problems are thrown together, in the order of the file, and none are not thrown", async (t) => {
  const source = read("name: a\nany: 1\n");
  t.strictSame(
    mistakesOf(() => throwProblems([source.problem("/any", "second"), source.problem("/name", "first")])),
    ["f.yaml:1:7: /name: first", "f.yaml:2:6: /any: second"],
  );
  t.doesNotThrow(() => throwProblems([]));
});
