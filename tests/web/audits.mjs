// The server audits of the npm package graphql-http against a running server; docs/http.md explains those that do not pass.
//   mkdir /tmp/audits && cd /tmp/audits && npm i graphql-http graphql
//   NODE_PATH=/tmp/audits/node_modules node tests/web/audits.mjs http://127.0.0.1:8000/graphql
import { createRequire } from "node:module";

const { serverAudits } = createRequire(import.meta.url)("graphql-http");
const results = [];
for (const audit of serverAudits({ url: process.argv[2] })) {
  const result = await audit.fn();
  results.push({ id: result.id, name: result.name, status: result.status, reason: result.reason, got: result.response?.status });
}
for (const { id, name, status, reason, got } of results) {
  if (status !== "ok") console.log(`${status.padEnd(6)} ${id} ${name}: ${reason} (answered ${got})`);
}
console.log(`${results.filter(({ status }) => status === "ok").length} of ${results.length} audits pass`);
