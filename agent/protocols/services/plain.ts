/** Connects, listens for a moment in case the service greets, and leaves. Nothing is sent that could upset it. */
import { open, type Exchange } from "./exchange.ts";

const patienceMs = 250;

export const plain: Exchange = {
  stream: () => ({ patienceMs, read: (banner) => open(banner) }),
};
