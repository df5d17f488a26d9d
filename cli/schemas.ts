/** The published JSON Schemas, by the names of `portmesh spec schema`. */
import { ClusterFileSchema } from "../shared/cluster-file.ts";
import { NotificationSchema } from "../shared/notification.ts";
import { ReportSchema } from "../shared/report.ts";
import { SpecSchema } from "../shared/spec.ts";

const dialect = { $schema: "https://json-schema.org/draft/2020-12/schema" };

export const schemas = {
  spec: { ...dialect, ...SpecSchema },
  cluster: { ...dialect, ...ClusterFileSchema },
  report: { ...dialect, ...ReportSchema },
  notification: { ...dialect, ...NotificationSchema },
} as const;
