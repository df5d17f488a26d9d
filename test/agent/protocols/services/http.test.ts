/** What the head of an HTTP answer says: who gave it, and when it is enough to tell. */
import t from "tap";
import { readStatus } from "../../../../agent/protocols/services/http.ts";

const read = (text: string): ReturnType<typeof readStatus> => readStatus(Buffer.from(text));

t.test("a refusal is read to the end of its headers, for who gave it", async (t) => {
  const first = "HTTP/1.1 403 Forbidden\r\n";
  t.equal(read(first), undefined);
  t.equal(read(`${first}Server: squid/6.6\r\n`), undefined);
  const cases: [headers: string, proxyError: string | undefined][] = [
    ["Server: AmazonS3\r\n", undefined],
    ["Server: squid/6.6\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n", "ERR_ACCESS_DENIED"],
    ["Proxy-Status: proxy.example; error=http_request_denied\r\n", "http_request_denied"],
    ['proxy-status: "a;b"; received-status=500;error=dns_timeout; rcode="x"\r\n', "dns_timeout"],
    ["Proxy-Status: proxy.example; next-hop=10.0.0.1\r\n", undefined],
    ["X-Note: proxy-status: a; error=dns_timeout\r\n", undefined],
  ];
  for (const [headers, proxyError] of cases) {
    const found = proxyError === undefined ? { status: 403 } : { status: 403, proxyError };
    t.strictSame(read(`${first}${headers}\r\n`), {
      kind: "open",
      detail: "HTTP/1.1 403 Forbidden",
      found,
    });
  }
  t.strictSame(
    read(`${first}\r\nX-Squid-Error: ERR_IN_THE_BODY 0\r\n\r\n`),
    { kind: "open", detail: "HTTP/1.1 403 Forbidden", found: { status: 403 } },
    "what the body says is no header",
  );
});

t.test("anything else is told by its first line", async (t) => {
  t.match(read("HTTP/1.1 302 Found\r\n"), { kind: "open", found: { status: 302 } });
  t.match(read("HTTP/1.1 999 What\r\n"), { kind: "wrong-answer" });
  t.match(read("HTTP/9 what\r\n"), { kind: "wrong-answer" });
  t.match(read("SSH-2.0-OpenSSH\r\n"), { kind: "wrong-answer" });
});
