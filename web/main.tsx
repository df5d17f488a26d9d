/** The dashboard: starts the feed and puts the page up. */
import { render } from "preact";
import { App } from "./app.tsx";
import { startLoading } from "./net/load.ts";

startLoading(new AbortController().signal);
render(<App />, document.getElementById("app")!);
