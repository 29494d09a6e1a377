// The server audits of the npm package graphql-http against a running server: node audits.mjs URL. Prints [{id, name, status, reason, got}].
import { serverAudits } from "graphql-http";

const results = [];
for (const audit of serverAudits({ url: process.argv[2] })) {
  const { id, name, status, reason, response } = await audit.fn();
  results.push({ id, name, status, reason, got: response?.status });
}
console.log(JSON.stringify(results));
