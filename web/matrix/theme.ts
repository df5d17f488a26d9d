/** The colours of the style sheet, for the canvas: read anew when the theme, the contrast or forced colours change. */
import { signal } from "@preact/signals";
import { looks, type Look } from "../model/looks.ts";

type Rgb = readonly [number, number, number];

export interface Theme {
  of: Readonly<Record<Look, string>>;
  ground: string;
  text: string;
  faint: string;
  focus: string;
  raised: string;
  line: string;
  edge: string;
  /** Of a curve. */
  series: string;
  /** Of what stands on a coloured cell. */
  sign: Readonly<Record<Look, string>>;
  rgb: Readonly<Record<Look, Rgb>>;
  groundRgb: Rgb;
}

export const themes = ["auto", "light", "dark"] as const;
export type ThemeName = (typeof themes)[number];

const stored = "portmesh-theme";
const root = document.documentElement;

export const themeName = signal<ThemeName>(
  themes.find((name) => name === localStorage.getItem(stored)) ?? "auto",
);
export const theme = signal<Theme>(applied(themeName.value));

export function chooseTheme(name: ThemeName): void {
  localStorage.setItem(stored, name);
  themeName.value = name;
  theme.value = applied(name);
}

for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(forced-colors: active)"])
  matchMedia(query).addEventListener("change", () => (theme.value = applied(themeName.value)));

function applied(name: ThemeName): Theme {
  if (name === "auto") delete root.dataset["theme"];
  else root.dataset["theme"] = name;
  return readTheme();
}

/** A custom property is text; only a colour that is in use is resolved. */
function readTheme(): Theme {
  const probe = document.createElement("span");
  root.append(probe);
  const read = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const table = <Value>(of: (look: Look) => Value): Record<Look, Value> =>
    Object.fromEntries(looks.map((look) => [look, of(look)])) as Record<Look, Value>;
  const of = table((look) => read(look));
  const ground = read("ground");
  const found: Theme = {
    of,
    ground,
    text: read("text"),
    faint: read("faint"),
    focus: read("focus"),
    raised: read("raised"),
    line: read("line"),
    edge: read("edge"),
    series: read("series"),
    sign: table((look) => read(`on-${look}`)),
    rgb: table((look) => rgbOf(of[look])),
    groundRgb: rgbOf(ground),
  };
  probe.remove();
  return found;
}

/** Computed colours are `rgb(0, 158, 115)`, or `color(srgb 0 .62 .45)` where they were mixed. */
function rgbOf(colour: string): Rgb {
  const numbers = (colour.match(/[0-9.]+/g) ?? []).map(Number);
  const scale = colour.startsWith("color(") ? 255 : 1;
  return [0, 1, 2].map((each) => Math.round((numbers[each] ?? 0) * scale)) as unknown as Rgb;
}

/** The same colour, so much of it. */
export function withAlpha(colour: string, alpha: number): string {
  return `rgb(${rgbOf(colour).join(" ")} / ${alpha})`;
}
