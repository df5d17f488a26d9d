/** The thread that a copy is made or checked on, for as long as that takes. */
import { backup, restore, verify } from "./copying.ts";
import { serve } from "./thread.ts";

const methods = { backup, restore, verify };
export type CopyMethods = typeof methods;

serve(methods, () => {});
