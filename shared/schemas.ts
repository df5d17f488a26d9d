/** Schemas of values that several files use. Apart from the code that computes with them: an agent needs only that. */
import Type from "typebox";
import { expects } from "./schema-errors.ts";

const portPattern = "^ *[0-9]{1,5}( *- *[0-9]{1,5})? *$";
const portOrRange = [
  Type.Integer({ minimum: 1, maximum: 65535 }),
  Type.String({ pattern: portPattern }),
] as const;
const PortItem = Type.Union([...portOrRange], expects("a port from 1 to 65535 or a range such as 5701-5710"));

/** `443`, `5701-5710`, `[389, 636, "8000-8010"]`; read by `parsePorts`. */
export const PortsSchema = Type.Union([...portOrRange, Type.Array(PortItem, { minItems: 1 })], {
  description: "A port, a range of ports, or a list of these.",
  ...expects("a port from 1 to 65535, a range such as 5701-5710, or a list of these"),
});

/** Read by `parseDuration`. */
export const DurationSchema = Type.String({
  pattern: "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$",
  description: "A duration with its unit: 500ms, 30s, 2m, 1h.",
  ...expects("a duration with its unit, such as 500ms, 30s or 2m"),
});

/** `document:12`, `document:12-18` or `document:12,20-22`; the document is one of a spec's `source`. */
export const DocSchema = Type.String({
  pattern: "^[a-z0-9-]+:[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$",
  description: "The document and the lines in it that say so.",
  ...expects("document:lines, such as ports:10-14 or ports:10,16"),
});
