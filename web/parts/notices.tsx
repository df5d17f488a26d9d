/** What has to be known to read the page rightly: that it may be old, that it is of the past, that something is not kept. */
import { isTokenWanted } from "../net/api.ts";
import { momentText, spanText } from "../model/times.ts";
import { look, lostAt, shown, status, trouble, view } from "../store.ts";

export function Notices() {
  const { at, since } = view.value;
  const reload = status.value?.reload;
  const problem = status.value?.history.problem;
  const now = Date.now();
  return (
    <div class="notices" role="status">
      {lostAt.value !== undefined && !isTokenWanted.value && (
        <p class="notice is-bad">
          <strong>The coordinator has not answered since {momentText(lostAt.value, now)}.</strong>{" "}
          {shown.value !== undefined && <>What is shown is of {momentText(shown.value.at, now)}. </>}
          The page tries again by itself.
        </p>
      )}
      {lostAt.value === undefined && trouble.value !== undefined && (
        <p class="notice is-bad">{trouble.value}</p>
      )}
      {reload?.ok === false && (
        <p class="notice is-bad">
          <strong>The cluster file has a mistake</strong> and was left aside at{" "}
          {momentText(Date.parse(reload.at), now)}; the plan before stays in force. {reload.error}
        </p>
      )}
      {problem !== undefined && (
        <p class="notice is-bad">
          <strong>No history is kept:</strong> {problem}
        </p>
      )}
      {at !== undefined && (
        <p class="notice">
          <span>
            <strong>A past moment:</strong> {momentText(Date.parse(at), now)},{" "}
            {spanText(now - Date.parse(at))} ago.
          </span>
          <button type="button" onClick={() => look({ at: undefined })}>
            Back to now
          </button>
        </p>
      )}
      {since !== undefined && (
        <p class="notice">
          <span>
            <strong>A comparison:</strong> only what differs from {momentText(Date.parse(since), now)} has a
            colour.
          </span>
          <button type="button" onClick={() => look({ since: undefined })}>
            End the comparison
          </button>
        </p>
      )}
    </div>
  );
}
