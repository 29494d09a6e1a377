/** How the page talks to the graph: addresses, headers, and what it makes of a server that is down. */
import { createClient } from 'graphql-sse';
import { language, words } from './words.js';

/** {graphqlUrl, loginUrl, logoutUrl}, as the server wrote them into the page. No login: the sandbox, which takes tokens alone. */
export const config = JSON.parse(document.getElementById('config').textContent);
export const inSandbox = !config.loginUrl;

/** Our own address, to come back to after signing in or out. */
export const withReturn = (url) => `${url}${url.includes('?') ? '&' : '?'}next=/graphiql`;

/** There is no GraphQL answer at all; the message is in the reader's language. */
export class NoAnswer extends Error {}

function signal() {
  const listeners = new Set();
  const subscribe = (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return [subscribe, () => listeners.forEach((listener) => listener())];
}

/** Calls the listener after an operation that may have changed who is asking. Returns how to stop. */
export const [onIdentityChange, identityChanged] = signal();

/** Calls the listener when the server answers again after it did not. Returns how to stop. */
export const [onRecovery, recovered] = signal();

let lost = false;

function setLost(next) {
  const back = lost && !next;
  lost = next;
  if (back) recovered();
}

let token = ''; // lives as long as the page: a secret is nothing to store in a browser

/** Sends the token with every request that does not bring one of its own. */
export function setToken(next) {
  token = next.trim();
  identityChanged();
}

const withToken = (headers) => (token && credentialsFor(headers) !== 'omit' ? { authorization: `Bearer ${token}`, ...headers } : headers);

// A token typed into the headers editor must speak for itself, not beside the session.
const credentialsFor = (headers) =>
  Object.keys(headers).some((name) => name.toLowerCase() === 'authorization') ? 'omit' : 'same-origin';

async function readAnswer(response) {
  const text = await response.text();
  try {
    const answer = JSON.parse(text);
    if (answer && typeof answer === 'object') return answer;
  } catch {
    /* told below */
  }
  if (response.status === 429) throw new NoAnswer(words().busy(response.headers.get('retry-after')));
  throw new NoAnswer(words().unreadable(response.status));
}

/** Sends {query, variables, operationName}. Returns the GraphQL answer, errors included; throws NoAnswer for none. */
export async function ask(params, given = {}) {
  const headers = withToken(given);
  const options = {
    method: 'POST',
    credentials: credentialsFor(headers),
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
      'accept-language': language(),
      ...headers,
    },
    body: JSON.stringify(params),
  };
  const response = await fetch(config.graphqlUrl, options).catch(() => {
    setLost(true);
    throw new NoAnswer(words().unreachable);
  });
  const answer = await readAnswer(response);
  setLost(false);
  return answer;
}

const isSubscription = (documentAST, name) =>
  documentAST?.definitions.some(
    (one) => one.kind === 'OperationDefinition' && one.operation === 'subscription' && (!name || one.name?.value === name),
  );

// Server-sent events and not a WebSocket: only they carry our headers, the language among them.
function subscribe(params, given) {
  const headers = withToken(given);
  const client = createClient({
    url: config.graphqlUrl,
    credentials: credentialsFor(headers),
    headers: () => ({ 'accept-language': language(), ...headers }),
    retryAttempts: 2,
  });
  return client.iterate(params);
}

const CHANGES_IDENTITY = /\b(switchAccount|logout|registerProvider|resetSandbox)\b/;

/** The fetcher that GraphiQL runs operations with. */
export async function fetcher(params, options = {}) {
  const headers = options.headers ?? {};
  if (isSubscription(options.documentAST, params.operationName)) return subscribe(params, headers);
  try {
    return await ask(params, headers);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return { errors: [{ message: error.message }] };
  } finally {
    if (CHANGES_IDENTITY.test(params.query)) identityChanged();
  }
}
