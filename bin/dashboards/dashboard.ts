/** What a dashboard is made of, as JSON of Grafana 10 or newer; only what these dashboards use. */

/** A query in PromQL; `$cluster` and other variables are those of the dashboard. */
export interface Query {
  expr: string;
  legend?: string;
  /** One moment, as a table. */
  isTable?: boolean;
}

type Unit = "short" | "percentunit" | "s" | "dateTimeFromNow" | "none" | "bytes" | "ops";

export interface Panel {
  title: string;
  description: string;
  kind: "stat" | "timeseries" | "table" | "bargauge";
  unit: Unit;
  /** In columns of 24, and in rows of 30 pixels. */
  width: number;
  height: number;
  queries: readonly Query[];
  /** From a value on, the colour; the first one has none below it. */
  steps?: readonly { from: number | null; color: string }[];
  isStacked?: boolean;
  /** For tables: columns that are left out, and other names of columns. */
  hidden?: readonly string[];
  renamed?: Readonly<Record<string, string>>;
  /** For tables: which column turns into columns of its own. */
  pivot?: { row: string; column: string };
  /** The dashboard to which a value of this label leads as `var-LABEL`. */
  leads?: { to: string; label: string };
}

export interface Dashboard {
  uid: string;
  title: string;
  description: string;
  variables: readonly { name: string; label: string; metric: string; isMulti?: boolean }[];
  panels: readonly Panel[];
}

/** Distinguishable without green and red (Okabe and Ito). */
export const colors = { pass: "#009E73", warn: "#E69F00", fail: "#D55E00", unknown: "#999999" } as const;

const columns = 24;
const source = { type: "prometheus", uid: "${datasource}" };

export function renderDashboard({ uid, title, description, variables, panels }: Dashboard): object {
  const places = placed(panels);
  return {
    uid,
    title,
    description,
    tags: ["portmesh"],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    timezone: "browser",
    links: [
      {
        type: "dashboards",
        title: "Portmesh",
        tags: ["portmesh"],
        asDropdown: false,
        includeVars: true,
        keepTime: true,
      },
    ],
    annotations: {
      list: [
        {
          name: "Alerts",
          datasource: source,
          enable: true,
          iconColor: colors.fail,
          expr: 'ALERTS{alertname=~"Portmesh.+", alertstate="firing", cluster=~"$cluster"}',
          titleFormat: "{{alertname}}",
          textFormat: "{{flow}} {{from_group}} {{to_group}} {{node}}",
          step: "60s",
        },
      ],
    },
    templating: {
      list: [
        { name: "datasource", label: "Data source", type: "datasource", query: "prometheus", refresh: 1 },
        ...variables.map(({ name, label, metric, isMulti = true }) => ({
          name,
          label,
          type: "query",
          datasource: source,
          query: { query: `label_values(${metric}, ${name})`, refId: name },
          definition: `label_values(${metric}, ${name})`,
          refresh: 2,
          sort: 7,
          multi: isMulti,
          includeAll: isMulti,
          ...(isMulti ? { allValue: ".*", current: { text: "All", value: "$__all" } } : {}),
        })),
      ],
    },
    panels: panels.map((panel, index) => renderPanel(panel, index + 1, places[index]!)),
  };
}

interface Place {
  x: number;
  y: number;
}

/** From left to right; a panel that does not fit begins a row below the highest of this one. */
function placed(panels: readonly Panel[]): Place[] {
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  return panels.map(({ width, height }) => {
    if (x + width > columns) {
      x = 0;
      y += rowHeight;
      rowHeight = 0;
    }
    const place = { x, y };
    x += width;
    rowHeight = Math.max(rowHeight, height);
    return place;
  });
}

function renderPanel(panel: Panel, id: number, { x, y }: Place): object {
  const { title, description, kind, unit, width, height, queries, steps, leads } = panel;
  const thresholds = (steps ?? [{ from: null, color: colors.unknown }]).map(({ from, color }) => ({
    value: from,
    color,
  }));
  const isPlain = kind === "timeseries" || (kind === "table" && steps === undefined);
  const link = {
    title: "Show ${__value.raw}",
    url: `/d/${leads?.to}?\${datasource:queryparam}&\${cluster:queryparam}&var-${leads?.label}=\${__value.raw}&\${__url_time_range}`,
  };
  return {
    id,
    type: kind,
    title,
    description,
    datasource: source,
    gridPos: { x, y, w: width, h: height },
    fieldConfig: {
      defaults: {
        unit,
        color: { mode: isPlain ? "palette-classic" : "thresholds" },
        thresholds: { mode: "absolute", steps: thresholds },
        ...(kind === "timeseries"
          ? {
              custom: {
                fillOpacity: panel.isStacked === true ? 40 : 5,
                stacking: { mode: panel.isStacked === true ? "normal" : "none" },
                showPoints: "never",
              },
            }
          : {}),
        ...(kind === "table" && steps !== undefined
          ? { custom: { cellOptions: { type: "color-background", mode: "basic" } } }
          : {}),
      },
      overrides: [
        ...Object.entries(colors).map(([verdict, color]) => ({
          matcher: { id: "byName", options: verdict },
          properties: [{ id: "color", value: { mode: "fixed", fixedColor: color } }],
        })),
        ...(leads === undefined
          ? []
          : [
              {
                matcher: { id: "byName", options: panel.renamed?.[leads.label] ?? leads.label },
                properties: [{ id: "links", value: [link] }],
              },
            ]),
      ],
    },
    options: optionsOf(kind),
    targets: queries.map(({ expr, legend, isTable = kind === "table" }, index) => ({
      refId: String.fromCodePoint("A".codePointAt(0)! + index),
      datasource: source,
      expr,
      ...(legend === undefined ? {} : { legendFormat: legend }),
      ...(kind === "timeseries" ? { range: true } : { instant: true, range: false }),
      ...(isTable ? { format: "table" } : {}),
    })),
    ...(kind === "table" ? { transformations: transformationsOf(panel) } : {}),
  };
}

function optionsOf(kind: Panel["kind"]): object {
  const reduceOptions = { calcs: ["lastNotNull"], fields: "", values: false };
  switch (kind) {
    case "stat":
      return { reduceOptions, colorMode: "background", graphMode: "none", textMode: "auto" };
    case "bargauge":
      return { reduceOptions, displayMode: "basic", orientation: "horizontal" };
    case "timeseries":
      return {
        legend: { displayMode: "list", placement: "bottom" },
        tooltip: { mode: "multi", sort: "desc" },
      };
    case "table":
      return { showHeader: true, cellHeight: "sm" };
  }
}

function transformationsOf({ hidden = [], renamed = {}, pivot }: Panel): object[] {
  if (pivot !== undefined)
    return [
      {
        id: "groupingToMatrix",
        options: { rowField: pivot.row, columnField: pivot.column, valueField: "Value", emptyValue: "null" },
      },
    ];
  return [
    {
      id: "organize",
      options: {
        excludeByName: Object.fromEntries(["Time", ...hidden].map((name) => [name, true])),
        renameByName: renamed,
      },
    },
  ];
}
