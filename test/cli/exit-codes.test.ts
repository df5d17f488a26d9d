import t from "tap";
import { exitCodesHelp } from "../../cli/exit-codes.ts";

t.test("the help lists every exit code that pipelines may see, in order", async (t) => {
  const codes = [...exitCodesHelp.matchAll(/^ {2}([0-9]+) /gm)].map(([, code]) => Number(code));
  t.strictSame(codes, [0, 1, 2, 3, 4, 5, 130, 143]);
});
