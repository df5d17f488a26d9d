/** Asks for the bearer token where the API wants one. It is kept for this tab alone. */
import { useRef } from "preact/hooks";
import { isTokenRefused, isTokenWanted, setToken } from "../net/api.ts";

export function TokenPrompt() {
  const input = useRef<HTMLInputElement>(null);
  if (!isTokenWanted.value) return null;
  return (
    <div class="veil">
      <form
        class="token"
        aria-labelledby="token-heading"
        onSubmit={(event) => {
          event.preventDefault();
          const token = input.current!.value.trim();
          if (token !== "") setToken(token);
        }}
      >
        <h2 id="token-heading">This coordinator asks for a token</h2>
        {isTokenRefused.value && (
          <p class="problem" role="alert">
            That token was refused.
          </p>
        )}
        <label>
          Bearer token
          <input ref={input} type="password" autocomplete="off" autofocus />
        </label>
        <p class="quiet">
          It is in the file that the coordinator was given with --token-file, and is kept until this tab
          closes.
        </p>
        <button type="submit">Go on</button>
      </form>
    </div>
  );
}
